"""Workforce metrics: what an interval holds, what is refused, what is corrected later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

AGENT, ACTIVITY = "/api/v2/wfm/metrics/agent", "/api/v2/wfm/metrics/activity"
DAY = {"start": "2026-11-18T00:00:00Z", "end": "2026-11-19T00:00:00Z"}
TRUTH = {"start": "2026-11-18", "end": "2026-11-18"}


@pytest.mark.parametrize(("path", "stream"), [(AGENT, "wfm_agent_metrics"), (ACTIVITY, "wfm_activity_metrics")])
def test_the_pages_of_a_day_are_the_truth(client: Client, path: str, stream: str) -> None:
    own = {"agent_email", "interval_start", "row_key"}
    truth = [{name: row[name] for name in row if name not in own} for row in client.truth(stream, **TRUTH)]
    assert client.pages(path, **DAY) == truth
    assert len(truth) > 10


def test_an_agent_comes_once_in_an_interval(client: Client) -> None:
    emails = [item["agent"]["email"] for item in client.pages(AGENT, **DAY)]
    assert len(set(emails)) == len(emails)


def test_an_activity_names_no_agent_and_may_come_twice_in_everything(client: Client) -> None:
    items = client.pages(ACTIVITY, **DAY)
    assert all("agent" not in item for item in items)
    assert len({repr(item) for item in items}) < len(items)


def test_times_in_a_status_are_those_of_the_duty_changes(client: Client, fake: FakeDialpad) -> None:
    spent = sum(int(float(row["on_duty_duration"]) * 60) for row in client.truth("stats_onduty", **TRUTH))
    items = client.pages(AGENT, **DAY)
    on_duty = sum(
        time["seconds"]
        for item in items
        for status, time in item["dialpad_time_in_status"].items()
        if status != "unavailable"
    )
    assert abs(on_duty - spent) < 0.02 * spent


def test_agents_can_be_asked_for_by_email(client: Client, fake: FakeDialpad) -> None:
    email = client.pages(AGENT, **DAY)[0]["agent"]["email"]
    assert [item["agent"]["email"] for item in client.pages(AGENT, emails=email, **DAY)] == [email]


def test_a_schedule_may_be_corrected_later(client: Client, clock: Clock) -> None:
    yesterday = {"start": "2026-11-19T00:00:00Z", "end": "2026-11-20T00:00:00Z"}
    before = {item["agent"]["email"]: item["scheduled_hours"] for item in client.pages(AGENT, **yesterday)}
    clock.now += 3 * 86_400
    after = {item["agent"]["email"]: item["scheduled_hours"] for item in client.pages(AGENT, **yesterday)}
    assert set(before) == set(after)
    assert before != after


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"start": DAY["start"]},
        {"start": "yesterday", "end": DAY["end"]},
        {"start": DAY["end"], "end": DAY["start"]},
    ],
)
def test_an_interval_that_makes_no_sense_is_refused(client: Client, asked: dict[str, Any]) -> None:
    assert client.get(AGENT, **asked).status_code == 400


@pytest.mark.parametrize("status", ["403", "404"])
def test_a_company_without_the_product_is_refused(client: Client, fake: FakeDialpad, status: str) -> None:
    fake.variants.choose({"wfm": status})
    assert [client.get(path, **DAY).status_code for path in (AGENT, ACTIVITY)] == [int(status)] * 2
    assert client.get("/api/v2/offices").status_code == 200
