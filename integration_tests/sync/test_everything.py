"""One sync of every stream, a second one, and what a destination would hold after them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from jsonschema import Draft7Validator, FormatChecker

from integration_tests.standard.account import OTHER_EVENTS
from integration_tests.sync.conftest import TOO_SLOW
from integration_tests.sync.connector import Output, Row, table

if TYPE_CHECKING:
    from integration_tests.sync.connector import Connector

SCHEMAS = Path(__file__).parents[2] / "schemas"
NAMES = sorted({path.stem for path in SCHEMAS.glob("*.json")} - TOO_SLOW)
LAGGING = {
    *("messages", "customer_session_messages", "calls", "call_transcripts", "digital_sessions"),
    "analytics_record_data",
}
"""Streams that are read up to ten minutes before now, so the newest rows of the truth may be missing."""


@pytest.fixture(scope="module")
def first(connector: Connector, streams: list[dict[str, Any]]) -> Output:
    return connector.read(streams)


@pytest.fixture(scope="module")
def second(connector: Connector, streams: list[dict[str, Any]], first: Output) -> Output:
    return connector.read(streams, first.last_states())


@pytest.fixture(scope="module")
def by_name(streams: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {stream["name"]: stream for stream in streams}


def truth(fake: str, name: str, config: dict[str, Any]) -> list[Row]:
    params = {"start": config["start_date"], "end": "2100-01-01", "timezone": config["timezone"], "state": "all"}
    params["grain"] = config["analytics"]["grain"] if name.startswith("analytics") else "month"
    answer = requests.get(f"{fake}/_fake/truth/{name}", params=params, timeout=60)
    answer.raise_for_status()
    rows: list[Row] = answer.json()["rows"]
    return rows


def test_the_catalogue_holds_a_stream_for_every_schema(by_name: dict[str, dict[str, Any]]) -> None:
    assert sorted(by_name) == NAMES


def test_a_sync_of_everything_ends_well(first: Output) -> None:
    assert (first.exit_code, first.errors) == (0, [])


def test_statuses_come_in_order(first: Output) -> None:
    orders = (["STARTED", "RUNNING", "COMPLETE"], ["STARTED", "COMPLETE"])
    assert {name: first.statuses[name] for name in NAMES if first.statuses[name] not in orders} == {}


def test_every_stream_has_rows_and_every_row_fits_its_schema(first: Output) -> None:
    wrong = {}
    for path in sorted(SCHEMAS.glob("*.json")):
        validator = Draft7Validator(json.loads(path.read_text()), format_checker=FormatChecker())
        wrong[path.stem] = [error.message for row in first.records[path.stem] for error in validator.iter_errors(row)]
    assert {name: messages for name, messages in wrong.items() if messages} == {}
    assert [name for name in NAMES if not first.records[name]] == []


def test_key_and_cursor_are_never_null(first: Output, by_name: dict[str, dict[str, Any]]) -> None:
    nulls = []
    for name, stream in by_name.items():
        columns = [path[0] for path in stream["source_defined_primary_key"]]
        columns += stream.get("default_cursor_field") or []
        nulls += [(name, column) for row in first.records[name] for column in columns if row.get(column) is None]
    assert nulls == []


def test_the_destination_holds_as_many_rows_as_the_account(
    first: Output, by_name: dict[str, dict[str, Any]], fake: str, config: dict[str, Any]
) -> None:
    events = {"call_events": 40, **{f"{kind}_events": 1 for kind in OTHER_EVENTS}}
    wrong = {}
    for name, stream in by_name.items():
        expected = events.get(name) or len(truth(fake, name, config))
        rows = len(table(first.records[name], stream))
        if not expected - (20 if name in LAGGING else 0) <= rows <= expected:
            wrong[name] = (rows, expected)
    assert wrong == {}


@pytest.mark.parametrize("name", ["records_calls", "records_texts", "users", "call_center_operators", "records_onduty"])
def test_the_destination_holds_the_account_s_own_rows(
    first: Output, by_name: dict[str, dict[str, Any]], fake: str, config: dict[str, Any], name: str
) -> None:
    columns = [path[0] for path in by_name[name]["source_defined_primary_key"]]
    expected = {tuple(str(row[column]) for column in columns) for row in truth(fake, name, config)}
    assert set(table(first.records[name], by_name[name])) == expected


def test_the_counts_of_the_states_add_up_to_the_rows(first: Output) -> None:
    counted = {name: sum(state["sourceStats"]["recordCount"] for state in first.states[name]) for name in NAMES}
    assert counted == {name: len(first.records[name]) for name in NAMES}


def test_a_second_sync_changes_no_table(first: Output, second: Output, by_name: dict[str, dict[str, Any]]) -> None:
    assert second.errors == []
    new = {
        name: table(second.records[name], stream).keys() - table(first.records[name], stream).keys()
        for name, stream in by_name.items()
        if name not in LAGGING
    }
    assert {name: keys for name, keys in new.items() if keys} == {}


def test_a_second_sync_reads_only_what_may_have_changed(first: Output, second: Output) -> None:
    read_again = {"messages", "records_calls", "calls", "analytics_record_data"}
    assert {name for name in read_again if len(second.records[name]) < len(first.records[name]) * 0.8} == read_again
    assert second.records["analytics_filter_values"] == []


def test_the_key_goes_to_no_download(first: Output, fake: str) -> None:
    requested = requests.get(f"{fake}/_fake/requests", timeout=10).json()
    log = requested["requests"] if isinstance(requested, dict) else requested
    downloads = [each for each in log if each["path"].startswith("/_storage")]
    assert downloads
    assert [each for each in downloads if each["authorization"]] == []


def test_no_secret_is_printed(first: Output, second: Output, connector: Connector) -> None:
    secrets = [section["api_key"] for section in connector.config.values() if isinstance(section, dict)]
    printed = json.dumps(first.messages) + json.dumps(second.messages)
    assert [secret for secret in secrets if secret in printed] == []
