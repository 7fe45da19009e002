"""Logs: one JSON object a line on stderr, without phone numbers, names or secrets.

What is logged is chosen field by field. Texts of exceptions are left out because a library may quote a row or a body in
them.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO


def log(level: int, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """Log a message with fields; of an error, its type and where it arose."""
    logging.getLogger("event_receiver").log(level, message, exc_info=error, extra={"fields": fields})


def configure(level: str, *, stream: TextIO | None = None) -> None:
    """Send our logs, uvicorn's and Python's warnings to stderr (or `stream`) as JSON, from `level` up."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
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
