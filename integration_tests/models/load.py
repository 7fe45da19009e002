"""Loads recorded messages of the connector into a warehouse: python -m integration_tests.models.load FOLDER PART INTO.

FOLDER holds catalog.json, and PART.jsonl for each part. A process of its own, since PyAirbyte reads its settings once.
"""

from __future__ import annotations

import sys
from pathlib import Path

from warehouse.__main__ import private_folder
from warehouse.progress import Progress

REPLAY = """#!/bin/sh
case "$1" in
  check) echo '{"type": "CONNECTION_STATUS", "connectionStatus": {"status": "SUCCEEDED"}}' ;;
  discover) cat CATALOG ;;
  read) cat PART ;;
esac
"""


def main(folder: Path, part: str, into: str) -> int:
    """Load one part. 0: it is loaded."""
    replay = folder / f"replay-{part}"
    replay.write_text(
        REPLAY.replace("CATALOG", str(folder / "catalog.json")).replace("PART", str(folder / f"{part}.jsonl"))
    )
    replay.chmod(0o700)
    with private_folder() as private:
        from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

        job = sync.Sync(
            config={},
            account="real",
            into=into,
            streams=(),
            folder=private,
            log_path=folder / "connector.log",
            connector=replay,
        )
        return 0 if sync.run(job, Progress(sys.stdout)) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
