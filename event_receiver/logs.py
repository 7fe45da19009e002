"""Logs: one JSON object a line on stderr, without numbers, names or secrets.

What is logged is chosen field by field; texts of exceptions are left out because a library may quote a row or a body
in them. A line that repeats within QUIET_SECONDS is held back and counted, so that a flood of bad requests cannot
flood the log.
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


def say(level: int, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log a message with fields; of an error, its type and where it arose."""
    if error is not None:
        fields |= {"error": type(error).__name__, "at": _where(error)}
    _log.log(level, message, extra={"fields": fields})


def configure(level: str, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
    """Send our logs, uvicorn's and Python's warnings to stderr (or `stream`) as JSON, from `level` up."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    handler.addFilter(Quiet(clock))
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
            line |= {"error": type(record.exc_info[1]).__name__, "at": _where(record.exc_info[1])}
        return json.dumps(line, default=str)


class Quiet(logging.Filter):
    """Lets a line through once in QUIET_SECONDS; `held_back` says how many equal ones were not shown before it.

    Lines are equal when message and reason are. Lines below warning level always pass.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._shown: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on one line."""
        if record.levelno < logging.WARNING:
            return True
        fields: dict[str, Any] = getattr(record, "fields", {})
        key = (str(record.msg), str(fields.get("reason", "")))
        now = self._clock()
        since, held_back = self._shown.get(key, (float("-inf"), 0))
        if now - since < QUIET_SECONDS:
            self._shown[key] = (since, held_back + 1)
            return False
        self._shown[key] = (now, 0)
        if held_back:
            record.fields = {**fields, "held_back": held_back}
        return True


def _where(error: BaseException) -> list[str]:
    """Return the innermost places of an error as `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
