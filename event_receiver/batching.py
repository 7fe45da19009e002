"""Puts events that arrive together into one commit, and answers each sender only when its event is on disk."""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Final

from sqlalchemy.exc import OperationalError

from event_receiver.delivery import Event
from event_receiver.errors import RefusedError
from event_receiver.logs import log
from event_receiver.metrics import Metrics
from event_receiver.store import Receipt, Store

BATCH_EVENTS: Final = 500
BATCH_CHARACTERS: Final = 8_000_000
"""One commit takes at most this many events and characters, but always one event."""

GATHER_SECONDS: Final = 0.01
"""How long a commit waits for more events. One commit of five events costs little more than one of one."""

WAITING_EVENTS: Final = 10_000
WAITING_CHARACTERS: Final = 64_000_000
"""What may wait in memory for the database; more is refused with 503, after which Dialpad delivers again."""

Waiting = tuple[Event, asyncio.Future[Receipt]]


class BatchWriter:
    """Stores events through one thread of its own: while one commit runs, the next batch gathers.

    A sender is answered after the commit that holds its event and never before. When a commit fails, every sender in it
    gets a 503; when it fails for something in one of its events, the events are tried one by one. `failing` says
    whether the last commit failed.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._waiting: list[Waiting] = []
        self._characters = 0
        self._filled = asyncio.Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._stopping = False
        self.failing = False
        metrics.waiting.set_function(lambda: len(self._waiting))

    def start(self) -> None:
        """Begin; must be called in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Try to store what is still waiting, then end."""
        self._stopping = True
        self._filled.set()
        await self._task
        self._thread.shutdown()

    async def write(self, event: Event) -> Receipt:
        """Return when the event is durably on disk; RefusedError 503 if it could not be stored or too many wait."""
        if len(self._waiting) >= WAITING_EVENTS or self._characters > WAITING_CHARACTERS:
            raise RefusedError(503, "overloaded", "Too many events are waiting for the database. Deliver it again.")
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, future))
        self._characters += len(event.payload)
        self._filled.set()
        return await future

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting or not self._stopping:
            await self._filled.wait()
            await asyncio.sleep(GATHER_SECONDS)
            batch = self._next_batch()
            outcomes = await loop.run_in_executor(self._thread, self._commit, [event for event, _ in batch])
            for (event, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, Receipt):
                    (self._metrics.kept if outcome.new else self._metrics.repeated).labels(event.kind).inc()
                if future.done():
                    continue  # the sender has gone, or was answered that it took too long
                if isinstance(outcome, Receipt):
                    future.set_result(outcome)
                else:
                    future.set_exception(outcome)

    def _commit(self, events: Sequence[Event]) -> Sequence[Receipt | RefusedError]:
        """Store a batch, in the writer's thread; nothing is raised, so that one failure does not end the task."""
        if not events:
            return []
        begin = time.perf_counter()
        try:
            receipts = self._store.append(events)
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders must be answered
            self.failing = True
            self._metrics.store_errors.inc()
            log(logging.ERROR, "events not stored", error=error, events=len(events))
            if len(events) > 1 and not isinstance(error, OperationalError):
                # Not the connection but something in a row: the others must not suffer for it.
                return [outcome for event in events for outcome in self._commit([event])]
            text = "The event could not be stored: the database does not answer or refuses. Deliver it again."
            return [RefusedError(503, "not_kept", text) for _ in events]
        self.failing = False
        self._metrics.commits.observe(time.perf_counter() - begin)
        for kind in {event.kind for event in events}:
            self._metrics.last_kept_at.labels(kind).set_to_current_time()
        return receipts

    def _next_batch(self) -> list[Waiting]:
        lengths = accumulate(len(event.payload) for event, _ in self._waiting[:BATCH_EVENTS])
        count = max(1, sum(length <= BATCH_CHARACTERS for length in lengths))
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        self._characters -= sum(len(event.payload) for event, _ in batch)
        if not self._waiting and not self._stopping:
            self._filled.clear()
        return batch
