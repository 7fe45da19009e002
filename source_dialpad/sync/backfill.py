"""The planner of exports, which are scarce (200 an hour): what is new, then as much history as a sync may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from source_dialpad.sync.planner import Cursor, PlannedWindow, WindowPlanner, done_in_order
from source_dialpad.sync.windows import DAY, DayWindow, Grain, day_windows, local_day, midnight
from source_dialpad.transport.times import zone_of

SETTLED = timedelta(hours=9)
"""How long after its end a day moves the state: history tables lag by hours, and exports are cached for three."""

BACKFILLED_TO = "backfilled_to"
READ_AT = "read_at"


@dataclass
class ExportWindows(WindowPlanner):
    """Windows of exports: today, what is new up to yesterday, then history back to the start.

    The state is the last day read whole (`cursor_field`), the first one (`backfilled_to`, while there is history left),
    the zone of these days, and when the partition was last read (`read_at`). A state without `backfilled_to` was read
    whole since `since`. A day moves the state when it ended `SETTLED` ago; it is read before that, and again by the
    next sync. Where the zone is none of the `settings`, the state is carried over to the day that is whole in both.

    `size` is what one export covers: so many days at most, where rows have an instant or a day of their own, or a whole
    day, week or month. Aggregates without a date stand for the window they were asked for, so these are never cut: the
    first begins at the calendar edge on or before the start, and each that ends inside the look-back is read again.

    Today is a window of its own that never moves the state: its day is read again from history. Stats API page:
    `is_today` reads other tables than `days_ago`, and a range that mixes today with older days answers wrongly. So a
    running week or month is read by its closed days. Exports without `today` have the days up to yesterday.
    """

    size: int | Grain = 30
    today: bool = True

    def windows(self, saved: Cursor | None) -> Iterator[PlannedWindow]:
        """Today, then what is new up to yesterday, oldest first; then history, newest first."""
        now = datetime.now(UTC)
        today, settled = local_day(now, self.zone), local_day(now - SETTLED, self.zone) - DAY
        start, yesterday = self.first_day(), today - DAY
        anchor: date | None = None
        last = date.min
        if saved:
            last, before = self.parse_cursor(saved), self.backfilled_to(saved)
            if last > today + DAY:
                self.warn_ahead(saved[self.cursor_field])
                return
            first = self._first_of_window(max(last - self.lookback_days * DAY + DAY, before))
            if not self.start_is_default and start > first:
                first, anchor = start, start if start > last + DAY else None
        else:  # as many of the newest windows as it takes to hold a settled day
            newest = (window.first for window in day_windows(start, yesterday, self.size, newest_first=True))
            first = before = anchor = next((day for day in newest if day <= settled), start)
        read_at = str((saved or {}).get(READ_AT, ""))
        if self.today and self.size not in ("week", "month") and start <= today:
            yield PlannedWindow(slice_of(DayWindow(today, today), today), None, read_at=read_at)
        for window in day_windows(first, yesterday, self.size):
            reached = min(window.last, settled)
            after = reached.isoformat() if reached >= window.first else None
            backfilled_to = anchor.isoformat() if anchor and after else None
            reread = window.last <= last
            yield PlannedWindow(slice_of(window, today), after, backfilled_to, read_at=read_at, reread=reread)
        for window in day_windows(start, before - DAY, self.size, newest_first=True):
            backfilled_to = window.first.isoformat()
            yield PlannedWindow(slice_of(window, today), None, backfilled_to, history=True, read_at=read_at)

    def progress(self, plan: Sequence[PlannedWindow], saved: Cursor | None) -> dict[str, Any] | None:
        """The cursor, moved forward and back in time, and when its partition was last read."""
        cursor = super().progress(plan, saved)
        if cursor is None:
            return None
        done = done_in_order(window for window in plan if window.backfilled_to)
        if done and done[-1].backfilled_to:
            cursor |= {"since": done[-1].backfilled_to, BACKFILLED_TO: done[-1].backfilled_to}
            if date.fromisoformat(done[-1].backfilled_to) <= self.first_day():
                cursor["since"] = self.start
                del cursor[BACKFILLED_TO]
        if any(window.done and not window.history for window in plan):
            cursor[READ_AT] = datetime.now(UTC).isoformat(timespec="seconds")
        return cursor

    def cursor(self, cursor_after: Any, saved: Cursor | None = None) -> dict[str, Any]:
        """The cursor, with the zone its days are counted in; how far back it reaches is kept."""
        kept = {name: saved[name] for name in ("since", BACKFILLED_TO) if saved and name in saved}
        return {**super().cursor(cursor_after), **kept, "timezone": self.timezone}

    def first_day(self) -> date:
        """The first day of the first window that is wanted."""
        return self._first_of_window(date.fromisoformat(self.start))

    def backfilled_to(self, saved: Cursor) -> date:
        """The first day of the first window that a saved state holds."""
        value = saved.get(BACKFILLED_TO) or saved.get("since", self.start)
        try:
            first = self._first_of_window(date.fromisoformat(str(value)))
        except ValueError:
            raise self.unreadable({BACKFILLED_TO: value}) from None
        is_complete = BACKFILLED_TO not in saved and self.start_is_default
        return min(first, self.first_day()) if is_complete else first

    def _first_of_window(self, day: date) -> date:
        return next(day_windows(day, day, self.size)).first

    def parsed(self, text: str) -> date:
        """The last day that was read whole; a time of day stands for a day that was read in part."""
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return (local_day(moment, self.zone) if moment.tzinfo else moment.date()) - DAY

    def parse_cursor(self, saved: Cursor) -> date:
        """The last day that was read whole, here and in the zone that the saved days were counted in."""
        day: date = super().parse_cursor(saved)
        written = saved.get("timezone", self.timezone)
        if written == self.timezone or day > date.max - 2 * DAY:  # the last days of the calendar have no day after
            return day
        try:
            zone = zone_of(str(written))
        except (ValueError, KeyError):
            raise self.unreadable({self.cursor_field: saved[self.cursor_field], "timezone": written}) from None
        return local_day(midnight(day + DAY, zone), self.zone) - DAY


def slice_of(window: DayWindow, today: date) -> Mapping[str, str]:
    """The closed days of a window, or today; `calendar_end` is the edge of a week or month that is still running."""
    last = window.last if window.last < today or window.first == today else today - DAY
    running = {} if last == window.last else {"calendar_end": window.last.isoformat()}
    return {"first_day": window.first.isoformat(), "last_day": last.isoformat(), **running}
