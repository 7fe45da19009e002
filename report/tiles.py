"""The numbers on top: the last four weeks of whole days, each beside the four weeks before."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from report.words import count, duration, percent, ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from dbt_dialpad.warehouse import Rows

Row = dict[str, Any]
MEASURES: tuple[tuple[str, Callable[[Row], float | None], Callable[[float | None], str], int], ...] = (
    ("Calls", lambda row: row["offered"], count, 0),
    ("Answered", lambda row: ratio(row["answered"], row["offered"]), percent, 1),
    ("Service level", lambda row: ratio(row["within_service_level"], row["offered_but_short"]), percent, 1),
    ("Speed of answer", lambda row: ratio(row["answered_wait_seconds"], row["answered"]), duration, -1),
    ("Handle time", lambda row: ratio(row["handle_seconds"], row["connected"]), duration, 0),
    ("CSAT", lambda row: ratio(row["csat_satisfied"], row["csat_calls"]), percent, 1),
)
"""Name, value, how it is written, and which way is better: up, down, or neither."""


def aside(name: str, row: Row) -> str:
    """What stands beside a number, for it to be understood."""
    fewest, most = (duration(row[f"{which}_seconds"]) for which in ("fewest", "most"))
    within = fewest if fewest == most else f"{fewest} to {most}"
    dialpad = percent(ratio(row["within_service_level_open"], row["offered_by_dialpad"]))
    return {
        "Calls": "inbound, all lines",
        "Answered": f"{count(row['answered'])} calls",
        "Service level": f"within {within}. Dialpad's own pages show {dialpad}",
        "Speed of answer": "on average",
        "Handle time": f"{count(row['connected'])} connected calls",
        "CSAT": f"of {count(row['csat_calls'])} scored calls",
    }[name]


def compared(
    now: float | None, before: float | None, write: Callable[[float | None], str], better: int
) -> tuple[str, str]:
    """A number, and its difference to the time before in a sign and in words; the difference is that of what is shown.

    A percentage that moved by a point or less has a decimal, as has the one before.
    """
    if now is None or before is None or not before:
        return write(now), "nothing before to compare with"
    shown, was = write(now), write(before)
    if write is percent:
        moved = round(round(now * 100, 1) - round(before * 100, 1), 1)
        size = f"{moved:+.1f} points"
        if abs(moved) <= 1:
            shown, was = f"{now:.1%}", f"{before:.1%}"
    elif write is duration:
        moved = round(now) - round(before)
        size = f"{moved:+} s"
    else:
        moved = now - before
        size = f"{moved / before:+.1%}"
    if not moved:
        return shown, f"as before (was&nbsp;{was})"
    size = size.replace("-", "−")  # noqa: RUF001  # the sign as it is printed
    judged = {1: "better", -1: "worse", 0: ""}[better * (1 if moved > 0 else -1)]
    return shown, f"<b>{size}</b>{f', {judged}' if judged else ''} (was&nbsp;{was})"


def tiles(rows: Rows) -> str:
    """The tiles as HTML; nothing where there was no call."""
    by_period = {row["period"]: row for row in rows}
    now, before = by_period.get("now"), by_period.get("before")
    if not now or not now["offered"]:
        return ""
    shown = []
    for name, value, write, better in MEASURES:
        number, moved = compared(value(now), value(before) if before else None, write, better)
        shown.append(
            f'<div><dt>{name}</dt><dd class="value">{number}</dd>'
            f'<dd class="aside">{escape(aside(name, now))}</dd><dd class="change">{moved}</dd></div>'
        )
    head = '<h2 id="numbers">The last 28 days, beside the 28 before</h2>'
    return f'<section aria-labelledby="numbers">{head}<dl class="tiles">{"".join(shown)}</dl></section>'
