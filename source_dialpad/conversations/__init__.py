"""Calls and digital sessions."""
