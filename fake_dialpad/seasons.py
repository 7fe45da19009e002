"""When people call the invented company: opening hours, holidays, weekdays, seasons, one bad week in thirteen.

Guarantee: everything here follows from the company's seed and the date alone. Hours and days are those of the line.
All figures are invented.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from fake_dialpad.model import HOUR, SECOND, Party

if TYPE_CHECKING:
    import random

#: A bad week: an outage, more calls and people who are ill. One in every thirteen, so in every quarter of a year.
_BAD_WEEK: Final = 13
_WEEKDAYS: Final = (1.22, 1.07, 0.98, 0.94, 0.79, 0.24, 0.09)
_SATURDAY: Final = 5
#: The hours of a day in which its calls begin: nights belong to the day before.
EARLIEST: Final = 5.6
LATEST: Final = 28.4


@dataclass(frozen=True, slots=True)
class Profile:
    """What makes a line unlike the others; times in seconds, `share` beside those of the other lines."""

    share: float = 1.0
    opens: float = 9.0
    closes: float = 17.0
    talk: float = 200.0
    wrapup: float = 45.0
    patience: float = 240.0
    load: float = 0.55  # of the time of those on duty, as planned
    satisfaction: float = 4.1
    hit_by_outage: float = 1.1
    reasons: dict[str, float] = field(default_factory=dict)
    saturdays: bool = False
    works_on_holidays: bool = False


_PROFILES: Final = {
    "Support": Profile(
        1.5,
        8,
        18,
        205,
        45,
        330,
        0.52,
        4.15,
        1.7,
        {"Technical~Router": 4, "Resolved": 5, "Other": 1},
        saturdays=True,
        works_on_holidays=True,
    ),
    "Billing": Profile(1.15, 8, 17, 165, 40, 260, 0.6, 3.8, 1.2, {"Billing~Refund": 6, "Billing~Invoice": 7}),
    "Sales": Profile(0.85, 9, 17, 230, 60, 240, 0.42, 4.5, 1.0, {"Sales~New plan": 7, "Sales~Upgrade": 5}),
    "Technical": Profile(
        1.1, 8, 18, 290, 65, 420, 0.68, 3.65, 1.8, {"Technical~Router": 6, "Technical~Line down": 6}, saturdays=True
    ),
    "Renewals": Profile(0.6, 9, 17, 200, 50, 280, 0.45, 4.3, 1.0, {"Sales~Upgrade": 6, "Billing~Invoice": 2}),
    "Field service": Profile(
        0.8, 8, 16, 140, 30, 320, 0.6, 4.0, 1.4, {"Call back, later": 4, "Technical~Line down": 4}
    ),
    "Claims": Profile(0.7, 9, 17, 300, 90, 280, 0.55, 3.5, 1.2, {"Billing~Refund": 6}),
    "Partners": Profile(0.4, 9, 17, 240, 60, 300, 0.4, 4.4, 1.0, {"Sales~New plan": 4}),
}
_PLAIN: Final = Profile()
_OFFICE: Final = Profile(opens=8.0, closes=18.0)
#: Holidays by country, as month and day; those that move follow from Easter or the weekday.
_FIXED: Final = {
    "us": ((1, 1), (6, 19), (7, 4), (12, 25)),
    "de": ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26)),
    "in": ((1, 26), (8, 15), (10, 2), (12, 25)),
}
#: Days after Easter Sunday.
_AFTER_EASTER: Final = {"de": (-2, 1, 39, 50)}
#: Month, weekday and which of the month; -1 is the last.
_NTH: Final = {"us": ((1, 0, 3), (5, 0, -1), (9, 0, 1), (11, 3, 4))}
_DIWALI: Final = {2025: (10, 20), 2026: (11, 8), 2027: (10, 29), 2028: (10, 17)}


def profile(party: Party) -> Profile:
    """Return what makes a line unlike the others."""
    if party.type == "office":
        return _OFFICE
    return _PROFILES.get(party.name.rstrip(" 0123456789"), _PLAIN)


def opening(party: Party, weekday: int) -> tuple[float, float] | None:
    """Return when a line opens and closes on a weekday, in hours of its zone; None where it stays closed."""
    own = profile(party)
    if weekday < _SATURDAY:
        return own.opens, own.closes
    return (9.0, 14.0) if weekday == _SATURDAY and own.saturdays else None


def _easter(year: int) -> date:
    century, place = year // 100, year % 19
    moon = (19 * place + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (year % 100 // 4) - moon - year % 4) % 7
    month = (place + 11 * moon + 22 * weekday) // 451
    days = moon + weekday - 7 * month + 114
    return date(year, days // 31, days % 31 + 1)


def _nth(year: int, month: int, weekday: int, which: int) -> date:
    if which < 0:
        last = date(year, month + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (which - 1))


def is_holiday(country: str, day: date) -> bool:
    """Whether a day is a holiday in a country."""
    if (day.month, day.day) in _FIXED.get(country, ()):
        return True
    if country == "in" and _DIWALI.get(day.year) == (day.month, day.day):
        return True
    if any(day == _easter(day.year) + timedelta(days=after) for after in _AFTER_EASTER.get(country, ())):
        return True
    return any(day == _nth(day.year, *nth) for nth in _NTH.get(country, ()))


def is_bad_week(seed: int, day: date) -> bool:
    """Whether a day lies in a bad week, Monday to Sunday."""
    return ((day.toordinal() - 1) // 7 + seed) % _BAD_WEEK == 2


def usual(party: Party, country: str, day: date) -> float:
    """Return how many calls a line is known to get on a day, beside a weekday of the year's mean."""
    own = profile(party)
    size = _WEEKDAYS[day.weekday()] * (1 + 0.12 * math.cos((day.timetuple().tm_yday - 340) / 58.1))
    if party.name.startswith("Billing") and day.day <= 4:
        size *= 1.4
    if day.weekday() >= _SATURDAY and party.type != "office":
        size *= 1.8 if opening(party, day.weekday()) else 0.3
    if is_holiday(country, day):
        size *= 0.6 if own.works_on_holidays else 0.2
    return size


def factor(seed: int, party: Party, country: str, day: date) -> float:
    """Return how many calls a line gets on a day, beside a weekday of the year's mean, without chance."""
    return usual(party, country, day) * (profile(party).hit_by_outage if is_bad_week(seed, day) else 1.0)


def count(rng: random.Random, mean: float) -> int:
    """Draw how often something happens that happens `mean` times on average."""
    if mean > 40:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, times = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        times += 1
    return times


def hour(rng: random.Random, party: Party, weekday: int) -> float:
    """Draw the hour at which a call to a line begins: most before noon, few at night."""
    draw = rng.random()
    opens, closes = opening(party, weekday) or (9.0, 16.0)
    if draw < 0.97:
        middle, width = (10.4, 1.4) if rng.random() < 0.58 else (14.3, 1.5)
        at = rng.gauss(middle, width)
        if not opens <= at < closes and rng.random() < 0.85:  # people know the hours
            at = rng.uniform(opens, closes)
    else:
        at = rng.uniform(6.5, 23.0)
    return min(max(at, EARLIEST), LATEST)


def local(party: Party, day: date, hours: float) -> int:
    """Return the instant at so many hours of a day in a party's zone, in microseconds."""
    whole = int(hours)
    start = datetime(day.year, day.month, day.day, whole % 24, tzinfo=ZoneInfo(party.timezone))
    start += timedelta(days=whole // 24)
    return int(start.timestamp()) * SECOND + int((hours - whole) * HOUR)


def open_span(party: Party, country: str, day: date) -> tuple[int, int] | None:
    """Return the instants at which a line opens and closes on a day; None where it stays closed."""
    hours = opening(party, day.weekday())
    if hours is None or (is_holiday(country, day) and not profile(party).works_on_holidays):
        return None
    return local(party, day, hours[0]), local(party, day, hours[1])
