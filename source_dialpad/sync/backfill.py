"""The planner of exports: days and calendar windows, what is new first, then history back to the start.

Exports are scarce (200 an hour), so an incremental sync reads what is new, and as much of the history behind it as its
share of the hour allows; the state says how far back everything was read.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from source_dialpad.sync.planner import Cursor, PlannedWindow, WindowPlanner
from source_dialpad.sync.windows import (
    DAY,
    DayWindow,
    Grain,
    calendar_window,
    calendar_windows,
    calendar_windows_back,
    day_windows,
    day_windows_back,
    local_day,
    midnight,
)
from source_dialpad.transport.times import zone_of

SETTLED = timedelta(hours=9)
"""How long after its end a day moves the state: history tables lag by hours, and exports are cached for three."""

BACKFILLED_TO = "backfilled_to"
READ_AT = "read_at"


@dataclass
class BackfillingWindows(WindowPlanner):
    """Windows of exports: first what is new, then history back to the start.

    The state is the last day read whole (`cursor_field`), the first one (`backfilled_to`, while there is history left),
    and when the partition was last read (`read_at`). A state without `backfilled_to` was read whole since `since`.
    A day moves the state when it ended `SETTLED` ago; it is read before that, and again by the next sync.

    Today is a window of its own that never moves the state: its day is read again from history.
    """

    scope: str = "company"

    SETTINGS: ClassVar[tuple[str, ...]] = ("scope",)
    notes_reading: ClassVar[bool] = True
    reads_today: ClassVar[bool] = True

    @abstractmethod
    def recent(self, first: date, today: date) -> Iterator[DayWindow]:
        """The windows from `first` up to yesterday, oldest first."""

    @abstractmethod
    def back(self, first: date, last: date) -> Iterator[DayWindow]:
        """The windows that hold the days from `first` to `last`, newest first."""

    @abstractmethod
    def slice_of(self, window: DayWindow, today: date) -> Mapping[str, str]:
        """The window as its slice: `first_day`, `last_day`, and what its rows have to know."""

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """Today, then what is new up to yesterday, oldest first; then history, newest first."""
        now = datetime.now(UTC)
        today, settled = local_day(now, self.zone), local_day(now - SETTLED, self.zone) - DAY
        start = self.first_day()
        anchor: str | None = None
        last = date.min
        if saved is None:
            recent, before = self._newest(start, today, settled)
            anchor = before.isoformat()
        else:
            last, before = self.parse_cursor(saved), self.backfilled_to(saved)
            if last > today + DAY:
                self.warn_ahead(saved[self.cursor_field])
                return
            first = max(last - timedelta(days=self.lookback_days) + DAY, before)
            if not self.start_is_default and start > first:
                first, anchor = start, start.isoformat() if start > last + DAY else None
            recent = list(self.recent(first, today))
        read_at = str((saved or {}).get(READ_AT, ""))
        if self.reads_today and start <= today:
            yield PlannedWindow(self.slice_of(DayWindow(today, today), today), cursor_after=None, read_at=read_at)
        for window in recent:
            reached = min(window.last, today - DAY, settled)
            cursor_after = reached.isoformat() if reached >= window.first else None
            reread = window.last <= last
            yield PlannedWindow(self.slice_of(window, today), cursor_after, anchor, read_at=read_at, reread=reread)
        for window in self.back(start, before - DAY):
            backfilled_to = window.first.isoformat()
            yield PlannedWindow(self.slice_of(window, today), None, backfilled_to, history=True, read_at=read_at)

    def _newest(self, start: date, today: date, settled: date) -> tuple[list[DayWindow], date]:
        """The newest windows, as many as it takes to hold a settled day, and the first day of them."""
        recent: list[DayWindow] = []
        for window in self.back(start, today - DAY):
            recent.insert(0, window)
            if window.first <= settled:
                break
        return recent, recent[0].first if recent else today

    def first_day(self) -> date:
        """The first day that is wanted."""
        return date.fromisoformat(self.start)

    def backfilled_to(self, saved: Cursor) -> date:
        """The first day that a saved state holds."""
        value = saved.get(BACKFILLED_TO) or saved.get("since", self.start)
        try:
            first = date.fromisoformat(str(value))
        except ValueError:
            raise self.unreadable({BACKFILLED_TO: value}) from None
        complete = BACKFILLED_TO not in saved and self.start_is_default
        return min(first, self.first_day()) if complete else first

    def cursor(self, cursor_after: Any, saved: Cursor | None = None) -> dict[str, Any]:
        """The cursor, with the zone its days are counted in; `saved` tells what is kept of the one before."""
        kept = {name: saved[name] for name in ("since", BACKFILLED_TO) if saved and name in saved}
        return {
            self.cursor_field: cursor_after,
            "since": self.start,
            **self.settings(),
            **kept,
            "timezone": self.timezone,
        }

    def backfilled(self, cursor: dict[str, Any], first_day: str) -> dict[str, Any]:
        """The cursor once everything from `first_day` on was read; no `backfilled_to` once that is the start."""
        if date.fromisoformat(first_day) <= self.first_day():
            return {name: value for name, value in {**cursor, "since": self.start}.items() if name != BACKFILLED_TO}
        return {**cursor, "since": first_day, BACKFILLED_TO: first_day}

    def with_start(self, saved: Cursor) -> Cursor:
        """An earlier start_date only extends the backfill."""
        return saved

    def parse_cursor(self, saved: Cursor) -> date:
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


@dataclass
class RecordExportWindows(BackfillingWindows):
    """Windows of a records export: closed days, up to `days` of them at once, and today.

    Stats API page: `is_today` reads other tables than `days_ago`, and a range that mixes today with older days answers
    wrongly. Another `timezone` makes the same rows (each is an instant), so the state is carried over to the day that
    is whole in both zones; `aggregates` of a day are others in another zone.
    """

    days: int = 30
    aggregates: bool = False

    def settings(self) -> dict[str, Any]:
        """The settings that make other rows, beside the cursor."""
        return {**super().settings(), **({"timezone": self.timezone} if self.aggregates else {})}

    def recent(self, first: date, today: date) -> Iterator[DayWindow]:
        """Windows of up to `days` days."""
        return day_windows(first, today - DAY, self.days)

    def back(self, first: date, last: date) -> Iterator[DayWindow]:
        """Windows of up to `days` days."""
        return day_windows_back(first, last, self.days)

    def slice_of(self, window: DayWindow, today: date) -> Mapping[str, str]:  # noqa: ARG002  # as in the class above
        """The days of the window."""
        return {"first_day": window.first.isoformat(), "last_day": window.last.isoformat()}


@dataclass
class AggregateWindows(BackfillingWindows):
    """Windows of an aggregated export: one whole day, week or month a request, and the running one up to yesterday.

    Aggregates without a date stand for the window they were asked for, so windows are never cut: the first begins at
    the calendar edge on or before the start, and every window that ends inside the look-back is read again whole. A
    running day is read from the today table; a running week or month by its closed days: history and today do not mix.
    """

    aggregate_window: Grain = "day"

    SETTINGS: ClassVar[tuple[str, ...]] = ("scope", "timezone", "aggregate_window")

    @property
    def reads_today(self) -> bool:  # type: ignore[override]
        """Only a running day is a window by itself."""
        return self.aggregate_window == "day"

    def first_day(self) -> date:
        """The first day of the first window."""
        return calendar_window(super().first_day(), self.aggregate_window).first

    def backfilled_to(self, saved: Cursor) -> date:
        """The first day of the first window that a saved state holds."""
        return calendar_window(super().backfilled_to(saved), self.aggregate_window).first

    def recent(self, first: date, today: date) -> Iterator[DayWindow]:
        """Whole calendar windows up to yesterday."""
        return calendar_windows(first, today - DAY, self.aggregate_window)

    def back(self, first: date, last: date) -> Iterator[DayWindow]:
        """Whole calendar windows."""
        return calendar_windows_back(first, last, self.aggregate_window)

    def slice_of(self, window: DayWindow, today: date) -> Mapping[str, str]:
        """The closed days of the window; the edge of a running one as `calendar_end`."""
        days = {"first_day": window.first.isoformat(), "last_day": window.last.isoformat()}
        if window.last < today or window.first == today:
            return days
        return {**days, "last_day": (today - DAY).isoformat(), "calendar_end": window.last.isoformat()}
