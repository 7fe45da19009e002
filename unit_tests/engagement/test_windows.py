"""Which windows of messages are read, from a start or from a state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from source_dialpad.engagement.messages import MessageRows
from source_dialpad.engagement.unit import requested_bounds
from source_dialpad.sync.halving import TimeRange
from source_dialpad.sync.planner import DatetimeWindows
from unit_tests.engagement.conftest import NOW

if TYPE_CHECKING:
    import pytest

LAG = timedelta(minutes=10)
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago"]


def slicing(start: str = "2026-11-01", **more: Any) -> DatetimeWindows:
    return DatetimeWindows("messages", "ts", start, cursor_unit="milliseconds", kept_days=365, **more)


def edges(windows: DatetimeWindows, saved: dict[str, Any] | None = None) -> list[tuple[datetime, datetime]]:
    return [
        (
            datetime.fromisoformat(window.cursor_slice["start_time"]),
            datetime.fromisoformat(window.cursor_slice["end_time"]),
        )
        for window in windows.windows(windows.compatible_state(saved))
    ]


@settings(deadline=None, max_examples=60)
@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 6, 1)),  # noqa: DTZ001  # made aware below
    days=st.integers(0, 400),
    step=st.integers(1, 6),
    zone=st.sampled_from(ZONES),
    saved=st.one_of(st.none(), st.integers(0, 400 * 86_400)),
    lookback=st.integers(0, 30),
)
def test_windows_touch_and_reach_from_the_start_to_the_lag(  # noqa: PLR0913, PLR0917
    now: datetime, days: int, step: int, zone: str, saved: int | None, lookback: int
) -> None:
    now = now.replace(tzinfo=UTC)
    start = (now - timedelta(days=days)).date().isoformat()
    state = None if saved is None else {"ts": int((now.timestamp() - saved) * 1000), "since": start}
    with time_machine.travel(now, tick=False):
        found = edges(slicing(start, timezone=zone, step_days=step, lookback_days=lookback), state)
        first, last = slicing(start, timezone=zone, lookback_days=lookback).bounds(state)
    assert [window[1] for window in found[:-1]] == [window[0] for window in found[1:]]
    assert all(begin < end <= begin + timedelta(days=7) for begin, end in found)
    if first < last:
        assert (found[0][0], found[-1][1]) == (first, (now - LAG).replace(microsecond=0))
    else:
        assert found == []


def test_a_start_older_than_a_year_is_moved_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "airbyte"):
        found = edges(slicing("2024-01-01"))
    assert found[0][0] == NOW - timedelta(days=365)
    assert "the API keeps 365 days, so reading begins at 2025-11-20T12:00:00+00:00" in caplog.text


def test_a_state_older_than_a_year_is_said_to_leave_a_hole(caplog: pytest.LogCaptureFixture) -> None:
    state = {"ts": int(datetime(2025, 6, 1, tzinfo=UTC).timestamp() * 1000), "since": "2024-01-01"}
    with caplog.at_level("WARNING", "airbyte"):
        found = edges(slicing("2024-01-01"), state)
    assert found[0][0] == NOW - timedelta(days=365)
    assert "can no longer be had" in caplog.text


def test_a_start_within_the_year_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "airbyte"):
        edges(slicing("2026-01-01"))
    assert caplog.text == ""


def test_the_lookback_reads_the_last_days_again() -> None:
    state = {"ts": int((NOW - timedelta(hours=1)).timestamp() * 1000), "since": "2026-11-01"}
    assert edges(slicing(lookback_days=3), state)[0][0] == NOW - timedelta(hours=1, days=3)


def test_an_earlier_start_reads_everything_again() -> None:
    state = {"ts": int(NOW.timestamp() * 1000), "since": "2026-11-10"}
    assert edges(slicing("2026-11-01"), state)[0][0] == datetime(2026, 11, 1, tzinfo=UTC)


@given(
    start=st.integers(1_700_000_000_000, 1_700_000_100_000),
    length=st.integers(1, 200_000_000),
    tick=st.sampled_from([1, 1000]),
)
def test_halves_cover_a_range_without_gap_or_overlap(start: int, length: int, tick: int) -> None:
    halves = TimeRange(start, start + length).halves(tick)
    if halves:
        assert (halves[0].start, halves[0].end, halves[1].end) == (start, halves[1].start, start + length)
        assert all(half.start < half.end for half in halves)
    else:
        assert length <= tick


@given(
    start=st.integers(1_700_000_000_000, 1_700_000_100_000),
    length=st.integers(1, 100_000),
    unit=st.sampled_from(["milliseconds", "seconds"]),
    beside=st.integers(-2_000, 2_000),
)
def test_a_message_beside_a_range_belongs_to_the_neighbors_if_they_ask_for_it(
    start: int, length: int, unit: Any, beside: int
) -> None:
    time_range, tick = TimeRange(start, start + length), 1 if unit == "milliseconds" else 1000
    begin, end = (bound * tick for bound in requested_bounds(time_range, unit))
    assert begin < start
    assert end >= time_range.end
    for ts in (start + beside, time_range.end + beside):
        rows = list(MessageRows("1020", "keep", time_range, unit).page([{"ts": ts}]))
        assert len(rows) == (start <= ts < time_range.end or not begin <= ts <= end)
