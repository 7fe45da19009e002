"""A receiver without a socket, and a clock to set."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
from sqlalchemy import event
from starlette.applications import Starlette

from event_receiver.store import Store

SECRET = "unit-secret-9d5ed678fe57bcca610140957afab571"
READ_KEY = "unit-reader-0cc175b9c0f1b6a831c399e269772661"


class InProcess:
    """The app without a socket: requests run in one event loop of the test's own."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.runner = asyncio.Runner()
        self._lifespan = app.router.lifespan_context(app)
        self.runner.run(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(app=app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://receiver")

    def close(self) -> None:
        self.runner.run(self._client.aclose())
        self.runner.run(self._lifespan.__aexit__(None, None, None))
        self.runner.close()

    def post(self, body: bytes | str | dict[str, Any], path: str = "/events") -> httpx.Response:
        content = json.dumps(body) if isinstance(body, dict) else body
        return self.runner.run(self._client.post(path, content=content))

    def post_together(self, bodies: list[dict[str, Any]], path: str = "/events") -> list[httpx.Response]:
        """Send all at once, but no more than are answered in time on a busy machine."""

        async def all_at_once(part: list[dict[str, Any]]) -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.post(path, json=body) for body in part))

        parts = [bodies[start : start + 250] for start in range(0, len(bodies), 250)]
        return [answer for part in parts for answer in self.runner.run(all_at_once(part))]

    def get(self, path: str, *, key: str | None = READ_KEY, **params: Any) -> httpx.Response:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return self.runner.run(self._client.get(path, params=params, headers=headers))

    def request(self, method: str, path: str) -> httpx.Response:
        return self.runner.run(self._client.request(method, path))

    def items(self, **params: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get("/events", **params).json()["items"]
        return items


def before_commits(store: Store, act: Callable[[], object]) -> None:
    """Have something happen in each transaction of a store that is about to commit: it delays, looks, or fails."""
    store.prepare()
    event.listen(store._engine, "commit", lambda _connection: act())


class Clock:
    """Microseconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = 1_793_577_600_000_000

    def __call__(self) -> int:
        return self.now
