"""The connector as a platform runs it: the command line in a process of its own, and what came out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]

EXECUTABLE = Path(sys.executable).parent / "source-dialpad"
AT_MOST = 150


@dataclass
class Output:
    """The messages of one command."""

    exit_code: int
    messages: list[dict[str, Any]]
    records: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    states: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    errors: list[dict[str, Any]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for message in self.messages:
            match message["type"]:
                case "RECORD":
                    self.records[message["record"]["stream"]].append(message["record"]["data"])
                case "STATE":
                    stream = message["state"]["stream"]
                    self.states[stream["stream_descriptor"]["name"]].append(message["state"])
                case "TRACE" if message["trace"]["type"] == "STREAM_STATUS":
                    told = message["trace"]["stream_status"]
                    if "reasons" in told:  # RUNNING, since a request has come too fast: it may come at any time
                        continue
                    self.statuses[told["stream_descriptor"]["name"]].append(told["status"])
                case "TRACE":
                    self.errors.append(message["trace"]["error"])
                case "LOG":
                    self.logs.append(message["log"]["message"])

    def one(self, kind: str) -> dict[str, Any]:
        """The only message of a kind: spec, catalog or connectionStatus."""
        (found,) = (message[kind] for message in self.messages if kind in message)
        return dict(found)

    def last_states(self) -> list[dict[str, Any]]:
        """The state file a platform would hand to the next sync."""
        return [{"type": "STREAM", "stream": emitted[-1]["stream"]} for emitted in self.states.values()]


@dataclass
class Connector:
    """`source-dialpad` with a configuration."""

    config: dict[str, Any]
    folder: Path

    def run(self, command: str, *more: str) -> Output:
        """Runs a command to its end; every line has to be a message of the protocol."""
        done = subprocess.run(
            [EXECUTABLE, command, *more], capture_output=True, timeout=AT_MOST, cwd=self.folder, check=False
        )
        assert not done.stderr, done.stderr.decode()
        return Output(done.returncode, [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()])

    def _file(self, name: str, content: Any) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content))
        return str(path)

    def check(self) -> Output:
        return self.run("check", "--config", self._file("config.json", self.config))

    def discover(self) -> list[dict[str, Any]]:
        """The streams of the catalogue."""
        found = self.run("discover", "--config", self._file("config.json", self.config))
        streams: list[dict[str, Any]] = found.one("catalog")["streams"]
        return streams

    def files(self, streams: list[dict[str, Any]]) -> list[str]:
        """Configuration and catalogue as the arguments of `read`; the streams incremental where they can."""
        catalog = {
            "streams": [
                {
                    "stream": stream,
                    "sync_mode": stream["supported_sync_modes"][-1],
                    "cursor_field": stream.get("default_cursor_field"),
                    "primary_key": stream["source_defined_primary_key"],
                    "destination_sync_mode": "append_dedup" if "default_cursor_field" in stream else "overwrite",
                }
                for stream in streams
            ]
        }
        return ["--config", self._file("config.json", self.config), "--catalog", self._file("catalog.json", catalog)]

    def read(self, streams: list[dict[str, Any]], state: list[dict[str, Any]] | None = None) -> Output:
        """Reads streams of the catalogue, incrementally where they can."""
        files = self.files(streams)
        if state is not None:
            files += ["--state", self._file("state.json", state)]
        return self.run("read", *files)


def table(
    rows: list[Row], stream: dict[str, Any], into: dict[tuple[Any, ...], Row] | None = None
) -> dict[tuple[Any, ...], Row]:
    """Rows after deduplication by primary key, the last one winning, as a destination keeps them."""
    kept = {} if into is None else into
    for row in rows:
        kept[tuple(row[path[0]] for path in stream["source_defined_primary_key"])] = row
    return kept
