"""AI recaps: asked for where a transcript says that there is one, an hour's worth a sync, the newest day first."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from fake_dialpad.server import in_process
from source_dialpad.conversations import recaps
from source_dialpad.manifest import composed_manifest
from source_dialpad.sync.backfill import SETTLED
from unit_tests.conversations.test_transcripts import LEG, lines_of, one_call, rfc3339, table, true
from unit_tests.core.fixtures import URL, dialpad
from unit_tests.core.reading import Read, Row, catalog_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests_mock

    from fake_dialpad.server import FakeDialpad

STREAM = "call_recaps"
SUMMARY = "whole_call_summary"


def expected(fake: FakeDialpad) -> dict[str, Row]:
    """Every row as it should be, from the account's own recaps."""
    rows = {}
    for recap in true(fake, STREAM):
        moments = {name: rfc3339(recap[name]) for name in ("date_started", "date_created", "date_modified")}
        summary = {f"summary_{name}": value for name, value in recap["summary"].items() if name != "content"}
        rows[recap["call_id"]] = {**recap, **moments, **summary, "summary": recap["summary"]["content"]}
    return rows


def asked(fetch: requests_mock.Mocker, since: int = 0) -> list[str]:
    """The calls whose recaps were asked for, from a request on."""
    return [each.path.split("/")[-2] for each in fetch.request_history[since:] if each.path.endswith("/ai_recap")]


def summarized(fake: FakeDialpad) -> dict[str, str]:
    """The calls whose transcripts have the moment, and the day they began."""
    return {
        row["call_id"]: rfc3339(row["date_started"])[:10]
        for row in true(fake, "call_transcripts")
        if SUMMARY in {line["content"] for line in row["lines"]}
    }


def sync(fetch: requests_mock.Mocker, state: Row | None = None, **more: Any) -> tuple[Read, list[str]]:
    """A sync, and the calls whose recaps it asked for."""
    before = len(fetch.request_history)
    out = read(dialpad(**more), STREAM, state={STREAM: state} if state else None)
    assert out.errors == []
    return out, asked(fetch, before)


def test_the_rows_are_the_account_s_field_by_field(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    out = read(dialpad(), STREAM)
    assert len(out.records) > 200
    assert table(out.records) == expected(fake)
    validator = Draft7Validator(composed_manifest()["schemas"][STREAM])
    assert [error.message for row in out.records for error in validator.iter_errors(row)] == []


def test_only_calls_whose_transcript_has_the_moment_are_asked_for_each_once(
    fake: FakeDialpad, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    out, calls = sync(fetch)
    assert Counter(calls) == Counter(summarized(fake).keys())
    absent = len(calls) - len(out.records)
    assert absent > 0
    assert lines_of(caplog, STREAM)[-1] == f"{STREAM}: no recap (404) for {absent} of {len(calls)} calls."


def test_a_summary_that_is_missing_is_null_and_what_is_not_listed_passes_through(fetch: requests_mock.Mocker) -> None:
    one_call(fetch, {"call_id": 7, "lines": [{"type": "moment", "content": SUMMARY}]})
    fetch.get(f"{URL}/api/v2/call/7/ai_recap", json={"call_id": 7, "mood": "good", "disposition": {}})
    (row,) = read(dialpad(), STREAM).records
    assert {name: value for name, value in row.items() if value is not None} == {
        "call_id": "7",
        "mood": "good",
        "date_started": rfc3339(str(LEG["date_started"])),
    }


# --- an hour's worth a sync ---------------------------------------------------------------------------------------


def test_a_sync_asks_for_its_share_the_newest_days_first_and_the_next_ones_for_the_rest(
    fake: FakeDialpad, fetch: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(recaps, "RECAPS_A_SYNC", 100)
    days, today = summarized(fake), datetime.now(UTC).date().isoformat()
    reads: list[list[Row]] = []
    oldest, state, told = today, None, []
    for _ in range(20):
        caplog.clear()
        out, calls = sync(fetch, state)
        reads.append(out.records)
        told.append(lines_of(caplog, STREAM))
        assert 0 < len(calls) <= 100
        new = sorted({days[call] for call in calls} - {today}, reverse=True)
        assert not state or new[-1] < oldest or "backfilled_to" not in state
        oldest, state = min(oldest, new[-1]), out.state
        if "backfilled_to" not in state:
            break
    assert table(*reads) == expected(fake)
    assert 3 < len(reads) < 10
    assert [line for line in told[-1] if "left" in line] == []
    first = next(line for line in told[0] if "left" in line)
    assert first.startswith(f"{STREAM}: ")
    assert 0.5 <= int(first.split(" about ")[-1].split()[0]) / (len(reads) - 1) <= 2
    _, calls = sync(fetch, state)
    before = date.fromisoformat(out.state["date_started"]) - timedelta(days=3)
    assert {days[call] for call in calls} == {day for day in days.values() if day > before.isoformat()}


def test_a_day_that_is_longer_than_the_share_is_read_whole_by_a_sync_of_its_own(
    fake: FakeDialpad, fetch: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recaps, "RECAPS_A_SYNC", 5)
    per_day = Counter(summarized(fake).values())
    longest = max(per_day.values())
    assert longest > 5
    out, _ = sync(fetch)
    reads = [out.records]
    while "backfilled_to" in out.state and len(reads) < len(per_day) + 5:
        out, calls = sync(fetch, out.state)
        reads.append(out.records)
        assert len(calls) <= longest + 1, "a day, and a fifth of the share for what may have changed"
    assert "backfilled_to" not in out.state
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    held = table(*reads)
    assert {key for key, row in expected(fake).items() if row["date_started"] < yesterday} <= held.keys()


def test_a_look_back_that_is_longer_than_the_share_keeps_no_new_day_waiting(
    fetch: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recaps, "RECAPS_A_SYNC", 5)
    settled = (datetime.now(UTC) - SETTLED).date() - timedelta(days=1)
    state: Row = {"date_started": (settled - timedelta(days=4)).isoformat(), "since": dialpad()["start_date"]}
    reached = []
    for _ in range(4):
        out, _ = sync(fetch, state)
        state = out.state
        reached.append(state["date_started"])
    assert reached == [(settled - timedelta(days=left)).isoformat() for left in (3, 2, 1, 0)]


def test_the_look_back_reads_what_was_edited_and_what_was_not_ready(
    fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    rows = expected(fake)
    again = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    early, late = [key for key in sorted(rows) if rows[key]["date_started"] > again][:2]
    fetch.get(f"{URL}/api/v2/transcripts/{early}", status_code=400, json={})
    fetch.get(f"{URL}/api/v2/call/{late}/ai_recap", json={"call_id": late, "summary": {"content": "Before."}})
    first, _ = sync(fetch)
    assert early not in table(first.records)
    assert table(first.records)[late]["summary"] == "Before."
    in_process(fake, fetch)
    second, calls = sync(fetch, first.state)
    assert table(first.records, second.records) == rows
    assert len(calls) < len(rows) / 2


def test_a_full_refresh_asks_for_everything(
    fake: FakeDialpad, fetch: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recaps, "RECAPS_A_SYNC", 20)
    out = read(dialpad(), catalog=catalog_of(STREAM, sync_mode="full_refresh"))
    assert table(out.records) == expected(fake)


# --- beside other streams, killed, refused ------------------------------------------------------------------------


def test_other_streams_are_read_while_recaps_are_waited_for(fetch: requests_mock.Mocker, fake: FakeDialpad) -> None:
    read_to_the_end = threading.Event()
    pages: Iterator[Row] = iter([{"items": [{"id": "1"}], "cursor": "next"}, {"items": [{"id": "2"}]}])

    def users(_: Any, __: Any) -> Any:
        page = next(pages)
        if "cursor" not in page:
            read_to_the_end.set()
        return page

    def waits(request: Any) -> None:
        if request.path.endswith("/ai_recap"):
            assert read_to_the_end.wait(20), "the other streams did not go on"

    fetch.get(f"{URL}/api/v2/users", json=users)
    fetch.add_matcher(waits)
    out = read(dialpad(num_workers=2), STREAM, "offices", "calls", "users")
    assert out.errors == []
    assert table(out.of[STREAM]) == expected(fake)


@pytest.mark.parametrize("recaps_before", [3, 120, 230])
def test_a_sync_that_breaks_off_has_lost_one_day_at_most(
    recaps_before: int, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    class BrokenError(Exception):
        pass

    def breaks(request: Any) -> None:
        if request.path.endswith("/ai_recap") and len(asked(fetch)) > recaps_before:
            raise BrokenError

    fetch.add_matcher(breaks)
    first = read(dialpad(lookback_days=0), STREAM)
    assert first.errors
    before = asked(fetch)
    in_process(fake, fetch)
    second, calls = sync(fetch, first.state if first.states else None, lookback_days=0)
    assert table(first.records, second.records) == expected(fake)
    days = summarized(fake)
    settled = (datetime.now(UTC) - SETTLED).date() - timedelta(days=1)  # the days after it are read by each sync
    again = {days[call] for call in set(before) & set(calls)}
    assert len({day for day in again if day <= settled.isoformat()}) <= 1


def test_a_key_without_the_scope_is_told_so_and_other_streams_go_on(
    fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    fake.missing_scopes = frozenset({"ai_recap"})
    out = read(dialpad(), STREAM, "offices")
    assert "(403). It needs a company key with the scope ai_recap;" in str(out.errors[0].message)
    assert out.errors[0].failure_type
    assert out.errors[0].failure_type.value == "config_error"
    assert out.statuses["offices"][-1] == "COMPLETE"
    assert len(asked(fetch)) == 1
