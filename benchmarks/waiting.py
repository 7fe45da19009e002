"""Waiting: backfills and an hourly sync against fake_dialpad, with its limits and nothing taken out.

The least time of a backfill of N exports, by Dialpad's rules (Stats API page: 200 POSTs an hour, of which the connector
uses 195; 15 s before the first poll; 20 requests a second for the company):

    least = 3600 * ((N - 1) // 195) + ((N - 1) % 195) / 20 + max(15, E) + 3 * a

An export is ready E seconds after its POST and is not to be asked for earlier than 15 s after it; POSTs cannot follow
faster than 20 a second; a is the time of one answer: the POST, the poll and the download of the last export. What the
machine needs to start and to read comes on top, and is measured with the rest.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
import yaml

from benchmarks.measuring import PYTHON, RECORD, ROOT, catalog, counted, folder, kept, lines, served, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECTOR = (str(PYTHON), "-m", "source_dialpad.run")
EXPORTS = ("calls", "texts", "voicemails", "recordings", "onduty", "dispositions", "csat", "screenshare")
EXPORT_SECONDS = 15
ANSWER_SECONDS = 0.05
POSTS_AN_HOUR = 195
REQUESTS_A_SECOND = 20
HOURLY_SECONDS = 45
PAGES_A_SECOND = 10
"""Of Digital Engagement and of the Analytics API, each; the connector's own limit where no document names one."""
HOUR = 3700
MIDNIGHT = (
    " The account's hour crossed midnight, ahead of the machine's clock, so that some exports were asked for twice."
)


@contextlib.contextmanager
def account(
    days: int, *, call_centers: int = 6, calls: int = 8, messages: int = 60, answer: float = ANSWER_SECONDS
) -> Iterator[str]:
    """An invented account whose exports take 15 s and whose answers take 50 ms; nothing happens in it any more."""
    asked = (
        "--port",
        "0",
        "--days",
        str(days),
        "--export-seconds",
        str(EXPORT_SECONDS),
        "--call-centers",
        str(call_centers),
    )
    rows = ("--calls-per-day", str(calls), "--messages-per-day", str(messages))
    process = subprocess.Popen(  # a program of ours  # noqa: S603
        [str(PYTHON), "-m", "fake_dialpad", *asked, *rows],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
    )
    try:
        assert process.stdout is not None  # it was asked for  # noqa: S101
        url = process.stdout.readline().split()[-1]
        told(url, "clock", horizon="now")
        told(url, "faults", fault=f"hang:{answer}", path_regex="^/(api|v1|Koopid|_storage)", times=1_000_000)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def told(url: str, what: str, **body: Any) -> None:
    """Changes the account."""
    requests.post(f"{url}/_fake/{what}", json=body, timeout=30).raise_for_status()


def asked_for(url: str) -> list[dict[str, Any]]:
    """Every request the account has seen."""
    seen: list[dict[str, Any]] = requests.get(f"{url}/_fake/requests", timeout=60).json()["requests"]
    return seen


def least(exports: int) -> float:
    """The least seconds of a backfill; the formula at the top."""
    hours, rest = divmod(exports - 1, POSTS_AN_HOUR)
    return 3600 * hours + rest / REQUESTS_A_SECOND + max(15, EXPORT_SECONDS) + 3 * ANSWER_SECONDS


def measured() -> str:
    """The figures as Markdown."""
    return f"{__doc__.partition(chr(10))[2].strip()}\n\n{_backfill()}\n\n{_pages()}\n\n{_workers()}\n\n{_hourly()}"


def _settings(url: str, days: int, **dialpad: Any) -> dict[str, Any]:
    start = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    return {"start_date": start, "dialpad": {"api_key": "dialpad-key-0123456789", "base_url": url, **dialpad}}


def _backfill() -> str:
    table = [
        "| call centers | exports | rows | least s | first POST to last download s | ratio | process s | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for centers in (1, 6):
        with account(365, call_centers=centers, calls=6) as url, folder() as place:
            config = kept(place / "config.json", _settings(url, 365, export_window_days=90))
            streams = kept(place / "catalog.json", catalog(*(f"records_{name}" for name in EXPORTS)))
            taken, rows = counted([*CONNECTOR, "read", "--config", str(config), "--catalog", str(streams)])
            seen = asked_for(url)
        posts = _posts(seen)
        span = max(each["time"] for each in seen if each["path"].startswith("/_storage/")) + ANSWER_SECONDS - min(posts)
        bound = least(len(posts))
        print(f"  backfill, {centers} call centers: {len(posts)} exports, {span:.1f} s", file=sys.stderr)
        table.append(
            f"| {centers} | {len(posts)} | {rows:,} | {bound:.1f} | {span:.1f} | {span / bound:.2f} | "
            f"{taken.seconds:.1f} | {taken.cpu:.1f} |"
        )
    return "### A year's backfill of the eight records exports, windows of 90 days\n\n" + "\n".join(table)


def _paged(stream: str, days: int, workers: int | None, answer: float) -> tuple[int, float]:
    """How many requests the pages of a stream took, and the seconds from the first to the end of the last."""
    with account(days + 1, answer=answer) as url, folder() as place:
        settings = {
            "start_date": (datetime.now(UTC) - timedelta(days=days)).date().isoformat(),
            "engagement": {"api_key": "engagement-key-0123456789", "base_url": url, "provider_id": "1020"},
            "analytics": {"api_key": "analytics-key-0123456789", "base_url": url},
            **({} if workers is None else {"num_workers": workers}),
        }
        config, streams = kept(place / "config.json", settings), kept(place / "catalog.json", catalog(stream))
        _, rows = counted([*CONNECTOR, "read", "--config", str(config), "--catalog", str(streams)])
        times = [each["time"] for each in asked_for(url)]
    if not rows:
        raise SystemExit(f"{stream}: no rows came, so nothing was measured")
    span = max(times) + answer - min(times)
    print(f"  {stream}, {workers or 'usual'} workers, {answer} s: {len(times)} requests, {span:.1f} s", file=sys.stderr)
    return len(times), span


def _pages() -> str:
    table = ["| | requests | least s | first request to last answer s | ratio |", "|---|---|---|---|---|"]
    for stream, days in (("messages", 180), ("analytics_record_data", 180), ("analytics_metric_data", 30)):
        count, span = _paged(stream, days, None, ANSWER_SECONDS)
        bound = (count - 1) / PAGES_A_SECOND + ANSWER_SECONDS
        table.append(f"| `{stream}`, {days} days | {count} | {bound:.1f} | {span:.1f} | {span / bound:.2f} |")
    return (
        f"### Messages and analytics at their limits\n\n{PAGES_A_SECOND} requests a second each, so N requests take at "
        f"least (N - 1) / {PAGES_A_SECOND} s and an answer.\n\n" + "\n".join(table)
    )


def _workers() -> str:
    answers, days = (0.05, 0.5, 1.0, 2.0), 25
    table = [f"| `num_workers` |{''.join(f' answers of {answer:g} s |' for answer in answers)}", "|---" * 5 + "|"]
    for workers in (2, 4, 8, 16):
        spans = [_paged("messages", days, workers, answer)[1] for answer in answers]
        table.append(f"| {workers} |{''.join(f' {span:.1f} s |' for span in spans)}")
    return (
        f"### `num_workers`, where answers are slow\n\n`messages` of {days} days, two requests a day, first request to "
        "last answer.\n\n" + "\n".join(table)
    )


def _hourly() -> str:
    """An hourly sync with nothing new: of the streams that Airbyte's form suggests, of all but the recaps, of all."""
    suggested = yaml.safe_load((ROOT / "metadata.yaml").read_text())["data"]["suggestedStreams"]["streams"]
    tables = [
        "| streams | seconds | CPU s | peak MB | requests | export POSTs | rows | last to end |",
        "|---|---|---|---|---|---|---|---|",
        _hour_later("the %d that Airbyte's form suggests", lambda name: name in suggested),
        _hour_later("all %d but `call_recaps`", lambda name: name != "call_recaps"),
        _hour_later("all %d", lambda _: True),
    ]
    return (
        "### An hourly sync with nothing new\n\nRows are those of the three days of look-back and of the lists. Goal: "
        f"under {HOURLY_SECONDS} s for the streams that Airbyte's form suggests. API v2 is asked 15 times a second, "
        "and for a recap every 5.5 s.\n\n" + "\n".join(tables)
    )


def _hour_later(title: str, wanted: Callable[[str], bool]) -> str:
    """One row of that table: a first sync, an hour, a second one."""
    with account(8) as url, served(events=1000) as (receiver, _), folder() as place:
        settings = {
            **_settings(url, 5),
            "engagement": {"api_key": "engagement-key-0123456789", "base_url": url, "provider_id": "1020"},
            "analytics": {"api_key": "analytics-key-0123456789", "base_url": url},
            "event_receiver": {"api_key": "receiver-key-0123456789", "base_url": receiver},
        }
        config = kept(place / "config.json", settings)
        found = [
            json.loads(line)
            for line in lines([*CONNECTOR, "discover", "--config", str(config)])
            if b'"CATALOG"' in line
        ]
        names = [stream["name"] for stream in found[0]["catalog"]["streams"] if wanted(stream["name"])]
        streams = kept(place / "catalog.json", catalog(*names))
        read = [*CONNECTOR, "read", "--config", str(config), "--catalog", str(streams)]
        states = {}
        for line in lines(read):
            if line.startswith(b'{"type":"STATE"'):
                state = json.loads(line)["state"]
                states[state["stream"]["stream_descriptor"]["name"]] = state
        now = datetime.now(UTC)
        later = (now + timedelta(seconds=HOUR)).date() != now.date()
        told(url, "clock", advance=HOUR)  # an hour later: the POSTs of the first sync count no more
        requests.delete(f"{url}/_fake/requests", timeout=30).raise_for_status()
        taken, following = written([*read, "--state", str(kept(place / "state.json", list(states.values())))])
        second = list(following)
        seen = asked_for(url)
    slowest = sorted(_ends(second).items(), key=lambda each: -each[1])[:3]
    last = ", ".join(f"`{name}` {at:.0f} s" for name, at in slowest)
    print(f"  hourly, {title % len(names)}: {taken.seconds:.1f} s", file=sys.stderr)
    return (
        f"| {title % len(names)} | {taken.seconds:.1f} | {taken.cpu:.1f} | {taken.peak:.0f} | {len(seen)} | "
        f"{len(_posts(seen))} | {_records(second):,} | {last}{MIDNIGHT if later else ''} |"
    )


def _posts(seen: list[dict[str, Any]]) -> list[float]:
    """When each export was asked for."""
    return [each["time"] for each in seen if each["method"] == "POST" and each["path"] == "/api/v2/stats"]


def _records(found: list[bytes]) -> int:
    return sum(line.startswith(RECORD) for line in found)


def _ends(found: list[bytes]) -> dict[str, float]:
    """Seconds from the first status to each stream's last."""
    told_at: dict[str, float] = {}
    first = 0.0
    for line in found:
        if b'"STREAM_STATUS"' in line:
            trace = json.loads(line)["trace"]
            first = first or trace["emitted_at"]
            told_at[trace["stream_status"]["stream_descriptor"]["name"]] = (trace["emitted_at"] - first) / 1000
    return told_at
