"""Windows: which range of time one slice covers, cut on the calendar of a time zone.

Pure functions of dates and instants, which know no stream, state or clock. Weeks begin on Monday.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

import pendulum

Grain = Literal["day", "week", "month"]

DAY = timedelta(days=1)


class DayWindow(NamedTuple):
    """Whole calendar days, both ends inclusive."""

    first: date
    last: date

    @property
    def label(self) -> str:
        """As errors and logs name it."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


def calendar_window(day: date, grain: Grain) -> DayWindow:
    """The whole day, week (Monday to Sunday) or month that holds `day`."""
    whole = pendulum.date(day.year, day.month, day.day)
    first, last = whole.start_of(grain), whole.end_of(grain)
    return DayWindow(date(first.year, first.month, first.day), date(last.year, last.month, last.day))


def day_windows(first: date, last: date, size: int | Grain, *, newest_first: bool = False) -> Iterator[DayWindow]:
    """The days from `first` to `last` (both inclusive), without gap or overlap, counted from the end that comes first.

    A `size` is a number of days at most, or a grain: then all windows are whole, and the outer ones may reach beyond.
    """
    while first <= last:
        if not isinstance(size, int):
            window = calendar_window(last if newest_first else first, size)
        elif newest_first:
            window = DayWindow(max(last - (size - 1) * DAY, first), last)
        else:
            window = DayWindow(first, min(first + (size - 1) * DAY, last))
        yield window
        first, last = (first, window.first - DAY) if newest_first else (window.last + DAY, last)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The first instant of `day` in `zone`: the earlier of two midnights, or the first instant after a skipped one."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone, fold=0)
    return local.astimezone(UTC).astimezone(zone)  # through UTC, so that a skipped midnight becomes a time that exists


def local_day(instant: datetime, zone: tzinfo) -> date:
    """The calendar day of an instant in `zone`."""
    return instant.astimezone(zone).date()
