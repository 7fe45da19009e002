"""Rows fit their schema, whatever the API sent."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker

from source_dialpad.manifest import composed_manifest
from source_dialpad.transport.times import from_milliseconds, rfc3339, rfc3339_of_milliseconds
from source_dialpad.transport.types import RowTyper, boolean, integer, number, rfc3339_of, text
from unit_tests.cases import every

SCHEMAS: dict[str, Any] = composed_manifest()["schemas"]
COLUMNS: dict[str, Any] = {
    "text": {"type": ["null", "string"]},
    "whole": {"type": ["null", "integer"]},
    "number": {"type": ["null", "number"]},
    "flag": {"type": ["null", "boolean"]},
    "at": {"type": ["null", "string"], "format": "date-time"},
    "names": {"type": ["null", "array"], "items": {"type": ["null", "string"]}},
    "party": {
        "type": ["null", "object"],
        "additionalProperties": True,
        "properties": {"id": {"type": ["null", "string"]}, "at": {"type": ["null", "string"], "format": "date-time"}},
    },
    "steps": {
        "type": ["null", "array"],
        "items": {
            "type": ["null", "object"],
            "additionalProperties": True,
            "properties": {"n": {"type": ["null", "integer"]}},
        },
    },
    "odd": {"type": ["null", "object", "array", "string", "number", "boolean"]},
}
SCHEMA: dict[str, Any] = {"type": "object", "additionalProperties": True, "properties": COLUMNS}


def typed(**row: Any) -> dict[str, Any]:
    return RowTyper("s", SCHEMA)(row)


@every(
    ("column", "given", "taken"),
    [
        ("text", 5000000000000001, "5000000000000001"),
        ("text", 5.0e15, "5000000000000000"),
        ("text", "007", "007"),
        ("text", "", ""),
        ("text", True, "true"),
        ("text", {"a": 1}, '{"a":1}'),
        ("whole", "179", 179),
        ("whole", 3.0, 3),
        ("whole", "3.0", 3),
        ("whole", " ", None),
        ("whole", True, 1),
        ("number", "12.5", 12.5),
        ("number", "", None),
        ("number", 8951.03, 8951.03),
        ("flag", "True", True),
        ("flag", "false", False),
        ("flag", 1, True),
        ("flag", "", None),
        ("at", 1793577639404, "2026-11-02T00:00:39.404000+00:00"),
        ("at", "1793577639404", "2026-11-02T00:00:39.404000+00:00"),
        ("at", "2021-06-20T19:18:00", "2021-06-20T19:18:00+00:00"),
        ("at", "2021-06-20 19:18:00.123456", "2021-06-20T19:18:00.123456+00:00"),
        ("at", "2021-06-20 19:18:00+00:00", "2021-06-20T19:18:00+00:00"),
        ("at", "2021-06-20T19:18:00Z", "2021-06-20T19:18:00+00:00"),
        ("at", "2021-06-20T19:18:00+0530", "2021-06-20T19:18:00+05:30"),
        ("at", "2021-06-20T19:18-08:00", "2021-06-20T19:18:00-08:00"),
        ("at", "2021-06-20T19:18:00.123+02", "2021-06-20T19:18:00.123+02:00"),
        ("at", "2021-06-20T19:18:00,123Z", "2021-06-20T19:18:00.123+00:00"),
        ("at", "2021-12-01T12:46:36.581Z[GMT]", "2021-12-01T12:46:36.581+00:00"),
        ("at", "2021-06-20", "2021-06-20T00:00:00+00:00"),
        ("at", "20210620T191800+0200", "2021-06-20T19:18:00+02:00"),
        ("at", " ", None),
        ("names", ["a", 7, None], ["a", "7", None]),
        ("names", "a", ["a"]),
        ("names", [], []),
        ("names", "", []),
        ("names", {}, []),
        ("party", {}, None),
        ("party", {"id": 7, "new": 1}, {"id": "7", "new": 1}),
        ("steps", [{"n": "1"}, {}, None], [{"n": 1}, None, None]),
        ("odd", {"a": [1]}, {"a": [1]}),
        ("odd", "x", "x"),
    ],
)
def test_a_value_is_read_as_its_column_says(column: str, given: Any, taken: Any) -> None:
    found = typed(**{column: given})[column]
    if column == "at" and taken is not None:
        assert datetime.fromisoformat(found) == datetime.fromisoformat(taken)
        assert (found[10], found[-6:]) == ("T", taken[-6:])
    else:
        assert (found, type(found)) == (taken, type(taken))


@every(
    ("column", "given"),
    [
        ("whole", "seven"),
        ("whole", 1.5),
        ("whole", [1]),
        ("whole", {"a": 1}),
        ("whole", 2.0**64),
        ("whole", "9" * 5000),
        ("whole", "nan"),
        ("number", "seven"),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", [1.5]),
        ("number", {"a": 1.5}),
        ("flag", "maybe"),
        ("flag", 2),
        ("flag", []),
        ("at", "yesterday"),
        ("at", "2021-13-01T00:00:00Z"),
        ("at", "2021-02-30"),
        ("at", True),
        ("at", [1793577639404]),
        ("at", {"ms": 1793577639404}),
        ("at", 10**30),
        ("at", 67_768_036_191_676_800_000),  # a year that the C library counts in more digits than it has
        ("at", "２０２１-06-20T19:18:00Z"),  # noqa: RUF001  # digits that only look like digits
        ("party", "ann"),
        ("party", [1]),
        ("party", 7),
    ],
)
def test_a_value_that_cannot_be_read_becomes_null_and_is_said_once(
    column: str, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    typer = RowTyper("s", SCHEMA)
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert [typer({column: given})[column] for _ in range(3)] == [None] * 3
    assert [record.getMessage().split(" (a ")[0] for record in caplog.records] == [f"s: a value of {column}"]


def test_a_value_that_cannot_be_read_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        typed(at="ann@example.com", party={"at": "ann@example.com"})
    assert "ann@example.com" not in caplog.text
    assert "party.at" in caplog.text


def test_unknown_columns_pass_at_every_depth() -> None:
    row = {"new": {"deep": [1, {"x": None}]}, "party": {"id": "1", "new": {"x": 1}}}
    assert typed(**json.loads(json.dumps(row))) == row


def test_a_missing_column_stays_missing_and_a_null_stays_null() -> None:
    assert typed(text=None) == {"text": None}


@every("row", [{}, {"id": None}, {"id": ""}])
def test_a_row_without_its_key_is_an_error_that_names_the_column(row: dict[str, Any]) -> None:
    typer = RowTyper("s", {"properties": {"id": {"type": "integer"}}})
    with pytest.raises(AirbyteTracedException, match="s: a row came without a readable id"):
        typer(row)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "at", "n", "x"]), inner),
    max_leaves=8,
)
CHECKS = FormatChecker()


@CHECKS.checks("date-time")
def _is_rfc3339(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(row=st.dictionaries(st.sampled_from(sorted(COLUMNS)), JSON))
def test_whatever_json_comes_the_row_fits_its_schema(row: dict[str, Any]) -> None:
    Draft7Validator(SCHEMA, format_checker=CHECKS).validate(RowTyper("s", SCHEMA)(row))


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(row=st.dictionaries(st.sampled_from(sorted(COLUMNS)), JSON))
def test_a_row_that_was_typed_once_stays_as_it_is(row: dict[str, Any]) -> None:
    once = RowTyper("s", SCHEMA)(row)
    copy = json.loads(json.dumps(once))
    assert RowTyper("s", SCHEMA)(copy) == once


@given(moment=st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1)), minutes=st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001  # hypothesis draws naive times
def test_a_time_with_an_offset_stays_the_same_instant(moment: datetime, minutes: int) -> None:
    at = moment.replace(tzinfo=UTC)
    local = at.astimezone(timezone(timedelta(minutes=minutes)))
    for form in (local.isoformat(), local.isoformat(" "), local.strftime("%Y-%m-%dT%H:%M:%S.%f%z")):
        found = str(rfc3339_of(form))
        assert (datetime.fromisoformat(found), found[10]) == (at, "T")


@given(value=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_are_written_as_any_other_instant(value: int) -> None:
    assert rfc3339_of(value) == rfc3339_of_milliseconds(value) == rfc3339(from_milliseconds(value))


@every("value", [-62_135_596_800_001, 253_402_300_800_000, 2**63])
def test_milliseconds_beyond_the_calendar_are_no_time(value: int) -> None:
    with pytest.raises((ValueError, OverflowError)):
        rfc3339_of_milliseconds(value)


def test_columns_that_are_ours_are_not_looked_at_again_but_must_be_there() -> None:
    schema = {"properties": {"key": {"type": "string"}, "theirs": {"type": ["null", "string"]}}}
    typer = RowTyper("s", schema, derived=["key"])
    assert typer({"key": 1, "theirs": 1}) == {"key": 1, "theirs": "1"}
    with pytest.raises(AirbyteTracedException, match="s: a row came without a readable key"):
        typer({"theirs": 1})


@given(value=st.integers(-(2**63), 2**63 - 1))
def test_an_int64_is_the_same_as_number_and_as_text(value: int) -> None:
    assert integer(value) == integer(str(value)) == value
    assert text(value) == str(value)


@every("read", [integer, number, boolean, rfc3339_of])
def test_empty_text_is_null(read: Any) -> None:
    assert read("") is None


@every("stream", sorted(SCHEMAS))
def test_every_schema_of_the_project_can_be_compiled(stream: str) -> None:
    firm = {
        name: "2026-01-01T00:00:00Z" if column.get("format") == "date-time" else "1"
        for name, column in SCHEMAS[stream]["properties"].items()
        if "null" not in column["type"]
    }
    Draft7Validator(SCHEMAS[stream]).validate(RowTyper(stream, SCHEMAS[stream])(dict(firm)))
