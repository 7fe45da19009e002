"""Keeping in Postgres: odd payloads, settings that would break the promise, and a server that goes away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import psycopg
import pytest
import requests

from event_receiver.delivery import Event
from event_receiver.store import Store
from integration_tests.receiver.running import SECRET


def post(url: str, event: dict[str, Any]) -> requests.Response:
    return requests.post(f"{url}/events", data=jwt.encode(event, SECRET, "HS256"), timeout=10)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    yield store
    store.close()


@pytest.mark.parametrize(
    "payload",
    [
        '{"name": "\\u0000"}',
        '{"name": "\\ud83d"}',
        '{"name": "☎ Zoë"}',
        '{"call_id": ' + "9" * 400 + "}",
        '{"duration": 1e400, "duration": 8951.030}',
        '{"transcription_text": "' + "x" * 999_000 + '"}',
    ],
    ids=["NUL", "surrogate", "beyond ASCII", "400 digits", "numbers", "1 MB"],
)
def test_a_payload_comes_back_as_it_was_kept(store: Store, payload: str) -> None:
    store.keep([Event("e", payload)])
    assert store.read(after=0, limit=1).events[0].payload == payload


def test_received_at_is_the_time_of_the_database(store: Store) -> None:
    before = time.time_ns() // 1000
    store.keep([Event("e", "{}")])
    assert before - 1000 <= store.read(after=0, limit=1).events[0].received_at <= time.time_ns() // 1000 + 1000


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
        return stores[number % 4].keep([Event(str(number), "{}")])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(keep, range(40))) == [[True]] * 40
    assert [event.position for event in stores[0].read(after=0, limit=100).events] == list(range(1, 41))
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
