"""Fixtures of the tests that read a whole stream in process."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget

from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

URL = "https://dialpad.example"
KEY = "dialpad-key-0123456789"


@pytest.fixture(scope="session")
def world() -> World:
    """A company of 20 days."""
    return World(seed=7, days=20, calls_per_day=30, messages_per_day=40, today=datetime.now(UTC).date())


@pytest.fixture
def fake(world: World) -> FakeDialpad:
    """A Dialpad that stands still, without limits of rate."""
    fake = FakeDialpad(world)
    fake.variants.choose({"rates": "off"})
    fake.horizon = fake.time() - 900  # longer ago than the lag, so that all there is can be read
    return fake


@pytest.fixture
def fetch(fake: FakeDialpad) -> Iterator[requests_mock.Mocker]:
    """Every request goes to the fake; later matchers of a test come first."""
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        yield mocker


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits are noted and end at once."""
    waits: list[float] = []
    pause: Callable[[float], None] = time.sleep

    def noted(seconds: float) -> None:
        waits.append(seconds)
        pause(0)

    monkeypatch.setattr(time, "sleep", noted)
    monkeypatch.setattr(HttpAPIBudget, "acquire_call", lambda *_, **__: None)
    return waits


def dialpad(**more: Any) -> dict[str, Any]:
    """A configuration of the section dialpad; `start_date` 15 days ago unless given."""
    start = (datetime.now(UTC).date() - timedelta(days=15)).isoformat()
    return {"start_date": start, "dialpad": {"api_key": KEY, "base_url": URL}, **more}
