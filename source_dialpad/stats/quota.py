"""What exports share: how many POSTs of a key may be sent, what time it is at Dialpad, and how many one sync may start.

Dialpad allows 200 exports an hour, and a first sync may need thousands. So an incremental sync starts no more than
`dialpad.exports_per_sync` of them and ends; the next one goes on where the states say.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import requests
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.sync.cursor import PLANNED
from source_dialpad.sync.planner import PlannedWindow
from source_dialpad.transport.shared import shared

POSTS_AN_HOUR = 195  # Stats API page: 200; five are left to people and to other programs of the company
HOUR = 3601.0  # seconds a POST counts: an hour, and one for the way to the server
SCORECARD_POSTS_A_MINUTE = 240  # spec: 250
MINUTE = 61.0
PATIENCE = 120.0  # seconds a stream waits for the plans of the others, which list call centers at most
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


class Wish(NamedTuple):
    """A window that a stream would read; wishes are granted in their order."""

    is_history: bool
    turn: str  # of what is new: when its partition was last read; of history: the window's turn in its partition
    is_aggregate: bool
    number: int  # in its stream's plan
    stream: str


def wishes(stream: str, slices: Sequence[StreamSlice], *, aggregates: bool) -> list[Wish]:
    """The windows of a stream's plan, in the order they are wanted."""
    turns: defaultdict[str, int] = defaultdict(int)
    wanted = []
    for number, stream_slice in enumerate(slices):
        window: PlannedWindow = stream_slice.extra_fields[PLANNED]
        partition = str(stream_slice.partition)
        turns[partition] += window.history
        turn = f"{turns[partition]:06d}" if window.history else window.read_at
        wanted.append(Wish(window.history, turn, aggregates, number, stream))
    return sorted(wanted)


def granted(wanted: Iterable[Wish], limit: int) -> set[Wish]:
    """The wishes that fit: what is new, then history in turns, one window of every partition each.

    Where even what is new does not fit, a fifth is kept for history, so that a backfill always comes to its end.
    """
    ordered = sorted(wanted)
    history = [wish for wish in ordered if wish.is_history]
    recent = ordered[: len(ordered) - len(history)][: limit - min(limit // 5, len(history))]
    return {*recent, *history[: limit - len(recent)]}


class ExportShare:
    """What one sync may start; streams plan first, and none starts an export before all of them have."""

    def __init__(self, limit: int) -> None:
        self._limit, self._started = limit, 0
        self._expected: set[str] = set()
        self._wanted: dict[str, list[Wish]] = {}
        self._granted: set[Wish] | None = None
        self._changed = threading.Condition()

    def expect(self, stream: str) -> None:
        """`divide` waits for what this stream wants."""
        with self._changed:
            self._expected.add(stream)

    def divide(self, stream: str, wanted: list[Wish]) -> list[Wish]:
        """The stream's part of `wanted`; returns once every expected stream has said what it wants."""
        with self._changed:
            self._wanted[stream] = wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._granted is not None or self._expected <= self._wanted.keys(), PATIENCE)
            if self._granted is None:
                self._granted = granted((wish for plan in self._wanted.values() for wish in plan), self._limit)
                self._changed.notify_all()
            return [wish for wish in wanted if wish in self._granted]

    def take(self, quota: ExportQuota) -> float | None:
        """Counts a POST here and in the quota; the seconds to wait for the quota, or None when no more may be sent."""
        with self._changed:
            if self._started >= self._limit:
                return None
            wait = quota.take()
            self._started += not wait
            return wait
