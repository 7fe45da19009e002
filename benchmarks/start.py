"""Start: how long `spec` and `check` take, beside the interpreter and the CDK's import alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measuring import PYTHON, Taken, folder, interleaved, kept, lines, run, served
from benchmarks.reading import configuration

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECTOR = (str(PYTHON), "-m", "source_dialpad.run")
CDK = "import airbyte_cdk.sources.declarative.concurrent_declarative_source"


def measured(runs: int) -> str:
    """The figures as Markdown; raises when `check` does not succeed."""
    with served(messages=1000, events=10) as (base, _), folder() as place:
        settings = {
            name: value for name, value in configuration(base).items() if name not in ("base_url", "window_days")
        }
        config = str(kept(place / "config.json", settings))
        check = [*CONNECTOR, "check", "--config", config]
        if not any(b"SUCCEEDED" in line for line in lines(check)):
            raise SystemExit("check did not succeed against the server of pre-rendered answers")
        programs = {
            "`spec`": [*CONNECTOR, "spec"],
            "`check`, all four sections": check,
            "`discover`": [*CONNECTOR, "discover", "--config", config],
            "the import of the CDK's declarative source alone": [str(PYTHON), "-c", CDK],
            "Python alone": [str(PYTHON), "-c", "pass"],
        }

        def once(command: list[str]) -> Callable[[], Taken]:
            return lambda: run(command)

        taken = interleaved(runs, {name: once(command) for name, command in programs.items()})
    rows = [f"| {name} | {each.seconds:.2f} | {each.cpu:.2f} | {each.peak:.0f} |" for name, each in taken.items()]
    return f"Medians of {runs}.\n\n| command | seconds | CPU s | peak MB |\n|---|---|---|---|\n" + "\n".join(rows)
