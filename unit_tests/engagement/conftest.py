"""A small account that stands still, eleven minutes before now: nothing lies in the lag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from fake_dialpad.server import FakeDialpad
from fake_dialpad.variants import Variants
from fake_dialpad.world import World
from source_dialpad.engagement import paging
from unit_tests.engagement.reading import Account

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = "2026-11-18"


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days of more than one page."""
    monkeypatch.setattr(paging, "PAGE", 25)


@pytest.fixture(scope="session")
def world() -> World:
    return World(5, 8, 10, messages_per_day=70, agents=12, call_centers=2, today=NOW.date())


@pytest.fixture
def fake(world: World) -> FakeDialpad:
    still = FakeDialpad(world, clock=NOW.timestamp, variants=Variants(rates="off"))
    still.horizon = (NOW - timedelta(minutes=11)).timestamp()
    return still


@pytest.fixture
def account(fake: FakeDialpad) -> Account:
    return Account(fake, START)
