"""A database of version 0.1, which had call events alone, is opened, read and written by this one."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from event_receiver.app import create_app
from event_receiver.delivery import Event
from event_receiver.errors import SettingError
from event_receiver.store import Store
from unit_tests.receiver.in_process import READ_KEY, InProcess

# As version 0.1 made them in SQLite.
LAYOUT_1 = """
CREATE TABLE call_events (
    position INTEGER NOT NULL, event_id VARCHAR(64) NOT NULL, received_at BIGINT NOT NULL, payload TEXT NOT NULL,
    PRIMARY KEY (position), UNIQUE (event_id), UNIQUE (received_at)
);
CREATE TABLE call_events_journal (
    id INTEGER NOT NULL, layout INTEGER NOT NULL, store_id VARCHAR(16) NOT NULL, last_position BIGINT NOT NULL,
    last_received_at BIGINT NOT NULL, pruned_through BIGINT NOT NULL, PRIMARY KEY (id)
);
"""
FIRST = 1_793_577_600_000_000
COUNT = 50


def payload(position: int) -> str:
    return f'{{"call_id": {position}, "total_duration": 8951.030}}'


@pytest.fixture
def old(tmp_path: Path, database: str) -> str:
    """A database whose first 20 of 50 events were pruned."""
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.executescript(LAYOUT_1)
        rows = [(n, f"{n:064x}", FIRST + n, payload(n)) for n in range(21, COUNT + 1)]
        connection.executemany("INSERT INTO call_events VALUES (?, ?, ?, ?)", rows)
        journal = (1, 1, "6345b55d", COUNT, FIRST + COUNT, 20)
        connection.execute("INSERT INTO call_events_journal VALUES (?, ?, ?, ?, ?, ?)", journal)
    return database


def test_every_event_is_there_in_its_order_as_a_call_event(old: str) -> None:
    with closing(Store(old)) as store:
        assert store.prepare() == "6345b55d"
        page = store.read("call", after=0, limit=1000)
    assert [(one.position, one.event_id, one.received_at, one.payload) for one in page.events] == [
        (n, f"{n:064x}", FIRST + n, payload(n)) for n in range(21, COUNT + 1)
    ]
    assert (page.last_position, page.pruned, page.pruned_received_at) == (COUNT, 20, FIRST + 20)


def test_new_events_of_every_kind_follow_and_repeats_are_recognized(old: str) -> None:
    with closing(Store(old)) as store:
        receipts = store.append([Event(f"{30:064x}", payload(30)), Event("a" * 64, "{}", "sms"), Event("b" * 64, "{}")])
        assert [receipt.new for receipt in receipts] == [False, True, True]
        ends = {kind: store.read(kind, after=0, limit=1000).events[-1].position for kind in ("sms", "call")}
    assert ends == {"sms": COUNT + 1, "call": COUNT + 2}


def test_a_database_is_changed_once_and_can_be_opened_by_two_receivers(old: str) -> None:
    with closing(Store(old)) as one, closing(Store(old)) as other:
        assert one.prepare() == other.prepare()
        one.append([Event("a" * 64, "{}")])
        assert len(other.read("call", after=COUNT, limit=9).events) == 1


def test_a_reader_by_time_learns_of_what_was_pruned_before(old: str) -> None:
    client = InProcess(create_app(Store(old), read_key=READ_KEY))
    answer = client.get("/events", received_after="2026-11-01T00:00:00Z", limit=1).json()
    assert answer["pruned_through"] < answer["items"][0]["received_at"] == "2026-11-02T00:00:00.000021Z"
    client.close()


def test_a_receiver_of_the_old_version_fails_beside_it(old: str, tmp_path: Path) -> None:
    with closing(Store(old)) as store:
        store.prepare()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection:
        # What a running one does at its next event ...
        with pytest.raises(sqlite3.OperationalError, match="no such table: call_events"):
            connection.execute("INSERT INTO call_events VALUES (99, 'x', 1, '{}')")
        # ... and what one reads at its start, where it needs layout 1.
        assert connection.execute("SELECT layout FROM call_events_journal").fetchone() == (2,)


def test_a_database_of_a_newer_receiver_is_refused(database: str, tmp_path: Path) -> None:
    with closing(Store(database)) as store:
        store.prepare()
    with closing(sqlite3.connect(tmp_path / "events.db")) as connection, connection:
        connection.execute("UPDATE call_events_journal SET layout = 3")
    with closing(Store(database)) as store, pytest.raises(SettingError, match="layout 3"):
        store.prepare()
