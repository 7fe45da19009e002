"""The cursor of every incremental stream: windows in, contiguous progress out.

The CDK's datetime cursor keeps the greatest record of the windows read, joins and clips windows at its own edges, and
starts a partition that is new since the last sync at the others' cursor. Here the state is the end of the last window
that was read whole (a quiet day does not hold it back, a row from the future does not push it on), windows come from
the planner, and a new partition begins at `start_date`. Everything else stays the CDK's: slices, partitions, the
order of records and states, statuses.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.sources.types import Record, StreamSlice

from source_dialpad.errors import config_error
from source_dialpad.sync.backfill import READ_AT
from source_dialpad.sync.planner import MAX_OF_RECORDS, PlannedWindow, WindowPlanner

logger = logging.getLogger("airbyte")

STATE_EVERY_SECONDS = 5.0
"""Least time between two states of a stream with partitions: each state holds all of them."""

PLANNED = "planned"
"""Where a slice carries its `PlannedWindow`, outside its identity."""

Preparation = Callable[[Iterable[StreamSlice]], Iterable[StreamSlice]]


class WindowCursor(Cursor):
    """Moves a stream's state past a window only when it, and every window before it in its partition, was read whole.

    State of a stream without partitions: `{cursor_field: value, …settings}`. With partitions:
    `{"states": [{"partition": {…}, "cursor": {cursor_field: value, …settings}}, …]}`. Partitions that are gone keep
    their entry, so that they go on where they stopped should they come back.

    Two shapes that other tools and people write for a stream with partitions are taken as well, and stand for every
    partition that has no entry of its own: `{cursor_field: value}`, and the CDK's `{"use_global_cursor": true, "state":
    {cursor_field: value}, "states": […]}`. A state without a value counts as none, and says so; any other shape is a
    config error.
    """

    def __init__(
        self,
        *,
        planner: WindowPlanner,
        partitions: StreamSlicer | None,
        stream_state: Mapping[str, Any],
        message_repository: MessageRepository,
        state_manager: ConnectorStateManager,
    ) -> None:
        self.full_refresh = False
        """Whether the catalog asks for everything, whatever it costs."""
        self._planner = planner
        self._partitions = partitions
        self._message_repository = message_repository
        self._state_manager = state_manager
        self._given_state = dict(stream_state)
        self._saved: dict[str, dict[str, Any]] | None = None
        self._of_every_partition: dict[str, Any] | None = None
        self._all_planned = False
        self._plans: dict[str, list[PlannedWindow]] = {}
        self._resumed: dict[str, Mapping[str, Any] | None] = {}
        self._lock = threading.Lock()
        self._emitted_at = float("-inf")
        self._prepare: Preparation = iter

    @property
    def cursor_field(self) -> CursorField:
        """The cursor field, as the catalogue shows it."""
        return CursorField(self._planner.cursor_field)

    def prepare_with(self, prepare: Preparation) -> None:
        """Hands all planned slices to `prepare`, which yields each one when it can be read."""
        self._prepare = prepare

    @property
    def state(self) -> MutableMapping[str, Any]:
        """The state as it is saved."""
        with self._lock:
            return self._state()

    def _state(self) -> dict[str, Any]:
        if self._saved is None:
            return self._given_state
        if self._partitions is None:
            return self._saved.get("{}", {})
        states = [{"partition": json.loads(key), "cursor": cursor} for key, cursor in self._saved.items()]
        if self._of_every_partition is not None and not self._all_planned:
            return {"states": states, "use_global_cursor": True, "state": self._of_every_partition}
        return {"states": states}

    def stream_slices(self) -> Iterable[StreamSlice]:
        """Every window of every partition that is still to be read, in the order its rows are wanted."""
        saved = self._read_state()
        with self._lock:
            self._saved = saved
        return self._prepare(self._planned(saved))

    def _planned(self, saved: dict[str, dict[str, Any]]) -> Iterator[StreamSlice]:
        entries = set(saved)
        for partition in self._partitions.stream_slices() if self._partitions else (None,):
            identity = dict(partition.partition) if partition else {}
            key = _key(identity)
            if key in self._plans:  # the same partition twice would read, and count, everything twice
                continue
            with self._lock:
                if self._of_every_partition is not None:
                    saved.setdefault(key, self._of_every_partition)
                self._resumed[key] = resumed = self._planner.compatible_state(saved.get(key))
            self._plans[key] = plan = list(self._planner.windows(resumed))
            for window in plan:
                yield StreamSlice(
                    partition=identity,
                    cursor_slice=window.cursor_slice,
                    extra_fields={**(partition.extra_fields if partition else {}), PLANNED: window},
                )
        with self._lock:
            self._all_planned = True
        if entries and entries.isdisjoint(self._plans):
            logger.warning(
                "%s: none of the %d partitions of the saved state is there any more; each is read from the start.",
                self._planner.stream,
                len(entries),
            )

    def _read_state(self) -> dict[str, dict[str, Any]]:
        """The saved cursors by partition; sets the one that stands for every other partition, where there is one."""
        state, field = self._given_state, self._planner.cursor_field
        if all(str(name).startswith("__ab_") for name in state):  # what the CDK writes of streams without a cursor
            return {}
        if self._partitions is None:
            if field in state:
                return self._told({"{}": state})
        elif field in state:
            self._of_every_partition = self._told({"{}": state}).get("{}")
            return {}
        elif "states" in state or "state" in state:
            try:
                saved = {_key(entry["partition"]): dict(entry["cursor"]) for entry in state.get("states") or []}
                if state.get("use_global_cursor"):
                    self._of_every_partition = self._told({"{}": dict(state["state"])}).get("{}")
            except (KeyError, TypeError, ValueError):
                pass
            else:
                return self._told(saved)
        raise config_error(
            f"{self._planner.stream}: the saved state has another shape than this stream writes (its keys are "
            f"{sorted(map(str, state))}). Reset the state of this stream, so that it is read again from start_date."
        )

    def _told(self, saved: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """The cursors that hold a value; those that hold none are said to begin at the start."""
        empty = [key for key, cursor in saved.items() if cursor.get(self._planner.cursor_field) in (None, "")]
        if empty:
            logger.warning(
                "%s: the saved state holds no %s%s; reading begins at the start.",
                self._planner.stream,
                self._planner.cursor_field,
                "" if empty == ["{}"] else f" for {', '.join(empty)}",
            )
        return {key: cursor for key, cursor in saved.items() if key not in empty}

    def observe(self, record: Record) -> None:
        """Notes the greatest cursor of a window whose end only its records tell."""
        window = record.associated_slice.extra_fields.get(PLANNED) if record.associated_slice else None
        if window is not None and window.cursor_after == MAX_OF_RECORDS:
            window.greatest = max(window.greatest or "", record.data[self._planner.cursor_field])

    def close_partition(self, partition: Partition) -> None:
        """Marks a window as read whole, moves the state over all that is now contiguous, and emits it."""
        stream_slice = partition.to_slice()
        window = stream_slice.extra_fields[PLANNED]  # type: ignore[union-attr]
        with self._lock:
            window.done = True
            self._advance(_key(stream_slice.partition))  # type: ignore[union-attr]
            due = self._partitions is None or time.monotonic() - self._emitted_at >= STATE_EVERY_SECONDS
            if due:
                self._emit()

    def save_progress(self, stream_slice: StreamSlice) -> None:
        """Moves the state to the greatest cursor so far of a window that is read in order, and emits it now and then.

        Only records that were passed on count, so that no state comes before its records.
        """
        window = stream_slice.extra_fields[PLANNED]
        with self._lock:
            if window.greatest is None or time.monotonic() - self._emitted_at < STATE_EVERY_SECONDS:
                return
            window.done = True
            self._advance(_key(stream_slice.partition))
            window.done = False
            self._emit()

    def _advance(self, key: str) -> None:
        """Moves the state of a partition over all that is now contiguous, forward and back in time."""
        plan, saved = self._plans[key], self._resumed[key]
        recent = [window for window in plan if not window.history and window.cursor_after is not None]
        cursor = dict(saved) if saved else None
        for window in takewhile(_is_done, recent):
            value = window.greatest if window.cursor_after == MAX_OF_RECORDS else window.cursor_after
            if value is None:
                continue
            reached = self._planner.cursor(value, cursor)
            # the state never goes back while a look-back is being read again
            if cursor is None or self._planner.parse_cursor(reached) > self._planner.parse_cursor(cursor):
                cursor = reached
            if window.backfilled_to:
                cursor = self._planner.backfilled(cursor, window.backfilled_to)
        if cursor is None or self._saved is None:
            return
        for window in takewhile(_is_done, (window for window in plan if window.history)):
            cursor = self._planner.backfilled(cursor, window.backfilled_to or "")
        if self._planner.notes_reading and any(window.done and not window.history for window in plan):
            cursor[READ_AT] = datetime.now(UTC).isoformat(timespec="seconds")
        self._resumed[key] = self._saved[key] = cursor

    def _emit(self) -> None:
        self._emitted_at = time.monotonic()
        name = self._planner.stream
        self._state_manager.update_state_for_stream(name, None, self._state())
        self._message_repository.emit_message(self._state_manager.create_state_message(name, None))

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emits the state once more when the stream is done, whatever came of it."""
        with self._lock:
            self._emit()

    def should_be_synced(self, record: Record) -> bool:  # noqa: ARG002  # the CDK's signature
        """Every record of a window is wanted."""
        return True


def _is_done(window: PlannedWindow) -> bool:
    return window.done


def _key(partition: Mapping[str, Any]) -> str:
    identity = dict(partition)
    identity.pop("parent_slice", None)  # an addition of the CDK's
    return json.dumps(identity, sort_keys=True, ensure_ascii=False)
