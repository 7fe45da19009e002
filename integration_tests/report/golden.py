"""SVGs of fixed rows: .marts/bin/python -m integration_tests.report.golden [--renew].

Draws one figure for each spec of report/specs and names those that differ from golden/; with --renew it writes them.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

from report.drawings import CHARTS
from report.figures import Period, figures

GOLDEN = Path(__file__).with_name("golden")
PERIOD = Period(date(2026, 1, 5), date(2026, 1, 23), by_week=True)
WEEKS = (date(2026, 1, 5), date(2026, 1, 12), date(2026, 1, 19))
ROWS: dict[str, list[dict[str, Any]]] = {
    "outcomes": [
        {"starts_on": week, "answered": 50 + 10 * place, "voicemail": 5, "missed": place, "abandoned": 7, "other": 0}
        for place, week in enumerate(WEEKS)
    ],
    "hours": [{"iso_weekday": day, "hour": 8 + day, "offered_a_day": day * 1.5} for day in range(1, 6)],
    "waits": [
        {"from_second": 10 * place, "answered": 100 - 9 * place, "abandoned": place, "bin_seconds": 10}
        | {"half_within": 31.0, "nine_of_ten_within": 74.0}
        for place in range(10)
    ],
    "in_time": [
        {"line_name": name, "offered": 100, "service_level": level, "target": 0.8, "seconds": 60}
        for name, level in (("Support", 0.91), ("Sales & Co <b>", 0.5))
    ],
    "call_again": [
        {"starts_on": week, "same_line_rate": 0.04 + place / 100, "any_line_rate": 0.3 - place / 100}
        for place, week in enumerate(WEEKS)
    ],
    "digital_answers": [
        {"channel": channel, "response_half_within": 30.0 * place, "response_nine_of_ten_within": 90.0 * place}
        | {"handover_half_within": None, "handover_nine_of_ten_within": None}
        | {"sentiment_up": 5, "sentiment_same": 3, "sentiment_down": place}
        for place, channel in enumerate(("webchat", "email"), start=1)
    ],
}  # fmt: skip


def drawn(name: str) -> str:
    """Both widths of every panel of a figure."""
    figure = next(figure for figure in figures() if figure.name == name)
    panels = CHARTS[figure.chart](ROWS[name], PERIOD, figure)
    return "\n".join(svg for panel in panels for svg in panel.drawn(name)) + "\n"


def main() -> int:
    """Compare, or renew."""
    differing = []
    for name in ROWS:
        path, svg = GOLDEN / f"{name}.svg.txt", drawn(name)
        if "--renew" in sys.argv:
            path.write_text(svg, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != svg:
            differing.append(name)
    sys.stdout.write(" ".join(differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
