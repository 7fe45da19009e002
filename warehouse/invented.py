"""An account to look at when there is no real one: fake_dialpad and an event receiver, both stopped at the end."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAYS = 90
SESSIONS = 3
# Pages decide how long a first sync takes: 15 a second are asked for, and of digital sessions 95 a minute.
SIZE = ("--days", str(DAYS), "--seed", "7", "--calls-per-day", "120", "--messages-per-day", "190", "--agents", "24")
FAKE = ("-m", "fake_dialpad", "--port", "0", *SIZE)
RECEIVER = ("-m", "event_receiver", "--port")
ANNOUNCEMENT = "fake_dialpad: "
DIALPAD_KEY = "dialpad-key-0123456789"

# A program ends when its standard input does: also when this process is killed and can't say goodbye.
UNTIL_WE_END = '"$@" </dev/null & program=$!; exec >/dev/null; cat; kill $program; wait $program'


class FakeDidNotStartError(RuntimeError):
    """The fake ended before it said where it listens; the text holds its last words."""


def config_for(base_url: str, receiver_url: str, read_key: str, sessions: list[str]) -> dict[str, Any]:
    """A configuration with every section, for a fake at `base_url`; its keys are the fake's own and open nothing.

    Some settings keep it quick, within the limits of the APIs. By day, 90 days of the stats that have no date of their
    own are 450 exports, and Dialpad takes 200 an hour: so by month. Records come in one export of all days. The metrics
    by day are 1,000 requests, at 10 a second: so by month too. A customer session is a request a week, and there are
    thousands: so a few.
    """
    today = datetime.now(UTC)
    return {
        "start_date": (today - timedelta(days=DAYS)).date().isoformat(),
        "timezone": "UTC",
        "engagement": {
            "base_url": base_url,
            "api_key": "engagement-key-0123456789",
            "provider_id": "1020",
            "customer_session_ids": sessions,
        },
        "dialpad": {
            "base_url": base_url,
            "api_key": DIALPAD_KEY,
            "export_window_days": DAYS,
            "aggregate_window": "month",
        },
        "analytics": {"base_url": base_url, "api_key": "analytics-key-0123456789", "grain": "month"},
        "event_receiver": {"base_url": receiver_url, "api_key": read_key},
    }


def some_sessions(base_url: str) -> list[str]:
    """A few customer sessions of yesterday, from the fake's own books."""
    today = datetime.now(UTC)
    days = {"start": str(today.date() - timedelta(days=1)), "end": str(today.date())}
    messages = requests.get(f"{base_url}/_fake/truth/messages", params=days, timeout=60).json()["rows"]
    return sorted({message["customersessionid"] for message in messages})[:SESSIONS]


@contextmanager
def running(command: tuple[str, ...], log_path: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """One of our programs beside this one; what it says on standard error goes to `log_path`."""
    with log_path.open("wb") as log:
        program = subprocess.Popen(  # noqa: S603  # our own program
            ["/bin/sh", "-c", UNTIL_WE_END, "sh", sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, **settings},
        )
        try:
            yield program
        finally:
            for end in (program.stdin, program.stdout):
                if end:
                    end.close()
            program.wait()


@contextmanager
def invented_account(log_path: Path) -> Iterator[Callable[[], dict[str, Any]]]:
    """Start fake and receiver; calling what comes waits until they serve and gives a configuration for this context.

    The fake's log goes to `log_path`, the receiver's and its database beside it. The fake sends the receiver events of
    every kind, signed, as Dialpad would: the first time those since yesterday's midnight as well. FakeDidNotStartError
    when one of them ends before it serves.
    """
    keys = {"EVENT_RECEIVER_SECRET": secrets.token_hex(24), "EVENT_RECEIVER_READ_KEY": secrets.token_hex(24)}
    with socket.create_server(("localhost", 0)) as found:
        port = found.getsockname()[1]
    receiver_url = f"http://localhost:{port}"
    database = log_path.with_name("events.db").absolute()
    delivery = ["--deliver", f"{receiver_url}/events", "--deliver-secret", keys["EVENT_RECEIVER_SECRET"]]
    if database.exists():
        delivery.append("--deliver-from-now")  # the others would come twice
    serving = (*RECEIVER, str(port), "--database", f"sqlite:///{database}")
    with running(serving, log_path.with_name("receiver.log"), keys) as receiver:
        _wait_for(receiver, receiver_url)
        with running((*FAKE, *delivery), log_path, {}) as fake:

            def served() -> dict[str, Any]:
                for line in fake.stdout or ():
                    if line.startswith(ANNOUNCEMENT):
                        base_url = line.removeprefix(ANNOUNCEMENT).strip()
                        sessions = some_sessions(base_url)
                        return config_for(base_url, receiver_url, keys["EVENT_RECEIVER_READ_KEY"], sessions)
                raise FakeDidNotStartError(log_path.read_text().strip() or "It gave no reason.")

            yield served


def _wait_for(receiver: subprocess.Popen[str], receiver_url: str) -> None:
    """Return when the receiver serves, as what is sent to it before is lost."""
    for _ in range(100):
        with suppress(requests.ConnectionError):
            requests.get(f"{receiver_url}/healthz", timeout=10).raise_for_status()
            return
        if receiver.poll() is not None:
            raise FakeDidNotStartError("The event receiver ended before it served; its log is .sync/receiver.log.")
        time.sleep(0.1)
    raise FakeDidNotStartError("The event receiver did not come up within 10 s.")
