"""The Analytics API's limit is kept where it counts: in the log of a server that refuses what is one too many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World
from integration_tests.sync.connector import Connector

if TYPE_CHECKING:
    from pathlib import Path

RATE, BURST = 10, 4


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the server saw of a sync of all streams of the Analytics API."""
    fake = FakeDialpad(World(seed=3, days=8, calls_per_day=10, messages_per_day=10, agents=8, call_centers=2))
    folder: Path = tmp_path_factory.mktemp("analytics")
    with serve(fake) as url:
        start = (datetime.now(UTC).date() - timedelta(days=6)).isoformat()
        section = {"base_url": url, "api_key": fake.keys.analytics, "grain": "week"}
        connector = Connector({"start_date": start, "num_workers": 20, "analytics": section}, folder)
        output = connector.read(connector.discover())
    assert output.errors == []
    return [entry for entry in fake.log if "/analytics/" in entry["path"]]


def test_no_request_is_one_too_many(log: list[dict[str, Any]]) -> None:
    assert len(log) > 3 * RATE
    assert {entry["status"] for entry in log} == {200}


def test_no_second_sees_more_than_ten_requests(log: list[dict[str, Any]]) -> None:
    times = sorted(entry["time"] for entry in log)
    assert min(late - early for early, late in zip(times, times[RATE:], strict=False)) >= 1


def test_no_burst_is_longer_than_four(log: list[dict[str, Any]]) -> None:
    tokens, fewest = float(BURST), float(BURST)
    for early, late in pairwise([log[0]["time"] - 1, *sorted(entry["time"] for entry in log)]):
        tokens = min(BURST, tokens + (late - early) * RATE) - 1
        fewest = min(fewest, tokens)
    assert fewest >= 0
