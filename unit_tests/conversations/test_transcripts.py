"""Transcripts: every connected leg is asked for once a sync, and its transcript is a row with all that it says."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft7Validator

from fake_dialpad.server import in_process
from fake_dialpad.truth import truth
from source_dialpad.identity import hashed
from source_dialpad.manifest import composed_manifest
from unit_tests.core.fixtures import URL, dialpad
from unit_tests.core.reading import Row, read

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests_mock

    from fake_dialpad.server import FakeDialpad

STREAM = "call_transcripts"
NAME: dict[str, Callable[[str], str | None]] = {"keep": str, "hash": hashed, "drop": lambda _: None}


def rfc3339(milliseconds: str) -> str:
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if int(milliseconds) % 1000 else "seconds")


def true(fake: FakeDialpad, stream: str) -> list[Row]:
    rows: list[Row] = truth(fake, stream, start=dialpad()["start_date"])["rows"]
    return rows


def expected(fake: FakeDialpad, identity: str = "keep") -> dict[str, Row]:
    """Every row as it should be, from the account's own transcripts and calls."""
    targets = {leg["call_id"]: leg["target"]["id"] for leg in true(fake, "calls")}
    rows = {}
    for transcript in true(fake, STREAM):
        lines = [{**line, "name": NAME[identity](line["name"])} for line in transcript["lines"]]
        spoken = [(line["name"], line["content"]) for line in lines if line["type"] == "transcript"]
        rows[transcript["call_id"]] = {
            "call_id": transcript["call_id"],
            "date_started": rfc3339(transcript["date_started"]),
            "target_id": targets[transcript["call_id"]],
            "line_count": len(lines),
            "text": "\n".join(f"{name}: {words}" if name else words for name, words in spoken),
            "lines": [
                {
                    "position": place,
                    "user_id": None,
                    "contact_id": None,
                    **line,
                    "time": f"{line['time']}+00:00",
                }
                for place, line in enumerate(lines, 1)
            ],
            "moments": dict(Counter(line["content"] for line in lines if line["type"] != "transcript")),
        }
    return rows


def table(*reads: list[Row]) -> dict[str, Row]:
    return {row["call_id"]: row for rows in reads for row in rows}


def asked(fetch: requests_mock.Mocker, since: int = 0) -> list[str]:
    """The calls whose transcripts were asked for, from a request on."""
    return [each.path.rpartition("/")[2] for each in fetch.request_history[since:] if "/transcripts/" in each.path]


def lines_of(caplog: pytest.LogCaptureFixture, stream: str = STREAM) -> list[str]:
    return [message for message in caplog.messages if message.startswith(f"{stream}:")]


def configured(identity: str, **more: Any) -> dict[str, Any]:
    config = dialpad(**more)
    return {**config, "dialpad": {**config["dialpad"], "speaker_identity": identity}}


# --- rows ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("legs", ["operators", "all"])
def test_the_rows_are_the_account_s_field_by_field(legs: str, fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    fake.variants.choose({"transcript_legs": legs})
    out = read(dialpad(), STREAM)
    assert len(out.records) > 200
    assert len(out.records) == len(table(out.records))
    assert table(out.records) == expected(fake)
    validator = Draft7Validator(composed_manifest()["schemas"][STREAM])
    assert [error.message for row in out.records for error in validator.iter_errors(row)] == []


@pytest.mark.parametrize("identity", ["hash", "drop"])
def test_no_name_of_a_speaker_is_left_where_names_are_hashed_or_dropped(
    identity: str, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    out = read(configured(identity), STREAM)
    assert table(out.records) == expected(fake, identity)
    speakers = {line["name"] for row in true(fake, STREAM) for line in row["lines"]}
    held = {line["name"] for row in out.records for line in row["lines"]}
    hashes = {hashlib.sha256(name.lower().encode()).hexdigest() for name in speakers}
    assert held == (hashes if identity == "hash" else {None})
    assert not any(f"{name}: " in row["text"] for row in out.records for name in speakers)


def test_every_connected_leg_is_asked_for_once_those_of_erased_persons_too(
    fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    read(dialpad(), STREAM)
    listed = [each.qs for each in fetch.request_history if each.path == "/api/v2/call"]
    assert {query["include_anonymized"][0] for query in listed} == {"true"}
    start = datetime.fromisoformat(f"{dialpad()['start_date']}T00:00:00+00:00").timestamp() * 1000
    legs = fake.conversations.concluded(int(start) - 1, 1 << 62)
    assert Counter(asked(fetch)) == Counter(leg.call_id for leg in legs if leg.connected_us is not None)


LEG: Row = {"call_id": 7, "date_started": "1793577639404", "date_connected": "1793577640000", "target": {"id": 5}}


def one_call(fetch: requests_mock.Mocker, answer: Any, status: int = 200, leg: Row | None = None) -> None:
    """An account with one call."""
    fetch.get(f"{URL}/api/v2/call", [{"json": {"items": [leg or LEG]}}, {"json": {"items": []}}])
    fetch.get(f"{URL}/api/v2/transcripts/7", json=answer, status_code=status)


def test_what_a_line_may_lack_is_null_and_what_it_has_beside_passes_through(fetch: requests_mock.Mocker) -> None:
    lines: list[Row] = [
        {"time": "2026-11-01T10:00:00", "type": "transcript", "content": "Hello", "mood": "good"},
        {"type": "moment", "content": None},
        {"type": "transcript", "name": "Ann", "content": None, "user_id": 5},
    ]
    one_call(fetch, {"call_id": 7, "lines": lines, "language": "en"}, leg={**LEG, "target": None})
    (row,) = read(dialpad(num_workers=2), STREAM).records
    nothing = dict.fromkeys(("time", "name", "content", "user_id", "contact_id"))
    assert row.get("target_id") is None
    assert (row["text"], row["line_count"], row["language"]) == ("Hello", 3, "en")
    assert row["lines"] == [
        {**nothing, **lines[0], "position": 1, "time": "2026-11-01T10:00:00+00:00"},
        {**nothing, "position": 2, "type": "moment"},
        {**nothing, "position": 3, "type": "transcript", "name": "Ann", "user_id": "5"},
    ]


def test_a_transcript_without_lines_is_a_row(fetch: requests_mock.Mocker) -> None:
    one_call(fetch, {"call_id": "7", "lines": None})
    (row,) = read(dialpad(), STREAM).records
    assert (row["line_count"], row["text"], row.get("moments")) == (0, "", None)


@pytest.mark.parametrize(
    "answer", [{}, [], {"lines": []}, {"call_id": 7, "lines": "Hello"}, {"call_id": 7, "lines": ["Hi"]}]
)
def test_another_shape_is_an_error_and_never_an_empty_transcript(answer: Any, fetch: requests_mock.Mocker) -> None:
    one_call(fetch, answer)
    out = read(dialpad(), STREAM)
    assert out.records == []
    assert "call 7: Dialpad answered with another shape than a transcript" in str(out.errors[0].message)


def test_a_call_without_its_id_is_an_error(fetch: requests_mock.Mocker) -> None:
    one_call(fetch, {}, leg={**LEG, "call_id": None})
    assert "a call came without its call_id" in str(read(dialpad(), STREAM).errors[0].message)


# --- not ready, refused -------------------------------------------------------------------------------------------


def test_a_transcript_that_is_not_ready_is_counted_and_comes_with_the_look_back(
    fake: FakeDialpad, fetch: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rows = expected(fake)
    newest, oldest = max(rows), min(rows)
    for one in (newest, oldest):
        fetch.get(f"{URL}/api/v2/transcripts/{one}", status_code=400, json={})
    first = read(dialpad(), STREAM)
    assert (first.errors, rows.keys() - table(first.records).keys()) == ([], {newest, oldest})
    assert [line.partition("): ")[2] for line in caplog.messages if line.startswith(f"{STREAM} (")] == [
        "1 transcript not ready yet (400); the look-back of the next sync does not ask for them again.",
        "1 transcript not ready yet (400); the look-back of the next sync asks for them again.",
    ]
    caplog.clear()
    in_process(fake, fetch)
    second = read(dialpad(), STREAM, state={STREAM: first.state})
    assert table(first.records, second.records) == {key: row for key, row in rows.items() if key != oldest}
    assert "not ready" not in caplog.text


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("call", "with the scope calls:list"), ("transcripts/7", "of a company administrator")],
)
def test_a_key_without_its_right_is_told_what_it_lacks(path: str, sentence: str, fetch: requests_mock.Mocker) -> None:
    one_call(fetch, {"call_id": 7, "lines": []})
    fetch.get(f"{URL}/api/v2/{path}", status_code=403, json={"error": {"message": "no"}})
    out = read(dialpad(), STREAM)
    assert [error.failure_type.value for error in out.errors if error.failure_type] == ["config_error"]
    assert f"(403). It needs a company key {sentence};" in str(out.errors[0].message)


# --- state --------------------------------------------------------------------------------------------------------


def test_a_second_sync_asks_for_the_look_back_alone(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    first = read(dialpad(), STREAM)
    before = len(fetch.request_history)
    second = read(dialpad(), STREAM, state={STREAM: first.state})
    again = datetime.fromisoformat(first.state["date_started"]) - timedelta(days=4)
    late = {row["call_id"] for row in first.records if datetime.fromisoformat(row["date_started"]) >= again}
    assert 10 < len(late) < len(first.records) / 2
    assert table(second.records).keys() == late
    calls = asked(fetch, before)
    assert len(set(calls)) == len(calls) < 200


@pytest.mark.parametrize("requests_before", [40, 170, 300])
def test_a_sync_that_breaks_off_goes_on_where_its_windows_ended(
    requests_before: int, fake: FakeDialpad, fetch: requests_mock.Mocker
) -> None:
    class BrokenError(Exception):
        pass

    def breaks(request: Any) -> None:
        if "/transcripts/" in request.path and len(asked(fetch)) > requests_before:
            raise BrokenError

    fetch.add_matcher(breaks)
    config = dialpad(num_workers=2, lookback_days=0)
    first = read(config, STREAM)
    assert first.errors
    in_process(fake, fetch)
    second = read(config, STREAM, state={STREAM: first.state})
    assert second.errors == []
    assert table(first.records, second.records) == expected(fake)
    if "date_started" in first.state:
        begun = datetime.fromisoformat(first.state["date_started"]) - timedelta(days=1)
        assert begun <= min(datetime.fromisoformat(row["date_started"]) for row in second.records)
