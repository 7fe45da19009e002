"""The command line: python -m warehouse [--config FILE] [--into WAREHOUSE] [--streams A,B] [--reset]."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.invented import DAYS, FakeDidNotStartError, invented_account
from warehouse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HOME = Path(".sync")
"""Logs of the last sync; while one runs, also its configuration and spool, readable by nobody else."""

LEFT_OUT = ("call_transcripts", "call_recaps")
"""Streams that are read when they are named: at Dialpad's limits they take a quarter of an hour, and an hour."""


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m warehouse",
        description="Sync a Dialpad account into a warehouse. Without --config, an invented company is synced.",
    )
    parser.add_argument("--config", type=Path, help="the connector's configuration, a JSON file")
    parser.add_argument(
        "--into", default="warehouse.duckdb", help="a DuckDB file, or postgresql://… (default: warehouse.duckdb)"
    )
    parser.add_argument(
        "--streams",
        default="",
        help="only these, separated by commas (default: all but call_transcripts and call_recaps, which are slow)",
    )
    parser.add_argument("--reset", action="store_true", help="empty the warehouse first: everything is read again")
    parser.add_argument("--report", default="", help="also build the marts and write them as a page into this file")
    return parser.parse_args(words)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for this run that nobody else can read, gone afterwards, together with those of killed runs.

    PyAirbyte writes the configuration, keys included, into files that every user of the machine may read; so they go
    here. It reads these settings once, at import: nothing of it may be imported before.
    """
    HOME.mkdir(mode=0o700, exist_ok=True)
    for left in HOME.glob("run-*"):
        if not _alive(int(left.name.removeprefix("run-"))):
            shutil.rmtree(left)
    folder = HOME.resolve() / f"run-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.environ["AIRBYTE_TEMP_DIR"] = os.environ["AIRBYTE_LOGGING_ROOT"] = str(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configuration(path: Path) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SystemExit(f"The configuration {path} can't be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        raise SystemExit(f"The configuration {path} is no JSON: {error}.") from None
    return read


def main(words: Sequence[str] | None = None) -> int:
    """Sync once. 0: everything came; 1: something failed, and what it was has been said."""
    asked = arguments(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    progress = Progress(sys.stdout)
    with ExitStack() as stack:
        folder = stack.enter_context(private_folder())
        (HOME / "connector.log").unlink(missing_ok=True)
        if asked.config:
            account, config = "real", _configuration(asked.config)
        else:
            account, served = "invented", stack.enter_context(invented_account(HOME / "fake.log"))
        with progress.while_working(lambda: "starting"), ThreadPoolExecutor(1) as beside:
            inventing = beside.submit(served) if account == "invented" else None
            warnings.simplefilter("ignore", FutureWarning)  # of Google's packages under PyAirbyte, about old Pythons
            from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import: see private_folder

            if inventing:
                try:
                    config = inventing.result()
                except FakeDidNotStartError as error:
                    progress.say(f"The invented company could not be started: {error}")
                    return 1
        if account == "invented":
            progress.say(f"An invented company, {DAYS} days of it, at {config['dialpad']['base_url']}")
        if asked.reset:
            sync.reset(asked.into)
        job = sync.Sync(
            config=config,
            account=account,
            into=asked.into,
            streams=tuple(name.strip() for name in asked.streams.split(",") if name.strip()),
            left_out=LEFT_OUT,
            folder=folder,
            log_path=HOME / "connector.log",
            connector=Path(sys.executable).parent / "source-dialpad",
        )
        try:
            whole = sync.run(job, progress)
        except sync.SyncError as error:
            progress.say(str(error))
            return 1
        has_marts = False
        if asked.report:
            with progress.while_working(
                lambda: "building the marts and the report: half a minute on DuckDB, two on Postgres"
            ):
                made, has_marts = sync.report(asked.into, asked.report)
            progress.say(f"\n{made}")
        command, leave = sync.opening(asked.into, marts=has_marts)
        marts = f", the marts in its schema {sync.MARTS_SCHEMAS[0]}" if has_marts else ""
        progress.say(f"\nThe tables are in {sync.shown(asked.into)}{marts}. To look inside ({leave}):\n\n{command}")
        return 0 if whole else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped. The warehouse is as the last load left it; the next sync goes on from there.")
