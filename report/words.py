"""Numbers as people read them: 1,234, 68%, 8.1%, 39 s, 5 min 23 s, 3 h 26 min, 24 Aug."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

NOTHING = "\u2013"
"""Where there is no number."""
ONE_DECIMAL_BELOW = 0.0995
DAY = 86_400


def count(number: float | None) -> str:
    """A number of things, with a comma at the thousands."""
    return NOTHING if number is None else f"{number:,.0f}"


def percent(fraction: float | None) -> str:
    """A fraction from 0 to 1: without decimals, with one below 10%."""
    if fraction is None:
        return NOTHING
    return f"{fraction:.1%}" if 0 < abs(fraction) < ONE_DECIMAL_BELOW else f"{fraction:.0%}"


def rate(fraction: float | None, of: float | None) -> str:
    """A percentage and the number of things it is taken of."""
    return NOTHING if fraction is None else f"{percent(fraction)} of {count(of)}"


def duration(seconds: float | None) -> str:
    """Seconds as 39 s, 5 min 23 s, 3 h 26 min or 12 days."""
    if seconds is None:
        return NOTHING
    if seconds <= 60:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:  # noqa: PLR2004
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    if whole < 2 * DAY:
        return f"{whole // 3600:,} h {whole % 3600 // 60} min"
    return f"{whole / DAY:,.0f} days"


def hours(seconds: float | None) -> str:
    """Seconds as hours, for sums."""
    return NOTHING if seconds is None else f"{seconds / 3600:,.0f} h"


def day(when: date) -> str:
    """24 Aug."""
    return f"{when.day} {when:%b}"


def plural(number: float, one: str, several: str = "") -> str:
    """A number and its noun."""
    return f"{count(number)} {one if number == 1 else several or one + 's'}"


def listed(words: list[str]) -> str:
    """Several words as a list within a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def sentence(*parts: str) -> str:
    """The parts that say something, each a sentence."""
    return " ".join(part for part in parts if part)


def text(words: object) -> str:
    """Words as they are."""
    return NOTHING if words is None else str(words)


def title(word: str) -> str:
    """A word at the beginning of a line."""
    return word.capitalize()


def words(name: str | None) -> str:
    """A name of a kind: call center."""
    return text(name).replace("_", " ")


def measure(name: str) -> str:
    """The name of a measure: handle time."""
    plain = name.replace("asa_seconds", "speed of answer").replace("aht_seconds", "handle time")
    return words(plain.removesuffix("_seconds"))


def decimal(number: float | None) -> str:
    """A number with one decimal where it has one."""
    return NOTHING if number is None else f"{number:,.1f}".removesuffix(".0")


def clock(hour: int) -> str:
    """An hour of the day."""
    return f"{hour}:00"


def weekday(number: int) -> str:
    """The name of an ISO weekday, 1 to 7."""
    return ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[number - 1]


def reason(category: str | None) -> str:
    """A disposition's category."""
    return category or "not set"


def total(rows: list[dict[str, Any]], name: str) -> float:
    """The sum of a column."""
    return sum(row[name] or 0 for row in rows)


def ratio(part: float, whole: float) -> float | None:
    """A fraction, or nothing where there is nothing to divide by."""
    return part / whole if whole else None
