"""Logs: one JSON object a line on stderr, without phone numbers, names or secrets.

What is logged is chosen field by field. Texts of exceptions are left out because a library may quote a row or a body in
them. A warning that repeats within QUIET_SECONDS is held back and counted, so that bad requests cannot flood the log.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

QUIET_SECONDS: Final = 10.0

_log = logging.getLogger("event_receiver")


def log(level: int, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log a message with fields; of an error, its type and where it arose."""
    if error is not None:
        fields |= _described(error)
    _log.log(level, message, extra={"fields": fields})


def configure(level: str, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
    """Send our logs, uvicorn's and Python's warnings to stderr (or `stream`) as JSON, from `level` up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(repeat_filter(clock))
    logging.captureWarnings(capture=True)
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    _log.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error"):
        server = logging.getLogger(name)
        server.handlers[:], server.propagate = [], True
        server.setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One record, one line: `time` (RFC 3339 UTC), `level`, `message`, and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _described(record.exc_info[1])
        return json.dumps(line, default=str)


def repeat_filter(clock: Callable[[], float]) -> Callable[[logging.LogRecord], bool]:
    """Return a filter that passes a warning once in QUIET_SECONDS; the next one has the number of `held_back` equals.

    Lines are equal when message and reason are. Lines below warning level always pass.
    """
    shown: dict[tuple[str, str], tuple[float, int]] = {}

    def passes(record: logging.LogRecord) -> bool:
        fields: dict[str, Any] = getattr(record, "fields", {})
        key = (str(record.msg), str(fields.get("reason", "")))
        since, held_back = shown.get(key, (float("-inf"), 0))
        if record.levelno >= logging.WARNING and clock() - since < QUIET_SECONDS:
            shown[key] = (since, held_back + 1)
            return False
        shown[key] = (clock(), 0)
        if held_back:
            record.fields = {**fields, "held_back": held_back}
        return True

    return passes


def _described(error: BaseException) -> dict[str, Any]:
    """Return the type of an error and its innermost places as `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return {
        "error": type(error).__name__,
        "at": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }
