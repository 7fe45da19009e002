"""What is in the warehouse after a sync is what the connector said."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from integration_tests.warehouse.loading import TEXT, Loader, stream

MOMENT = {"type": ["null", "string"], "format": "date-time"}


TEXTS = ["+15550100", "007", "5001234567890123456", "12.10", "true", "2026-01-01", " x ", "", None]


def test_text_stays_the_text_it_was(loader: Loader) -> None:
    loader.sync({"calls": stream(*({"id": str(n), "said": value} for n, value in enumerate(TEXTS)))})
    assert [said for (said,) in loader.rows("SELECT said FROM calls ORDER BY id")] == TEXTS


def test_a_time_with_an_offset_is_the_instant_it_names(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1", "began": "2026-03-01T09:30:00.25-05:00"}, began=MOMENT)})
    ((began,),) = loader.rows("SELECT began FROM calls")
    assert began.astimezone(UTC) == datetime(2026, 3, 1, 14, 30, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("type_of", "value", "found"),
    [
        ({"type": ["null", "number"]}, 0.1234567890123, 0.1234567890123),
        ({"type": ["null", "integer"]}, 9_007_199_254_740_993, 9_007_199_254_740_993),
        ({"type": ["null", "boolean"]}, False, False),
        ({"type": ["null", "string"], "format": "date"}, "2026-03-01", date(2026, 3, 1)),
    ],
    ids=["number", "integer", "boolean", "date"],
)
def test_a_value_arrives_whole(loader: Loader, type_of: dict[str, Any], value: Any, found: Any) -> None:
    loader.sync({"calls": stream({"id": "1", "it": value}, it=type_of)})
    assert loader.rows("SELECT it FROM calls") == [(found,)]


def test_an_object_and_a_list_arrive_as_json(loader: Loader) -> None:
    nested = {"from": {"Name": "Zoë", "+": [1, None]}}
    says = {"id": "1", "fields": nested, "labels": ["a", "b"]}
    loader.sync({"calls": stream(says, fields={"type": "object"}, labels={"type": "array"})})
    ((fields, labels),) = loader.rows("SELECT CAST(fields AS VARCHAR), CAST(labels AS VARCHAR) FROM calls")
    assert (json.loads(fields), json.loads(labels)) == (nested, ["a", "b"])


def test_a_nul_character_is_left_out_and_a_backslash_before_u0000_is_not(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1", "said": "a\x00b\\u0000c\\\x00d"})})
    assert loader.rows("SELECT said FROM calls") == [("ab\\u0000c\\d",)]


def test_of_two_rows_with_one_key_in_one_load_the_last_stays(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1", "said": "first"}, {"id": "2"}, {"id": "1", "said": "last"})})
    assert loader.rows("SELECT id, said FROM calls ORDER BY id") == [("1", "last"), ("2", None)]


def test_a_row_read_again_replaces_its_former_self(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1", "said": "old"}, {"id": "2", "said": "kept"})})
    loader.sync({"calls": stream({"id": "1", "said": "mid"}, {"id": "1", "said": "new"}, {"id": "3", "said": "added"})})
    assert loader.rows("SELECT id, said FROM calls ORDER BY id") == [("1", "new"), ("2", "kept"), ("3", "added")]


def test_an_object_that_a_full_read_no_longer_finds_is_gone(loader: Loader) -> None:
    loader.sync({"users": stream({"id": "1"}, {"id": "2"}, grows=False)})
    loader.sync({"users": stream({"id": "2"}, grows=False)})
    assert loader.rows("SELECT id FROM users") == [("2",)]


def test_a_full_read_that_failed_takes_nothing_away(loader: Loader) -> None:
    loader.sync({"users": stream({"id": "1"}, {"id": "2"}, grows=False)})
    loader.sync({"users": stream({"id": "2"}, {"fails": "Dialpad is down."}, grows=False)})
    assert loader.rows("SELECT id FROM users ORDER BY id") == [("1",), ("2",)]


def test_an_old_row_of_an_incremental_stream_stays(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"}, {"state": {"at": "1"}})})
    loader.sync({"calls": stream({"id": "2"}, {"state": {"at": "2"}})})
    assert loader.rows("SELECT id FROM calls ORDER BY id") == [("1",), ("2",)]


def test_a_new_column_joins_the_table(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"})})
    loader.sync(
        {
            "calls": stream(
                {"id": "2", "cost": 0.5, "began": "2026-03-01T00:00:00Z"}, cost={"type": "number"}, began=MOMENT
            )
        }
    )
    assert loader.rows("SELECT id, cost FROM calls ORDER BY id") == [("1", None), ("2", 0.5)]


def test_a_new_column_may_be_named_like_a_word_of_sql(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"})})
    calls = stream({"id": "2", "order": "a", "from": "b"}, order=TEXT)
    calls["properties"]["from"] = TEXT
    loader.sync({"calls": calls})
    assert loader.rows('SELECT "order", "from" FROM calls WHERE id = \'2\'') == [("a", "b")]


def test_a_stream_without_rows_is_an_empty_table(loader: Loader) -> None:
    loader.sync({"calls": stream()})
    assert loader.rows("SELECT count(*) FROM calls") == [(0,)]


def test_the_state_comes_back_at_the_next_sync(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"}, {"state": {"at": "2026-03-01"}})})
    loader.sync({"calls": stream({"tells": "state"}, state=TEXT)})
    ((state,),) = loader.rows("SELECT state FROM calls WHERE state IS NOT NULL")
    (found,) = json.loads(state)
    assert found["stream"]["stream_state"] == {"at": "2026-03-01"}


def test_the_state_before_a_failure_comes_back(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"}, {"state": {"at": "2026-03-01"}}, {"id": "2"}, {"fails": "Down."})})
    loader.sync({"calls": stream({"tells": "state"}, state=TEXT)})
    ((state,),) = loader.rows("SELECT state FROM calls WHERE state IS NOT NULL")
    assert '"at":"2026-03-01"' in state


def test_a_failed_stream_takes_no_other_with_it(loader: Loader) -> None:
    whole = loader.sync({"calls": stream({"id": "1"}, {"fails": "Dialpad is down."}), "texts": stream({"id": "9"})})
    assert (whole, loader.rows("SELECT id FROM texts")) == (False, [("9",)])


def test_rows_before_a_crash_are_kept(loader: Loader) -> None:
    whole = loader.sync({"texts": stream({"id": "9"}), "calls": stream({"id": "1"}, {"dies": 3})})
    assert (whole, loader.rows("SELECT id FROM calls"), loader.rows("SELECT id FROM texts")) == (
        False,
        [("1",)],
        [("9",)],
    )


def test_loading_tables_of_a_killed_sync_are_dropped(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"})})
    loader.make("calls_01khx0abc")
    loader.sync({"calls": stream({"id": "2"})})
    assert loader.tables() == {"calls"}


def test_a_table_of_somebody_else_is_left_alone(loader: Loader) -> None:
    loader.sync({"calls": stream({"id": "1"})})
    loader.make("calls_by_agent")
    loader.sync({"calls": stream({"id": "2"})})
    assert loader.tables() == {"calls", "calls_by_agent"}


def test_a_column_carries_its_description_as_a_comment(loader: Loader) -> None:
    sentence = "Who's there: 100% of :names; all of them."
    said = TEXT | {"description": sentence}
    loader.sync({"calls": stream({"id": "1"}, said=said, Order=said)})
    loader.sync({"calls": stream({"id": "2"}, said=said, Order=said)})
    assert loader.comments("calls") == {"said": sentence, "order": sentence}


@pytest.mark.usefixtures("_private")
def test_a_reset_takes_the_marts_along(postgres: str) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    engine = create_engine(postgres)
    with engine.begin() as connection:
        for schema in sync.MARTS_SCHEMAS:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            connection.execute(text(f"CREATE TABLE {schema}.dialpad__calls (call_id varchar)"))
    sync.reset(postgres)
    assert set(sync.MARTS_SCHEMAS).isdisjoint(inspect(engine).get_schema_names())
    engine.dispose()
