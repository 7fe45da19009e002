"""`make models` and `make report` build in the zone in which the sync cut its days; `dialpad_timezone` comes first."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import duckdb
import pytest

from dbt_dialpad import __main__ as marts

if TYPE_CHECKING:
    from pathlib import Path

DBT = """#!/bin/sh
printf '%s\\n' "$@" >FOLDER/asked
mkdir -p FOLDER/target
echo '{"results": []}' >FOLDER/target/run_results.json
"""
"""In place of dbt: notes what it is asked for."""


@pytest.fixture(autouse=True)
def _dbt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dbt"
    program.write_text(DBT.replace("FOLDER", str(tmp_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(marts, "DBT", program)
    monkeypatch.setattr(marts, "PACKAGE", tmp_path)


def warehouse(folder: Path, *statements: str) -> str:
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return str(path)


def table(name: str, *zones: str | None) -> str:
    """A table of a stream, its last row the newest."""
    rows = ", ".join(
        f"({'NULL' if zone is None else repr(zone)}, TIMESTAMP '2026-11-0{number} 12:00')"
        for number, zone in enumerate(zones, 1)
    )
    return f"CREATE TABLE {name} AS SELECT * FROM (VALUES {rows}) AS given(timezone, _airbyte_extracted_at)"  # noqa: S608  # our rows


def asked(folder: Path, into: str, *words: str) -> tuple[str, bool]:
    """The zone that dbt is given, and whether it builds all anew."""
    assert marts.main(["--warehouse", into, *words]) == 0
    said = (folder / "asked").read_text().splitlines()
    return json.loads(said[said.index("--vars") + 1])["dialpad_timezone"], "--full-refresh" in said


def test_the_zone_is_that_of_the_newest_export(tmp_path: Path) -> None:
    into = warehouse(tmp_path, table("records_calls", "UTC", "America/Los_Angeles"), table("stats_onduty", "UTC"))
    assert asked(tmp_path, into) == ("America/Los_Angeles", False)


def test_a_sync_without_calls_has_a_zone_too(tmp_path: Path) -> None:
    into = warehouse(tmp_path, table("records_calls", None), table("analytics_metric_data", "Europe/Berlin"))
    assert asked(tmp_path, into) == ("Europe/Berlin", False)


def test_a_warehouse_that_names_no_zone_is_built_in_utc(tmp_path: Path) -> None:
    assert asked(tmp_path, warehouse(tmp_path)) == ("UTC", False)


def test_the_zone_of_the_user_comes_first(tmp_path: Path) -> None:
    into = warehouse(tmp_path, table("records_calls", "America/Los_Angeles"))
    assert asked(tmp_path, into, "--vars", '{"dialpad_timezone": "Asia/Tokyo"}') == ("Asia/Tokyo", False)


def test_marts_with_days_of_another_zone_are_built_anew(tmp_path: Path) -> None:
    dates = "SELECT DATE '2026-11-02' AS date, TIMESTAMP '2026-11-02 08:00' AS starts_at"
    into = warehouse(
        tmp_path,
        table("records_calls", "America/Los_Angeles"),
        "CREATE SCHEMA dialpad_marts",
        f"CREATE TABLE dialpad_marts.dialpad__dates AS {dates}",
    )
    assert asked(tmp_path, into) == ("America/Los_Angeles", False)
    assert asked(tmp_path, into, "--vars", '{"dialpad_timezone": "UTC"}') == ("UTC", True)


def test_a_zone_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="dialpad_timezone is 'Berlin', which is no time zone"):
        marts.main(["--warehouse", warehouse(tmp_path), "--vars", '{"dialpad_timezone": "Berlin"}'])
