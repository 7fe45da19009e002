"""Windows of exports: no gap, no overlap, today apart, whole calendar windows, whatever the state and the settings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from source_dialpad.sync.backfill import ExportWindows
from source_dialpad.sync.windows import (
    DAY,
    DayWindow,
    calendar_window,
    day_windows,
    local_day,
    midnight,
)
from source_dialpad.transport.times import zone_of

if TYPE_CHECKING:
    from unit_tests.stats.one_stream import Sync

ZONES = ["UTC", "America/Los_Angeles", "Asia/Kolkata", "Europe/Berlin", "Pacific/Kiritimati", "Australia/Lord_Howe"]
GRAINS = ["day", "week", "month"]
days = st.dates(date(2021, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2021, 6, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
zones = st.sampled_from(ZONES)
grains = st.sampled_from(GRAINS)


def planned(kind: Any, now: datetime, saved: dict[str, Any] | None = None) -> list[Any]:
    with time_machine.travel(now, tick=False):
        return list(kind.windows(kind.compatible_state(saved)))


def span(window: Any) -> DayWindow:
    cut = window.cursor_slice
    return DayWindow(date.fromisoformat(cut["first_day"]), date.fromisoformat(cut["last_day"]))


def covered(windows: list[Any]) -> list[date]:
    """The days of all windows in order of the calendar; one that is read twice stands there twice."""
    return sorted(
        one.first + timedelta(days=number)
        for one in map(span, windows)
        for number in range((one.last - one.first).days + 1)
    )


def every_day(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def made_days(start: date, zone: str = "UTC", *, lookback: int = 0, length: int = 30, **settings: Any) -> ExportWindows:
    return ExportWindows("s", "date", start.isoformat(), zone, lookback, size=length, settings=settings)


def made_calendar(start: date, grain: Any, zone: str = "UTC", *, lookback: int = 0) -> ExportWindows:
    return ExportWindows("s", "window_start", start.isoformat(), zone, lookback, size=grain)


# -- pure -------------------------------------------------------------------------------------------------------------


@given(days, days, st.integers(1, 400))
def test_windows_of_days_cover_the_range_once(first: date, last: date, length: int) -> None:
    windows = list(day_windows(first, last, length))
    assert [
        one.first + timedelta(days=number) for one in windows for number in range((one.last - one.first).days + 1)
    ] == every_day(first, last)
    assert all((one.last - one.first).days < length for one in windows)


@given(days, days, grains)
def test_calendar_windows_touch_and_are_whole(first: date, last: date, grain: Any) -> None:
    windows = list(day_windows(first, last, grain))
    assert all(earlier.last + DAY == later.first for earlier, later in pairwise(windows))
    for window in windows:
        assert calendar_window(window.first, grain) == calendar_window(window.last, grain) == window
    if first <= last:
        assert windows[0].first <= first <= windows[0].last
        assert windows[-1].first <= last <= windows[-1].last


@given(days)
def test_weeks_begin_on_monday_and_months_on_the_first(day: date) -> None:
    week, month = calendar_window(day, "week"), calendar_window(day, "month")
    assert (week.first.isoweekday(), week.last.isoweekday()) == (1, 7)
    assert (month.first.day, (month.last + DAY).day) == (1, 1)


@given(days, zones)
def test_a_midnight_is_the_first_instant_of_its_day(day: date, zone: str) -> None:
    first = midnight(day, zone_of(zone)).astimezone(UTC)
    assert local_day(first, ZoneInfo(zone)) == day
    assert local_day(first - timedelta(microseconds=1), ZoneInfo(zone)) == day - DAY


@pytest.mark.parametrize(
    ("zone", "day"), [("America/Sao_Paulo", date(2018, 11, 4)), ("Africa/Cairo", date(2024, 4, 26))]
)
def test_a_day_without_a_midnight_begins_when_it_begins(zone: str, day: date) -> None:
    first = midnight(day, zone_of(zone)).astimezone(UTC)
    assert local_day(first, ZoneInfo(zone)) == day
    assert local_day(first - timedelta(microseconds=1), ZoneInfo(zone)) == day - DAY


# -- records ----------------------------------------------------------------------------------------------------------


@given(instants, st.integers(0, 500), zones, st.integers(1, 365))
def test_the_first_sync_reads_every_day_from_the_start_to_today_once(
    now: datetime, age: int, zone: str, length: int
) -> None:
    today = local_day(now, ZoneInfo(zone))
    start = today - timedelta(days=age)
    windows = planned(made_days(start, zone, length=length), now)
    assert covered(windows) == every_day(start, today)
    running = [window for window in windows if span(window).last >= today]
    assert [(span(window), window.cursor_after) for window in running] == [(DayWindow(today, today), None)]


@given(instants, st.integers(0, 400), st.integers(0, 400), zones, st.integers(0, 30), st.integers(1, 365))
def test_a_later_sync_goes_on_behind_the_state_and_looks_back(  # noqa: PLR0913, PLR0917
    now: datetime, age: int, behind: int, zone: str, lookback: int, length: int
) -> None:
    today = local_day(now, ZoneInfo(zone))
    start, read = today - timedelta(days=age), today - timedelta(days=behind + 1)
    kind = made_days(start, zone, lookback=lookback, length=length)
    windows = planned(kind, now, kind.cursor(read.isoformat()))
    assert covered(windows) == every_day(max(start, read + DAY - timedelta(days=lookback)), today)


@given(instants, st.integers(1, 100), zones, zones, st.integers(1, 40), st.integers(1, 40))
def test_another_zone_or_window_length_leaves_no_instant_unread(  # noqa: PLR0913, PLR0917
    now: datetime, behind: int, old: str, new: str, before: int, after: int
) -> None:
    start = date(2020, 1, 1)
    read = local_day(now, ZoneInfo(old)) - timedelta(days=behind)
    saved = made_days(start, old, length=before).cursor(read.isoformat())
    windows = planned(made_days(start, new, length=after), now, saved)
    read_until = midnight(read + DAY, zone_of(old))
    first = covered(windows)[0]
    assert midnight(first, zone_of(new)) <= read_until, "everything behind the state is read again"
    assert midnight(first + DAY, zone_of(new)) > read_until, "and no whole day too many"


def test_figures_of_a_day_in_another_zone_are_other_figures(caplog: pytest.LogCaptureFixture) -> None:
    now, start = datetime(2026, 11, 20, 12, tzinfo=UTC), date(2026, 11, 1)
    saved = made_days(start, "UTC", timezone="UTC").cursor("2026-11-19")
    windows = planned(made_days(start, "Asia/Kolkata", timezone="Asia/Kolkata"), now, saved)
    assert covered(windows)[0] == start
    assert "makes other rows" in caplog.text


def test_another_scope_is_read_from_the_start() -> None:
    now, start = datetime(2026, 11, 20, 12, tzinfo=UTC), date(2026, 11, 1)
    saved = made_days(start, scope="company").cursor("2026-11-19")
    assert covered(planned(made_days(start, scope="office:7"), now, saved))[0] == start


def test_an_earlier_start_date_is_read_from_there() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    saved = made_days(date(2026, 11, 10)).cursor("2026-11-19")
    assert covered(planned(made_days(date(2026, 10, 1)), now, saved))[0] == date(2026, 10, 1)


def test_a_state_from_the_future_reads_nothing_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    kind = made_days(date(2026, 11, 1))
    assert planned(kind, datetime(2026, 11, 20, 12, tzinfo=UTC), kind.cursor("2027-01-01")) == []
    assert "lies in the future" in caplog.text


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", 7])
def test_a_state_that_cannot_be_read_is_an_error_and_not_a_fresh_start(value: object) -> None:
    kind = made_days(date(2026, 11, 1))
    with pytest.raises(AirbyteTracedException, match="Reset the state"):
        planned(kind, datetime(2026, 11, 20, 12, tzinfo=UTC), {**kind.cursor("2026-11-01"), "date": value})


def test_a_state_with_a_time_of_day_counts_only_the_days_before() -> None:
    kind = made_days(date(2026, 11, 1))
    saved = {**kind.cursor("2026-11-10"), "date": "2026-11-10T09:00:00+00:00"}
    assert covered(planned(kind, datetime(2026, 11, 20, 12, tzinfo=UTC), saved))[0] == date(2026, 11, 10)


# -- figures ----------------------------------------------------------------------------------------------------------


@given(instants, st.integers(0, 400), zones, grains)
def test_figures_are_read_by_whole_windows_and_the_running_one_up_to_yesterday(
    now: datetime, age: int, zone: str, grain: Any
) -> None:
    today = local_day(now, ZoneInfo(zone))
    start = today - timedelta(days=age)
    windows = planned(made_calendar(start, grain, zone), now)
    until = today if grain == "day" else today - DAY
    assert covered(windows) == every_day(calendar_window(start, grain).first, until)
    for window in windows:
        whole = calendar_window(span(window).first, grain)
        assert span(window).first == whole.first
        assert window.cursor_slice.get("calendar_end", whole.last.isoformat()) == whole.last.isoformat()
        assert span(window).last == whole.last or "calendar_end" in window.cursor_slice
        assert window.cursor_after is None or window.cursor_after < today.isoformat()


@given(instants, st.integers(1, 100), zones, grains, st.integers(0, 30))
def test_the_look_back_reads_again_whole_every_window_that_ends_inside_it(
    now: datetime, behind: int, zone: str, grain: Any, lookback: int
) -> None:
    today = local_day(now, ZoneInfo(zone))
    read = today - timedelta(days=behind)
    kind = made_calendar(date(2020, 1, 1), grain, zone, lookback=lookback)
    again = list(planned(kind, now, kind.cursor(read.isoformat())))
    first_needed = calendar_window(read + DAY - timedelta(days=lookback), grain).first
    if again:
        assert covered(again)[0] == first_needed
    else:
        assert first_needed >= today, "nothing has ended since"


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.integers(0, 9), grains, zones)
def test_whatever_the_rhythm_of_syncs_every_closed_window_is_read_when_it_is_closed(
    pauses: list[int], lookback: int, grain: Any, zone: str
) -> None:
    start, now = date(2026, 1, 14), datetime(2026, 2, 1, 9, tzinfo=UTC)
    kind = made_calendar(start, grain, zone, lookback=lookback)
    read_whole: set[date] = set()
    saved: dict[str, Any] | None = None
    for pause in pauses:
        now += timedelta(days=pause)
        for window in planned(kind, now, saved):
            if "calendar_end" not in window.cursor_slice and span(window).last < local_day(now, ZoneInfo(zone)):
                read_whole.update(covered([window]))
            if window.cursor_after and (saved is None or window.cursor_after > saved["window_start"]):
                saved = kind.cursor(window.cursor_after)
    today = local_day(now, ZoneInfo(zone))
    closed = [one for one in day_windows(start, today, grain) if one.last < today]
    assert read_whole >= {day for one in closed for day in every_day(*one)}


def test_a_month_of_figures_goes_on_in_the_running_month(sync: Sync) -> None:
    sync.configured({"aggregate_window": "month"}, lookback_days=0, start_date="2026-10-20")
    found = sync.read("stats_onduty")
    assert found.state["window_start"] == "2026-11-19"
    assert [post["body"]["days_ago_end"] for post in sync.posts] == [19, 50]
    sync.fake.log.clear()
    sync.read("stats_onduty", found.state)
    assert [post["body"]["days_ago_end"] for post in sync.posts] == [19], "the running month once more, whole"


# -- state ------------------------------------------------------------------------------------------------------------


def test_today_never_moves_the_state(sync: Sync) -> None:
    assert sync.configured(start_date="2026-11-20").read("records_calls").state == {}
    assert sync.configured(start_date="2026-11-19").read("records_calls").state["date_started"] == "2026-11-19"


@pytest.mark.parametrize("windows", range(5))
def test_a_kill_after_any_window_and_a_resume_give_the_same_table(sync: Sync, windows: int) -> None:
    sync.fake.horizon = sync.fake.time()
    sync.configured({"export_window_days": 2}, lookback_days=0)
    quiet = {row["call_id"]: row for row in sync.read("records_calls").rows}
    killed = sync.read("records_calls", windows=windows)
    resumed = sync.read("records_calls", killed.state)
    assert {row["call_id"]: row for row in [*killed.rows, *resumed.rows]} == quiet


def test_another_zone_between_two_syncs_loses_no_row(sync: Sync) -> None:
    sync.fake.horizon = sync.fake.time()
    sync.configured({"export_window_days": 3}, lookback_days=0, timezone="America/Los_Angeles")
    first = sync.read("records_calls", windows=1)
    sync.configured({"export_window_days": 90}, timezone="Asia/Kolkata")
    second = sync.read("records_calls", first.state)
    both = {row["call_id"] for row in [*first.rows, *second.rows]}
    whole = {
        row["call_id"] for row in sync.configured(timezone="UTC", start_date="2026-11-15").read("records_calls").rows
    }
    assert both >= whole
