"""Stands between the connector and PyAirbyte, as the executable PyAirbyte starts.

PyAirbyte 0.71 loads nothing at all when the connector ends with an error, hides the error's own sentence, and tells
nobody how far it is. So this passes the connector's records and states on, byte for byte, and keeps to itself:

- error traces and the exit code: PyAirbyte sees a clean end and loads what was read; a state moves only behind whole
  windows, so what is loaded is right, and what is missing is read next time;
- log lines, which go to a file.

What it saw is kept in a file next to it, renewed twice a second, so that progress can be shown.

    python -m warehouse.relay <seen file> <log file> <connector> <verb> ...
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

LOOK = 0.5  # seconds between two renewals of the file
WAITING = re.compile(r"\d+ exports? waiting for|is preparing \d+ exports?")
RECORD_OF = re.compile(rb'^\{"type":"RECORD","record":\{(?:"namespace":[^,{}]*,)?"stream":"([^"\\]+)"')


@dataclass
class Seen:
    """What one run of the connector has said so far. Times are seconds since the epoch."""

    rows: dict[str, int] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)
    complete: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    """Stream ("" when the error names none) and the sentence meant for the user."""
    refusal: str = ""
    """What `check` said when it failed."""
    waiting: str = ""
    """The last log line about exports that are waited for, and when it came."""
    waiting_since: float = 0.0
    exit_code: int | None = None

    @classmethod
    def read(cls, path: Path) -> Seen:
        """What the file holds; a run that has said nothing when there is none."""
        try:
            found: dict[str, Any] = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return cls()
        return cls(**found | {"errors": [(stream, text) for stream, text in found["errors"]]})

    def write(self, path: Path) -> None:
        """Renew the file in one step, so that a reader never sees half of it."""
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps(asdict(self)))
        draft.replace(path)

    def hear(self, line: bytes, log: IO[bytes], now: float) -> bool:
        """Take note of one line of the connector; true when PyAirbyte shall have it."""
        if match := RECORD_OF.match(line):
            stream = match[1].decode()
            self.rows[stream] = self.rows.get(stream, 0) + 1
            return True
        try:
            message: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError:
            log.write(line)
            return False
        kind = message.get("type")
        if kind == "RECORD":
            stream = message["record"]["stream"]
            self.rows[stream] = self.rows.get(stream, 0) + 1
        elif kind == "LOG":
            said = message["log"]["message"]
            log.write(f"{message['log']['level']} {said}\n".encode())
            if WAITING.search(said):
                self.waiting, self.waiting_since = said.rstrip("."), now
            return False
        elif kind == "CONNECTION_STATUS" and message["connectionStatus"]["status"] == "FAILED":
            self.refusal = message["connectionStatus"].get("message") or "The connector gave no reason."
        elif kind == "TRACE":
            return self._hear_trace(message["trace"], log, now)
        return True

    def _hear_trace(self, trace: dict[str, Any], log: IO[bytes], now: float) -> bool:
        if trace["type"] == "ERROR":
            error = trace["error"]
            stream = (error.get("stream_descriptor") or {}).get("name", "")
            self.errors.append((stream, error["message"]))
            log.write(orjson.dumps(trace) + b"\n")
            return False
        if trace["type"] == "STREAM_STATUS":
            stream, status = trace["stream_status"]["stream_descriptor"]["name"], trace["stream_status"]["status"]
            if status == "STARTED":
                self.began[stream] = now
            elif status in {"COMPLETE", "INCOMPLETE"}:
                self.ended[stream] = now
            if status == "COMPLETE":
                self.complete.append(stream)
        return True


def relay(seen_path: Path, log_path: Path, command: list[str]) -> None:
    """Run the connector, pass on what PyAirbyte shall have, and keep the rest. Ends when either side ends."""
    seen = Seen()
    parent = os.getppid()
    over = threading.Event()
    with (
        log_path.open("ab", buffering=0) as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as connector,  # noqa: S603  # our own connector
    ):
        signal.signal(signal.SIGTERM, lambda *_: connector.terminate())

        def look() -> None:
            while not over.wait(LOOK):
                seen.write(seen_path)
                if os.getppid() != parent:  # PyAirbyte was killed: nobody reads any more
                    connector.kill()
                    return

        watch = threading.Thread(target=look, daemon=True)
        watch.start()
        out = sys.stdout.buffer
        try:
            for line in connector.stdout or ():
                if seen.hear(line, log, time.time()):
                    out.write(line)
            out.flush()
        except BrokenPipeError:
            connector.kill()
        seen.exit_code = connector.wait()
        over.set()
        watch.join()
        seen.write(seen_path)


if __name__ == "__main__":
    relay(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
