"""Batches: the same lines, counts and order as the CDK's own way, row by row."""

from __future__ import annotations

import json
import tracemalloc
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, Type
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.run import BatchWritingEntrypoint
from source_dialpad.sync.batches import BATCHES, MAX_ROWS, MAX_WAITING, BatchMessage, RecordBatch, batched

if TYPE_CHECKING:
    from collections.abc import Iterator

SLICE = StreamSlice(partition={}, cursor_slice={})

ROWS: list[dict[str, Any]] = [
    {
        "id": "1",
        "text": 'quotes " and \\ and\nlines',
        "n": 12.5,
        "none": None,
        "nested": {"none": None, "list": [1, None]},
    },
    {"id": "2", "text": "ünïcödé 🎉 \u2028 \x00", "big": 2**63, "flag": True},
    {"id": "3"},
]


@pytest.fixture
def batching() -> Iterator[None]:
    BATCHES.open()
    yield
    BATCHES.close()


def test_without_the_writer_in_place_rows_pass_one_by_one() -> None:
    assert list(batched("messages", SLICE, iter(ROWS))) == ROWS


def test_a_line_says_what_the_cdk_would_have_said(batching: None) -> None:
    (batch,) = batched("messages", SLICE, iter(ROWS))
    assert isinstance(batch, RecordBatch)
    for row, line in zip(ROWS, batch.lines, strict=True):
        derived = json.loads(line)
        record = AirbyteRecordMessage(stream="messages", data=row, emitted_at=derived["record"]["emitted_at"])
        theirs = AirbyteEntrypoint.airbyte_message_to_string(AirbyteMessage(type=Type.RECORD, record=record))
        assert derived == json.loads(theirs)


def test_while_a_batch_is_made_memory_holds_little_more_than_its_lines(batching: None) -> None:
    row = {f"column_{number}": "some text" for number in range(40)}
    tracemalloc.start()
    try:
        (batch,) = batched("messages", SLICE, iter([row] * (MAX_ROWS - 1)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(batch, RecordBatch)
    assert peak < 2 * sum(map(len, batch.lines))


def test_no_row_is_lost_at_the_edge_of_a_batch(batching: None) -> None:
    rows = [{"id": str(number)} for number in range(2 * MAX_ROWS + 1)]
    batches = []
    for batch in batched("messages", SLICE, iter(rows)):
        batches.append(batch)
        BATCHES.release_slot()
    told = [json.loads(line)["record"]["data"] for batch in batches for line in batch.lines]  # type: ignore[union-attr]
    assert told == rows


def test_rows_before_an_error_are_handed_on_before_it(batching: None) -> None:
    def breaking() -> Iterator[dict[str, Any]]:
        yield from ROWS
        raise ValueError("broken off")

    reading = batched("messages", SLICE, breaking())
    batch = next(reading)
    assert len(batch.lines) == len(ROWS)  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="broken off"):
        next(reading)


@pytest.mark.parametrize(
    ("value", "told"),
    [("half \ud83c of a pair", "half \ufffd of a pair"), (10**30, 10**30)],
    ids=["surrogate", "integer"],
)
def test_what_json_in_utf8_cannot_say_is_said_readably(batching: None, value: object, told: object) -> None:
    (batch,) = batched("messages", SLICE, iter([{"value": value}]))
    assert json.loads(batch.lines[0].decode("utf-8"))["record"]["data"] == {"value": told}  # type: ignore[union-attr]


def test_a_batch_counts_as_its_rows_towards_the_next_state() -> None:
    counts: defaultdict[HashableStreamDescriptor, float] = defaultdict(float)
    message = BatchMessage(RecordBatch("messages", SLICE, {}, [b"{}"] * 7))
    BatchWritingEntrypoint.handle_record_counts(message, counts)
    assert counts == {HashableStreamDescriptor(name="messages"): 7.0}


def test_who_waits_for_a_slot_is_told_when_nobody_writes_any_more(batching: None) -> None:
    rows = ({"id": str(number)} for number in range(MAX_ROWS * (MAX_WAITING + 1)))
    reading = batched("messages", SLICE, rows)
    for _ in range(MAX_WAITING):
        next(reading)
    BATCHES.close()
    with pytest.raises(AirbyteTracedException, match="no longer written"):
        next(reading)
