"""Runs programs and says what they took: seconds, CPU seconds and peak memory, as the kernel counted them."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
PEERS = ROOT / ".bench" / "bin" / "python"
RECORD = (b'{"type":"RECORD"', b'{"type": "RECORD"')
"""How the line of a record begins, as orjson and as json write it."""


@dataclass(frozen=True)
class Taken:
    """What one run took: `seconds` of the clock, `cpu` seconds of user and system, `peak` resident memory in MB."""

    seconds: float
    cpu: float
    peak: float
    status: int = 0


def median(runs: Sequence[Taken]) -> Taken:
    """The median of each figure."""
    return Taken(
        statistics.median(run.seconds for run in runs),
        statistics.median(run.cpu for run in runs),
        statistics.median(run.peak for run in runs),
    )


class FailedError(Exception):
    """A program ended with another status than 0."""


def run(command: Sequence[str | Path], *, out: int | None = None, env: dict[str, str] | None = None) -> Taken:
    """Runs a program with its standard output to nowhere (or to `out`); raises `FailedError` with its last words."""
    with tempfile.TemporaryFile() as said, open(os.devnull, "wb") as nowhere:  # a device  # noqa: PTH123
        began = time.perf_counter()
        process = subprocess.Popen(  # programs of ours  # noqa: S603
            [str(part) for part in command],
            stdout=nowhere if out is None else out,
            stderr=said,
            cwd=ROOT,
            env=_environment(env),
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(max(said.seek(0, os.SEEK_END) - 3000, 0))
            raise FailedError(
                f"{' '.join(map(str, command))} ended with {process.returncode}:\n"
                f"{said.read().decode(errors='replace')}"
            )
    return Taken(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, process.returncode)


def lines(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> Iterator[bytes]:
    """Runs a program and gives the lines it writes; raises `FailedError` when it fails."""
    return written(command, env=env)[1]


def written(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> tuple[Taken, Iterator[bytes]]:
    """Runs a program; what it took, and the lines it wrote."""
    out = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the last line
    taken = run(command, out=out.fileno(), env=env)

    def each() -> Iterator[bytes]:
        with out:
            out.seek(0)
            yield from out

    return taken, each()


def counted(command: Sequence[str | Path], *, env: dict[str, str] | None = None) -> tuple[Taken, int]:
    """Runs a program; what it took, and how many RECORD lines it wrote."""
    taken, found = written(command, env=env)
    return taken, sum(line.startswith(RECORD) for line in found)


def _environment(more: dict[str, str] | None) -> dict[str, str]:
    ours = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", "MALLOC_ARENA_MAX": "2"}  # the last as in the image
    return {**os.environ, **ours, **(more or {})}


@contextlib.contextmanager
def served(**rows: int) -> Iterator[tuple[str, dict[str, int]]]:
    """The server of pre-rendered answers in a process of its own: its URL and the rows it holds."""
    asked = [part for name, count in rows.items() for part in (f"--{name.replace('_', '-')}", str(count))]
    process = subprocess.Popen(  # noqa: S603
        [str(PYTHON), "-m", "benchmarks.server", *asked],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=_environment(None),
    )
    try:
        assert process.stdout is not None  # it was asked for  # noqa: S101
        _, port, held = process.stdout.readline().split(" ", 2)
        yield f"http://localhost:{port}", json.loads(held)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for configurations and catalogues, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dialpad-bench-") as path:
        yield Path(path)


def kept(path: Path, content: Any) -> Path:
    """Writes JSON to a file."""
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def catalog(*streams: str) -> dict[str, Any]:
    """A configured catalogue of these streams, incremental."""
    return {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
                "sync_mode": "incremental",
                "destination_sync_mode": "append",
            }
            for name in streams
        ]
    }


def interleaved(runs: int, variants: dict[str, Callable[[], Taken]]) -> dict[str, Taken]:
    """The median of `runs` runs of each variant, one after the other in turn, so that noise meets all of them."""
    taken: dict[str, list[Taken]] = {name: [] for name in variants}
    for number in range(runs):
        for name, variant in variants.items():
            taken[name].append(variant())
            one = taken[name][-1]
            print(
                f"  {number + 1}/{runs} {name}: {one.seconds:.2f} s, {one.cpu:.2f} s CPU, {one.peak:.0f} MB",
                file=sys.stderr,
            )
    return {name: median(each) for name, each in taken.items()}


def machine() -> list[str]:
    """The machine and the versions, as a list."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.processor() or "unknown",
    )
    found = [
        f"{len(os.sched_getaffinity(0))} cores ({model}), {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        *(f"{name} {version(name)}" for name in ("airbyte-cdk", "orjson", "requests")),
    ]
    for name in ("singer-sdk", "dlt"):
        asked = (
            subprocess.run(  # noqa: S603
                [str(PEERS), "-c", f"from importlib.metadata import version; print(version('{name}'))"],
                capture_output=True,
                text=True,
                check=False,
            )
            if PEERS.exists()
            else None
        )
        if asked is not None and asked.returncode == 0:
            found.append(f"{name} {asked.stdout.strip()}")
    return found


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
