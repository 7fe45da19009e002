"""Call events: exactly what the receiver kept, typed, in its order, and on from where the last sync stopped."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.models import FailureType
from jsonschema import Draft7Validator

from source_dialpad.manifest import composed_manifest
from source_dialpad.source import SourceDialpad
from unit_tests.cases import every
from unit_tests.core.reading import read
from unit_tests.events.receiving import MICROSECONDS, URL, Receiver, config, event

if TYPE_CHECKING:
    from pathlib import Path

    import requests_mock

    from unit_tests.core.reading import Row

SCHEMA: dict[str, Any] = composed_manifest()["schemas"]["call_events"]


def ids(records: list[Row]) -> list[str]:
    return [row["event_id"] for row in records]


def test_exactly_the_kept_events_are_read_in_the_order_kept(receiver: Receiver) -> None:
    kept = receiver.take(event(3), event(1), event(2), event(1))
    assert ids(read(config(), "call_events").records) == list(dict.fromkeys(kept))


def test_an_event_is_typed_and_keeps_what_nobody_knows(receiver: Receiver) -> None:
    receiver.take(event(1, new_field={"deep": [1]}, state="a new state"))
    (row,) = read(config(), "call_events").records
    assert list(Draft7Validator(SCHEMA).iter_errors(row)) == []
    assert (row["call_id"], row["target"]["id"], row["contact"]["id"]) == ("5000000000000001", "5000000000000100", "7")
    assert (row["event_timestamp"], row["event_timestamp_time"]) == (1793577649995, "2026-11-02T00:00:49.995+00:00")
    assert row.get("proxy_target") is None
    assert (row["new_field"], row["state"]) == ({"deep": [1]}, "a new state")


@pytest.mark.parametrize("time", ["soon", 10**30, [1], {"ms": 1}, True])
def test_a_time_that_is_none_is_null_and_the_event_is_kept(time: Any, receiver: Receiver) -> None:
    receiver.take(event(1, date_connected=time))
    (row,) = read(config(), "call_events").records
    assert row.get("date_connected_time") is None


def test_a_sibling_s_name_in_an_event_stands_for_nothing(receiver: Receiver) -> None:
    receiver.take(event(1, date_rang_time=7, date_started_time="soon"))
    (row,) = read(config(), "call_events").records
    assert (row.get("date_rang_time"), row["date_started_time"]) == (None, "2026-11-02T00:00:39.404+00:00")


@pytest.mark.slow
def test_thousands_of_events_are_read_page_after_page(receiver: Receiver) -> None:
    kept = [one for _ in range(1) for one in receiver.take_many(2500)]
    assert sorted(ids(read(config(), "call_events").records)) == sorted(kept)
    assert [("received_after" in query, query["limit"]) for query in receiver.queries] == [(True, "1000")] + [
        (False, "1000")
    ] * (len(receiver.queries) - 1)


def test_the_state_is_the_time_of_the_last_event_and_the_next_sync_goes_on_there(receiver: Receiver) -> None:
    receiver.take(event(1), event(2))
    first = read(config(), "call_events")
    assert first.state["received_at"] == first.records[-1]["received_at"]
    later = receiver.take(event(3))
    second = read(config(), "call_events", state={"call_events": first.state})
    assert ids(second.records) == [ids(first.records)[-1], *later]


def test_a_log_without_events_leaves_the_state_as_it_was(receiver: Receiver) -> None:
    assert read(config(), "call_events").state == {}
    state = {"received_at": datetime.now(UTC).isoformat(), "since": config()["start_date"]}
    assert read(config(), "call_events", state={"call_events": state}).state == state


def test_events_before_the_start_are_left_out(receiver: Receiver) -> None:
    kept = receiver.take(event(1))
    today = {**config(), "start_date": datetime.now(UTC).date().isoformat()}
    assert ids(read(today, "call_events").records) == []
    assert ids(read(config(), "call_events").records) == kept


def test_events_that_were_pruned_before_the_first_sync_are_passed_over(receiver: Receiver) -> None:
    receiver.take(event(1), event(2))
    receiver.store.prune(receiver.now + 1)
    kept = receiver.take(event(3))
    assert ids(read(config(), "call_events").records) == kept


def test_a_database_that_was_pruned_to_its_end_is_no_error(receiver: Receiver) -> None:
    receiver.take(event(1), event(2))
    receiver.store.prune(receiver.now + 1)
    out = read(config(), "call_events")
    assert (out.records, out.errors) == ([], [])


def test_another_database_is_read_on_by_time(receiver: Receiver, tmp_path: Path) -> None:
    receiver.take(event(1), event(2))
    state = read(config(), "call_events").state
    receiver.open(f"sqlite:///{tmp_path}/other.db")
    kept = receiver.take(event(3))
    out = read(config(), "call_events", state={"call_events": state})
    assert (ids(out.records), out.errors) == (kept, [])


GONE = {"error": "events_pruned", "message": "Events after this cursor have been pruned. Begin again without after."}


def kept(number: int) -> Row:
    return {
        "event_id": f"e{number}",
        "received_at": f"2026-11-19T08:00:00.00000{number}Z",
        "position": f"s-{number}",
        "event": {"call_id": number},
    }


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_dialpad.events.PAGE", 2)


@pytest.mark.usefixtures("short_pages")
def test_a_place_that_is_gone_is_come_back_to_by_time_and_said(
    fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    pages: list[Row] = [
        {"json": {"items": [kept(1), kept(2)], "next_cursor": "s-2"}},
        {"json": GONE, "status_code": 410},
        {"json": {"items": [kept(2), kept(3)], "next_cursor": "s-3"}},
        {"json": {"items": [], "next_cursor": "s-3"}},
    ]
    fetch.get(f"{URL}/events", pages)
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        out = read(config(), "call_events")
    assert (ids(out.records), out.errors) == (["e1", "e2", "e2", "e3"], [])
    assert "Events after this cursor have been pruned." in caplog.text
    assert [each.qs.get("received_after", each.qs.get("after")) for each in fetch.request_history][2] == [
        "2026-11-19t08:00:00.000002z"
    ]


@pytest.mark.usefixtures("short_pages")
def test_a_place_that_is_gone_again_and_again_is_an_error_after_some_tries(fetch: requests_mock.Mocker) -> None:
    def answer(request: Any, context: Any) -> Row:
        if "after" in request.qs:
            context.status_code = 410
            return GONE
        return {"items": [kept(1), kept(2)], "next_cursor": "s-2"}

    fetch.get(f"{URL}/events", json=answer)
    out = read(config(), "call_events")
    assert (out.errors[0].failure_type, len(fetch.request_history)) == (FailureType.transient_error, 8)
    assert "event_receiver cannot read on: Events after this cursor have been pruned." in str(out.errors[0].message)


@pytest.mark.usefixtures("short_pages")
def test_a_log_that_grows_while_it_is_read_comes_to_an_end(fetch: requests_mock.Mocker) -> None:
    def answer(request: Any, _: Any) -> Row:
        place = int(request.qs.get("after", ["0"])[0])
        items = [kept(1), kept(2)] if place < 4 else [kept(5)]  # one event arrives during each request
        assert place < 10, "it never ends"
        return {"items": items, "next_cursor": str(place + len(items))}

    fetch.get(f"{URL}/events", json=answer)
    assert ids(read(config(), "call_events").records) == ["e1", "e2", "e1", "e2", "e5"]


@pytest.mark.usefixtures("short_pages")
def test_states_come_on_the_way_and_none_before_its_records(fetch: requests_mock.Mocker) -> None:
    pages: list[Row] = [
        {"json": {"items": [kept(1), kept(2)], "next_cursor": "s-2"}},
        {"status_code": 400, "json": {}},
    ]
    fetch.get(f"{URL}/events", pages)
    out = read(config(), "call_events")
    assert ids(out.records) == ["e1", "e2"]
    assert out.states[0]["received_at"] == out.records[1]["received_at"]
    assert out.ended_by is not None


def test_a_clock_of_the_receiver_that_was_ahead_stops_nothing(receiver: Receiver) -> None:
    receiver.now += 4 * 86_400 * MICROSECONDS
    receiver.take(event(1))
    first = read(config(), "call_events")
    receiver.now -= 4 * 86_400 * MICROSECONDS
    later = receiver.take(event(2))
    assert ids(read(config(), "call_events", state={"call_events": first.state}).records)[1:] == later


def test_events_that_were_pruned_before_they_were_read_are_reported(
    fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    state = {"received_at": "2026-11-19T08:00:00.000001+00:00", "since": "2026-11-01"}
    for pruned_through in (None, "2026-11-19T08:00:00.000001Z", "2026-11-19T08:00:00.000009Z"):
        assert "before they were read" not in caplog.text
        fetch.get(f"{URL}/events", json={"items": [], "next_cursor": "s", "pruned_through": pruned_through})
        with caplog.at_level(logging.WARNING, logger="airbyte"):
            read(config(), "call_events", state={"call_events": state})
    assert "to 2026-11-19T08:00:00.000009Z before they were read" in caplog.text


@every(
    "body",
    [
        {},
        [],
        {"items": []},
        {"items": None, "next_cursor": "a"},
        {"items": [], "next_cursor": None},
        {"items": ["a"], "next_cursor": "a"},
        {"items": [{"event_id": "e", "received_at": "2026-11-19T08:00:00Z"}], "next_cursor": "a"},
        {"items": [{"event_id": None, "received_at": "2026-11-19T08:00:00Z", "event": {}}], "next_cursor": "a"},
        {"items": [{"event_id": "e", "event": {}}], "next_cursor": "a"},
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_not_an_empty_log(body: Any, fetch: requests_mock.Mocker) -> None:
    fetch.get(f"{URL}/events", json=body)
    out = read(config(), "call_events")
    assert out.records == []
    assert "event_receiver answered with another shape" in str(out.errors[0].message)


def check(settings: Row) -> Any:
    source = SourceDialpad(config=settings)
    return source.check(source.logger, settings)


def test_check_takes_the_right_key(receiver: Receiver) -> None:
    assert check(config()).status.value == "SUCCEEDED"


def test_a_wrong_key_is_a_config_error_that_names_the_key_and_not_its_value(receiver: Receiver) -> None:
    wrong = "wrong-key-0cc175b9c0f1b6a831c3"
    text = str(check(config(api_key=wrong)).message)
    assert text.startswith("event_receiver refused event_receiver.api_key: Reading needs the header")
    assert wrong not in json.dumps(text)
    out = read(config(api_key=wrong), "call_events")
    assert out.errors[0].failure_type == FailureType.config_error


def test_another_server_at_the_address_is_a_config_error(fetch: requests_mock.Mocker) -> None:
    fetch.get(f"{URL}/events", status_code=404, text="not found")
    assert "There is no event_receiver at this address (404). Check event_receiver.base_url." in str(
        check(config()).message
    )


def test_each_kind_is_a_stream_of_its_own(receiver: Receiver) -> None:
    payload = {"id": 7, "date": 1793577649994, "created_date": 1793577649994, "event": "contact_updated"}
    kinds = ("sms", "agent_status", "contact", "change_log", "channel", "fax")
    assert receiver.client
    for kind in kinds:
        receiver.now += MICROSECONDS
        assert receiver.client.post({**payload, "note": kind}, path=f"/events/{kind}").status_code == 200
    for kind in kinds:
        (row,) = read(config(), f"{kind}_events").records
        schema = composed_manifest()["schemas"][f"{kind}_events"]
        assert list(Draft7Validator(schema).iter_errors(row)) == []
        assert row["note"] == kind
        assert row["event"] == ({**payload, "note": kind} if kind in ("channel", "fax") else "contact_updated")
        siblings = {name: row[name] for name in row if name.endswith("_time")}
        assert siblings == dict.fromkeys(TIME_OF.get(kind, ()), "2026-11-02T00:00:49.994+00:00")


TIME_OF = {"sms": ("created_date_time",), "agent_status": ("date_time",), "change_log": ("date_time",)}
