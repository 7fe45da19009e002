"""A whole read in process: the connector's own source, the fake behind `requests`, and no waiting."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airbyte_cdk.models import (
    AirbyteErrorTraceMessage,
    AirbyteMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    Type,
)
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.source import SourceDialpad

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]


@dataclass
class Read:
    """What came out of a read."""

    records: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    errors: list[AirbyteErrorTraceMessage] = field(default_factory=list)
    streams_of_errors: list[str | None] = field(default_factory=list)
    statuses: dict[str, list[str]] = field(default_factory=dict)
    ended_by: AirbyteTracedException | None = None
    of: dict[str, list[Row]] = field(default_factory=dict)

    @property
    def state(self) -> Row:
        """The last state emitted."""
        return self.states[-1]

    def take(self, message: AirbyteMessage) -> None:
        if message.type == Type.RECORD and message.record:
            self.records.append(message.record.data)
            self.of.setdefault(message.record.stream, []).append(message.record.data)
        elif message.type == Type.STATE and message.state and message.state.stream:
            blob = message.state.stream.stream_state
            self.states.append(dict(vars(blob)) if blob else {})
        elif message.trace and message.trace.error:
            self.errors.append(message.trace.error)
            about = message.trace.error.stream_descriptor
            self.streams_of_errors.append(about.name if about else None)
        elif message.trace and message.trace.stream_status:
            status = message.trace.stream_status
            self.statuses.setdefault(status.stream_descriptor.name, []).append(status.status.value)


def catalog_of(*streams: str, sync_mode: str = "incremental", **more: Any) -> ConfiguredAirbyteCatalog:
    return ConfiguredAirbyteCatalogSerializer.load(
        {
            "streams": [
                {
                    "stream": {
                        "name": name,
                        "json_schema": {},
                        "supported_sync_modes": ["full_refresh", "incremental"],
                    },
                    "sync_mode": sync_mode,
                    "destination_sync_mode": "append",
                    **more,
                }
                for name in streams
            ]
        }
    )


def read(
    config: Mapping[str, Any],
    *streams: str,
    state: Mapping[str, Any] | None = None,
    catalog: ConfiguredAirbyteCatalog | None = None,
) -> Read:
    """Reads the streams; `state` is that of each stream by its name."""
    entries: Iterable[tuple[str, Any]] = (state or {}).items()
    messages = [
        AirbyteStateMessageSerializer.load(
            {"type": "STREAM", "stream": {"stream_descriptor": {"name": name}, "stream_state": blob}}
        )
        for name, blob in entries
    ]
    catalog = catalog or catalog_of(*streams)
    source = SourceDialpad(catalog=catalog, config=dict(config), state=messages)
    outcome = Read()
    try:
        for message in source.read(logging.getLogger("airbyte"), config, catalog, messages):
            outcome.take(message)
        for message in source._message_repository.consume_queue():
            outcome.take(message)
    except AirbyteTracedException as error:
        outcome.ended_by = error
    return outcome
