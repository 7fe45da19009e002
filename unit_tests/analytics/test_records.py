"""Records become rows: fields, labels, keys, edges and pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from source_dialpad.analytics.records import RecordRows, field_label, field_value
from source_dialpad.sync.halving import InconsistentPages, TimeRange
from source_dialpad.transport.times import milliseconds
from unit_tests.cases import every

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 8, tzinfo=UTC)
NOVEMBER = TimeRange(milliseconds(START), milliseconds(END))
NOON = "2026-11-02T12:00:00.000Z"

values = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), st.text(max_size=8))
fields = st.dictionaries(st.sampled_from(["csid", "queue", "agent", "tags"]), values, max_size=4)


def record(held: dict[str, Any] | None = None, at: str = NOON, **more: Any) -> dict[str, Any]:
    listed = [
        {"name": name, **({} if value is None else {"field": {"_type": "StringField", "value": value}})}
        for name, value in (held or {"csid": 1}).items()
    ]
    return {"primaryTimestampField": {"name": "created_at", "timestamp": at}, "fields": listed, **more}


def flat(*pages: list[dict[str, Any]], record_id: str = "ratings") -> list[dict[str, Any]]:
    rows = RecordRows(record_id, NOVEMBER, "records")
    return [row for page in pages for row in rows.page(page)]


def key(one: dict[str, Any], record_id: str = "ratings") -> str:
    (row,) = flat([one], record_id=record_id)
    return str(row["record_key"])


@every(
    ("held", "value", "label"),
    [
        ({"_type": "BooleanField", "value": False}, False, None),
        ({"_type": "IntField", "value": 0}, 0, None),
        ({"_type": "LongField", "value": 2**60}, 2**60, None),
        ({"_type": "DoubleField", "value": 1.5}, 1.5, None),
        ({"_type": "StringField", "value": "EMAIL", "label": "Email"}, "EMAIL", "Email"),
        ({"_type": "UUIDField", "value": "220ffe6a", "label": "Queue"}, "220ffe6a", "Queue"),
        ({"_type": "InstantField", "value": NOON}, NOON, None),
        ({"_type": "InstantField", "value": f"{NOON}[GMT]"}, NOON, None),
        ({"_type": "TimestampField", "name": "created_at", "timestamp": f"{NOON}[GMT]"}, NOON, None),
        ({"_type": "StringField", "value": "a[b]"}, "a[b]", None),
        ({"_type": "ListField", "values": [{"value": "a", "label": "A"}, {"value": 2}]}, ["a", 2], ["A", None]),
        ({"_type": "ListField", "values": []}, [], None),
        ({"_type": "ListField", "values": None}, [], None),
        ({"_type": "MoneyField", "value": 3}, 3, None),
        ({"_type": "MoneyField", "amount": 3}, {"_type": "MoneyField", "amount": 3}, None),
        (None, None, None),
    ],
)
def test_every_variant_of_a_field_gives_its_value_and_label(held: Any, value: Any, label: Any) -> None:
    assert (field_value(held), field_label(held)) == (value, label)
    (row,) = flat([{**record(), "fields": [{"name": "x", "field": held}]}])
    assert (row["fields"], row["labels"]) == ({"x": value}, {} if label is None else {"x": label})


def test_a_record_becomes_one_row() -> None:
    one = record({"csid": 7, "agent": None}, value={"_type": "LongField", "value": 4})
    one["fields"].append({"name": "queue", "field": {"_type": "UUIDField", "value": "2", "label": "Sales"}})
    (row,) = flat([one])
    assert {name: row[name] for name in row if name != "record_key"} == {
        "record_id": "ratings",
        "primary_timestamp": "2026-11-02T12:00:00.000+00:00",
        "primary_timestamp_name": "created_at",
        "value": 4,
        "fields": {"csid": 7, "agent": None, "queue": "2"},
        "labels": {"queue": "Sales"},
    }


def test_a_zone_behind_the_timestamp_is_dropped() -> None:
    assert flat([record(at=f"{NOON}[GMT]")])[0]["primary_timestamp"] == "2026-11-02T12:00:00.000+00:00"


@every("primary", [None, {}, {"timestamp": None}, {"timestamp": "soon"}, "x"])
def test_a_record_without_a_readable_time_fails(primary: Any) -> None:
    with pytest.raises(AirbyteTracedException, match="without a readable primary timestamp"):
        flat([{**record(), "primaryTimestampField": primary}])


@every("listed", [[{"field": 1}], [{"name": "x", "field": 0}], [1], {"csid": 1}, 5])
def test_fields_of_another_shape_fail_without_showing_the_row(listed: Any) -> None:
    with pytest.raises(AirbyteTracedException, match="no list of name and field; its members are fields, primary"):
        flat([{**record(), "fields": listed}])


@given(fields)
def test_the_same_record_has_the_same_key(held: dict[str, Any]) -> None:
    backwards = record(dict(reversed(held.items())) or None)
    assert key(record(held or None)) == key(backwards)


@given(fields, fields)
def test_different_records_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    if repr(sorted(one.items())) != repr(sorted(other.items())) and one and other:
        assert key(record(one)) != key(record(other))


def test_a_label_that_changes_keeps_the_key() -> None:
    one, renamed = record({"queue": "2"}), record({"queue": "2"})
    renamed["fields"][0]["field"]["label"] = "Renamed"
    assert key(one) == key(renamed)


def test_tags_in_another_order_keep_the_key() -> None:
    def tagged(*tags: str) -> dict[str, Any]:
        held = {"_type": "ListField", "values": [{"value": tag} for tag in tags]}
        return {**record(), "fields": [{"name": "tags", "field": held}]}

    assert key(tagged("a", "b")) == key(tagged("b", "a"))


def test_a_list_with_a_value_of_its_own_keeps_the_key_in_another_order() -> None:
    def tagged(*tags: int) -> dict[str, Any]:
        held = {"value": list(tags), "values": [{"value": tag, "label": "x"} for tag in tags]}
        return {**record(), "fields": [{"name": "tags", "field": held}]}

    assert key(tagged(1, 2)) == key(tagged(2, 1))
    assert flat([tagged(1, 2)])[0]["labels"] == {"tags": ["x", "x"]}


def test_a_page_is_freed_as_its_rows_are_made() -> None:
    page = [record({"csid": number}) for number in range(3)]
    left = [len(page) for _ in RecordRows("ratings", NOVEMBER, "records").page(page)]
    assert left == [2, 1, 0]


def test_tags_stay_in_the_order_they_came() -> None:
    held = {"_type": "ListField", "values": [{"value": "b"}, {"value": "a"}]}
    assert flat([{**record(), "fields": [{"name": "tags", "field": held}]}])[0]["fields"] == {"tags": ["b", "a"]}


@every(
    "other",
    [
        record({"csid": 2}),
        record(at="2026-11-02T12:00:00.001Z"),
        record(value={"_type": "LongField", "value": 4}),
        record({"csid": None}),
        record({"csid": "1"}),
    ],
)
def test_time_measure_and_values_are_part_of_the_key(other: dict[str, Any]) -> None:
    assert key(other) != key(record())


def test_the_record_type_is_part_of_the_key() -> None:
    assert key(record(), "ratings") != key(record(), "closed_conversations")


def test_twins_of_one_page_are_two_rows() -> None:
    assert len({row["record_key"] for row in flat([record(), record(), record()])}) == 3


def test_a_record_that_comes_again_on_a_later_page_is_not_believed() -> None:
    with pytest.raises(InconsistentPages):
        flat([record()], [record()])


def test_of_two_fields_of_one_name_the_last_is_kept() -> None:
    one = record({"csid": 1})
    one["fields"].append({"name": "csid", "field": {"_type": "LongField", "value": 2}})
    assert [row["fields"] for row in flat([one, one])] == [{"csid": 2}] * 2


@every(
    ("at", "count"),
    [
        (START - timedelta(milliseconds=1), 0),
        (START, 1),
        (END - timedelta(milliseconds=1), 1),
        (END, 0),
        (START - timedelta(hours=5), 1),
    ],
)
def test_a_record_on_an_edge_belongs_to_one_window(at: datetime, count: int) -> None:
    """What is asked for beyond the window is the neighbours'; what the API serves besides is its own business."""
    assert len(flat([record(at=at.isoformat(timespec="milliseconds"))])) == count
