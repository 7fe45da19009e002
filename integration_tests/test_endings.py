"""How a read ends that cannot go on: within seconds, with an exit code that is not 0, and with its error told."""

from __future__ import annotations

import json
import os
import signal
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

SECONDS = 30
"""A process whose threads wait for ever would take all of them."""

HEEDING_CTRL_C = """
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
from source_dialpad.run import run

run()
"""
"""A test run in the background of a shell ignores Ctrl-C, and so would its children."""

OUT_OF_MEMORY = """
from airbyte_cdk.utils.memory_monitor import MemoryMonitor
from airbyte_cdk.utils.traced_exception import AirbyteTracedException


def refuse(self):
    raise AirbyteTracedException(message="Source memory usage exceeded critical threshold.")


MemoryMonitor.check_memory_usage = refuse
from source_dialpad.run import run

run()
"""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serve(FakeDialpad(World(seed=3, days=120, calls_per_day=1, messages_per_day=100))) as url:
        yield url


@pytest.fixture
def arguments(base_url: str, tmp_path: Path) -> list[str]:
    """A read of four months of messages, which takes longer than a test waits."""
    start = (datetime.now(UTC).date() - timedelta(days=119)).isoformat()
    section = {"base_url": base_url, "api_key": "engagement-key-0123456789", "provider_id": "1020"}
    stream = {"name": "messages", "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]}
    configured = {"stream": stream, "sync_mode": "incremental", "destination_sync_mode": "append"}
    files: dict[str, Any] = {
        "config": {"start_date": start, "engagement": section},
        "catalog": {"streams": [configured]},
    }
    for name, content in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return ["read", *(text for name in files for text in (f"--{name}", str(tmp_path / f"{name}.json")))]


def started(arguments: list[str], stdout: int, tmp_path: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", HEEDING_CTRL_C, *arguments]
    with (tmp_path / "stderr").open("wb") as stderr:
        return subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)


def first_record(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    for line in process.stdout:
        if b'"RECORD"' in line:
            return
    raise AssertionError("no record came")


def test_a_destination_that_goes_away_ends_the_read(arguments: list[str], tmp_path: Path) -> None:
    process = started(arguments, subprocess.PIPE, tmp_path)
    first_record(process)
    assert process.stdout
    process.stdout.close()
    assert process.wait(SECONDS) == 1
    assert "could not be written to standard output: Broken pipe" in (tmp_path / "stderr").read_text()


def test_a_full_disk_ends_the_read(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = started(arguments, full.fileno(), tmp_path)
        assert process.wait(SECONDS) == 1
    assert "could not be written to standard output: No space left on device" in (tmp_path / "stderr").read_text()


def test_ctrl_c_ends_the_read(arguments: list[str], tmp_path: Path) -> None:
    process = started(arguments, subprocess.PIPE, tmp_path)
    first_record(process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    (error,) = [json.loads(line)["trace"]["error"] for line in out.splitlines() if b'"ERROR"' in line]
    assert "was interrupted (Ctrl-C)" in error["message"]


def test_the_memory_guard_ends_the_read(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-c", OUT_OF_MEMORY, *arguments]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=environment)
    assert done.returncode == 1
    assert b"Source memory usage exceeded critical threshold." in done.stdout
