import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from event_receiver.app import create_app
from event_receiver.store import Store
from unit_tests.receiver.in_process import READ_KEY, SECRET, Clock, InProcess


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Give the process's logging back as it was."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.captureWarnings(capture=False)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/events.db"


@pytest.fixture
def store(database: str, clock: Clock) -> Iterator[Store]:
    store = Store(database, clock=clock)
    yield store
    store.close()


@pytest.fixture
def receiver(store: Store) -> Iterator[InProcess]:
    """A receiver of unsigned events."""
    client = InProcess(create_app(store, read_key=READ_KEY))
    yield client
    client.close()


@pytest.fixture
def signed_receiver(store: Store) -> Iterator[InProcess]:
    """A receiver of events signed with SECRET; its clock stands at 1 793 577 600 s."""
    client = InProcess(create_app(store, secrets=[SECRET], read_key=READ_KEY, clock=lambda: 1_793_577_600.0))
    yield client
    client.close()
