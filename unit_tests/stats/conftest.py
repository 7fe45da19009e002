"""A small company and a clock that only sleeping moves."""

from __future__ import annotations

import time
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import time_machine

from fake_dialpad.server import FakeDialpad
from fake_dialpad.world import World
from source_dialpad.stats import files, jobs, quota
from source_dialpad.transport import requester as api
from source_dialpad.transport.shared import forget_findings
from unit_tests.stats.one_stream import NOON, Clock, Sync

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    with time_machine.travel(NOON, tick=False) as traveller:
        made = Clock(traveller)
        virtual = SimpleNamespace(monotonic=time.time, sleep=made.sleep, time=time.time)
        for module in (files, jobs, quota, api):
            monkeypatch.setattr(module, "time", virtual)
        monkeypatch.setattr(time, "sleep", made.sleep)
        forget_findings(lasting=True)
        yield made


@pytest.fixture(scope="session")
def world() -> World:
    return World(7, 12, 40, messages_per_day=10, agents=16, call_centers=3, today=date(2026, 11, 20), edge_cases=True)


@pytest.fixture
def fake(world: World, clock: Clock) -> FakeDialpad:
    return FakeDialpad(world, clock=clock)


@pytest.fixture
def sync(fake: FakeDialpad, clock: Clock) -> Sync:
    return Sync(fake, clock)
