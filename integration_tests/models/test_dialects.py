"""Every model renders for every kind of warehouse, and is well formed SQL there; two of them run it (test_models)."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dbt_dialpad.__main__ import DBT

SCRIPT = Path(__file__).with_name("dialects.py")


def test_every_model_is_one_query_of_every_dialect() -> None:
    done = subprocess.run([DBT.with_name("python"), SCRIPT], capture_output=True, text=True, timeout=200, check=False)
    assert done.stdout.splitlines() == []
    assert done.returncode == 0, done.stderr
