"""Instants as the warehouse reads them (RFC 3339) and as the APIs write them (milliseconds since 1970 UTC)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

import pendulum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(instant: datetime) -> str:
    """An instant as RFC 3339 text with its offset, with as many digits after the second as it needs."""
    digits = "microseconds" if instant.microsecond % 1000 else "milliseconds" if instant.microsecond else "seconds"
    return instant.isoformat(timespec=digits)


def rfc3339_of_milliseconds(value: int) -> str:
    """Milliseconds since 1970 UTC as `rfc3339` writes them; ValueError or OverflowError beyond the calendar."""
    second, fraction = second_of_milliseconds(value), value % 1000
    return f"{second}.{fraction:03d}+00:00" if fraction else f"{second}+00:00"


def second_of_milliseconds(value: int) -> str:
    """The second in UTC that holds an instant, as `2026-10-21T09:30:00`."""
    minute, second = divmod(value // 1000, 60)
    return f"{_minute(minute)}:{second:02d}"


@lru_cache(maxsize=1000)  # every row has such times, and most rows share their minute with the one before
def _minute(minute: int) -> str:
    return (EPOCH + timedelta(minutes=minute)).isoformat()[:16]


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970 UTC, exact."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(value: int) -> datetime:
    """The instant of milliseconds since 1970 UTC, exact."""
    return EPOCH + timedelta(milliseconds=value)


def zone_of(name: str) -> tzinfo:
    """The time zone of a tz database name."""
    return pendulum.timezone(name)
