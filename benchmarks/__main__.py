"""How fast, how much memory, how long: every figure from a run.

    python -m benchmarks reading [--only calls,messages] [--runs 3] [--full] [--variants connector,raw]
    python -m benchmarks prove                the raw program's rows are the connector's rows
    python -m benchmarks start                the times of spec and check
    python -m benchmarks memory [--full]      one CSV, a year of messages, 2,000 windows
    python -m benchmarks growth [--full]      rows ten- and a hundredfold, call centers 1, 10, 100; docs/growth.svg
    python -m benchmarks waiting              a year's backfill and an hourly sync, against fake_dialpad with its limits

`--write` puts the figures into benchmarks/RESULTS.md; without it they are printed.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING

from benchmarks import growth, memory, reading, results, start, waiting
from benchmarks.reading import FULL, USUAL, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Runs one of the measurements, or several, in the order they are named."""
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="+", choices=("reading", "prove", "start", "memory", "growth", "waiting"))
    parser.add_argument(
        "--only", default=",".join(USUAL), help="streams of the reading: calls, messages, records, events"
    )
    parser.add_argument("--variants", default=",".join(VARIANTS), help="programs of the reading")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="five to ten times the rows")
    parser.add_argument("--write", action="store_true", help="put the figures into benchmarks/RESULTS.md")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    for what in asked.what:
        for text in measured(what, asked):
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
            if asked.write and what != "prove":
                results.keep(what, text)


def measured(what: str, asked: argparse.Namespace) -> Iterator[str]:
    """One measurement as Markdown; of reading a stream more at a time, so that what was measured is kept."""
    streams = asked.only.split(",")
    if what == "reading":
        rows, variants, found = FULL if asked.full else USUAL, tuple(asked.variants.split(",")), []
        for stream in streams:
            found.append(reading.read(stream, rows, asked.runs, variants))
            yield reading.table(found)
    elif what == "prove":
        for stream in streams:
            yield f"{stream}: {reading.prove(stream, 6000)} rows are the same"
    elif what == "start":
        yield start.measured(max(asked.runs, 3))
    elif what == "memory":
        yield memory.measured(full=asked.full)
    elif what == "growth":
        yield growth.measured(full=asked.full)
    else:
        yield waiting.measured()


if __name__ == "__main__":
    main()
