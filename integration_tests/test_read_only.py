"""A read-only root file system, as containers are run: the connector writes into TMPDIR, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]

READ_ONLY = """
import os, sys

scratch = os.path.realpath(os.environ["TMPDIR"])
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.truncate", "sqlite3.connect"}


def refuse(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if not (set(mode or "") & set("wax+") or (flags or 0) & WRITES):
            return
    elif event in CHANGES:
        path = arguments[0]
    else:
        return
    if isinstance(path, int) or path in ("", b"", ":memory:", os.devnull):
        return
    if not os.path.realpath(os.fsdecode(path)).startswith(scratch + os.sep):
        print(f"{event} {path}", file=sys.stderr)
        raise PermissionError(30, "Read-only file system", path)


sys.dont_write_bytecode = True
sys.addaudithook(refuse)
from source_dialpad.run import run

run()
"""
"""A root may write anywhere whatever the permissions, so the interpreter is told to refuse."""


@pytest.fixture(scope="module")
def fake() -> Iterator[str]:
    with serve(FakeDialpad(World(seed=3, days=4, calls_per_day=10, messages_per_day=10), export_seconds=1)) as url:
        yield url


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch), "HOME": "/nowhere", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, *arguments],
        cwd="/",
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert list(scratch.iterdir()) == []
    return done


def given(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(content))
    return str(path)


def test_a_sync_writes_into_tmpdir_alone_and_leaves_nothing_there(fake: str, tmp_path: Path) -> None:
    start = (datetime.now(UTC).date() - timedelta(days=3)).isoformat()
    config = given(
        tmp_path,
        "config.json",
        {
            "start_date": start,
            "dialpad": {"base_url": fake, "api_key": "dialpad-key-0123456789", "aggregate_window": "month"},
            "engagement": {"base_url": fake, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
        },
    )
    streams = [
        {
            "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
            "sync_mode": "incremental",
            "destination_sync_mode": "append",
        }
        for name in ("users", "messages")
    ]
    done = run(tmp_path, "read", "--config", config, "--catalog", given(tmp_path, "catalog.json", {"streams": streams}))
    assert (done.stderr, done.returncode) == ("", 0), done.stdout[-3000:]
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"type":"RECORD"')]
    assert {record["record"]["stream"] for record in records} == {"users", "messages"}


def test_the_test_would_see_a_write(tmp_path: Path) -> None:
    broken = READ_ONLY.replace("from source_dialpad.run import run", f"def run(): open({str(tmp_path / 'x')!r}, 'w')")
    seen = subprocess.run(
        [sys.executable, "-c", broken],
        env={"TMPDIR": str(tmp_path / "scratch")},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Read-only file system" in seen.stderr
    assert not (tmp_path / "x").exists()
