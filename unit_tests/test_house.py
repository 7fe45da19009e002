"""The files around the connector agree with one another, and with what the platform reads in them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def found(pattern: str, name: str) -> str:
    match = re.search(pattern, read(name), re.MULTILINE)
    assert match, f"{name} has nothing like {pattern}"
    return match[1]


@pytest.fixture(scope="module")
def metadata() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(read("metadata.yaml")), default=str))
    return loaded


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (r"^  dockerImageTag: (.*)$", "metadata.yaml"),
        (r'io\.airbyte\.version="(.*?)"', "Dockerfile"),
        (r"^## \[(.*?)\]", "CHANGELOG.md"),
    ],
)
def test_the_version_is_the_one_of_setup(pattern: str, name: str) -> None:
    assert found(pattern, name) == found(r'version="(.*?)"', "setup.py")


def test_the_image_has_the_name_of_the_metadata(metadata: dict[str, Any]) -> None:
    assert found(r'io\.airbyte\.name="(.*?)"', "Dockerfile") == metadata["data"]["dockerRepository"]


def test_the_image_stands_on_the_base_of_the_metadata(metadata: dict[str, Any]) -> None:
    assert found(r"^ARG BASE_IMAGE=(.*)$", "Dockerfile") == metadata["data"]["connectorBuildOptions"]["baseImage"]


def test_the_entrypoint_is_in_airbyte_entrypoint() -> None:
    words = json.loads(found(r"^ENTRYPOINT (.*)$", "Dockerfile"))
    assert found(r'AIRBYTE_ENTRYPOINT="(.*?)"', "Dockerfile") == " ".join(words)


def test_the_licence_is_the_same_everywhere(metadata: dict[str, Any]) -> None:
    assert (metadata["data"]["license"], read("LICENSE").split()[0]) == (found(r'license="(.*?)"', "setup.py"), "MIT")


def test_the_package_has_the_name_of_the_metadata(metadata: dict[str, Any]) -> None:
    assert metadata["data"]["remoteRegistries"]["pypi"]["packageName"] == found(r'^    name="(.*?)"', "setup.py")


def without_inner_ids(schema: Any, *, inner: bool = False) -> Any:
    """The published schema names its parts by `$id`, which breaks its own references."""
    if isinstance(schema, dict):
        return {
            key: without_inner_ids(value, inner=True)
            for key, value in schema.items()
            if not (inner and key == "$id" and isinstance(value, str))
        }
    return [without_inner_ids(value, inner=True) for value in schema] if isinstance(schema, list) else schema


def test_the_metadata_fits_the_schema_of_the_platform(metadata: dict[str, Any]) -> None:
    published = files("airbyte_connector_models.metadata.v0").joinpath("ConnectorMetadataDefinitionV0.json")
    schema = without_inner_ids(json.loads(published.read_text(encoding="utf-8")))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(metadata)


def test_every_suggested_stream_has_a_schema(metadata: dict[str, Any]) -> None:
    schemas = {path.stem for path in (ROOT / "schemas").glob("*.json")}
    assert set(metadata["data"]["suggestedStreams"]["streams"]) <= schemas


def test_every_base_url_of_the_configuration_is_an_allowed_host(metadata: dict[str, Any]) -> None:
    spec = yaml.safe_load(read("source_dialpad/spec.yaml"))
    sections = spec["connection_specification"]["properties"].items()
    templates = {f"${{{name}.base_url}}" for name, section in sections if "base_url" in section.get("properties", {})}
    assert templates
    assert templates <= set(metadata["data"]["allowedHosts"]["hosts"])


def test_the_icon_is_square() -> None:
    _, _, width, height = ET.fromstring(read("icon.svg")).attrib["viewBox"].split()  # noqa: S314  # our own drawing
    assert width == height


def constraints() -> list[Requirement]:
    return [Requirement(line) for line in read("constraints.txt").splitlines() if not line.startswith("#")]


def test_every_constraint_is_one_exact_version() -> None:
    loose = [str(pin) for pin in constraints() if [part.operator for part in pin.specifier] != ["=="]]
    assert not loose


def test_no_constraint_says_where_a_package_comes_from() -> None:
    assert "://" not in read("constraints.txt")


@pytest.mark.parametrize("python", ["3.11.0", "3.12.0", "3.13.0"])
def test_every_requirement_is_met_by_the_constraints(python: str) -> None:
    here = {"python_version": python.rsplit(".", 1)[0], "python_full_version": python, "sys_platform": "linux"}
    pins = {pin.name.lower(): pin for pin in constraints() if not pin.marker or pin.marker.evaluate(here)}
    listed = re.findall(
        r"^\s+[\"']([A-Za-z][A-Za-z0-9-]*(?:\[\w+\])?(?:[<>=~!;].*?)?)[\"'],$", read("setup.py"), re.MULTILINE
    )
    asked = [Requirement(line) for line in listed if "=" in line or line.startswith("types-")]
    asked = [one for one in asked if " = " not in str(one) and (not one.marker or one.marker.evaluate(here))]
    unmet = [str(one) for one in asked if not one.specifier.contains(version(pins[one.name.lower()]))]
    assert len(asked) > 25
    assert not unmet


def version(pin: Requirement) -> Version:
    return Version(next(iter(pin.specifier)).version)


def test_ci_runs_the_command_everybody_runs_and_nothing_else() -> None:
    commands = [line for line in read(".ci/run").splitlines() if line and not line.startswith("#")]
    assert commands == ["set -eu", 'cd "$(dirname "$0")/.."', "exec make test"]
