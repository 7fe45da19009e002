"""What a file of an export may look like, and what is no export: every row is read right, or there is an error."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_dialpad.stats.files import BrokenFileError, ExportFile
from unit_tests.stats.one_stream import answer, rows
from unit_tests.stats.test_truth import assert_true, settled

if TYPE_CHECKING:
    from unit_tests.stats.one_stream import Sync

HEADER = "call_id,date,transcription_text,timezone\r\n"
LINE = "1,2026-11-01 10:00:00,hello,UTC\r\n"


def texts(body: str | bytes, **more: object) -> list[str | None]:
    return [row["transcription_text"] for row in rows(body, **more)]  # type: ignore[arg-type]


# -- read right ------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert [rows(mark + HEADER + LINE)[0]["call_id"] for mark in ("", "\ufeff")] == ["1", "1"]


def test_gzip_is_read_with_and_without_a_header_that_says_so() -> None:
    for headers in ({}, {"content-encoding": "gzip"}, {"content-type": "application/gzip"}):
        for mark in ("", "\ufeff"):
            assert texts(mark + HEADER + LINE, headers=headers, packed=True) == ["hello"], (headers, mark)


def test_plain_text_is_read_though_a_header_says_gzip() -> None:
    assert texts(HEADER + LINE, headers={"content-encoding": "gzip"}) == ["hello"]


def test_gzip_of_several_members_is_one_file() -> None:
    assert texts(gzip.compress(HEADER.encode()) + gzip.compress(LINE.encode()) * 2) == ["hello", "hello"]


def test_lines_end_in_any_way() -> None:
    for newline in ("\r\n", "\n", "\r"):
        assert texts((HEADER + LINE + LINE).replace("\r\n", newline)) == ["hello", "hello"], newline


def test_a_cell_may_hold_line_breaks_commas_and_quotes() -> None:
    assert texts(HEADER + '1,2026-11-01 10:00:00,"a ""b"", c\r\nd\ne\rf",UTC\r\n') == ['a "b", c\r\nd\ne\rf']


def test_a_cell_may_be_longer_than_python_reads_by_itself() -> None:
    assert texts(HEADER + f"1,2026-11-01 10:00:00,{'x' * 3_000_000},UTC\r\n") == ["x" * 3_000_000]


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from(["\r\n", "\n"]),
)
def test_any_text_comes_back(cells: list[str], packed: bool, newline: str) -> None:  # noqa: FBT001
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerow(["call_id", "date", "transcription_text", "timezone"])
    writer.writerows([str(number), "2026-11-01 10:00:00", cell, "UTC"] for number, cell in enumerate(cells))
    assert texts(text.getvalue(), packed=packed) == cells


def test_nothing_or_a_header_alone_is_no_row() -> None:
    bodies = ("", "\ufeff", "\r\n", HEADER, HEADER.strip(), "\r\n" + HEADER, gzip.compress(b"", mtime=0))
    assert [body for body in bodies if rows(body)] == []


def test_empty_lines_are_no_rows() -> None:
    assert texts("\r\n" + HEADER + "\r\n" + LINE + "\r\n") == ["hello"]


def test_unknown_columns_pass_as_text_and_stand_together_in_a_listed_one() -> None:
    first, second = rows(
        "call_id,date,mood,timezone,tint\r\n1,2026-11-01 10:00:00,7,UTC,\r\n2,2026-11-01,8,UTC,red\r\n"
    )
    assert (first["mood"], first["tint"], first["other_columns"]) == ("7", None, {"mood": "7"})
    assert second["other_columns"] == {"mood": "8", "tint": "red"}


def test_where_every_column_is_known_no_other_columns_come() -> None:
    assert rows(HEADER + LINE)[0].get("other_columns") is None


def test_a_missing_known_column_is_null_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    found = rows(HEADER + LINE + LINE)
    assert all(row["recording_url"] is None for row in found)
    assert caplog.text.count("the export lacks columns that are known") == 1
    assert "recording_url" in caplog.text


def test_a_missing_column_is_said_also_when_most_are_missing(caplog: pytest.LogCaptureFixture) -> None:
    rows("call_id,date\r\n1,2026-11-01 10:00:00\r\n", "records_calls".replace("calls", "voicemails"))
    assert "date_listened" in caplog.text


def test_columns_of_one_name_are_both_kept() -> None:
    row = rows("call_id,date,name,name,name,\r\n1,2026-11-01 10:00:00,a,b,c,d\r\n")[0]
    assert [row["name"], row["name__2"], row["name__3"], row["column_6"]] == ["a", "b", "c", "d"]


def test_a_column_with_a_name_of_ours_does_not_take_its_place() -> None:
    row = rows("call_id,date,scope,window_start\r\n1,2026-11-01 10:00:00,mine,yours\r\n", scope="company")[0]
    assert (row["scope"], row["window_start"]) == ("company", "2026-11-01")
    assert (row["scope__2"], row["window_start__2"]) == ("mine", "yours")


def test_bytes_that_are_not_utf_8_are_replaced_and_the_row_stays() -> None:
    body = (HEADER + LINE).encode().replace(b"hello", b"gr\xfc\xdfe")
    assert texts(body) == ["gr\ufffd\ufffde"]


def test_nul_bytes_stay_in_their_cell() -> None:
    assert texts(HEADER + LINE.replace("hello", "a\x00b")) == ["a\x00b"]


def test_a_last_line_without_a_line_break_is_a_row() -> None:
    assert texts(HEADER + LINE + LINE.strip()) == ["hello", "hello"]


# -- no export: an error, never fewer rows ---------------------------------------------------------------------------


def broken(body: bytes | str, **more: object) -> str:
    with pytest.raises(BrokenFileError) as found:
        rows(body, **more)  # type: ignore[arg-type]
    return str(found.value.message)


def test_something_else_with_status_200_is_an_error_that_shows_its_beginning() -> None:
    bodies = [
        "<!DOCTYPE html><html><body>Sign in, please, name</body></html>",
        "<html>\r\n<head>\r\n",
        '{"error": {"code": 404, "message": "not found"}}',
        '[{"call_id": 1}]',
        "Service Unavailable",
        "1,2026-11-01 10:00:00,hello,UTC\r\n",
        ",,,\r\n1,2026-11-01 10:00:00,hello,UTC\r\n",
        "\x00\x01\x02",
    ]
    assert [body for body in bodies if "is no CSV of Dialpad; it begins with" not in broken(body)] == []


def test_a_file_that_ends_inside_a_row_is_an_error() -> None:
    cuts = ("1,2026-11-01 10:0", "1", '1,"2026')
    assert [cut for cut in cuts if "breaks off or is no CSV" not in broken(HEADER + LINE + cut)] == []


def test_a_file_that_ends_inside_a_quoted_cell_is_an_error() -> None:
    assert "breaks off" in broken(HEADER + '1,2026-11-01 10:00:00,"a long\r\nstory')


def test_a_file_that_ends_inside_its_last_cell_is_an_error() -> None:
    for cut in ("U", "", "Asia/K"):
        assert "its last cell is not whole" in broken(HEADER + LINE + LINE.replace("UTC\r\n", cut)), cut


def test_a_file_that_ends_inside_its_last_boolean_is_an_error() -> None:
    head = "call_id,date_started,is_internal\r\n"
    body = head + "1,2026-11-01 10:00:00,true\r\n2,2026-11-01 10:00:00,fal"
    assert "its last cell is not whole" in broken(body, stream="records_calls")


def test_a_file_that_ends_inside_its_header_is_an_error() -> None:
    assert "its last cell is not whole" in broken("call_id,date,transcripti")


def test_a_body_shorter_than_promised_is_an_error() -> None:
    assert "broke off" in broken(HEADER + LINE, promised=1000)


def test_gzip_that_ends_too_early_is_an_error() -> None:
    packed = gzip.compress((HEADER + LINE * 1000).encode())
    for keep in (0.1, 0.5, 0.99):
        assert "gzip that ends too early" in broken(packed[: int(len(packed) * keep)]), keep


def test_gzip_that_is_damaged_is_an_error() -> None:
    packed = bytearray(gzip.compress((HEADER + LINE * 1000).encode()))
    packed[-6] ^= 0xFF
    assert "broken gzip" in broken(bytes(packed))


def test_another_compression_is_an_error_and_not_a_table() -> None:
    assert "is no CSV of Dialpad" in broken(zlib.compress((HEADER + LINE).encode()))


def test_a_row_of_another_width_is_an_error() -> None:
    for row in ("1,2026-11-01 10:00:00,hello\r\n", "1,2026-11-01 10:00:00,a,b,UTC\r\n"):
        assert ", and the header 4" in broken(HEADER + row + LINE), row


def test_a_file_without_its_key_or_its_time_is_an_error() -> None:
    for column in ("call_id", "date"):
        assert f"has no column {column}" in broken((HEADER + LINE).replace(column, "renamed"))


@given(st.integers(0, len(HEADER + LINE * 3) - 1))
def test_a_cut_file_never_gives_a_row_that_was_not_there(end: int) -> None:
    whole = [dict(row) for row in rows(HEADER + LINE * 3)]
    try:
        found = rows((HEADER + LINE * 3)[:end])
    except BrokenFileError:
        return
    assert found == whole[: len(found)]


def test_a_connection_is_closed_when_reading_stops() -> None:
    response = answer((HEADER + LINE * 100_000).encode())
    with ExportFile(response, "here") as file:
        next(file.lines())
    assert response.raw.closed


# -- through the protocol ---------------------------------------------------------------------------------------------


FAULTS = ("html", "cut", "reset", "truncated", "drop", "status:503", "other_shape")


def test_a_file_that_is_broken_once_is_fetched_again(sync: Sync) -> None:
    settled(sync.fake)
    for fault in FAULTS:
        asked = sync.again()
        asked.fault(fault, path_regex="^/_storage/")
        assert_true(asked, "records_voicemails", "UTC", start="2026-11-14")
        assert len(asked.posts) == 2, f"{fault}: an identical POST would be answered from the cache"


def test_a_file_that_stays_broken_is_an_error_that_names_stream_and_window(sync: Sync) -> None:
    for fault in FAULTS:
        asked = sync.again()
        asked.fault(fault, times=-1, path_regex="^/_storage/")
        found = asked.read("records_voicemails")
        windows = [str(error.message).partition(": ")[0] for error in found.errors]
        wanted = ["records_voicemails (2026-11-20)", "records_voicemails (2026-11-14 to 2026-11-19)"]
        assert (windows, "date" in found.state) == (wanted, False), fault


def test_no_line_of_the_log_shows_a_download_url(sync: Sync, caplog: pytest.LogCaptureFixture) -> None:
    sync.configured(start_date="2026-11-20")
    sync.fault("foreign_download:https://storage.example/x.csv?Signature=confidential", times=-1)
    sync.fault("status:500", times=-1, path_regex="^/x.csv")
    found = sync.read("records_voicemails")
    assert "https://storage.example" in found.error
    assert "confidential" not in caplog.text
    assert "confidential" not in found.error
