"""Synced tables for the models: moved between warehouses, cut by time, emptied; and marts compared."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg

SCHEMA_FILES = Path(__file__).resolve().parents[2] / "schemas"
TYPES = {
    "VARCHAR": "text",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIMESTAMP": "timestamp",
    "DATE": "date",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
    "JSON": "jsonb",
}
"""Types of a synced table in DuckDB, and those that a sync gives the same columns in Postgres."""


def sql_type(schema: dict[str, Any]) -> str:
    """The type that `make sync` gives a column in DuckDB."""
    kinds = [
        kind for kind in ([schema["type"]] if isinstance(schema["type"], str) else schema["type"]) if kind != "null"
    ]
    if len(kinds) != 1:
        return "VARCHAR"
    if kinds[0] == "string":
        return {"date-time": "TIMESTAMP WITH TIME ZONE", "date": "DATE"}.get(schema.get("format", ""), "VARCHAR")
    return {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}.get(kinds[0], "JSON")


def load(path: Path, records: dict[str, list[dict[str, Any]]], folder: Path) -> None:
    """Append rows of the connector to the tables of a DuckDB file, as a destination in append mode does.

    Each row says in `_airbyte_extracted_at` when it was read.
    """
    with duckdb.connect(str(path)) as db:
        for stream, rows in records.items():
            properties = json.loads((SCHEMA_FILES / f"{stream}.json").read_text(encoding="utf-8"))["properties"]
            columns = {name: sql_type(schema) for name, schema in properties.items()}
            columns["_airbyte_extracted_at"] = "TIMESTAMP"
            lines = folder / f"{stream}.jsonl"
            with lines.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(as_cells(row, columns)) + "\n" for row in rows)
            listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            db.execute(f'CREATE TABLE IF NOT EXISTS "{stream}" ({listed})')
            if rows:
                given = ", ".join(f"\"{name}\": '{kind}'" for name, kind in columns.items())
                db.execute(
                    f'INSERT INTO "{stream}" SELECT * FROM read_json(?, columns={{{given}}}, '
                    "format='newline_delimited', maximum_object_size=33554432)",
                    [str(lines)],
                )


def as_cells(row: dict[str, Any], columns: dict[str, str]) -> dict[str, Any]:
    """A row with values of several types as text."""
    return {
        name: json.dumps(cell) if isinstance(cell, dict | list) and columns.get(name) == "VARCHAR" else cell
        for name, cell in row.items()
    }


def copy_to_postgres(path: Path, url: str, schema: str) -> None:
    """Every synced table of a DuckDB file into a schema of Postgres, which is made anew."""
    with duckdb.connect(str(path), read_only=True) as db, psycopg.connect(url, autocommit=True) as postgres:
        postgres.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        postgres.execute(f'CREATE SCHEMA "{schema}"')
        tables = db.sql("select table_name from information_schema.tables where table_schema = 'main'").fetchall()
        for (table,) in tables:
            columns = db.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'main' and table_name = ? order by ordinal_position",
                [table],
            ).fetchall()
            listed = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns)
            postgres.execute(f'CREATE TABLE "{schema}"."{table}" ({listed})')
            chosen = ", ".join(f'"{name}"::VARCHAR' for name, _ in columns)
            rows = db.sql(f'SELECT {chosen} FROM main."{table}"')
            with postgres.cursor() as cursor, cursor.copy(f'COPY "{schema}"."{table}" FROM STDIN') as copy:
                while batch := rows.fetchmany(5000):
                    for row in batch:
                        copy.write_row(row)


def comparable(cell: Any) -> Any:
    """A cell as both warehouses give it: numbers as floats, times as text."""
    if isinstance(cell, Decimal | float):
        return float(cell)
    if isinstance(cell, bool) or cell is None:
        return cell
    if isinstance(cell, int):
        return float(cell)
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell)


def close(one: Any, other: Any) -> bool:
    """Whether two cells are equal, numbers to six digits relative to their size."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return bool(one == other)


def marts_of_duckdb(path: Path, schema: str) -> dict[str, list[str]]:
    """The columns of every mart in a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as db:
        found = db.execute(
            "select table_name, column_name from information_schema.columns where table_schema = ? "
            "order by table_name, ordinal_position",
            [schema],
        ).fetchall()
    marts: dict[str, list[str]] = {}
    for table, column in found:
        marts.setdefault(table, []).append(column)
    return marts


def rows_of_duckdb(path: Path, schema: str, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """A mart's rows, comparable."""
    with duckdb.connect(str(path), read_only=True) as db:
        rows = db.sql(f'SELECT {", ".join(columns)} FROM "{schema}"."{table}"').fetchall()
    return [tuple(map(comparable, row)) for row in rows]


def rows_of_postgres(url: str, schema: str, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    """A mart's rows, comparable."""
    with psycopg.connect(url) as postgres:
        rows = postgres.execute(f'SELECT {", ".join(columns)} FROM "{schema}"."{table}"').fetchall()
    return [tuple(map(comparable, row)) for row in rows]


def differences(columns: list[str], one: list[tuple[Any, ...]], other: list[tuple[Any, ...]]) -> list[str]:
    """Where two readings of a mart differ, a few sentences at most; rows are matched by their texts, then in order."""
    if len(one) != len(other):
        return [f"{len(one)} rows and {len(other)}"]

    def order(row: tuple[Any, ...]) -> tuple[str, ...]:
        texts = [f"{cell}" for cell in row if not isinstance(cell, float)]
        return (*texts, *(f"{cell:.3f}" for cell in row if isinstance(cell, float)))

    said = []
    for left, right in zip(sorted(one, key=order), sorted(other, key=order), strict=True):
        for name, mine, theirs in zip(columns, left, right, strict=True):
            if not close(mine, theirs):
                said.append(f"{name}: {mine!r} and {theirs!r} in {left[:2]}")
        if len(said) > 5:
            break
    return said
