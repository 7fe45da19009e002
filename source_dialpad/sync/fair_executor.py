"""Streams are read in turns, so that no stream keeps the others waiting.

The CDK's pool reads slices in the order they come. A stream with hundreds of them that waits at its API's limit then
fills every thread, and a sync takes the sum of all waits and not the longest. The figures stand in docs/decisions.md.
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

THREADS = 1024
"""More than there are streams and slices at once; a thread is started when one is needed, and used again."""


class FairExecutor(ThreadPoolExecutor):
    """Reads `most` slices at once, next one of the stream that has the fewest being read.

    Takes the tasks of the CDK's `ThreadPoolManager`: one whose first argument is a `Partition` reads it and waits for
    its turn; every other one, such as one that cuts a stream's slices, begins at once.
    """

    def __init__(self, most: int) -> None:
        super().__init__(THREADS, thread_name_prefix="slice")
        self._most = most
        self._waiting: dict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = {}
        self._reading: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        """Begins the task when its turn comes."""
        if not (arguments and isinstance(arguments[0], Partition)):
            return super().submit(function, *arguments)
        future: Future[Any] = Future()
        with self._lock:
            stream = self._waiting.setdefault(arguments[0].stream_name(), deque())
            stream.append((future, partial(function, *arguments)))
            self._begin()
        return future

    def _begin(self) -> None:
        """Begins tasks while there are turns; the lock is held. After a shutdown, the pool takes none."""
        while self._waiting and sum(self._reading.values()) < self._most:
            stream = min(self._waiting, key=self._reading.__getitem__)  # of equals, the one that waits longest
            tasks = self._waiting.pop(stream)
            super().submit(self._read, stream, *tasks.popleft())
            self._reading[stream] += 1
            if tasks:
                self._waiting[stream] = tasks  # behind the others

    def _read(self, stream: str, future: Future[Any], read: Callable[[], Any]) -> None:
        try:
            future.set_result(read())
        except BaseException as error:  # noqa: BLE001  # it is the future's
            future.set_exception(error)
        with self._lock:
            self._reading[stream] -= 1
            self._begin()
