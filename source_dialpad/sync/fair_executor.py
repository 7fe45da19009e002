"""Turns: which slice is read next, so that no stream keeps the others waiting.

The CDK's pool reads slices in the order they come. A stream with hundreds of them that waits at its API's limit then
fills every thread, and streams of other APIs stand behind it: a sync takes the sum of the waits and not the longest.
Here the stream that has the fewest slices being read comes next.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

Result = TypeVar("Result")

THREADS = 1024
"""More than there are streams and turns; a thread is started when one is needed, and used again."""


class _Task(NamedTuple):
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class FairExecutor(Executor):
    """Reads `most` slices at once, the streams in turn; what cuts a stream's slices has a thread of its own.

    Takes the tasks of the CDK's `ThreadPoolManager`: one whose first argument is a `Partition` reads it and waits for
    its turn, every other one begins at once.
    """

    def __init__(self, most: int) -> None:
        """No task yet."""
        self._most = most
        self._waiting: dict[str, deque[_Task]] = {}
        self._reading: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="slice")

    def submit(self, function: Callable[..., Result], /, *arguments: Any, **_: Any) -> Future[Result]:
        """Begins the task when its turn comes."""
        if not (arguments and isinstance(arguments[0], Partition)):
            return self._threads.submit(function, *arguments)
        future: Future[Result] = Future()
        with self._lock:
            stream = self._waiting.setdefault(arguments[0].stream_name(), deque())
            stream.append(_Task(future, function, arguments))
            self._begin()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # Executor's
        """Takes no more tasks."""
        if cancel_futures:
            with self._lock:
                for task in (task for tasks in self._waiting.values() for task in tasks):
                    task.future.cancel()
                self._waiting.clear()
        self._threads.shutdown(wait, cancel_futures=cancel_futures)

    def _begin(self) -> None:
        """Begins tasks while there are turns; the lock is held."""
        while self._waiting and sum(self._reading.values()) < self._most:
            stream = min(self._waiting, key=self._reading.__getitem__)  # of equals, the one that waits longest
            tasks = self._waiting.pop(stream)
            task = tasks.popleft()
            if tasks:
                self._waiting[stream] = tasks  # behind the others
            if task.future.set_running_or_notify_cancel():
                self._reading[stream] += 1
                self._threads.submit(self._read, stream, task)

    def _read(self, stream: str, task: _Task) -> None:
        _here.turn = (self, stream)
        try:
            task.future.set_result(task.function(*task.arguments))
        except BaseException as error:  # noqa: BLE001  # it is the future's
            task.future.set_exception(error)
        finally:
            del _here.turn
            self._ended(stream)

    def _ended(self, stream: str) -> None:
        with self._lock:
            self._reading[stream] -= 1
            self._begin()

    def _goes_on(self, stream: str) -> None:
        with self._lock:
            self._reading[stream] += 1


_here = threading.local()


@contextmanager
def release_slot() -> Iterator[None]:
    """Gives the slice's turn to others while it waits; afterwards it goes on at once, so one more may be read."""
    turn: tuple[FairExecutor, str] | None = getattr(_here, "turn", None)
    if turn is None:
        yield
        return
    turns, stream = turn
    turns._ended(stream)  # noqa: SLF001  # of this module
    try:
        yield
    finally:
        turns._goes_on(stream)  # noqa: SLF001
