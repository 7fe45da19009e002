"""What is in the marts of a warehouse, so that two warehouses can be compared row by row."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import create_engine, inspect, text

MARTS = "dialpad_marts"
READ_AT = {"extracted_at", "synced_at", "newest_extracted_at"}
"""Columns that say when a row was read, and differ between two warehouses that were loaded one after the other."""
CLOSE = 2e-6
"""How far two sums of floats may lie apart: they are added in another order."""
Exact = tuple[tuple[str, Any], ...]
Mart = dict[Exact, list[dict[str, float]]]
"""Rows by their cells that are no fractions; the fractions of each."""


def _engine(into: str) -> Any:
    return create_engine(into if into.startswith("postgresql") else f"duckdb:///{into}")


def rows(into: str, query: str) -> list[dict[str, Any]]:
    """The answer of a warehouse."""
    engine = _engine(into)
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]
    finally:
        engine.dispose()


def marts(into: str) -> dict[str, Mart]:
    """Every mart by its name."""
    engine = _engine(into)
    try:
        names = inspect(engine).get_table_names(schema=MARTS)
    finally:
        engine.dispose()
    return {name: _mart(rows(into, f'SELECT * FROM {MARTS}."{name}"')) for name in names}  # noqa: S608  # our tables


def _mart(found: list[dict[str, Any]]) -> Mart:
    mart: Mart = {}
    for row in found:
        cells = {name: _alike(value) for name, value in sorted(row.items()) if name not in READ_AT}
        exact = tuple((name, value) for name, value in cells.items() if not isinstance(value, float))
        fractions = {name: value for name, value in cells.items() if isinstance(value, float)}
        mart.setdefault(exact, []).append(fractions)
    return mart


def _alike(value: Any) -> Any:
    """A cell as both warehouses have it: whole numbers of any type are integers, instants are texts."""
    if isinstance(value, float | Decimal):
        number = float(value)
        return None if math.isnan(number) else number
    if value is None or isinstance(value, int):
        return value if value is None or isinstance(value, bool) else float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else str(value)


def different(ours: dict[str, Mart], theirs: dict[str, Mart]) -> dict[str, list[Any]]:
    """The marts that differ, each with some of the differences."""
    found = {name: _differences(ours.get(name, {}), theirs.get(name, {})) for name in sorted({*ours, *theirs})}
    return {name: [len(told), *told[:4]] for name, told in found.items() if told}


def _differences(these: Mart, those: Mart) -> list[Any]:
    told: list[Any] = [("only here", key) for key in these.keys() - those.keys()]
    told += [("only there", key) for key in those.keys() - these.keys()]
    for key in these.keys() & those.keys():
        if len(these[key]) != len(those[key]):
            told.append(("twins", key))
        for one, other in zip(these[key], those[key], strict=False):
            told += [
                (key[:2], name, value, other.get(name))
                for name, value in one.items()
                if not math.isclose(value, other.get(name, math.inf), rel_tol=1e-9, abs_tol=CLOSE)
            ]
    return told
