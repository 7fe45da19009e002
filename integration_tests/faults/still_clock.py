"""A clock that stands still and that waiting moves on: hours of retries pass in no time."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from unittest.mock import patch

import time_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 9, 16, 12, tzinfo=UTC)
"""Far from the midnights of UTC, so that no wait of some hours crosses one."""

A_TICK = 0.001
"""Seconds of the shortest sleep: whoever sleeps "until the next call is allowed" counts on time going on."""


@contextmanager
def still_clock(start: datetime = NOON) -> Iterator[None]:
    """Time stands at `start`; `time.sleep` returns at once and leaves it standing at the end of the sleep.

    Threads that sleep at the same time wake at the same time: their sleeps do not add up.
    """
    turn, pause = threading.Lock(), time.sleep

    with time_machine.travel(start, tick=False) as traveller:

        def sleep(seconds: float) -> None:
            until = time.time() + max(seconds, A_TICK)
            pause(0)
            with turn:
                left = until - time.time()
                if left > 0:
                    traveller.shift(left)

        with patch.object(time, "sleep", sleep), patch.object(time, "monotonic", time.time):
            yield
