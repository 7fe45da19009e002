"""Rows of an invented account, as the connector emits them, and how they may come in two syncs."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integration_tests.sync.connector import Connector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Rows = dict[str, list[dict[str, Any]]]

TODAY = datetime.now(UTC).date()
FIRST_DAY = (TODAY.replace(day=1) - timedelta(days=1)).replace(day=1)
"""So that one closed month, at least, is whole."""
SHORT_ABANDON_SECONDS = 5
"""What fake_dialpad takes for a short abandon."""
COMPANY = (
    *("--days", str((TODAY - FIRST_DAY).days), "--calls-per-day", "30", "--messages-per-day", "30"),
    *("--agents", "12", "--call-centers", "3", "--export-seconds", "1", "--seed", "5"),
)
LATE = {
    "records_dispositions": ("disposition",),
    "records_voicemails": ("date_listened", "listened_by_target_id"),
    "records_calls": ("transferred_to", "wrapup_duration", "categories"),
    "digital_sessions": ("customer_csat_score", "survey_status"),
}
"""Cells that Dialpad may fill in after a row was first exported."""


@contextmanager
def served() -> Iterator[str]:
    """The address of fake_dialpad with that company."""
    fake = subprocess.Popen(
        [sys.executable, "-m", "fake_dialpad", "--port", "0", *COMPANY], stdout=subprocess.PIPE, text=True
    )
    try:
        assert fake.stdout
        for line in fake.stdout:
            if line.startswith("fake_dialpad: "):
                yield line.removeprefix("fake_dialpad: ").strip()
                break
    finally:
        fake.terminate()
        fake.wait()
        if fake.stdout:
            fake.stdout.close()


def read_account(folder: Path) -> tuple[Rows, dict[str, str]]:
    """All rows of the company by stream, and the cursor of each stream that has one."""
    with served() as url:
        connector = Connector(
            {
                "start_date": FIRST_DAY.isoformat(),
                "timezone": "UTC",
                "num_workers": 20,
                "engagement": {
                    "base_url": url,
                    "api_key": "engagement-key-0123456789",
                    "provider_id": "1020",
                    "customer_session_ids": ["4000000000000000000.10000"],
                },
                "dialpad": {"base_url": url, "api_key": "dialpad-key-0123456789", "aggregate_window": "month"},
                "analytics": {"base_url": url, "api_key": "analytics-key-0123456789", "grain": "month"},
            },
            folder,
        )
        streams = connector.discover()
        output = connector.read(streams)
    assert output.exit_code == 0, output.errors
    rows = {stream["name"]: output.records[stream["name"]] for stream in streams}
    return rows, {s["name"]: s["default_cursor_field"][0] for s in streams if s.get("default_cursor_field")}


def instant(cell: Any) -> datetime:
    """A cursor's value as a time."""
    if isinstance(cell, int):
        return datetime.fromtimestamp(cell / 1000, UTC)
    parsed = datetime.fromisoformat(cell)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def in_two_syncs(rows: Rows, cursors: dict[str, str]) -> tuple[Rows, Rows]:
    """What a first sync brought, soon after it happened, and what one two weeks later adds: new rows and late cells."""
    newest = max(instant(row["date_started"]) for row in rows["records_calls"])
    cut = newest - timedelta(days=14)
    before: Rows = {}
    after: Rows = {}
    for stream, listed in rows.items():
        before[stream], after[stream] = [], []
        for position, row in enumerate(listed):
            happened = instant(row[cursors[stream]]) if stream in cursors else cut
            if happened > cut:
                after[stream].append(row | {"_airbyte_extracted_at": stamp(newest)})
                continue
            first = row | {"_airbyte_extracted_at": stamp(happened)}
            edited = [name for name in LATE.get(stream, ()) if row.get(name)]
            if edited and position % 3 == 0:
                after[stream].append(row | {"_airbyte_extracted_at": stamp(newest)})
                first |= dict.fromkeys(edited)
            before[stream].append(first)
    return before, after


def stamp(time: datetime) -> str:
    """A time as PyAirbyte writes it: in UTC, without a zone."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
