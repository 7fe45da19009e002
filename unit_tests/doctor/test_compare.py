"""What a doctor.json contradicts is said with the file, the row of the page and the change to make."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from doctor import compare, engagement
from doctor.__main__ import main
from doctor.finding import Certainty, Finding
from doctor.report import Outcome

if TYPE_CHECKING:
    from pathlib import Path

REPORT: dict[str, Any] = {"section": "dialpad", "outcome": "reachable", "rows": 3, "unknown": [], "not_seen": []}


def compared(folder: Path, *findings: Finding, **streams: dict[str, Any]) -> tuple[int, list[str]]:
    path, output = folder / "doctor.json", io.StringIO()
    path.write_text(Outcome([], list(findings), streams).as_json())
    return compare.main(path, output), output.getvalue().splitlines()


def found(question: str, answer: str, certainty: Certainty = Certainty.SEEN) -> Finding:
    return Finding("engagement", question, answer, certainty, engagement.DOUBTS[question].connector)


def member(**kinds: int) -> dict[str, Any]:
    return {"kinds": {kind.replace("_", " "): count for kind, count in kinds.items()}, "empty_percent": 0}


def test_nothing_found_contradicts_nothing(tmp_path: Path) -> None:
    status, lines = compared(tmp_path)
    assert (status, {line.rpartition(": ")[2] for line in lines}) == (0, {"none"})


def test_a_column_that_the_schema_lacks_is_to_be_added(tmp_path: Path) -> None:
    report = {**REPORT, "unknown": ["survey_id"], "members": {"survey_id": member(text=3)}}
    status, lines = compared(tmp_path, records_csat=report)
    assert (status, lines[1]) == (1, "  schemas/records_csat.json: add survey_id; they came, in 3 rows.")


def test_a_column_that_a_header_lacks_contradicts_and_a_member_that_no_row_has_may_come_yet(tmp_path: Path) -> None:
    of_file = {**REPORT, "rows_of_today": 3, "not_seen": ["target_id"], "members": {"call_id": member(digits=3)}}
    of_list = {**REPORT, "not_seen": ["image_url"], "members": {"id": member(digits=3)}}
    assert compared(tmp_path, rooms=of_list)[0] == 0
    status, lines = compared(tmp_path, records_calls=of_file, rooms=of_list)
    contradicted = "  schemas/records_calls.json: the header lacks target_id. Remove them, or say when they come."
    assert (status, lines[1], lines[3]) == (1, contradicted, "  schemas/rooms.json: image_url, in 3 rows.")


def test_a_type_that_does_not_take_what_came_is_named_with_it(tmp_path: Path) -> None:
    came = {"ts": member(text=2, digits=1), "created_at": member(an_object=1), "text": member(a_list=1, text=2)}
    status, lines = compared(tmp_path, messages={**REPORT, "members": came})
    assert status == 1
    assert lines[1:4] == [
        "  schemas/messages.json: ts is typed integer and came as text (2 of 3). Change its type.",
        "  schemas/messages.json: created_at is typed date-time and came as an object (1 of 3). Change its type.",
        "  schemas/messages.json: text is typed string and came as a list (1 of 3). Change its type.",
    ]


def test_an_answer_that_the_connector_does_not_allow_for_contradicts_the_row_of_the_page(tmp_path: Path) -> None:
    status, lines = compared(tmp_path, found(engagement.EMPTY, "not always: eight days came back empty"))
    place = 'docs/engagement.md, row "whether `[]` means that there was nothing"'
    assert status == 1
    assert any(line.startswith(f'  {place}: "not always: eight') and line.endswith("change both.") for line in lines)


def test_any_other_answer_settles_the_row_and_an_open_one_says_nothing(tmp_path: Path) -> None:
    open_one = found(engagement.ORDER, "open", Certainty.UNDECIDED)
    status, lines = compared(tmp_path, found(engagement.UNIT, "seconds"), open_one)
    assert (status, lines[-1]) == (0, '  docs/engagement.md, row "the unit of start and end": "seconds" (seen).')


def test_each_contradiction_is_of_a_question_that_is_asked() -> None:
    from unit_tests.doctor.test_questions import DOUBTS  # noqa: PLC0415

    assert compare.BREAKS.keys() <= {question for doubts in DOUBTS.values() for question in doubts}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "streams": [], "findings": [1]}'])
def test_another_file_is_refused(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "doctor.json"
    path.write_text(content)
    assert main(["--compare", str(path)]) == 2
    assert capsys.readouterr().out == "The file is no doctor.json of format 1.\n"


def test_no_control_character_of_a_stranger_s_file_reaches_the_screen(tmp_path: Path) -> None:
    path, output = tmp_path / "doctor.json", io.StringIO()
    report = {**REPORT, "unknown": ["\x1b[2Jx"], "members": {"x": member(text=1)}}
    path.write_text(json.dumps({"format": 1, "streams": {"users": report}, "findings": []}))
    compare.main(path, output)
    assert "\x1b" not in output.getvalue()
