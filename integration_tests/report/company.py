"""Seventy days of a small invented company in a warehouse, as a sync would leave them: read in process, no waiting."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg2

from fake_dialpad.server import FakeDialpad
from fake_dialpad.world import World
from integration_tests.faults.reading import Row, catalogue, read, table
from integration_tests.faults.still_clock import NOON, still_clock

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
STREAMS = (
    "records_calls", "records_voicemails", "records_onduty", "records_texts", "records_csat", "records_dispositions",
    "stats_calls_by_date", "digital_sessions", "messages", "company", "offices", "call_centers", "departments", "users",
    "call_center_operators", "contacts",
)  # fmt: skip
DAYS = 70
FIRST_DAY = "2026-07-08"
CONFIG = {
    "start_date": FIRST_DAY,
    "engagement": {"base_url": "http://fake", "api_key": "engagement-key-0123456789", "provider_id": "1020"},
    "dialpad": {"base_url": "http://fake", "api_key": "dialpad-key-0123456789", "export_window_days": 90},
}
TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
POSTGRES = {"DOUBLE": "double precision", "JSON": "jsonb"}
EXTRACTED = f"TIMESTAMP '{NOON:%Y-%m-%d %H:%M:%S}' AS _airbyte_extracted_at"
FORMATS = {"date": "DATE", "date-time": "TIMESTAMPTZ"}


@cache
def account() -> FakeDialpad:
    """The company; nothing new happens in it from two hours ago on."""
    world = World(seed=5, days=DAYS, calls_per_day=25, messages_per_day=20, agents=8, call_centers=3, today=NOON.date())
    fake = FakeDialpad(world, export_seconds=1)
    fake.horizon = NOON.timestamp() - 2 * 3600
    return fake


@cache
def synced() -> Mapping[str, list[Row]]:
    """The rows of each stream as the connector emits them."""
    with still_clock():
        known = catalogue(CONFIG)
        streams = [known[name] for name in STREAMS]
        outcome = read(account(), CONFIG, streams)
    assert outcome.ended_by is None, outcome.ended_by
    return {name: list(table(outcome.rows(name), known[name]).values()) for name in STREAMS}


def column_types(stream: str) -> dict[str, str]:
    """The columns of a stream's table and their types, as PyAirbyte makes them."""
    properties = json.loads((ROOT / "schemas" / f"{stream}.json").read_text())["properties"]

    def of(schema: Any) -> str:
        given = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        kinds = [kind for kind in given if kind != "null"]
        plain = TYPES.get(kinds[0], "JSON") if len(kinds) == 1 else "VARCHAR"
        return FORMATS.get(schema.get("format", ""), plain)

    return {name: of(schema) for name, schema in properties.items()}


def into_duckdb(path: Path) -> None:
    """A DuckDB file with the company."""
    with duckdb.connect(str(path)) as connection:
        for stream, rows in synced().items():
            lines = path.with_suffix(".json")
            lines.write_text("\n".join(json.dumps(row) for row in rows))
            connection.execute(
                f"CREATE TABLE {stream} AS SELECT *, {EXTRACTED} "
                "FROM read_json(?, format='newline_delimited', columns=?)",
                [str(lines), column_types(stream)],
            )
        connection.execute("CREATE TABLE _airbyte_state AS SELECT 'source-dialpad-invented' AS source_name")


def into_postgres(url: str) -> None:
    """A Postgres schema with the company."""
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'; CREATE SCHEMA dialpad; SET search_path TO dialpad")
        for stream, rows in synced().items():
            types = column_types(stream).items()
            columns = ", ".join(f'"{name}" {POSTGRES.get(kind, kind)}' for name, kind in types)
            cursor.execute(f'CREATE TABLE "{stream}" ({columns})')
            filled = f'INSERT INTO "{stream}" SELECT * FROM json_populate_recordset(NULL::"{stream}", %s)'
            cursor.execute(filled, [json.dumps(rows)])
            cursor.execute(f'ALTER TABLE "{stream}" ADD COLUMN _airbyte_extracted_at timestamp')
            cursor.execute(f'UPDATE "{stream}" SET _airbyte_extracted_at = %s', [NOON.replace(tzinfo=None)])
        cursor.execute("CREATE TABLE _airbyte_state AS SELECT 'source-dialpad-invented' AS source_name")
