"""What the page says of rows: its sentences and tiles."""

from __future__ import annotations

import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from report.answers import getting_better, texts
from report.figures import Period
from report.tiles import tiles

ROOT = Path(__file__).resolve().parents[2]
PERIOD = Period(date(2026, 8, 24), date(2026, 11, 20), by_week=True)


def tile(name: str, now: dict[str, float], before: dict[str, float]) -> tuple[str, str]:
    """The number of a tile and what it says about the time before."""
    every = (
        "offered", "answered", "within_service_level", "within_service_level_open", "offered_but_short",
        "offered_by_dialpad", "fewest_seconds", "most_seconds", "answered_wait_seconds", "connected", "handle_seconds",
        "csat_calls", "csat_satisfied",
    )  # fmt: skip
    plain: dict[str, Any] = dict.fromkeys(every, 100)
    html = tiles([plain | {"period": "now"} | now, plain | {"period": "before"} | before])
    shown = re.search(rf"<dt>{name}</dt>.*?>([^<]*)</dd>.*?<dd class=\"change\">(.*?)</dd>", html)
    assert shown
    return shown[1], re.sub("<.*?>", "", shown[2]).replace("&nbsp;", " ")


def answered(now: float, before: float) -> tuple[str, str]:
    return tile("Answered", {"offered": 1000, "answered": now}, {"offered": 1000, "answered": before})


def test_a_tile_shows_numbers_that_differ_where_it_says_that_they_do() -> None:
    assert answered(805, 795) == ("80.5%", "+1.0 points, better (was 79.5%)")
    assert answered(802, 798) == ("80.2%", "+0.4 points, better (was 79.8%)")
    assert answered(820, 795) == ("82%", "+2.5 points, better (was 80%)")
    assert answered(800, 800) == ("80.0%", "as before (was 80.0%)")


def test_seconds_that_look_the_same_are_as_before() -> None:
    def speed(now: float, before: float) -> tuple[str, str]:
        return tile("Speed of answer", {"answered_wait_seconds": now * 100}, {"answered_wait_seconds": before * 100})

    assert speed(21.6, 22.4) == ("22 s", "as before (was 22 s)")
    assert speed(21.4, 22.4) == ("21 s", "\u22121 s, better (was 22 s)")


def better(*moves: int) -> str:
    """The sentence about lines whose service level rose by so many points."""
    rows = [
        {"line_id": number, "line_name": f"Line {number}", "within_service_level": level, "calls": 100}
        for number, move in enumerate(moves, 1)
        for level in (50, 50 + move)
    ]
    return getting_better(rows, PERIOD).removeprefix("From the first half of the period to the second, ")


def test_the_lines_that_moved_most_and_least_are_named() -> None:
    assert better(7, 2, 4) == "3 of 3 lines got better: Line 1 most (+7 points) and Line 2 least (+2 points)."
    assert better(7, -3, 0) == (
        "1 of 3 lines got better and 1 worse: Line 1 rose most (+7 points) and Line 2 fell most (-3 points)."
    )
    assert better(-2, -9) == "2 of 2 lines got worse: Line 1 least (-2 points) and Line 2 most (-9 points)."
    assert better(5) == "1 of 1 line got better: Line 1 by 5 points."
    assert better(0, 0) == "none of 2 lines moved by a point."


def test_the_busiest_who_text_are_told_from_all() -> None:
    row = {"who": "Ann", "received": 30, "sent": 20, "received_by_all": 1000, "sent_by_all": 70}
    assert texts([row | {"of_all": 35}], PERIOD) == (
        "The 1 busiest of 35 lines and people received 30 of 1,000 texts and sent 20 of 70; Ann has the most, 50."
    )
    assert (
        texts([row | {"of_all": 1}], PERIOD) == "1 line or person received 30 texts and sent 20; Ann has the most, 50."
    )


@pytest.mark.parametrize(
    ("warehouse", "page"),
    [
        ("", "report.html"),
        ("warehouse.duckdb", "report.html"),
        ("/srv/dialpad.duckdb", "/srv/dialpad.html"),
        ("postgresql://user@host/database", "report.html"),
    ],
)
def test_each_duckdb_file_has_a_page_of_its_own(warehouse: str, page: str) -> None:
    command = ["make", "-n", "report", f"WAREHOUSE={warehouse}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"--to '{page}'" in said
