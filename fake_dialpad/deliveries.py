"""Deliveries: how an event gets to a webhook, and a feed of every kind of event straight to a receiver.

What it keeps to (pages of the webhook subscriptions and on delivery failures): a body is plain JSON or, with a secret,
a JWT signed HS256; any 2xx within 5 s is a delivery; after a 5xx a call is tried again 3 times, a text 10 times over
four hours, the others 4 times within 1.5 s; after a time-out or a broken connection twice at once; after a 4xx never.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import TYPE_CHECKING, Any, Final

import jwt
import orjson
import requests

from fake_dialpad.account_events import account_events
from fake_dialpad.model import SECOND, day_of, midnight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.context import Context

Item = dict[str, Any]

RETRIES: Final = {"call": (2, 4, 8), "sms": (30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600)}
QUICK_RETRIES: Final = (0.1, 0.2, 0.4, 0.8)
"""Seconds before each further attempt after a 5xx, by kind and for all other kinds."""

ALLOWED_SECONDS: Final = 5.0
FAULT_OF_SERVER: Final = 500
SUCCESS: Final = 2  # any 2xx
TICK_SECONDS: Final = 0.1


def post(url: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
    """Deliver one event and return the status."""
    return requests.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False).status_code


class Delivery:
    """One event on its way to one URL."""

    def __init__(self, kind: str, event: Item, url: str, secret: str | None) -> None:
        self.kind = kind
        self.event = event
        self.url = url
        self.attempts: list[Item] = []
        self._waits = list(RETRIES.get(kind, QUICK_RETRIES))
        self._at_once = 2
        signed = bool(secret)
        self._headers = {"content-type": "application/jwt" if signed else "application/json"}
        self._body = jwt.encode(event, secret, algorithm="HS256").encode() if secret else orjson.dumps(event)

    def attempt(self, send: Callable[..., int]) -> float | None:
        """Try once, after a broken connection again at once; return the seconds to the next attempt, None if over."""
        while True:
            try:
                status = send(self.url, self._body, self._headers, ALLOWED_SECONDS)
            except requests.RequestException as error:
                self.attempts.append({"error": type(error).__name__})
                if not self._at_once:
                    return None
                self._at_once -= 1
                continue
            self.attempts.append({"status": status})
            return self._waits.pop(0) if status >= FAULT_OF_SERVER and self._waits else None

    @property
    def problem(self) -> str:
        """Why the last attempt failed, as the end of a sentence; empty if it did not."""
        last = self.attempts[-1]
        if self.delivered:
            return ""
        return f"was refused ({last['status']})" if "status" in last else f"got no answer ({last['error']})"

    @property
    def delivered(self) -> bool:
        """Whether the last attempt was answered with a 2xx."""
        return bool(self.attempts[-1].get("status", 0) // 100 == SUCCESS)

    def report(self) -> Item:
        """Return what became of it."""
        return {"hook_url": self.url, "event": self.event, "attempts": self.attempts, "delivered": self.delivered}


class Feed:
    """Sends the events of every kind to `<url>/<kind>` as they happen, with those since yesterday's midnight first.

    `from_now` leaves those out that happened before.
    `calls` yields the call events after an instant in microseconds. `done` holds what was delivered or given up. `log`
    gets one line at the start, and one for each way in which deliveries fail.
    """

    def __init__(
        self,
        context: Context,
        calls: Callable[[int], Iterator[Item]],
        url: str,
        secret: str = "",
        *,
        from_now: bool = False,
    ) -> None:
        self._context = context
        self._calls = calls
        self._url = url.rstrip("/")
        self._secret = secret
        now = context.now_us()
        self._position = now if from_now else midnight(day_of(now) - timedelta(days=1)) - 1
        self._waiting: list[tuple[int, int, Delivery]] = []
        self._count = 0
        self._problems: dict[str, Delivery] = {}
        self.log: Callable[[str], object] = lambda _: None
        self.post: Callable[..., int] = post
        self.done: deque[Delivery] = deque(maxlen=100_000)

    def follow(self) -> None:
        """Send until the process ends."""
        since = datetime.fromtimestamp(self._position // SECOND + 1, UTC)
        signed = "signed" if self._secret else "unsigned"
        self.log(
            f"Sending events to {self._url}/<kind>, {signed}, beginning with those since {since:%Y-%m-%d %H:%M} UTC."
        )
        while True:
            self.send()
            time.sleep(TICK_SECONDS)

    def send(self) -> None:
        """Take in what happened since the last call, and make every attempt that is due, in no strict order."""
        now = self._context.now_us()
        if now - self._position >= SECOND:
            with self._context.lock:  # the server makes the same days
                events = list(self.between(self._position, now))
            for at, kind, event in events:
                self._wait(at, Delivery(kind, event, f"{self._url}/{kind}", self._secret))
            self._position = now
        due = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heapq.heappop(self._waiting)[2])
        with ThreadPoolExecutor(8) as pool:
            pauses = list(pool.map(self._attempt, due))
        for delivery, pause in zip(due, pauses, strict=True):
            if pause is None:
                self.done.append(delivery)
            else:
                self._wait(self._context.now_us() + int(pause * SECOND), delivery)

    def _attempt(self, delivery: Delivery) -> float | None:
        pause = delivery.attempt(self.post)
        problem = delivery.problem
        if problem and self._problems.setdefault(problem, delivery) is delivery:
            self.log(f"POST {delivery.url} {problem}. Further failures of this kind are not shown.")
        return pause

    def between(self, after_us: int, until_us: int) -> Iterator[tuple[int, str, Item]]:
        """Yield instant, kind and payload of what happened after an instant and up to another, oldest first."""
        calls = ((event["event_timestamp"] * 1000, "call", event) for event in self._calls(after_us))
        for event in merge(calls, account_events(self._context, after_us, until_us), key=lambda one: one[0]):
            if event[0] <= until_us:
                yield event

    def _wait(self, due_us: int, delivery: Delivery) -> None:
        self._count += 1  # so that two that are due at once are never compared
        heapq.heappush(self._waiting, (due_us, self._count, delivery))
