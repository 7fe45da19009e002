"""The cursor of every incremental stream: windows in, contiguous progress out.

The CDK's datetime cursor keeps the greatest record of the windows read, joins and clips windows at its own edges, and
starts a partition that is new since the last sync at the others' cursor. Here the state is the end of the last window
that was read whole (a quiet day does not hold it back, a row from the future does not push it on), and a new partition
begins at `start_date`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.sources.types import Record, StreamSlice

from source_dialpad.errors import config_error, counted
from source_dialpad.sync.planner import Cursor as SavedCursor
from source_dialpad.sync.planner import PlannedWindow, WindowPlanner

STATE_EVERY_SECONDS = 5.0
"""Least time between two states of a stream with partitions: each state holds all of them."""

PLANNED = "planned"
"""Where a slice carries its `PlannedWindow`, outside its identity."""

Preparation = Callable[[Iterable[StreamSlice]], Iterable[StreamSlice]]
"""Takes all planned slices, and yields each one when it can be read."""


@dataclass(eq=False)
class WindowCursor(Cursor):
    """Moves a stream's state past a window only when it, and every window before it in its partition, was read whole.

    State of a stream without partitions: `{cursor_field: value, …settings}`. With partitions:
    `{"states": [{"partition": {…}, "cursor": {cursor_field: value, …settings}}, …]}`. Partitions that are gone keep
    their entry, and go on where they stopped should they come back.

    For every partition without an entry of its own, people may write `{cursor_field: value}` and other tools the CDK's
    `{"use_global_cursor": true, "state": {cursor_field: value}, "states": […]}`. A state without a value counts as
    none, with a warning; any other shape is a config error.
    """

    planner: WindowPlanner
    partitions: StreamSlicer | None
    given_state: Mapping[str, Any]
    message_repository: MessageRepository
    state_manager: ConnectorStateManager
    full_refresh: bool = False
    """Whether the catalog asks for everything, whatever it costs."""

    def __post_init__(self) -> None:
        self.prepare: Preparation = iter
        self._saved: dict[str, dict[str, Any]] | None = None
        self._plans: dict[str, tuple[list[PlannedWindow], SavedCursor | None]] = {}
        self._lock = threading.RLock()
        self._emitted_at = float("-inf")

    @property
    def cursor_field(self) -> CursorField:
        """The cursor field, as the catalogue shows it."""
        return CursorField(self.planner.cursor_field)

    @property
    def state(self) -> MutableMapping[str, Any]:
        """The state as it is saved."""
        with self._lock:
            if self._saved is None:
                return dict(self.given_state)
            if self.partitions is None:
                return self._saved.get("{}", {})
            return {"states": [{"partition": json.loads(key), "cursor": saved} for key, saved in self._saved.items()]}

    def stream_slices(self) -> Iterable[StreamSlice]:
        """Every window of every partition that is still to be read, each when `prepare` yields it."""
        return self.prepare(self._planned())

    def _planned(self) -> Iterator[StreamSlice]:
        listed = self.partitions.stream_slices() if self.partitions else [StreamSlice(partition={}, cursor_slice={})]
        partitions = {_key(each.partition): each for each in listed}  # listed twice, one would be read twice
        saved = self._saved = self._read_state(partitions)
        if saved and saved.keys().isdisjoint(partitions):
            gone = f"of the saved state, none of {counted(len(saved), 'partition')} is there any more"
            self.planner.warn(f"{gone}; each is read from the start.")
        for key, partition in partitions.items():
            resumed = self.planner.compatible_state(saved.get(key))
            plan = list(self.planner.windows(resumed))
            self._plans[key] = plan, resumed
            for window in plan:
                extra, identity = {**partition.extra_fields, PLANNED: window}, dict(partition.partition)
                yield StreamSlice(partition=identity, cursor_slice=window.cursor_slice, extra_fields=extra)

    def _read_state(self, partitions: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The saved cursors by partition; those without a value are left out, with a warning."""
        state, field = self.given_state, self.planner.cursor_field
        if all(str(name).startswith("__ab_") for name in state):  # what the CDK writes of streams without a cursor
            return {}
        try:
            if field in state or self.partitions is None:
                saved = {key: {**state, field: state[field]} for key in partitions}
            elif state.get("use_global_cursor"):
                saved = {**{key: dict(state["state"]) for key in partitions}, **_entries(state.get("states") or [])}
            else:
                saved = _entries(state["states"] or [])
        except (KeyError, TypeError, ValueError):
            raise config_error(
                f"{self.planner.stream}: the saved state has another shape than this stream writes (its keys are "
                f"{sorted(map(str, state))}). Reset the state of this stream, so that it is read again from start_date."
            ) from None
        empty = [key for key, cursor in saved.items() if cursor.get(field) in (None, "")]
        if empty:
            where = "" if empty == ["{}"] else f" for {', '.join(empty)}"
            self.planner.warn(f"the saved state holds no {field}{where}; reading begins at the start.")
        return {key: cursor for key, cursor in saved.items() if key not in empty}

    def observe(self, record: Record) -> None:
        """Notes the greatest cursor of a window whose end only its records tell."""
        window = record.associated_slice.extra_fields.get(PLANNED) if record.associated_slice else None
        if window is not None and window.open_ended:
            window.cursor_after = max(window.cursor_after or "", record.data[self.planner.cursor_field])

    def close_partition(self, partition: Partition) -> None:
        """Marks a window as read whole, moves the state over all that is now contiguous, and emits it."""
        stream_slice: StreamSlice = partition.to_slice()  # type: ignore[assignment]  # one of those we planned
        with self._lock:
            stream_slice.extra_fields[PLANNED].done = True
            self._advance(stream_slice)
            if self.partitions is None or self._is_due():
                self._emit()

    def save_progress(self, stream_slice: StreamSlice) -> None:
        """Moves the state to the greatest cursor so far of a window that is read in order, and emits it now and then.

        Only records that were passed on count, so that no state comes before its records.
        """
        window = stream_slice.extra_fields[PLANNED]
        with self._lock:
            if window.cursor_after is not None and self._is_due():
                window.done = True
                self._advance(stream_slice)
                window.done = False
                self._emit()

    def _is_due(self) -> bool:
        return time.monotonic() - self._emitted_at >= STATE_EVERY_SECONDS

    def _advance(self, stream_slice: StreamSlice) -> None:
        key = _key(stream_slice.partition)
        cursor = self.planner.progress(*self._plans[key])
        if cursor is not None and self._saved is not None:
            self._saved[key] = cursor

    def _emit(self) -> None:
        self._emitted_at = time.monotonic()
        name = self.planner.stream
        self.state_manager.update_state_for_stream(name, None, self.state)
        self.message_repository.emit_message(self.state_manager.create_state_message(name, None))

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emits the state once more when the stream is done, whatever came of it."""
        with self._lock:
            self._emit()

    def should_be_synced(self, record: Record) -> bool:  # noqa: ARG002  # the CDK's signature
        """Every record of a window is wanted."""
        return True


def _entries(states: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {_key(entry["partition"]): dict(entry["cursor"]) for entry in states}


def _key(partition: Mapping[str, Any]) -> str:
    identity = {name: value for name, value in dict(partition).items() if name != "parent_slice"}  # which the CDK adds
    return json.dumps(identity, sort_keys=True, ensure_ascii=False)
