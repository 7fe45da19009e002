"""Every stream of exports holds what the fake's own model says it should, in any zone and reading of the documents."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fake_dialpad.server import FakeDialpad
from fake_dialpad.truth import STREAMS, truth
from fake_dialpad.world import World
from unit_tests.stats.one_stream import Clock, Sync, schema

RECORDS = [name for name in STREAMS if name.startswith("records_")]
FIGURES = [name for name in STREAMS if name.startswith("stats_")]
OURS = ("row_key", "record_key", "window_start", "window_end", "scope")


def read_of(cell: str, column: dict[str, Any], zone: str) -> Any:
    """A cell as its column's type, read by other means than the connector's."""
    kinds = column.get("type", ["string"])
    if cell == "":
        return None
    if column.get("format") == "date-time":
        return datetime.fromisoformat(cell).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if "integer" in kinds or "number" in kinds:
        return float(cell)
    return {"true": True, "false": False}[cell.lower()] if "boolean" in kinds else cell


def expected(fake: FakeDialpad, stream: str, zone: str, **asked: Any) -> list[dict[str, Any]]:
    columns = schema(stream)["properties"]
    found = truth(fake, stream, timezone=zone, **asked)["rows"]
    return [{name: read_of(cell, columns.get(name, {}), zone) for name, cell in row.items()} for row in found]


def told(rows: list[dict[str, Any]], stream: str, like: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows after deduplication by primary key, with the columns the truth has; times as instants."""
    columns = schema(stream)["properties"]
    key = primary_key(stream)
    last = {tuple(row[name] for name in key): row for row in rows}
    names = like[0].keys() if like else ()
    return [
        {
            name: datetime.fromisoformat(row[name]).astimezone(UTC)
            if row.get(name) and columns.get(name, {}).get("format") == "date-time"
            else row.get(name)
            for name in names
        }
        for row in last.values()
    ]


def primary_key(stream: str) -> tuple[str, ...]:
    if stream.startswith("stats_"):
        return ("window_start", "scope", "row_key")
    own = {
        "records_texts": ("message_id", "target_id"),
        "records_calls": ("call_id",),
        "records_voicemails": ("call_id",),
        "records_onduty": ("record_id",),
    }
    return own.get(stream, ("record_key",))


def counted(rows: list[dict[str, Any]]) -> Counter[tuple[tuple[str, Any], ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows)


def assert_true(sync: Sync, stream: str, zone: str, **asked: Any) -> list[dict[str, Any]]:
    found = sync.read(stream)
    assert not found.errors
    should = expected(sync.fake, stream, zone, **asked)
    assert should, "an empty truth proves nothing"
    assert counted(told(found.rows, stream, should)) == counted(should)
    return found.rows


def settled(fake: FakeDialpad) -> None:
    """Nothing happens any more while exports are read."""
    fake.horizon = fake.time()


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
def test_rows_equal_the_truth(sync: Sync, zone: str) -> None:
    settled(sync.fake)
    sync.configured({"export_window_days": 4}, timezone=zone)
    for stream in (*RECORDS, *FIGURES):
        assert_true(sync.again(), stream, zone, start="2026-11-14")


@pytest.fixture(scope="module")
def autumn() -> World:
    return World(5, 8, 40, messages_per_day=10, agents=16, call_centers=3, today=date(2026, 11, 4))


def test_rows_equal_the_truth_where_clocks_were_changed(autumn: World, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 4, 20, tzinfo=UTC))
    fake = FakeDialpad(autumn, clock=clock)
    settled(fake)
    sync = Sync(fake, clock).configured(start_date="2026-10-30", timezone="America/Los_Angeles")
    for stream in (*RECORDS, "stats_calls_by_date", "stats_calls_by_user", "stats_texts"):
        assert_true(sync.again(), stream, "America/Los_Angeles", start="2026-10-30")


@pytest.mark.parametrize("grain", ["week", "month"])
def test_figures_stand_for_whole_calendar_windows(sync: Sync, grain: str) -> None:
    settled(sync.fake)
    sync.configured({"aggregate_window": grain})
    weeks = {("2026-11-09", "2026-11-15"), ("2026-11-16", "2026-11-22")}
    for stream in ("stats_calls_by_user", "stats_calls_by_group", "stats_onduty"):
        rows = assert_true(sync.again(), stream, "UTC", start="2026-11-14", grain=grain)
        edges = {(row["window_start"], row["window_end"]) for row in rows}
        assert edges == (weeks if grain == "week" else {("2026-11-01", "2026-11-30")}), stream


def test_rows_equal_the_truth_in_every_reading_of_the_documents(sync: Sync) -> None:
    settled(sync.fake)
    readings = [
        ("records_calls", {"booleans": "title"}),
        ("records_calls", {"bom": "all", "compression": "gzip"}),
        ("records_texts", {"texts": "one_row"}),
        ("records_texts", {"bom": "none", "compression": "gzip"}),
        ("records_screenshare", {"no_rows": "empty_file"}),
        ("stats_calls_by_user", {"by_user": "per_day"}),
        ("stats_texts", {"texts": "one_row"}),
        ("stats_screenshare", {"no_rows": "empty_file", "bom": "all"}),
    ]
    for stream, reading in readings:
        asked = sync.again()
        asked.fake.variants.choose(reading)
        assert_true(asked, stream, "UTC", start="2026-11-14")


def test_a_figure_with_a_day_of_its_own_stands_on_it(sync: Sync) -> None:
    sync.fake.variants.choose({"by_user": "per_day"})
    settled(sync.fake)
    sync.configured({"aggregate_window": "month"}, start_date="2026-11-10")
    rows = sync.read("stats_calls_by_user").rows
    assert {row["window_start"] for row in rows} == {f"2026-11-{day:02d}" for day in range(1, 20)}
    assert len({(row["window_start"], row["row_key"]) for row in rows}) == len(rows)


def test_a_key_is_one_row_and_a_row_one_key(sync: Sync) -> None:
    settled(sync.fake)
    for stream in RECORDS:
        rows = sync.again().read(stream).rows
        keys = {tuple(row[name] for name in primary_key(stream)) for row in rows}
        assert (len(keys), None in {cell for key in keys for cell in key}) == (len(rows), False), stream


def test_a_row_has_the_same_key_in_another_zone(sync: Sync) -> None:
    settled(sync.fake)
    sync.configured(start_date="2026-11-10")
    for stream in (name for name in RECORDS if primary_key(name) == ("record_key",)):
        asked = sync.again()
        here = {row["record_key"] for row in asked.read(stream).rows}
        there = {row["record_key"] for row in asked.configured(timezone="Asia/Kolkata").read(stream).rows}
        assert here, stream
        most = 0.9 * min(len(here), len(there))
        assert len(here & there) >= most, f"{stream}: all but the rows on the edge of the first day"
        again = {row["record_key"] for row in asked.configured(timezone="UTC").read(stream).rows}
        assert here == again, stream


def test_the_scope_limits_company_wide_streams_to_the_office(sync: Sync) -> None:
    settled(sync.fake)
    office = sync.fake.world.offices[0].id
    sync.configured({"office_id": office})
    rows = assert_true(sync, "records_calls", "UTC", start="2026-11-14", scope=f"office:{office}")
    assert {row["scope"] for row in rows} == {f"office:{office}"}
    assert {post["body"]["office_id"] for post in sync.posts} == {int(office)}


def test_a_target_limits_the_exports_that_need_one(sync: Sync) -> None:
    settled(sync.fake)
    center = sync.fake.world.call_centers[1].id
    sync.configured({"targets": [{"type": "callcenter", "id": center}]})
    rows = assert_true(sync, "records_dispositions", "UTC", start="2026-11-14", scope=f"callcenter:{center}")
    assert {row["scope"] for row in rows} == {f"callcenter:{center}"}
    assert all("office_id" not in post["body"] for post in sync.posts)


def test_without_targets_every_call_center_is_asked_for_once(sync: Sync) -> None:
    sync.read("records_csat")
    asked = Counter((post["body"]["target_id"], str(post["body"].get("days_ago_start"))) for post in sync.posts)
    assert set(asked.values()) == {1}
    assert {target for target, _ in asked} == {int(center.id) for center in sync.fake.world.call_centers}


def test_groups_go_office_by_office(sync: Sync) -> None:
    sync.configured({"aggregate_window": "month"}).read("stats_calls_by_group")
    offices = {int(office.id) for office in sync.fake.world.offices}
    assert {post["body"]["office_id"] for post in sync.posts} == offices
    assert len(sync.posts) == len(offices)
