"""Memory: the peak as one file, one year and the number of windows grow."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.measuring import Taken, counted, folder, interleaved, served
from benchmarks.reading import commands

MOST_MB = 200
MOST_GROWTH = 1.1


@dataclass(frozen=True)
class Case:
    """One reading: what is read, over how many days, in windows of how many."""

    stream: str
    rows: int
    days: int
    window_days: int = 1

    def taken(self, runs: int = 1) -> Taken:
        """The median of what the connector takes; exits when it does not read every row."""
        with served(days=self.days, **{self.stream: self.rows}) as (base, held), folder() as place:
            command = commands(self.stream, base, place, self.days, self.window_days)["connector"]

            def once() -> Taken:
                taken, found = counted(command, env=ENVIRONMENT)
                if found != held[self.stream]:
                    raise SystemExit(f"{self}: the server holds {held[self.stream]} rows and {found} were read")
                return taken

            return next(iter(interleaved(runs, {f"{self.stream} {self.rows:,}": once}).values()))


ENVIRONMENT = {"BENCH_ALL_POSTS": "1"}


def measured(*, full: bool) -> str:
    """The figures as Markdown."""
    large = 1_000_000 if full else 200_000
    year = 2000 if full else 500
    cases = (
        ("one CSV", Case("calls", 10_000, 28, 365), Case("calls", large, 28, 365)),
        # ten days, so that as many slices are read at once as of the year
        ("messages: 10 days, a year", Case("messages", 10 * year, 10), Case("messages", 364 * year, 364)),
        ("exports at once: 20 windows, 2,000", Case("calls", 20_000, 20), Case("calls", 20_000, 2000)),
    )
    table = ["| | rows | peak MB | rows | peak MB | growth |", "|---|---|---|---|---|---|"]
    for title, small, big in cases:
        few, many = small.taken(3), big.taken()
        growth = many.peak / few.peak
        table.append(f"| {title} | {small.rows:,} | {few.peak:.0f} | {big.rows:,} | {many.peak:.0f} | {growth:.2f} |")
    goal = f"The goal is a growth of at most {MOST_GROWTH} and a peak under {MOST_MB} MB."
    return f"Peak resident memory of the connector's process. {goal}\n\n" + "\n".join(table)
