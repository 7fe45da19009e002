"""Cells become typed columns, and rows get their scope, window and key."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from source_dialpad.stats.rows import LocalZone
from source_dialpad.sync.duplicates import DuplicateCounter
from source_dialpad.sync.windows import DayWindow
from source_dialpad.transport.times import zone_of
from unit_tests.stats.one_stream import rows

CALLS = (
    "date_started,call_id,date_rang,target_type,was_recorded,talk_duration,ringing_occurrences,target_id,timezone\r\n"
)


def call(**cells: str) -> dict[str, Any]:
    given_ = {"date_started": "2026-11-01 10:00:00", "call_id": "1", "timezone": "UTC", **cells}
    line = ",".join(given_.get(name, "") for name in CALLS.strip().split(","))
    return rows(CALLS + line + "\r\n", "records_calls", given_["timezone"])[0]


# -- cells ------------------------------------------------------------------------------------------------------------


def test_an_identifier_is_text() -> None:
    row = call(call_id="5000000000000001", target_id="0042")
    assert (row["call_id"], row["target_id"]) == ("5000000000000001", "0042")


def test_a_boolean_is_a_json_boolean() -> None:
    cells = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "1": True, "": None}
    assert [cell for cell, value in cells.items() if call(was_recorded=cell)["was_recorded"] is not value] == []


def test_a_duration_keeps_its_minutes_and_a_count_is_whole() -> None:
    row = call(talk_duration="2.86", ringing_occurrences="2")
    assert (row["talk_duration"], row["ringing_occurrences"]) == (2.86, 2)


def test_an_empty_cell_is_null() -> None:
    names = ("talk_duration", "ringing_occurrences", "was_recorded", "target_id", "date_rang")
    assert [name for name in names if call(**{name: ""})[name] is not None] == []


def test_a_cell_that_cannot_be_read_is_null_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("talk_duration", "ringing_occurrences", "was_recorded", "date_rang"):
        assert call(**{name: "n/a"})[name] is None
        assert f"a cell of {name} cannot be read" in caplog.text


def test_a_call_center_is_spelled_in_one_way() -> None:
    cells = ("callcenter", "call_center", "CallCenter", "Call Center")
    assert {call(target_type=cell)["target_type"] for cell in cells} == {"call_center"}


def test_other_targets_keep_their_spelling() -> None:
    assert call(target_type="department")["target_type"] == "department"


def test_many_values_of_a_column_do_not_confuse_each_other() -> None:
    body = CALLS + "".join(f"2026-11-01 10:00:00,{n},,,,{n / 100:.2f},,,UTC\r\n" for n in range(10_000))
    found = rows(body, "records_calls")
    assert [row["talk_duration"] for row in found] == [n / 100 for n in range(10_000)]


# -- times ------------------------------------------------------------------------------------------------------------


def test_a_time_is_rfc_3339_with_the_offset_of_its_zone() -> None:
    window, wrong = DayWindow(date(2026, 3, 1), date(2026, 11, 30)), []
    times = [
        ("UTC", "2026-11-01 10:15:30.123456", "2026-11-01T10:15:30.123456+00:00"),
        ("UTC", "2026-11-01 10:15:30", "2026-11-01T10:15:30+00:00"),
        ("Asia/Kolkata", "2026-11-01 10:15:30", "2026-11-01T10:15:30+05:30"),
        ("America/Los_Angeles", "2026-11-01 00:30:00", "2026-11-01T00:30:00-07:00"),
        ("America/Los_Angeles", "2026-11-01 01:30:00", "2026-11-01T01:30:00-07:00"),  # the first of two
        ("America/Los_Angeles", "2026-11-01 02:30:00", "2026-11-01T02:30:00-08:00"),
        ("America/Los_Angeles", "2026-03-08 02:30:00", "2026-03-08T02:30:00-08:00"),  # there is no such time
        ("America/Los_Angeles", "2026-03-08 03:30:00", "2026-03-08T03:30:00-07:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-05T01:45:00+11:00"),  # half an hour is repeated
        ("UTC", "2026-11-01 10:15:30+02:00", "2026-11-01T10:15:30+02:00"),
        ("Asia/Kolkata", "2026-11-01T10:15:30Z", "2026-11-01T10:15:30+00:00"),
        ("UTC", "2026-11-01", "2026-11-01T00:00:00+00:00"),
        ("UTC", "2026-11-01 00:00:00.000000", "2026-11-01T00:00:00.000000+00:00"),  # warm or not: a key may hold it
        ("UTC", "2026-W45-7T10:15:30", "2026-11-08T10:15:30+00:00"),  # as long as a usual one
    ]
    for zone, cell, told in times:
        for warm in ("", f"2026-11-01 10:00:00,0,,,,,,,{zone}\r\n"):
            row = rows(f"{CALLS}{warm}{cell},1,{cell},,,,,,{zone}\r\n", "records_calls", zone, window=window)[-1]
            wrong += [cell] * ((row["date_started"], row["date_rang"]) != (told, told))
    assert wrong == []


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["UTC", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]),
    st.booleans(),
)
def test_a_local_time_is_the_instant_python_says(moment: datetime, zone: str, fraction: bool) -> None:  # noqa: FBT001
    moment = moment if fraction else moment.replace(microsecond=0)
    local = LocalZone(zone_of(zone))
    for cell in (moment.isoformat(" "), moment.replace(minute=0).isoformat(" "), moment.isoformat("T")):
        should = datetime.fromisoformat(cell).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        assert datetime.fromisoformat(local.read(cell)) == should


def test_a_row_is_read_in_the_zone_it_names() -> None:
    body = CALLS + "2026-11-01 10:00:00,1,,,,,,,Asia/Kolkata\r\n2026-11-01 10:00:00,2,,,,,,,\r\n"
    first, second = rows(body, "records_calls", "UTC")
    assert (first["date_started"][-6:], first["timezone"]) == ("+05:30", "Asia/Kolkata")
    assert (second["date_started"][-6:], second["timezone"]) == ("+00:00", "UTC")


def test_a_zone_that_does_not_exist_is_said_and_the_requested_one_read(caplog: pytest.LogCaptureFixture) -> None:
    row = rows(CALLS + "2026-11-01 10:00:00,1,,,,,,,Mars/Olympus\r\n", "records_calls", "Asia/Kolkata")[0]
    assert row["date_started"] == "2026-11-01T10:00:00+05:30"
    assert "Mars/Olympus" in caplog.text


# -- scope, window, cursor ---------------------------------------------------------------------------------------------


def test_a_row_with_a_day_of_its_own_stands_on_it() -> None:
    row = call(date_started="2026-11-03 23:59:59")
    assert (row["window_start"], row["window_end"], row["scope"]) == ("2026-11-03", "2026-11-03", "company")


def test_a_row_without_a_day_stands_for_the_window() -> None:
    row = rows("call_id,response\r\n1,5\r\n", "records_csat", key="content", scope="callcenter:7")[0]
    assert (row["window_start"], row["window_end"], row["scope"]) == ("2026-11-01", "2026-11-10", "callcenter:7")
    assert row["timezone"] == "UTC"


def test_a_column_date_that_is_no_date_does_not_become_a_window() -> None:
    row = rows("date_started,call_id\r\nlast week,1\r\n", "records_screenshare", key="content")[0]
    assert (row["window_start"], row["date_started"]) == ("2026-11-01", "last week")


def test_a_row_without_a_time_stands_at_the_begin_of_its_window(caplog: pytest.LogCaptureFixture) -> None:
    row = call(date_started="")
    assert row["date_started"] == "2026-11-01T00:00:00+00:00"
    assert (row["window_start"], row["window_end"]) == ("2026-11-01", "2026-11-10")
    assert "a row has no date_started" in caplog.text


def test_a_time_in_an_unknown_form_is_an_error_where_it_is_the_cursor() -> None:
    for cell in ("soon", "2026-13-01 10:00:00", "1793520000"):
        with pytest.raises(AirbyteTracedException, match=f"'{cell}' in date_started, an unparseable timestamp"):
            call(date_started=cell)


def test_rows_of_other_days_than_those_asked_for_are_kept_and_said(caplog: pytest.LogCaptureFixture) -> None:
    lines = "".join(f"2026-11-{day} 00:00:01,{day},,,,,,,UTC\r\n" for day in (10, 11))
    assert [row["call_id"] for row in rows(CALLS + lines, "records_calls")] == ["10", "11"]
    assert "a row lies on 2026-11-11, outside the days that were asked for, 2026-11-01 to 2026-11-10" in caplog.text


# -- keys -------------------------------------------------------------------------------------------------------------

RECORDINGS = "call_id,date,recording_url,duration,timezone\r\n"
SURVEYS = "call_id,question,response,date_answered,timezone\r\n"


def keys(body: str, stream: str, key: str, **more: Any) -> list[str]:
    name = "record_key" if stream.startswith("records") else "row_key"
    return [row[name] for row in rows(body, stream, key=key, **more)]


def test_recordings_of_one_call_are_told_apart_by_their_url() -> None:
    body = RECORDINGS + "1,2026-11-01 10:00:00,https://a,1,UTC\r\n1,2026-11-01 10:00:00,https://b,1,UTC\r\n"
    assert len(set(keys(body, "records_recordings", "recording"))) == 2


def test_recordings_without_a_url_are_told_apart_by_their_time_and_two_of_one_second_stay_two() -> None:
    line = "1,2026-11-01 10:00:0{},,{},UTC\r\n"
    body = RECORDINGS + line.format(0, 1) + line.format(1, 1) + line.format(1, 2)
    assert len(set(keys(body, "records_recordings", "recording"))) == 3


def test_a_recording_without_a_url_has_the_same_key_in_another_zone() -> None:
    here = keys(RECORDINGS + "1,2026-11-01 10:00:00,,1,UTC\r\n", "records_recordings", "recording")
    there = RECORDINGS + "1,2026-11-01 15:30:00,,1,Asia/Kolkata\r\n"
    assert keys(there, "records_recordings", "recording", timezone="Asia/Kolkata") == here


DISPOSITIONS = "date_started,call_id,operator_id,disposition,timezone\r\n"


def test_an_edited_disposition_keeps_its_key() -> None:
    body = DISPOSITIONS + "2026-11-01 10:00:00,1,9,,UTC\r\n2026-11-01 10:00:00,1,9,Billing,UTC\r\n"
    assert len(set(keys(body, "records_dispositions", "disposition"))) == 1


def test_dispositions_of_different_calls_and_operators_have_different_keys() -> None:
    body = DISPOSITIONS + "".join(
        f"2026-11-01 10:00:00,{each},x,UTC\r\n" for each in (",9", ",8", "1,9", "1,", ",", "1,2", "12,")
    )
    assert len(set(keys(body, "records_dispositions", "disposition"))) == 7


def test_dispositions_without_a_call_are_told_apart_by_time_the_same_in_every_zone() -> None:
    here = DISPOSITIONS + "2026-11-01 10:00:00,,9,x,UTC\r\n2026-11-01 11:00:00,,9,x,UTC\r\n"
    there = DISPOSITIONS + "2026-11-01 15:30:00,,9,x,Asia/Kolkata\r\n2026-11-01 16:30:00,,9,x,Asia/Kolkata\r\n"
    found = keys(here, "records_dispositions", "disposition")
    assert len(set(found)) == 2
    assert keys(there, "records_dispositions", "disposition", timezone="Asia/Kolkata") == found


def test_twins_of_one_export_stay_two_and_have_the_same_keys_at_every_sync() -> None:
    body = SURVEYS + "1,q,5,2026-11-01 10:00:00,UTC\r\n" * 3 + "1,q,4,2026-11-01 10:00:00,UTC\r\n"
    found = keys(body, "records_csat", "content")
    assert len(set(found)) == 4
    assert keys(body, "records_csat", "content") == found


def test_a_survey_answer_has_the_same_key_in_another_zone_though_its_time_is_an_unknown_column() -> None:
    here = keys(SURVEYS + "1,q,5,2026-11-01 10:00:00,UTC\r\n", "records_csat", "content")
    there = SURVEYS + "1,q,5,2026-11-01 15:30:00,Asia/Kolkata\r\n"
    assert keys(there, "records_csat", "content", timezone="Asia/Kolkata") == here


def test_a_survey_answer_seen_through_two_targets_is_one_row() -> None:
    body = SURVEYS + "1,q,5,2026-11-01 10:00:00,UTC\r\n"
    assert keys(body, "records_csat", "content", scope="user:1") == keys(
        body, "records_csat", "content", scope="callcenter:2"
    )


def test_the_order_of_the_columns_and_an_empty_new_one_do_not_change_a_key() -> None:
    one = keys("call_id,response\r\n1,5\r\n", "records_csat", "content")
    assert keys("response,mood,call_id\r\n5,,1\r\n", "records_csat", "content") == one


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)


@given(st.lists(st.tuples(any_text, any_text), min_size=2, max_size=2, unique=True))
def test_different_rows_have_different_keys(pairs: list[tuple[str, str]]) -> None:
    cells = ['"' + '","'.join(cell.replace('"', '""') for cell in pair) + '"' for pair in pairs]
    body = "call_id,response,extra\r\n" + "".join(f"{each},x\r\n" for each in cells)
    assert len(set(keys(body, "records_csat", "content"))) == 2


def test_rows_whose_key_the_api_left_empty_do_not_fall_together() -> None:
    streams = {
        "records_calls": "call_id,date_started",
        "records_voicemails": "call_id,date",
        "records_onduty": "record_id,date",
        "records_texts": "message_id,target_id,date",
    }
    for stream, columns in streams.items():
        empty, names = "," * columns.count(","), columns.split(",")[:-1]
        body = f"{columns},name\r\n" + "".join(f"{empty}2026-11-01 10:00:00,{who}\r\n" for who in "abb")
        found = [tuple(row[name] for name in names) for row in rows(body, stream)]
        assert len({*found}) == 3, stream
        assert all(isinstance(part, str) for key in found for part in key), stream


def test_a_text_without_a_target_keeps_its_message_id() -> None:
    row = rows("message_id,target_id,date\r\n7,,2026-11-01 10:00:00\r\n", "records_texts")[0]
    assert (row["message_id"], row["target_id"]) == ("7", "")


WINDOW = DayWindow(date(2026, 11, 1), date(2026, 11, 30))


def test_a_figure_is_known_by_what_it_is_about() -> None:
    figures = [
        ("date,all_calls", "2026-11-03,7", "2026-11-03"),
        ("user_id,name,type,all_calls", "5,Ann,user,7", "5||||user"),
        ("target_id,type,texts_sent", "6,callcenter,7", "6|||call_center"),
        ("name,type,all_calls", "Sales,call_center,7", "call_center|Sales"),
        ("email,minutes", "ann@example.com,7", "ann@example.com"),
    ]
    for header, cells, key in figures:
        assert keys(f"{header}\r\n{cells}\r\n", "stats_texts", "dimension", window=WINDOW) == [key]


def test_two_figures_about_the_same_in_one_export_stay_two(caplog: pytest.LogCaptureFixture) -> None:
    body = "user_id,name,queue,minutes\r\n5,Ann,a,1\r\n5,Ann,b,2\r\n6,Bob,a,1\r\n"
    assert keys(body, "stats_onduty", "dimension", window=WINDOW) == ["5", "5#2", "6"]
    assert "several rows of one export are about the same (5)" in caplog.text


def test_the_figures_of_two_days_may_be_about_the_same() -> None:
    body = "date,user_id,minutes\r\n2026-11-03,5,1\r\n2026-11-04,5,2\r\n"
    assert keys(body, "stats_onduty", "dimension", window=WINDOW) == ["5", "5"]


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=30))
def test_twins_are_counted(digests: list[bytes]) -> None:
    digests *= 2
    seen: Counter[bytes] = Counter()
    with DuplicateCounter() as duplicates:
        for digest in digests:
            assert duplicates.ordinal(digest) == seen[digest]
            seen[digest] += 1


def test_the_file_of_the_counted_is_gone_when_reading_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*args: Any, **more: Any) -> sqlite3.Connection:
        opened.append(connect(*args, **more))
        return opened[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    body = "call_id,response\r\n" + "".join(f"{number},5\r\n" for number in range(9))
    assert len(rows(body, "records_csat", key="content")) == 9
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_every_row_is_json() -> None:
    assert json.loads(json.dumps(call()))["call_id"] == "1"
