"""Metric data: windows of local days, exact ends, and what another sync reads again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from source_dialpad.sync.planner import LocalWindows
from unit_tests.analytics.reading import NOW, URL, figures
from unit_tests.cases import every

if TYPE_CHECKING:
    import requests_mock

    from unit_tests.analytics.reading import Account, Row

STREAM = "analytics_metric_data"
ONE = {"metric_ids": ["closed_conversations"]}


def windows(zone: str, start: str, saved: dict[str, Any] | None = None, **more: Any) -> list[tuple[datetime, datetime]]:
    slicing = LocalWindows(STREAM, "window_start", start, zone, **more)
    planned = slicing.windows(slicing.compatible_state(saved))
    return [
        (
            datetime.fromisoformat(each.cursor_slice["start_time"]),
            datetime.fromisoformat(each.cursor_slice["end_time"]),
        )
        for each in planned
    ]


@every(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Los_Angeles", "2026-03-08", 23),
        ("America/Los_Angeles", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("America/Santiago", "2026-09-06", 23),
        ("Asia/Kolkata", "2026-10-25", 24),
    ],
)
def test_a_day_is_as_long_as_it_is(zone: str, day: str, hours: float) -> None:
    (first, end), *_ = windows(zone, day)
    assert (end.astimezone(UTC) - first.astimezone(UTC)) == timedelta(hours=hours)


@settings(deadline=None, max_examples=80)
@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)),  # noqa: DTZ001  # made aware below
    days=st.integers(0, 120),
    grain=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "America/Santiago"]),
)
def test_windows_are_whole_touch_and_hold_start_and_now(now: datetime, days: int, grain: Any, zone: str) -> None:
    now = now.replace(tzinfo=UTC)
    start = (now - timedelta(days=days + 1)).date().isoformat()
    with time_machine.travel(now, tick=False):
        found = windows(zone, start, grain=grain)
    assert [one[1] for one in found[:-1]] == [one[0] for one in found[1:]]
    assert found[0][0].date().isoformat() <= start
    assert found[-1][0] <= now - timedelta(minutes=10) <= found[-1][1] or len(found) == 0


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    assert [one[0].isoweekday() for one in windows("Europe/Berlin", "2026-10-22", grain="week")] == [1, 1, 1, 1]
    assert [one[0].day for one in windows("Europe/Berlin", "2026-10-22", grain="month")] == [1, 1]


def first_period(account: Account) -> tuple[str, str]:
    """Start and end of the earliest window that was asked for."""
    return min((body["periodFilter"]["start"], body["periodFilter"]["end"]) for body in account.bodies())


@pytest.mark.parametrize(
    ("ends", "start", "end"),
    [
        ((True, False), "2026-11-07T00:00:00Z", "2026-11-08T00:00:00Z"),
        ((True, True), "2026-11-07T00:00:00Z", "2026-11-07T23:59:59.999Z"),
        ((False, True), "2026-11-06T23:59:59.999Z", "2026-11-07T23:59:59.999Z"),
        ((False, False), "2026-11-06T23:59:59.999Z", "2026-11-08T00:00:00Z"),
    ],
)
def test_a_window_is_asked_for_so_that_it_is_exact(
    account: Account, monkeypatch: pytest.MonkeyPatch, ends: tuple[bool, bool], start: str, end: str
) -> None:
    monkeypatch.setattr("source_dialpad.analytics.metrics.MetricDataRetriever.interval_bounds", lambda *_: ends)
    account.start, account.settings = "2026-11-07", ONE
    account.rows(STREAM)
    assert first_period(account) == (start, end)


@every(("reading", "end"), [("out", "2026-11-08T00:00:00Z"), ("in", "2026-11-07T23:59:59.999Z")])
def test_whether_the_end_belongs_to_an_interval_is_found_out(account: Account, reading: str, end: str) -> None:
    account.fake.variants.choose({"interval_end": reading})
    account.start, account.settings = "2026-11-07", ONE
    account.rows(STREAM)
    assert first_period(account)[1] == end


def test_without_a_record_nothing_is_counted_twice(account: Account, fetch: requests_mock.Mocker) -> None:
    fetch.post(f"{URL}/v1/analytics/records", json={"data": []})
    account.start, account.settings = "2026-11-07", ONE
    account.rows(STREAM)
    assert first_period(account)[1] == "2026-11-07T23:59:59.999Z"


def test_only_listed_measures_are_asked_for(account: Account) -> None:
    account.settings = {"metric_ids": ["first_response_time"], "grain": "month"}
    account.rows(STREAM)
    assert account.bodies()[0]["aggregations"] == ["Average", "Min", "Max", "StdDev"]


def test_presence_is_one_row_a_status(account: Account) -> None:
    account.settings = {"metric_ids": ["agent_presence_duration"], "grain": "month"}
    rows = account.rows(STREAM)
    assert len({row["presence_status"] for row in rows}) > 1
    assert {row["measure"] for row in rows} == {"AgentPresenceDuration"}
    assert len({row["row_key"] for row in rows}) == len(rows)


def test_statuses_that_differ_in_their_description_alone_are_rows_of_their_own(
    account: Account, fetch: requests_mock.Mocker
) -> None:
    statuses = [{"status": "away", "description": words} for words in ("Lunch", "Meeting", "Meeting")]
    durations = [{"value": float(number), "status": status} for number, status in enumerate(statuses)]
    data = {"aggregates": [{"_type": "AgentPresenceDurationValue", "value": durations}]}
    fetch.post(f"{URL}/v1/analytics/metrics", json={"data": data})
    account.settings = {"metric_ids": ["agent_presence_duration"], "grain": "month"}
    rows = [row for row in account.rows(STREAM) if row["window_start"].startswith("2026-11")]
    assert [(row["presence_status"], row.get("presence_description")) for row in rows] == [
        ("away", "Lunch"),
        ("away", "Meeting"),
        ("away", "Meeting"),
    ]
    assert len({row["row_key"] for row in rows}) == 3


@every("status", [400, 403, 500])
def test_a_record_type_that_cannot_be_read_stops_no_metric(
    account: Account, fetch: requests_mock.Mocker, status: int
) -> None:
    account.fake.variants.choose({"interval_end": "out"})
    account.start, account.settings = "2026-11-07", ONE
    unreadable = account.truth("analytics_records")[0]["id"]
    fetch.post(
        f"{URL}/v1/analytics/records",
        status_code=status,
        json={"message": "no"},
        additional_matcher=lambda request: request.json()["id"] == unreadable,
    )
    account.rows(STREAM)
    assert first_period(account)[1] == "2026-11-08T00:00:00Z"  # another record type told that the end is excluded


@every("data", [{"id": "closed_conversations"}, {"aggregates": None}, {"aggregates": []}])
def test_no_aggregates_are_no_rows(account: Account, fetch: requests_mock.Mocker, data: Row) -> None:
    fetch.post(f"{URL}/v1/analytics/metrics", json={"data": data})
    account.settings = ONE
    assert account.rows(STREAM) == []


@every("data", [[], {"aggregates": {"Count": 1}}, {"aggregates": [1]}, "x"])
def test_aggregates_of_another_shape_are_an_error(account: Account, fetch: requests_mock.Mocker, data: object) -> None:
    fetch.post(f"{URL}/v1/analytics/metrics", json={"data": data})
    account.settings = ONE
    assert "another shape than " in account.error(STREAM)


# --- one sync after another -------------------------------------------------------------------------------------------


def first(account: Account, stream: str = STREAM, **settings: Any) -> dict[str, Any]:
    """The state after a first sync."""
    account.settings = {**ONE, **settings}
    return {stream: account.read(stream).state}


def opened(rows: list[Row]) -> str:
    """The first window of some rows."""
    return min(str(row["window_start"]) for row in rows)[:10]


def test_the_running_window_is_read_until_it_is_closed(account: Account, noon: time_machine.Traveller) -> None:
    state = first(account)
    account.more = {"lookback_days": 0}
    noon.shift(timedelta(hours=14))
    account.fake.clock = (NOW + timedelta(hours=14)).timestamp
    account.fake.horizon = (NOW + timedelta(hours=13)).timestamp()
    rows = account.rows(STREAM, state)
    assert opened(rows) == "2026-11-09"
    account.start = "2026-11-09"
    assert figures(rows) == figures(row for row in account.truth(STREAM) if row["metric_id"] == "closed_conversations")


def test_a_closed_window_is_not_read_again_without_look_back(account: Account) -> None:
    state = first(account)
    account.more = {"lookback_days": 0}
    assert {row["window_start"][:10] for row in account.rows(STREAM, state)} == {"2026-11-09"}


def test_the_look_back_reads_whole_windows_again(account: Account) -> None:
    assert opened(account.rows(STREAM, first(account))) == "2026-11-06"


@every(
    "changed",
    [
        {"grain": "week"},
        {"filters": [{"attribute": "channel", "values": ["EMAIL"]}]},
        {"break_down_by": "channel"},
    ],
)
def test_other_figures_are_read_from_the_start(account: Account, changed: dict[str, Any]) -> None:
    state = first(account)
    account.settings |= changed
    assert opened(account.rows(STREAM, state)) <= account.start


def test_another_zone_reads_from_the_start(account: Account) -> None:
    state = first(account)
    account.timezone = "Asia/Kolkata"
    assert opened(account.rows(STREAM, state)) == account.start


@every(
    ("stream", "key", "old", "new"),
    [
        (STREAM, "metric_ids", ["closed_conversations"], "csat_responses"),
        ("analytics_record_data", "record_ids", ["ratings"], "closed_conversations"),
    ],
)
def test_what_is_new_since_the_last_sync_is_read_from_the_start(
    account: Account, stream: str, key: str, old: list[str], new: str
) -> None:
    account.settings = {key: old}
    state = {stream: account.read(stream).state}
    account.settings = {key: [*old, new]}
    rows = account.rows(stream, state)
    column = key.removesuffix("s")
    times = {name: min(_time(row) for row in rows if row[column] == name) for name in (old[0], new)}
    assert times[new][:10] <= "2026-10-23"
    assert times[old[0]][:10] >= "2026-11-06"


def _time(row: Row) -> str:
    return str(row.get("window_start") or row["primary_timestamp"])


def test_another_order_of_filters_keeps_the_keys(account: Account) -> None:
    both = [
        {"attribute": "channel", "values": ["EMAIL", "CALLBACK"]},
        {"attribute": "initial_direction", "values": ["INBOUND"]},
    ]
    turned = [both[1], {"attribute": "channel", "values": ["callback", "email"]}]
    keys = []
    for filters in (both, turned):
        account.settings = {**ONE, "grain": "month", "filters": filters}
        keys.append({row["row_key"] for row in account.rows(STREAM)})
    assert keys[0] == keys[1]


# --- filter values ----------------------------------------------------------------------------------------------------


def test_filter_values_are_read_once_a_day(account: Account) -> None:
    state = {"analytics_filter_values": account.read("analytics_filter_values").state}
    assert account.rows("analytics_filter_values", state) == []


def test_the_next_day_takes_another_snapshot(account: Account, noon: time_machine.Traveller) -> None:
    outcome = account.read("analytics_filter_values")
    noon.shift(timedelta(days=1))
    rows = account.rows("analytics_filter_values", {"analytics_filter_values": outcome.state})
    assert len(rows) == len(outcome.records)
    assert {row["snapshot_date"] for row in rows} == {"2026-11-10"}


def test_an_attribute_whose_snapshot_failed_is_taken_again_alone(account: Account, fetch: requests_mock.Mocker) -> None:
    broken = [True]
    fetch.get(f"{URL}/v1/analytics/filter/channel", json={"oops": 1}, additional_matcher=lambda _: broken[0])
    failed = account.read("analytics_filter_values")
    assert failed.errors
    broken[0] = False
    rows = account.rows("analytics_filter_values", {"analytics_filter_values": failed.state})
    assert {row["filter_attribute"] for row in rows} == {"channel"}
