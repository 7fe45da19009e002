"""The streams that the CDK's own retriever reads: the lists, and the calls, sessions and figures that are lists too."""

from __future__ import annotations

from typing import Any

from source_dialpad.manifest import composed_manifest
from source_dialpad.source import resolved_manifest

SCHEMAS: dict[str, Any] = composed_manifest()["schemas"]
STREAMS: dict[str, dict[str, Any]] = {
    stream["name"]: stream
    for group in resolved_manifest()["streams"]
    for stream in group["streams"]
    if stream["retriever"]["type"] == "SimpleRetriever"
}
"""Every stream that the CDK's own retriever reads."""
KEYS = {name: tuple(stream["primary_key"]) for name, stream in STREAMS.items()}
