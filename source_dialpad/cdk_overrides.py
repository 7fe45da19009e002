"""The one place where the CDK's inside is touched: what is replaced, why, and when it can go.

`ModelToComponentFactory._build_concurrent_cursor` (airbyte-cdk 7.39.1)
    Replaced for streams whose `incremental_sync` carries `$parameters: {windows: …}`: the stream's cursor is then a
    `WindowCursor`. The manifest once had `CustomIncrementalSync` for this; 7.x knows the datetime and the counting
    cursor only, and neither can keep the end of a window as state, cut windows at local weeks and months, keep today
    apart from history, or begin a new partition at its own start. It can go when the manifest takes a custom cursor
    again.

`ConcurrentReadProcessor.on_record`, `AirbyteEntrypoint.handle_record_counts`, `.airbyte_message_to_string` (7.39.1)
    Replaced by `install_batches`, which only `command.py` calls, so that a `RecordBatch` counts as its rows and is
    written as its lines; every other record and message goes the CDK's own way. Rows that pass one by one cost more
    than reading, typing and keying them (see benchmarks/RESULTS.md). They can go when the CDK hands pages on, not
    records.

`ConcurrentDeclarativeSource._concurrent_source` (7.39.1)
    Replaced by `in_turns`, which `SourceDialpad` calls, so that streams are read in turn (see `turns`) and each of them
    cuts its slices from the start. The CDK's pool takes slices in the order they come, and half of its threads cut
    them. It can go when the CDK's pool is fair to streams, or can be given.

Importing `source_dialpad.components` installs the first, so that every door that builds the manifest has it: the
console script, PyAirbyte, and the generic manifest runner. `unit_tests/core/test_cdk_overrides.py` fails when the
CDK changes underneath.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, AirbyteStreamStatus
from airbyte_cdk.sources.concurrent_source.concurrent_read_processor import ConcurrentReadProcessor
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.connector_state_manager import HashableStreamDescriptor
from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.sources.declarative.partition_routers import SinglePartitionRouter
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer
from airbyte_cdk.sources.types import Record
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message

from source_dialpad.sync import planner as slicing
from source_dialpad.sync.batches import BATCHING, BatchMessage, RecordBatch
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.fair_executor import FairExecutor

_build_concurrent_cursor = ModelToComponentFactory._build_concurrent_cursor  # noqa: SLF001


def build_cursor(
    factory: ModelToComponentFactory,
    model: DeclarativeStream,
    stream_slicer: StreamSlicer | None,
    config: Mapping[str, Any],
) -> Cursor:
    """The stream's cursor: a `WindowCursor` where the manifest names windows, otherwise the CDK's own."""
    sync = model.incremental_sync
    windows = (getattr(sync, "parameters", None) or {}).get("windows")
    if sync is None or windows is None:
        return _build_concurrent_cursor(factory, model, stream_slicer, config)  # type: ignore[arg-type]
    settings = dict(InterpolatedNestedMapping(mapping=windows, parameters={}).eval(config))
    kind: type[slicing.WindowPlanner] = getattr(slicing, settings.pop("kind"))
    return WindowCursor(
        slicing=kind(stream=model.name or "", cursor_field=sync.cursor_field, **settings),
        partitions=None if isinstance(stream_slicer, SinglePartitionRouter) else stream_slicer,
        stream_state=factory._connector_state_manager.get_stream_state(model.name or "", None),  # noqa: SLF001
        message_repository=factory._message_repository,  # noqa: SLF001
        state_manager=factory._connector_state_manager,  # noqa: SLF001
    )


ModelToComponentFactory._build_concurrent_cursor = build_cursor  # type: ignore[method-assign,assignment]  # noqa: SLF001


_on_record = ConcurrentReadProcessor.on_record
_handle_record_counts = AirbyteEntrypoint.handle_record_counts
_message_to_string = AirbyteEntrypoint.airbyte_message_to_string


def on_record(processor: ConcurrentReadProcessor, record: Record) -> Iterable[AirbyteMessage]:
    """A batch as one message, after the status RUNNING where it is the stream's first; other records as ever."""
    if not isinstance(record, RecordBatch):
        yield from _on_record(processor, record)
        return
    counts, stream = processor._record_counter, processor._stream_name_to_instance[record.stream_name]  # noqa: SLF001
    if counts[stream.name] == 0:
        yield as_airbyte_message(stream.as_airbyte_stream(), AirbyteStreamStatus.RUNNING)
    counts[stream.name] += len(record.lines)
    yield BatchMessage(record)
    BATCHING.places.release()
    yield from processor._message_repository.consume_queue()  # noqa: SLF001


def handle_record_counts(
    message: AirbyteMessage, counts: defaultdict[HashableStreamDescriptor, float]
) -> AirbyteMessage:
    """Counts the rows of a batch towards the next state of their stream."""
    if not isinstance(message, BatchMessage):
        return _handle_record_counts(message, counts)
    counts[HashableStreamDescriptor(name=message.record.stream)] += float(len(message.lines))  # type: ignore[union-attr]
    return message


def message_to_string(message: AirbyteMessage) -> str:
    """A batch passes as it is, for `command.py` writes its lines as bytes; every other message becomes text."""
    return message if isinstance(message, BatchMessage) else _message_to_string(message)  # type: ignore[return-value]


def install_batches() -> None:
    """Lets rows travel in batches; whoever calls it writes `BatchMessage`s itself."""
    ConcurrentReadProcessor.on_record = on_record  # type: ignore[method-assign,assignment]
    AirbyteEntrypoint.handle_record_counts = staticmethod(handle_record_counts)  # type: ignore[method-assign,assignment]
    AirbyteEntrypoint.airbyte_message_to_string = staticmethod(message_to_string)  # type: ignore[method-assign,assignment]
    BATCHING.on = True


def in_turns(source: ConcurrentSource, slices: int, streams: int) -> ConcurrentSource:
    """The source with `slices` read at once, each stream in its turn, and all its `streams` begun at the start."""
    return ConcurrentSource(
        threadpool=ThreadPoolManager(FairExecutor(slices), source._logger),  # type: ignore[arg-type]  # any executor  # noqa: SLF001
        logger=source._logger,  # noqa: SLF001
        slice_logger=source._slice_logger,  # noqa: SLF001
        queue=source._queue,  # noqa: SLF001
        message_repository=source._message_repository,  # noqa: SLF001
        initial_number_partitions_to_generate=max(streams, 1),
    )
