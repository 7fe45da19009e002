"""The environment in which dbt runs: the one of `make models`, made when it isn't there."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".marts" / "bin" / "python"


def make_environment() -> None:
    """Make .marts where it is missing or older than its constraints; some ten seconds, once."""
    subprocess.run(["make", "-C", str(ROOT), ".marts/.ready"], check=True, timeout=240)
