"""The truth: one entry for every stream, counted independently of the answers where that is cheap."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from fake_dialpad.local_time import LocalTime, windows
from fake_dialpad.truth import STREAMS

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from fake_dialpad.world import World
    from unit_tests.fake.conftest import Client

QUIET = {"call_events"}  # nothing was delivered


def test_every_stream_has_rows_that_hold_its_key(client: Client) -> None:
    answers = {stream: client.get(f"/_fake/truth/{stream}").json() for stream in STREAMS}
    assert {stream for stream, answer in answers.items() if not answer["count"]} == QUIET
    keyless = [
        answer["stream"] for answer in answers.values() for row in answer["rows"] if not row.keys() & set(answer["key"])
    ]
    assert keyless == []
    assert list(answers) == [answer["stream"] for answer in answers.values()]


def test_a_count_is_the_number_of_rows(client: Client) -> None:
    counted = {stream: client.get(f"/_fake/truth/{stream}", count=1).json() for stream in STREAMS}
    assert {stream: answer["count"] for stream, answer in counted.items()} == {
        stream: len(client.truth(stream)) for stream in STREAMS
    }
    assert [stream for stream, answer in counted.items() if answer["rows"]] == []


@pytest.mark.parametrize("asked", [{"start": "soon"}, {"timezone": "Mars/Olympus"}, {"colour": "red"}])
def test_a_question_it_does_not_understand_is_refused(client: Client, asked: dict[str, str]) -> None:
    assert client.get("/_fake/truth/messages", **asked).status_code == 400


def test_an_unknown_stream_is_refused_with_the_nearest_names_and_the_cure(client: Client) -> None:
    answer = client.get("/_fake/truth/channel_member")
    assert answer.status_code == 400
    said = answer.json()["error"]
    assert "did you mean channel_members" in said
    assert "Add a line to LISTS in fake_dialpad/lists.py" in said
    assert "records_calls" not in said


def test_dispositions_hold_one_row_an_operator_and_call(client: Client) -> None:
    rows = client.truth("records_dispositions")
    keys = {(row["call_id"], row["operator_id"], "" if row["call_id"] else row["date_started"]) for row in rows}
    assert len(keys) == len(rows)


def test_twins_stay_two_rows(client: Client) -> None:
    rows = [tuple(row.values()) for row in client.truth("records_screenshare")]
    assert len(set(rows)) < len(rows)


def test_csat_without_a_scope_is_that_of_every_call_center(client: Client, world: World) -> None:
    whole = client.truth("records_csat")
    parts = [client.truth("records_csat", scope=f"callcenter:{center.id}") for center in world.call_centers]
    assert sum(len(part) for part in parts) == len(whole)


def test_figures_of_a_month_stand_once_a_window(client: Client) -> None:
    rows = client.truth("stats_calls_by_user", start="2026-11-01", end="2026-11-30", grain="month")
    assert {(row["window_start"], row["window_end"]) for row in rows} == {("2026-11-01", "2026-11-30")}


def test_a_running_month_counts_up_to_yesterday(client: Client) -> None:
    month = client.truth("stats_calls_by_user", start="2026-11-01", end="2026-11-30", grain="month")
    days = client.truth("stats_calls_by_user", start="2026-11-01", end="2026-11-19")
    assert sum(int(row["all_calls"]) for row in month) == sum(int(row["all_calls"]) for row in days)


def test_days_of_a_zone_partition_its_calls(client: Client) -> None:
    whole = client.truth("records_calls", timezone="America/Los_Angeles")
    days = [date(2026, 11, 7) + timedelta(days=number) for number in range(14)]
    parts = [
        client.truth("records_calls", timezone="America/Los_Angeles", start=str(day), end=str(day)) for day in days
    ]
    assert sum(len(part) for part in parts) == len(whole)


def test_metric_data_have_a_row_a_measure_and_window(client: Client) -> None:
    rows = client.truth("analytics_metric_data", start="2026-11-18", end="2026-11-19")
    counts = [row for row in rows if row["metric_id"] == "closed_conversations"]
    assert [row["window_start"] for row in counts] == ["2026-11-18T00:00:00.000Z", "2026-11-19T00:00:00.000Z"]


def test_broken_down_numbers_add_up(client: Client) -> None:
    day = {"start": "2026-11-18", "end": "2026-11-18"}
    rows = client.truth("analytics_metric_data", break_down_by="channel", **day)
    whole = client.truth("analytics_metric_data", **day)

    def total(some: list[dict[str, object]]) -> float:
        return sum(float(str(row["value"])) for row in some if row["metric_id"] == "closed_conversations")

    assert total(rows) == total(whole)


def test_session_messages_may_be_asked_for_whole(client: Client) -> None:
    day = {"start": "2026-11-18", "end": "2026-11-18"}
    whole = client.truth("customer_session_messages", whole_sessions="1", **day)
    assert len(whole) > len(client.truth("customer_session_messages", **day))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 11, 2), 24)])
def test_a_day_of_a_zone_has_the_hours_its_clocks_give_it(day: date, hours: int) -> None:
    ((_, _, start, end),) = windows(day, day, "day", LocalTime("America/New_York"))
    assert (end - start) // 3_600_000_000 == hours


def test_weeks_begin_on_monday() -> None:
    made = windows(date(2026, 11, 18), date(2026, 11, 24), "week", LocalTime("UTC"))
    assert [(first, last) for first, last, _, _ in made] == [
        (date(2026, 11, 16), date(2026, 11, 22)),
        (date(2026, 11, 23), date(2026, 11, 29)),
    ]


def test_texts_follow_their_variant(client: Client, fake: FakeDialpad) -> None:
    both = len(client.truth("records_texts"))
    fake.variants.choose({"texts": "one_row"})
    assert len(client.truth("records_texts")) < both
