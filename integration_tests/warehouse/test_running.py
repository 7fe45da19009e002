"""What the user sees of a sync, and what is left when one is interrupted."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from integration_tests.warehouse.loading import TEXT, stream
from warehouse.progress import Progress, reading
from warehouse.relay import Seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from integration_tests.warehouse.loading import Loader

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_says_what_was_read_and_what_was_new(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"id": "1"}, {"id": "2"})})
    duckdb_loader.sync({"calls": stream({"id": "2"}, {"id": "3"})})
    (line,) = [line for line in duckdb_loader.said.splitlines() if line.startswith("calls")]
    assert line.split()[1:4] == ["2", "1", "1"]


def test_a_log_is_not_told_the_same_again_at_once() -> None:
    out = io.StringIO()
    progress = Progress(out)
    for text in ("loading 1 of 2 tables", "loading 1 of 2 tables", "loading 2 of 2 tables"):
        progress.show(text)
    assert [line.partition(" s  ")[2] for line in out.getvalue().splitlines()] == [
        "loading 1 of 2 tables",
        "loading 2 of 2 tables",
    ]


def test_a_row_that_is_gone_does_not_count_against_the_new_ones(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"users": stream({"id": "1"}, {"id": "2"}, grows=False)})
    duckdb_loader.sync({"users": stream({"id": "2"}, {"id": "3"}, grows=False)})
    (line,) = [line for line in duckdb_loader.said.splitlines() if line.startswith("users")]
    assert line.split()[1:4] == ["2", "1", "1"]


def test_the_table_says_how_far_back_a_stream_was_read(loader: Loader) -> None:
    targets = [{"cursor": {"at": "2026-11-19", "backfilled_to": day}} for day in ("2026-09-01", "2026-10-20")]
    loader.sync({"calls": stream({"id": "1"}, {"state": {"states": targets}}), "texts": stream({"state": {"at": "1"}})})
    (line,) = [line for line in loader.said.splitlines() if line.startswith("calls")]
    assert line.endswith("from the start, backfilled to 2026-10-20")
    assert "1 stream has history left to read" in loader.said
    assert "texts" not in [line.split()[0] for line in loader.said.splitlines() if "backfilled to" in line]


def test_the_progress_line_says_that_exports_are_being_prepared() -> None:
    seen = Seen(rows={"messages": 7}, began=dict.fromkeys(("messages", "records_calls", "stats_texts"), 1.0))
    assert reading(seen, 3).endswith("now messages 7; Dialpad is preparing the exports of 2 streams (15 to 35 s)")


def test_the_progress_line_shows_what_the_connector_logs_about_the_quota() -> None:
    seen, said = (
        Seen(began={"records_calls": 1.0}),
        "records_calls: 12 exports waiting for the quota (195 POSTs an hour).",
    )
    line = orjson.dumps({"type": "LOG", "log": {"level": "INFO", "message": said}})
    assert not seen.hear(line, io.BytesIO(), time.time())
    assert reading(seen, 1).endswith(said.rstrip("."))


def test_a_postgres_without_merge_is_refused() -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import
    from warehouse.tables import PostgresTables  # noqa: PLC0415

    tables = PostgresTables.model_construct()
    object.__setattr__(tables, "run_sql_query", lambda _: [{"server_version_num": "140011"}])
    with pytest.raises(sync.SyncError, match="Postgres 14, which has no MERGE: 15 or newer is needed"):
        sync.check_version(tables)


def test_a_second_sync_says_when_a_stream_was_last_synced(duckdb_loader: Loader) -> None:
    streams = {"calls": stream({"id": "1"}, {"state": {"at": "1"}}), "users": stream({"id": "1"}, grows=False)}
    duckdb_loader.sync(streams)
    first = duckdb_loader.said
    duckdb_loader.sync(streams)
    assert "incremental" not in first
    assert "2 streams; 1 incremental: what is new since the last sync" in duckdb_loader.said
    assert re.search(r"^calls .*  incremental, last synced 20[-\d]+ [\d:]+ UTC$", duckdb_loader.said, re.MULTILINE)
    assert re.search(r"^users .*  whole$", duckdb_loader.said, re.MULTILINE)


def test_a_failed_stream_shows_the_sentence_of_the_connector(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"fails": "Dialpad is down (503). Try again in an hour."})})
    assert "\ncalls: Dialpad is down (503). Try again in an hour.\n" in duckdb_loader.said


def test_a_crash_is_said_with_its_exit_code_and_where_the_log_is(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"dies": 3})})
    assert f"ended with exit code 3 and gave no reason; its log is {duckdb_loader.log_path}" in duckdb_loader.said


def test_a_refused_check_is_shown_in_the_connectors_words(duckdb_loader: Loader) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    with pytest.raises(sync.SyncError, match=r"^Dialpad refused the key \(401\)\.$"):
        duckdb_loader.sync({"calls": stream()}, refusal="Dialpad refused the key (401).")


def test_a_misspelt_stream_is_answered_with_the_nearest(duckdb_loader: Loader) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    with pytest.raises(sync.SyncError, match=r"no stream 'record_calls'.* Is it records_calls\?"):
        duckdb_loader.sync({"records_calls": stream(), "users": stream()}, "record_calls")


def test_only_the_chosen_streams_are_read(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"id": "1"}), "users": stream({"id": "1"})}, "users")
    assert duckdb_loader.tables() == {"users"}


def test_a_stream_that_takes_long_is_read_when_it_is_named(duckdb_loader: Loader) -> None:
    streams = {"call_recaps": stream({"id": "1"}), "users": stream({"id": "1"})}
    duckdb_loader.sync(streams, left_out=("call_recaps",))
    assert "1 stream; left out as too slow: call_recaps (read with STREAMS=call_recaps)" in duckdb_loader.said
    assert duckdb_loader.tables() == {"users"}
    duckdb_loader.sync(streams, "call_recaps", left_out=("call_recaps",))
    assert duckdb_loader.tables() == {"users", "call_recaps"}
    duckdb_loader.sync({"users": streams["users"]}, left_out=("call_recaps",))
    assert "left out" not in duckdb_loader.said


def test_a_real_account_is_kept_out_of_the_warehouse_of_the_invented_one(duckdb_loader: Loader) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    streams = {"calls": stream({"id": "1"}, {"state": {"at": "1"}})}
    duckdb_loader.sync(streams, account="invented")
    with pytest.raises(sync.SyncError, match="holds the invented company"):
        duckdb_loader.sync(streams, account="real")


def test_a_value_that_does_not_fit_its_column_is_named(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"id": "1", "cost": "much"}, cost={"type": "number"})})
    assert "The load stopped: " in duckdb_loader.said
    assert "much" in duckdb_loader.said


def test_the_configuration_lies_in_a_folder_nobody_else_can_read(duckdb_loader: Loader) -> None:
    duckdb_loader.sync({"calls": stream({"tells": "mode"}, mode=TEXT)})
    assert duckdb_loader.rows("SELECT mode FROM calls") == [("0o700",)]


def test_a_warehouse_that_is_open_elsewhere_is_named_with_the_cure(duckdb_loader: Loader) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    hold = f"import duckdb; c = duckdb.connect({duckdb_loader.into!r}); print(1, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(sync.SyncError, match=r"can't be opened: .* Close the program that has it open\."):
            duckdb_loader.sync({"calls": stream()})
        other.kill()


def test_the_password_of_the_warehouse_is_never_shown() -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    into = "postgresql://loader:a-long-passphrase-7@localhost:5432/dwh"
    command, _ = sync.opening(into, marts=True)
    assert "a-long-passphrase-7" not in sync.shown(into) + command
    assert "postgresql://loader@localhost:5432/dwh" in command
    assert "dialpad%2Cdialpad_marts" in command


def test_a_warehouse_of_another_kind_is_refused_before_a_file_of_its_name_is_made(duckdb_loader: Loader) -> None:
    from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

    duckdb_loader.into = "mysql://loader@localhost/dwh"
    with pytest.raises(sync.SyncError, match=r"^The warehouse mysql://… is neither a DuckDB file nor Postgres"):
        duckdb_loader.sync({"calls": stream()})


# The command line, as `make sync` starts it, with the stand-in in the connector's place.


@pytest.fixture
def start(tmp_path: Path, stand_in: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `python -m warehouse` in a folder of its own, with an environment whose connector is the stand-in."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "python").symlink_to(sys.executable)
    stand_in.rename(bin_folder / "source-dialpad")

    def started(streams: dict[str, Any], *words: str, **environment: str) -> subprocess.Popen[str]:
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"streams": streams}))
        seam = (
            "import sys, runpy; sys.executable = sys.argv.pop(1); sys.argv[0] = 'warehouse';"
            "runpy.run_module('warehouse', run_name='__main__', alter_sys=True)"
        )
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", seam, str(bin_folder / "python"), "--config", str(config), *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


def until(happened: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for another process."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_the_command_line_ends_with_the_line_that_opens_the_warehouse(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    said, _ = start({"calls": stream({"id": "1"})}).communicate(timeout=60)
    command = shlex.split(said.splitlines()[-1])
    found = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}  # the stand-in's environment has no packages
    opened = subprocess.run(
        command, cwd=tmp_path, env=found, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert "calls" in opened.stdout


@pytest.mark.parametrize(
    ("makes", "says"), [("exit 2", "could not be made; the tables are synced"), ("", "Report: page.html")]
)
def test_a_sync_ends_with_the_report_and_stays_a_success_without(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path, makes: str, says: str
) -> None:
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\n{makes}\nfor word; do echo "$word"; done | sed -n "s/REPORT=/Report: /p"\n')
    make.chmod(0o700)
    run = start({"calls": stream({"id": "1"})}, "--report", "page.html", PATH=f"{tmp_path}:{os.environ['PATH']}")
    said, _ = run.communicate(timeout=60)
    assert says in said
    assert ("SHOW TABLES FROM dialpad_marts" in said.splitlines()[-1]) == (not makes)
    assert run.returncode == 0


def test_a_first_sync_of_a_real_account_leaves_out_what_takes_an_hour(
    start: Callable[..., subprocess.Popen[str]],
) -> None:
    said, _ = start({"calls": stream({"id": "1"}), "call_recaps": stream({"id": "1"})}).communicate(timeout=60)
    assert "1 stream; left out as too slow: call_recaps (read with STREAMS=call_recaps)" in said


def test_a_failed_stream_ends_the_command_with_1(start: Callable[..., subprocess.Popen[str]]) -> None:
    run = start({"calls": stream({"fails": "Down."})})
    run.communicate(timeout=60)
    assert run.returncode == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_a_sync_ended_in_the_middle_and_run_again_leaves_the_tables_of_a_quiet_one(
    start: Callable[..., subprocess.Popen[str]], duckdb_loader: Loader, tmp_path: Path, how: signal.Signals
) -> None:
    rows = [{"id": str(n)} for n in range(300)]
    slow = {"calls": stream(*rows[:100], {"state": {"at": "1"}}, *rows[100:200], {"waits": 60}, *rows[200:])}
    quiet = {"calls": stream(*rows, {"state": {"at": "3"}})}
    run = start(slow, "--into", duckdb_loader.into)
    seen = tmp_path / ".sync" / f"run-{run.pid}" / "seen.json"
    until(lambda: seen.exists() and '"calls":200' in seen.read_text())
    run.send_signal(how)
    run.communicate(timeout=30)
    start(quiet, "--into", duckdb_loader.into).communicate(timeout=60)
    assert duckdb_loader.rows("SELECT count(*), count(DISTINCT id) FROM calls") == [(300, 300)]
    assert duckdb_loader.tables() == {"calls"}


def test_a_killed_sync_leaves_no_connector_behind(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    run = start({"calls": stream({"id": "1"}, {"waits": 600})})
    seen = tmp_path / ".sync" / f"run-{run.pid}" / "seen.json"
    until(lambda: seen.exists() and '"calls":1' in seen.read_text())
    run.kill()
    run.communicate(timeout=30)
    until(lambda: not _running(str(tmp_path)))


def test_what_a_killed_sync_left_is_swept_by_the_next(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    run = start({"calls": stream({"id": "1"}, {"waits": 600})})
    until((tmp_path / ".sync" / f"run-{run.pid}" / "seen.json").exists)
    run.kill()
    run.communicate(timeout=30)
    start({"calls": stream({"id": "1"})}).communicate(timeout=60)
    assert list((tmp_path / ".sync").glob("run-*")) == []


def _running(words: str) -> list[str]:
    """The command lines of running processes that hold these words."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if words in line]


GUARD = """
import os, socket
real = socket.socket.connect
def connect(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
        with open(os.environ["GUARD_LOG"], "a") as log:
            log.write(f"connect {address}\\n")
        raise PermissionError(f"not loopback: {address}")
    return real(self, address)
socket.socket.connect = connect
resolve = socket.getaddrinfo
def getaddrinfo(host, *rest, **more):
    if host not in (None, "127.0.0.1", "::1", "localhost"):
        with open(os.environ["GUARD_LOG"], "a") as log:
            log.write(f"resolve {host}\\n")
        raise PermissionError(f"not loopback: {host}")
    return resolve(host, *rest, **more)
socket.getaddrinfo = getaddrinfo
"""


def test_nothing_but_this_machine_is_contacted(start: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    log = tmp_path / "contacted.log"
    log.touch()
    path = os.pathsep.join([str(guard), str(ROOT), *sys.path])
    run = start({"calls": stream({"id": "1"})}, PYTHONPATH=path, GUARD_LOG=str(log))
    run.communicate(timeout=60)
    assert (run.returncode, log.read_text()) == (0, "")


def test_the_guard_of_the_test_above_sees_a_contact(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(GUARD)
    log = tmp_path / "contacted.log"
    call = "import requests\ntry: requests.get('http://example.com', timeout=1)\nexcept Exception: pass"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]), "GUARD_LOG": str(log)}
    subprocess.run([sys.executable, "-c", call], env=environment, check=True)
    assert "resolve example.com" in log.read_text()
