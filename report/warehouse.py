"""Reads a warehouse: DuckDB or Postgres, rows as dictionaries of plain numbers, texts and days."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from report.figures import Rows


ABSENT = ("CatalogException", "UndefinedTable", "InvalidSchemaName", "BinderException", "UndefinedColumn")
"""Errors of both drivers that say that a table, or a column, is not there."""


class Warehouse:
    """An open warehouse. Nothing is ever written."""

    def __init__(self, connection: Any, raw_schema: str) -> None:
        self._connection = connection
        self.raw_schema = raw_schema
        """Where `make sync` writes the streams."""

    def rows(self, sql: str) -> Rows:
        """The answer to a query."""
        cursor = self._connection.cursor()
        try:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description]
            return [{name: plain(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]
        finally:
            cursor.close()

    def rows_if_there(self, sql: str) -> Rows:
        """The answer to a query; nothing where there is no such table."""
        try:
            return self.rows(sql)
        except Exception as error:  # both drivers' own, and neither has to be installed
            if type(error).__name__ not in ABSENT:
                raise
            return []

    def value(self, sql: str) -> Any:
        """The first value of the answer; None where there is none, or no such table."""
        rows = self.rows_if_there(sql)
        return next(iter(rows[0].values())) if rows else None


def plain(value: Any) -> Any:
    """Postgres adds whole numbers up to decimals."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


@contextlib.contextmanager
def opened(warehouse: str) -> Iterator[Warehouse]:
    """The warehouse of a DuckDB path or a Postgres URL."""
    if warehouse.startswith(("postgresql://", "postgres://")):
        import psycopg2  # noqa: PLC0415  # only for Postgres

        connection: Any = psycopg2.connect(warehouse)
        connection.set_session(readonly=True, autocommit=True)
    else:
        import duckdb  # noqa: PLC0415

        connection = duckdb.connect(warehouse, read_only=True)
    try:
        yield Warehouse(connection, "dialpad" if "://" in warehouse else "main")
    finally:
        connection.close()
