"""What a read waits for, and a line about it when nothing else was said: the platform ends connectors that stay silent.

Exports log their own waiting. The waits of a request (a slow answer, a Retry-After of minutes, its turn within the
limits of the API) happen inside the CDK and `requests`, which say nothing: `JsonCalls` and the back-off enter them.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self

logger = logging.getLogger("airbyte")

SILENCE: Final = 45.0
"""Seconds without a line after which one is said; with the time between two looks that is less than a minute."""

LOOK_EVERY: Final = 2.0


@dataclass
class Wait:
    """One thread's wait: who waits (the stream and its window), for what, since when and until when at the latest."""

    who: str
    what: str
    since: float
    at_most: float
    why_again: str = ""
    again: float = 0.0

    def until(self, now: float) -> float:
        """When it ends at the latest."""
        return self.again if now < self.again else max(self.since, self.again) + self.at_most

    def told(self, now: float) -> str:
        """One sentence without its full stop."""
        at = (datetime.now(UTC) + timedelta(seconds=self.until(now) - now)).strftime("%H:%M:%S")
        if now < self.again:
            return f"{self.who}: {self.why_again}; the next try is at {at} UTC"
        waited = now - max(self.since, self.again)
        late = "" if waited > self.at_most else f", until {at} UTC at the latest"
        return f"{self.who} waits for {self.what}, {waited:.0f} s so far{late}"


class Waits:
    """The waits of all threads, one a thread."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """`clock` gives seconds; `time.monotonic` as it is when asked, unless given."""
        self._clock = clock or (lambda: time.monotonic())  # noqa: PLW0108  # looked up at each call
        self._waits: dict[int, Wait] = {}
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, who: str, what: str, at_most: float) -> Iterator[None]:
        """Enters this thread's wait for as long as the block runs; `at_most` seconds are expected."""
        thread = threading.get_ident()
        with self._lock:
            outer = self._waits.get(thread)
            self._waits[thread] = Wait(who, what, self._clock(), at_most)
        try:
            yield
        finally:
            with self._lock:
                if outer is None:
                    del self._waits[thread]
                else:
                    self._waits[thread] = outer

    def again_in(self, seconds: float, why: str) -> None:
        """Notes that this thread's request failed and is sent again after a pause; nothing where no wait is entered."""
        with self._lock:
            wait = self._waits.get(threading.get_ident())
            if wait is not None:
                wait.why_again, wait.again = why, self._clock() + seconds

    def told(self) -> str:
        """The wait that may last longest, and how many others there are."""
        now = self._clock()
        with self._lock:
            waits = sorted(self._waits.values(), key=lambda wait: wait.until(now))
            if not waits:
                return "The sync goes on; answers are being read, none is waited for."
            others = f" (and {len(waits) - 1} more)" if waits[1:] else ""
            return f"{waits[-1].told(now)}{others}."


WAITS: Final = Waits()
"""The waits of this process."""


class Heartbeat:
    """Logs what is waited for after `SILENCE` seconds without a word, for as long as its block runs.

    It also hands on what the CDK's output buffer keeps: a line that comes within a tenth of a second of another stays
    there until the next one, which may be minutes.
    """

    def __init__(self, waits: Waits = WAITS, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._waits = waits
        self._clock = clock
        self._heard = clock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._ear = _Ear(self)

    def heard(self) -> None:
        """Notes that something was said just now."""
        self._heard = self._clock()

    def look(self) -> None:
        """Says what is waited for, if nothing was said for too long."""
        if self._clock() - self._heard >= SILENCE:
            logger.info(self._waits.told())
            self.heard()
        sys.stdout.flush()

    def _beat(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.look()

    def __enter__(self) -> Self:
        """Begins to listen, to records by `heard` and to log lines by itself."""
        logger.addHandler(self._ear)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends with the read."""
        self._ended.set()
        self._thread.join()
        logger.removeHandler(self._ear)


class _Ear(logging.Handler):
    """Hears every log line."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        super().__init__()
        self._heartbeat = heartbeat

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002  # that it came is all that counts
        self._heartbeat.heard()
