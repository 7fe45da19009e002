"""An account to look at when there is no real one: fake_dialpad, started for one sync and stopped after it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAYS = 90
SLOW = ("calls", "digital_sessions")
"""Left out unless asked for: at the pace Dialpad allows, 90 days of them take minutes."""
SESSIONS = 3
COMMAND = ("-m", "fake_dialpad", "--port", "0", "--days", str(DAYS), "--seed", "7", "--calls-per-day", "400")
ANNOUNCEMENT = "fake_dialpad: "

# The fake ends when its standard input does: also when this process is killed and can't say goodbye.
UNTIL_WE_END = '"$@" </dev/null & fake=$!; exec >/dev/null; cat; kill $fake; wait $fake'


class FakeDidNotStartError(RuntimeError):
    """The fake ended before it said where it listens; the text holds its last words."""


def config_for(base_url: str, today: datetime, sessions: list[str]) -> dict[str, Any]:
    """A configuration with every section, for a fake at `base_url`; its keys are the fake's own and open nothing.

    Some settings keep it quick, within the limits of the APIs. By day, 90 days of the stats that have no date of their
    own are 450 exports, and Dialpad takes 200 an hour: so by month. The metrics by day are 1,000 requests, at 10 a
    second: so by month too. A customer session is a request a week, and there are thousands: so a few.
    """
    return {
        "num_workers": 20,
        "start_date": (today - timedelta(days=DAYS)).date().isoformat(),
        "timezone": "UTC",
        "engagement": {
            "base_url": base_url,
            "api_key": "engagement-key-0123456789",
            "provider_id": "1020",
            "customer_session_ids": sessions,
        },
        "dialpad": {"base_url": base_url, "api_key": "dialpad-key-0123456789", "aggregate_window": "month"},
        "analytics": {"base_url": base_url, "api_key": "analytics-key-0123456789", "grain": "month"},
    }


def some_sessions(base_url: str, today: datetime) -> list[str]:
    """A few customer sessions of yesterday, from the fake's own books."""
    days = {"start": str(today.date() - timedelta(days=1)), "end": str(today.date())}
    messages = requests.get(f"{base_url}/_fake/truth/messages", params=days, timeout=60).json()["rows"]
    return sorted({message["customersessionid"] for message in messages})[:SESSIONS]


@contextmanager
def invented_account(log_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Start the fake; calling what comes waits until it serves and gives a configuration that works inside the context.

    The fake's own log goes to `log_path`. FakeDidNotStartError when it ends before it serves.
    """
    with log_path.open("wb") as log:
        fake = subprocess.Popen(  # noqa: S603  # our own program
            ["/bin/sh", "-c", UNTIL_WE_END, "sh", sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

        def served() -> dict[str, Any]:
            for line in fake.stdout or ():
                if line.startswith(ANNOUNCEMENT):
                    base_url, today = line.removeprefix(ANNOUNCEMENT).strip(), datetime.now(UTC)
                    return config_for(base_url, today, some_sessions(base_url, today))
            raise FakeDidNotStartError(log_path.read_text().strip() or "It gave no reason.")

        try:
            yield served
        finally:
            for end in (fake.stdin, fake.stdout):
                if end:
                    end.close()
            fake.wait()
