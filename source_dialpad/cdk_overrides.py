"""The one place where the CDK's inside is touched: what is replaced, why, and when it can go.

`ModelToComponentFactory._build_concurrent_cursor` (airbyte-cdk 7.39.1)
    Replaced for streams whose `incremental_sync` carries `$parameters: {windows: …}`: the stream's cursor is then a
    `WindowCursor`. The manifest once had `CustomIncrementalSync` for this; 7.x knows the datetime and the counting
    cursor only, and neither can keep the end of a window as state, cut windows at local weeks and months, keep today
    apart from history, or begin a new partition at its own start. It can go when the manifest takes a custom cursor
    again.

Importing `source_dialpad.components` installs it, so that every door that builds the manifest has it: the console
script, PyAirbyte, and the generic manifest runner. `unit_tests/test_cdk_overrides.py` fails when the CDK changes
underneath.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airbyte_cdk.sources.declarative.interpolation.interpolated_nested_mapping import InterpolatedNestedMapping
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.sources.declarative.partition_routers import SinglePartitionRouter
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer

from source_dialpad.components import slicing
from source_dialpad.components.cursor import WindowCursor

_build_concurrent_cursor = ModelToComponentFactory._build_concurrent_cursor  # noqa: SLF001


def build_cursor(
    factory: ModelToComponentFactory, model: DeclarativeStream, stream_slicer: StreamSlicer | None, config: Mapping[str, Any]
) -> Cursor:
    """The stream's cursor: a `WindowCursor` where the manifest names windows, otherwise the CDK's own."""
    sync = model.incremental_sync
    windows = (getattr(sync, "parameters", None) or {}).get("windows")
    if sync is None or windows is None:
        return _build_concurrent_cursor(factory, model, stream_slicer, config)  # type: ignore[arg-type]
    settings = dict(InterpolatedNestedMapping(mapping=windows, parameters={}).eval(config))
    kind: type[slicing.Slicing] = getattr(slicing, settings.pop("kind"))
    return WindowCursor(
        slicing=kind(stream=model.name or "", cursor_field=sync.cursor_field, **settings),
        partitions=None if isinstance(stream_slicer, SinglePartitionRouter) else stream_slicer,
        stream_state=factory._connector_state_manager.get_stream_state(model.name or "", None),  # noqa: SLF001
        message_repository=factory._message_repository,  # noqa: SLF001
        state_manager=factory._connector_state_manager,  # noqa: SLF001
    )


def install() -> None:
    """Puts the overrides in place; a second call changes nothing."""
    ModelToComponentFactory._build_concurrent_cursor = build_cursor  # type: ignore[method-assign]  # noqa: SLF001
