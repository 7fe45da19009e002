"""Writes the states of this release: `python -m integration_tests.resume 0.1.0`, once, before it is published."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from integration_tests.resume.everything import printed, quiet, streams


def main(release: str) -> None:
    """Of each incremental stream the state in the middle of its sync."""
    logging.getLogger("airbyte").setLevel(logging.CRITICAL + 1)
    states = []
    for name, whole in sorted(printed(quiet()).items()):
        if "incremental" in streams()[name]["supported_sync_modes"]:
            states.append({"type": "STREAM", "stream": whole.states[(len(whole.states) - 1) // 2][1]})
    path = Path(__file__).parent / "states" / f"{release}.json"
    path.write_text(json.dumps(states, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
