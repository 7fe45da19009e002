"""What a figure is. The figures themselves stand in figures.yaml, their SQL in sql/."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from dbt_dialpad.warehouse import Rows

HERE = Path(__file__).resolve().parent
Series = Sequence[tuple[str, str, int]]
"""Column, word, number of its color."""


@dataclass(frozen=True)
class Figure:
    """One question and what answers it."""

    name: str
    """Of the file of SQL, the sentence and the anchor."""
    section: str
    question: str
    needs: list[str]
    """The streams without which there is no row."""
    table: list[tuple[str, str, str]]
    """Column, title, name of the function in words.py that writes a value."""
    note: str
    """What is counted, and how."""
    chart: str = ""
    """The function in drawings.py; empty: the table is the answer."""
    series: Series = ()


@dataclass(frozen=True)
class Period:
    """The days of the page: whole ones, the last 90 at most, from the beginning of a week where it goes by week."""

    since: date
    until: date
    by_week: bool

    def is_whole(self, starts_on: date) -> bool:
        """Whether the week, or day, is over."""
        return not self.by_week or starts_on + timedelta(days=6) <= self.until

    def in_sql(self, text: str) -> str:
        """A query with its days written in, as it runs and as it is shown."""
        days = {
            "since": self.since,
            "until": self.until,
            "recent": self.until - timedelta(days=27),
            "before": self.until - timedelta(days=55),
            "week_ago": self.until - timedelta(days=7),
        }
        for name, value in days.items():
            text = text.replace(f":{name}", f"date '{value}'")
        return text.replace(":bucket", "week" if self.by_week else "date").strip()


def figures() -> list[Figure]:
    """Every figure, in the order of the page."""
    entries = yaml.safe_load((HERE / "figures.yaml").read_text(encoding="utf-8"))
    return [Figure(**entry) for entry in entries]


def query(name: str) -> str:
    """The SQL of a figure or another part of the page, its days not written in yet."""
    return (HERE / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def period_of(dates: Rows) -> Period | None:
    """The period, from the rows of sql/period.sql; None where nothing was synced.

    The newest day is left out, since it was not over when it was synced; unless it is the only one.
    """
    if not dates:
        return None
    days = sorted(row["date"] for row in dates)
    until = days[-2] if len(days) > 1 else days[-1]
    since = max(days[0], until - timedelta(days=89))
    by_week = (until - since).days >= 45  # noqa: PLR2004  # more columns than that can't be told apart
    if by_week:
        since = min(row["date"] for row in dates if row["date"] == row["week"] and row["date"] >= since)
    return Period(since, until, by_week)
