"""What the package writes for each warehouse is SQL of that warehouse. Only DuckDB and Postgres are run."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jinja2
import pytest

from integration_tests.models.environment import PYTHON

if TYPE_CHECKING:
    from collections.abc import Callable

MACROS = Path(__file__).resolve().parents[2] / "dbt_dialpad" / "macros" / "cross_db"
DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "redshift", "databricks")
ARGUMENTS: dict[str, list[Any]] = {
    "utc_instant": ["c", "text"],
    "to_local": ["c", "'UTC'"],
    "to_utc": ["c", "'UTC'"],
    "local_date": ["c", "'UTC'"],
    "elapsed_seconds": ["c", "d"],
    "seconds_before": ["c", "60"],
    "local_seconds_of_day": ["c", "'UTC'"],
    "floor_to_interval": ["c", "'UTC'", 30],
    "whole_second": ["c"],
    "days_after": ["c", "1"],
    "days_between": ["c", "d"],
    "iso_weekday": ["c"],
    "week_start": ["c"],
    "month_start": ["c"],
    "clock_minutes": ["c"],
    "json_text": ["c", "k"],
    "json_element": ["c", 0],
    "json_scalar": ["c"],
    "json_list_text": ["c"],
    "json_members": ["t", "c", ["a", "b"]],
    "try_number": ["c"],
    "try_instant": ["c"],
    "percentile": ["c", 0.5],
    "digits": ["c"],
    "earliest": ["c", "d"],
    "latest": ["c", "d"],
    "ratio": ["c", "d"],
    "count_if": ["c"],
    "has_token": ["c", "spam"],
    "type_json": [],
    "type_double": [],
}
NO_SQL = {"has_zone", "account_zone"}
"""Macros that answer a question of the other macros."""
PARSE = """
import json, sys, sqlglot
for name, dialect, sql in json.load(sys.stdin):
    try:
        sqlglot.parse_one(sql, read=dialect)
    except sqlglot.errors.SqlglotError as error:
        print(name, dialect, str(error).splitlines()[0], sql, sep=" | ")
"""


def macros_of(dialect: str) -> dict[str, Callable[..., str]]:
    """The cross-database macros as dbt would call them with an adapter of this dialect."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(MACROS.glob("*.sql")))
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], undefined=jinja2.StrictUndefined)  # noqa: S701  # SQL

    def dispatch(name: str, _package: str) -> Callable[..., str]:
        return found.get(f"{dialect}__{name}") or found[f"default__{name}"]

    types = {"type_string": "varchar", "type_bigint": "bigint", "type_timestamp": "timestamp"}
    dbt: dict[str, Callable[..., str]] = {name: lambda kind=kind: kind for name, kind in types.items()}
    dbt["split_part"] = lambda text, by, part: f"split_part({text}, {by}, {part})"
    found: dict[str, Callable[..., str]] = {}
    module = environment.from_string(
        source,
        globals={
            "adapter": SimpleNamespace(dispatch=dispatch),
            "dbt": SimpleNamespace(**dbt),
            "dialpad": SimpleNamespace(),
            "return": lambda value: value,
            "var": lambda _name, default=None: default,
        },
    )
    namespace = module.globals["dialpad"]
    made = module.module
    for name in dir(made):
        if callable(getattr(made, name)) and not name.startswith("_"):
            found[name] = getattr(made, name)
            setattr(namespace, name, found[name])
    namespace.has_zone = lambda kind: "with time zone" in kind
    return found


def statement(name: str, rendered: str) -> str:
    """The rendered macro in a whole statement."""
    text = rendered.strip()
    if name == "json_members":
        return text
    return f"select cast(null as {text})" if name.startswith("type_") else f"select {text} as x from t"


def test_every_macro_is_known_here() -> None:
    names = {
        name
        for path in MACROS.glob("*.sql")
        for name in re.findall(r"macro (\w+)\(", path.read_text(encoding="utf-8"))
        if "__" not in name
    }
    assert names == {*ARGUMENTS, *NO_SQL}


def test_every_macro_parses_in_every_dialect(marts_environment: None) -> None:
    statements = [
        (name, dialect, statement(name, macros[name](*arguments)))
        for dialect in DIALECTS
        for macros in [macros_of(dialect)]
        for name, arguments in ARGUMENTS.items()
    ]
    statements += [
        ("utc_instant", dialect, f"select {macros_of(dialect)['utc_instant']('c', kind)} from t")
        for dialect in DIALECTS
        for kind in ("timestamp with time zone", "timestamp")
    ]
    parsed = subprocess.run(
        [PYTHON, "-c", PARSE], input=json.dumps(statements), capture_output=True, text=True, check=True, timeout=120
    )
    assert not parsed.stdout, parsed.stdout


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "redshift", "databricks"])
def test_a_dialect_that_is_not_run_has_its_own_words_where_they_differ(dialect: str) -> None:
    own = {name.removeprefix(f"{dialect}__") for name in macros_of(dialect) if name.startswith(f"{dialect}__")}
    assert {"to_local", "to_utc", "elapsed_seconds", "seconds_before", "json_text", "json_members", "digits"} <= own
