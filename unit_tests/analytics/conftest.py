"""An account that stands still at noon of a day in November, and sources that read it in process."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests_mock
import time_machine

from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.variants import Variants
from fake_dialpad.world import World
from source_dialpad.analytics import catalogue as analytics
from unit_tests.analytics.reading import NOW, Account
from unit_tests.core.fixtures import no_waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["no_waiting"]


@pytest.fixture(autouse=True)
def noon() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


@pytest.fixture(scope="session")
def world() -> World:
    return World(11, 24, 16, messages_per_day=16, agents=8, call_centers=2, today=NOW.date())


@pytest.fixture
def fake(world: World) -> FakeDialpad:
    still = FakeDialpad(world, clock=NOW.timestamp, variants=Variants(rates="off"))
    still.horizon = (NOW - timedelta(minutes=11)).timestamp()
    return still


@pytest.fixture
def fetch(fake: FakeDialpad) -> Iterator[requests_mock.Mocker]:
    """Every request goes to the fake; later matchers of a test come first."""
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        yield mocker


@pytest.fixture
def account(fake: FakeDialpad, fetch: requests_mock.Mocker) -> Account:
    return Account(fake)


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"])
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of many pages."""
    monkeypatch.setattr(analytics, "PAGE", 10)
