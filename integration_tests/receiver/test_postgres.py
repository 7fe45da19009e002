"""Keeping in Postgres: odd payloads, settings that would break the promise, and a server that goes away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import psycopg
import pytest
import requests

from event_receiver.delivery import Event
from event_receiver.run import run
from event_receiver.store import Store
from integration_tests.receiver.running import SECRET

# As version 0.1 made them.
LAYOUT_1 = """
CREATE TABLE call_events (
    position BIGINT NOT NULL, event_id VARCHAR(64) NOT NULL, received_at BIGINT NOT NULL, payload TEXT NOT NULL,
    PRIMARY KEY (position), UNIQUE (event_id), UNIQUE (received_at)
);
CREATE TABLE call_events_journal (
    id INTEGER NOT NULL, layout INTEGER NOT NULL, store_id VARCHAR(16) NOT NULL, last_position BIGINT NOT NULL,
    last_received_at BIGINT NOT NULL, pruned_through BIGINT NOT NULL, PRIMARY KEY (id)
);
"""


def post(url: str, event: dict[str, Any]) -> requests.Response:
    return requests.post(f"{url}/events", data=jwt.encode(event, SECRET, "HS256"), timeout=10)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


def test_payloads_come_back_as_they_were_kept(store: Store) -> None:
    payloads = [
        '{"name": "\\u0000"}',
        '{"name": "\\ud83d"}',
        '{"name": "☎ Zoë"}',
        '{"call_id": ' + "9" * 400 + "}",
        '{"duration": 1e400, "duration": 8951.030}',
        '{"transcription_text": "' + "x" * 999_000 + '"}',
    ]
    store.append([Event(str(number), payload) for number, payload in enumerate(payloads)])
    assert [event.payload for event in store.read("call", after=0, limit=9).events] == payloads


def test_an_older_database_is_changed_in_place_while_several_receivers_start(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(LAYOUT_1)
        connection.execute("INSERT INTO call_events SELECT n, n::text, 1000 + n, '{}' FROM generate_series(1, 5000) n")
        connection.execute("INSERT INTO call_events_journal VALUES (1, 1, '6345b55d', 5000, 6000, 0)")
    stores = [Store(database) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(Store.prepare, stores)) == {"6345b55d"}
    stores[0].append([Event("repeat", "{}", "sms"), Event("17", "{}")])
    events = stores[1].read("call", after=0, limit=9999).events
    assert [(event.position, event.event_id) for event in events] == [(n, str(n)) for n in range(1, 5001)]
    assert [event.position for event in stores[2].read("sms", after=0, limit=9).events] == [5001]
    with psycopg.connect(database) as old, pytest.raises(psycopg.errors.UndefinedTable):
        old.execute("INSERT INTO call_events VALUES (99, 'x', 1, '{}')")
    for store in stores:
        store.close()


def test_a_database_that_cannot_hold_every_name_is_refused_in_words(
    postgres: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, encoding in enumerate(("SQL_ASCII", "LATIN1")):
        options = f"ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE narrow_{number} {options}")
        assert run(["--database", postgres.get_uri(database=f"narrow_{number}")], {}) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith(f"dialpad-event-receiver: The database has the encoding {encoding}")


def test_a_server_that_does_not_flush_commits_is_told_to(postgres: Any, database: str) -> None:
    name = database.split("/")[3].split("?", maxsplit=1)[0]
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    store = Store(database)
    with store._engine.connect() as checked:
        assert checked.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    store.close()


def test_a_server_that_isolates_more_by_default_does_not_break_the_order(postgres: Any, database: str) -> None:
    name = database.split("/")[3].split("?", maxsplit=1)[0]
    with psycopg.connect(postgres.get_uri(), autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = serializable")
    stores = [Store(database) for _ in range(4)]
    stores[0].prepare()

    def keep(number: int) -> list[bool]:
        return [receipt.new for receipt in stores[number % 4].append([Event(str(number), "{}")])]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(keep, range(40))) == [[True]] * 40
    assert [event.position for event in stores[0].read("call", after=0, limit=100).events] == list(range(1, 41))
    for store in stores:
        store.close()


def test_receivers_that_start_together_share_one_order(receivers: Any, database: str) -> None:
    both = receivers(database, 2)

    def send(number: int) -> str:
        return str(post(both[number % 2].url, {"call_id": number // 2}).json()["status"])

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(120)))
    items = [receiver.items() for receiver in both]
    assert sorted(statuses) == ["kept"] * 60 + ["repeated"] * 60  # each event went to both
    assert items[0] == items[1]
    assert sorted(item["event"]["call_id"] for item in items[0]) == list(range(60))


def test_a_database_that_goes_away_and_comes_back_needs_no_restart(
    receivers: Any, postgres: Any, database: str
) -> None:
    (receiver,) = receivers(database)
    assert post(receiver.url, {"call_id": 1}).status_code == 200
    postgres.stop()
    try:
        assert (post(receiver.url, {"call_id": 2}).status_code, post(receiver.url, {}).status_code) == (503, 503)
        assert requests.get(f"{receiver.url}/healthz", timeout=10).status_code == 503
    finally:
        postgres.start()
    assert requests.get(f"{receiver.url}/healthz", timeout=10).status_code == 200
    assert post(receiver.url, {"call_id": 2}).json()["status"] == "kept"
    assert [item["event"]["call_id"] for item in receiver.items()] == [1, 2]
