"""What becomes of the names and addresses of people: kept, hashed or dropped, as the configuration says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable


def hashed(value: str) -> str | None:
    """SHA-256 of the text without case and surrounding spaces, in hex: one person has one hash in every stream."""
    return hashlib.sha256(value.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


IDENTITIES: dict[str, Callable[[str], str | None] | None] = {"keep": None, "hash": hashed, "drop": lambda _: None}
"""What each choice makes of a text; None leaves it as it is."""
