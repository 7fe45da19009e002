"""The staging layer follows from the schemas."""

from __future__ import annotations

from dbt_dialpad import make_staging


def test_the_staging_layer_is_what_the_program_makes_of_the_schemas() -> None:
    stale = make_staging.outdated(make_staging.made_files())
    assert not stale, f"{', '.join(stale)}: run {make_staging.COMMAND}"


def test_every_duration_of_staging_is_in_seconds() -> None:
    names = [column.name for stream in make_staging.streams() for column in stream.columns()]
    assert not [name for name in names if name.endswith(("_minutes", "_milliseconds", "_duration"))]


def test_every_schema_has_a_staging_model_with_all_its_columns() -> None:
    lost = [
        f"{stream.name}.{name}"
        for stream in make_staging.streams()
        for name in stream.properties
        if name not in {column.source for column in stream.columns()}
    ]
    assert not lost
