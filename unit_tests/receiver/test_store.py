import resource
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from event_receiver import store as store_module
from event_receiver.delivery import Event
from event_receiver.errors import SettingError
from event_receiver.store import Receipt, Store
from unit_tests.receiver.in_process import Clock, before_commits


def call_event(number: int) -> Event:
    return Event(f"{number:064x}", f'{{"call_id":{number}}}')


def call_events(*numbers: int) -> list[Event]:
    return [call_event(number) for number in numbers]


def new(receipts: list[Receipt]) -> list[bool]:
    return [receipt.new for receipt in receipts]


def positions(store: Store, after: int = 0) -> list[int]:
    return [event.position for event in store.read("call", after=after, limit=1000).events]


def test_positions_count_from_one_without_holes(store: Store) -> None:
    store.append(call_events(7, 8))
    store.append(call_events(9))
    assert positions(store) == [1, 2, 3]


def test_an_event_that_comes_again_is_one_row_and_takes_no_position(store: Store) -> None:
    assert new(store.append(call_events(1, 2))) == [True, True]
    assert new(store.append(call_events(2, 3, 1))) == [False, True, False]
    assert [event.event_id[-1] for event in store.read("call", after=0, limit=9).events] == ["1", "2", "3"]


def test_of_two_equal_events_in_one_commit_the_first_is_kept(store: Store) -> None:
    assert new(store.append(call_events(1, 1, 2))) == [True, False, True]
    assert positions(store) == [1, 2]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ticks=st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=8), size=st.integers(1, 3))
def test_received_at_rises_with_the_position_whatever_the_clock_does(
    tmp_path_factory: pytest.TempPathFactory, ticks: list[int], size: int
) -> None:
    times = iter([1_793_577_600_000_000 + tick for tick in ticks])
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('clock')}/events.db", clock=lambda: next(times))
    for turn in range(len(ticks)):
        store.append(call_events(*range(turn * size, (turn + 1) * size)))
    events = store.read("call", after=0, limit=1000).events
    store.close()
    assert len(events) == len(ticks) * size
    assert all(one.received_at < other.received_at for one, other in pairwise(events))


def test_a_page_tells_the_last_position_also_when_it_is_empty(store: Store) -> None:
    store.append(call_events(1, 2))
    page = store.read("call", after=2, limit=10)
    assert (page.events, page.last_position) == ([], 2)


def test_position_before_a_time_leaves_out_everything_earlier_and_nothing_else(store: Store, clock: Clock) -> None:
    times = []
    for number in range(5):
        clock.now += 1_000_000
        times.append(clock.now)
        store.append(call_events(number))
    assert [store.position_before(time) for time in times] == [0, 1, 2, 3, 4]
    assert [store.position_before(time + 1) for time in times] == [1, 2, 3, 4, 5]
    assert store.position_before(0) == 0


def test_a_transaction_that_fails_keeps_nothing_and_leaves_no_hole(database: str) -> None:
    def fail() -> None:
        raise ConnectionError

    failing, store = Store(database), Store(database)
    before_commits(failing, fail)
    store.append(call_events(1))
    with pytest.raises(ConnectionError):
        failing.append(call_events(2, 3))
    store.append(call_events(4))
    assert [event.event_id[-1] for event in store.read("call", after=0, limit=9).events] == ["1", "4"]
    assert positions(store) == [1, 2]
    failing.close()
    store.close()


def test_events_are_not_seen_before_their_commit(database: str) -> None:
    seen: list[list[int]] = []
    other = Store(database)
    other.prepare()
    store = Store(database)
    before_commits(store, lambda: seen.append(positions(other)))
    store.append(call_events(1))
    store.append(call_events(2))
    assert seen == [[], [1]]
    store.close()
    other.close()


def test_stores_on_one_file_share_one_order(database: str) -> None:
    stores = [Store(database), Store(database)]
    for number in range(6):
        stores[number % 2].append(call_events(number))
    assert [positions(store) for store in stores] == [[1, 2, 3, 4, 5, 6]] * 2
    assert stores[0].prepare() == stores[1].prepare()
    for store in stores:
        store.close()


def test_a_reopened_store_goes_on_where_it_was(database: str) -> None:
    for number in range(3):
        store = Store(database)
        store.append(call_events(number))
        store.close()
    assert positions(Store(database)) == [1, 2, 3]


def test_sqlite_writes_ahead_and_flushes_each_commit(store: Store) -> None:
    store.prepare()
    with store._engine.connect() as connection:
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]  # 2 is FULL


def test_pruning_removes_what_is_older_and_never_gives_a_position_again(store: Store, clock: Clock) -> None:
    store.append(call_events(1, 2))
    clock.now += 1_000_000
    border = clock.now
    store.append(call_events(3))
    assert store.prune(border) == 2
    assert positions(store) == [3]
    assert store.prune(border + 1) == 1
    store.append(call_events(4))
    page = store.read("call", after=0, limit=9)
    assert ([event.position for event in page.events], page.pruned, page.last_position) == ([4], 3, 4)


def test_pruning_takes_several_short_transactions(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "PRUNE_ROWS", 2)
    store.append(call_events(*range(5)))
    assert store.prune(clock.now + 10) == 5
    assert positions(store) == []


def test_a_check_changes_nothing(store: Store) -> None:
    store.append(call_events(1))
    store.check()
    store.append(call_events(2))
    assert positions(store) == [1, 2]


def test_a_check_fails_on_a_full_disk(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/full.db")
    store.check()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / "full.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited[1]))
    try:
        with pytest.raises(OperationalError):
            store.check()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    store.check()
    store.close()


def test_a_database_that_cannot_keep_is_refused_with_the_cure() -> None:
    for database, text in (
        ("events.db", "not a URL"),
        ("mysql://localhost/events", "mysql"),
        ("sqlite://", "memory"),
        ("sqlite:///:memory:", "memory"),
        ("sqlite:///file:events?mode=memory&uri=true", "memory"),
    ):
        with pytest.raises(SettingError, match=text):
            Store(database)


def test_any_spelling_of_postgres_gets_the_driver_that_comes_along() -> None:
    urls = [
        f"{scheme}://user@localhost/events"
        for scheme in ("postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg")
    ]
    assert {Store(url).url.drivername for url in urls} == {"postgresql+psycopg"}


def test_the_name_of_a_database_hides_its_password() -> None:
    assert "k2hbP9" not in str(Store("postgresql://user:k2hbP9-long-password@localhost/events"))
