"""The planner: from a saved state to the windows that are still to be read, one class a kind of stream.

Each class answers two questions for one partition: which windows follow from the saved cursor, and what the state may
say once a window was read whole. A window whose `cursor_after` is None (today) is read at every sync and never moves
the state.

A saved cursor that cannot be read is an error and not a fresh start. One that was written under settings that make
other rows (another grain, another zone for the aggregates of a day) leads to a fresh start, with a warning.
"""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, ClassVar

from source_dialpad.errors import config_error
from source_dialpad.sync.windows import DAY, Grain, calendar_windows, instant_windows, local_day, midnight
from source_dialpad.transport.times import from_milliseconds, milliseconds, rfc3339, zone_of

logger = logging.getLogger("airbyte")

LAG = timedelta(minutes=10)
"""Readings of a running system end this long before now, so that rows that arrive late by seconds are not missed."""

MAX_OF_RECORDS = "greatest record"
"""Stands in `cursor_after` for the greatest cursor among the window's records."""

Cursor = Mapping[str, Any]


@dataclass
class PlannedWindow:
    """One window of one partition: its slice, what the state may say after it, and whether it was read whole.

    `cursor_after` moves the cursor forward. `backfilled_to` moves the other end of what was read back in time; windows
    of `history` count from the newest to the oldest, the others from the oldest to the newest. `read_at` is when the
    partition was last read, as its state says; `reread` windows were read whole before, and belong to the look-back.
    """

    cursor_slice: Mapping[str, Any]
    cursor_after: Any
    backfilled_to: str | None = None
    history: bool = False
    read_at: str = ""
    reread: bool = False
    done: bool = False
    greatest: str | None = None


@dataclass
class WindowPlanner(ABC):
    """From a saved cursor to the windows to read, for one partition of a stream."""

    stream: str
    cursor_field: str
    start: str
    timezone: str = "UTC"
    lookback_days: int = 0
    start_is_default: bool = False

    notes_reading: ClassVar[bool] = False
    """Whether the state says when a partition was last read."""

    SETTINGS: ClassVar[tuple[str, ...]] = ()
    """Names of the settings kept beside the cursor: under another value, the rows would be other rows."""

    @abstractmethod
    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows in the order they are read; without a compatible saved cursor, all since the start."""

    @abstractmethod
    def parse_cursor(self, saved: Cursor) -> Any:
        """Where a saved cursor stands, to be compared with others; an error where it cannot be read."""

    def cursor(self, cursor_after: Any, saved: Cursor | None = None) -> dict[str, Any]:
        """The cursor to save once everything up to `cursor_after` was read; `saved` is the one before."""
        since = saved["since"] if saved and self.start_is_default and "since" in saved else self.start
        return {self.cursor_field: cursor_after, "since": since, **self.settings()}

    def backfilled(self, cursor: dict[str, Any], first_day: str) -> dict[str, Any]:  # noqa: ARG002  # see `backfill`
        """The cursor once everything from `first_day` on was read."""
        return cursor

    @property
    def zone(self) -> tzinfo:
        """The zone in which days begin."""
        return zone_of(self.timezone)

    def settings(self) -> dict[str, Any]:
        """The settings kept beside the cursor."""
        return {name: getattr(self, name) for name in self.SETTINGS}

    def compatible_state(self, saved: Cursor | None) -> Cursor | None:
        """The saved cursor, or None where another setting makes its rows other rows."""
        if not saved or saved.get(self.cursor_field) in (None, ""):
            return None
        for name, value in self.settings().items():
            if name in saved and saved[name] != value:
                logger.warning(
                    "%s: the saved state was written with %s = %s and the configuration now says %s, which makes other "
                    "rows; the stream is read again from its start.",
                    self.stream,
                    name,
                    json.dumps(saved[name]),
                    json.dumps(value),
                )
                return None
        return self.with_start(saved)

    def with_start(self, saved: Cursor) -> Cursor | None:
        """The saved cursor, or None where start_date was moved back behind the day from which it read.

        A start that nobody set (365 days ago, a day later every day) never touches a state.
        """
        if self.start_is_default or self.start >= str(saved.get("since", self.start)):
            return saved
        logger.warning(
            "%s: start_date is now %s and the saved state began on %s; the stream is read again from its start.",
            self.stream,
            self.start,
            saved["since"],
        )
        return None

    def unreadable(self, value: object) -> Exception:
        """The error for a saved cursor that cannot be read."""
        return config_error(
            f"{self.stream}: the saved state holds {value!r} for {self.cursor_field}, "
            "which is neither a date nor a time. "
            "Reset the state of this stream, so that it is read again from start_date."
        )

    def warn_ahead(self, value: object) -> None:
        """Logs that nothing is read, because the saved cursor lies in the future."""
        logger.warning(
            "%s: the saved state says that everything up to %s was read, which lies in the future; nothing is read "
            "until then. Reset the state of this stream if that is wrong.",
            self.stream,
            value,
        )


@dataclass
class DatetimeWindows(WindowPlanner):
    """Touching windows of instants: start inclusive, end exclusive, the last one ending `lag` before now.

    The cursor is the end of the last window read whole, as milliseconds or as RFC 3339 text. `kept_days` is how long
    the API keeps its rows: an older start, or an older state, is moved forward with a warning.
    """

    step_days: int = 1
    extra_lookback_days: int = 0
    kept_days: int | None = None
    cursor_unit: str = "rfc3339"
    lag: timedelta = LAG

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        bounds = self.bounds(saved)
        if bounds is None:
            return
        sync_start = rfc3339(bounds[0])
        for window in instant_windows(*bounds, timedelta(days=self.step_days), self.zone):
            edges = {"start_time": rfc3339(window.start), "end_time": rfc3339(window.end), "sync_start": sync_start}
            yield PlannedWindow(edges, cursor_after=self.formatted(window.end))

    def bounds(self, saved: Cursor | None) -> tuple[datetime, datetime] | None:
        """Start and end of what is to be read; None when nothing is."""
        now = datetime.now(UTC)
        end = (now - self.lag).replace(microsecond=0)
        start = midnight(date.fromisoformat(self.start), self.zone)
        if saved:
            cursor = self.parse_cursor(saved)
            if cursor > now + DAY:
                self.warn_ahead(saved[self.cursor_field])
                return None
            resumed = min(cursor, end) - timedelta(days=self.lookback_days + self.extra_lookback_days)
            start = resumed if self.start_is_default and resumed > self._saved_start(saved) else max(start, resumed)
        if self.kept_days is not None:
            start = self.kept(start, now - timedelta(days=self.kept_days), resumed=bool(saved))
        return start, end

    def _saved_start(self, saved: Cursor) -> datetime:
        return midnight(date.fromisoformat(str(saved.get("since", self.start))), self.zone)

    def kept(self, start: datetime, oldest: datetime, *, resumed: bool) -> datetime:
        """The start, moved forward to what the API still keeps, with a warning."""
        if start >= oldest:
            return start
        logger.warning(
            "%s: the API keeps %s days, so reading begins at %s and not at %s.%s",
            self.stream,
            self.kept_days,
            rfc3339(oldest.replace(microsecond=0)),
            rfc3339(start),
            " What was written between the saved state and that time can no longer be had." if resumed else "",
        )
        return oldest.replace(microsecond=0)

    def formatted(self, instant: datetime) -> Any:
        """An instant as the state keeps it."""
        return milliseconds(instant) if self.cursor_unit == "milliseconds" else rfc3339(instant)

    def parse_cursor(self, saved: Cursor) -> datetime:
        """A saved cursor as an instant: milliseconds, RFC 3339 text, or a date (its midnight in the zone)."""
        value = saved[self.cursor_field]
        text = str(value)
        try:
            if text.lstrip("-").isdigit():
                return from_milliseconds(int(text))
            if len(text) == len("2026-01-01"):
                return midnight(date.fromisoformat(text), self.zone)
            moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            raise self.unreadable(value) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass
class MetricWindows(DatetimeWindows):
    """Whole local days, weeks or months as instants, for aggregates that carry no time of their own.

    The edges are midnights of `timezone`, so a day has 23 or 25 hours where the clocks change. The running window is
    read up to `lag` before now; the state then stands inside it, so that the next sync reads it again whole. Other
    settings make other aggregates, so they stand beside the cursor.
    """

    grain: Grain = "day"
    filters: Any = None
    break_down_by: str | None = None

    SETTINGS: ClassVar[tuple[str, ...]] = ("timezone", "grain", "filters", "break_down_by")

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        bounds = self.bounds(saved)
        if bounds is None:
            return
        start, end = bounds
        for window in calendar_windows(local_day(start, self.zone), local_day(end, self.zone), self.grain):
            opens, closes = midnight(window.first, self.zone), midnight(window.last + DAY, self.zone)
            if opens >= end:
                return
            read_until = rfc3339(min(closes, end))
            yield PlannedWindow(
                {"start_time": rfc3339(opens), "end_time": rfc3339(closes), "read_until": read_until},
                cursor_after=read_until,
            )


@dataclass
class RecordWindows(DatetimeWindows):
    """Windows of unaggregated records; under other filters they are other records."""

    filters: Any = None

    SETTINGS: ClassVar[tuple[str, ...]] = ("filters",)


@dataclass
class DailySnapshot(WindowPlanner):
    """One window a day: the whole list as it is now, unless today's snapshot was already taken."""

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """Today, once."""
        today = local_day(datetime.now(UTC), self.zone).isoformat()
        if saved:
            taken = self.parse_cursor(saved).isoformat()
            if taken > today:
                self.warn_ahead(taken)
            if taken >= today:
                return
        yield PlannedWindow({"snapshot_date": today}, cursor_after=today)

    def with_start(self, saved: Cursor) -> Cursor:
        """No start_date brings a snapshot of a day that is over."""
        return saved

    def parse_cursor(self, saved: Cursor) -> date:
        """The day of the last snapshot."""
        value = saved[self.cursor_field]
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise self.unreadable(value) from None


@dataclass
class LogTail(DatetimeWindows):
    """One window from the last record read to the end of a log that is kept in order.

    The log's own order is the cursor, so nothing is looked back for and no lag is needed: the state is the greatest
    cursor among the records, and the record that carries it is read once more. The log's clock may be ahead of ours.
    """

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        start = midnight(date.fromisoformat(self.start), self.zone)
        if saved:
            cursor = self.parse_cursor(saved)
            start = cursor if self.start_is_default else max(start, cursor)
        yield PlannedWindow({"start_time": rfc3339(start)}, cursor_after=MAX_OF_RECORDS)
