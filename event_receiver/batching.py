"""Puts events that arrive together into one commit, and answers each sender only when its event is on disk."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from event_receiver.delivery import Event
from event_receiver.errors import RefusedError
from event_receiver.logs import log
from event_receiver.metrics import Metrics
from event_receiver.store import Receipt, Store

BATCH_EVENTS: Final = 500
"""One commit takes at most this many events."""

GATHER_SECONDS: Final = 0.01
"""How long a commit waits for more events. One commit of five events costs little more than one of one."""

WAITING_EVENTS: Final = 3000
"""How many events may wait in memory for the database; more are refused with 503, and Dialpad delivers them again."""

STOP_SECONDS: Final = 4.0
"""How long the end waits for the database; by then, every sender was answered."""


class BatchWriter:
    """Stores events through one thread: while one commit runs, the next batch gathers.

    A sender is answered after the commit that holds its event and never before. When a commit fails, every sender in it
    gets a 503.
    """

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._waiting: asyncio.Queue[tuple[Event, asyncio.Future[Receipt]]] = asyncio.Queue(WAITING_EVENTS)
        metrics.waiting.set_function(self._waiting.qsize)

    def start(self) -> None:
        """Begin; must be called in the running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Try for STOP_SECONDS to store what is still waiting, then end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), STOP_SECONDS)
        self._task.cancel()

    async def write(self, event: Event) -> Receipt:
        """Return when the event is durably on disk; RefusedError 503 if it could not be stored or too many wait."""
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((event, future))
        except asyncio.QueueFull as error:
            text = "Too many events are waiting for the database. Deliver it again."
            raise RefusedError(503, "overloaded", text) from error
        return await future

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(GATHER_SECONDS)
            while len(batch) < BATCH_EVENTS and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            receipts = await asyncio.to_thread(self._commit, [event for event, _ in batch])
            for number, (_, future) in enumerate(batch):
                self._waiting.task_done()
                if future.done():
                    continue  # the sender has gone, or was answered that it took too long
                if receipts is None:
                    text = "The event could not be stored: the database does not answer or refuses. Deliver it again."
                    future.set_exception(RefusedError(503, "not_kept", text))
                else:
                    future.set_result(receipts[number])

    def _commit(self, events: Sequence[Event]) -> Sequence[Receipt] | None:
        """Store a batch, in a thread; None if that failed. Nothing is raised, so that the task goes on."""
        try:
            with self._metrics.commits.time():
                receipts = self._store.append(events)
        except Exception as error:  # noqa: BLE001 - whatever it is, the senders must be answered
            self._metrics.store_errors.inc()
            log(logging.ERROR, "events not stored", error=error, events=len(events))
            return None
        for event, receipt in zip(events, receipts, strict=True):
            (self._metrics.kept if receipt.new else self._metrics.repeated).labels(event.kind).inc()
            self._metrics.last_kept_at.labels(event.kind).set_to_current_time()
        return receipts
