"""A connector whose every word is in its configuration, so that a test of the loading says what is loaded.

    {"streams": {name: {"key": [...], "grows": bool, "properties": {...}, "says": [word, ...]}}, "refusal": str}

A word is a record; or {"state": ...}, {"fails": sentence}, {"dies": exit code}, {"waits": seconds},
{"tells": what it was given}, which puts the state and the mode of the configuration's folder into a record.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

CONFIG, STATE = "--config", "--state"


def say(kind: str, **body: Any) -> None:
    print(json.dumps({"type": kind, **body}, separators=(",", ":")), flush=True)


def trace(**body: Any) -> None:
    say("TRACE", trace={"emitted_at": time.time() * 1000, **body})


def status(stream: str, word: str) -> None:
    trace(type="STREAM_STATUS", stream_status={"stream_descriptor": {"name": stream}, "status": word})


def catalog(streams: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "json_schema": {"type": "object", "properties": stream["properties"]},
            "supported_sync_modes": ["full_refresh", "incremental"] if stream.get("grows") else ["full_refresh"],
            "source_defined_primary_key": [[key] for key in stream["key"]],
            **({"source_defined_cursor": True, "default_cursor_field": ["at"]} if stream.get("grows") else {}),
        }
        for name, stream in streams.items()
    ]


def speak(name: str, words: list[dict[str, Any]], given: dict[str, Any]) -> bool:
    """Say a stream's words; false when it failed."""
    status(name, "STARTED")
    for word in words:
        match word:
            case {"state": state}:
                state_of = {"stream_descriptor": {"name": name}, "stream_state": state}
                say("STATE", state={"type": "STREAM", "stream": state_of})
            case {"fails": sentence}:
                status(name, "INCOMPLETE")
                error = {"message": sentence, "failure_type": "transient_error", "stream_descriptor": {"name": name}}
                trace(type="ERROR", error=error)
                return False
            case {"dies": code}:
                sys.exit(code)
            case {"waits": seconds}:
                time.sleep(seconds)
            case {"tells": what}:
                say(
                    "RECORD",
                    record={
                        "stream": name,
                        "data": {"id": "told", what: given[what]},
                        "emitted_at": int(time.time() * 1000),
                    },
                )
            case _:
                say("RECORD", record={"stream": name, "data": word, "emitted_at": int(time.time() * 1000)})
    status(name, "COMPLETE")
    return True


def main(words: list[str]) -> int:
    config_path = Path(words[words.index(CONFIG) + 1])
    config = json.loads(config_path.read_text())
    match words[0]:
        case "check" if config.get("refusal"):
            say("CONNECTION_STATUS", connectionStatus={"status": "FAILED", "message": config["refusal"]})
        case "check":
            say("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
        case "discover":
            say("CATALOG", catalog={"streams": catalog(config["streams"])})
        case "read":
            chosen = json.loads(Path(words[words.index("--catalog") + 1]).read_text())["streams"]
            given = {
                "state": Path(words[words.index(STATE) + 1]).read_text(),
                "mode": oct(config_path.parent.stat().st_mode & 0o777),
            }
            names = [entry["stream"]["name"] for entry in chosen]
            whole = [speak(name, config["streams"][name]["says"], given) for name in names]
            say("LOG", log={"level": "INFO", "message": "the stand-in has spoken"})
            return 0 if all(whole) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
