"""Airbyte source for Dialpad: exports, Digital Engagement messages, analytics, directory and call webhooks."""
