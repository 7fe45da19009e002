"""The directory, concluded calls and digital sessions: every object once, typed, and no secret."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from airbyte_cdk.models import FailureType
from jsonschema import Draft7Validator, FormatChecker

from fake_dialpad.truth import truth
from source_dialpad.source import SourceDialpad
from unit_tests.cases import every
from unit_tests.core.fixtures import URL, dialpad
from unit_tests.core.reading import Read, Row, read
from unit_tests.directory.streams import KEYS, SCHEMAS, STREAMS

if TYPE_CHECKING:
    import requests_mock
    from airbyte_cdk.models import AirbyteConnectionStatus

    from fake_dialpad.server import FakeDialpad

PATHS = {
    name: stream["$parameters"]["list"]
    for name, stream in STREAMS.items()
    if "list" in stream["$parameters"]
    and not {"answer", "partition_field"} & stream["$parameters"].keys()
    and "incremental_sync" not in stream
}
"""The lists of items, by their path."""
CHECKS = FormatChecker()


@CHECKS.checks("date-time")
def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def key_of(stream: str, row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in KEYS[stream])


def asked(fetch: requests_mock.Mocker, path: str) -> list[dict[str, list[str]]]:
    """The query of every request to a path."""
    return [each.qs for each in fetch.request_history if each.path == f"/api/v2/{path}"]


def test_a_stream_holds_what_the_account_holds_each_once(synced: tuple[Read, FakeDialpad]) -> None:
    out, fake = synced
    for stream, key in KEYS.items():
        wanted = truth(fake, stream, state="all", start=dialpad()["start_date"])["rows"]
        parents = {"office_operators": "parent_office_id"}
        names = [parents.get(stream, name) if name == "office_id" else name for name in key]
        held = Counter(key_of(stream, row) for row in out.of.get(stream, ()))
        expected = Counter(tuple(str(row[name]) for name in names) for row in wanted)
        doubled = [] if stream == "digital_sessions" else [one for one, often in held.items() if often > 1]
        assert (stream, held.keys(), doubled) == (stream, expected.keys(), [])


def test_every_record_fits_its_schema(synced: tuple[Read, FakeDialpad]) -> None:
    wrong = {}
    for stream in KEYS:
        validator = Draft7Validator(SCHEMAS[stream], format_checker=CHECKS)
        wrong[stream] = [error.message for row in synced[0].of.get(stream, ()) for error in validator.iter_errors(row)]
    assert {stream: errors for stream, errors in wrong.items() if errors} == {}


def test_every_stream_ends_complete(synced: tuple[Read, FakeDialpad]) -> None:
    assert synced[0].statuses == {stream: ["STARTED", "RUNNING", "COMPLETE"] for stream in KEYS}


def test_no_secret_of_a_call_router_comes_along(synced: tuple[Read, FakeDialpad]) -> None:
    routers = synced[0].of["call_routers"]
    assert any(
        "secret" in row["signature"] for row in synced[1].directory.people.call_routers() if row.get("signature")
    )
    assert [row["signature"] for row in routers if row.get("signature")]
    assert "secret" not in json.dumps(routers)


def test_an_operator_says_what_it_is_and_keeps_its_own_office(synced: tuple[Read, FakeDialpad]) -> None:
    operators = synced[0].of["office_operators"]
    assert {row["operator_type"] for row in operators} == {"user", "room"}
    assert all(row["member_office_id"] for row in operators)


def test_every_page_of_a_list_is_read(synced: tuple[Read, FakeDialpad]) -> None:
    assert len(synced[0].of["contacts"]) > 100
    assert len(synced[0].of["numbers"]) > 50


def test_no_list_is_asked_for_more_than_a_hundred_items(synced: tuple[Read, FakeDialpad]) -> None:
    limits = {
        int(part.removeprefix("limit="))
        for entry in synced[1].log
        for part in entry["query"].split("&")
        if part.startswith("limit=")
    }
    assert limits
    assert max(limits) <= 100


def test_those_who_left_are_among_the_users(synced: tuple[Read, FakeDialpad]) -> None:
    assert len({row["state"] for row in synced[0].of["users"]}) > 1


def test_the_rows_of_a_declared_stream_travel_in_batches(
    fetch: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: set[str] = set()

    def noted(stream: str, _: Any, rows: Any) -> Any:
        streams.add(stream)
        return rows

    monkeypatch.setattr("source_dialpad.sync.retriever.batched", noted)
    assert read(dialpad(), "calls", "users").of.keys() == streams == {"calls", "users"}


# --- shapes of answers --------------------------------------------------------------------------------------------


def answers(fetch: requests_mock.Mocker, path: str, *pages: Any) -> None:
    fetch.get(f"{URL}/api/v2/{path}", [{"json": page} for page in pages])


@every("page", [{}, {"items": None}, {"items": []}, {"items": None, "cursor": ""}, {"cursor": None}])
def test_an_empty_list_is_no_record(page: Any, fetch: requests_mock.Mocker) -> None:
    for path in PATHS.values():
        answers(fetch, path, page)
    out = read(dialpad(), *PATHS)
    assert (out.records, out.errors) == ([], [])


@pytest.mark.parametrize("end", [{}, {"cursor": ""}, {"cursor": None}])
def test_pages_are_read_until_no_cursor_comes(end: Row, fetch: requests_mock.Mocker) -> None:
    answers(
        fetch,
        "rooms",
        {"items": [{"id": 1}], "cursor": "p2"},
        {"items": None, "cursor": "p3"},
        {"items": [{"id": "3"}], **end},
    )
    assert [row["id"] for row in read(dialpad(), "rooms").records] == ["1", "3"]
    assert [query.get("cursor") for query in asked(fetch, "rooms")] == [None, ["p2"], ["p3"]]


def test_a_cursor_that_comes_again_is_an_error(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "rooms", {"items": [{"id": "1"}], "cursor": "p"}, {"items": [{"id": "2"}], "cursor": "p"})
    out = read(dialpad(), "rooms")
    assert "rooms: Dialpad gives the same page cursor again and again" in str(out.errors[0].message)
    assert out.ended_by


def test_a_circle_of_cursors_is_an_error_in_each_slice_on_its_own(fetch: requests_mock.Mocker) -> None:
    cursors = itertools.cycle("pqr")
    answers(fetch, "channels", {"items": [{"id": "7"}, {"id": "8"}]})
    answers(
        fetch, "channels/7/members", *({"items": [], "cursor": cursor} for cursor in "pq"), {"items": [{"id": "1"}]}
    )
    fetch.get(f"{URL}/api/v2/channels/8/members", json=lambda *_: {"items": [], "cursor": next(cursors)})
    out = read(dialpad(), "channel_members")
    assert [row["id"] for row in out.records] == ["1"]
    assert "(channel_id 8): Dialpad gives the same page cursor again and again" in str(out.errors[0].message)
    assert [query.get("cursor") for query in asked(fetch, "channels/8/members")] == [None, ["p"], ["q"], ["r"]]


def test_a_list_that_may_have_no_pages_ends_with_a_page_that_comes_again(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "coachingteams", {"items": [{"id": "7"}]})
    answers(fetch, "coachingteams/7/members", {"items": [{"id": "1"}, {"id": "2"}], "cursor": "p"})
    out = read(dialpad(), "coaching_team_members")
    assert [(row["coaching_team_id"], row["id"]) for row in out.records] == [("7", "1"), ("7", "2")]
    assert out.errors == []


def test_a_list_that_may_have_no_pages_is_read_to_its_end_where_it_has_some(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "coachingteams", {"items": [{"id": "7"}]})
    answers(fetch, "coachingteams/7/members", {"items": [{"id": "1"}], "cursor": "p"}, {"items": [{"id": "2"}]})
    assert [row["id"] for row in read(dialpad(), "coaching_team_members").records] == ["1", "2"]


@every("given", [5000000000000001, "5000000000000001"])
def test_an_id_is_text_however_it_comes(given: Any, fetch: requests_mock.Mocker) -> None:
    for stream, path in PATHS.items():
        answers(fetch, path, {"items": [dict.fromkeys(KEYS[stream], given)]})
    out = read(dialpad(), *PATHS)
    assert {stream: key_of(stream, rows[0]) for stream, rows in out.of.items()} == dict.fromkeys(
        PATHS, ("5000000000000001",)
    )
    assert {type(value) for row in out.records for value in row.values()} == {str}


@every("item", [{}, {"id": None}, {"id": ""}])
def test_an_item_without_its_key_is_an_error(item: Row, fetch: requests_mock.Mocker) -> None:
    answers(fetch, "rooms", {"items": [{"name": "a", **item}]})
    assert "rooms: a row came without a readable id" in str(read(dialpad(), "rooms").errors[0].message)


def test_a_parent_without_an_id_is_an_error(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "channels", {"items": [{"name": "a"}]})
    assert "channel_members (listing channels): a row came without a readable id" in str(
        read(dialpad(), "channel_members").errors[0].message
    )


def test_a_parent_listed_twice_is_read_once(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "channels", {"items": [{"id": 7}], "cursor": "p"}, {"items": [{"id": "7"}]})
    answers(fetch, "channels/7/members", {"items": [{"id": 1}]})
    assert [(row["channel_id"], row["id"]) for row in read(dialpad(), "channel_members").records] == [("7", "1")]


@every(
    ("stream", "path", "body"),
    [
        ("rooms", "rooms", []),
        ("rooms", "rooms", {"result": {"rows": []}}),
        ("rooms", "rooms", {"items": {"id": "1"}}),
        ("rooms", "rooms", {"items": ["1"]}),
        ("rooms", "rooms", "text"),
        ("company", "company", {"items": []}),
        ("company", "company", {}),
        ("call_labels", "calllabels", {"result": []}),
        ("call_labels", "calllabels", {"labels": [None]}),
        ("call_labels", "calllabels", {"labels": "a"}),
        ("office_operators", "offices/7/operators", {"items": []}),
        ("office_operators", "offices/7/operators", {"users": ["1"]}),
        ("office_operators", "offices/7/operators", {"users": {"id": "1"}, "rooms": []}),
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_not_an_empty_list(
    stream: str, path: str, body: Any, fetch: requests_mock.Mocker
) -> None:
    answers(fetch, "offices", {"items": [{"id": "7"}]})
    answers(fetch, path, body)
    out = read(dialpad(), stream)
    assert out.records == []
    (error,) = out.errors
    assert str(error.message).startswith(stream)
    assert "another shape" in str(error.message)
    assert error.failure_type == FailureType.system_error


@every(
    ("body", "labels"),
    [
        ({"labels": ["a", "b"], "kind": "x"}, ["a", "b"]),
        ({"labels": []}, []),
        ({"labels": None}, []),
        ({}, []),
        ({"items": [{"label": "a"}]}, ["a"]),
    ],
)
def test_labels_are_rows(body: Any, labels: list[str], fetch: requests_mock.Mocker) -> None:
    answers(fetch, "calllabels", body)
    assert [row["label"] for row in read(dialpad(), "call_labels").records] == labels


@every(
    ("body", "held"),
    [
        ({"users": [{"id": 1}], "rooms": [{"id": 2}], "kind": "x"}, [("1", "user"), ("2", "room")]),
        ({"users": [{"id": 1}]}, [("1", "user")]),
        ({"users": None, "rooms": [{"id": 2}]}, [("2", "room")]),
        ({"users": [], "rooms": []}, []),
        ({}, []),
    ],
)
def test_operators_are_users_and_rooms(body: Any, held: list[tuple[str, str]], fetch: requests_mock.Mocker) -> None:
    answers(fetch, "callcenters", {"items": [{"id": 7}]})
    answers(fetch, "callcenters/7/operators", body)
    out = read(dialpad(), "call_center_operators")
    assert [(row["id"], row["operator_type"]) for row in out.records] == held
    assert {row["call_center_id"] for row in out.records} <= {"7"}


# --- rights -------------------------------------------------------------------------------------------------------


def check(config: dict[str, Any]) -> AirbyteConnectionStatus:
    source = SourceDialpad(config=config)
    return source.check(source.logger, config)


@every(
    ("scope", "stream", "named"),
    [
        ("calls:list", "calls", "with the scope calls:list"),
        ("digital_sessions", "digital_sessions", "with the scope digital_sessions"),
        ("company_admin", "numbers", "of a company administrator"),
        ("contacts", "contacts", "of a company administrator"),
    ],
)
def test_a_missing_scope_fails_its_stream_once_and_the_others_are_read(
    scope: str, stream: str, named: str, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    fake.missing_scopes = frozenset([scope])
    out = read(dialpad(num_workers=2), stream, "offices")
    assert set(out.of) == {"offices"}
    assert (out.statuses[stream][-1], out.statuses["offices"][-1]) == ("INCOMPLETE", "COMPLETE")
    (error,) = out.errors
    assert (error.failure_type, out.streams_of_errors) == (FailureType.config_error, [stream])
    assert str(error.message).startswith(stream)
    assert f"It needs a company key {named}; a key of a single user sees its own data only." in str(error.message)
    assert out.ended_by is not None
    assert out.ended_by.failure_type == FailureType.config_error
    assert str(out.ended_by.message).startswith(f"1 stream was not read to the end: {stream}.")


def test_a_refused_key_is_not_tried_again_for_every_window(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    fake.missing_scopes = frozenset(["calls:list"])
    read(dialpad(num_workers=2, start_date="2025-12-01"), "calls")
    assert len(asked(fetch, "call")) <= 4


def test_the_key_of_a_single_user_fails_check_with_the_cure(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    config = dialpad()
    config["dialpad"]["api_key"] = fake.keys.dialpad_user
    status = check(config)
    assert status.status.value == "FAILED"
    assert "It needs a company key" in str(status.message)
    assert "a key of a single user sees its own data only" in str(status.message)
    assert fake.keys.dialpad_user not in str(status.message)


def test_a_company_key_passes_check(fetch: requests_mock.Mocker) -> None:
    assert check(dialpad()).status.value == "SUCCEEDED"


# --- concluded calls ----------------------------------------------------------------------------------------------


def test_calls_are_asked_for_in_windows_that_touch_and_begin_a_millisecond_early(fetch: requests_mock.Mocker) -> None:
    read(dialpad(), "calls")
    windows = sorted(
        {(int(query["started_after"][0]), int(query["started_before"][0])) for query in asked(fetch, "call")}
    )
    start = datetime.fromisoformat(dialpad()["start_date"]).replace(tzinfo=UTC)
    assert windows[0][0] == int(start.timestamp() * 1000) - 1
    assert [after + 1 for after, _ in windows[1:]] == [before for _, before in windows[:-1]]
    assert max(before - after for after, before in windows) <= 7 * 86_400_000 + 1


def test_a_call_on_the_edge_of_two_windows_is_read_once_or_more_but_never_lost(
    fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    out = read(dialpad(), "calls")
    assert {row["call_id"] for row in out.records} == {
        row["call_id"] for row in truth(fake, "calls", start=dialpad()["start_date"])["rows"]
    }


def test_calls_are_read_again_for_a_day_more_than_the_look_back(fetch: requests_mock.Mocker) -> None:
    state = read(dialpad(lookback_days=2), "calls").state
    before = len(asked(fetch, "call"))
    read(dialpad(lookback_days=2), "calls", state={"calls": state})
    first = min(int(query["started_after"][0]) for query in asked(fetch, "call")[before:]) + 1
    until = datetime.fromisoformat(state["date_started"])
    assert first == int((until - timedelta(days=3)).timestamp() * 1000)


def test_a_call_that_ended_after_the_sync_is_found_by_the_next(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    now = fake.horizon
    fake.horizon = now - 6 * 3600
    first = read(dialpad(lookback_days=0), "calls")
    fake.horizon = now
    second = read(dialpad(lookback_days=0), "calls", state={"calls": first.state})
    held = {row["call_id"] for row in first.records + second.records}
    assert held == {row["call_id"] for row in truth(fake, "calls", start=dialpad()["start_date"])["rows"]}


# --- digital sessions ---------------------------------------------------------------------------------------------


def session(name: str, began: str, ended: str) -> Row:
    return {"session_id": name, "created_at": began, "ended_at": ended}


def sessions_api(fetch: requests_mock.Mocker, *sessions: Row) -> None:
    """Sessions that started or ended in the period, as the API has it."""

    def answer(request: Any, _: Any) -> Row:
        start, end = (datetime.fromisoformat(request.qs[name][0].upper()) for name in ("start_date", "end_date"))
        assert end - start < timedelta(days=7)
        found = [
            one
            for one in sessions
            for edge in ("created_at", "ended_at")
            if start <= datetime.fromisoformat(one[edge]) < end
        ]
        return {"items": list({one["session_id"]: one for one in found}.values())}

    fetch.get(f"{URL}/api/v2/digital/sessionsdata", json=answer)


def moment(days_ago: float) -> str:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today - timedelta(days=days_ago)).isoformat()


@every(
    ("began", "ended"),
    [
        (14.5, 14.4),  # in the first window
        (9.1, 8.9),  # over an edge
        (14.5, 1.5),  # over all windows
        (15.5, 14.9),  # began before the start
        (20.0, 8.5),  # began before the start, ended in the second window
        (9.0, 8.0),  # began on an edge
    ],
)
def test_a_session_comes_whatever_windows_it_touches(began: float, ended: float, fetch: requests_mock.Mocker) -> None:
    sessions_api(fetch, session("s", moment(began), moment(ended)))
    assert {row["session_id"] for row in read(dialpad(), "digital_sessions").records} == {"s"}


def test_a_session_without_a_zone_is_read_as_utc(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    with_zone = {row["session_id"]: row for row in read(dialpad(), "digital_sessions").records}
    fake.variants.choose({"session_times": "naive"})
    assert {row["session_id"]: row for row in read(dialpad(), "digital_sessions").records} == with_zone


def test_a_naive_time_of_a_session_is_one_of_the_configured_zone(fetch: requests_mock.Mocker) -> None:
    began, ended = "2026-07-01T09:30:00", "2026-07-01T10:00:00.250"
    fetch.get(f"{URL}/api/v2/digital/sessionsdata", json={"items": [session("s", began, ended)]})
    row = read(dialpad(timezone="America/Los_Angeles"), "digital_sessions").records[0]
    assert (row["created_at"], row["ended_at"]) == (f"{began}-07:00", f"{ended}-07:00")


@every("zone", ["America/Los_Angeles", "Asia/Kolkata"])
def test_no_session_with_naive_local_times_is_lost_at_the_joint_of_two_windows(
    zone: str, fetch: requests_mock.Mocker
) -> None:
    local = [(f"s{hour}", datetime.fromisoformat(moment(10)) + timedelta(hours=hour)) for hour in range(-40, 40, 3)]
    in_zone = ZoneInfo(zone)

    def answer(request: Any, _: Any) -> Row:
        start, end = (datetime.fromisoformat(request.qs[name][0].upper()) for name in ("start_date", "end_date"))
        found = [(name, began) for name, began in local if start <= began < end]
        return {
            "items": [
                {"session_id": name, "created_at": began.astimezone(in_zone).isoformat()[:19]} for name, began in found
            ]
        }

    fetch.get(f"{URL}/api/v2/digital/sessionsdata", json=answer)
    records = read(dialpad(timezone=zone), "digital_sessions").records
    assert {row["session_id"]: datetime.fromisoformat(row["created_at"]) for row in records} == dict(local)


@every(
    ("stream", "item"),
    [
        ("calls", {"call_id": "1"}),
        ("calls", {"call_id": "1", "date_started": "soon"}),
        ("digital_sessions", {"session_id": "1"}),
        ("digital_sessions", {"session_id": "1", "created_at": ""}),
    ],
)
def test_a_row_without_a_beginning_stands_at_the_start_of_its_window_and_is_logged_once(
    stream: str, item: Row, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {"calls": ("call", "date_started"), "digital_sessions": ("digital/sessionsdata", "created_at")}
    path, column = paths[stream]
    fetch.get(f"{URL}/api/v2/{path}", json={"items": [item]})
    with caplog.at_level("WARNING", logger="airbyte"):
        out = read(dialpad(), stream)
    starts = {
        datetime.fromtimestamp((int(query["started_after"][0]) + 1) / 1000, UTC).isoformat()
        if "started_after" in query
        else query["start_date"][0].upper()
        for query in asked(fetch, path)
    }
    assert (out.errors, {row[column] for row in out.records}) == ([], starts)
    assert caplog.text.count(f"{stream}: a row has no {column}; it stands at the start of its window.") == 1


def test_a_user_who_vanishes_after_being_listed_has_no_devices(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "users", {"items": [{"id": "1"}, {"id": "2"}]})

    def devices(request: Any, context: Any) -> Row:
        if request.qs["user_id"] == ["1"]:
            context.status_code = 404
            return {"error": {"message": "Not found"}}
        return {"items": [{"id": "d"}]}

    fetch.get(f"{URL}/api/v2/userdevices", json=devices)
    out = read(dialpad(), "user_devices")
    assert (out.errors, [(row["user_id"], row["id"]) for row in out.records]) == ([], [("2", "d")])
