"""Windows: which range of time one slice covers, cut on the calendar of a time zone.

Pure functions of dates and instants; nothing here knows a stream, a state or the clock. Days are calendar days of the
configured zone, so a day has 23 or 25 hours where the clocks change. Weeks begin on Monday. Every window says which of
its ends is inclusive: `DayWindow` includes both days, `InstantWindow` includes its start and excludes its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

import pendulum

from source_dialpad.transport.times import rfc3339

Grain = Literal["day", "week", "month"]

DAY = timedelta(days=1)


class DayWindow(NamedTuple):
    """Whole calendar days, both ends inclusive."""

    first: date
    last: date

    @property
    def label(self) -> str:
        """The window as errors and logs name it."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


class InstantWindow(NamedTuple):
    """A range of time: `start` is inclusive, `end` exclusive."""

    start: datetime
    end: datetime

    @property
    def label(self) -> str:
        """The window as errors and logs name it."""
        return f"{rfc3339(self.start)} to {rfc3339(self.end)}"


def day_windows(first: date, last: date, days: int) -> Iterator[DayWindow]:
    """Cuts `first` to `last` (both inclusive) into windows of at most `days` days, without gap or overlap."""
    while first <= last:
        end = min(first + timedelta(days=days - 1), last)
        yield DayWindow(first, end)
        first = end + DAY


def day_windows_back(first: date, last: date, days: int) -> Iterator[DayWindow]:
    """The same days in windows counted from the last day back, newest first."""
    while first <= last:
        start = max(last - timedelta(days=days - 1), first)
        yield DayWindow(start, last)
        last = start - DAY


def calendar_window(day: date, grain: Grain) -> DayWindow:
    """The whole day, week (Monday to Sunday) or month that holds `day`."""
    start, end = (getattr(pendulum.Date(day.year, day.month, day.day), edge)(grain) for edge in ("start_of", "end_of"))
    return DayWindow(date(start.year, start.month, start.day), date(end.year, end.month, end.day))


def calendar_windows(first: date, last: date, grain: Grain) -> Iterator[DayWindow]:
    """All whole calendar windows that hold a day of `first` to `last` (both inclusive)."""
    window = calendar_window(first, grain)
    while window.first <= last:
        yield window
        window = calendar_window(window.last + DAY, grain)


def calendar_windows_back(first: date, last: date, grain: Grain) -> Iterator[DayWindow]:
    """The same windows, newest first."""
    while first <= last:
        window = calendar_window(last, grain)
        yield window
        last = window.first - DAY


def instant_windows(start: datetime, end: datetime, step: timedelta, zone: tzinfo) -> Iterator[InstantWindow]:
    """Cuts `start` to `end` into touching windows of `step`, whose inner edges are midnights of `zone`.

    A step counts calendar days where it has no rest, so that an edge stays at midnight where the clocks change.
    """
    days = step // DAY
    while start < end:
        if days and step == days * DAY:
            local = start.astimezone(zone).date()
            edge = midnight(local + timedelta(days=days), zone)
        else:
            edge = start + step
        edge = min(edge, end)
        yield InstantWindow(start, edge)
        start = edge


def midnight(day: date, zone: tzinfo) -> datetime:
    """The first instant of `day` in `zone`: the earlier of two midnights, or the first instant after a skipped one."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone, fold=0)
    return local.astimezone(UTC).astimezone(zone)  # through UTC, so that a skipped midnight becomes a time that exists


def local_day(instant: datetime, zone: tzinfo) -> date:
    """The calendar day of an instant in `zone`."""
    return instant.astimezone(zone).date()
