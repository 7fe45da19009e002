"""The lists of an account's settings: every row that the account has, typed, and none of the secrets in clear."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from fake_dialpad.truth import truth
from source_dialpad.manifest import composed_manifest
from unit_tests.cases import every
from unit_tests.core.fixtures import dialpad
from unit_tests.core.reading import Read, Row, read
from unit_tests.directory.test_lists import CHECKS, answers, asked

if TYPE_CHECKING:
    import requests_mock

    from fake_dialpad.server import FakeDialpad

SCHEMAS: dict[str, Any] = composed_manifest()["schemas"]
STREAMS = (
    *("access_policies", "access_policy_assignments", "disposition_lists", "meeting_rooms", "meetings"),
    *("scheduled_reports", "webhooks", "event_subscriptions", "blocked_numbers", "sms_opt_outs", "operator_skills"),
    *("off_duty_statuses", "custom_ivrs", "desk_phones", "user_personas", "user_caller_ids", "office_plans"),
    "office_licenses",
)
SECRET = ("secret", "websocket-token", "sip-password")
"""What is in every secret of the fake, and in no row."""


@pytest.fixture(scope="module")
def everything() -> dict[str, Any]:
    return {}


@pytest.fixture
def synced(
    everything: dict[str, Any], fake: FakeDialpad, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> tuple[Read, FakeDialpad, str]:
    """One sync of all these streams, the account it was read from, and all that was logged at the level of --debug."""
    if not everything:
        with caplog.at_level(logging.DEBUG):
            everything["read"] = read(dialpad(), *STREAMS)
        everything["fake"] = fake
        everything["log"] = "\n".join(str(vars(each)) for each in caplog.records)  # bodies are no part of a message
    return everything["read"], everything["fake"], everything["log"]


def test_every_stream_holds_what_the_account_holds_each_once(synced: tuple[Read, FakeDialpad, str]) -> None:
    out, fake, _ = synced
    odd = {}
    for stream in STREAMS:
        wanted = truth(fake, stream, state="all")
        keys = [
            Counter(tuple(row[name] for name in wanted["key"]) for row in rows)
            for rows in (out.of.get(stream, []), wanted["rows"])
        ]
        if keys[0] != keys[1] or not keys[0] or set(keys[0].values()) != {1}:
            odd[stream] = keys
    assert odd == {}
    assert {stream: out.statuses[stream][-1] for stream in STREAMS} == dict.fromkeys(STREAMS, "COMPLETE")


def test_every_row_fits_its_schema(synced: tuple[Read, FakeDialpad, str]) -> None:
    assert [
        f"{stream}: {error.message}"
        for stream, rows in synced[0].of.items()
        for row in rows
        for error in Draft7Validator(SCHEMAS[stream], format_checker=CHECKS).iter_errors(row)
    ] == []


def undescribed(row: Row, schema: Row) -> set[str]:
    """The members of a row, at any depth, that its schema does not describe."""
    names: set[str] = set()
    properties = schema.get("properties", {})
    for name, value in row.items():
        if properties and name not in properties:
            names.add(name)
        column = properties.get(name, {})
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                names |= undescribed(each, column.get("items", column))
    return names


def test_every_member_of_a_row_is_described(synced: tuple[Read, FakeDialpad, str]) -> None:
    unknown = {
        stream: set().union(*(undescribed(row, SCHEMAS[stream]) for row in rows))
        for stream, rows in synced[0].of.items()
    }
    assert {stream: names for stream, names in unknown.items() if names} == {}


def test_no_secret_is_in_the_output_or_in_a_log_of_debugging(synced: tuple[Read, FakeDialpad, str]) -> None:
    out, fake, log = synced
    given = json.dumps([truth(fake, stream, state="all")["rows"] for stream in STREAMS])
    assert all(part in given for part in SECRET)
    written = json.dumps([out.records, out.states, [str(error) for error in out.errors]])
    assert [part for part in SECRET if part in written or part in log] == []


def test_an_assignment_holds_the_id_of_its_user_and_nothing_else_of_it(synced: tuple[Read, FakeDialpad, str]) -> None:
    names = {name for row in synced[0].of["access_policy_assignments"] for name in row}
    assert names == {"policy_id", "user_id", "policy_targets"}


def test_an_opt_out_says_its_scope(synced: tuple[Read, FakeDialpad, str]) -> None:
    scopes = {row["scope"] for row in synced[0].of["sms_opt_outs"]}
    assert scopes == {"company", "a2p_campaign:5000000000013001"}


def test_what_one_user_or_room_does_not_have_is_no_row(fetch: requests_mock.Mocker) -> None:
    answers(fetch, "users", {"items": [{"id": "1"}, {"id": "2"}]})
    answers(fetch, "rooms", {"items": [{"id": "3"}]})
    answers(fetch, "callcenters", {"items": [{"id": "4"}]})
    answers(fetch, "callcenters/4/operators", {"users": [{"id": "1"}, {"id": "2"}], "rooms": [{"id": "3"}]})
    for path in (
        *("users/1/deskphones", "rooms/3/deskphones", "users/1/personas", "users/1/caller_id"),
        "callcenters/4/operators/1/skill",
    ):
        fetch.get(f"https://dialpad.example/api/v2/{path}", status_code=404, json={"error": {"message": "not found"}})
    answers(fetch, "users/2/deskphones", {"items": [{"id": "a"}]})
    answers(fetch, "users/2/personas", {"items": [{"id": 2, "type": "user"}]})
    answers(fetch, "users/2/caller_id", {"id": 2})
    answers(fetch, "callcenters/4/operators/2/skill", {"skill_level": 50})
    out = read(dialpad(), "desk_phones", "user_personas", "user_caller_ids", "operator_skills")
    assert out.errors == []
    assert out.of == {
        "desk_phones": [{"id": "a", "owner_type": "user", "owner_id": "2"}],
        "user_personas": [{"id": "2", "type": "user", "user_id": "2"}],
        "user_caller_ids": [{"id": "2", "user_id": "2"}],
        "operator_skills": [{"skill_level": 50, "user_id": "2", "call_center_id": "4"}],
    }


def test_a_404_of_a_list_of_the_account_is_an_error(fetch: requests_mock.Mocker) -> None:
    fetch.get("https://dialpad.example/api/v2/users", status_code=404, json={})
    out = read(dialpad(), "user_personas")
    assert "user_personas (listing users)" in str(out.errors[0].message)
    assert "Check dialpad.base_url" in str(out.errors[0].message)


def test_a_refused_kind_of_event_is_left_out_with_a_warning_that_says_what_it_needs(
    fake: FakeDialpad, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    fake.missing_scopes = frozenset(["change_log", "fax_message"])
    out = read(dialpad(), "event_subscriptions")
    assert (out.errors, out.statuses["event_subscriptions"][-1]) == ([], "COMPLETE")
    wanted = {(row["kind"], row["id"]) for row in truth(fake, "event_subscriptions")["rows"]}
    assert {(row["kind"], row["id"]) for row in out.records} == wanted
    assert {"sms", "agent_status", "contact", "channel"} == {kind for kind, _ in wanted}
    warnings = sorted(each.getMessage() for each in caplog.records if each.levelno == logging.WARNING)
    refused = (
        "Dialpad refuses this kind to dialpad.api_key (403), so its subscriptions are left out. It needs a company key"
    )
    assert warnings == [
        f"event_subscriptions (kind change_log): {refused} with the scope change_log.",
        f"event_subscriptions (kind fax): {refused} with the scope fax_message.",
    ]


def test_a_snapshot_is_taken_once_a_day(fetch: requests_mock.Mocker) -> None:
    first = read(dialpad(), "office_plans")
    assert {row["snapshot_date"] for row in first.records} == {datetime.now(UTC).date().isoformat()}
    before = len(asked(fetch, f"offices/{first.records[0]['office_id']}/plan"))
    second = read(dialpad(), "office_plans", state={"office_plans": first.state})
    assert (second.records, second.errors) == ([], [])
    assert len(asked(fetch, f"offices/{first.records[0]['office_id']}/plan")) == before == 1


@every(
    ("stream", "path"),
    [
        ("office_plans", "offices/7/plan"),
        ("office_licenses", "offices/7/available_licenses"),
        ("user_caller_ids", "users/7/caller_id"),
        ("off_duty_statuses", "offices/7/offdutystatuses"),
    ],
)
def test_an_object_of_another_shape_is_an_error_and_no_row(stream: str, path: str, fetch: requests_mock.Mocker) -> None:
    answers(fetch, "offices", {"items": [{"id": "7"}]})
    answers(fetch, "users", {"items": [{"id": "7"}]})
    answers(fetch, path, {"items": []})
    out = read(dialpad(), stream)
    assert out.records == []
    assert "another shape" in str(out.errors[0].message)
