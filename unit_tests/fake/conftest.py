"""A small company, a clock that is set by hand, and a client that needs no socket."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
import requests

from fake_dialpad.server import FakeDialpad, InProcessAdapter
from fake_dialpad.variants import Variants
from fake_dialpad.world import World

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
MESSAGES = "/KoopidPartnerServer/api/APIEndpoint/Dashboard/Messages"
SESSION = "/KoopidPartnerServer/api/APIEndpoint/Dashboard/1020/RedactedMessages"


class Clock:
    """Epoch seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        return self.now


class Client:
    """Speaks to a fake in process, each API with its key."""

    def __init__(self, fake: FakeDialpad, clock: Clock) -> None:
        self.fake = fake
        self.clock = clock
        self.session = requests.Session()
        self.session.mount("https://", InProcessAdapter(fake))

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> requests.Response:
        keys = self.fake.keys
        if key is None:
            key = f"Bearer {keys.dialpad}"
            if path.startswith("/Koopid"):
                key = f"Bearer {keys.engagement}"
            if path.startswith("/v1/"):
                key = keys.analytics
        headers = {"Authorization": key} if key else {}
        return self.session.request(method, f"https://dialpad.com{path}", headers=headers, timeout=30, **more)

    def get(self, path: str, **parameters: Any) -> requests.Response:
        return self.ask("GET", path, params=parameters)

    def post(self, path: str, body: object) -> requests.Response:
        return self.ask("POST", path, json=body)

    def start(self, stat_type: str = "calls", export_type: str = "records", **more: Any) -> requests.Response:
        return self.post("/api/v2/stats", {"export_type": export_type, "stat_type": stat_type, **more})

    def download(self, *arguments: str, **more: Any) -> requests.Response:
        started = self.start(*arguments, **more)
        assert started.status_code == 200, started.text
        self.clock.now += 60
        answer = self.get(f"/api/v2/stats/{started.json()['request_id']}").json()
        return self.session.get(answer["download_url"], timeout=30)

    def export(self, *arguments: str, **more: Any) -> list[dict[str, str]]:
        text = self.download(*arguments, **more).content.decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def truth(self, stream: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.get(f"/_fake/truth/{stream}", **parameters)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def pages(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            answer = self.get(path, **parameters).json()
            rows += answer.get("items") or []
            if not answer.get("cursor"):
                return rows
            parameters["cursor"] = answer["cursor"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def world() -> World:
    return World(7, 12, 50, messages_per_day=150, agents=24, call_centers=3, today=date(2026, 11, 20), edge_cases=True)


@pytest.fixture
def fake(world: World, clock: Clock) -> FakeDialpad:
    return FakeDialpad(world, clock=clock, variants=Variants(rates="off"))


@pytest.fixture
def client(fake: FakeDialpad, clock: Clock) -> Client:
    return Client(fake, clock)
