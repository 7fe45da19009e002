"""How long to wait before a request is sent again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy

from source_dialpad.errors import transient_error

LONGEST = 600.0
"""Seconds a single wait may last; an API that wants more is come back to by the next sync."""


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
class RetryAfterOrGrowing(BackoffStrategy):
    """Obeys Retry-After; without it waits grow 1, 2, 4, 8, 16 s, ten times that after a 429, each with some jitter.

    The CDK's default ignores Retry-After and adds a second to every wait.
    """

    def backoff_time(
        self, response_or_exception: requests.Response | requests.RequestException | None, attempt_count: int
    ) -> float | None:
        """Seconds to wait before the next try."""
        return self._wait(response_or_exception, attempt_count)

    @staticmethod
    def _wait(response_or_exception: requests.Response | requests.RequestException | None, attempt_count: int) -> float:
        limited = False
        if isinstance(response_or_exception, requests.Response):
            told = retry_after(response_or_exception)
            if told is not None and told > LONGEST:
                raise transient_error(
                    f"the API answered {response_or_exception.status_code} and wants to be left alone for {told:.0f} s "
                    "(Retry-After); run the sync again after that."
                )
            if told is not None:
                return told
            limited = response_or_exception.status_code == requests.codes.too_many_requests
        growing = 2.0 ** (attempt_count - 1) * (5.0 if limited else 1.0)
        return min(growing, LONGEST) * random.uniform(0.8, 1.2) - 0.5  # noqa: S311  # spreads retries, guards nothing
