"""An invented account over TCP, an event receiver that takes its webhooks, and the connector beside them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests

from event_receiver.app import create_app
from event_receiver.store import Store
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World
from integration_tests.standard.account import OTHER_EVENTS
from integration_tests.sync.connector import Connector
from integration_tests.sync.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS = 12
TOO_SLOW = {"call_recaps"}
"""Streams of which Dialpad gives a row in five seconds; unit_tests/conversations reads them in process."""
QUIET = 15 * 60
"""Seconds in which nothing happens before a sync: longer than the lag, so that all of the truth can be read."""
READ_KEY = "integration-reader-1679091c5a880faf6fb5e6087eb1b2dc"
SECRET = "integration-secret-e4da3b7fbbce2345d7772b0674a318d5"


@pytest.fixture(scope="module")
def fake() -> Iterator[str]:
    """The account's address; nothing new happens in it, so that what is read can be compared with the truth."""
    world = World(seed=11, days=DAYS, calls_per_day=40, messages_per_day=40, agents=20, call_centers=3)
    with serve(FakeDialpad(world, export_seconds=2)) as url:
        requests.post(f"{url}/_fake/clock", json={"horizon": time.time() - QUIET}, timeout=10)
        yield url


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory, fake: str) -> Iterator[str]:
    """An event receiver that has taken 40 call events of the account, and one of every other kind."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('receiver') / 'events.db'}")
    with served(create_app(store, secrets=(SECRET,), read_key=READ_KEY)) as url:
        key = {"Authorization": "Bearer dialpad-key-0123456789"}
        hook = requests.post(
            f"{fake}/api/v2/webhooks", json={"hook_url": f"{url}/events", "secret": SECRET}, headers=key, timeout=10
        ).json()
        requests.post(
            f"{fake}/api/v2/subscriptions/call",
            json={"endpoint_id": int(hook["id"]), "call_states": ["all"]},
            headers=key,
            timeout=10,
        ).raise_for_status()
        requests.post(f"{fake}/_fake/webhooks/send", json={"count": 40, "wait": True}, timeout=60).raise_for_status()
        for kind, event in OTHER_EVENTS.items():  # the fake sends those of calls alone
            signed = jwt.encode(event, SECRET, algorithm="HS256")
            requests.post(f"{url}/events/{kind}", data=signed, timeout=10).raise_for_status()
        yield url


@pytest.fixture(scope="module")
def config(fake: str, receiver: str) -> dict[str, Any]:
    """Every section, sparing with the 200 export requests an hour that the fake allows."""
    return {
        "start_date": (datetime.now(UTC).date() - timedelta(days=DAYS - 2)).isoformat(),
        "timezone": "America/Los_Angeles",
        "engagement": {"base_url": fake, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
        "dialpad": {
            "base_url": fake,
            "api_key": "dialpad-key-0123456789",
            "export_window_days": 90,
            "aggregate_window": "month",
        },
        "analytics": {"base_url": fake, "api_key": "analytics-key-0123456789", "grain": "week"},
        "event_receiver": {"base_url": receiver, "api_key": READ_KEY},
    }


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Connector:
    """The command line, with a folder for its files."""
    return Connector(config, tmp_path_factory.mktemp("connector"))


@pytest.fixture(scope="module")
def streams(connector: Connector) -> list[dict[str, Any]]:
    """The catalogue, without what would take half an hour."""
    return [stream for stream in connector.discover() if stream["name"] not in TOO_SLOW]
