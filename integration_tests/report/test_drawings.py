"""Charts of fixed rows are drawn as they stand in golden/, byte for byte."""

from __future__ import annotations

import subprocess

from integration_tests.report.company import ROOT
from integration_tests.report.conftest import PYTHON

COMMAND = "integration_tests.report.golden"


def test_charts_of_fixed_rows_are_those_that_were_looked_at() -> None:
    compared = subprocess.run([PYTHON, "-m", COMMAND], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not compared.stderr, compared.stderr[-2000:]
    assert not compared.stdout, f"look at them, then renew them: .marts/bin/python -m {COMMAND} --renew"
