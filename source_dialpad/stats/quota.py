"""What the exports of one key share: how many POSTs may be sent, and what time it is at Dialpad."""

from __future__ import annotations

import threading
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from source_dialpad.transport.shared import shared

POSTS_AN_HOUR = 195  # Stats API page: 200; five are left to people and to other programs of the company
HOUR = 3601.0  # seconds a POST counts: an hour, and one for the way to the server
SCORECARD_POSTS_A_MINUTE = 240  # spec: 250
MINUTE = 61.0
MOST_OFFSET = timedelta(hours=2)  # further apart, one of the clocks is wrong, and other days would be asked for


class ExportQuota:
    """Never more than `limit` POSTs in any `seconds`, all streams of a key together, and the server's time.

    `used` and `polls` count what was sent.
    """

    def __init__(self, limit: int = POSTS_AN_HOUR, seconds: float = HOUR) -> None:
        self.limit, self._seconds = limit, seconds
        self.limit_text = f"{limit} POSTs {'an hour' if seconds > MINUTE else 'a minute'}"
        self._sent: deque[float] = deque(maxlen=limit)
        self._not_before = 0.0
        self._lock = threading.Lock()
        self._clock_offset = timedelta(0)
        self.used = self.polls = 0

    def take(self) -> float:
        """Counts a POST and returns 0, or returns the seconds to wait and counts nothing."""
        with self._lock:
            wait = max(self.wait_seconds(), 0.0)
            if not wait:
                self._sent.append(time.monotonic())
                self.used += 1
            return wait

    def pause(self, seconds: float) -> None:
        """Lets nobody send a POST for some time, since Dialpad has just refused one."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def wait_seconds(self) -> float:
        """Seconds until a POST may be sent; 0 or less when one may be sent now."""
        full = len(self._sent) == self.limit
        return max(self._sent[0] + self._seconds if full else 0.0, self._not_before) - time.monotonic()

    def now(self) -> datetime:
        """The server's time, as its `Date` headers give it; our own until the first answer."""
        return datetime.now(UTC) + self._clock_offset

    def learn_time(self, response: requests.Response) -> str:
        """Takes the server's time from an answer; what is wrong where the two clocks are hours apart, otherwise ""."""
        now = datetime.now(UTC)
        try:
            offset = parsedate_to_datetime(response.headers["Date"]) - now
        except (KeyError, TypeError, ValueError):
            return ""
        if abs(offset) > MOST_OFFSET:
            return (
                f"the clock of this machine says {now:%Y-%m-%d %H:%M} UTC and that of Dialpad "
                f"{now + offset:%Y-%m-%d %H:%M} UTC; the export would be of other days than are meant. Set the clock, "
                "then run the sync again."
            )
        is_precise = abs(offset) <= timedelta(seconds=2)  # headers have whole seconds, and were some time on their way
        self._clock_offset = timedelta(0) if is_precise else offset
        return ""


def export_quota(base_url: str, api_key: str, *, of_scorecards: bool = False) -> ExportQuota:
    """The quota of a key for exports of stats, or of scorecards; it outlives a source, as the hour of the API does."""
    limit = (SCORECARD_POSTS_A_MINUTE, MINUTE) if of_scorecards else ()
    return shared(ExportQuota, base_url, api_key, str(of_scorecards), arguments=limit, lasting=True)
