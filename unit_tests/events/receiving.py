"""A receiver that the connector reads in process, and the configuration for it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from event_receiver.app import create_app
from event_receiver.store import Store
from unit_tests.receiver.in_process import READ_KEY, InProcess

if TYPE_CHECKING:
    import requests_mock

    from unit_tests.core.reading import Row

URL = "https://calls.example.com"
MICROSECONDS = 1_000_000


def config(**more: Any) -> Row:
    start = (datetime.now(UTC).date() - timedelta(days=15)).isoformat()
    return {"start_date": start, "event_receiver": {"base_url": URL, "api_key": READ_KEY, **more}}


def event(number: int, **more: Any) -> Row:
    return {
        "call_id": 5_000_000_000_000_000 + number,
        "state": "hangup",
        "event_timestamp": 1793577649994 + number,
        "date_started": 1793577639404,
        "date_rang": None,
        "total_duration": 8951.03,
        "target": {"id": 5000000000000100, "name": "Office", "type": "office", "office_id": 5000000000000100},
        "proxy_target": {},
        "contact": {"id": 7, "name": "Ann"},
        **more,
    }


class Receiver:
    """A receiver behind `requests`; its clock is set by the test, in microseconds."""

    def __init__(self, database: str, fetch: requests_mock.Mocker) -> None:
        self.now = int((datetime.now(UTC) - timedelta(days=2)).timestamp() * MICROSECONDS)
        self.queries: list[Row] = []
        self.client: InProcess | None = None
        self.lock = threading.Lock()
        self.open(database)
        fetch.get(f"{URL}/events", content=self.answer)

    def open(self, database: str) -> None:
        self.close()
        self.store = Store(database, clock=lambda: self.now)
        self.client = InProcess(create_app(self.store, read_key=READ_KEY))

    def close(self) -> None:
        if self.client:
            self.client.close()

    def answer(self, request: Any, context: Any) -> bytes:
        with self.lock:
            query = {name: values[0] for name, values in request.qs.items()}
            self.queries.append(query)
            assert self.client
            if "received_after" in query:
                query["received_after"] = query["received_after"].upper()
            key = request.headers["Authorization"].removeprefix("Bearer ")
            response = self.client.get("/events", key=key, **query)
            context.status_code = response.status_code
            return response.content

    def take(self, *events: Row) -> list[str]:
        """Keeps events a second apart; their ids."""
        assert self.client
        ids = []
        for event in events:
            self.now += MICROSECONDS
            ids.append(self.client.post(event).json()["event_id"])
        return ids

    def take_many(self, count: int) -> list[str]:
        assert self.client
        self.now += MICROSECONDS
        ids: list[str] = []
        for first in range(0, count, 100):  # few enough at once for a slow machine
            together = self.client.post_together([event(number) for number in range(first, first + 100)])
            ids += [answer.json()["event_id"] for answer in together]
        return ids
