"""Fifty processes killed with SIGKILL, at moments spread over a sync of all streams, and the syncs after them.

`make kill-test`: minutes, since each sync waits for its exports; so it is not part of `make test`, where three such
kills and fifty replayed ones stand for it (test_kill.py, test_states.py). Every sync has an account of its own, with an
hour's budget of its own, in which the same things have happened.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from event_receiver.app import create_app
from event_receiver.store import Store
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World
from integration_tests.sync.connector import EXECUTABLE, Connector, Output, Row, table
from integration_tests.sync.served import served

MOMENTS = 50
LATEST = 0.95
"""Of the quiet sync's time: the others end a little earlier or later than it."""
AT_ONCE = 4
DAYS = 10
QUIET = 900
LEFT_OUT = {"call_recaps"}  # 5.5 s a recap; unit_tests/conversations/test_recaps.py breaks it off
SECRET, READ_KEY = "kill-secret-e4da3b7fbbce2345d7772b0674a318d5", "kill-reader-1679091c5a880faf6fb5e6087eb1b2dc"


class Accounts:
    """Accounts in which the same things have happened, and one event receiver that all of them share."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        """Has the receiver take forty events."""
        self._world = World(seed=11, days=DAYS, calls_per_day=20, messages_per_day=150, agents=8, call_centers=2)
        self._until = time.time() - QUIET
        self._folder = folder
        store = Store(f"sqlite:///{folder / 'events.db'}")
        self._receiver = stack.enter_context(served(create_app(store, secrets=(SECRET,), read_key=READ_KEY)))
        with serve(FakeDialpad(self._world)) as url:
            key = {"Authorization": "Bearer dialpad-key-0123456789"}
            hook = {"hook_url": f"{self._receiver}/events", "secret": SECRET}
            made = requests.post(f"{url}/api/v2/webhooks", json=hook, headers=key, timeout=10).json()
            wanted = {"endpoint_id": int(made["id"]), "call_states": ["all"]}
            requests.post(f"{url}/api/v2/subscriptions/call", json=wanted, headers=key, timeout=10).raise_for_status()
            sent = requests.post(f"{url}/_fake/webhooks/send", json={"count": 40, "wait": True}, timeout=60)
            sent.raise_for_status()

    def connector(self, stack: ExitStack, name: str) -> Connector:
        """The connector with a new account."""
        url = stack.enter_context(serve(FakeDialpad(self._world, export_seconds=2)))
        requests.post(f"{url}/_fake/clock", json={"horizon": self._until}, timeout=10).raise_for_status()
        folder = self._folder / name
        folder.mkdir()
        limits = {"export_window_days": 30, "aggregate_window": "month"}
        config = {
            "start_date": (datetime.now(UTC).date() - timedelta(days=DAYS - 2)).isoformat(),
            "engagement": {"base_url": url, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
            "dialpad": {"base_url": url, "api_key": "dialpad-key-0123456789", **limits},
            "analytics": {"base_url": url, "api_key": "analytics-key-0123456789", "grain": "week"},
            "event_receiver": {"base_url": self._receiver, "api_key": READ_KEY},
        }
        return Connector(config, folder)


def killed(connector: Connector, streams: list[dict[str, Any]], after: float) -> Output:
    """What a sync printed until it was killed, `after` seconds from its start."""
    files = connector.files(streams)
    with (connector.folder / "printed").open("wb") as printed:
        process = subprocess.Popen([EXECUTABLE, "read", *files], stdout=printed, cwd=connector.folder)
        time.sleep(after)
        process.kill()
        code = process.wait(30)
    lines = (connector.folder / "printed").read_bytes().splitlines(keepends=True)
    return Output(code, [json.loads(line) for line in lines if line.endswith(b"\n")])


WINDOWED = {
    "records_csat": {"window_start", "window_end"},
    "records_screenshare": {"window_start", "window_end"},
    "scorecard_answers": {"window_start", "window_end"},
    "scorecard_grades": {"window_start", "window_end"},
    "wfm_activity_metrics": {"interval"},
    "wfm_agent_metrics": {"interval"},
}
"""Columns that say what was asked for: a look-back, or a later sync, asks for another window."""


def held(rows: list[Row], stream: dict[str, Any]) -> dict[tuple[Any, ...], Row]:
    """The table without the columns that differ from sync to sync."""
    windows = WINDOWED.get(stream["name"], set())
    kept = table(rows, stream)
    return {key: {name: value for name, value in row.items() if name not in windows} for key, row in kept.items()}


def main() -> int:
    """Reads quietly, then kills and resumes; says what differs, and returns how many kills cost something."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        accounts = Accounts(stack, folder)
        connector = accounts.connector(stack, "quiet")
        streams = [stream for stream in connector.discover() if stream["name"] not in LEFT_OUT]
        began = time.monotonic()
        quiet = connector.read(streams)
        seconds = time.monotonic() - began
        if quiet.exit_code:
            sys.exit(f"The quiet sync failed: {quiet.errors}")
        whole = {stream["name"]: held(quiet.records[stream["name"]], stream) for stream in streams}
        rows = sum(map(len, whole.values()))
        print(f"{len(streams)} streams, {rows:,} rows, {seconds:.0f} s without a kill; {MOMENTS} kills:", flush=True)

        def one(number: int) -> str:
            with ExitStack() as own:
                again = accounts.connector(own, str(number))
                before = killed(again, streams, seconds * LATEST * (number + 0.5) / MOMENTS)
                after = again.read(streams, before.last_states())
                differ = [
                    stream["name"]
                    for stream in streams
                    if held(before.records[stream["name"]] + after.records[stream["name"]], stream)
                    != whole[stream["name"]]
                ]
                read = sum(map(len, before.records.values())), sum(map(len, after.records.values()))
                told = f"{number + 1:3} exit {before.exit_code}, {read[0]:,} rows before and {read[1]:,} after"
                failed = differ or after.exit_code or before.exit_code != -9
                print(f"{told}{f'; DIFFERENT: {differ}, exit {after.exit_code}' if failed else ''}", flush=True)
                return told if failed else ""

        with ThreadPoolExecutor(AT_ONCE) as pool:
            failures = [told for told in pool.map(one, range(MOMENTS)) if told]
    print(f"{MOMENTS - len(failures)} of {MOMENTS} kills cost no row.")
    return len(failures)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
