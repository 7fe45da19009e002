"""A small invented company, read once by the connector; its rows as they were, what came after, and the whole of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from fake_dialpad.measures import Period
from fake_dialpad.model import midnight
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import Variants
from fake_dialpad.world import World
from integration_tests.sync.connector import Connector

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
DAYS, AFTER = 24, 6
"""Days of history, and how many of them come with the second load."""
LOAD_AT_MOST = 200
#: What is asked for: all that the marts of calls, agents, digital conversations and their reconciliation are made of.
STREAMS = {
    *("company", "offices", "call_centers", "departments", "users", "numbers", "contacts"),
    *("call_center_operators", "department_operators", "calls", "digital_sessions", "messages"),
    *(f"records_{name}" for name in ("calls", "csat", "dispositions", "onduty", "recordings", "screenshare", "texts")),
    *("records_voicemails", "analytics_metric_data", "analytics_record_data", "scorecard_grades"),
    *(
        f"stats_{name}"
        for name in ("calls_by_date", "calls_by_group", "calls_by_user", "onduty", "texts", "voicemails")
    ),
}
#: Stream: the column that says when a row began.
BEGINS = {
    **dict.fromkeys(("records_calls", "records_dispositions", "calls"), "date_started"),
    **dict.fromkeys(("records_onduty", "records_recordings", "records_texts", "records_voicemails"), "date"),
    **dict.fromkeys(("digital_sessions", "messages"), "created_at"),
}
#: Stream: what a row of it had not got yet.
NOT_YET = {
    "records_dispositions": {"disposition": None, "note": None},
    "records_voicemails": {"date_listened": None, "listened_by_target_id": None},
    "records_calls": {"wrapup_duration": None, "transferred_to": None},
}
Message = dict[str, Any]


def company() -> World:
    """The company, whose history began DAYS days ago."""
    return World(seed=7, days=DAYS, calls_per_day=60, messages_per_day=60, agents=14, call_centers=3)


def recorded(world: World, folder: Path) -> Period:
    """Read the company into `folder`: catalog.json, early.jsonl, late.jsonl, whole.jsonl. The period that was read."""
    horizon = time.time() - 1200  # calls and messages are read up to ten minutes before now
    fake = FakeDialpad(world, export_seconds=0.2, variants=Variants(rates="off"))
    with serve(fake) as url:
        requests.post(f"{url}/_fake/clock", json={"horizon": horizon}, timeout=10).raise_for_status()
        config = {
            "start_date": world.first_day.isoformat(),
            "timezone": "UTC",
            "engagement": {"base_url": url, "api_key": fake.keys.engagement, "provider_id": "1020"},
            "dialpad": {
                "base_url": url,
                "api_key": fake.keys.dialpad,
                "export_window_days": 90,
                "aggregate_window": "week",
            },
            "analytics": {"base_url": url, "api_key": fake.keys.analytics, "grain": "week"},
        }
        connector = Connector(config, folder)
        streams = [one for one in connector.discover() if one["name"] in STREAMS]
        output = connector.read(streams)
    assert (output.exit_code, output.errors) == (0, [])
    catalog = {"type": "CATALOG", "catalog": {"streams": streams}}
    (folder / "catalog.json").write_text(json.dumps(catalog))
    cut, changed = ((datetime.now(UTC) - timedelta(days=AFTER + more)).date().isoformat() for more in (0, 3))
    parts = list(_parts(output.messages, cut, changed))
    parts += [("whole", message) for name, message in _parts(output.messages, "", "") if name == "late"]
    for part in ("early", "late", "whole"):
        lines = (json.dumps(message) for name, message in parts if name == part)
        (folder / f"{part}.jsonl").write_text("\n".join(lines) + "\n")
    now_us = int(horizon * 1_000_000)
    return Period(midnight(world.first_day), now_us, now_us)


def _parts(messages: list[Message], cut: str, changed: str) -> Iterator[tuple[str, Message]]:
    """Yield each message with the name of the part that it belongs to, early or late.

    Rows from the day `cut` on are late; those from the day `changed` on are both, as they were and as they became.
    """
    for message in messages:
        if message["type"] != "RECORD":
            if message["type"] != "LOG":
                yield "early", message
                yield "late", message
            continue
        record = message["record"]
        name, row = record["stream"], record["data"]
        at = row.get(BEGINS.get(name, ""), "")
        late = _again(message, later=True)
        if not at or at >= cut:
            yield "late", late
            if not at:
                yield "early", _again(message, later=False)
        elif at >= changed and name in NOT_YET:
            before = _again(message, later=False)
            before["record"]["data"] |= NOT_YET[name]
            yield "early", before
            yield "late", late
        else:
            yield "early", _again(message, later=False)


def _again(message: Message, *, later: bool) -> Message:
    """Return a message as the first load, or the second an hour later, would bring it: newer than the load itself.

    A load takes rows of a list that are older than itself for rows that are gone.
    """
    copied = deepcopy(message)
    copied["record"]["emitted_at"] += 3_600_000 * (1 + later)
    return copied


def load(folder: Path, part: str, into: str) -> None:
    """Load a part into a warehouse."""
    words = [sys.executable, "-m", "integration_tests.models.load", str(folder), part, into]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # our own program
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=LOAD_AT_MOST, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
