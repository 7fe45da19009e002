"""What the exports of one key share: how many POSTs an hour may send, and what time it is at Dialpad."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from source_dialpad.transport.shared import shared

POSTS_AN_HOUR = 195
"""Stats API page: 200 an hour; five are left to people and to other programs of the company."""

HOUR = 3601.0
"""Seconds a POST counts: an hour, and one for the way to the server."""

SCORECARD_POSTS_A_MINUTE = 240
"""spec: 250 a minute."""

MINUTE = 61.0

MOST_OFFSET = timedelta(hours=2)
"""Further apart, one of the two clocks is wrong, and days would be asked for that are not meant."""

HEADER_PRECISION = timedelta(seconds=2)
"""A `Date` header has whole seconds, and the answer was some time on its way."""


class PostBudget:
    """Never more than `limit` POSTs in any `seconds`, all streams of a key together; `used` counts them all."""

    def __init__(self, limit: int = POSTS_AN_HOUR, seconds: float = HOUR) -> None:
        """Nothing was sent yet."""
        self.limit = limit
        self._seconds = seconds
        self._sent: deque[float] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()
        self.used = 0

    @property
    def limit_text(self) -> str:
        """The limit, as errors and logs name it."""
        return f"{self.limit} POSTs {'an hour' if self._seconds > MINUTE else 'a minute'}"

    def take(self) -> float:
        """Counts a POST and returns 0, or returns the seconds to wait and counts nothing."""
        with self._lock:
            now = time.monotonic()
            wait = self._wait(now)
            if wait > 0:
                return wait
            self._sent.append(now)
            self.used += 1
            return 0.0

    def give_back(self) -> None:
        """Takes back the POST that was counted last and is not sent."""
        with self._lock:
            self._sent.pop()
            self.used -= 1

    def wait_seconds(self) -> float:
        """Seconds until a POST may be sent; 0 or less when one may be sent now."""
        with self._lock:
            return self._wait(time.monotonic())

    def pause(self, seconds: float) -> None:
        """Lets nobody send a POST for some time, since Dialpad has just refused one."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _wait(self, now: float) -> float:
        while self._sent and now - self._sent[0] >= self._seconds:
            self._sent.popleft()
        full = 0.0 if len(self._sent) < self.limit else self._sent[0] + self._seconds - now
        return max(full, self._not_before - now)


class ServerClock:
    """The server's time as its `Date` headers give it; our own until the first answer."""

    def __init__(self) -> None:
        """No answer seen yet."""
        self._offset = timedelta(0)

    def now(self) -> datetime:
        """The server's time."""
        return datetime.now(UTC) + self._offset

    def learn(self, response: requests.Response) -> str:
        """Takes the server's time from an answer; what is wrong where the two clocks are hours apart, otherwise ""."""
        now = datetime.now(UTC)
        try:
            said = parsedate_to_datetime(response.headers["Date"])
            offset = said - now
        except (KeyError, TypeError, ValueError):
            return ""
        if abs(offset) > MOST_OFFSET:
            return (
                f"the clock of this machine says {now:%Y-%m-%d %H:%M} UTC and that of Dialpad {said:%Y-%m-%d %H:%M} "
                "UTC; the export would be of other days than are meant. Set the clock, then run the sync again."
            )
        self._offset = offset if abs(offset) > HEADER_PRECISION else timedelta(0)
        return ""


@dataclass
class ExportQuota:
    """What all streams of one key share: where POSTs are counted, the server's clock, a count of polls."""

    budget: PostBudget = field(default_factory=PostBudget)
    clock: ServerClock = field(default_factory=ServerClock)
    polls: int = 0


def export_quota(base_url: str, api_key: str) -> ExportQuota:
    """The quota of a key for `POST /api/v2/stats`; it outlives a source, as the hour of the API does."""
    return shared(ExportQuota, base_url, api_key, lasting=True)


def scorecard_quota(base_url: str, api_key: str) -> ExportQuota:
    """The quota of a key for `POST /api/v2/scorecards/export`, which has a limit of its own."""
    budget = PostBudget(SCORECARD_POSTS_A_MINUTE, MINUTE)
    return shared(ExportQuota, base_url, api_key, "scorecards", arguments=(budget,), lasting=True)
