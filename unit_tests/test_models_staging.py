"""The staging layer of the dbt package is what the schemas make of it."""

from __future__ import annotations

from pathlib import Path

import yaml

from dbt_dialpad.make_staging import PACKAGE, made_files, main, outdated

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
LONGEST_IN_POSTGRES = 63
"""Characters of a name; dbt makes the name of a unit test the name of a relation, and refuses a longer one."""


def test_staging_is_made_from_the_schemas_of_today() -> None:
    assert outdated(made_files()) == [], "run make tables"
    assert main(["--check"]) == 0


def test_every_stream_has_a_staging_model() -> None:
    made = {path.stem for path in made_files() if path.suffix == ".sql"}
    assert {f"stg_dialpad__{path.stem}" for path in SCHEMAS.glob("*.json")} <= made


def test_postgres_takes_the_names_of_models_and_unit_tests() -> None:
    named = [path.stem for path in (PACKAGE / "models").rglob("*.sql")]
    for path in (PACKAGE / "models").rglob("*.yml"):
        tests = yaml.safe_load(path.read_text(encoding="utf-8")).get("unit_tests", [])
        named += [test["name"] for test in tests]
    assert "outcomes_follow_the_category" in named
    assert [name for name in named if len(name) > LONGEST_IN_POSTGRES] == []
