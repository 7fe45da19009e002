"""The rules of Airbyte's catalogue: its checks of files and metadata, and what its acceptance tests asked of a spec.

Headings and fixed sentences of the user's page are in test_docs; the schema of the metadata, the image's labels and the
icon's shape in test_house. Which checks the layout rules out is told in docs/decisions.md.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from source_dialpad.manifest import composed_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def metadata() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(read("metadata.yaml"))["data"]
    return loaded


@cache
def poetry() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(read("pyproject.toml"))["tool"]["poetry"]
    return table


# --- packaging --------------------------------------------------------------------------------------------------------


def test_the_licence_is_one_that_the_catalogue_takes() -> None:
    assert metadata()["license"] in {"MIT", "ELv2"}


@pytest.mark.parametrize(("key", "of_metadata"), [("license", "license"), ("version", "dockerImageTag")])
def test_licence_and_version_of_pyproject_are_those_of_the_metadata(key: str, of_metadata: str) -> None:
    assert poetry()[key] == metadata()[of_metadata]


def test_the_poetry_table_holds_nothing_but_what_the_catalogue_reads() -> None:
    assert set(poetry()) == {"license", "version"}


def test_the_version_is_semantic() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", metadata()["dockerImageTag"])


def test_publishing_as_a_package_is_declared_for_a_python_connector() -> None:
    assert metadata()["remoteRegistries"]["pypi"]["enabled"] is True
    assert "language:python" in metadata()["tags"]


def test_the_tags_say_what_the_files_are() -> None:
    assert not (ROOT / "manifest.yaml").exists()
    assert (ROOT / "source_dialpad" / "manifest.yaml").exists()
    assert sorted(metadata()["tags"]) == ["cdk:low-code", "language:python"]


def test_a_major_version_has_a_breaking_change_and_a_migration_guide() -> None:
    major = metadata()["dockerImageTag"].endswith(".0.0")
    breaking = metadata().get("releases", {}).get("breakingChanges", {})
    assert (metadata()["dockerImageTag"] in breaking) == major
    assert (ROOT / "docs" / "integrations" / "sources" / "dialpad-migrations.md").exists() == bool(breaking)


def test_the_base_image_is_named_by_digest() -> None:
    assert re.fullmatch(r"\S+:[\w.-]+@sha256:[0-9a-f]{64}", metadata()["connectorBuildOptions"]["baseImage"])


def test_the_time_between_messages_is_declared() -> None:
    assert metadata()["maxSecondsBetweenMessages"] > 0


def test_the_documentation_is_where_its_url_says() -> None:
    path = urlsplit(metadata()["documentationUrl"]).path
    assert (ROOT / "docs" / f"{path.strip('/')}.md").exists()


def test_the_spec_names_the_same_documentation_as_the_metadata() -> None:
    assert composed_manifest()["spec"]["documentation_url"] == metadata()["documentationUrl"]


def test_the_icon_is_a_drawing() -> None:
    root = ET.fromstring(read(metadata()["icon"]))  # noqa: S314  # our own drawing
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(list(root.iter())) > 1


# --- hosts ------------------------------------------------------------------------------------------------------------


def is_allowed(host: str) -> bool:
    patterns = [pattern for pattern in metadata()["allowedHosts"]["hosts"] if "$" not in pattern]
    return any(re.fullmatch(re.escape(pattern).replace(r"\*", r"[^/]+"), host) for pattern in patterns)


def test_every_host_of_the_spec_is_allowed() -> None:
    specification = composed_manifest()["spec"]["connection_specification"]
    named = [
        url
        for section in ("engagement", "dialpad", "analytics")
        for url in (
            *specification["properties"][section]["properties"]["base_url"]["examples"],
            specification["properties"][section]["properties"]["base_url"].get("default", ""),
        )
        if url
    ]
    assert [url for url in named if not is_allowed(urlsplit(url).netloc)] == []


def test_a_host_of_nobody_is_not_allowed() -> None:
    assert not is_allowed("dialpad.com.example.com")


EXEMPT = (".venv", "tests", "unit_tests", "integration_tests", "test-integration", "build")
EXEMPT_PREFIXES = ("http://json-schema.org", "http://localhost")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in filter(None, listed.split("\0")) if (ROOT / name).is_file()]


def plain_http(text: str) -> list[str]:
    """The lines with an address that is neither encrypted nor exempt."""
    for prefix in EXEMPT_PREFIXES:
        text = text.replace(prefix, "")
    lines = [line for line in text.splitlines() if "http://" in line]
    return [line for line in lines if not line.strip().startswith("#") and "# ignore-https-check" not in line]


def test_no_file_names_an_address_without_encryption() -> None:
    checked = [name for name in tracked() if name.split("/")[0] not in EXEMPT and not name.endswith(".svg")]
    found = {name: plain_http((ROOT / name).read_text(encoding="utf-8", errors="replace")) for name in checked}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize("line", ["a = 'http://dialpad.com'", "see http://127.0.0.1:8800"])
def test_an_address_without_encryption_is_found(line: str) -> None:
    assert plain_http(line) == [line]


# --- the form ---------------------------------------------------------------------------------------------------------


def specification() -> dict[str, Any]:
    loaded: dict[str, Any] = composed_manifest()["spec"]["connection_specification"]
    return loaded


def parts(schema: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The spec and every setting in it, by its dotted name."""
    yield name, schema
    for key, member in schema.get("properties", {}).items():
        yield from parts(member, f"{name}.{key}".lstrip("."))
    if "items" in schema:
        yield from parts(schema["items"], f"{name}[]")


PARTS = dict(parts(specification()))
SETTINGS = {name: part for name, part in PARTS.items() if name and not name.endswith("[]")}


FORBIDDEN = {
    *("not", "anyOf", "allOf", "patternProperties", "prefixItems", "if", "then", "else", "$ref"),
    *("dependentRequired", "dependentSchemas", "dependencies"),
}
"""Words of JSON Schema that the form cannot show."""


def test_every_setting_has_a_title_a_description_and_a_place() -> None:
    needed = {"title", "description", "order", "type"}
    assert {name: needed - set(part) for name, part in SETTINGS.items() if not needed <= set(part)} == {}


def test_no_two_settings_of_a_section_have_the_same_place() -> None:
    places = {name: [member["order"] for member in part.get("properties", {}).values()] for name, part in PARTS.items()}
    assert {name: orders for name, orders in places.items() if len(set(orders)) < len(orders)} == {}


def test_the_form_uses_no_word_that_it_cannot_show() -> None:
    assert {name: FORBIDDEN & set(part) for name, part in PARTS.items() if FORBIDDEN & set(part)} == {}


def test_every_setting_has_one_type_and_what_belongs_to_it() -> None:
    assert [name for name, part in PARTS.items() if not isinstance(part["type"], str)] == []
    assert [name for name, part in PARTS.items() if ("properties" in part) != (part["type"] == "object")] == []
    assert [name for name, part in PARTS.items() if ("items" in part) != (part["type"] == "array")] == []


def test_no_setting_refuses_what_it_does_not_know() -> None:
    assert [name for name, part in PARTS.items() if part.get("additionalProperties", True) is not True] == []


def test_the_choices_of_a_setting_are_distinct_and_hold_its_default() -> None:
    chosen = {name: part for name, part in PARTS.items() if "enum" in part}
    assert [name for name, part in chosen.items() if len(set(part["enum"])) < len(part["enum"])] == []
    assert [name for name, part in chosen.items() if part.get("default", part["enum"][0]) not in part["enum"]] == []


def test_every_setting_with_a_format_is_a_date_with_its_pattern() -> None:
    formatted = {name: part for name, part in PARTS.items() if "format" in part}
    day = "^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    assert formatted
    assert {part["format"] for part in formatted.values()} == {"date"}
    assert [name for name, part in formatted.items() if not part["pattern"].startswith(day)] == []


def test_secrets_and_nothing_else_are_marked() -> None:
    marked = {name for name, part in SETTINGS.items() if part.get("airbyte_secret")}
    assert marked == {name for name in SETTINGS if name.endswith("api_key")}


def test_a_section_requires_only_what_it_has_and_what_has_no_default() -> None:
    required = {f"{name}.{key}".lstrip("."): part for name, part in PARTS.items() for key in part.get("required", [])}
    assert required.keys() <= PARTS.keys()
    assert [name for name in required if "default" in PARTS[name]] == []
