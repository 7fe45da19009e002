"""Scorecards and what is graded with them: the export protocol, its ranges and filters, its truth."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import requests

    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

EXPORT = "/api/v2/scorecards/export"
GRADES, ANSWERS = "scorecard_export_calls", "scorecard_export_calls_questions"
RANGE: dict[str, Any] = {"graded_days_ago_start": 1, "graded_days_ago_end": 12}


def start(client: Client, kind: str = GRADES, **more: Any) -> requests.Response:
    return client.post(EXPORT, {"scorecards_type": kind, **more})


def export(client: Client, kind: str = GRADES, **more: Any) -> list[dict[str, str]]:
    started = start(client, kind, **more)
    assert started.status_code == 200, started.text
    client.clock.now += 60
    answer = client.get(f"{EXPORT}/{started.json()['request_id']}").json()
    text = client.session.get(answer["download_url"], timeout=30).content.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(("kind", "stream"), [(GRADES, "scorecard_grades"), (ANSWERS, "scorecard_answers")])
@pytest.mark.parametrize("timezone", ["UTC", "America/Los_Angeles"])
def test_an_export_is_the_truth(client: Client, kind: str, stream: str, timezone: str) -> None:
    rows = export(client, kind, timezone=timezone, **RANGE)
    assert rows == client.truth(stream, timezone=timezone)
    assert len(rows) > 10


def test_an_export_is_processing_then_complete(client: Client, clock: Clock) -> None:
    started = start(client, **RANGE).json()
    path = f"{EXPORT}/{started['request_id']}"
    before = client.get(path).json()
    clock.now += 60
    after = client.get(path).json()
    assert (started["status"], before, after["status"]) == ("processing", {"status": "processing"}, "complete")


def test_a_failed_export_says_why(client: Client) -> None:
    client.post("/_fake/faults", {"fault": "export_failed"})
    key = start(client, **RANGE).json()["request_id"]
    answer = client.get(f"{EXPORT}/{key}").json()
    assert (answer["status"], bool(answer["reason"])) == ("failed", True)


def test_days_of_grading_and_days_of_the_call_are_two_ranges(client: Client) -> None:
    graded = export(client, graded_days_ago_start=2, graded_days_ago_end=2)
    called = export(client, days_ago_start=4, days_ago_end=8)
    assert {row["date_graded"][:10] for row in graded} == {"2026-11-18"}
    assert {row["call_date"][:10] for row in called} <= {f"2026-11-{day}" for day in range(12, 17)}
    assert {row["date_graded"][:10] for row in called} & {"2026-11-17", "2026-11-18", "2026-11-19"}


def test_an_export_may_be_of_one_grader_scorecard_or_target(client: Client, fake: FakeDialpad) -> None:
    rows = export(client, **RANGE)
    one = rows[0]
    by_grader = export(client, scorecard_grader_id=int(one["grader_id"]), **RANGE)
    by_card = export(client, scorecard_ids=[int(one["scorecard_id"])], **RANGE)
    office = fake.world.parties[one["agent_id"]].office_id
    by_office = export(client, target_type="office", target_id=office, **RANGE)
    assert {row["grader_id"] for row in by_grader} == {one["grader_id"]}
    assert {row["scorecard_id"] for row in by_card} == {one["scorecard_id"]}
    assert 0 < len(by_office) < len(rows)


def test_the_answers_of_a_grading_add_up_to_its_score(client: Client) -> None:
    points: dict[tuple[str, ...], int] = {}
    for row in export(client, ANSWERS, **RANGE):
        key = (row["date_graded"], row["call_id"], row["scorecard_id"])
        points[key] = points.get(key, 0) + int(row["points"])
    grades = export(client, **RANGE)
    twice = {key for row in grades for key in [(row["date_graded"], row["call_id"], row["scorecard_id"])]}
    assert len(twice) == len(points)
    scores = {(row["date_graded"], row["call_id"], row["scorecard_id"]): int(row["score"]) for row in grades}
    count = {key: sum((r["date_graded"], r["call_id"], r["scorecard_id"]) == key for r in grades) for key in scores}
    assert {key: score * count[key] for key, score in scores.items()} == points


def test_graded_calls_exist_and_were_answered(client: Client) -> None:
    calls = {row["call_id"]: row for row in client.truth("records_calls")}
    graded = {row["call_id"] for row in client.truth("scorecard_grades")}
    assert all(calls[key]["date_connected"] for key in graded & set(calls))
    assert len(graded & set(calls)) > 0.5 * len(graded)


@pytest.mark.parametrize(("state", "count"), [("active", 3), ("archived", 1), ("draft", 1)])
def test_scorecards_are_listed_by_state(client: Client, state: str, count: int) -> None:
    items = client.pages("/api/v2/scorecards", state=state)
    assert ({item["state"] for item in items}, len(items)) == ({state}, count)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scorecards_type": "scorecard_export_leaderboard"},
        {"scorecards_type": "nonsense"},
        {"scorecards_type": GRADES, "graded_days_ago_start": 9, "graded_days_ago_end": 2},
        {"scorecards_type": GRADES, "timezone": "Mars/Olympus"},
        {"scorecards_type": GRADES, "target_id": "1"},
    ],
)
def test_a_body_outside_the_documents_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.post(EXPORT, body).status_code == 400


def test_an_unknown_export_is_not_found(client: Client) -> None:
    assert client.get(f"{EXPORT}/nonsense").status_code == 404


def test_exports_of_scorecards_do_not_count_against_those_of_stats(
    client: Client, fake: FakeDialpad, clock: Clock
) -> None:
    fake.variants.choose({"rates": "on"})
    statuses = []
    for _ in range(501):
        clock.now += 0.1
        statuses.append(start(client, **RANGE).status_code)
    assert statuses == [200] * 500 + [429]
    clock.now += 1
    assert client.start().status_code == 200
