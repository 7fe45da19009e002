"""One read in process: the connector's own source, the fake behind `requests`, a clock that waiting moves on."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import requests_mock
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteMessageSerializer,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from fake_dialpad.server import FakeDialpad, in_process
from source_dialpad.source import SourceDialpad
from source_dialpad.transport.shared import forget_findings

if TYPE_CHECKING:
    from collections.abc import Iterable


Row = dict[str, Any]
"""A record, a state, a message: as JSON holds it."""


@dataclass
class Outcome:
    """What a read printed, and the error it ended with."""

    messages: list[Row] = field(default_factory=list)
    ended_by: AirbyteTracedException | None = None

    def rows(self, stream: str) -> list[Row]:
        """The rows of a stream, in the order printed."""
        return [each["record"]["data"] for each in self.messages if each.get("record", {}).get("stream") == stream]

    @property
    def errors(self) -> list[Row]:
        """The error traces."""
        return [each["trace"]["error"] for each in self.messages if each.get("trace", {}).get("error")]


def last_states(messages: Iterable[Row]) -> list[Row]:
    """What a platform hands to the next sync: the last state of each stream."""
    states = (each["state"]["stream"] for each in messages if "state" in each)
    last = {state["stream_descriptor"]["name"]: state for state in states}
    return [{"type": "STREAM", "stream": state} for state in last.values()]


def read(fake: FakeDialpad, config: Row, streams: Iterable[Row], state: Iterable[Row] = ()) -> Outcome:
    """Reads streams of the catalogue, incrementally where they can."""
    catalog = ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {**stream, "json_schema": {}},
                    "sync_mode": stream["supported_sync_modes"][-1],
                    "destination_sync_mode": "append",
                }
                for stream in streams
            ]
        }
    )
    states = [AirbyteStateMessageSerializer.load(entry) for entry in state]
    forget_findings(lasting=True)  # each read is a process of its own, with an hour's budget of its own
    outcome = Outcome()
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        source = SourceDialpad(catalog, json.loads(json.dumps(config)), states)
        try:
            for message in source.read(logging.getLogger("airbyte"), config, catalog, states):
                outcome.messages.append(_as_json(message))
        except AirbyteTracedException as error:
            outcome.ended_by = error
    return outcome


def _as_json(message: AirbyteMessage) -> Row:
    told: Row = orjson.loads(orjson.dumps(AirbyteMessageSerializer.dump(message)))
    return told


def catalogue(config: Row) -> dict[str, Row]:
    """The streams that a configuration has, by name."""
    found = SourceDialpad(config=config).discover(logging.getLogger("airbyte"), config)
    redact_url = [orjson.loads(orjson.dumps(_shown(stream))) for stream in found.streams]
    return {stream["name"]: stream for stream in redact_url}


def _shown(stream: Any) -> Row:
    return {
        "name": stream.name,
        "supported_sync_modes": [mode.value for mode in stream.supported_sync_modes],
        "source_defined_primary_key": stream.source_defined_primary_key,
    }


def table(rows: Iterable[Row], stream: Row) -> dict[tuple[Any, ...], Row]:
    """Rows after deduplication by primary key, the last one winning, as a destination keeps them."""
    return {tuple(row[path[0]] for path in stream["source_defined_primary_key"]): row for row in rows}
