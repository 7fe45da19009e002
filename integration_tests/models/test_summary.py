"""What `make models` says at its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from dbt_dialpad.__main__ import summary

if TYPE_CHECKING:
    from pathlib import Path


def ended(folder: Path, *results: tuple[str, str]) -> tuple[str, bool]:
    """The summary of a run in which these nodes ended so."""
    found = [{"unique_id": name, "status": status, "message": f"{status} it is"} for name, status in results]
    (folder / "run_results.json").write_text(json.dumps({"results": found}))
    return summary(folder)


def test_a_run_that_went_well_says_what_was_built_and_tested(tmp_path: Path) -> None:
    results = ("model.dialpad.a", "success"), ("test.dialpad.b.1", "warn"), ("unit_test.dialpad.a.c", "pass")
    assert ended(tmp_path, *results) == ("warn: b: warn it is\n1 models, 2 tests, 1 warning", True)


def test_what_failed_comes_first(tmp_path: Path) -> None:
    results = (
        ("model.dialpad.a", "success"),
        ("unit_test.dialpad.b.c", "error"),
        ("test.dialpad.d.1", "fail"),
        ("model.dialpad.b", "skipped"),
    )
    said, went_well = ended(tmp_path, *results)
    assert said.splitlines()[-1] == "2 of 2 tests failed, 1 of 2 models skipped, 0 warnings"
    assert not went_well
