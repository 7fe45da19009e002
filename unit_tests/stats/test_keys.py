"""Keys stay the same at every sync: whatever the figures, whatever column Dialpad adds, whatever cell is empty."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from source_dialpad.sync.windows import DayWindow
from unit_tests.stats.one_stream import rows

DAY = DayWindow(date(2026, 11, 3), date(2026, 11, 3))


def keys(body: str, stream: str, key: str) -> list[str]:
    name = "record_key" if stream.startswith("records") else "row_key"
    return [row[name] for row in rows(body, stream, key=key, window=DAY)]


@pytest.mark.parametrize(
    ("header", "earlier", "later"),
    [
        ("minutes,sessions", ["10,2"], ["12.5,3"]),
        ("minutes,sessions", ["10,2", "10,2", "3,1"], ["12,3", "11,2", "4,2"]),
        ("team,minutes", ["Sales,10", "Support,"], ["Sales,12", "Support,1e-05"]),
        (
            "agent_id,minutes",
            ["5000000000000001,10", "5000000000000002,1"],
            ["5000000000000001,12", "5000000000000002,2"],
        ),
        ("minutes,answered,longest,best,busy", ["1,90 %,1h 2m,n/a,true"], ["2,92.5 %,1h 5m,-7,False"]),
    ],
)
def test_no_figure_enters_a_key(header: str, earlier: list[str], later: list[str]) -> None:
    once, again = (
        keys("\r\n".join([header, *lines]) + "\r\n", "stats_screenshare", "dimension") for lines in (earlier, later)
    )
    assert again == once
    assert len({*once}) == len(earlier)


def test_a_figure_is_known_by_the_cells_that_name_something() -> None:
    body = "team,agent_id,minutes\r\nSales,7,1\r\nSupport,7,1\r\nSales,7,2\r\n"
    assert keys(body, "stats_screenshare", "dimension") == ["7|Sales", "7|Support", "7|Sales#2"]


SURVEY = "call_id,response{}\r\n1,5{}\r\n1,4{}\r\n2,5{}\r\n"


def test_a_column_that_dialpad_adds_changes_no_key() -> None:
    before = keys(SURVEY.format("", "", "", ""), "records_csat", "content")
    after = keys(SURVEY.format(",channel", ",phone", ",phone", ",web"), "records_csat", "content")
    assert len({*before}) == 3
    assert after == before


def test_an_answer_of_today_is_the_same_row_when_history_knows_more_of_it() -> None:
    today = keys("call_id,response,question\r\n1,5,\r\n", "records_csat", "content")
    assert keys("response,call_id,question,agent\r\n5,1,How was it?,Ann\r\n", "records_csat", "content") == today


def test_answers_that_differ_in_unknown_columns_alone_stay_two() -> None:
    body = "call_id,response,question\r\n1,5,How was it?\r\n1,5,And the agent?\r\n"
    assert len({*keys(body, "records_csat", "content")}) == 2


def text_keys(*lines: str) -> list[tuple[Any, Any]]:
    body = "\r\n".join(["message_id,target_id,date,encrypted_aes_text", *lines]) + "\r\n"
    return [(row["message_id"], row["target_id"]) for row in rows(body, "records_texts")]


def test_texts_without_an_id_on_one_line_stay_two(caplog: pytest.LogCaptureFixture) -> None:
    found = text_keys(",7,2026-11-03 10:00:00,hello", ",7,2026-11-03 10:00:00,bye", ",7,2026-11-03 10:00:00,bye")
    assert len({*found}) == 3
    assert {target for _, target in found} == {"7"}
    assert "a row has no message_id" in caplog.text


def test_sides_of_a_text_that_name_no_line_stay_two(caplog: pytest.LogCaptureFixture) -> None:
    found = text_keys("9,,2026-11-03 10:00:00,hello", "9,,2026-11-03 10:00:00,hello", "8,,2026-11-03 10:00:00,hello")
    assert found == [("9", ""), ("9", "#2"), ("8", "")]
    assert "a row has no target_id" in caplog.text
