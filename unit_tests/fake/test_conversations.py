"""Concluded calls and digital sessions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from unit_tests.fake.conftest import NOON

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

SESSIONS = "/api/v2/digital/sessionsdata"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def test_calls_come_newest_first(client: Client) -> None:
    starts = [int(item["date_started"]) for item in client.get("/api/v2/call", limit=100).json()["items"]]
    assert starts == sorted(starts, reverse=True)


def test_the_pages_of_calls_hold_their_truth(client: Client) -> None:
    asked = {"started_after": ms("2026-11-17") - 1, "started_before": ms("2026-11-19"), "limit": 50}
    listed = [item["call_id"] for item in client.pages("/api/v2/call", **asked)]
    truth = [item["call_id"] for item in client.truth("calls", start="2026-11-17", end="2026-11-18")]
    assert listed == truth
    assert len(set(listed)) == len(listed) > 50


def test_both_bounds_of_calls_are_exclusive(client: Client) -> None:
    items = client.pages("/api/v2/call", started_after=ms("2026-11-17"), started_before=ms("2026-11-18"))
    low, high = int(items[-1]["date_started"]), int(items[0]["date_started"])
    inside = [
        int(item["date_started"]) for item in client.pages("/api/v2/call", started_after=low, started_before=high)
    ]
    assert (low in inside, high in inside) == (False, False)


def test_a_running_call_is_listed_when_it_has_ended(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    today = datetime.fromtimestamp(NOON, UTC).date()
    leg = next(leg for leg in fake.world.calls(today).legs.rows if leg.ended_us > leg.at_us + 60_000_000)
    asked = {"started_after": leg.at_us // 1000 - 1, "started_before": leg.at_us // 1000 + 1}
    clock.now = leg.ended_us / 1_000_000 - 1
    before = client.pages("/api/v2/call", **asked)
    clock.now += 2
    assert (
        [item["call_id"] for item in before],
        leg.call_id in [item["call_id"] for item in client.pages("/api/v2/call", **asked)],
    ) == ([], True)


def test_no_call_is_items_null_and_an_empty_cursor(client: Client) -> None:
    assert client.get("/api/v2/call", started_before=1).json() == {"items": None, "cursor": ""}


def test_numbers_come_as_text_in_the_list_of_calls(client: Client) -> None:
    item = client.get("/api/v2/call").json()["items"][0]
    assert (type(item["call_id"]), type(item["date_started"])) == (str, str)


def test_calls_of_a_target_are_its_own(client: Client) -> None:
    target = "5000000000002001"
    items = client.pages("/api/v2/call", target_type="callcenter", target_id=target, started_after=ms("2026-11-19"))
    assert items
    assert all(target in (item["target"]["id"], item.get("entry_point_target", {}).get("id")) for item in items)


@pytest.mark.parametrize(
    "asked", [{"started_after": "yesterday"}, {"target_id": "1"}, {"target_type": "planet", "target_id": "1"}]
)
def test_parameters_outside_the_documents_are_refused(client: Client, asked: dict[str, str]) -> None:
    assert client.get("/api/v2/call", **asked).status_code == 400


def period(start: str, end: str) -> dict[str, Any]:
    return {"start_date": start, "end_date": end}


def test_digital_sessions_started_or_ended_in_the_period(client: Client) -> None:
    rows = client.pages(SESSIONS, **period("2026-11-17T00:00:00Z", "2026-11-19T00:00:00Z"))
    assert rows
    assert all(
        "2026-11-17" <= row["created_at"] < "2026-11-19" or "2026-11-17" <= row["ended_at"] < "2026-11-19"
        for row in rows
    )


def test_digital_sessions_equal_the_truth(client: Client) -> None:
    rows = client.pages(SESSIONS, **period("2026-11-17T00:00:00Z", "2026-11-19T00:00:00Z"))
    truth = client.truth("digital_sessions", start="2026-11-17", end="2026-11-18")
    assert sorted(row["session_id"] for row in rows) == sorted(row["session_id"] for row in truth)


def test_a_running_session_has_no_end_and_has_one_later(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    asked = period("2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z")
    session = next(row for row in fake.world.digital(date(2026, 11, 19)).sessions.rows if row.ended_us > row.at_us)
    clock.now = session.at_us / 1_000_000 + 0.0001
    running = {row["session_id"]: row for row in client.pages(SESSIONS, **asked)}[session.session]
    clock.now = session.ended_us / 1_000_000 + 0.0001
    ended = {row["session_id"]: row for row in client.pages(SESSIONS, **asked)}[session.session]
    assert ("ended_at" in running, "ended_at" in ended) == (False, True)


@pytest.mark.parametrize(
    "asked",
    [
        period("2026-11-12T00:00:00Z", "2026-11-19T00:00:00Z"),
        period("2026-11-19T00:00:00", "2026-11-19T01:00:00"),
        period("2026-11-19T00:00:00Z", "2026-11-18T00:00:00Z"),
        {"start_date": "2026-11-19T00:00:00Z"},
        {**period("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z"), "target_id": "5000000000002001"},
    ],
)
def test_a_period_outside_the_documents_is_refused(client: Client, asked: dict[str, str]) -> None:
    assert client.get(SESSIONS, **asked).status_code == 400


def test_a_hundred_requests_for_sessions_a_minute_are_allowed(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    fake.variants.choose({"rates": "on"})
    statuses = []
    for _ in range(101):
        clock.now += 0.1
        statuses.append(client.get(SESSIONS, **period("2026-11-20T00:00:00Z", "2026-11-20T00:01:00Z")).status_code)
    assert statuses == [200] * 100 + [429]


def test_session_times_may_lack_a_zone(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"session_times": "naive"})
    rows = client.get(SESSIONS, **period("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z")).json()["items"]
    assert not any(row["created_at"].endswith("Z") for row in rows)
