"""Windows: which stretch of time one slice covers, cut on the calendar of a time zone.

Pure functions of dates and instants; nothing here knows a stream, a state or the clock. Days are calendar days of the
configured zone, so a day has 23 or 25 hours where the clocks change. Weeks begin on Monday. Every window says which of
its ends is inclusive: `DayWindow` includes both days, `InstantWindow` includes its start and excludes its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, NamedTuple

import pendulum

Grain = Literal["day", "week", "month"]

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MINUTES_A_DAY = 1440
_PRINTED_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(MINUTES_A_DAY))
_PRINTED_SECONDS = tuple(f"{second:02d}" for second in range(60))


class DayWindow(NamedTuple):
    """Whole calendar days, both ends inclusive."""

    first: date
    last: date

    @property
    def label(self) -> str:
        """The window as errors and logs name it."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


class InstantWindow(NamedTuple):
    """A stretch of time: `start` is inclusive, `end` exclusive."""

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


def calendar_window(day: date, grain: Grain) -> DayWindow:
    """The whole day, week (Monday to Sunday) or month that holds `day`."""
    if grain == "day":
        return DayWindow(day, day)
    if grain == "week":
        monday = day - timedelta(days=day.weekday())
        return DayWindow(monday, monday + timedelta(days=6))
    first = day.replace(day=1)
    return DayWindow(first, (first + timedelta(days=32)).replace(day=1) - DAY)


def calendar_windows(first: date, last: date, grain: Grain) -> Iterator[DayWindow]:
    """All whole calendar windows that hold a day of `first` to `last` (both inclusive)."""
    window = calendar_window(first, grain)
    while window.first <= last:
        yield window
        window = calendar_window(window.last + DAY, grain)


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


def rfc3339(instant: datetime) -> str:
    """An instant as RFC 3339 text with its offset, with as many digits behind the second as it needs."""
    digits = "microseconds" if instant.microsecond % 1000 else "milliseconds" if instant.microsecond else "seconds"
    return instant.isoformat(timespec=digits)


def rfc3339_of_milliseconds(value: int) -> str:
    """Milliseconds since 1970 UTC as `rfc3339` writes them, four times as fast: every row has such times."""
    second, fraction = second_of_milliseconds(value), value % 1000
    return f"{second}.{fraction:03d}+00:00" if fraction else f"{second}+00:00"


def second_of_milliseconds(value: int) -> str:
    """The second in UTC that holds an instant, as `2026-10-21T09:30:00`; OverflowError beyond the calendar."""
    minute, second = divmod(value // 1000, 60)
    day, minute = divmod(minute, MINUTES_A_DAY)
    return f"{_printed_day(day)}{_PRINTED_MINUTES[minute]}{_PRINTED_SECONDS[second]}"


@lru_cache(maxsize=1000)
def _printed_day(day: int) -> str:
    return f"{(EPOCH + timedelta(days=day)).date()}T"


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970 UTC, exact."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The instant of milliseconds since 1970 UTC, exact."""
    return EPOCH + timedelta(milliseconds=value)


def zone_of(name: str) -> tzinfo:
    """The time zone of a tz database name."""
    return pendulum.timezone(name)
