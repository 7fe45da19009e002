"""The SQL of every figure runs on both warehouses and on an empty one, and names marts only."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from dbt_dialpad.warehouse import opened
from report.figures import Period, figures, period_of, query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_every_figure_has_its_columns_and_the_same_rows_on_both_warehouses(warehouse: str, postgres: str) -> None:
    wrong: list[tuple[object, ...]] = []
    with opened(warehouse) as ours, opened(postgres) as theirs:
        period = period_of(ours.rows(query("period")))
        assert period == period_of(theirs.rows(query("period")))
        assert period
        for name in [figure.name for figure in figures()] + ["tiles"]:
            sql = period.in_sql(query(name))
            one, other = ours.rows(sql), theirs.rows(sql)
            if not one or sorted(map(rounded, one)) != sorted(map(rounded, other)):
                wrong.append((name, len(one), len(other)))
        for figure in figures():
            rows = ours.rows(period.in_sql(query(figure.name)))
            wrong += [(figure.name, column) for column, _, _ in figure.table if column not in [*rows[0], "who"]]
    assert not wrong


def rounded(row: dict[str, object]) -> str:
    """A row without the last digits of its sums."""
    return str(
        {name: round(float(value), 6) if isinstance(value, (int, float)) else value for name, value in row.items()}
    )


def test_every_figure_runs_on_an_empty_warehouse(empty_warehouse: str) -> None:
    with opened(empty_warehouse) as read:
        assert period_of(read.rows(query("period"))) is None
        period = Period(date(2026, 1, 1), date(2026, 2, 1), by_week=True)
        assert [figure.name for figure in figures() if read.rows(period.in_sql(query(figure.name)))] == []


def test_the_page_of_postgres_is_the_page_of_duckdb(page: Path, postgres: str, page_of: Callable[..., Path]) -> None:
    bodies = [re.sub(r"Made at .*? UTC", "", one.read_text()) for one in (page, page_of(postgres))]
    assert bodies[0] == bodies[1]


def test_queries_name_marts_only_and_leave_nothing_to_fill_in() -> None:
    days = [date(2026, 1, 5) + timedelta(days=number) for number in range(100)]
    period = period_of([{"date": day, "week": day} for day in days])
    assert period
    wrong = []
    for figure in figures():
        sql = period.in_sql(query(figure.name))
        tables = re.findall(r"\b(?:from|join)\s+([\w.]+)", sql)
        named = set(re.findall(r"(\w+) as \(", sql))
        wrong += [(figure.name, name) for name in tables if not name.startswith("dialpad_marts.") and name not in named]
        wrong += [(figure.name, left) for left in re.findall(r":\w+", sql)]
    assert not wrong
