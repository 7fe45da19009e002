"""A receiver in a process of its own, and a Postgres to share."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

SECRET = "integration-secret-e4da3b7fbbce2345d7772b0674a318d5"
READ_KEY = "integration-reader-1679091c5a880faf6fb5e6087eb1b2dc"
ROOT = Path(__file__).parents[2]


class Receiver:
    """`dialpad-event-receiver` on a free port; its log goes to a file."""

    def __init__(self, database: str, log: Path) -> None:
        self.log = log
        environment = {**os.environ, "EVENT_RECEIVER_SECRET": SECRET, "EVENT_RECEIVER_READ_KEY": READ_KEY}
        command = [sys.executable, "-m", "event_receiver", "--port", "0", "--database", database]
        with log.open("w") as stderr:
            self.process = subprocess.Popen(command, env=environment, stderr=stderr, cwd=ROOT)

    def ready(self) -> "Receiver":
        """Wait until it listens."""
        while not (listening := re.search(r"Uvicorn running on http://\S+:(\d+)", self.log.read_text())):
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(self.log.read_text())
        self.port = int(listening[1])
        self.url = f"http://localhost:{self.port}"
        return self

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def items(self, kind: str = "call") -> list[dict[str, Any]]:
        """Follow the cursor to the end."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            answer = requests.get(
                f"{self.url}/events",
                params={"kind": kind, "after": cursor, "limit": "100"},
                headers={"Authorization": f"Bearer {READ_KEY}"},
                timeout=10,
            )
            answer.raise_for_status()
            page = answer.json()
            if not page["items"]:
                return items
            items += page["items"]
            cursor = page["next_cursor"]

    def stop(self) -> int:
        """End it as a supervisor would; return its exit status."""
        self.process.terminate()
        return self.process.wait(20)
