"""The manifest, the form and the schemas in one document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).resolve().parent


def composed_manifest() -> dict[str, Any]:
    """The document that any declarative runner takes.

    Each stream gets the schema of its name, and its name as a parameter: what a custom component or a parent's list
    sends is then sent, and fails, under the name of the stream it is for.
    """
    installed, checkout = PACKAGE / "schemas", PACKAGE.parent / "schemas"
    folder = installed if installed.is_dir() else checkout
    schemas = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    manifest = _loaded("manifest.yaml")
    groups = [
        {**group, "streams": [_composed(each, manifest) for each in group["streams"]]} for group in manifest["streams"]
    ]
    names = [stream["name"] for group in groups for stream in group["streams"]]
    if missing := [f"schemas/{name}.json" for name in names if name not in schemas]:
        raise FileNotFoundError(f"A stream of manifest.yaml has no schema: add {' and '.join(missing)}.")
    return {**manifest, "streams": groups, "spec": _loaded("spec.yaml"), "schemas": schemas}


def _composed(stream: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
    name = stream["name"]
    family = manifest["definitions"][stream["$ref"].rpartition("/")[2]]
    return {
        **stream,
        "$parameters": {"name": name, **stream.get("$parameters", family.get("$parameters", {}))},
        "schema_loader": {"type": "InlineSchemaLoader", "schema": {"$ref": f"#/schemas/{name}"}},
    }


def _loaded(name: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((PACKAGE / name).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # safe, and the fast one
