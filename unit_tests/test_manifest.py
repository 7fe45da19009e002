"""The manifest declares: a stream a line, stock parts for lists, nothing unused, nothing deprecated."""

from __future__ import annotations

import json
import logging
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteCatalogSerializer

from source_dialpad import SourceDialpad
from source_dialpad.manifest import composed_manifest
from source_dialpad.source import needed_manifest, resolved_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "source_dialpad" / "manifest.yaml").read_text(encoding="utf-8")
SCHEMAS = list((ROOT / "schemas").glob("*.json"))
CONFIG = json.loads((ROOT / "integration_tests" / "sample_config.json").read_text(encoding="utf-8"))


@cache
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(TEXT)
    return loaded


def streams() -> list[dict[str, Any]]:
    return [stream for group in composed_manifest()["streams"] for stream in group["streams"]]


def inside(component: Any, key: str) -> Iterator[Any]:
    """Every value that stands under a key, at any depth."""
    if isinstance(component, dict):
        for name, value in component.items():
            if name == key:
                yield value
            yield from inside(value, key)
    elif isinstance(component, list):
        for value in component:
            yield from inside(value, key)


def test_building_every_stream_meets_nothing_deprecated() -> None:
    source = SourceDialpad(config=CONFIG)
    source.discover(logging.getLogger("airbyte"), CONFIG)
    assert source.deprecation_warnings() == []


def names(needed: dict[str, Any]) -> set[str]:
    return {stream["name"] for group in needed["streams"] for stream in group["streams"]}


def catalog(*asked: str) -> ConfiguredAirbyteCatalog:
    modes = {"sync_mode": "full_refresh", "destination_sync_mode": "append"}
    streams = [
        {"stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh"]}, **modes}
        for name in asked
    ]
    return ConfiguredAirbyteCatalogSerializer.load({"streams": streams})


def test_only_the_streams_of_configuration_and_catalogue_are_built() -> None:
    assert names(needed_manifest(None, None)) == names(needed_manifest(CONFIG, None)) == {each.stem for each in SCHEMAS}
    assert names(needed_manifest({"event_receiver": {}}, None)) == {
        path.stem for path in SCHEMAS if "_events" in path.stem
    }
    assert names(needed_manifest(CONFIG, catalog("users", "messages", "no_such"))) == {"users", "messages"}
    assert names(needed_manifest({"analytics": {}}, catalog("users", "analytics_metrics"))) == {"analytics_metrics"}
    assert needed_manifest(None, None).keys() == composed_manifest().keys() - {"definitions", "schemas"}


def test_every_stream_has_the_schema_of_its_name_and_every_schema_its_stream() -> None:
    loaders = {stream["name"]: stream["schema_loader"] for stream in streams()}
    assert loaders == {
        path.stem: {"type": "InlineSchemaLoader", "schema": {"$ref": f"#/schemas/{path.stem}"}} for path in SCHEMAS
    }
    assert composed_manifest()["schemas"].keys() == loaders.keys()


def test_every_definition_is_used() -> None:
    in_code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "source_dialpad").rglob("*.py"))
    referred = {reference.removeprefix("#/definitions/").split("/")[0] for reference in inside(manifest(), "$ref")}
    assert [name for name in manifest()["definitions"] if name not in referred and f'"{name}"' not in in_code] == []


def test_the_contents_are_a_line_a_stream() -> None:
    lines = TEXT[TEXT.index("\nstreams:") :].splitlines()
    assert [line for line in lines if "name:" in line and not line.startswith("      - {$ref: ")] == []
    assert sum("name: " in line for line in lines) == len(SCHEMAS)


def test_what_a_reference_can_say_is_said_by_no_anchor() -> None:
    assert [line for line in TEXT.splitlines() if " &" in line or "<<:" in line] == []


def test_lists_are_read_by_the_retriever_of_the_cdk() -> None:
    resolved = {stream["name"]: stream for group in resolved_manifest()["streams"] for stream in group["streams"]}
    lists = [name for name in resolved if not name.startswith(("records_", "stats_", "scorecard_", "analytics_"))]
    custom = {name for name in lists if resolved[name]["retriever"]["type"] != "SimpleRetriever"}
    several_requests_a_row = {"messages", "customer_session_messages", "call_transcripts", "call_recaps"}
    assert {name for name in custom if not name.endswith("_events")} == several_requests_a_row
    assert TEXT.count("type: CustomRetriever") <= 14


def test_a_stream_without_a_schema_is_named_with_the_file_it_wants(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("manifest.yaml", "spec.yaml"):
        shutil.copy(ROOT / "source_dialpad" / name, tmp_path)
    (tmp_path / "schemas").mkdir()
    for schema in SCHEMAS:
        if schema.stem != "rooms":
            shutil.copy(schema, tmp_path / "schemas")
    monkeypatch.setattr("source_dialpad.manifest.PACKAGE", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^A stream of manifest.yaml has no schema: add schemas/rooms.json\.$"):
        composed_manifest()
