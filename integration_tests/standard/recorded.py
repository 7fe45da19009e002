"""One sync of the account, and the files that hold what it should give."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteMessageSerializer,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from airbyte_cdk.test.entrypoint_wrapper import discover as run_discover
from airbyte_cdk.test.entrypoint_wrapper import read as run_read

from integration_tests.standard.account import CONFIG
from source_dialpad import SourceDialpad

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration_tests.standard.account import Row

A_STREAM: Final = 3
"""Records of a stream that expected_records.jsonl holds: those with the smallest keys."""


@dataclass
class Sync:
    """What one read printed."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    states: list[Row] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def last_states(self) -> list[Row]:
        """The state file that a platform hands to the next sync."""
        last = {state["stream"]["stream_descriptor"]["name"]: state["stream"] for state in self.states}
        return [{"type": "STREAM", "stream": last[name]} for name in sorted(last)]


def output_as_sync(output: EntrypointOutput) -> Sync:
    """The rows, states and errors of a read."""
    done = Sync(errors=[str(message.trace.error.message) for message in output.errors])  # type: ignore[union-attr]
    for record in (_as_json(message)["record"] for message in output.records):
        done.rows.setdefault(record["stream"], []).append(record["data"])
    done.states = [_as_json(message)["state"] for message in output.state_messages]
    return done


def _as_json(message: AirbyteMessage) -> Row:
    told: Row = orjson.loads(orjson.dumps(AirbyteMessageSerializer.dump(message)))
    return told


def discovered() -> list[Row]:
    """The streams of the catalogue."""
    return streams_of(run_discover(SourceDialpad(), CONFIG))


def streams_of(output: EntrypointOutput) -> list[Row]:
    """The streams that a discovery printed."""
    streams: list[Row] = _as_json(output.catalog)["catalog"]["streams"]
    return streams


def read(catalog: Row, state: Iterable[Row] = ()) -> Sync:
    """Reads the streams of a configured catalogue."""
    states = [AirbyteStateMessageSerializer.load(entry) for entry in state]
    return output_as_sync(
        run_read(SourceDialpad(), CONFIG, ConfiguredAirbyteCatalogSerializer.load(catalog), states or None)
    )


def configured_catalog(streams: Iterable[Row]) -> Row:
    """Every stream, incrementally where it can; the schemas stand in schemas/ and not here again."""
    return {"streams": [_configured(stream) for stream in sorted(streams, key=lambda one: str(one["name"]))]}


def _configured(stream: Row) -> Row:
    incremental = "incremental" in stream["supported_sync_modes"]
    configured = {
        "stream": {**stream, "json_schema": {}},
        "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": "append_dedup" if incremental else "overwrite",
        "primary_key": stream["source_defined_primary_key"],
    }
    return {**configured, "cursor_field": stream["default_cursor_field"]} if incremental else configured


def full_refresh(catalog: Row) -> Row:
    """The same streams, read whole."""
    whole = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    return {"streams": [{**stream, **whole} for stream in catalog["streams"]]}


def incremental(catalog: Row) -> Row:
    """The incremental streams."""
    return {"streams": [stream for stream in catalog["streams"] if stream["sync_mode"] == "incremental"]}


def key_of(stream: Row, row: Row) -> tuple[Any, ...]:
    """The primary key of a row."""
    return tuple(row[path[0]] for path in stream["source_defined_primary_key"])


def expected_records(catalog: Row, sync: Sync) -> list[Row]:
    """Some records of every stream."""
    return [
        {"stream": name, "data": row, "emitted_at": 0}
        for stream in (configured["stream"] for configured in catalog["streams"])
        for name in [stream["name"]]
        for row in sorted(sync.rows[name], key=lambda row: [str(part) for part in key_of(stream, row)])[:A_STREAM]
    ]


def steady(part: Any) -> Any:
    """The same states whenever they are written: partitions in order, and times that waiting moves to the hour."""
    if isinstance(part, list):
        return sorted(map(steady, part), key=json.dumps)
    if not isinstance(part, dict):
        return part
    moved = {name: f"{part[name][:13]}:00:00+00:00" for name in ("read_at", "interval_start") if name in part}
    return {name: moved.get(name, steady(value)) for name, value in part.items()}


def moved_to_2099(states: Iterable[Row], catalog: Row) -> list[Row]:
    """The states of the incremental streams, each of whose cursors stands far in the future."""
    cursors = {one["stream"]["name"]: one["cursor_field"][0] for one in incremental(catalog)["streams"]}
    return [_moved(state, cursors[name]) for state in states if (name := _name(state)) in cursors]


def _name(state: Row) -> str:
    return str(state["stream"]["stream_descriptor"]["name"])


def _moved(part: Any, cursor_field: str) -> Any:
    if isinstance(part, list):
        return [_moved(member, cursor_field) for member in part]
    if not isinstance(part, dict):
        return part
    return {key: _far_off(value) if key == cursor_field else _moved(value, cursor_field) for key, value in part.items()}


def _far_off(cursor: Any) -> Any:
    return 4_070_908_800_000 if isinstance(cursor, int) else f"2099{cursor[4:]}"
