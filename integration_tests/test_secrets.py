"""Secrets that Dialpad gives in clear, and the keys of the account: none is in a byte of what a process puts out."""

from __future__ import annotations

import itertools
import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
import orjson
import pytest
import requests

from event_receiver.app import create_app
from event_receiver.store import Store
from fake_dialpad.context import Keys
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import Variants
from fake_dialpad.wire import answer
from fake_dialpad.world import World
from integration_tests.standard.account import OTHER_EVENTS
from integration_tests.sync.connector import EXECUTABLE
from integration_tests.sync.served import served
from unit_tests.stream_tables import streams_by_api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dialpad.wire import Request, Response

MARK = "PLANTED-"
"""What every secret of these tests begins with."""
DIALPAD, READER, SIGNING = (f"{MARK}{name}-0f9e8d7c6b5a" for name in ("company-key", "read-key", "signing-secret"))
STREAMS = [stream["name"] for api in ("directory", "events") for stream in streams_by_api()[api]]
HOLDERS = ("call_routers", "webhooks", "scheduled_reports", "desk_phones", "event_subscriptions")
"""The streams whose lists hold secrets."""
SECRETS = {"secret", "password", "websocket_url"}
HOLDING = {
    *("callrouters", "webhooks", "schedulereports", "deskphones"),
    *("call", "sms", "agent_status", "contact", "changelog", "channel", "fax"),
}
"""The last parts of the paths whose answers hold secrets."""


class Planting(FakeDialpad):
    """An account whose secrets all bear the mark; `mode` is how it answers where they are."""

    mode = "as documented"

    def __init__(self, world: World) -> None:
        super().__init__(world, keys=Keys(dialpad=DIALPAD), variants=Variants(rates="off"))
        self.planted: set[str] = set()
        """The last parts of the paths where secrets were given."""

    def handle(self, request: Request) -> Response:
        """Answers, and notes where a secret was given."""
        response = super().handle(request)
        if request.method != "GET" or not request.path.startswith("/api/v2/") or response.status != 200:
            return response
        value, given = planted(orjson.loads(response.content()))
        if given:
            self.planted.add(request.path.rpartition("/")[2])
            if self.mode != "as documented":
                return answer({"rows": value["items"]}, 400 if self.mode == "refused" else 200)
        return answer(value)


def planted(value: Any) -> tuple[Any, int]:
    """The same answer, each secret in it behind the mark, and how many there are."""
    if isinstance(value, list):
        items = [planted(item) for item in value]
        return [item for item, _ in items], sum(count for _, count in items)
    if not isinstance(value, dict):
        return value, 0
    members = {name: planted(member) for name, member in value.items()}
    marked = {name: MARK + member if name in SECRETS else member for name, (member, _) in members.items()}
    return marked, sum(count for _, count in members.values()) + len(SECRETS & value.keys())


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[Planting, str]]:
    world = World(seed=5, days=4, calls_per_day=5, messages_per_day=2, agents=8, call_centers=2)
    fake = Planting(world)
    with serve(fake) as url:
        key = {"Authorization": f"Bearer {DIALPAD}"}
        asked: dict[str, Any] = {"hook_url": "https://example.com/a", "secret": SIGNING}
        hook = requests.post(f"{url}/api/v2/webhooks", json=asked, headers=key, timeout=10).json()["id"]
        kinds: dict[str, dict[str, Any]] = {
            "call": {"call_states": ["all"]},
            "agent_status": {"agent_type": "callcenter"},
        }
        for kind, more in kinds.items():
            asked = {"endpoint_id": int(hook), **more}
            path = f"{url}/api/v2/subscriptions/{kind}"
            requests.post(path, json=asked, headers=key, timeout=10).raise_for_status()
        yield fake, url


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An event receiver that has taken an event of each kind but calls."""
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('receiver') / 'events.db'}")
    with served(create_app(store, secrets=(SIGNING,), read_key=READER)) as url:
        for kind, event in OTHER_EVENTS.items():
            signed = jwt.encode(event, SIGNING, algorithm="HS256")
            requests.post(f"{url}/events/{kind}", data=signed, timeout=10).raise_for_status()
        yield url


def everything_put_out(folder: Path, fake_url: str, receiver: str, *streams: str) -> bytes:
    """Standard output and standard error of a process that reads streams with `--debug`."""
    config = {
        "start_date": (datetime.now(UTC).date() - timedelta(days=3)).isoformat(),
        "dialpad": {"base_url": fake_url, "api_key": DIALPAD},
        "event_receiver": {"base_url": receiver, "api_key": READER},
    }
    stream = {"json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    mode = {"sync_mode": "incremental", "destination_sync_mode": "append"}
    catalog = {"streams": [{"stream": {"name": name, **stream}, **mode} for name in streams]}
    for name, content in {"config": config, "catalog": catalog}.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    files = [f"--{name}={folder / name}.json" for name in ("config", "catalog")]
    ended = subprocess.run([EXECUTABLE, "read", "--debug", *files], capture_output=True, timeout=120, check=False)
    return ended.stdout + ended.stderr


def around(text: bytes) -> list[bytes]:
    """Where the mark is in an output."""
    parts = text.split(MARK.encode())
    return [before[-80:] + MARK.encode() + after[:40] for before, after in itertools.pairwise(parts)]


@pytest.mark.parametrize("mode", ["as documented", "another shape", "refused"])
def test_no_secret_is_in_anything_that_a_process_puts_out(
    mode: str, account: tuple[Planting, str], receiver: str, tmp_path: Path
) -> None:
    fake, url = account
    fake.mode = mode
    fake.planted.clear()
    text = everything_put_out(tmp_path, url, receiver, *(STREAMS if mode == "as documented" else HOLDERS))
    assert fake.planted >= HOLDING
    assert around(text) == []
    assert b"Making outbound API request" in text
    if mode == "as documented":
        records = {json.loads(line)["record"]["stream"] for line in text.splitlines() if b'"type":"RECORD"' in line}
        assert {*HOLDERS, "sms_events"} <= records
    else:
        assert b"****" in text  # the error shows the answer
