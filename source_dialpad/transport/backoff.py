"""The waits that an API asks for, where the manifest's own handlers do not retry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_dialpad.errors import transient_error

LONGEST = 600.0
"""Seconds that a single wait may last; the next sync comes back to an API that wants more."""


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


@dataclass
class RetryAfter(BackoffStrategy):
    """Obeys Retry-After in both of its forms, up to `LONGEST`; the CDK's `WaitTimeFromHeader` knows no dates."""

    def backoff_time(
        self,
        response_or_exception: requests.Response | requests.RequestException | None,
        attempt_count: int,  # noqa: ARG002  # the header says it all
    ) -> float | None:
        """Seconds to wait before the next try; None where the answer says nothing."""
        if not isinstance(response_or_exception, requests.Response):
            return None
        wait = retry_after(response_or_exception)
        if wait is not None and wait > LONGEST:
            raise transient_error(f"Rate limit wait time {wait:.0f} s is too long.")
        return wait
