"""The exports that one incremental sync may start, divided among its streams: what is new first, then history.

Dialpad allows 200 exports an hour, and a first sync may need thousands. So a sync starts no more than
`dialpad.exports_per_sync` of them and ends; the next one goes on where the states say.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.sync.cursor import PLANNED
from source_dialpad.sync.planner import PlannedWindow

PATIENCE: Final = 120.0  # seconds a stream waits for the plans of the others, which list call centers at most


class Wish(NamedTuple):
    """A window that a stream would read; wishes are granted in their order."""

    is_history: bool
    turn: str  # of what is new: when its partition was last read; of history: the window's turn in its partition
    is_aggregate: bool
    number: int  # in its stream's plan
    stream: str


def wishes(stream: str, slices: Sequence[StreamSlice], *, aggregates: bool) -> list[Wish]:
    """The windows of a stream's plan, in the order they are wanted."""
    turns: defaultdict[str, int] = defaultdict(int)
    wanted = []
    for number, stream_slice in enumerate(slices):
        window: PlannedWindow = stream_slice.extra_fields[PLANNED]
        partition = str(stream_slice.partition)
        turns[partition] += window.history
        turn = f"{turns[partition]:06d}" if window.history else window.read_at
        wanted.append(Wish(window.history, turn, aggregates, number, stream))
    return sorted(wanted)


def granted(wanted: Iterable[Wish], limit: int) -> set[Wish]:
    """The wishes that fit: what is new, then history in turns, one window of every partition each.

    Where even what is new does not fit, a fifth is kept for history, so that a backfill always comes to its end.
    """
    ordered = sorted(wanted)
    history = [wish for wish in ordered if wish.is_history]
    recent = ordered[: len(ordered) - len(history)][: limit - min(limit // 5, len(history))]
    return {*recent, *history[: limit - len(recent)]}


class ExportShare:
    """What one sync may start; streams plan first, and none starts an export before all of them have."""

    def __init__(self, limit: int) -> None:
        self._limit, self._started = limit, 0
        self._expected: set[str] = set()
        self._wanted: dict[str, list[Wish]] = {}
        self._granted: set[Wish] | None = None
        self._changed = threading.Condition()

    def expect(self, stream: str) -> None:
        """`divide` waits for what this stream wants."""
        with self._changed:
            self._expected.add(stream)

    def divide(self, stream: str, wanted: list[Wish]) -> list[Wish]:
        """The stream's part of `wanted`; returns once every expected stream has said what it wants."""
        with self._changed:
            self._wanted[stream] = wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._granted is not None or self._expected <= self._wanted.keys(), PATIENCE)
            if self._granted is None:
                self._granted = granted((wish for plan in self._wanted.values() for wish in plan), self._limit)
                self._changed.notify_all()
            return [wish for wish in wanted if wish in self._granted]

    def take(self) -> bool:
        """Counts an export that is started, repeats included; False when this sync may start no more."""
        with self._changed:
            may_start = self._started < self._limit
            self._started += may_start
            return may_start

    def give_back(self) -> None:
        """Takes back an export that is not started yet."""
        with self._changed:
            self._started -= 1
