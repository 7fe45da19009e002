"""benchmarks/RESULTS.md: a section a measurement, each with the machine it was taken on; only runs write it."""

from __future__ import annotations

import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import ROOT, machine

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
TITLES = {"reading": "Reading", "start": "Start", "memory": "Memory", "growth": "Growth", "waiting": "Waiting"}
INTRODUCTION = (Path(__file__).parent / "introduction.md").read_text(encoding="utf-8")


def keep(what: str, text: str) -> None:
    """Puts one measurement in the place of its former one; the other sections stay as their runs left them."""
    sections = _sections(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    sections[TITLES[what]] = f"{_taken()}\n\n{text.strip()}"
    whole = [
        INTRODUCTION.strip(),
        *(f"## {title}\n\n{sections[title]}" for title in TITLES.values() if title in sections),
    ]
    RESULTS.write_text("\n\n".join(whole) + "\n", encoding="utf-8")


def _taken() -> str:
    """When, of what, on what, and how busy that was besides: a load of 1 is the benchmark itself."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    when = f"Taken {datetime.now(UTC):%Y-%m-%d} at {_commit()}, at a load of {load} (the last 1, 5 and 15 minutes)."
    return f"{when} {'; '.join(machine())}."


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {title: body.strip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}


def _commit() -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    return asked.stdout.strip() or "an unknown commit"
