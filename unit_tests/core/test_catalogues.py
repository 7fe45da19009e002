"""Catalogues and states that do not fit: a clear error or a documented fallback, never a silent full or empty sync."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airbyte_cdk.models import FailureType

from source_dialpad.source import SourceDialpad
from unit_tests.cases import every
from unit_tests.core.fixtures import dialpad
from unit_tests.core.reading import Read, catalog_of, read

if TYPE_CHECKING:
    import pytest
    import requests_mock

    from fake_dialpad.server import FakeDialpad

RECORDED = json.loads((Path(__file__).parents[2] / "integration_tests" / "configured_catalog.json").read_text())
INCREMENTAL: dict[str, str] = {
    configured["stream"]["name"]: configured["stream"]["default_cursor_field"][0]
    for configured in RECORDED["streams"]
    if "incremental" in configured["stream"]["supported_sync_modes"]
}
URL = "https://dialpad.example"
EVERYTHING = dialpad(
    engagement={"base_url": URL, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
    analytics={"base_url": URL, "api_key": "analytics-key-0123456789"},
    event_receiver={"base_url": URL, "api_key": "receiver-key-0123456789"},
)


def test_the_incremental_streams_are_those_of_the_recorded_catalog() -> None:
    streams = SourceDialpad(config=dict(EVERYTHING)).streams(EVERYTHING)
    fields = {stream.name: stream.as_airbyte_stream().default_cursor_field for stream in streams}
    assert {name: field[0] for name, field in fields.items() if field} == INCREMENTAL


@every("value", ["9999-12-31", "2999-12-31"])
def test_a_state_of_the_far_future_gives_no_record_of_any_stream_and_says_so(
    value: str, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    clocked = {stream: field for stream, field in INCREMENTAL.items() if not stream.endswith("_events")}
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        out = read(EVERYTHING, *clocked, state={stream: {field: value} for stream, field in clocked.items()})
    assert (out.of, out.errors) == ({}, [])
    warned = {line.split(":")[0] for line in caplog.messages if f"says that everything up to {value}" in line}
    assert warned == set(clocked)


def ended_with(out: Read, kind: FailureType, *parts: str) -> None:
    assert out.ended_by is not None
    assert out.ended_by.failure_type == kind
    for part in parts:
        assert part in str(out.ended_by.message)


def test_a_stream_that_does_not_exist_is_an_error_and_the_others_are_read(fetch: requests_mock.Mocker) -> None:
    out = read(dialpad(), "offices", "office")
    assert set(out.of) == {"offices"}
    assert out.statuses["office"] == ["INCOMPLETE"]
    assert out.statuses["offices"][-1] == "COMPLETE"
    assert [(error.failure_type, out.streams_of_errors[0]) for error in out.errors] == [
        (FailureType.config_error, "office")
    ]
    assert str(out.errors[0].message).startswith(
        "office: the catalog asks for this stream, and there is none of that name"
    )
    assert "'offices'" in str(out.errors[0].message)
    ended_with(out, FailureType.config_error, "1 stream was not read to the end: office.")


def test_a_stream_whose_section_is_not_configured_is_an_error_that_names_the_section(
    fetch: requests_mock.Mocker,
) -> None:
    out = read(dialpad(), "messages")
    assert out.records == []
    ended_with(out, FailureType.config_error, "messages", "the configuration has no section engagement")


def test_a_catalogue_without_a_cursor_goes_by_the_streams_own(fetch: requests_mock.Mocker) -> None:
    out = read(dialpad(), "calls")
    assert out.records
    assert "date_started" in out.state


def test_columns_that_the_catalogue_leaves_out_are_read_all_the_same(fetch: requests_mock.Mocker) -> None:
    out = read(dialpad(), "offices")  # the catalogue of these tests knows no column at all
    assert {"id", "name", "timezone"} <= set(out.records[0])


def test_a_full_refresh_with_a_state_goes_on_from_it(fetch: requests_mock.Mocker) -> None:
    state = read(dialpad(lookback_days=0), "calls").state
    again = read(
        dialpad(lookback_days=0), catalog=catalog_of("calls", sync_mode="full_refresh"), state={"calls": state}
    )
    assert 0 < len(again.records) < 100


def test_a_full_refresh_without_a_state_reads_everything(fetch: requests_mock.Mocker) -> None:
    incremental = read(dialpad(), "calls")
    full = read(dialpad(), catalog=catalog_of("calls", sync_mode="full_refresh"))
    assert len(full.records) == len(incremental.records)


@every("state", [{"at": "2026-11-10"}, {"date_started": "yesterday"}, {"states": []}])
def test_a_state_of_another_shape_is_an_error_of_its_stream_and_the_others_are_read(
    state: dict[str, Any], fetch: requests_mock.Mocker
) -> None:
    out = read(dialpad(), "calls", "offices", state={"calls": state})
    assert set(out.of) == {"offices"}
    assert out.statuses["calls"][-1] == "INCOMPLETE"
    ended_with(out, FailureType.config_error, "calls", "Reset the state of this stream")


def test_a_failed_read_keeps_the_state_it_was_given(fetch: requests_mock.Mocker) -> None:
    out = read(dialpad(), "calls", state={"calls": {"date_started": "yesterday"}})
    assert [state for state in out.states if state != {"date_started": "yesterday"}] == []


@every("stream", ["calls", "digital_sessions"])
def test_from_every_state_ever_emitted_the_same_table_comes(stream: str, fetch: requests_mock.Mocker) -> None:
    key = {"calls": "call_id", "digital_sessions": "session_id"}[stream]
    config = dialpad(lookback_days=0)
    quiet = read(config, stream)
    table = {row[key]: row for row in quiet.records}
    assert len(table) > 100
    for state in quiet.states:
        held = {name: row for name, row in table.items() if row_is_before(row, state)}
        held.update({row[key]: row for row in read(config, stream, state={stream: state}).records})
        assert held == table


def row_is_before(row: dict[str, Any], state: dict[str, Any]) -> bool:
    """Whether a row was in the table when the state was written: it began before the state's time."""
    field = "date_started" if "date_started" in row else "created_at"
    return field in state and row[field] < state[field]


def test_no_stream_is_left_of_a_section_that_is_not_configured(fake: FakeDialpad) -> None:
    every = {stream.name for stream in SourceDialpad(config=dict(EVERYTHING)).streams(EVERYTHING)}
    left: set[str] = set()
    for section in ("engagement", "dialpad", "analytics", "event_receiver"):
        alone = {"start_date": EVERYTHING["start_date"], section: EVERYTHING[section]}
        brought = {stream.name for stream in SourceDialpad(config=dict(alone)).streams(alone)}
        assert brought
        assert not brought & left
        left |= brought
    assert left == every
