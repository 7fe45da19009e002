"""The manifest with its schemas; needs nothing of the CDK, so that the specification can be had at once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PACKAGE = Path(__file__).resolve().parent
SCHEMA_FOLDERS = (PACKAGE / "schemas", PACKAGE.parent / "schemas")
"""Where the schemas are: inside an installed package, or beside it in a checkout."""


def composed_manifest() -> dict[str, Any]:
    """The manifest with every schema file under `schemas`, as any declarative runner takes it."""
    folder = next(path for path in SCHEMA_FOLDERS if path.is_dir())
    schemas = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    return {**_manifest(), "schemas": schemas}


def specification() -> dict[str, Any]:
    """The connector's specification, as the protocol's SPEC message holds it."""
    spec = _manifest()["spec"]
    return {
        "documentationUrl": spec["documentation_url"],
        "connectionSpecification": spec["connection_specification"],
        "supportsNormalization": False,
        "supportsDBT": False,
    }


@cache
def _manifest() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (PACKAGE / "manifest.yaml").read_text(encoding="utf-8")
    manifest: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506  # a safe loader, the fast one
    return manifest
