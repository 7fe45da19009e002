"""What the connector relies on inside the CDK, hook by hook: a test that fails here names what an upgrade changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, FinalStateCursor

from source_dialpad.source import SourceDialpad
from source_dialpad.sync.batches import BatchingSource, batching_source
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.planner import DatetimeWindows

if TYPE_CHECKING:
    from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream

CONFIG: dict[str, Any] = {
    "start_date": "2026-11-01",
    "dialpad": {"api_key": "dialpad-key-0123456789"},
    "engagement": {"base_url": "https://a.b", "api_key": "engagement-key-0123456789", "provider_id": "1020"},
    "analytics": {"api_key": "analytics-key-0123456789"},
    "event_receiver": {"base_url": "https://a.b", "api_key": "receiver-key-0123456789"},
}


def cursors() -> dict[str, Cursor]:
    streams: list[DefaultStream] = SourceDialpad(config=dict(CONFIG)).streams(CONFIG)  # type: ignore[assignment]
    return {stream.name: stream.cursor for stream in streams}


def test_the_factory_asks_for_every_cursor_where_the_source_answers() -> None:
    source = SourceDialpad(config=dict(CONFIG))
    incremental = {
        stream.name: bool(stream.source_defined_cursor) for stream in source.discover(source.logger, CONFIG).streams
    }
    kinds = {name: type(cursor) for name, cursor in cursors().items()}
    assert kinds == {name: WindowCursor if cursor else FinalStateCursor for name, cursor in incremental.items()}
    assert set(kinds.values()) == {WindowCursor, FinalStateCursor}


def test_another_source_of_the_process_keeps_its_own_cursors() -> None:
    before = SourceDialpad(config=dict(CONFIG))
    SourceDialpad(config=dict(CONFIG))
    assert before._constructor._build_concurrent_cursor == before._build_cursor


def test_the_settings_of_the_windows_reach_the_planner() -> None:
    built = cursors()["calls"]
    assert isinstance(built, WindowCursor)
    assert built.planner == DatetimeWindows(
        stream="calls",
        cursor_field="date_started",
        start="2026-11-01",
        timezone="UTC",
        lookback_days=4,
        step_days=7,
    )


def test_the_batching_source_is_the_cdks_but_for_its_pool() -> None:
    built = SourceDialpad(config=dict(CONFIG))._concurrent_source
    ours = batching_source(built, slices=3, streams=46)
    assert isinstance(ours, BatchingSource)
    assert vars(ours).keys() == vars(built).keys()
    differ = {name for name, value in vars(ours).items() if value is not vars(built)[name]}
    assert differ == {"_threadpool", "_initial_number_partitions_to_generate"}
