"""Local times of a zone as exports print them, the days of a zone, and the windows of a calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fake_dialpad.model import MINUTE, SECOND

MINUTES_KEPT: Final = 200_000
#: The named periods of the Analytics API.
PRESETS: Final = (
    "Today",
    "Yesterday",
    "ThisWeek",
    "PreviousWeek",
    "ThisMonth",
    "PreviousMonth",
    "ThisQuarter",
    "PreviousQuarter",
    "ThisYear",
)


class LocalTime:
    """Writes instants as naive local times of one zone, quickly: the minute's text is kept."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self.zone = ZoneInfo(timezone)
        self._minutes: dict[int, str] = {}

    def text(self, instant_us: int | None, *, fraction: bool = True) -> str:
        """Return `YYYY-MM-DD HH:MM:SS` with or without `.ffffff`; an absent instant is an empty cell."""
        if instant_us is None:
            return ""
        minute, rest = divmod(instant_us, MINUTE)
        head = self._minutes.get(minute)
        if head is None:
            local = datetime.fromtimestamp(minute * 60, UTC).astimezone(self.zone)
            # zones with seconds in their offset ended before 1970; minutes stay whole
            if len(self._minutes) > MINUTES_KEPT:
                self._minutes.clear()
            head = self._minutes[minute] = f"{local:%Y-%m-%d %H:%M:}"
        second, micro = divmod(rest, SECOND)
        return f"{head}{second:02d}.{micro:06d}" if fraction else f"{head}{second:02d}"

    def day(self, instant_us: int) -> date:
        """Return the local day of an instant."""
        return date.fromisoformat(self.text(instant_us // MINUTE * MINUTE)[:10])

    def midnight(self, day: date) -> int:
        """Return the first instant of a local day, in microseconds."""
        start = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return int(start.timestamp()) * SECOND


@dataclass(frozen=True, slots=True)
class Days:
    """The local days an export covers, both ends included; `start_us` is in, `end_us` is not."""

    first: date
    last: date
    start_us: int
    end_us: int


def days_between(first: date, last: date, clock: LocalTime) -> Days | None:
    """Return the local days from first to last; nothing if last is before first."""
    if last < first:
        return None
    return Days(first, last, clock.midnight(first), clock.midnight(last + timedelta(days=1)))


def windows(first: date, last: date, grain: str, clock: LocalTime) -> list[tuple[date, date, int, int]]:
    """Return the whole calendar windows over the days: first and last day, first instant, instant after the last."""
    windows_of_days = []
    day = first
    if grain == "week":
        day -= timedelta(days=day.weekday())
    if grain == "month":
        day = day.replace(day=1)
    while day <= last:
        after = day + timedelta(days=7 if grain == "week" else 1)
        if grain == "month":
            after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        windows_of_days.append((day, after - timedelta(days=1), clock.midnight(day), clock.midnight(after)))
        day = after
    return windows_of_days


def preset(name: str, today: date) -> tuple[date, date]:
    """Return the first and last day of a preset."""
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    yesterday, last_month, last_quarter = (
        today - timedelta(days=1),
        first - timedelta(days=1),
        quarter - timedelta(days=1),
    )
    return {
        "Today": (today, today),
        "Yesterday": (yesterday, yesterday),
        "ThisWeek": (monday, today),
        "PreviousWeek": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "ThisMonth": (first, today),
        "PreviousMonth": (last_month.replace(day=1), last_month),
        "ThisQuarter": (quarter, today),
        "PreviousQuarter": (date(last_quarter.year, (last_quarter.month - 1) // 3 * 3 + 1, 1), last_quarter),
        "ThisYear": (date(today.year, 1, 1), today),
    }[name]
