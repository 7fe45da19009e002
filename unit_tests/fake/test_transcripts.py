"""Transcripts and AI recaps: believable, consistent with the calls, and refused as the API refuses them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.server import FakeDialpad
from fake_dialpad.truth import truth
from unit_tests.fake.conftest import NOON

if TYPE_CHECKING:
    from fake_dialpad.transcripts import Transcript
    from fake_dialpad.world import World
    from unit_tests.fake.conftest import Client, Clock

DAY = {"start": "2026-11-18", "end": "2026-11-18"}


Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def history(world: World) -> tuple[Rows, Rows]:
    """All transcripts and all recaps of twelve days."""
    still = FakeDialpad(world, clock=lambda: NOON)
    return truth(still, "call_transcripts")["rows"], truth(still, "call_recaps")["rows"]


@pytest.fixture(scope="module")
def call_id(history: tuple[Rows, Rows]) -> str:
    """A call with a recap."""
    return str(history[1][0]["call_id"])


def transcripts(fake: FakeDialpad) -> list[Transcript]:
    """The transcripts of the newest calls."""
    legs = fake.conversations.concluded(0, 1 << 62)
    return list(fake.transcripts.existing(leg for leg, _ in zip(legs, range(150), strict=False)))


def rows(client: Client, path: str, stream: str) -> tuple[Rows, Rows]:
    """What the API serves of every call of a day, and the truth without the column that is not the API's."""
    served = []
    for call in client.truth("calls", **DAY):
        answer = client.get(f"/api/v2/{path.format(call['call_id'])}")
        assert answer.status_code in {200, 404}
        served += [answer.json()] if answer.status_code == 200 else []
    expected = client.truth(stream, **DAY)
    return served, [{name: row[name] for name in row if name != "date_started"} for row in expected]


def test_the_transcripts_of_a_day_s_calls_are_the_truth(client: Client) -> None:
    served, expected = rows(client, "transcripts/{}", "call_transcripts")
    assert served == expected
    assert len(expected) > 10


def test_the_recaps_of_a_day_s_calls_are_the_truth(client: Client) -> None:
    served, expected = rows(client, "call/{}/ai_recap", "call_recaps")
    assert served == expected
    assert len(expected) > 10


def test_nearly_every_transcript_with_a_summary_has_a_recap(history: tuple[Rows, Rows]) -> None:
    summarized = {
        row["call_id"] for row in history[0] if "whole_call_summary" in {line["content"] for line in row["lines"]}
    }
    recaps = {row["call_id"] for row in history[1]}
    assert recaps < summarized
    assert len(recaps) > 0.95 * len(summarized)


def test_lines_are_of_the_form_of_real_ones(history: tuple[Rows, Rows]) -> None:
    lines = [line for row in history[0] for line in row["lines"]]
    assert all(len({"user_id", "contact_id"} & set(line)) == 1 for line in lines)
    assert all(len(line["time"]) == 26 for line in lines)
    assert {line["type"] for line in lines} == {"transcript", "moment", "custom_moment", "real_time_moment"}
    spoken = sum(line["type"] == "transcript" for line in lines)
    assert 0.4 < spoken / len(lines) < 0.7


def test_lines_ascend_and_lie_within_the_call(fake: FakeDialpad) -> None:
    wrong = [
        one.leg.call_id
        for one in transcripts(fake)
        if any(early.at_us > late.at_us for early, late in pairwise(one.lines))
        or one.lines[0].at_us < (one.leg.connected_us or 0)
        or one.lines[-1].at_us > one.leg.ended_us
    ]
    assert not wrong


def test_a_transcript_is_about_150_lines_long_on_average(history: tuple[Rows, Rows]) -> None:
    lengths = [len(row["lines"]) for row in history[0]]
    assert 80 < sum(lengths) / len(lengths) < 200
    assert max(lengths) > 400


def test_some_lines_repeat_in_everything(history: tuple[Rows, Rows]) -> None:
    lines = [[tuple(line.items()) for line in row["lines"]] for row in history[0]]
    assert sum(len(one) - len(set(one)) for one in lines) > 100


def test_the_summary_tells_what_was_said(history: tuple[Rows, Rows]) -> None:
    recaps = {row["call_id"]: row for row in history[1]}
    for row in history[0]:
        if row["call_id"] in recaps:
            words = " ".join(line["content"] for line in row["lines"])
            customer = recaps[row["call_id"]]["summary"]["content"].split(" ", 1)[0]
            assert customer in {line["name"].split(" ", 1)[0] for line in row["lines"]}
            assert len(words) > 100


def test_a_recap_s_disposition_is_the_one_the_agent_set(client: Client, history: tuple[Rows, Rows]) -> None:
    recaps = [row for row in history[1] if "disposition" in row]
    dispositions = {row["disposition"].replace("~", ": ") for row in client.truth("records_dispositions")}
    assert {row["disposition"]["content"] for row in recaps} <= dispositions
    assert recaps


def test_a_transcript_that_is_not_ready_is_400_and_comes_later(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    one = transcripts(fake)[-1]
    path = f"/api/v2/transcripts/{one.leg.call_id}"
    statuses = []
    for instant in (one.leg.ended_us - 1_000_000, one.leg.ended_us + 1_000_000, one.ready_us + 1_000_000):
        clock.now = instant / 1_000_000
        statuses.append(client.get(path).status_code)
    assert statuses == [404, 400, 200]


@pytest.mark.parametrize("call_id", ["1", "abc", "5000000000000001", "99999999999999999999"])
def test_a_call_that_does_not_exist_has_neither(client: Client, call_id: str) -> None:
    paths = (f"/api/v2/transcripts/{call_id}", f"/api/v2/call/{call_id}/ai_recap")
    assert [client.get(path).status_code for path in paths] == [404, 404]


def test_legs_of_groups_have_transcripts_only_in_a_variant(client: Client, fake: FakeDialpad) -> None:
    groups = {row["call_id"] for row in client.truth("records_calls", **DAY) if row["target_type"] != "user"}
    before = {row["call_id"] for row in client.truth("call_transcripts", **DAY)}
    fake.variants.choose({"transcript_legs": "all"})
    after = {row["call_id"] for row in client.truth("call_transcripts", **DAY)}
    assert not groups & before
    assert before < after
    assert after - before <= groups


@pytest.mark.parametrize(("summary_format", "status"), [("short", 200), ("bullet", 200), ("sonnet", 400)])
def test_the_summary_comes_in_the_format_asked_for(
    client: Client, call_id: str, summary_format: str, status: int
) -> None:
    answer = client.get(f"/api/v2/call/{call_id}/ai_recap", summary_format=summary_format)
    assert answer.status_code == status
    assert status != 200 or answer.json()["summary"]["format"] == summary_format


def test_a_recap_wants_its_scope(client: Client, call_id: str, fake: FakeDialpad) -> None:
    fake.missing_scopes = frozenset({"ai_recap"})
    answer = client.get(f"/api/v2/call/{call_id}/ai_recap")
    assert (answer.status_code, "ai_recap" in answer.text) == (403, True)
    assert client.get(f"/api/v2/transcripts/{call_id}").status_code == 200


def test_one_recap_in_five_seconds_is_allowed(client: Client, call_id: str, fake: FakeDialpad, clock: Clock) -> None:
    fake.variants.choose({"rates": "on"})
    statuses = []
    for wait in (0, 1, 4, 5):
        clock.now += wait
        statuses.append(client.get(f"/api/v2/call/{call_id}/ai_recap").status_code)
    assert statuses == [200, 429, 200, 200]


def test_a_few_recaps_are_edited_later(client: Client, clock: Clock) -> None:
    clock.now += 3 * 86_400
    edited = [row for row in client.truth("call_recaps") if row["summary"]["edited"]]
    assert edited
    assert all(int(row["date_modified"]) > int(row["date_created"]) for row in edited)
