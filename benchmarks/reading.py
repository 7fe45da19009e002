"""Reading: the connector's rows a second, CPU and memory, beside other programs on the same answers in the same run."""

from __future__ import annotations

import hashlib
import shutil
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from benchmarks import measuring
from benchmarks.invented import CALL_COLUMNS
from benchmarks.measuring import PEERS, PYTHON, Taken, catalog, folder, interleaved, kept, lines, run, served

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STREAMS = {
    "calls": "records_calls",
    "messages": "messages",
    "records": "analytics_record_data",
    "events": "call_events",
}
OTHERS = {"dispositions": "records_dispositions"}
TITLES = {
    "calls": "`records_calls`, CSV of 54 columns",
    "messages": "`messages`, pages of 1,000",
    "records": "`analytics_record_data`, pages of 300",
    "events": "`call_events`, pages of 1,000",
}
DAYS = 28
USUAL = {"calls": 100_000, "messages": 60_000, "records": 40_000, "events": 40_000}
FULL = {"calls": 500_000, "messages": 300_000, "records": 200_000, "events": 200_000}
VARIANTS = ("connector", "raw", "stock", "singer", "dlt", "bytes")
KEY = "bench-key-0123456789"


@dataclass
class Reading:
    """What one stream's variants took, and how many rows each of them read."""

    stream: str
    rows: int
    runs: int
    taken: dict[str, Taken]
    counted: dict[str, int] = field(default_factory=dict)


def configuration(base: str, days: int = DAYS, window_days: int = 1) -> dict[str, object]:
    """The connector's configuration; the members of the stock manifest's stand beside it."""
    start = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
    return {
        "start_date": start,
        "base_url": base,
        "window_days": window_days,
        "dialpad": {"api_key": KEY, "base_url": base, "export_window_days": window_days},
        "engagement": {"api_key": KEY, "base_url": base, "provider_id": "1020"},
        "analytics": {"api_key": KEY, "base_url": base},
        "event_receiver": {"api_key": KEY, "base_url": base},
    }


def commands(stream: str, base: str, place: Path, days: int = DAYS, window_days: int = 1) -> dict[str, list[str]]:
    """The command line of each variant; files it needs are written to `place`."""
    settings = configuration(base, days, window_days)
    start = str(settings["start_date"])
    config = str(kept(place / "config.json", settings))
    streams = str(kept(place / "catalog.json", catalog({**STREAMS, **OTHERS}[stream])))
    tap = str(kept(place / "tap.json", {"base_url": base, "start_date": start, "only": stream}))
    raw = [str(PYTHON), "-m", "benchmarks.raw", stream, base, start, "--window-days", str(window_days)]
    read = ["read", "--config", config, "--catalog", streams]
    return {
        "connector": [str(PYTHON), "-m", "benchmarks.connector", *read],
        "raw": raw,
        "stock": [str(PYTHON), "-m", "benchmarks.stock", *read],
        "singer": [str(PEERS), "benchmarks/singer_tap.py", "--config", tap],
        "dlt": [str(PEERS), "benchmarks/dlt_source.py", stream, base, start, str(place / "dlt")],
        "bytes": [*raw, "--bytes"],
    }


def counted(variant: str, command: list[str], place: Path) -> int:
    """How many rows a variant reads, counted in what it writes."""
    clean(place)
    if variant == "dlt":
        return int(b"".join(lines(command, env=_ENVIRONMENT)).split()[-1])
    return measuring.counted(command, env=_ENVIRONMENT)[1]


_ENVIRONMENT = {
    "BENCH_CALL_COLUMNS": CALL_COLUMNS,
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "DESTINATION__FILESYSTEM__BUCKET_URL": "/tmp/dialpad-bench",  # noqa: S108  # extraction alone: nothing is loaded
}


def clean(place: Path) -> None:
    """Removes what dlt extracted, so that no run finds another's."""
    shutil.rmtree(place / "dlt", ignore_errors=True)


def read(stream: str, rows: dict[str, int], runs: int, variants: tuple[str, ...] = VARIANTS) -> Reading:
    """Measures the variants of one stream in turn; raises when one of them does not read every row."""
    variants = tuple(each for each in variants if PEERS.exists() or each not in ("singer", "dlt"))
    if "connector" not in variants:
        raise SystemExit(f"--variants {','.join(variants)}: every ratio is of the connector, so name it too")
    with served(days=DAYS, **{stream: rows[stream]}) as (base, held), folder() as place:
        programs = {name: command for name, command in commands(stream, base, place).items() if name in variants}
        print(f"{stream}: {held[stream]} rows", file=sys.stderr)
        found = {name: counted(name, command, place) for name, command in programs.items() if name != "bytes"}
        short = {name: count for name, count in found.items() if count != held[stream]}
        if short:
            raise SystemExit(f"{stream}: the server holds {held[stream]} rows, and not all were read: {short}")

        def once(command: list[str]) -> Callable[[], Taken]:
            def runner() -> Taken:
                clean(place)
                return run(command, env=_ENVIRONMENT)

            return runner

        taken = interleaved(runs, {name: once(command) for name, command in programs.items()})
    return Reading(stream, held[stream], runs, taken, found)


def prove(stream: str, rows: int) -> int:
    """Compares the connector's rows with the raw program's, member by member; how many there are."""
    with served(days=DAYS, **{stream: rows}) as (base, _), folder() as place:
        programs = commands(stream, base, place)
        ours, theirs = (_rows(programs[name]) for name in ("connector", "raw"))
    if ours != theirs:
        raise SystemExit(
            f"{stream}: {len(ours ^ theirs)} rows of {len(ours)} differ between the connector and the raw program"
        )
    return len(ours)


def _rows(command: list[str]) -> set[bytes]:
    found = set()
    for line in lines(command, env=_ENVIRONMENT):
        if line.startswith(b'{"type":"RECORD"'):
            row = orjson.loads(line)["record"]["data"]
            found.add(hashlib.sha256(orjson.dumps(row, option=orjson.OPT_SORT_KEYS)).digest())
    return found


def table(readings: list[Reading]) -> str:
    """The figures as Markdown."""
    heads = {
        "connector": "**connector**",
        "raw": "(a) raw program",
        "stock": "(b) stock CDK, untyped",
        "singer": "(c) singer-sdk, untyped",
        "dlt": "(d) dlt, untyped",
        "bytes": "the answers' bytes alone",
    }
    parts = []
    for reading in readings:
        often = "one run" if reading.runs == 1 else f"medians of {reading.runs} runs"
        parts.append(f"### {TITLES[reading.stream]}: {reading.rows:,} rows, {often} of each program\n")
        parts.append(
            "| program | rows/s | connector ÷ it | rows a CPU s | connector ÷ it | CPU s | peak MB | seconds |"
        )
        parts.append("|---|---|---|---|---|---|---|---|")
        ours = reading.taken["connector"]
        for name, taken in reading.taken.items():
            rate, thrift = reading.rows / taken.seconds, reading.rows / taken.cpu
            faster, thriftier = taken.seconds / ours.seconds, taken.cpu / ours.cpu
            parts.append(
                f"| {heads[name]} | {rate:,.0f} | {faster:.2f} | {thrift:,.0f} | {thriftier:.2f} | {taken.cpu:.2f} | "
                f"{taken.peak:.0f} | {taken.seconds:.2f} |"
            )
        parts.append("")
    return "\n".join(parts)
