"""What is replaced inside the CDK is still what it was when it was replaced."""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.sources.streams.concurrent.cursor import ConcurrentCursor, Cursor, FinalStateCursor

from source_dialpad import cdk_overrides
from source_dialpad.source import SourceDialpad
from source_dialpad.sync import planner as slicing
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.fair_executor import FairExecutor

if TYPE_CHECKING:
    from collections.abc import Callable

    from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream

REPLACED: dict[str, tuple[Callable[..., Any], str]] = {
    "ModelToComponentFactory._build_concurrent_cursor": (cdk_overrides._build_concurrent_cursor, "d150a101a3a0a552"),
    "ConcurrentReadProcessor.on_record": (cdk_overrides._on_record, "0aabf097ff9caad0"),
    "AirbyteEntrypoint.handle_record_counts": (cdk_overrides._handle_record_counts, "4b1eb114b5a430cf"),
    "AirbyteEntrypoint.airbyte_message_to_string": (cdk_overrides._message_to_string, "97d751a3ecbb375b"),
}
CONFIG: dict[str, Any] = {
    "start_date": "2026-11-01",
    "dialpad": {"api_key": "dialpad-key-0123456789"},
    "engagement": {"base_url": "https://a.b", "api_key": "engagement-key-0123456789", "provider_id": "1020"},
    "analytics": {"api_key": "analytics-key-0123456789"},
    "event_receiver": {"base_url": "https://a.b", "api_key": "receiver-key-0123456789"},
}


def fingerprint(function: Callable[..., Any]) -> str:
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def test_the_cdk_is_the_one_whose_inside_was_looked_at() -> None:
    assert version("airbyte-cdk") == "7.39.1"


@pytest.mark.parametrize("name", REPLACED)
def test_what_is_replaced_reads_as_it_did(name: str) -> None:
    original, known = REPLACED[name]
    assert original.__qualname__ == name
    assert fingerprint(original) == known


def test_the_replacement_takes_what_the_original_takes() -> None:
    derived = list(inspect.signature(cdk_overrides.build_cursor).parameters)
    theirs = list(inspect.signature(cdk_overrides._build_concurrent_cursor).parameters)
    assert derived[1:] == theirs[1:]


def test_the_factory_still_asks_it_for_the_cursor() -> None:
    assert "self._build_concurrent_cursor(" in inspect.getsource(ModelToComponentFactory.create_default_stream)


def test_the_source_that_reads_in_turns_is_the_cdks_but_for_its_pool() -> None:
    built = SourceDialpad(config=dict(CONFIG))._concurrent_source
    derived = cdk_overrides.in_turns(built, slices=3, streams=46)
    assert vars(derived).keys() == vars(built).keys()
    differ = {name for name, value in vars(derived).items() if value is not vars(built)[name]}
    assert differ == {"_threadpool", "_initial_number_partitions_to_generate"}
    pool: object = derived._threadpool._threadpool
    assert isinstance(pool, FairExecutor)
    assert "self._concurrent_source.read(" in inspect.getsource(ConcurrentDeclarativeSource.read)


def cursors() -> dict[str, Cursor]:
    streams: list[DefaultStream] = SourceDialpad(config=dict(CONFIG)).streams(CONFIG)  # type: ignore[assignment]
    return {stream.name: stream.cursor for stream in streams}


def test_every_incremental_stream_goes_by_windows_and_the_others_by_the_cdk() -> None:
    source = SourceDialpad(config=dict(CONFIG))
    incremental = {
        each.name: bool(each.source_defined_cursor) for each in source.discover(source.logger, CONFIG).streams
    }
    kinds = {name: type(cursor) for name, cursor in cursors().items()}
    assert kinds == {name: WindowCursor if cursor else FinalStateCursor for name, cursor in incremental.items()}
    assert set(kinds.values()) == {WindowCursor, FinalStateCursor}


def test_a_datetime_cursor_without_windows_stays_the_cdks_own() -> None:
    model = DeclarativeStream.parse_obj(
        {
            "type": "DeclarativeStream",
            "name": "s",
            "retriever": {
                "type": "SimpleRetriever",
                "requester": {"type": "HttpRequester", "url": "https://a.b", "http_method": "GET"},
                "record_selector": {
                    "type": "RecordSelector",
                    "extractor": {"type": "DpathExtractor", "field_path": []},
                },
            },
            "incremental_sync": {
                "type": "DatetimeBasedCursor",
                "cursor_field": "at",
                "datetime_format": "%Y-%m-%d",
                "start_datetime": "2026-11-01",
            },
        }
    )
    factory = ModelToComponentFactory(connector_state_manager=ConnectorStateManager([]))
    assert isinstance(cdk_overrides.build_cursor(factory, model, None, {}), ConcurrentCursor)


def test_the_settings_of_the_windows_reach_the_slicing() -> None:
    built = cursors()["calls"]
    assert isinstance(built, WindowCursor)
    assert built._slicing == slicing.DatetimeWindows(
        stream="calls",
        cursor_field="date_started",
        start="2026-11-01",
        timezone="UTC",
        lookback_days=3,
        extra_lookback_days=1,
        step_days=7,
    )
