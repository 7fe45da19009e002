"""Growth: seconds and memory as rows grow ten- and a hundredfold, and as call centers do; drawn to docs/growth.svg."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

from benchmarks.measuring import ROOT, Taken, counted, folder, served
from benchmarks.memory import ENVIRONMENT
from benchmarks.reading import commands

DRAWING = ROOT / "docs" / "growth.svg"
CENTERS = (1, 10, 100)
ROWS_A_CENTER = 500
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700")
SVG = "http://www.w3.org/2000/svg"  # ignore-https-check: a name, and no address


@dataclass
class Line:
    """One line of the drawing: what grows, in steps, and what each step took."""

    title: str
    unit: str
    steps: list[tuple[int, int, Taken]] = field(default_factory=list)


def measured(*, full: bool) -> str:
    """The figures as Markdown; the drawing is written beside them."""
    factor = 2 if full else 1
    sizes = {"calls": 5000 * factor, "messages": 4000 * factor, "records": 2000 * factor}
    every = [_rows(stream, [base, base * 10, base * 100]) for stream, base in sizes.items()]
    every.append(_centers())
    DRAWING.write_text(drawing(every), encoding="utf-8")
    table = ["| | | rows | seconds | rows/s | CPU s | peak MB |", "|---|---|---|---|---|---|---|"]
    for line in every:
        for size, rows, taken in line.steps:
            step = f"{size:,} {line.unit}"
            rate = rows / taken.seconds
            table.append(
                f"| {line.title} | {step} | {rows:,} | {taken.seconds:.2f} | {rate:,.0f} | {taken.cpu:.2f} | "
                f"{taken.peak:.0f} |"
            )
    return "Seconds are those of the whole process, its start included.\n\n" + "\n".join(table)


def _rows(stream: str, sizes: list[int]) -> Line:
    line = Line(f"`{stream}`", "rows")
    for size in sizes:
        with served(days=28, **{stream: size}) as (base, held), folder() as place:
            line.steps.append((size, held[stream], _read(commands(stream, base, place)["connector"], held[stream])))
    return line


def _centers() -> Line:
    line = Line(f"dispositions, {ROWS_A_CENTER} rows a call center", "call centers")
    for centers in CENTERS:
        with served(days=28, call_centers=centers, dispositions=ROWS_A_CENTER) as (base, held), folder() as place:
            command = commands("dispositions", base, place, window_days=28)["connector"]
            line.steps.append((centers, held["dispositions"], _read(command, held["dispositions"])))
    return line


def _read(command: list[str], rows: int) -> Taken:
    taken, found = counted(command, env=ENVIRONMENT)
    if found != rows:
        raise SystemExit(f"{' '.join(command)}: the server holds {rows} rows, and {found} were read")
    print(f"  {rows:,} rows: {taken.seconds:.2f} s, {taken.peak:.0f} MB", file=sys.stderr)
    return taken


# --- the drawing ------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, MARGIN = 420, 300, 56


def drawing(every: list[Line]) -> str:
    """Two panels as SVG: seconds (both axes logarithmic, so that straight is proportional) and peak memory."""
    rows = [rows for line in every for _, rows, _ in line.steps]
    seconds = [taken.seconds for line in every for _, _, taken in line.steps]
    low, high = math.log10(min(rows)), math.log10(max(rows))
    bottom, top = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    highest = math.ceil(max(taken.peak for line in every for _, _, taken in line.steps) / 100) * 100
    parts = [
        f'<svg xmlns="{SVG}" viewBox="0 0 {2 * WIDTH} {HEIGHT + 60}" font-size="12">',
        "<style>text { font-family: sans-serif }</style>",
        f'<rect width="{2 * WIDTH}" height="{HEIGHT + 60}" fill="white"/>',
    ]

    def across(count: float, panel: int) -> float:
        return panel * WIDTH + MARGIN + (math.log10(count) - low) / (high - low) * (WIDTH - MARGIN - 24)

    def second_up(value: float) -> float:
        return HEIGHT - 40 - (math.log10(value) - bottom) / (top - bottom) * (HEIGHT - 80)

    def memory_up(value: float) -> float:
        return HEIGHT - 40 - value / highest * (HEIGHT - 80)

    panels = (
        (0, "seconds", second_up, [10.0**power for power in range(bottom, top + 1)]),
        (1, "peak MB", memory_up, [float(tick) for tick in range(0, highest + 1, 100)]),
    )
    for panel, title, up, ticks in panels:
        left, right = panel * WIDTH + MARGIN, (panel + 1) * WIDTH - 24
        parts.append(f'<text x="{left}" y="24" font-weight="bold">{title}</text>')
        for tick in ticks:
            parts.append(f'<line x1="{left}" x2="{right}" y1="{up(tick):.0f}" y2="{up(tick):.0f}" stroke="#ddd"/>')
            parts.append(f'<text x="{left - 6}" y="{up(tick) + 4:.0f}" text-anchor="end">{tick:g}</text>')
        parts.extend(
            f'<text x="{across(10**power, panel):.0f}" y="{HEIGHT - 22}" text-anchor="middle">{10**power:,}</text>'
            for power in range(math.ceil(low), math.floor(high) + 1)
        )
        parts.append(f'<text x="{right}" y="{HEIGHT - 6}" text-anchor="end">rows</text>')
    for number, line in enumerate(every):
        colour = COLOURS[number]
        for panel, up, figure in ((0, second_up, "seconds"), (1, memory_up, "peak")):
            points = [(across(rows, panel), up(getattr(taken, figure))) for _, rows, taken in line.steps]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts.extend(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points)
        x = MARGIN + number % 2 * WIDTH
        y = HEIGHT + 18 + number // 2 * 20
        parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{x + 16}" y="{y}">{line.title.strip("`").replace("`", "")}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
