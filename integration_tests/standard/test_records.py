"""What the retired acceptance tests asked of records and states, and the platform's suite no longer does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from integration_tests.standard.__main__ import BEFORE
from integration_tests.standard.account import FILES, account, file
from integration_tests.standard.recorded import (
    Sync,
    configured_catalog,
    discovered,
    full_refresh,
    incremental,
    key_of,
    read,
)

if TYPE_CHECKING:
    from integration_tests.standard.account import Row

CATALOG: dict[str, Any] = file("configured_catalog.json")
STREAMS = {configured["stream"]["name"]: configured["stream"] for configured in CATALOG["streams"]}
INCREMENTAL = [configured["stream"]["name"] for configured in incremental(CATALOG)["streams"]]
EXPECTED = [json.loads(line) for line in (FILES / "expected_records.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    """A first sync of every stream."""
    with account(tmp_path_factory.mktemp("whole")):
        return read(CATALOG)


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    """The same streams, read whole."""
    with account(tmp_path_factory.mktemp("again")):
        return read(full_refresh(CATALOG))


@pytest.fixture(scope="module")
def from_2099(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    """A sync whose state stands far in the future."""
    with account(tmp_path_factory.mktemp("future")):
        return read(incremental(CATALOG), file("abnormal_state.json"))


@pytest.fixture(scope="module")
def three_days_ago(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    """A first sync, three days ago: its state is in sample_state.json."""
    with account(tmp_path_factory.mktemp("ago"), later=BEFORE):
        return read(CATALOG)


@pytest.fixture(scope="module")
def three_days_on(tmp_path_factory: pytest.TempPathFactory) -> Sync:
    """A sync whose state is three days old."""
    with account(tmp_path_factory.mktemp("on")):
        return read(CATALOG, file("sample_state.json"))


def table(name: str, *syncs: Sync) -> dict[tuple[Any, ...], Row]:
    """Rows after deduplication by primary key, the last one winning.

    A survey answer and a grade have no day of their own: they stand in the window of the export they came with last.
    """
    undated = ("records_csat", "scorecard_grades", "scorecard_answers")
    left_out = ("window_start", "window_end") if name in undated else ("interval",)  # of a running day: see in_order
    return {
        key_of(STREAMS[name], row): {column: row[column] for column in row if column not in left_out}
        for sync in syncs
        for row in sync.rows.get(name, [])
    }


def in_order(rows: list[Row]) -> list[str]:
    """The rows as text, without the end of an interval, which for a running day is the time of reading."""
    return sorted(
        json.dumps({**row, "interval": (row.get("interval") or {}).get("start")}, sort_keys=True) for row in rows
    )


@pytest.mark.usefixtures("fake")
def test_the_configured_catalogue_is_the_one_that_is_discovered() -> None:
    assert configured_catalog(discovered()) == CATALOG, "run make tables"


def test_every_stream_has_expected_records() -> None:
    assert {record["stream"] for record in EXPECTED} == set(STREAMS), "run make tables"


def test_the_expected_records_are_in_the_sync(whole: Sync) -> None:
    by_key = {(name, key_of(STREAMS[name], row)): row for name in STREAMS for row in whole.rows[name]}
    keys = [(record["stream"], key_of(STREAMS[record["stream"]], record["data"])) for record in EXPECTED]
    assert [by_key.get(key) for key in keys] == [record["data"] for record in EXPECTED]


def test_no_stream_fails(whole: Sync, again: Sync, from_2099: Sync, three_days_on: Sync) -> None:
    assert whole.errors + again.errors + from_2099.errors + three_days_on.errors == []


def test_reading_a_stream_twice_gives_the_same_rows(whole: Sync, again: Sync) -> None:
    assert [name for name in STREAMS if in_order(whole.rows[name]) != in_order(again.rows[name])] == []


def test_a_state_far_in_the_future_gives_a_state_and_no_row(from_2099: Sync) -> None:
    assert [name for name in INCREMENTAL if from_2099.rows.get(name)] == []
    assert {state["stream"]["stream_descriptor"]["name"] for state in from_2099.states} == set(INCREMENTAL)


def test_two_syncs_make_the_table_of_one(whole: Sync, three_days_ago: Sync, three_days_on: Sync) -> None:
    different = []
    for name in INCREMENTAL:
        both, once = table(name, three_days_ago, three_days_on), table(name, whole)
        if name in ("office_plans", "office_licenses"):  # a snapshot a day: what was taken three days ago stays
            both = {key: row for key, row in both.items() if key in once}
        different += [] if both == once else [name]
    assert different == []


def test_a_second_sync_reads_less(whole: Sync, three_days_on: Sync) -> None:
    grown = ["messages", "records_calls", "calls", "digital_sessions", "analytics_record_data"]
    assert [name for name in grown if len(three_days_on.rows[name]) > len(whole.rows[name]) * 0.8] == []


def test_no_state_is_of_the_legacy_kind(whole: Sync) -> None:
    assert [state for state in whole.states if state["type"] != "STREAM" or "data" in state] == []


def test_every_stream_writes_a_state_with_a_count(whole: Sync) -> None:
    assert {state["stream"]["stream_descriptor"]["name"] for state in whole.states} == set(STREAMS)
    assert [state for state in whole.states if "recordCount" not in state["sourceStats"]] == []
