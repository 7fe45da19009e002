"""The SQL of docs/events.md answers its questions, on DuckDB and on Postgres alike."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

from integration_tests.warehouse.loading import Loader, stream

ROOT = Path(__file__).resolve().parents[2]
DELIVERY, DUTY, AUDIT = map(
    dedent, re.findall(r"^    (?:SELECT|WITH)\b.*?;$", (ROOT / "docs/events.md").read_text(), re.DOTALL | re.MULTILINE)
)


def table(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """A stream with the columns of its schema."""
    columns = json.loads((ROOT / "schemas" / f"{name}.json").read_text())["properties"]
    return stream(*({"id": str(number), **row} for number, row in enumerate(rows)), **columns)


def change(agent: str, status: str, at: str) -> dict[str, Any]:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    times = {"date": int(instant.timestamp()) * 1000, "date_time": instant.isoformat(), "received_at": at + "+00:00"}
    return {"target": {"id": agent, "name": f"Agent {agent}"}, "on_duty_status": status, **times}


def test_hours_on_duty_are_those_of_a_day_beside_the_changes_of_that_day(loader: Loader) -> None:
    events = [
        change("1", "Available", "2026-11-01T09:00:00"),
        change("1", "Unavailable", "2026-11-01T12:30:00"),
        change("1", "Available", "2026-11-02T09:00:00"),
        change("1", "Wrapup", "2026-11-02T10:00:00"),
    ]
    days = ["2026-10-31", "2026-11-01", "2026-11-01", "2026-11-02"]
    exported = [{"target_id": "1", "window_start": day} for day in days]
    loader.sync(
        {
            "agent_status_events": table("agent_status_events", *events),
            "records_onduty": table("records_onduty", *exported),
        }
    )
    found = [(*row[:4], float(row[4])) for row in loader.rows(DUTY)]
    assert found == [
        (date(2026, 11, 1), "Agent 1", 2, 2, 3.5),
        (date(2026, 11, 2), "Agent 1", 2, 1, 1.0),
    ]


def test_the_last_status_of_a_text_counts(loader: Loader) -> None:
    texts = [
        {"id": "7", "direction": "outbound", "message_status": "pending", "received_at": "2026-11-01T12:00:00Z"},
        {"id": "7", "direction": "outbound", "message_status": "success", "received_at": "2026-11-01T12:00:01Z"},
        {"id": "8", "direction": "inbound", "message_status": "success", "received_at": "2026-11-01T12:00:02Z"},
    ]
    rows = [{"event_id": str(number), **row} for number, row in enumerate(texts)]
    loader.sync({"sms_events": {**table("sms_events", *rows), "key": ["event_id"]}})
    ((result, count, percent),) = loader.rows(DELIVERY)
    assert (result, count, float(percent)) == ("success", 1, 100.0)


def test_the_audit_names_who_changed_what(loader: Loader) -> None:
    event = {
        "date": 1793520000000,
        "date_time": "2026-11-01T08:00:00Z",
        "received_at": "2026-11-01T08:00:01Z",
        "changed_by": {"name": "Ann"},
        "action": "update",
        "target": {"type": "office", "id": "4"},
        "note": "hours",
    }
    loader.sync({"change_log_events": table("change_log_events", event)})
    ((_, *told),) = loader.rows(AUDIT)
    assert told == ["Ann", "update", "office", "4", "hours"]
