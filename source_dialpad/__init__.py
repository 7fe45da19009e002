"""Airbyte source for Dialpad: exports, Digital Engagement messages, analytics, directory and webhook events."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_dialpad.source import SourceDialpad as SourceDialpad


def __getattr__(name: str) -> Any:
    if name == "SourceDialpad":  # imported on demand: the source imports modules of this package
        return import_module("source_dialpad.source").SourceDialpad
    raise AttributeError(name)
