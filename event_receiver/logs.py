"""Logs: one JSON object a line on stderr, without phone numbers, names or secrets.

What is logged is chosen field by field. Texts of exceptions are left out because a library may quote a row or a body in
them. A warning that repeats within QUIET_SECONDS is held back and counted, so that bad requests cannot flood the log.
"""

import json
import logging
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

QUIET_SECONDS: Final = 10.0


def log(level: int, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log a message with fields; of an error, its type and where it arose."""
    logging.getLogger("event_receiver").log(level, message, exc_info=error, extra={"fields": fields})


def configure(level: str, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
    """Send our logs, uvicorn's and Python's warnings to stderr (or `stream`) as JSON, from `level` up."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    handler.addFilter(repeat_filter(clock))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    for name in ("event_receiver", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.setLevel(level.upper())
        logger.handlers.clear()  # a server that was set up before keeps its lines to itself
        logger.propagate = True


class JsonLines(logging.Formatter):
    """One record, one line: `time`, `level`, `message`, its own fields, and an error's type and innermost places."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage().strip(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and (error := record.exc_info[1]):
            frames = traceback.extract_tb(error.__traceback__)[-4:]
            line["error"] = type(error).__name__
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        return json.dumps(line, default=str)


def repeat_filter(clock: Callable[[], float]) -> Callable[[logging.LogRecord], bool]:
    """Return a filter that passes a warning once in QUIET_SECONDS; the next one has the number `held_back` meanwhile.

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
