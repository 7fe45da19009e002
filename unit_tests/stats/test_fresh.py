"""A backfill in shares: what is new in every sync, history behind it, and nothing read twice or left out."""

from __future__ import annotations

import logging
import re
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock

from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.world import World
from source_dialpad.stats import jobs
from source_dialpad.transport.shared import forget_findings
from unit_tests.core.reading import Read, catalog_of, read

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAMS = {"records_calls": "date_started", "records_voicemails": "date", "stats_onduty": "window_start"}
KEYS = {"records_calls": ("call_id",), "records_voicemails": ("call_id",), "stats_onduty": ("window_start", "row_key")}
SHARE = 14
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def company() -> World:
    """Twenty days of a company, up to now."""
    return World(seed=7, days=20, calls_per_day=30, messages_per_day=5, today=TODAY)


@pytest.fixture
def asked(company: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDialpad]:
    for wait in ("FIRST_POLL", "POLL_EVERY", "POLL_EVERY_LATER"):
        monkeypatch.setattr(jobs, wait, 0.0)
    fake = FakeDialpad(company, export_seconds=0)
    fake.variants.choose({"rates": "off"})
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        yield fake


def config(share: int) -> dict[str, Any]:
    start = (TODAY - timedelta(days=10)).isoformat()
    section = {"api_key": "dialpad-key-0123456789", "base_url": "https://dialpad.example"}
    return {"start_date": start, "dialpad": {**section, "exports_per_sync": share, "export_window_days": 2}}


def sync(settings: dict[str, Any], state: dict[str, Any], **catalog: Any) -> Read:
    forget_findings(lasting=True)  # every sync is a process of its own
    return read(settings, state=state, catalog=catalog_of(*STREAMS, **catalog))


def posts(fake: FakeDialpad) -> int:
    return sum(each["method"] == "POST" and each["path"] == "/api/v2/stats" for each in fake.log)


def table(rows: list[dict[str, Any]], stream: str) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(row[name] for name in KEYS[stream]): row for row in rows}


def states_of(out: Read) -> dict[str, Any]:
    """The last state of each stream, known by its cursor field."""
    found = {}
    for stream, field in STREAMS.items():
        for state in out.states:
            if field in state and (field != "date" or "date_started" not in state):
                found[stream] = state
    return found


@pytest.mark.slow
def test_a_backfill_goes_on_sync_by_sync_until_every_day_was_read(
    asked: FakeDialpad, caplog: pytest.LogCaptureFixture
) -> None:
    whole = sync(config(0), {})
    assert whole.ended_by is None
    tables: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {stream: {} for stream in STREAMS}
    state: dict[str, Any] = {}
    for _ in range(12):
        before = posts(asked)
        caplog.clear()
        with caplog.at_level(logging.INFO, logger="airbyte"):
            out = sync(config(SHARE), state)
        assert out.ended_by is None
        assert posts(asked) - before <= SHARE
        for stream in STREAMS:
            tables[stream].update(table(out.of.get(stream, []), stream))
            read, there = (
                max(date.fromisoformat(row[STREAMS[stream]][:10]) for row in rows)
                for rows in (tables[stream].values(), whole.of[stream])
            )
            assert read >= min(there, TODAY - timedelta(days=1))  # a quiet Saturday has no row
        state = states_of(out)
        if " left to read, about " not in caplog.text:
            break
        assert any("backfilled_to" in saved for saved in state.values())
    assert [saved for saved in state.values() if "backfilled_to" in saved] == []
    for stream in STREAMS:
        assert tables[stream].keys() == table(whole.of[stream], stream).keys()


@pytest.mark.slow
def test_a_full_refresh_is_never_cut(asked: FakeDialpad) -> None:
    out = sync(config(1), {}, sync_mode="full_refresh")
    assert out.ended_by is None
    days = {row["date_started"][:10] for row in out.of["records_calls"]}
    assert min(days) == (TODAY - timedelta(days=10)).isoformat()


def test_the_share_is_used_to_its_end_and_the_log_tells_the_rest(
    asked: FakeDialpad, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="airbyte"):
        sync(config(SHARE), {})
    assert posts(asked) == SHARE
    lines = [line for line in caplog.messages if " left to read, about " in line]
    assert len(lines) == len(STREAMS)
    for line in lines:
        left, syncs = map(int, re.findall(r"\b\d+\b", line))
        assert 1 <= syncs <= left
        history = ceil(left / syncs)  # what one sync reads of it, at the pace of this one
        assert 0 < history < SHARE, line
