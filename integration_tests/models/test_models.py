"""The marts in both warehouses, built bit by bit and at once, beside the truth of the invented company."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from dbt_dialpad.__main__ import PACKAGE
from fake_dialpad import measures
from fake_dialpad.model import DAY
from integration_tests.models.account import load
from integration_tests.models.conftest import built
from integration_tests.models.marts import different, marts, rows

if TYPE_CHECKING:
    from pathlib import Path

    from fake_dialpad.measures import Period
    from fake_dialpad.world import World
    from integration_tests.models.marts import Mart

pytestmark = pytest.mark.timeout(900)  # the first test of all makes two warehouses and builds them
ROOT = PACKAGE.parent


@dataclass
class Built:
    """A warehouse whose marts are built, and what they held on the way."""

    into: str
    before: dict[str, Mart]
    step_by_step: dict[str, Mart]
    unchanged: dict[str, Mart]
    at_once: dict[str, Mart]


@pytest.fixture(scope="module")
def duckdb(period: Period, folder: Path) -> Built:  # the period is what was recorded into the folder
    """Loaded and built, loaded and built again, once more with nothing new, then from the start and tested."""
    into = str(folder / "warehouse.duckdb")
    load(folder, "early", into)
    built(into, folder, "run")
    before = marts(into)
    load(folder, "late", into)
    built(into, folder, "run")
    step_by_step = marts(into)
    built(into, folder, "run", "--select", "config.materialized:incremental")
    unchanged = marts(into)
    built(into, folder, "build", "--full-refresh")
    return Built(into, before, step_by_step, unchanged, marts(into))


def test_building_step_by_step_gives_the_same_as_building_at_once(duckdb: Built) -> None:
    assert different(duckdb.step_by_step, duckdb.at_once) == {}
    assert different(duckdb.before, duckdb.at_once), "the second load changed nothing, so nothing is proved"


def test_building_again_without_new_rows_changes_nothing(duckdb: Built) -> None:
    assert different(duckdb.step_by_step, duckdb.unchanged) == {}


@pytest.fixture(scope="module")
def both(duckdb: Built, postgres: str, folder: Path) -> str:
    """The Postgres, loaded, built and tested; the rows are those of the DuckDB."""
    load(folder, "whole", postgres)
    built(postgres, folder, "build")
    return postgres


def test_both_warehouses_hold_the_same_rows(duckdb: Built, both: str) -> None:
    assert different(duckdb.at_once, marts(both)) == {}


def test_the_marts_that_people_ask_hold_rows(duckdb: Built) -> None:
    asked = ("calls", "call_legs", "call_journeys", "callbacks", "line_days", "agent_days", "conversations", "texts")
    assert [name for name in asked if not duckdb.at_once[f"dialpad__{name}"]] == []


def test_every_column_of_every_mart_says_what_it_is(duckdb: Built) -> None:
    silent = (
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'dialpad_marts' AND comment IS NULL"
    )
    assert rows(duckdb.into, silent) == []


def test_reconciliation_compares_closed_days_and_all_agree(duckdb: Built) -> None:
    compared = rows(
        duckdb.into,
        "SELECT export, count(*) AS figures, count(DISTINCT window_start) AS windows, "
        "count(*) FILTER (WHERE is_within) AS agree FROM dialpad_marts.dialpad__reconciliation GROUP BY export",
    )
    assert [one for one in compared if one["agree"] != one["figures"]] == []
    windows = {one["export"]: one["windows"] for one in compared}
    assert windows["stats_calls_by_date"] > 20
    assert {"stats_calls_by_group", "stats_calls_by_user", "stats_onduty", "stats_texts"} < set(windows)


def summed(into: str, mart: str, key: str, names: set[str], where: str = "true") -> dict[str, dict[str, float]]:
    """The sums of columns of a mart by a key."""
    sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in sorted(names))
    query = f"SELECT {key} AS key, {sums} FROM dialpad_marts.{mart} WHERE {where} GROUP BY 1"  # noqa: S608  # our names
    return {
        one["key"]: {name: float(one[name]) for name in names} for one in rows(into, query) if one["key"] is not None
    }


def off(found: dict[str, dict[str, float]], true: measures.Measures, slack: dict[str, float]) -> list[Any]:
    """The measures that differ from the truth by more than a share of `slack`, or, without one, at all."""
    return [
        (key, name, value, true.get(key, {}).get(name, 0))
        for key, values in found.items()
        for name, value in values.items()
        if abs(value - true.get(key, {}).get(name, 0)) > slack.get(name, 0) * max(1.0, value)
    ]


#: The exports write durations in hundredths of a minute.
ROUNDED = {"handle_seconds": 0.01, "answered_wait_seconds": 1e-5, "available_seconds": 1e-4, "busy_seconds": 1e-4}


def test_measures_of_lines_are_the_truth(duckdb: Built, world: World, period: Period) -> None:
    true = measures.of_lines(world, period)
    names = {name for sums in true.values() for name in sums}
    assert {"callbacks_unconnected", "repeat_free", "csat_satisfied", "within_service_level_open"} < names
    found = summed(duckdb.into, "dialpad__line_days", "line_id", names)
    assert found.keys() == true.keys()
    assert off(found, true, ROUNDED) == []


def test_measures_of_agents_are_the_truth(duckdb: Built, world: World, period: Period) -> None:
    until = period._replace(end_us=period.end_us // DAY * DAY)
    true = measures.of_agents(world, until)
    names = {name for sums in true.values() for name in sums}
    assert {"occupied_seconds", "wrapup_seconds", "legs_not_answered"} < names
    found = summed(
        duckdb.into,
        "dialpad__agent_days",
        "agent_id",
        names,
        f"date < DATE '1970-01-01' + {until.end_us // DAY}",  # today's duty is still open
    )
    assert off(found, true, {**ROUNDED, "occupied_seconds": 1e-4, "wrapup_seconds": 1e-4}) == []


def test_occupancy_by_status_and_by_calls_agree(duckdb: Built) -> None:
    found = rows(
        duckdb.into,
        "SELECT sum(occupied_seconds + wrapup_seconds) / sum(on_queue_seconds) AS by_status, "
        "sum(handle_seconds) / sum(on_queue_seconds) AS by_calls FROM dialpad_marts.dialpad__agent_days "
        "WHERE agent_id IN (SELECT agent_id FROM dialpad_marts.dialpad__agent_status_intervals)",
    )
    assert found[0]["by_status"] == pytest.approx(found[0]["by_calls"], rel=0.02)
    assert 0.05 < found[0]["by_status"] < 0.9


def test_what_the_bot_keeps_is_the_truth(duckdb: Built, world: World, period: Period) -> None:
    true = measures.of_conversations(world, period)
    found = summed(duckdb.into, "dialpad__conversation_days", "'all'", set(true))
    assert found["all"] == true
    assert true["contained"] > 0 < true["handed_over"]


def documented() -> dict[str, str]:
    """Each query of the pages that show some, by its page and number."""
    found: dict[str, str] = {}
    for page in (ROOT / "README.md", ROOT / "docs" / "models.md", PACKAGE / "README.md"):
        blocks = re.findall(r"^```sql\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        queries = [query for block in blocks for query in block.split(";") if query.strip()]
        assert queries, f"{page.name} shows no query"
        found |= {f"{page.relative_to(ROOT)} {number}": query for number, query in enumerate(queries, 1)}
    return found


def test_every_query_of_the_pages_has_the_same_answer_in_both_warehouses(duckdb: Built, both: str) -> None:
    wrong = {}
    for name, query in documented().items():
        ours, theirs = ([answered(row) for row in rows(into, query)] for into in (duckdb.into, both))
        if not ours or sorted(map(str, ours)) != sorted(map(str, theirs)):
            wrong[name] = (ours[:3], theirs[:3])
    assert wrong == {}


def answered(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what two warehouses round differently."""
    return {
        name: round(float(value), 4) if isinstance(value, int | float | Decimal) else str(value)
        for name, value in row.items()
    }


def test_the_answers_of_the_readme_are_the_truth(duckdb: Built, world: World, period: Period) -> None:
    of_lines, of_bot = (rows(duckdb.into, documented()[f"README.md {number}"]) for number in (1, 2))
    lines, bot = measures.of_lines(world, period), measures.of_conversations(world, period)
    in_time = Counter[str]()
    for row in of_lines:
        in_time[row["line_name"]] += row["in_time"]
    assert in_time == {line.name: lines[line.id]["within_service_level"] for line in world.call_centers}
    assert sum(row["kept_by_bot"] for row in of_bot) == bot["contained"]
