"""Processes that are killed with SIGKILL in the middle of a sync, and the sync after that."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World
from integration_tests.sync.connector import EXECUTABLE, Connector, Output, Row, table

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = ["messages", "calls", "contacts", "analytics_record_data"]
"""Without those that wait long (for exports, for the limit of sessions): their kills are replayed in test_states.py."""


@pytest.fixture(scope="module")
def connector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connector]:
    world = World(seed=3, days=10, calls_per_day=60, messages_per_day=200, agents=20, call_centers=3)
    with serve(FakeDialpad(world)) as url:
        ago = datetime.now(UTC) - timedelta(hours=2)
        requests.post(f"{url}/_fake/clock", json={"horizon": ago.timestamp()}, timeout=10).raise_for_status()
        config = {
            "start_date": (datetime.now(UTC).date() - timedelta(days=7)).isoformat(),
            "lookback_days": 0,
            "engagement": {"base_url": url, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
            "dialpad": {"base_url": url, "api_key": "dialpad-key-0123456789"},
            "analytics": {"base_url": url, "api_key": "analytics-key-0123456789"},
        }
        yield Connector(config, tmp_path_factory.mktemp("connector"))


@pytest.fixture(scope="module")
def streams(connector: Connector) -> list[dict[str, Any]]:
    return [stream for stream in connector.discover() if stream["name"] in STREAMS]


@pytest.fixture(scope="module")
def quiet(connector: Connector, streams: list[dict[str, Any]]) -> Output:
    outcome = connector.read(streams)
    assert (outcome.exit_code, outcome.errors) == (0, [])
    return outcome


def killed(connector: Connector, after: int) -> Output:
    """What a sync printed until it was killed; that is when so many lines with a row or a state were read."""
    files = [f"--{kind}={connector.folder / kind}.json" for kind in ("config", "catalog")]
    process = subprocess.Popen([EXECUTABLE, "read", *files], stdout=subprocess.PIPE, cwd=connector.folder)
    assert process.stdout is not None
    lines: list[bytes] = []
    seen = 0
    with process.stdout as printed:
        for line in printed:
            lines.append(line)
            seen += line.startswith((b'{"type":"RECORD"', b'{"type":"STATE"'))
            if seen == after:
                process.kill()
    assert process.wait(30) == -9
    whole = [line for line in lines if line.endswith(b"\n")]  # a platform cannot read half a line
    return Output(-9, [json.loads(line) for line in whole])


@pytest.mark.parametrize("tenths", [1, 5, 9])
def test_a_killed_sync_and_the_next_give_the_tables_of_a_quiet_one(
    connector: Connector, streams: list[dict[str, Any]], quiet: Output, tenths: int
) -> None:
    lines = sum(message["type"] in {"RECORD", "STATE"} for message in quiet.messages)
    before = killed(connector, lines * tenths // 10)
    assert any(len(before.records[name]) < len(quiet.records[name]) for name in STREAMS), "killed too late"
    after = connector.read(streams, before.last_states())
    for stream in streams:
        name = stream["name"]
        held: dict[tuple[Any, ...], Row] = table(before.records[name] + after.records[name], stream)
        assert held == table(quiet.records[name], stream)
