"""Streams are read in turn, so many slices at once as were asked for."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from source_dialpad.sync.fair_executor import FairExecutor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airbyte_cdk.sources.types import Record

SECONDS = 10


class Slice(Partition):
    def __init__(self, stream: str) -> None:
        self.stream = stream

    def read(self) -> Iterable[Record]:
        return ()

    def to_slice(self) -> Mapping[str, Any] | None:
        return None

    def stream_name(self) -> str:
        return self.stream

    def __hash__(self) -> int:
        return id(self)


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


@pytest.fixture
def turns(gate: threading.Event) -> Iterator[FairExecutor]:
    made = FairExecutor(2)
    yield made
    gate.set()
    made.shutdown()


class Reading:
    """Reads slices that last until the gate opens, and notes which ones began."""

    def __init__(self, turns: FairExecutor, gate: threading.Event) -> None:
        self._turns, self._gate = turns, gate
        self.began: list[str] = []
        self.some_began = threading.Semaphore(0)

    def read(self, stream: str, many: int = 1) -> list[Future[None]]:
        return [self._turns.submit(self._one, Slice(stream)) for _ in range(many)]

    def _one(self, partition: Slice) -> None:
        self.began.append(partition.stream)
        self.some_began.release()
        self._gate.wait(SECONDS)


def test_no_more_slices_are_read_at_once_than_asked_for(turns: FairExecutor, gate: threading.Event) -> None:
    reading = Reading(turns, gate)
    pending = reading.read("calls", 5)
    assert all(reading.some_began.acquire(timeout=SECONDS) for _ in range(2))
    assert not reading.some_began.acquire(timeout=0.1)
    gate.set()
    assert not wait(pending, SECONDS).not_done
    assert reading.began == ["calls"] * 5


def test_a_stream_with_many_slices_does_not_keep_another_waiting(turns: FairExecutor, gate: threading.Event) -> None:
    order: list[str] = []
    first: list[Future[Any]] = [turns.submit(lambda _: gate.wait(SECONDS), Slice("calls")) for _ in range(2)]
    later = [turns.submit(lambda each: order.append(each.stream), Slice("calls")) for _ in range(50)]
    later += [turns.submit(lambda each: order.append(each.stream), Slice(name)) for name in ("users", "rooms")]
    gate.set()
    assert not wait([*first, *later], SECONDS).not_done
    assert Counter(order) == {"calls": 50, "users": 1, "rooms": 1}
    assert max(order.index("users"), order.index("rooms")) < 8


def test_what_cuts_slices_needs_no_turn(turns: FairExecutor, gate: threading.Event) -> None:
    reading = Reading(turns, gate)
    reading.read("calls", 2)
    cutting = [turns.submit(lambda name: name, f"stream {number}") for number in range(60)]
    assert [each.result(SECONDS) for each in cutting] == [f"stream {number}" for number in range(60)]


def test_an_error_is_the_futures_and_the_turn_is_given_back(turns: FairExecutor) -> None:
    def fails(_: Partition) -> None:
        raise ValueError("broken")

    for future in [turns.submit(fails, Slice("calls")) for _ in range(5)]:
        with pytest.raises(ValueError, match="broken"):
            future.result(SECONDS)
    assert turns.submit(lambda _: "read", Slice("calls")).result(SECONDS) == "read"


def test_a_shutdown_begins_nothing_more(turns: FairExecutor, gate: threading.Event) -> None:
    reading = Reading(turns, gate)
    pending = reading.read("calls", 4)
    assert all(reading.some_began.acquire(timeout=SECONDS) for _ in range(2))
    turns.shutdown(wait=False, cancel_futures=True)
    gate.set()
    assert not wait(pending[:2], SECONDS).not_done
    assert reading.began == ["calls"] * 2
