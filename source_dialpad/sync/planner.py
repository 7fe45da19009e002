"""Slicing: from a saved state to the windows that are still to be read, one class a kind of stream.

Each class answers two questions for one partition: which windows follow from the saved cursor, and what may the state
say once a window was read whole. A window whose `reaches` is None (today) is read at every sync and never moves the
state.

A saved cursor that cannot be read is an error and not a fresh start; one written under settings that make other rows
(another grain, another zone for figures of a day) or from a later `start_date` leads to a fresh start, and says so.
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
from source_dialpad.sync.windows import (
    DAY,
    DayWindow,
    Grain,
    calendar_windows,
    day_windows,
    from_milliseconds,
    instant_windows,
    local_day,
    midnight,
    milliseconds,
    rfc3339,
    zone_of,
)

logger = logging.getLogger("airbyte")

LAG = timedelta(minutes=10)
"""Readings of a running system end this long before now, so that rows that arrive late by seconds are not missed."""

Cursor = Mapping[str, Any]


@dataclass
class PlannedWindow:
    """One window of one partition: its slice, what the state may say after it, and whether it was read whole."""

    cursor_slice: Mapping[str, Any]
    cursor_after: Any
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

    SETTINGS: ClassVar[tuple[str, ...]] = ()
    """Names of the settings kept beside the cursor: under another value, the rows would be other rows."""

    @abstractmethod
    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first; without a saved cursor (see `usable`), all since the start."""

    @abstractmethod
    def position(self, saved: Cursor) -> Any:
        """Where a saved cursor stands, to be compared with others; an error where it cannot be read."""

    def cursor(self, cursor_after: Any) -> dict[str, Any]:
        """The cursor to save once everything up to `reaches` was read."""
        return {self.cursor_field: cursor_after, "since": self.start, **self.settings()}

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
        if self.start < str(saved.get("since", self.start)):
            logger.warning(
                "%s: start_date is now %s and the saved state began on %s; the stream is read again from its start.",
                self.stream,
                self.start,
                saved["since"],
            )
            return None
        return saved

    def unreadable(self, value: object) -> Exception:
        """The error for a saved cursor that cannot be read."""
        return config_error(
            f"{self.stream}: the saved state holds {value!r} for {self.cursor_field}, "
            "which is neither a date nor a time. "
            "Reset the state of this stream, so that it is read again from start_date."
        )

    def ahead(self, value: object) -> None:
        """Says that nothing is read, because the saved cursor lies in the future."""
        logger.warning(
            "%s: the saved state says that everything up to %s was read, which lies in the future; nothing is read "
            "until then. Reset the state of this stream if that is wrong.",
            self.stream,
            value,
        )


@dataclass
class _Days(WindowPlanner):
    """What the two kinds of export windows share: days of `timezone`, and a cursor that is the last day read whole."""

    scope: str = "company"

    SETTINGS: ClassVar[tuple[str, ...]] = ("scope",)

    def cursor(self, cursor_after: Any) -> dict[str, Any]:
        """The cursor, with the zone its days are counted in."""
        return {**super().cursor(cursor_after), "timezone": self.timezone}

    def position(self, saved: Cursor) -> date:
        """The last day that was read whole, counted in the zone of today's configuration.

        A saved time of day stands for a day that was read in part, so the day before it counts. A day of another zone
        ends at another instant: the day that holds this instant is not whole.
        """
        value = saved[self.cursor_field]
        try:
            text = str(value)
            if len(text) == len("2026-01-01"):
                day = date.fromisoformat(text)
            else:
                moment = datetime.fromisoformat(text)
                day = (local_day(moment, self.zone) if moment.tzinfo else moment.date()) - DAY
        except ValueError:
            raise self.unreadable(value) from None
        written = saved.get("timezone", self.timezone)
        if written == self.timezone or day > date.max - 2 * DAY:  # the last days of the calendar have no day after
            return day
        try:
            zone = zone_of(str(written))
        except (ValueError, KeyError):
            raise self.unreadable({self.cursor_field: value, "timezone": written}) from None
        return local_day(midnight(day + DAY, zone), self.zone) - DAY

    def bounds(self, saved: Cursor | None) -> tuple[date, date] | None:
        """First day to read and today; None when nothing is to be read."""
        today = local_day(datetime.now(UTC), self.zone)
        start = date.fromisoformat(self.start)
        if saved is None:
            return start, today
        read = self.position(saved)
        if read > today + DAY:
            self.ahead(saved[self.cursor_field])
            return None
        return max(start, read - timedelta(days=self.lookback_days) + DAY), today


@dataclass
class RecordExportWindows(_Days):
    """Windows of a records export: closed days in stretches of `days`, and today by itself.

    Stats API page: `is_today` reads other tables than `days_ago`, and a range that mixes today with older days answers
    wrongly, so today is always a window of its own. It never moves the state: its day is read again from history.
    Another `timezone` makes the same rows (each is an instant), so the state is carried over to the day that is whole
    in both zones; `figures` of a day are other figures in another zone.
    """

    days: int = 30
    figures: bool = False

    def settings(self) -> dict[str, Any]:
        """The settings that make other rows, beside the cursor."""
        return {**super().settings(), **({"timezone": self.timezone} if self.figures else {})}

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        bounds = self.bounds(saved)
        if bounds is None:
            return
        first, today = bounds
        for window in day_windows(first, today - DAY, self.days):
            yield PlannedWindow(_day_slice(window), cursor_after=window.last.isoformat())
        if date.fromisoformat(self.start) <= today:
            yield PlannedWindow(_day_slice(DayWindow(today, today)), cursor_after=None)


@dataclass
class AggregateWindows(_Days):
    """Windows of an aggregated export: one whole day, week or month a request, and the running one up to yesterday.

    A figure without a date stands for the window it was asked for, so windows are never cut: the first begins at the
    calendar edge on or before the start, and every window that ends inside the look-back is read again whole. A running
    day is read from the today table; a running week or month by its closed days: history and today do not mix.
    """

    aggregate_window: Grain = "day"

    SETTINGS: ClassVar[tuple[str, ...]] = ("scope", "timezone", "aggregate_window")

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The windows to read, oldest first."""
        bounds = self.bounds(saved)
        if bounds is None:
            return
        first, today = bounds
        for window in calendar_windows(first, today, self.aggregate_window):
            if window.last < today:
                yield PlannedWindow(_day_slice(window), cursor_after=window.last.isoformat())
            elif window.first == today and self.aggregate_window == "day":
                yield PlannedWindow(_day_slice(window), cursor_after=None)
            elif window.first < today:
                closed = DayWindow(window.first, today - DAY)
                yield PlannedWindow(
                    {**_day_slice(closed), "edge": window.last.isoformat()}, cursor_after=closed.last.isoformat()
                )


def _day_slice(window: DayWindow) -> dict[str, str]:
    return {"first_day": window.first.isoformat(), "last_day": window.last.isoformat()}


@dataclass
class DatetimeWindows(WindowPlanner):
    """Touching windows of instants: start inclusive, end exclusive, the last one ending `lag` before now.

    The cursor is the end of the last window read whole, as milliseconds or as RFC 3339 text. `kept_days` is how long
    the API keeps its rows: an older start, or an older state, is moved forward and said so.
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
            yield PlannedWindow(edges, cursor_after=self.written(window.end))

    def bounds(self, saved: Cursor | None) -> tuple[datetime, datetime] | None:
        """Start and end of what is to be read; None when nothing is."""
        now = datetime.now(UTC)
        end = (now - self.lag).replace(microsecond=0)
        start = midnight(date.fromisoformat(self.start), self.zone)
        if saved:
            read = self.position(saved)
            if read > now + DAY:
                self.ahead(saved[self.cursor_field])
                return None
            start = max(start, min(read, end) - timedelta(days=self.lookback_days + self.extra_lookback_days))
        if self.kept_days is not None:
            start = self.kept(start, now - timedelta(days=self.kept_days), resumed=bool(saved))
        return start, end

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

    def written(self, instant: datetime) -> Any:
        """An instant as the state keeps it."""
        return milliseconds(instant) if self.cursor_unit == "milliseconds" else rfc3339(instant)

    def position(self, saved: Cursor) -> datetime:
        """Where a saved cursor stands."""
        return self.parsed(saved[self.cursor_field])

    def parsed(self, value: Any) -> datetime:
        """A saved cursor as an instant: milliseconds, RFC 3339 text, or a date (its midnight in the zone)."""
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
    """Whole local days, weeks or months as instants, for figures that carry no time of their own.

    The edges are midnights of `timezone`, so a day has 23 or 25 hours where the clocks change. The running window is
    read up to `lag` before now; the state then stands inside it, so that the next sync reads it again whole. Other
    settings make other figures, so they stand beside the cursor.
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
        """The windows to read, oldest first."""
        today = local_day(datetime.now(UTC), self.zone).isoformat()
        if saved:
            taken = self.position(saved).isoformat()
            if taken > today:
                self.ahead(taken)
            if taken >= today:
                return
        yield PlannedWindow({"snapshot_date": today}, cursor_after=today)

    def position(self, saved: Cursor) -> date:
        """Where a saved cursor stands."""
        value = saved[self.cursor_field]
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise self.unreadable(value) from None


@dataclass
class LogTail(DatetimeWindows):
    """One window from the last record read to the end of a log that is kept in order.

    The log's own order is the cursor, so nothing is looked back for, no lag is needed, and no clock is compared: the
    receiver's may be ahead. The state is the greatest cursor among the records, and the record that carries it is read
    once more.
    """

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """The one window."""
        start = midnight(date.fromisoformat(self.start), self.zone)
        if saved:
            start = max(start, self.position(saved))
        yield PlannedWindow({"start_time": rfc3339(start)}, cursor_after=MAX_OF_RECORDS)


MAX_OF_RECORDS = "greatest record"
"""Stands in `reaches` for the greatest cursor among the window's records."""
