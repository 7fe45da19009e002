"""The planner: from a saved state to the windows that are still to be read, and from windows read to the next state."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Any

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import config_error
from source_dialpad.sync.windows import DAY, Grain, day_windows, local_day, midnight
from source_dialpad.transport.times import from_milliseconds, milliseconds, rfc3339, zone_of

logger = logging.getLogger("airbyte")

LAG = timedelta(minutes=10)
"""Readings of a running system end this long before now, so that rows that arrive late by seconds are not missed."""

Cursor = Mapping[str, Any]


@dataclass
class PlannedWindow:
    """One window of one partition: its slice, what the state may say after it, and whether it was read whole (`done`).

    `cursor_after` moves the cursor forward, unless it is None (today, history); where a window is `open_ended`, it is
    the greatest cursor of its records. `backfilled_to` moves the other end of what was read back in time. `read_at` is
    when the state says the partition was last read; `reread` windows, of the look-back, were read whole before.
    """

    cursor_slice: Mapping[str, Any]
    cursor_after: Any
    backfilled_to: str | None = None
    history: bool = False
    read_at: str = ""
    open_ended: bool = False
    reread: bool = False
    done: bool = False


def done_in_order(windows: Iterator[PlannedWindow]) -> list[PlannedWindow]:
    """The windows up to the first that was not read whole."""
    return list(takewhile(lambda window: window.done, windows))


@dataclass
class WindowPlanner(ABC):
    """From a saved cursor to the windows to read, and back, for one partition of a stream.

    `settings` are kept beside the cursor: under other values the rows would be other rows (another grain, another zone
    for the aggregates of a day), so the stream is read again from its start, with a warning.
    """

    stream: str
    cursor_field: str
    start: str
    timezone: str = "UTC"
    lookback_days: int = 0
    start_is_default: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @abstractmethod
    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows in the order they are read; without a compatible saved cursor, all since the start."""

    @abstractmethod
    def parsed(self, text: str) -> Any:
        """Where a cursor stands, to be compared with others; ValueError or OverflowError where it cannot be read."""

    def parse_cursor(self, saved: Cursor) -> Any:
        """Where a saved cursor stands; a config error, and no fresh start, where it cannot be read."""
        value = saved[self.cursor_field]
        try:
            return self.parsed(str(value))
        except (ValueError, OverflowError):
            raise self.unreadable(value) from None

    def progress(self, plan: Sequence[PlannedWindow], saved: Cursor | None) -> dict[str, Any] | None:
        """The cursor to save once the windows of `plan` that are done were read; `saved` is the one they followed from.

        It stands behind the last window before which everything was read, and never goes back for a look-back.
        """
        done = done_in_order(window for window in plan if window.cursor_after is not None)
        if done:
            reached = self.cursor(done[-1].cursor_after, saved)
            if not saved or self.parse_cursor(reached) > self.parse_cursor(saved):
                return reached
        return dict(saved) if saved else None

    def cursor(self, cursor_after: Any, saved: Cursor | None = None) -> dict[str, Any]:
        """The cursor to save once everything up to `cursor_after` was read; `saved` is the one before."""
        return {self.cursor_field: cursor_after, "since": self.start_of(saved), **self.settings}

    def start_of(self, saved: Cursor | None) -> str:
        """The first day that is wanted. A start that nobody set is a later day every day, and moves no state."""
        return str(saved["since"]) if self.start_is_default and saved and "since" in saved else self.start

    @property
    def zone(self) -> tzinfo:
        """The zone in which days begin."""
        return zone_of(self.timezone)

    def compatible_state(self, saved: Cursor | None) -> Cursor | None:
        """The saved cursor, or None where another setting makes its rows other rows."""
        if not saved or saved.get(self.cursor_field) in (None, ""):
            return None
        for name, value in self.settings.items():
            if name in saved and saved[name] != value:
                self.warn(
                    f"the saved state was written with {name} = {json.dumps(saved[name])} and the configuration now "
                    f"says {json.dumps(value)}, which makes other rows; the stream is read again from its start."
                )
                return None
        return saved

    def unreadable(self, value: object) -> AirbyteTracedException:
        """The error for a saved cursor that cannot be read."""
        return config_error(
            f"{self.stream}: the saved state holds {value!r} for {self.cursor_field}, which is neither a date nor a "
            "time. Reset the state of this stream, so that it is read again from start_date."
        )

    def warn_ahead(self, value: object) -> None:
        """Logs that nothing is read, because the saved cursor lies in the future."""
        self.warn(
            f"the saved state says that everything up to {value} was read, which lies in the future; nothing is read "
            "until then. Reset the state of this stream if that is wrong."
        )

    def warn(self, text: str) -> None:
        """Logs a warning about the stream."""
        logger.warning("%s: %s", self.stream, text)


@dataclass
class DatetimeWindows(WindowPlanner):
    """Touching windows of instants: start inclusive, end exclusive, the last one ending `LAG` before now.

    Inner edges are midnights of `timezone`. The cursor is the end of the last window read whole, as milliseconds or as
    RFC 3339 text. `kept_days` is how long the API keeps its rows: an older start or state is moved forward with a
    warning.
    """

    step_days: int = 1
    kept_days: int | None = None
    cursor_unit: str = "rfc3339"

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        start, last = self.bounds(saved)
        while start < last:
            end = min(midnight(local_day(start, self.zone) + self.step_days * DAY, self.zone), last)
            cursor_after = milliseconds(end) if self.cursor_unit == "milliseconds" else rfc3339(end)
            yield PlannedWindow({"start_time": rfc3339(start), "end_time": rfc3339(end)}, cursor_after)
            start = end

    def bounds(self, saved: Cursor | None) -> tuple[datetime, datetime]:
        """Start and end of what is to be read; the start lies behind the end when nothing is."""
        now = datetime.now(UTC).replace(microsecond=0)
        end = now - LAG
        start = midnight(date.fromisoformat(self.start_of(saved)), self.zone)
        if saved:
            cursor = self.parse_cursor(saved)
            if cursor > now + DAY:
                self.warn_ahead(saved[self.cursor_field])
                return cursor, end
            start = max(start, min(cursor, end) - timedelta(days=self.lookback_days))
        oldest = start if self.kept_days is None else now - timedelta(days=self.kept_days)
        if start < oldest:
            hole = " What was written between the saved state and that time can no longer be had." if saved else ""
            begins = f"reading begins at {rfc3339(oldest)} and not at {rfc3339(start)}"
            self.warn(f"the API keeps {self.kept_days} days, so {begins}.{hole}")
        return max(start, oldest), end

    def compatible_state(self, saved: Cursor | None) -> Cursor | None:
        """The saved cursor, or None also where start_date was moved back behind the day from which it read."""
        saved = super().compatible_state(saved)
        if saved is None or self.start_of(saved) >= str(saved.get("since", self.start)):
            return saved
        began = f"start_date is now {self.start} and the saved state began on {saved['since']}"
        self.warn(f"{began}; the stream is read again from its start.")
        return None

    def parsed(self, text: str) -> datetime:
        """A cursor as an instant: milliseconds, RFC 3339 text, or a date (its midnight in the zone)."""
        if text.lstrip("-").isdigit():
            return from_milliseconds(int(text))
        if len(text) == len("2026-01-01"):
            return midnight(date.fromisoformat(text), self.zone)
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass
class LocalWindows(DatetimeWindows):
    """Whole local days, weeks or months as instants, for aggregates that carry no time of their own.

    The edges are midnights of `timezone`, so a day has 23 or 25 hours where the clocks change. The running window is
    read up to `LAG` before now; the state then stands inside it, so that the next sync reads it again whole.
    """

    grain: Grain = "day"

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        start, end = self.bounds(saved)
        if start > end:
            return
        for window in day_windows(local_day(start, self.zone), local_day(end, self.zone), self.grain):
            opens, closes = midnight(window.first, self.zone), midnight(window.last + DAY, self.zone)
            if opens < end:
                read_until = rfc3339(min(closes, end))
                edges = {"start_time": rfc3339(opens), "end_time": rfc3339(closes), "read_until": read_until}
                yield PlannedWindow(edges, cursor_after=read_until)


@dataclass
class LogTail(DatetimeWindows):
    """One window from the last record read to the end of a log that is kept in order.

    The log's own order is the cursor, so nothing is looked back for and no lag is needed: the state is the greatest
    cursor among the records, and the record that carries it is read once more. The log's clock may be ahead of ours.
    """

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The rest of the log."""
        start = midnight(date.fromisoformat(self.start_of(saved)), self.zone)
        start = max(start, self.parse_cursor(saved)) if saved else start
        yield PlannedWindow({"start_time": rfc3339(start)}, cursor_after=None, open_ended=True)


@dataclass
class DailySnapshot(WindowPlanner):
    """One window a day: the whole list as it is now, unless today's snapshot was already taken."""

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """Today, once; no start_date brings a snapshot of a day that is over."""
        today = local_day(datetime.now(UTC), self.zone)
        taken = self.parse_cursor(saved) if saved else date.min
        if taken > today:
            self.warn_ahead(taken)
        if taken < today:
            yield PlannedWindow({"snapshot_date": today.isoformat()}, cursor_after=today.isoformat())

    def parsed(self, text: str) -> date:
        """The day of the last snapshot."""
        return date.fromisoformat(text)
