"""Builds and tests the marts in a warehouse that `make sync` wrote: python -m dbt_dialpad [--warehouse W] [--no-tests].

Needs the environment .marts (`make models` makes it). Marts go into the schema dialpad_marts, what they are made of
into dialpad_marts_staging, both in the same warehouse.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import available_timezones

from dbt_dialpad.warehouse import is_of_other_days, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable

PACKAGE = Path(__file__).resolve().parent
DBT = PACKAGE.parent / ".marts" / "bin" / "dbt"
TAKES = "half a minute on DuckDB, two on Postgres"
SUCCESS = {"success", "pass", "warn", "skipped", "no-op"}


def connection(warehouse: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The environment and the dbt variables with which dbt finds a warehouse: a DuckDB path or a Postgres URL.

    Raises SystemExit where the file isn't there.
    """
    if not warehouse.startswith(("postgresql://", "postgres://")):
        path = Path(warehouse).resolve()
        if not path.is_file():
            raise SystemExit(
                f"There is no warehouse {warehouse}. `make sync` makes one; or name yours: WAREHOUSE=path."
            )
        return {"DIALPAD_TARGET": "duckdb", "DIALPAD_WAREHOUSE": str(path)}, {"dialpad_schema": "main"}
    url = urlsplit(warehouse)
    host = parse_qs(url.query).get("host", [url.hostname or "localhost"])[0]
    return {
        "DIALPAD_TARGET": "postgres",
        "DIALPAD_PGHOST": unquote(host),
        "DIALPAD_PGPORT": str(url.port or 5432),
        "DIALPAD_PGUSER": unquote(url.username or ""),
        "DIALPAD_PGPASSWORD": unquote(url.password or ""),
        "DIALPAD_PGDATABASE": unquote(url.path.lstrip("/")) or "postgres",
    }, {"dialpad_schema": "dialpad"}


def dbt(words: list[str], warehouse: str, variables: dict[str, Any], target: Path) -> subprocess.CompletedProcess[str]:
    """Run dbt on a warehouse; `target` is the folder for what it writes beside."""
    environment, found = connection(warehouse)
    command = [
        str(DBT), "--no-use-colors", "--no-send-anonymous-usage-stats", *words,
        "--project-dir", str(PACKAGE), "--profiles-dir", str(PACKAGE),
        "--target-path", str(target), "--log-path", str(target / "logs"),
        "--vars", json.dumps(found | variables),
    ]  # fmt: skip
    return subprocess.run(  # noqa: S603  # our own command line
        command, env=os.environ | environment, check=False, text=True, capture_output=True
    )


def of_kind(results: Iterable[dict[str, Any]]) -> Counter[str]:
    """How many of the results are of models, and how many of tests."""
    return Counter("models" if result["unique_id"].startswith("model.") else "tests" for result in results)


def summary(target: Path) -> tuple[str, bool]:
    """What the last run of dbt did, in a few lines, and whether all of it went well."""
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    every = of_kind(results)
    said = [
        f"{result['status']}: {result['unique_id'].split('.')[2]}: {' '.join((result['message'] or '').split())}"
        for result in results
        if result["status"] not in SUCCESS or result["status"] == "warn"
    ]
    warnings = sum(line.startswith("warn") for line in said)
    warned = f"{warnings} warning{'' if warnings == 1 else 's'}"
    failed = of_kind(result for result in results if result["status"] not in SUCCESS)
    skipped = of_kind(result for result in results if result["status"] == "skipped")
    parts = [f"{count} of {every[kind]} {kind} failed" for kind, count in failed.items()]
    parts += [f"{count} of {every[kind]} {kind} skipped" for kind, count in skipped.items()]
    if not failed:
        parts += [f"{every['models']} models", f"{every['tests']} tests"]
    return "\n".join([*said, ", ".join([*parts, warned])]), not failed


def main(words: list[str] | None = None) -> int:
    """Build once. 0: all models stand and no test failed; 1: something failed, and what it was has been said."""
    parser = argparse.ArgumentParser(prog="python -m dbt_dialpad", description="Build the marts in a synced warehouse.")
    parser.add_argument("--warehouse", default="warehouse.duckdb", help="a DuckDB file, or postgresql://…")
    parser.add_argument("--no-tests", action="store_true", help="build the models only")
    parser.add_argument("--full-refresh", action="store_true", help="build incremental models from the start")
    parser.add_argument("--vars", default="{}", help="dbt variables of the package, a JSON object")
    asked = parser.parse_args(words)
    began, target = time.monotonic(), PACKAGE / "target"
    (target / "run_results.json").unlink(missing_ok=True)
    variables = json.loads(asked.vars)
    connection(asked.warehouse)  # says what is missing where there is no such warehouse
    zone = variables.setdefault("dialpad_timezone", zone_of(asked.warehouse))
    if zone not in available_timezones():
        raise SystemExit(f"dialpad_timezone is {zone!r}, which is no time zone. It is a name such as Europe/Berlin.")
    anew = asked.full_refresh or is_of_other_days(asked.warehouse, zone)
    command = ["run" if asked.no_tests else "build", *(["--full-refresh"] if anew else [])]
    marts = len(list((PACKAGE / "models" / "marts").rglob("*.sql")))
    sys.stdout.write(f"Building {marts} marts: {TAKES}.\n")
    sys.stdout.flush()
    run = dbt(["--quiet", *command], asked.warehouse, variables, target)
    if not (target / "run_results.json").is_file():
        sys.stdout.write(run.stdout + run.stderr)
        return 1
    text, went_well = summary(target)
    sys.stdout.write(f"{text}, {time.monotonic() - began:.0f} s\n")
    if not went_well:
        return 1
    sys.stdout.write(f"The marts are in the schema dialpad_marts; their days are those of {zone}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
