"""Workforce metrics: a local day at a time, its end excluded, every row kept, and corrections read again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.models import FailureType

from fake_dialpad.truth import truth
from unit_tests.core.fixtures import URL, dialpad
from unit_tests.core.reading import Row, read
from unit_tests.directory.test_lists import answers, asked

if TYPE_CHECKING:
    import requests_mock
    from airbyte_cdk.models import AirbyteErrorTraceMessage

    from fake_dialpad.server import FakeDialpad

AGENT, ACTIVITY = "wfm/metrics/agent", "wfm/metrics/activity"
KEYS = {"wfm_agent_metrics": ("agent_email", "interval_start"), "wfm_activity_metrics": ("row_key",)}


def figures(stream: str, rows: list[Row]) -> dict[tuple[str, ...], Row]:
    """The rows by key, without the interval, whose end is now where the day is not over; each key once."""
    assert max(Counter(tuple(row[name] for name in KEYS[stream]) for row in rows).values()) == 1
    own = {"interval", "agent_email", "interval_start", "row_key"}
    return {
        tuple(row[name] for name in KEYS[stream]): {name: value for name, value in row.items() if name not in own}
        for row in rows
    }


@pytest.mark.parametrize("timezone", ["UTC", "America/Los_Angeles"])
@pytest.mark.parametrize("stream", KEYS)
def test_every_figure_of_every_local_day_is_the_account_s(
    stream: str, timezone: str, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    config = dialpad(timezone=timezone)
    out = read(config, stream)
    wanted = truth(fake, stream, start=config["start_date"], timezone=timezone)["rows"]
    assert figures(stream, out.records) == figures(stream, wanted)
    assert len(wanted) > 100
    assert (out.errors, out.statuses[stream][-1]) == ([], "COMPLETE")


def test_an_interval_is_a_local_day_whose_end_is_the_next_one_s_start(fetch: requests_mock.Mocker) -> None:
    config = dialpad(timezone="America/New_York", start_date="2026-10-30")
    answers(fetch, AGENT, {"items": []})
    read(config, "wfm_agent_metrics")
    days = sorted({(query["start"][0], query["end"][0]) for query in asked(fetch, AGENT)})
    assert days[:4] == [
        ("2026-10-30t04:00:00z", "2026-10-31t04:00:00z"),
        ("2026-10-31t04:00:00z", "2026-11-01t04:00:00z"),
        ("2026-11-01t04:00:00z", "2026-11-02t05:00:00z"),  # 25 hours: the clocks go back
        ("2026-11-02t05:00:00z", "2026-11-03t05:00:00z"),
    ]
    assert [end for _, end in days[:-1]] == [start for start, _ in days[1:]]
    assert datetime.fromisoformat(days[-1][1].upper()) <= datetime.now(UTC) - timedelta(minutes=10)


def yesterday_has(fetch: requests_mock.Mocker, path: str, *pages: list[Row]) -> str:
    """Answers with these pages for yesterday, and with nothing for other days; the start of yesterday."""
    start = f"{datetime.now(UTC).date() - timedelta(days=1)}T00:00:00"

    def answer(request: Any, _: Any) -> Row:
        if request.qs["start"] != [f"{start}z".lower()]:
            return {"items": None}
        page = int(request.qs.get("cursor", ["0"])[0])
        items = [{"interval": {"start": f"{start}Z"}, **item} for item in pages[page]]
        return {"items": items, "cursor": str(page + 1) if page + 1 < len(pages) else ""}

    fetch.get(f"{URL}/api/v2/{path}", json=answer)
    return f"{start}+00:00"


def test_all_pages_of_a_day_are_read(fetch: requests_mock.Mocker) -> None:
    emails = ["a@example.com", "b@example.com", "c@example.com"]
    start = yesterday_has(fetch, AGENT, *([{"agent": {"email": email}}] for email in emails))
    rows = read(dialpad(), "wfm_agent_metrics").records
    assert [(row["agent_email"], row["interval_start"]) for row in rows] == [(email, start) for email in emails]


def test_rows_about_the_same_are_numbered_and_no_figure_is_in_a_key(fetch: requests_mock.Mocker) -> None:
    phone = {"activity": {"type": "task", "name": "Phone"}}
    first = [{**phone, "scheduled_hours": hours} for hours in (4, 4, 5)]
    day = yesterday_has(fetch, ACTIVITY, first, [{**phone, "scheduled_hours": 5}, {"activity": None}])
    rows = read(dialpad(), "wfm_activity_metrics").records
    keys = [f"task|Phone|{day}", *(f"task|Phone|{day}#{number}" for number in (2, 3, 4)), f"||{day}"]
    assert [row["row_key"] for row in rows] == keys


def test_a_row_without_an_interval_stands_at_the_start_of_its_day(fetch: requests_mock.Mocker) -> None:
    items = [{"agent": {"email": "a@example.com"}, "interval": None}]
    day = yesterday_has(fetch, AGENT, items)
    assert [row["interval_start"] for row in read(dialpad(), "wfm_agent_metrics").records] == [day]


def test_a_row_that_names_no_agent_is_an_error(fetch: requests_mock.Mocker) -> None:
    yesterday_has(fetch, AGENT, [{"agent": None}])
    (error,) = read(dialpad(), "wfm_agent_metrics").errors
    assert "wfm_agent_metrics: a row came without a readable agent_email" in str(error.message)


def test_corrected_schedules_are_read_again_and_other_days_are_not(
    fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    config = dialpad(lookback_days=3)
    now = fake.horizon
    fake.horizon = now - 86_400
    first = read(config, "wfm_agent_metrics")
    before = len(asked(fetch, AGENT))
    fake.horizon = now
    second = read(config, "wfm_agent_metrics", state={"wfm_agent_metrics": first.state})
    until = datetime.fromisoformat(first.state["interval_start"]).date()
    again = {query["start"][0][:10] for query in asked(fetch, AGENT)[before:]}
    assert {(until - timedelta(days=ago)).isoformat() for ago in range(4)} == again
    old, new = (figures("wfm_agent_metrics", out.records) for out in (first, second))
    hours = [(old[key]["scheduled_hours"], new[key]["scheduled_hours"]) for key in new.keys() & old.keys()]
    assert any(after < planned for planned, after in hours)
    wanted = truth(fake, "wfm_agent_metrics", start=config["start_date"])["rows"]
    assert old | new == figures("wfm_agent_metrics", wanted)


def test_the_state_stands_inside_the_running_day_which_is_read_whole_again(fetch: requests_mock.Mocker) -> None:
    config = dialpad(lookback_days=0, timezone="Asia/Tokyo")
    state = read(config, "wfm_agent_metrics").state
    assert state.keys() == {"interval_start", "since", "timezone"}
    before = len(asked(fetch, AGENT))
    read(config, "wfm_agent_metrics", state={"wfm_agent_metrics": state})
    starts = {query["start"][0][11:] for query in asked(fetch, AGENT)[before:]}
    assert starts == {"15:00:00z"}  # midnight in Tokyo


@pytest.mark.parametrize("status", ["403", "404"])
def test_an_account_without_the_product_is_one_sentence_a_stream_and_the_others_are_read(
    status: str, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    fake.variants.choose({"wfm": status})
    out = read(dialpad(), "wfm_agent_metrics", "wfm_activity_metrics", "offices")
    assert sorted(str(error.message) for error in out.errors) == [
        f"{stream} ({each}): Dialpad has no workforce metrics for dialpad.api_key (403 or 404). They need Dialpad's "
        "product Workforce Management and a company key; where the account does not have it, leave this stream out of "
        "the sync."
        for stream, each in sorted((stream, _window(out.errors, stream)) for stream in KEYS)
    ]
    assert {error.failure_type for error in out.errors} == {FailureType.config_error}
    assert {stream: out.statuses[stream][-1] for stream in (*KEYS, "offices")} == {
        **dict.fromkeys(KEYS, "INCOMPLETE"),
        "offices": "COMPLETE",
    }
    assert out.of.keys() == {"offices"}
    assert len(asked(fetch, AGENT)) <= 8  # as many as were on their way


def _window(errors: list[AirbyteErrorTraceMessage], stream: str) -> str:
    (message,) = (str(error.message) for error in errors if str(error.message).startswith(stream))
    return message.partition("(")[2].partition(")")[0]
