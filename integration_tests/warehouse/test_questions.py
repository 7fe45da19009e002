"""The SQL of the README answers its questions, on DuckDB and on Postgres alike."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from integration_tests.warehouse.loading import Loader, stream

ROOT = Path(__file__).resolve().parents[2]
SERVICE_LEVEL, KEPT_BY_BOT = re.findall(
    r"^```sql\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
)


def table(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """A stream with the columns of its schema."""
    columns = json.loads((ROOT / "schemas" / f"{name}.json").read_text())["properties"]
    return stream(*({"id": str(number), **row} for number, row in enumerate(rows)), **columns)


def test_the_service_level_counts_entry_legs_and_those_answered_in_time(loader: Loader) -> None:
    queue = {"target_id": "1", "direction": "inbound", "window_start": "2026-11-01"}
    calls = [
        {**queue, "time_to_answer": 0.2},
        {**queue, "time_to_answer": 0.5},
        {**queue, "time_to_answer": None},
        {**queue, "time_to_answer": 0.1, "entry_point_call_id": "5"},
        {**queue, "direction": "outbound"},
    ]
    loader.sync(
        {
            "records_calls": table("records_calls", *calls),
            "call_centers": table("call_centers", {"id": "1", "name": "Support"}),
        }
    )
    ((name, day, count, level),) = loader.rows(SERVICE_LEVEL)
    assert (name, day, count, float(level)) == ("Support", date(2026, 11, 1), 3, 33.3)


def test_the_bot_keeps_the_conversations_that_no_agent_wrote_in(loader: Loader) -> None:
    senders = {"a": ["customer", "bot"], "b": ["customer", "bot", "agent"], "c": ["customer", "agent"]}
    messages = [
        {"customersessionid": session, "sendertype": sender, "created_at": "2026-11-01T12:00:00Z"}
        for session, several in senders.items()
        for sender in several
    ]
    loader.sync({"messages": table("messages", *messages)})
    ((day, conversations, kept, percent),) = loader.rows(KEPT_BY_BOT)
    assert (day, conversations, int(kept), float(percent)) == (date(2026, 11, 1), 2, 1, 50.0)
