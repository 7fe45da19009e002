"""Rows travel from slice to standard output in batches of finished RECORD lines.

One by one, a row costs several objects, two turns of a lock and a dataclass dump on its way through the CDK's queue,
more than reading, typing and keying it. A batch is one queue item: a `Record` to the threads that read slices, an
`AirbyteMessage` to the entrypoint. Slices, cursors, states, statuses and their order stay the CDK's.

Batches are made only when `command.py` drives the read and has put in place what counts and writes them (see
`cdk_overrides`); every other host gets the rows one by one.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, Type
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

Row = dict[str, Any]

MOST_ROWS: Final = 500
MOST_BYTES: Final = 1 << 19
WAITING: Final = 8
"""Batches that may wait to be written; a reader that is faster than the writer waits, so memory stays flat."""


class RecordBatch(Record):
    """Rows of one slice as RECORD lines; to the CDK it is one record, whose data are those of the last row."""

    def __init__(self, stream_name: str, stream_slice: StreamSlice, last: Row, lines: list[bytes]) -> None:
        """`lines` are whole lines without their ends."""
        super().__init__(data=last, stream_name=stream_name, associated_slice=stream_slice)
        self.lines = lines


class BatchMessage(AirbyteMessage):
    """A batch on its way to standard output; its record names the stream, for the counts of the states."""

    def __init__(self, batch: RecordBatch) -> None:
        """Takes over the lines."""
        super().__init__(type=Type.RECORD, record=AirbyteRecordMessage(stream=batch.stream_name, data={}, emitted_at=0))
        self.lines = batch.lines


class Batching:
    """Whether this process makes batches, and how many wait to be written."""

    def __init__(self) -> None:
        """Off, until `cdk_overrides.install_batches` has put in place what writes them."""
        self.on = False
        self.places = threading.BoundedSemaphore(WAITING)


BATCHING: Final = Batching()


def batched(stream_name: str, stream_slice: StreamSlice, rows: Iterable[Row]) -> Iterator[Row | RecordBatch]:
    """The rows as they are, or in batches; what came before an error is handed on before the error."""
    if not BATCHING.on:
        yield from rows
        return
    lines: list[bytes] = []
    row: Row = {}
    size = 0
    head, tail = _envelope(stream_name)
    try:
        for row in rows:
            line = b"".join((head, _dumped(row, stream_name), tail))
            lines.append(line)
            size += len(line)
            if size >= MOST_BYTES or len(lines) >= MOST_ROWS:
                yield _batch(stream_name, stream_slice, row, lines)
                lines, size = [], 0
                head, tail = _envelope(stream_name)
    except Exception:
        if lines:
            yield _batch(stream_name, stream_slice, row, lines)
        raise
    if lines:
        yield _batch(stream_name, stream_slice, row, lines)


def _batch(stream_name: str, stream_slice: StreamSlice, last: Row, lines: list[bytes]) -> RecordBatch:
    BATCHING.places.acquire()
    return RecordBatch(stream_name, stream_slice, last, lines)


def _envelope(stream_name: str) -> tuple[bytes, bytes]:
    head = b'{"type":"RECORD","record":{"stream":' + orjson.dumps(stream_name) + b',"data":'
    return head, b',"emitted_at":%d}}' % (time.time_ns() // 1_000_000)


def _dumped(row: Row, stream_name: str) -> bytes:
    if None in row.values():  # the CDK leaves members out that are null
        row = {name: value for name, value in row.items() if value is not None}
    try:
        return orjson.dumps(row)
    except TypeError:  # a number beyond 64 bits, half of a surrogate pair, or 254 levels
        try:
            return orjson_safe(row)
        except RecursionError:
            message = (
                f"{stream_name}: a row is nested too deeply to be written as JSON; its members: {', '.join(row)[:200]}."
            )
            raise AirbyteTracedException(message=message, internal_message=message) from None


def orjson_safe(value: Any) -> bytes:
    """JSON in UTF-8 of what orjson refuses: whole numbers of any size, lone surrogates as U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
