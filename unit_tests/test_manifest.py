"""The manifest has nothing that nobody uses and nothing that the CDK is about to drop."""

from __future__ import annotations

import json
import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from airbyte_cdk.models import ConfiguredAirbyteCatalog, ConfiguredAirbyteCatalogSerializer

from source_dialpad import SourceDialpad
from source_dialpad.source import needed_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = list((ROOT / "schemas").glob("*.json"))
CONFIG = json.loads((ROOT / "integration_tests" / "sample_config.json").read_text(encoding="utf-8"))


@cache
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "source_dialpad" / "manifest.yaml").read_text(encoding="utf-8"))
    return loaded


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
    assert names(needed_manifest()) == names(needed_manifest(CONFIG)) == {each.stem for each in SCHEMAS}
    assert names(needed_manifest({"event_receiver": {}})) == {"call_events"}
    assert names(needed_manifest(CONFIG, catalog("users", "messages", "no_such"))) == {"users", "messages"}
    assert names(needed_manifest({"analytics": {}}, catalog("users", "analytics_metrics"))) == {"analytics_metrics"}
    assert needed_manifest().keys() == manifest().keys() - {"definitions"}


def test_no_schema_is_loaded_from_a_file() -> None:
    assert {loader["type"] for loader in inside(manifest(), "schema_loader")} == {"InlineSchemaLoader"}


def test_every_definition_is_used() -> None:
    text = (ROOT / "source_dialpad" / "manifest.yaml").read_text(encoding="utf-8")
    in_code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "source_dialpad").rglob("*.py"))
    referred = set(inside(manifest(), "$ref"))
    unused = [
        name
        for name in manifest()["definitions"]
        if f"#/definitions/{name}" not in referred and f"*{name}" not in text and f'"{name}"' not in in_code
    ]
    assert unused == []


def test_every_reference_leads_somewhere() -> None:
    schemas = {f"#/schemas/{path.stem}" for path in (ROOT / "schemas").glob("*.json")}
    inner = {f"#/definitions/{name}" for name in manifest()["definitions"]}
    assert set(inside(manifest(), "$ref")) - schemas - inner == {"#/spec/connection_specification/properties"}


def test_every_schema_is_referred_to_by_one_stream() -> None:
    referred = [reference for reference in inside(manifest(), "$ref") if reference.startswith("#/schemas/")]
    assert sorted(referred) == [f"#/schemas/{path.stem}" for path in sorted((ROOT / "schemas").glob("*.json"))]
