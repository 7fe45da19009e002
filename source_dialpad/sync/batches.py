"""Rows travel from a slice to standard output in batches of finished RECORD lines.

One by one, a row costs several objects, two turns of a lock and a dataclass dump on its way through the CDK's queue:
more than reading, typing and keying it. A batch is one queue item: a `Record` to the threads that read slices, an
`AirbyteMessage` to the entrypoint. Only `run.py` writes batches; every other host gets the rows one by one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Final

import orjson
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, AirbyteStreamStatus, StreamDescriptor, Type
from airbyte_cdk.sources.concurrent_source.concurrent_read_processor import ConcurrentReadProcessor
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.stream_thread_exception import StreamThreadException
from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import system_error
from source_dialpad.sync.fair_executor import FairExecutor
from source_dialpad.transport.types import lenient_json

Row = dict[str, Any]

MAX_ROWS: Final = 500
MAX_BYTES: Final = 1 << 19
MAX_WAITING: Final = 8
"""Batches that may wait to be written; a reader that is faster than the writer waits, so memory stays flat."""


class RecordBatch(Record):
    """Rows of one slice as RECORD lines without their ends; to the CDK it is one record, that of the last row."""

    def __init__(self, stream_name: str, stream_slice: StreamSlice, last: Row, lines: list[bytes]) -> None:
        super().__init__(data=last, stream_name=stream_name, associated_slice=stream_slice)
        self.lines = lines


class BatchMessage(AirbyteMessage):
    """A batch on its way to standard output; its record names the stream, for the counts of the states."""

    def __init__(self, batch: RecordBatch) -> None:
        super().__init__(type=Type.RECORD, record=AirbyteRecordMessage(stream=batch.stream_name, data={}, emitted_at=0))
        self.lines = batch.lines


class BatchQueue:
    """Whether this process makes batches, and how many wait to be written."""

    is_open = False

    def open(self) -> None:
        """From now on rows travel in batches."""
        self._slots = threading.BoundedSemaphore(MAX_WAITING)
        self.is_open = True

    def close(self) -> None:
        """Nobody writes any more: who waits for a slot raises within a second."""
        self.is_open = False

    def acquire_slot(self) -> None:
        """Waits until fewer than `MAX_WAITING` batches are on their way."""
        while not self._slots.acquire(timeout=1.0):
            if not self.is_open:
                raise system_error("The rows read are no longer written: the sync has ended.")

    def release_slot(self) -> None:
        """A batch was taken from the queue."""
        self._slots.release()


BATCHES: Final = BatchQueue()


def batched(stream_name: str, stream_slice: StreamSlice, rows: Iterable[Row]) -> Iterator[Row | RecordBatch]:
    """The rows as they are, or in batches; the rows before an error are passed on before the error."""
    if not BATCHES.is_open:
        yield from rows
        return
    lines: list[bytes] = []
    row: Row = {}
    size = 0
    head = b'{"type":"RECORD","record":{"stream":%b,"data":' % orjson.dumps(stream_name)
    try:
        for row in rows:
            if not lines:
                tail = b',"emitted_at":%d}}' % (time.time_ns() // 1_000_000)
            # copied at once: the bytes that orjson returns occupy several times their length
            line = b"".join((head, _serialize(row, stream_name), tail))
            lines.append(line)
            size += len(line)
            if size >= MAX_BYTES or len(lines) >= MAX_ROWS:
                yield _batch(stream_name, stream_slice, row, lines)
                lines, size = [], 0
    except Exception:
        if lines:
            yield _batch(stream_name, stream_slice, row, lines)
        raise
    if lines:
        yield _batch(stream_name, stream_slice, row, lines)


def _batch(stream_name: str, stream_slice: StreamSlice, last: Row, lines: list[bytes]) -> RecordBatch:
    BATCHES.acquire_slot()
    return RecordBatch(stream_name, stream_slice, last, lines)


def _serialize(row: Row, stream_name: str) -> bytes:
    if None in row.values():  # the CDK leaves members out that are null
        row = {name: value for name, value in row.items() if value is not None}
    try:
        return orjson.dumps(row)
    except TypeError:  # a number beyond 64 bits, half of a surrogate pair, or 254 levels
        try:
            return lenient_json(row)
        except RecursionError:
            problem = f"{stream_name}: a row is nested too deeply to be written as JSON"
            raise system_error(f"{problem}; its members: {', '.join(row)[:200]}.") from None


class BatchingSource(ConcurrentSource):
    """The CDK's source, but for batches, each a message that counts as its rows, and errors, each logged once."""

    def _handle_item(self, queue_item: QueueItem, processor: ConcurrentReadProcessor) -> Iterable[AirbyteMessage]:
        if isinstance(queue_item, RecordBatch):
            yield from self._batch(queue_item, processor)
        elif isinstance(queue_item, StreamThreadException) and isinstance(queue_item.exception, AirbyteTracedException):
            # the CDK would log the same error once more, with its stack trace
            stream, error = queue_item.stream_name, queue_item.exception
            processor._flag_exception(stream, error)  # noqa: SLF001
            yield error.as_airbyte_message(stream_descriptor=StreamDescriptor(name=stream))
        else:
            yield from super()._handle_item(queue_item, processor)

    def _batch(self, batch: RecordBatch, processor: ConcurrentReadProcessor) -> Iterable[AirbyteMessage]:
        counts, stream = processor._record_counter, processor._stream_name_to_instance[batch.stream_name]  # noqa: SLF001
        if counts[stream.name] == 0:
            yield as_airbyte_message(stream.as_airbyte_stream(), AirbyteStreamStatus.RUNNING)
        counts[stream.name] += len(batch.lines)
        BATCHES.release_slot()
        yield BatchMessage(batch)
        yield from self._message_repository.consume_queue()


def batching_source(source: ConcurrentSource, *, slices: int, streams: int) -> BatchingSource:
    """The same source with `slices` read at once, in turn, and all its `streams` begun at the start."""
    return BatchingSource(
        threadpool=ThreadPoolManager(FairExecutor(slices), source._logger),  # noqa: SLF001
        logger=source._logger,  # noqa: SLF001
        slice_logger=source._slice_logger,  # noqa: SLF001
        queue=source._queue,  # noqa: SLF001
        message_repository=source._message_repository,  # noqa: SLF001
        initial_number_partitions_to_generate=max(streams, 1),
    )
