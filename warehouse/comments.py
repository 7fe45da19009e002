"""What tables and columns are, where a reader of the warehouse looks for it: as comments of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

COLUMNS = text("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema")


def describe(connection: Connection, schema: str, streams: Mapping[str, Mapping[str, Any]]) -> None:
    """Give each table and column of the streams its description as a comment; `streams` is their JSON Schemas by name.

    Columns are compared without case, since PyAirbyte writes them in lower case. A stream without a table is left out,
    and so is a column that the schema doesn't describe.
    """
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(COLUMNS, {"schema": schema}):
        columns.setdefault(table, []).append(column)
    for name, json_schema in streams.items():
        statements = list(_comments(f'"{schema}"."{name}"', columns.get(name, []), json_schema))
        if statements:
            as_it_stands = connection.execution_options(no_parameters=True)  # a colon or a percent sign is text
            as_it_stands.exec_driver_sql(";\n".join(statements))


def _comments(table: str, columns: list[str], json_schema: Mapping[str, Any]) -> Iterator[str]:
    if not columns:
        return
    if described := json_schema.get("description"):
        yield f"COMMENT ON TABLE {table} IS {_literal(described)}"
    sentences = {name.lower(): schema.get("description") for name, schema in json_schema["properties"].items()}
    for column in columns:
        if described := sentences.get(column.lower()):
            quoted = column.replace('"', '""')
            yield f'COMMENT ON COLUMN {table}."{quoted}" IS {_literal(described)}'


def _literal(sentence: str) -> str:
    escaped = sentence.replace("'", "''")
    return f"'{escaped}'"
