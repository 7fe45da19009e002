"""Reads a warehouse: DuckDB or Postgres, rows as dictionaries of plain numbers, texts and days."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = list[dict[str, Any]]
CUT_BY_DAY = (
    *("records_calls", "stats_calls_by_date", "records_onduty", "records_texts", "records_voicemails"),
    *("stats_onduty", "stats_texts", "stats_voicemails", "analytics_metric_data"),
)
"""Streams whose rows name the zone in which a sync cut its days: the configuration's `timezone`."""
ABSENT = ("CatalogException", "UndefinedTable", "InvalidSchemaName", "BinderException", "UndefinedColumn")
"""Errors of both drivers that say that a table, or a column, is not there."""
CLOSED = ("IOException", "OperationalError")
"""Errors of both drivers that say that the warehouse can't be opened."""


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
    """The warehouse of a DuckDB path or a Postgres URL. Raises SystemExit with the reason where it can't be opened."""
    in_postgres = warehouse.startswith(("postgresql://", "postgres://"))
    try:
        connection = _postgres(warehouse) if in_postgres else _duckdb(warehouse)
    except Exception as error:  # both drivers' own, and neither has to be installed
        if type(error).__name__ not in CLOSED:
            raise
        raise SystemExit(f"The warehouse can't be opened: {str(error).strip()}") from None
    try:
        yield Warehouse(connection, "dialpad" if in_postgres else "main")
    finally:
        connection.close()


def _postgres(url: str) -> Any:
    import psycopg2  # noqa: PLC0415  # only for Postgres

    connection = psycopg2.connect(url)
    connection.set_session(readonly=True, autocommit=True)
    return connection


def _duckdb(path: str) -> Any:
    import duckdb  # noqa: PLC0415  # only for DuckDB

    return duckdb.connect(path, read_only=True)


def zone_of(warehouse: str) -> str:
    """The zone of a synced warehouse's days, from the newest row that names one; UTC where none does."""
    with opened(warehouse) as read:
        for stream in CUT_BY_DAY:
            table = f'"{read.raw_schema}".{stream}'
            zone = read.value(
                f"SELECT timezone FROM {table} WHERE timezone IS NOT NULL ORDER BY _airbyte_extracted_at DESC LIMIT 1"
            )
            if zone:
                return str(zone)
    return "UTC"


def is_of_other_days(warehouse: str, zone: str) -> bool:
    """Whether marts stand there whose days are those of another zone: what grows in them has to be built anew."""
    with opened(warehouse) as read:
        newest = read.rows_if_there(
            "SELECT date, starts_at FROM dialpad_marts.dialpad__dates ORDER BY date DESC LIMIT 1"
        )
    if not newest:
        return False
    midnight = datetime.combine(newest[0]["date"], datetime.min.time(), ZoneInfo(zone))
    return bool(newest[0]["starts_at"] != midnight.astimezone(UTC).replace(tzinfo=None))
