import io
import json
import logging

import pytest

from event_receiver import logs


class Log:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        logs.configure("info", stream=self.stream)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Log:
    return Log()


def test_a_log_line_is_one_json_object_with_time_level_and_fields(log: Log) -> None:
    logs.log(logging.WARNING, "refused", status=400, reason="not_json")
    line = log.lines()[0]
    assert str(line.pop("time")).endswith("+00:00")
    assert line == {"level": "warning", "message": "refused", "status": 400, "reason": "not_json"}


def test_an_error_is_logged_by_type_and_place_and_without_its_text(log: Log) -> None:
    try:
        int("+1 202 555 0102")
    except ValueError as error:
        logs.log(logging.ERROR, "fault", error=error)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert [(line["message"], line["error"]) for line in log.lines()] == [
        ("fault", "ValueError"),
        ("Exception in ASGI application", "ValueError"),
    ]
    assert "test_logs.py" in str(log.lines()[0]["at"])
    assert "555 0102" not in log.stream.getvalue()


def test_pythons_warnings_are_logged_as_json_too(log: Log) -> None:
    logging.getLogger("py.warnings").warning("%s", "somebody warns")
    assert log.lines()[0]["message"] == "somebody warns"
