"""Days are counted back from today: midnight, caches, and clocks that do not agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from unit_tests.stats.one_stream import rows
from unit_tests.stats.test_truth import counted, expected, settled, told

if TYPE_CHECKING:
    from unit_tests.stats.one_stream import Clock, Sync

STREAM = "records_voicemails"
EVENING = datetime(2026, 11, 19, 23, 50, tzinfo=UTC)


def words(sync: Sync) -> list[dict[str, Any]]:
    names = ("days_ago_start", "days_ago_end", "is_today")
    return [{name: post["body"][name] for name in names if name in post["body"]} for post in sync.posts]


def test_the_hours_after_midnight_and_no_others_have_words_of_their_own(sync: Sync, clock: Clock) -> None:
    usual = [{"is_today": True}, {"days_ago_start": 1, "days_ago_end": 6}]
    other = [{"days_ago_start": 0, "days_ago_end": 0}, {"days_ago_start": 1, "days_ago_end": 6, "is_today": False}]
    for hour, minute, should in ((0, 1, other), (3, 50, other), (4, 10, usual), (12, 0, usual), (23, 50, usual)):
        clock.set(datetime(2026, 11, 20, hour, minute, tzinfo=UTC))
        asked = sync.again()
        asked.read(STREAM)
        assert words(asked) == should, hour


@pytest.mark.parametrize("stream", ["stats_calls_by_user", "stats_texts"])
def test_a_cache_that_does_not_say_so_gives_no_figures_of_other_days(
    sync: Sync, clock: Clock, monkeypatch: pytest.MonkeyPatch, stream: str
) -> None:
    clock.set(EVENING)
    handle = sync.fake.handle

    def silent(request: Any) -> Any:
        response = handle(request)
        if request.method == "POST" and request.path == "/api/v2/stats" and response.status == 200:
            response.body = orjson.dumps({**orjson.loads(response.content()), "already_started": None})
        return response

    monkeypatch.setattr(sync.fake, "handle", silent)
    settled(sync.fake)
    sync.configured(start_date="2026-11-17")
    sync.read(stream)
    clock.set(EVENING + timedelta(minutes=20))
    found = sync.read(stream)
    should = [
        row for row in expected(sync.fake, stream, "UTC", start="2026-11-17") if row["window_start"] < "2026-11-20"
    ]
    ours = told([row for row in found.rows if row["window_start"] < "2026-11-20"], stream, should)
    wrong = counted(ours) - counted(should)
    assert (wrong.total(), len(should)) == (0, len(ours))


def test_an_export_of_other_days_is_an_error() -> None:
    body = "call_id,date,timezone\r\n1,2026-10-31 10:00:00,UTC\r\n2,2026-10-31 11:00:00,UTC\r\n"
    with pytest.raises(AirbyteTracedException, match=r"all rows .* outside the days .*2026-10-31") as error:
        rows(body, STREAM)
    assert error.value.failure_type == FailureType.transient_error


def test_a_row_of_another_day_beside_others_is_none() -> None:
    for line in ("3,2026-11-01 10:00:00,UTC", "3,,UTC", "3,2026-10-31 23:00:00,America/Los_Angeles"):
        found = rows(f"call_id,date,timezone\r\n1,2026-10-31 10:00:00,UTC\r\n{line}\r\n", STREAM)
        assert len(found) == 2, line


def test_clocks_that_are_hours_apart_are_an_error_that_names_both_times(sync: Sync) -> None:
    sync.configured({"export_window_days": 1})
    for hours in (-30, -6, 6, 30):
        asked = sync.again()
        asked.fake.server_offset = hours * 3600.0
        found = asked.read(STREAM)
        assert [error.failure_type for error in found.errors] == [FailureType.transient_error], hours
        server = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(hours=hours)
        assert "this machine says 2026-11-20 12:00 UTC" in found.error
        assert f"Dialpad {server:%Y-%m-%d %H:%M} UTC" in found.error
        assert (found.rows, len(asked.posts), "date" in found.state) == ([], 1, False), hours


def test_a_clock_that_was_set_right_is_believed_again(sync: Sync) -> None:
    sync.fake.server_offset = 6 * 3600.0
    assert sync.read(STREAM).errors
    sync.fake.server_offset = 0.0
    assert not sync.read("records_calls").errors


@pytest.mark.parametrize("seconds", [1.0, 4.0, 30.0])
def test_the_pause_between_polls_counts_from_the_answer(
    sync: Sync, clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    sync.fake.export_seconds = 200.0
    answered: list[float] = []
    pauses: list[float] = []
    handle = sync.fake.handle

    def slow(request: Any) -> Any:
        response = handle(request)
        if request.method == "GET" and request.path.startswith("/api/v2/stats/"):
            pauses.extend(clock() - time for time in answered[-1:])
            clock.sleep(seconds)
            answered.append(clock())
        return response

    monkeypatch.setattr(sync.fake, "handle", slow)
    sync.configured(start_date="2026-11-20").read(STREAM)
    assert len(pauses) > 3
    assert min(pauses) >= 5
