"""Airbyte source for Dialpad: exports, Digital Engagement messages, analytics, directory and call webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_dialpad.source import SourceDialpad

__all__ = ["SourceDialpad"]


def __getattr__(name: str) -> Any:
    if name == "SourceDialpad":  # imported when it is wanted: see run
        from source_dialpad.source import SourceDialpad  # noqa: PLC0415

        return SourceDialpad
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
