"""One sync: check, discover, read into the warehouse, tidy, report."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airbyte as ab
from airbyte import exceptions as ab_exceptions
from airbyte.shared.sql_processor import SQLRuntimeError
from sqlalchemy import URL, inspect, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from warehouse.comments import describe
from warehouse.progress import Progress, Row, following, table
from warehouse.relay import Seen
from warehouse.tables import DuckDBTables, PostgresTables, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airbyte.sources.base import Source
    from sqlalchemy import Connection

POSTGRES_SCHEMA = "dialpad"
MARTS_SCHEMAS = ("dialpad_marts", "dialpad_marts_staging")
LEAST_POSTGRES = 15  # the first with MERGE
BACKFILLED_TO = re.compile(r'"backfilled_to": ?"(\d{4}-\d\d-\d\d)"')
LEFT_BY_A_KILL = re.compile(r"(?P<stream>.+)_01[0-9a-z]{7}")  # PyAirbyte's loading tables: stream and a piece of a ULID


class SyncError(Exception):
    """The sync can't go on; the text says what happened and the cure."""


@dataclass(frozen=True)
class Sync:
    """What to sync, from where to where."""

    config: dict[str, Any]
    account: str
    """`invented` or `real`: the two never share a warehouse."""
    into: str
    """A path of a DuckDB file, or a URL that begins with postgresql://."""
    streams: tuple[str, ...]
    """Empty: every stream the configuration gives, but those left out."""
    folder: Path
    """A private folder for what is only needed while it runs."""
    log_path: Path
    """Where the connector's log lines go."""
    connector: Path
    """The executable `source-dialpad`."""
    left_out: tuple[str, ...] = ()
    """Streams that are read only when they are named."""

    @property
    def source_name(self) -> str:
        """The name PyAirbyte keeps states under."""
        return "source-dialpad" if self.account == "real" else "source-dialpad-invented"

    @property
    def seen_path(self) -> Path:
        """Where the relay keeps what it saw."""
        return self.folder / "seen.json"

    def relayed(self) -> Path:
        """An executable that runs the connector behind the relay."""
        script = self.folder / "relayed-source-dialpad"
        words = [sys.executable, "-m", "warehouse.relay", self.seen_path, self.log_path.resolve(), self.connector]
        root = Path(__file__).resolve().parent.parent
        script.write_text(
            f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(root))}${{PYTHONPATH:+:$PYTHONPATH}} "
            f'exec {shlex.join(map(str, words))} "$@"\n'
        )
        script.chmod(0o700)
        return script


def is_postgres(into: str) -> bool:
    """Whether a warehouse is named by a URL rather than a path."""
    return into.startswith(("postgresql://", "postgres://"))


def shown(into: str) -> str:
    """The warehouse as it may be printed: a URL without its password."""
    return make_url(into).render_as_string(hide_password=True) if is_postgres(into) else into


def opened(into: str, folder: Path) -> Warehouse:
    """The warehouse, made when it isn't there. Raises SyncError with the cure when it can't be opened."""
    if "://" in into and not is_postgres(into):
        raise SyncError(
            f"The warehouse {into.partition('://')[0]}://… is neither a DuckDB file nor Postgres: give a path, such as "
            "warehouse.duckdb, or postgresql://user@host/database."
        )
    try:
        if not is_postgres(into):
            return DuckDBTables(db_path=Path(into).absolute(), cache_dir=folder / "spool")
        url = make_url(into.replace("postgres://", "postgresql://", 1))
        return PostgresTables(
            url=url.render_as_string(hide_password=False),
            host=url.host or "",
            port=url.port or 5432,
            database=url.database or "",
            username=url.username or "",
            password=url.password or "",
            schema_name=POSTGRES_SCHEMA,
            cache_dir=folder / "spool",
        )
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        cure = "Close the program that has it open." if "lock" in reason.lower() else "Is it there, and may you use it?"
        raise SyncError(f"The warehouse {shown(into)} can't be opened: {reason} {cure}") from error


def check_version(tables: Warehouse) -> None:
    """Raises SyncError for a Postgres that has no MERGE."""
    if isinstance(tables, PostgresTables):
        version = int(tables.run_sql_query("SHOW server_version_num")[0]["server_version_num"]) // 10_000
        if version < LEAST_POSTGRES:
            raise SyncError(
                f"The warehouse is Postgres {version}, which has no MERGE: {LEAST_POSTGRES} or newer is needed."
            )


def reset(into: str) -> None:
    """Empty the warehouse: the file, or the schemas in Postgres, with everything in them, the marts too."""
    if not is_postgres(into):
        for path in (Path(into), Path(f"{into}.wal")):
            path.unlink(missing_ok=True)
        return
    from sqlalchemy import create_engine  # noqa: PLC0415

    with create_engine(into.replace("postgres://", "postgresql://", 1)).begin() as connection:
        for schema in (POSTGRES_SCHEMA, *MARTS_SCHEMAS):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


@contextlib.contextmanager
def _quietly(log_path: Path) -> Iterator[None]:
    """Send what PyAirbyte prints to a file: it says much, and this program says it shorter."""
    with (
        log_path.open("a", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        yield


def _last_synced(tables: Warehouse, sync: Sync) -> dict[str, datetime]:
    """Each stream that has a state, and when the sync that left it began. Refuses a warehouse of the other account."""
    tables.get_state_provider(source_name=sync.source_name)  # makes PyAirbyte's own tables
    states = tables.run_sql_query(
        f'SELECT source_name, stream_name, last_updated FROM "{tables.schema_name}"._airbyte_state'
    )
    if any(state["source_name"] != sync.source_name for state in states):
        held = "a real account" if sync.account == "invented" else "the invented company"
        raise SyncError(
            f"The warehouse {shown(sync.into)} holds {held}, and this would mix in another. "
            "Name another one (WAREHOUSE=other.duckdb, or --into), or empty it (--reset)."
        )
    return {state["stream_name"]: state["last_updated"].astimezone(UTC) for state in states}


def _counts(connection: Connection, schema: str) -> dict[str, int]:
    """Rows by table."""
    names = inspect(connection).get_table_names(schema=schema)
    return {name: connection.execute(text(f'SELECT count(*) FROM "{schema}"."{name}"')).scalar_one() for name in names}


def _sweep(connection: Connection, schema: str, streams: list[str]) -> None:
    """Drop the loading tables that a killed sync left behind."""
    for name in inspect(connection).get_table_names(schema=schema):
        if (left := LEFT_BY_A_KILL.fullmatch(name)) and left["stream"] in streams:
            connection.execute(text(f'DROP TABLE "{schema}"."{name}"'))


def _written(connection: Connection, schema: str, tables: Iterable[str], began: datetime) -> dict[str, int]:
    """Rows by table that this sync has inserted or replaced."""
    query = 'SELECT count(*) FROM "{}"."{}" WHERE _airbyte_extracted_at >= :began'
    since = {"began": began.replace(tzinfo=None)}
    return {name: connection.execute(text(query.format(schema, name)), since).scalar_one() for name in tables}


def _drop_vanished(connection: Connection, schema: str, streams: list[str], began: datetime) -> None:
    """Delete what a full read no longer found: PyAirbyte merges, so an object that is gone would stay for ever."""
    for name in streams:
        connection.execute(
            text(f'DELETE FROM "{schema}"."{name}" WHERE _airbyte_extracted_at < :began'),
            {"began": began.replace(tzinfo=None)},
        )


def _backfilled_to(tables: Warehouse, sync: Sync) -> dict[str, str]:
    """The streams whose history is not read back to the start yet, and the first day they hold whole.

    Of a stream with targets or offices, the latest of their days.
    """
    states = tables.run_sql_query(
        f'SELECT source_name, stream_name, state_json FROM "{tables.schema_name}"._airbyte_state'
    )
    days = {
        state["stream_name"]: BACKFILLED_TO.findall(state["state_json"])
        for state in states
        if state["source_name"] == sync.source_name
    }
    return {name: max(found) for name, found in days.items() if found}


def _chosen(asked: tuple[str, ...], there: list[str], left_out: tuple[str, ...]) -> list[str]:
    """The streams to read. A name that isn't there is an error with the nearest ones."""
    for name in asked:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=3, cutoff=0.5) or there
            raise SyncError(f"There is no stream {name!r} with this configuration. Is it {', '.join(near)}?")
    return list(asked) or [name for name in there if name not in left_out]


def _left_out(names: Iterable[str]) -> str:
    slow = sorted(names)
    return f"; left out as too slow: {', '.join(slow)} (read with STREAMS={','.join(slow)})" if slow else ""


def _counted(streams: list[str], again: int) -> str:
    """How many streams are read, and how many of them go on from the last sync."""
    count = "1 stream" if len(streams) == 1 else f"{len(streams)} streams"
    how = "what is new since the last sync, and the days of the look-back again"
    return f"{count}; {again} incremental: {how}" if again else count


def _spoken(seen: Seen, log_path: Path) -> list[tuple[str, str]]:
    """The connector's own sentences, by stream; an error that names no stream only when no other speaks."""
    errors = [(stream, sentence) for stream, sentence in seen.errors if stream] or seen.errors
    if not errors and seen.refusal:
        errors = [("", seen.refusal)]
    if not errors and seen.exit_code != 0:
        errors = [
            ("", f"The connector ended with exit code {seen.exit_code} and gave no reason; its log is {log_path}.")
        ]
    return list(dict.fromkeys(errors))


def _ask(source: Source, verb: str, sync: Sync) -> None:
    """Run `check` or `discover`. Raises SyncError with the connector's own sentence when it refuses."""
    sync.seen_path.unlink(missing_ok=True)
    try:
        if verb == "check":
            source.check()
        else:
            _ = source.discovered_catalog
    except ab_exceptions.PyAirbyteError as error:
        spoken = _spoken(Seen.read(sync.seen_path), sync.log_path)
        raise SyncError("\n".join(sentence for _, sentence in spoken) or str(error)) from error


def run(sync: Sync, progress: Progress) -> bool:
    """Sync once and say what happened; true when every stream came whole.

    A stream that fails takes no other with it: their rows and states are kept. Raises SyncError when nothing can be
    read.
    """
    with _quietly(sync.folder / "pyairbyte.log"):
        tables = opened(sync.into, sync.folder)
        try:
            return _run(sync, tables, progress)
        finally:
            tables.close()


def _run(sync: Sync, tables: Warehouse, progress: Progress) -> bool:
    schema = tables.schema_name
    check_version(tables)
    known = _last_synced(tables, sync)
    source = ab.get_source(sync.source_name, config=sync.config, local_executable=sync.relayed())
    for command, doing in (("check", "checking the connection"), ("discover", "asking which streams there are")):
        with progress.while_working(lambda doing=doing: doing):  # type: ignore[misc]
            _ask(source, command, sync)
    there = {stream.name: stream for stream in source.discovered_catalog.streams}
    streams = _chosen(sync.streams, list(there), sync.left_out)
    source.select_streams(streams)
    grows = {
        name for name in streams if any(mode.value == "incremental" for mode in there[name].supported_sync_modes or [])
    }
    again = {name: known[name] for name in streams if name in grows and name in known}
    progress.say(_counted(streams, len(again)) + _left_out([] if sync.streams else set(there) - set(streams)))

    with tables.get_sql_engine().begin() as connection:
        _sweep(connection, schema, streams)
        before = _counts(connection, schema)

    sync.seen_path.unlink(missing_ok=True)
    began, clock, unloaded = datetime.now(UTC), time.time(), ""
    with progress.while_working(following(sync.seen_path, len(streams), tables.loading)):
        try:
            source.read(cache=tables, skip_validation=True)
        except (ab_exceptions.PyAirbyteError, SQLRuntimeError, SQLAlchemyError) as error:
            unloaded = _reason(error)
    seen = Seen.read(sync.seen_path)
    spoken = _spoken(seen, sync.log_path)
    with tables.get_sql_engine().begin() as connection:
        after = _counts(connection, schema)
        written = _written(connection, schema, [name for name in streams if name in after], began)
        if not unloaded:
            _drop_vanished(connection, schema, [name for name in seen.complete if name not in grows], began)
        describe(connection, schema, {name: there[name].json_schema for name in streams})

    new = {name: after[name] - before.get(name, 0) for name in written}
    how = _how(streams, {stream for stream, _ in spoken}, seen, grows, again)
    unfinished = {name: day for name, day in _backfilled_to(tables, sync).items() if name in grows}
    progress.say(
        table(
            Row(
                stream=name,
                read=seen.rows.get(name, 0),
                new=new.get(name),
                updated=written.get(name, 0) - new.get(name, 0),
                seconds=seen.ended.get(name, time.time()) - seen.began.get(name, clock),
                how=how[name] + (f", backfilled to {unfinished[name]}" if name in unfinished else ""),
            )
            for name in streams
        )
    )
    _say_what_is_left(progress, len(unfinished))
    for stream, sentence in spoken:
        progress.say(f"\n{stream or 'source-dialpad'}: {sentence}")
    if unloaded:
        progress.say(f"\nThe load stopped: {unloaded}")
    return not spoken and not unloaded


def _say_what_is_left(progress: Progress, streams: int) -> None:
    if streams:
        count = "1 stream has" if streams == 1 else f"{streams} streams have"
        progress.say(f"\n{count} history left to read: each further sync reads on, back to the start date.")


def _how(
    streams: list[str], failed: set[str], seen: Seen, grows: set[str], again: dict[str, datetime]
) -> dict[str, str]:
    """How each stream was read."""
    how = {name: "from the start" if name in grows else "whole" for name in streams}
    how |= {name: f"incremental, last synced {at:%Y-%m-%d %H:%M} UTC" for name, at in again.items()}
    return how | {name: "failed" for name in streams if name in failed or name not in seen.complete}


def _reason(error: Exception) -> str:
    """The line of a PyAirbyte error that says what is wrong, without the statement around it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "Exception" in line or "DETAIL" in line]
    return (telling or lines or [type(error).__name__])[-1]


def opening(into: str, *, marts: bool) -> tuple[str, str]:
    """The one line that opens the warehouse and lists its tables (and its marts), and what leaves it again."""
    if is_postgres(into):
        schemas = (POSTGRES_SCHEMA, *MARTS_SCHEMAS[:1]) if marts else (POSTGRES_SCHEMA,)
        told = make_url(into)  # all but the password, for which psql asks
        url = URL.create(told.drivername, told.username, None, told.host, told.port, told.database, told.query)
        url = url.update_query_dict({"options": f"-csearch_path={','.join(schemas)}"})
        return f"psql {shlex.quote(url.render_as_string())}", r"\dt lists the tables, \q leaves"
    lists = ["SHOW TABLES", f"SHOW TABLES FROM {MARTS_SCHEMAS[0]}"][: 1 + marts]
    if shutil.which("duckdb"):
        commands = shlex.join(word for line in (".maxrows 100", *lists) for word in ("-cmd", line))
        return f"duckdb {commands} {shlex.quote(into)}", ".quit leaves"
    python = shlex.quote(os.path.relpath(sys.executable))
    shows = "".join(f"; db.sql({line!r}).show(max_rows=100)" for line in lists)
    return f'{python} -ic "import duckdb; db = duckdb.connect({into!r}){shows}"', "quit() leaves"


def report(into: str, page: str) -> tuple[str, bool]:
    """Build the marts and the page: one line about it, and whether it went well; the sync stays as it is if not."""
    settings = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    whole = {
        "WAREHOUSE": into if is_postgres(into) else str(Path(into).absolute()),
        "REPORT": str(Path(page).absolute()),
    }
    command = ["make", "--no-print-directory", "report"]
    command += [f"{name}={value.replace('$', '$$')}" for name, value in whole.items()]
    root = Path(__file__).resolve().parent.parent
    try:
        made = subprocess.run(command, cwd=root, env=settings, capture_output=True, text=True, check=False)  # noqa: S603  # our own target
    except OSError as error:
        return f"The report could not be made: {error}. The tables are synced.", False
    said = [line for line in (made.stdout + made.stderr).splitlines() if line.strip()]
    if made.returncode == 0 and said:
        return said[-1].replace(whole["REPORT"], page), True
    failed = "The report could not be made; the tables are synced. `make report` tries again."
    return "\n".join([failed, *said[-20:]]), False
