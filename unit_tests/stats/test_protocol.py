"""POST, wait, poll, download: what happens when all goes well, and what when it does not."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_dialpad.wire import Refused, route
from source_dialpad.stats import jobs, quota
from source_dialpad.stats import retriever as exports
from source_dialpad.stats.jobs import days_ago
from source_dialpad.stats.quota import POSTS_AN_HOUR, ExportQuota, export_quota
from source_dialpad.sync.windows import DayWindow
from unit_tests.stats.test_truth import assert_true, settled

if TYPE_CHECKING:
    from unit_tests.stats.one_stream import Clock, Sync

STREAM = "records_voicemails"


@pytest.fixture
def today_only(sync: Sync) -> Sync:
    """One window, one export: today's."""
    settled(sync.fake)
    return sync.configured(start_date="2026-11-20")


def gaps(requests: list[dict[str, Any]], since: float) -> list[int]:
    times = [since, *(each["time"] for each in requests)]
    return [round(later - earlier) for earlier, later in pairwise(times)]


# -- when all goes well --------------------------------------------------------------------------------------------


def test_the_first_poll_comes_after_15_seconds_and_the_others_every_5_and_later_10(today_only: Sync) -> None:
    today_only.fake.export_seconds = 100.0
    today_only.read(STREAM)
    assert gaps(today_only.polls, today_only.posts[0]["time"]) == [15, *[5] * 9, *[10] * 4]


def test_exports_are_prepared_at_the_same_time(sync: Sync, clock: Clock) -> None:
    began = clock()
    sync.configured({"export_window_days": 1}).read(STREAM)
    assert len(sync.posts) == 7
    assert clock() - began < 30


def test_closed_days_and_today_are_separate_exports(sync: Sync) -> None:
    sync.read(STREAM)
    days = [
        {name: post["body"].get(name) for name in ("days_ago_start", "days_ago_end", "is_today")} for post in sync.posts
    ]
    assert days == [
        {"days_ago_start": None, "days_ago_end": None, "is_today": True},
        {"days_ago_start": 1, "days_ago_end": 6, "is_today": None},
    ]


def test_no_request_body_is_sent_twice(sync: Sync) -> None:
    sync.configured({"export_window_days": 2}).read("records_csat")
    bodies = Counter(repr(sorted(post["body"].items())) for post in sync.posts)
    assert set(bodies.values()) == {1}


def test_the_key_never_goes_to_the_download_host(today_only: Sync) -> None:
    signed = "https://storage.example/export.csv?Signature=ab%2Fcd%3D%3D&Expires=1+2&x=%7B%7B1%7D%7D"
    today_only.fault("foreign_download:" + signed)
    today_only.fault("body", path_regex=r"^/export.csv", body="call_id,date,timezone\r\n")
    assert not today_only.read(STREAM).errors
    download = next(each for each in today_only.fake.log if each["path"] == "/export.csv")
    assert download["host"] == "storage.example"
    assert not download["authorization"]
    assert download["query"] == "Signature=ab%2Fcd%3D%3D&Expires=1+2&x=%7B%7B1%7D%7D", "a signed URL is sent as it is"
    assert all(each["authorization"] for each in today_only.posts + today_only.polls)


def test_a_redirect_of_the_download_is_followed_without_the_key(today_only: Sync) -> None:
    today_only.fault("redirect:https://elsewhere.example/file.csv", path_regex="^/_storage/")
    today_only.fault("body", path_regex=r"^/file.csv", body="call_id,date,timezone\r\n")
    assert not today_only.read(STREAM).errors
    assert [each["authorization"] for each in today_only.fake.log if each["host"] == "elsewhere.example"] == [False]


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_failed_export_is_started_again_after_a_minute(today_only: Sync) -> None:
    today_only.fault("export_failed")
    assert_true(today_only, STREAM, "UTC", start="2026-11-20")
    assert len(today_only.posts) == 2
    assert gaps(today_only.posts[1:], today_only.polls[0]["time"])[0] >= 60


def test_an_export_that_keeps_failing_is_an_error_with_stream_and_window(today_only: Sync) -> None:
    today_only.fault("export_failed", times=-1)
    found = today_only.read(STREAM)
    assert "records_voicemails (2026-11-20)" in found.error
    assert "status failed" in found.error
    assert found.rows == []
    assert len(today_only.posts) == 3


def test_a_failed_window_holds_the_state_and_costs_the_others_nothing(
    sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(sync.fake)
    sync.configured({"export_window_days": 2})
    start = sync.fake.stats.start

    def refusing(request: Any) -> Any:
        if request.json().get("days_ago_start") == 3:
            raise Refused(500, "out of order")
        return start(request)

    with monkeypatch.context() as patch:
        patch.setattr(sync.fake, "api_v2", [route("POST", "/api/v2/stats", refusing), *sync.fake.api_v2])
        found = sync.read(STREAM)
    assert "records_voicemails (2026-11-16 to 2026-11-17)" in found.error
    assert (found.state["date"], found.state["backfilled_to"]) == ("2026-11-19", "2026-11-18")
    assert {row["window_start"] for row in found.rows} >= {"2026-11-14", "2026-11-18", "2026-11-20"}
    following = sync.configured(lookback_days=0).read(STREAM, found.state)
    assert "backfilled_to" not in following.state
    assert {row["window_start"] for row in following.rows} >= {"2026-11-16", "2026-11-17"}


def test_a_forgotten_request_id_is_posted_again(today_only: Sync) -> None:
    for fault in ("export_forgotten", "status:410"):
        asked = today_only.again()
        asked.fault(fault, method="GET", path_regex="^/api/v2/stats/")
        assert (asked.read(STREAM).errors, len(asked.posts)) == ([], 2), fault


def test_an_id_that_is_forgotten_again_and_again_is_an_error(today_only: Sync) -> None:
    today_only.fault("export_forgotten", times=-1)
    assert "has forgotten the export (404)" in today_only.read(STREAM).error
    assert len(today_only.posts) == 3


def test_an_expired_download_leads_to_a_new_export(today_only: Sync) -> None:
    for code in (403, 404, 410):
        asked = today_only.again()
        asked.fault(f"download_expired:{code}")
        assert_true(asked, STREAM, "UTC", start="2026-11-20")
        assert len(asked.posts) == 2, code


def test_a_download_that_is_always_gone_ends_even_when_every_poll_gives_a_fresh_url(today_only: Sync) -> None:
    for number in range(40):
        today_only.fault(f"foreign_download:https://storage.example/{number}.csv")
    today_only.fault("status:403", times=-1, path_regex=r"^/\d+\.csv")
    assert "the file of the export is gone" in today_only.read(STREAM).error
    assert len(today_only.posts) == 3
    assert sum(each["host"] == "storage.example" for each in today_only.fake.log) == 6


def test_a_url_that_expired_while_the_file_waited_to_be_read_is_asked_for_again(sync: Sync, clock: Clock) -> None:
    settled(sync.fake)
    stop = False

    def wait_two_hours(*_: Any) -> None:
        nonlocal stop
        if not stop:
            stop = True
            clock.sleep(2 * 3600)

    original = exports.ExportRetriever._rows

    def slow(retriever: Any, export: Any, columns: Any) -> Any:
        wait_two_hours()
        return original(retriever, export, columns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exports.ExportRetriever, "_rows", slow)
        sync.configured({"export_window_days": 2})
        found = sync.read(STREAM)
    assert not found.errors


def test_an_answer_nobody_knows_is_an_error_that_shows_it(today_only: Sync) -> None:
    answers = {
        "unknown_status": "unknown status 'on_hold'",
        "no_download_url": "no download URL",
        "other_shape": "status None",
    }
    for fault, words in answers.items():
        asked = today_only.again()
        asked.fault(fault, times=-1, method="GET", path_regex="^/api/v2/stats/")
        found = asked.read(STREAM)
        assert (words in found.error, found.rows) == (True, []), fault
        assert len(asked.polls) == jobs.POLL_ERRORS, fault


def test_a_post_without_a_request_id_is_tried_three_times_a_minute_apart(today_only: Sync) -> None:
    today_only.fault("no_request_id", times=-1)
    assert "without a request id" in today_only.read(STREAM).error
    assert gaps(today_only.posts[1:], today_only.posts[0]["time"]) == [60, 60]


def test_one_post_without_a_request_id_costs_nothing_but_time(today_only: Sync) -> None:
    today_only.fault("no_request_id")
    assert_true(today_only, STREAM, "UTC", start="2026-11-20")


def test_polls_that_go_wrong_are_ten_seconds_apart_and_then_an_error(today_only: Sync) -> None:
    for fault in ("status:500", "drop", "html", "broken_json", "empty", "hang:1000"):
        asked = today_only.again()
        asked.fault(fault, times=-1, method="GET", path_regex="^/api/v2/stats/")
        assert asked.read(STREAM).errors, fault
        assert gaps(asked.polls[1:], asked.polls[0]["time"]) == [10] * (jobs.POLL_ERRORS - 1), fault


def test_a_poll_that_goes_wrong_once_costs_nothing(today_only: Sync) -> None:
    for fault in ("status:503", "drop", "html", "broken_json"):
        asked = today_only.again()
        asked.fault(fault, times=3, method="GET", path_regex="^/api/v2/stats/")
        assert_true(asked, STREAM, "UTC", start="2026-11-20")
        assert len(asked.posts) == 1, fault


def test_posts_that_go_wrong_are_sent_ever_later_and_each_is_counted(today_only: Sync) -> None:
    for fault in ("status:500", "drop", "html", "broken_json", "hang:1000"):
        asked = today_only.again()
        asked.fault(fault, times=-1, method="POST", path_regex="^/api/v2/stats$")
        assert asked.read(STREAM).errors, fault
        assert gaps(asked.posts[1:], asked.posts[0]["time"]) == [5, 10, 20, 40], fault
        assert export_quota("https://dialpad.com", "dialpad-key-0123456789").used == 5, fault


def test_an_export_that_hangs_is_given_up_after_an_hour_of_polls(today_only: Sync, clock: Clock) -> None:
    began = clock()
    today_only.fault("stuck", times=-1)
    found = today_only.read(STREAM)
    assert "still being prepared after 60 minutes" in found.error
    assert "records_voicemails (2026-11-20)" in found.error
    assert 3600 < clock() - began < 3700
    assert len(today_only.posts) == 1, "an identical POST would only be told of the hanging one"


def test_what_the_user_has_to_mend_is_not_tried_for_every_window(sync: Sync) -> None:
    sync.configured({"export_window_days": 1}, start_date="2026-10-01")
    for status, words in ((401, "refused dialpad.api_key"), (403, "refuses exports"), (400, "Check timezone")):
        asked = sync.again()
        asked.fault(f"status:{status}", times=-1, method="POST", path_regex="^/api/v2/stats$")
        found = asked.read(STREAM)
        assert words in found.error
        assert (len(asked.posts), found.state.get("date")) == (1, None), status


def test_one_target_that_is_refused_does_not_stop_the_others(sync: Sync) -> None:
    settled(sync.fake)
    sync.fault("status:404", method="POST", path_regex="^/api/v2/stats$")
    found = sync.configured({"export_window_days": 2}).read("records_csat")
    assert len(found.errors) == 1
    assert len(found.state["states"]) == len(sync.fake.world.call_centers) - 1


# -- too many ---------------------------------------------------------------------------------------------------------


def test_a_429_with_retry_after_is_obeyed(today_only: Sync) -> None:
    today_only.fault("retry_after:700", method="POST", path_regex="^/api/v2/stats$")
    assert not today_only.read(STREAM).errors
    assert gaps(today_only.posts[1:], today_only.posts[0]["time"])[0] in (700, 701)


def test_a_429_never_loops_hot_whatever_retry_after_says(today_only: Sync) -> None:
    for told in ("0", "-5", "nan", "0.0001"):
        asked, headers = today_only.again(), {"retry-after": told}
        asked.fault("status:429", times=3, method="POST", path_regex="^/api/v2/stats$", headers=headers)
        assert not asked.read(STREAM).errors, told
        assert min(gaps(asked.posts[1:], asked.posts[0]["time"])) >= 10, told


def test_a_429_without_retry_after_waits_longer_each_time_and_gives_up_after_75_minutes(
    today_only: Sync, clock: Clock
) -> None:
    began = clock()
    today_only.fault("status:429", times=-1, method="POST", path_regex="^/api/v2/stats$")
    assert "refuses to start the export (429)" in today_only.read(STREAM).error
    waits = gaps(today_only.posts[1:], today_only.posts[0]["time"])
    assert waits == sorted(waits)
    assert 3600 < clock() - began < 75 * 60


def test_a_429_stops_all_exports_and_not_each_by_itself(sync: Sync) -> None:
    sync.fake.variants.choose({"rates": "off"})
    sync.configured({"export_window_days": 1}, start_date="2026-10-01")
    sync.fault("retry_after:300", method="POST", path_regex="^/api/v2/stats$")
    assert not sync.read(STREAM).errors
    assert sum(post["status"] == 429 for post in sync.posts) == 1


def test_a_429_of_a_poll_waits_and_goes_on(today_only: Sync) -> None:
    today_only.fault("retry_after:40", method="GET", path_regex="^/api/v2/stats/")
    assert_true(today_only, STREAM, "UTC", start="2026-11-20")
    assert gaps(today_only.polls[1:], today_only.polls[0]["time"])[0] in (40, 41)


@given(starts=st.lists(st.floats(0, 5000), min_size=300, max_size=300))
def test_no_hour_has_more_posts_than_the_budget(starts: list[float]) -> None:
    now = 0.0
    sent: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quota, "time", SimpleNamespace(monotonic=lambda: now))
        budget = ExportQuota(20)
        for now in sorted(starts):
            sent += [now] if budget.take() <= 0 else []
    assert all(later - earlier >= 3600 for earlier, later in zip(sent, sent[20:], strict=False))


def test_threads_share_one_budget() -> None:
    budget = ExportQuota(POSTS_AN_HOUR)
    taken: list[float] = []
    threads = [threading.Thread(target=lambda: taken.extend(budget.take() for _ in range(50))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(wait <= 0 for wait in taken) == budget.used == POSTS_AN_HOUR
    assert min(wait for wait in taken if wait > 0) > 3000


@pytest.mark.slow
def test_two_streams_of_one_key_share_the_hour(sync: Sync, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    sync.fake.variants.choose({"rates": "off"})
    settled(sync.fake)
    sync.configured({"export_window_days": 1}, start_date="2026-08-01")
    sync.read("records_voicemails")
    sync.read("records_recordings")
    times = [post["time"] for post in sync.posts]
    assert len(times) == 224
    assert all(later - earlier >= 3600 for earlier, later in zip(times, times[200:], strict=False))
    assert sum(time < times[0] + 3600 for time in times) <= 195
    assert "waiting for the quota (195 POSTs an hour, none after a 429); the next at" in caplog.text


def test_the_posts_used_are_told_at_the_end(today_only: Sync, caplog: pytest.LogCaptureFixture) -> None:
    today_only.read(STREAM)
    assert "this sync has used 1 export POST and 2 polls" in caplog.text


# -- days at the moment of the POST ------------------------------------------------------------------------------------


@given(
    today=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    first=st.integers(0, 400),
    length=st.integers(0, 400),
)
def test_days_ago_mean_the_days_of_the_window(today: date, first: int, length: int) -> None:
    oldest, newest = first + length, first
    window = DayWindow(date.fromordinal(today.toordinal() - oldest), date.fromordinal(today.toordinal() - newest))
    if newest == 0 and oldest > 0:
        with pytest.raises(ValueError, match="one export"):
            days_ago(window, today)
    elif newest == 0:
        assert days_ago(window, today) == {"is_today": True}
    else:
        assert days_ago(window, today) == {"days_ago_start": newest, "days_ago_end": oldest}


def test_a_window_still_means_its_days_when_midnight_passes_before_the_post(sync: Sync, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 19, 23, 59, 57, tzinfo=UTC))
    sync.read(STREAM)
    assert all(datetime.fromtimestamp(post["time"], UTC).date() == date(2026, 11, 20) for post in sync.posts)
    assert [post["body"]["days_ago_start"] for post in sync.posts] == [1, 2], "the 19th was planned as today"


def test_midnight_is_that_of_the_configured_zone(sync: Sync, clock: Clock) -> None:
    for zone in ("America/Los_Angeles", "Asia/Kolkata"):
        before = datetime(2026, 11, 20, 0, 0, tzinfo=ZoneInfo(zone)).timestamp() - 2
        clock.set(datetime.fromtimestamp(before, UTC))
        asked = sync.configured(timezone=zone).again()
        asked.read(STREAM)
        assert [post["body"]["days_ago_start"] for post in asked.posts] == [1, 2], zone


def test_a_server_an_hour_ahead_is_asked_by_its_own_day(sync: Sync, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 19, 23, 30, tzinfo=UTC))
    sync.fake.server_offset = 3600.0
    settled(sync.fake)
    assert_true(sync, STREAM, "UTC", start="2026-11-14")
    sent = [post["body"].get("days_ago_start", "today") for post in sync.posts]
    assert sent == ["today", 2, 1], "the first answer told the server's day: our today is its yesterday"


def test_a_server_an_hour_behind_is_waited_for(sync: Sync, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 20, 0, 30, tzinfo=UTC))
    sync.fake.server_offset = -3600.0
    found = sync.read(STREAM)
    should = {row["call_id"] for row in found.rows}
    assert found.state["date"] == "2026-11-18", "the 19th has just ended"
    assert not any(post["body"].get("is_today") and post["body"].get("days_ago_end") for post in sync.posts), (
        "never both"
    )
    server_days = [datetime.fromtimestamp(post["time"] - 3600, UTC).date() for post in sync.posts]
    assert server_days[-2:] == [date(2026, 11, 20)] * 2
    settled(sync.fake)
    again = sync.configured(start_date="2026-11-14").read(STREAM)
    closed = {row["call_id"] for row in again.rows if row["window_start"] < "2026-11-20"}
    assert closed <= should


def test_a_server_some_seconds_behind_is_not_asked_for_the_wrong_days_at_midnight(sync: Sync, clock: Clock) -> None:
    for behind in (4, 20, 40):
        clock.set(datetime(2026, 11, 20, 0, 0, 1, tzinfo=UTC))
        asked = sync.again()
        asked.fake.server_offset = -float(behind)
        asked.read(STREAM)
        downloaded = asked.posts[-2:]
        days = {datetime.fromtimestamp(post["time"] - behind, UTC).date() for post in downloaded}
        assert days == {date(2026, 11, 20)}, behind
        assert {post["body"]["days_ago_end"] for post in downloaded} == {6, 0}, behind


def test_a_server_whose_clock_jumps_between_two_days_does_not_use_up_the_budget(
    sync: Sync, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set(datetime(2026, 11, 19, 23, 30, tzinfo=UTC))
    handle = sync.fake.handle

    def jumping(request: Any) -> Any:
        sync.fake.server_offset = 3600.0 - sync.fake.server_offset
        return handle(request)

    monkeypatch.setattr(sync.fake, "handle", jumping)
    sync.configured(start_date="2026-11-19").read(STREAM)
    assert len(sync.posts) <= 6
