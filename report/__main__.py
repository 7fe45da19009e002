"""Builds the marts and writes the page: python -m report [--warehouse W] [--to FILE] [--names full|initials|none].

Needs the environment .marts (`make report` makes it).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from dbt_dialpad import __main__ as marts
from dbt_dialpad.warehouse import Rows, Warehouse, opened, zone_of
from report.figures import figures, period_of, query
from report.page import Answer, Facts, page
from report.people import Names

ROOT = Path(__file__).resolve().parent.parent


def build(warehouse: str, variables: dict[str, str]) -> None:
    """Build the marts. Raises SystemExit with what dbt says where it fails."""
    command = ["--warehouse", warehouse, "--no-tests", "--vars", json.dumps(variables)]
    sys.stdout.write(f"Building the marts: {marts.TAKES}.\n")
    sys.stdout.flush()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        failed = marts.main(command)
    if failed:
        raise SystemExit(f"The marts could not be built:\n{said.getvalue().strip()}")


def versions() -> dict[str, str]:
    """Of connector and models, as their files say."""
    places = {
        "source-dialpad": ("setup.py", r'version="(.*?)"'),
        "dbt_dialpad": ("dbt_dialpad/dbt_project.yml", r"^version: (.*)$"),
    }
    found = {
        name: re.search(pattern, (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
        for name, (path, pattern) in places.items()
    }
    return {name: match[1] for name, match in found.items() if match}


def facts(read: Warehouse, zone: str, streams: Rows) -> Facts:
    """What the page says about itself."""
    invented = read.value(
        f"SELECT count(*) FROM \"{read.raw_schema}\"._airbyte_state WHERE source_name = 'source-dialpad-invented'"
    )  # our own schema
    company = read.value("SELECT name FROM dialpad_marts_staging.stg_dialpad__company")
    return Facts(str(company or "Dialpad"), zone, bool(invented), datetime.now(UTC), versions(), streams)


def made(warehouse: str, zone: str, names: str) -> tuple[str, int, int]:
    """The page, how many figures it has, and how many of them are empty."""
    with opened(warehouse) as read:
        period = period_of(read.rows(query("period")))
        people = Names(names)
        asked = [(one, period.in_sql(query(one.name)) if period else query(one.name)) for one in figures()]
        answers = [Answer(one, sql, people.masked(read.rows(sql)) if period else []) for one, sql in asked]
        tile_rows = read.rows(period.in_sql(query("tiles"))) if period else []
        text, empty = page(facts(read, zone, read.rows(query("freshness"))), period, tile_rows, answers)
    return text, len(answers), empty


def main(words: list[str] | None = None) -> int:
    """Make the page once, and say so in one line."""
    parser = argparse.ArgumentParser(
        prog="python -m report", description="Build the marts of a synced warehouse, and a page of them."
    )
    parser.add_argument("--warehouse", default="warehouse.duckdb", help="a DuckDB file, or postgresql://…")
    parser.add_argument("--to", type=Path, default=Path("report.html"), help="the page (default: report.html)")
    parser.add_argument("--names", choices=("full", "initials", "none"), default="full", help="how agents are named")
    parser.add_argument("--vars", default="{}", help="dbt variables of the package, a JSON object")
    parser.add_argument("--no-build", action="store_true", help="take the marts as they are")
    asked = parser.parse_args(words)
    variables = json.loads(asked.vars)
    marts.connection(asked.warehouse)  # says what is missing where there is no such warehouse
    zone = variables.setdefault("dialpad_timezone", zone_of(asked.warehouse))
    if not asked.no_build:
        build(asked.warehouse, variables)
    text, several, empty = made(asked.warehouse, zone, asked.names)
    draft = asked.to.with_name(f".{asked.to.name}.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(asked.to)
    sys.stdout.write(f"Report: {asked.to}, {several} figures{f', {empty} of them empty' if empty else ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
