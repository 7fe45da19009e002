"""Puts deliveries that arrive together into one commit, and tells each sender only when its event is on disk."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy.exc import OperationalError

from event_receiver.delivery import Event
from event_receiver.logs import say
from event_receiver.metrics import Metrics
from event_receiver.refusals import RefusedError
from event_receiver.store import Store

BATCH_EVENTS: Final = 500
BATCH_CHARACTERS: Final = 8_000_000
"""One commit takes at most so many events and characters (but always one event)."""

GATHER_SECONDS: Final = 0.01
"""How long a commit waits for company. One of five events costs little more than one of one."""

WAITING_EVENTS: Final = 10_000
WAITING_CHARACTERS: Final = 64_000_000
"""What may wait in memory for the database; more is refused with 503, which Dialpad delivers again."""


class Keeper:
    """Keeps events through one thread of its own: while one commit runs, the next batch gathers.

    An answer is given after the commit that holds its event and never before. When a commit fails, every sender in it
    is told so; when it fails for something in one of its events, the events are tried one by one.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._waiting: list[tuple[Event, asyncio.Future[bool]]] = []
        self._characters = 0
        self._filled = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keeper")
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.failing = False
        """Whether the last attempt to keep something failed."""

    def start(self) -> None:
        """Begin; must be called in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Try to keep what is still waiting, then end."""
        self._stopping = True
        self._filled.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def keep(self, event: Event) -> bool:
        """Return when the event is durably on disk: True if it is new, False if it was kept before.

        RefusedError 503 if it could not be kept, or if too many are waiting.
        """
        if len(self._waiting) >= WAITING_EVENTS or self._characters > WAITING_CHARACTERS:
            raise RefusedError(503, "overloaded", "Too many events are waiting for the database. Deliver it again.")
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        self._characters += len(event.payload)
        self._metrics.waiting = len(self._waiting)
        self._filled.set()
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or not self._stopping:
            await self._filled.wait()
            await asyncio.sleep(GATHER_SECONDS)
            batch = self._taken()
            outcomes = await loop.run_in_executor(self._thread, self._kept, [event for event, _ in batch])
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                self._tell(future, outcome)

    def _tell(self, future: asyncio.Future[bool], outcome: bool | RefusedError) -> None:  # noqa: FBT001 - what keep() answers
        if isinstance(outcome, bool):
            self._metrics.kept += outcome
            self._metrics.repeated += not outcome
        if future.done():  # the sender has gone, or was told that it took too long
            return
        if isinstance(outcome, RefusedError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _kept(self, events: Sequence[Event]) -> list[bool | RefusedError]:
        """Keep a batch, in the keeper's thread; nothing is raised: one failure must not end its work."""
        if not events:
            return []
        begin = time.perf_counter()
        try:
            outcomes: list[bool | RefusedError] = [*self._store.keep(events)]
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders must be told
            self.failing = True
            self._metrics.store_errors += 1
            say(logging.ERROR, "not kept", error=error, events=len(events))
            if len(events) > 1 and not isinstance(error, OperationalError):
                # Not the connection but something in a row: the others must not suffer for it.
                return [outcome for event in events for outcome in self._kept([event])]
            text = "The event could not be kept: the database does not answer or refuses. Deliver it again."
            return [RefusedError(503, "not_kept", text) for _ in events]
        self.failing = False
        self._metrics.commits.observe(time.perf_counter() - begin)
        self._metrics.last_kept_at = time.time()
        return outcomes

    def _taken(self) -> list[tuple[Event, asyncio.Future[bool]]]:
        characters = 0
        count = 0
        for event, _ in self._waiting[:BATCH_EVENTS]:
            characters += len(event.payload)
            if count and characters > BATCH_CHARACTERS:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._characters -= sum(len(event.payload) for event, _ in batch)
        self._metrics.waiting = len(self._waiting)
        if not self._waiting and not self._stopping:
            self._filled.clear()
        return batch
