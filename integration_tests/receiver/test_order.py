"""A reader that follows the order kept misses nothing, however late a transaction commits."""

import multiprocessing
import threading
from collections import Counter
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillRunning
from itertools import pairwise

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from event_receiver import database as database_module
from event_receiver.delivery import Event
from event_receiver.store import KeptEvent, Receipt, Store
from integration_tests.receiver.writers import SHARED, write
from unit_tests.receiver.in_process import before_commits

WRITERS = 8
TURNS = 8


def one(number: int) -> list[Event]:
    return [Event(str(number), "{}")]


def followed(store: Store, events: list[KeptEvent]) -> None:
    """Read on from the last event read, as a reader with a cursor does."""
    events += store.read("call", after=events[-1].position if events else 0, limit=7).events


def looked_back(store: Store, events: dict[str, KeptEvent]) -> None:
    """Read on from the last time read, as a reader does that keeps only that."""
    since = max((event.received_at for event in events.values()), default=0)
    page = store.read("call", after=store.position_before(since), limit=7)
    events |= {event.event_id: event for event in page.events}


def test_eight_writers_that_commit_late_hide_nothing_from_a_reader(database: str) -> None:
    store = Store(database)
    by_position: list[KeptEvent] = []
    by_time: dict[str, KeptEvent] = {}
    with ProcessPoolExecutor(WRITERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        writing: list[Future[tuple[list[str], list[str]]]] = [
            pool.submit(write, database, writer, TURNS) for writer in range(WRITERS)
        ]
        pages = 0
        while not all(future.done() for future in writing):
            followed(store, by_position)
            looked_back(store, by_time)
            pages += 1
    kept = [identity for future in writing for identity in future.result()[0]]
    repeated = [identity for future in writing for identity in future.result()[1]]
    while len(by_position) < len(kept):
        before = len(by_position)
        followed(store, by_position)
        assert len(by_position) > before
    for _ in range(len(kept)):
        looked_back(store, by_time)
    store.close()

    assert pages > 20  # the reader did read while they wrote
    assert Counter(event.event_id for event in by_position) == Counter(kept)
    assert max(Counter(kept).values()) == 1
    assert set(repeated) <= {event.event_id for event in SHARED} <= set(kept)
    assert len(kept) + len(repeated) > WRITERS * TURNS * 2
    assert [event.position for event in by_position] == list(range(1, len(kept) + 1))
    assert all(earlier.received_at < later.received_at for earlier, later in pairwise(by_position))
    assert set(by_time) == set(kept)


def test_a_plain_sequence_would_have_hidden_the_late_one(database: str) -> None:
    """The same reader over an identity column: what the design avoids, and a proof that this kind of test can fail."""
    with psycopg.connect(database) as late, psycopg.connect(database) as early, psycopg.connect(database) as reader:
        reader.autocommit = True
        reader.execute("CREATE TABLE naive (position bigint GENERATED ALWAYS AS IDENTITY, event_id text)")
        late.execute("INSERT INTO naive (event_id) VALUES ('late')")
        early.execute("INSERT INTO naive (event_id) VALUES ('early')")
        early.commit()
        seen = reader.execute("SELECT position, event_id FROM naive WHERE position > 0").fetchall()
        late.commit()
        seen += reader.execute("SELECT position, event_id FROM naive WHERE position > %s", [seen[-1][0]]).fetchall()
    assert [event for _, event in seen] == ["early"]


@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_while_a_commit_is_late_the_next_one_waits_and_the_reader_sees_neither(
    kind: str, request: pytest.FixtureRequest
) -> None:
    url: str = request.getfixturevalue("database" if kind == "postgres" else "sqlite")
    writing, proceed = threading.Event(), threading.Event()

    def hold() -> None:
        writing.set()
        proceed.wait(2)

    first, second, reader = Store(url), Store(url), Store(url)
    before_commits(first, hold)
    second.prepare()
    reader.prepare()
    with ThreadPoolExecutor(2) as pool:
        late = pool.submit(first.append, one(1))
        writing.wait(10)
        early = pool.submit(second.append, one(2))
        with pytest.raises(StillRunning):
            early.result(timeout=0.3)
        assert reader.read("call", after=0, limit=10).events == []
        proceed.set()
        assert (late.result(), early.result()) == ([Receipt("1", new=True)], [Receipt("2", new=True)])
    assert [event.event_id for event in reader.read("call", after=0, limit=10).events] == ["1", "2"]
    for store in (first, second, reader):
        store.close()


def test_a_writer_that_stops_in_its_turn_holds_the_others_up_for_seconds_only(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "LOCK_SECONDS", 1)
    stopped, others_done = threading.Event(), threading.Event()

    def stop() -> None:
        stopped.set()
        others_done.wait(20)

    frozen, other = Store(database), Store(database)
    before_commits(frozen, stop)
    other.prepare()
    with ThreadPoolExecutor(1) as pool:
        turn = pool.submit(frozen.append, one(1))
        stopped.wait(10)
        with pytest.raises(OperationalError):  # its sender is told in time …
            other.append(one(2))
        for _ in range(5):
            try:
                assert other.append(one(2)) == [
                    Receipt("2", new=True)
                ]  # … and soon the server ends the turn that does not go on
                break
            except OperationalError:
                continue
        others_done.set()
        with pytest.raises(DBAPIError):  # which cannot commit any more
            turn.result()
    assert [event.event_id for event in other.read("call", after=0, limit=10).events] == ["2"]
    frozen.close()
    other.close()
