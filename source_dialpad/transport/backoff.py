"""The waits that an API asks for, where the manifest's own handlers do not retry."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests


def retry_after(response: requests.Response) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date."""
    told = response.headers.get("Retry-After", "").strip()
    try:
        seconds = float(told)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
