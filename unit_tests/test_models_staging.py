"""The staging layer of the dbt package is what the schemas make of it."""

from __future__ import annotations

from pathlib import Path

from dbt_dialpad.make_staging import made_files, main, outdated

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"


def test_staging_is_made_from_the_schemas_of_today() -> None:
    assert outdated(made_files()) == [], "run make tables"
    assert main(["--check"]) == 0


def test_every_stream_has_a_staging_model() -> None:
    made = {path.stem for path in made_files() if path.suffix == ".sql"}
    assert {f"stg_dialpad__{path.stem}" for path in SCHEMAS.glob("*.json")} <= made
