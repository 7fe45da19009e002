"""Airbyte source for Dialpad: exports, Digital Engagement messages, analytics, directory and call webhooks."""

from source_dialpad.source import SourceDialpad

__all__ = ["SourceDialpad"]
