"""A backfill hour by hour: what each hourly sync of the exports costs, and what a warehouse holds after it.

    python -m benchmarks.backfill [--hours 40] [--call-centers 6] [--days 365] [--kill-at 2,9] [--state old.json]

An account with its real limits (200 export POSTs an hour), and the clock of both sides moved on by what is left of the
hour after each sync, so that the waiting inside a sync is real and the waiting between two syncs is not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import PYTHON, ROOT, catalog, folder, kept
from benchmarks.waiting import account, asked_for, told

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3600
KILLED_AFTER = 25.0
RECORDS = ("calls", "texts", "voicemails", "recordings", "onduty", "dispositions", "csat", "screenshare")
AGGREGATES = ("calls_by_date", "calls_by_user", "calls_by_group", "onduty", "texts", "voicemails", "recordings")
STREAMS = (*(f"records_{name}" for name in RECORDS), *(f"stats_{name}" for name in AGGREGATES), "stats_screenshare")
AT = """
import sys, time, time_machine
time_machine.travel(time.time() + float(sys.argv.pop(1))).start()
from source_dialpad.run import run
run()
"""
"""The connector with its clock set forward."""


@dataclass
class Account:
    """The account, its clock, and the state that the last sync left."""

    url: str
    days: int
    folder: Path
    per_sync: int
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    ahead: float = 0.0
    states: dict[str, Any] = field(default_factory=dict)
    asked: Counter[tuple[str, date]] = field(default_factory=Counter)
    seen: int = 0

    def now(self) -> datetime:
        """The time of the account."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def sync(self, kill_after: float | None = None) -> dict[str, Any]:
        """One hourly sync: its figures as a row of the table."""
        began, today = time.monotonic(), self.now().date()
        status, rows, left = self._read(kill_after)
        taken = time.monotonic() - began
        posts = self._posts(today)
        told(self.url, "clock", advance=max(HOUR - taken, 0))
        self.ahead += max(HOUR - taken, 0)
        cursors = [cursor for state in self.states.values() for cursor in _cursors(state)]
        return {
            "posts": posts,
            "seconds": taken,
            "rows": rows,
            "status": status,
            "streams": len(self.states),
            "partitions": len(cursors),
            "fresh": sum(_last(cursor) >= today - timedelta(days=2) for cursor in cursors),
            "backfilled": sum(self._held(cursor) for cursor in cursors) / max(len(cursors), 1),
            "left": left,
        }

    def _read(self, kill_after: float | None) -> tuple[int, int, int]:
        start = (self.began - timedelta(days=self.days)).date().isoformat()
        section = {"api_key": "dialpad-key-0123456789", "base_url": self.url, "exports_per_sync": self.per_sync}
        files = {
            "--config": kept(self.folder / "config.json", {"start_date": start, "dialpad": section}),
            "--catalog": kept(self.folder / "catalog.json", catalog(*STREAMS)),
            "--state": kept(self.folder / "state.json", list(self.states.values())),
        }
        arguments = [part for name, path in files.items() for part in (name, str(path))]
        with (self.folder / "out.jsonl").open("wb") as out:
            process = subprocess.Popen(  # a program of ours  # noqa: S603
                [str(PYTHON), "-c", AT, str(self.ahead), "read", *arguments], stdout=out, cwd=ROOT
            )
            try:
                process.wait(kill_after)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        return process.returncode, *self._written()

    def _written(self) -> tuple[int, int]:
        """How many rows were written, and how many exports the log says are left; the states are kept."""
        rows = left = 0
        with (self.folder / "out.jsonl").open("rb") as out:
            for line in out:
                if not line.endswith(b"\n"):
                    break  # killed in the middle of it
                rows += line.startswith(b'{"type":"RECORD"')
                if line.startswith(b'{"type":"STATE"'):
                    state = json.loads(line)["state"]
                    self.states[state["stream"]["stream_descriptor"]["name"]] = {"type": "STREAM", **state}
                elif b" left to read, about " in line:
                    left += int(json.loads(line)["log"]["message"].partition(": ")[2].split()[0].replace(",", ""))
        return rows, left

    def _posts(self, today: date) -> int:
        """How many exports were asked for since the last call; what each covers is counted in `asked`."""
        log = asked_for(self.url)[self.seen :]
        self.seen += len(log)
        sent = [each for each in log if (each["method"], each["path"]) == ("POST", "/api/v2/stats")]
        bodies = [json.loads(each["body"]) for each in sent]
        for body in bodies:
            if body.get("is_today"):
                continue
            names = ("export_type", "stat_type", "group_by", "office_id", "target_type", "target_id")
            what = ":".join(str(body.get(name, "")) for name in names)
            for days in range(body["days_ago_start"], body["days_ago_end"] + 1):
                self.asked[what, today - timedelta(days=days)] += 1
        return len(bodies)

    def repeats(self) -> str:
        """How often the days before the last five were asked for, and those between them that never were."""
        recent = self.began.date() - timedelta(days=5)
        older = {key: times for key, times in self.asked.items() if key[1] < recent}
        gaps = [
            f"{what} {one} to {other}"
            for what in {what for what, _ in older}
            for one, other in pairwise(sorted(day for name, day in older if name == what))
            if (other - one).days > 1
        ]
        times = dict(sorted(Counter(older.values()).items()))
        return f"\nDays before the last five, by how often they were asked for: {times}\nGaps: {gaps or 'none'}"

    def _held(self, cursor: dict[str, Any]) -> float:
        """The share of the days from the start up to two days ago that a cursor says were read whole."""
        start, end = (self.began - timedelta(days=self.days)).date(), self.now().date() - timedelta(days=2)
        first = date.fromisoformat(cursor.get("backfilled_to", start.isoformat()))
        return min(max((min(_last(cursor), end) - first).days + 1, 0) / ((end - start).days + 1), 1.0)


def _cursors(state: Any) -> Iterator[dict[str, Any]]:
    """Every cursor inside a state: one a stream, or one a partition."""
    if isinstance(state, dict) and "read_at" in state:
        yield state
    elif isinstance(state, dict | list):
        for part in state.values() if isinstance(state, dict) else state:
            yield from _cursors(part)


def _last(cursor: dict[str, Any]) -> date:
    """The last day read whole."""
    days = (cursor[name] for name in ("day", "date", "date_started", "window_start", "last_day") if name in cursor)
    return date.fromisoformat(str(next(days))[:10])


def main() -> None:
    """Prints a line an hour, and at the end how often a day was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=40)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--call-centers", type=int, default=6)
    parser.add_argument("--per-sync", type=int, default=195)
    parser.add_argument("--kill-at", default="", help="hours whose sync is killed after 25 s: 2,9")
    parser.add_argument("--state", type=Path, help="a state file to begin with")
    asked = parser.parse_args()
    kills = {int(hour) for hour in asked.kill_at.split(",") if hour}
    with account(asked.days, call_centers=asked.call_centers) as url, folder() as place:
        told(url, "clock", horizon=None)
        company = Account(url, asked.days, place, asked.per_sync)
        if asked.state:
            states = json.loads(asked.state.read_text())
            company.states = {state["stream"]["stream_descriptor"]["name"]: state for state in states}
        print("| hour | POSTs | s | rows | exit | streams | cursors | fresh | backfilled | exports left |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for hour in range(1, asked.hours + 1):
            row = company.sync(KILLED_AFTER if hour in kills else None)
            share = f"{row['backfilled']:.1%}"
            print(
                f"| {hour} | {row['posts']} | {row['seconds']:.0f} | {row['rows']:,} | {row['status']} "
                f"| {row['streams']} | {row['partitions']} | {row['fresh']} | {share} | {row['left']:,} |",
                flush=True,
            )
            if row["status"] == 0 and not row["left"]:
                break
        print(company.repeats())


if __name__ == "__main__":
    sys.exit(main())
