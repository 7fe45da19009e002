"""Days are asked for as days back from today, and answers are cached: after midnight the same words mean other days.

Stats API page: an identical POST is answered with the earlier export for 3 hours, for 30 minutes where it is of today.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from integration_tests.faults import matrix
from integration_tests.faults.reading import Row, read, table
from integration_tests.faults.still_clock import NOON, still_clock

if TYPE_CHECKING:
    from fake_dialpad.wire import Request

EVENING = NOON + timedelta(hours=11, minutes=15)
STREAMS = ["records_calls", "stats_calls_by_user"]


class Understanding(matrix.Account):
    """Knows two questions as the same one, however they are worded."""

    def _answer(self, request: Request) -> Any:
        if request.method == "POST" and request.path == "/api/v2/stats":
            body = orjson.loads(request.body)
            if body.get("is_today"):
                body = {name: value for name, value in body.items() if not name.startswith("days_ago")}
            else:
                body.pop("is_today", None)
            request.body = orjson.dumps(body)
        return super()._answer(request)


def rows(account: matrix.Account, stream: str) -> dict[tuple[Any, ...], Row]:
    outcome = read(account, matrix.config("dialpad"), [matrix.stream(stream)])
    assert outcome.ended_by is None
    return table(outcome.rows(stream), matrix.stream(stream))


@pytest.mark.parametrize("kind", [matrix.Account, Understanding])
@pytest.mark.parametrize("stream", STREAMS)
def test_a_sync_after_midnight_takes_no_export_of_the_evening_before(stream: str, kind: type[matrix.Account]) -> None:
    with still_clock(EVENING):
        account = matrix.account(kind)
        rows(account, stream)
        time.sleep(50 * 60)
        undisturbed = matrix.account()
        undisturbed.horizon = account.horizon
        assert rows(account, stream) == rows(undisturbed, stream)


def test_the_question_is_asked_once_more_in_other_words_and_not_waited_for() -> None:
    with still_clock(EVENING):
        account = matrix.account()
        rows(account, "records_calls")
        time.sleep(50 * 60)
        account.log.clear()
        rows(account, "records_calls")
        posts = [orjson.loads(each["body"]) for each in account.log if each["method"] == "POST"]
        asked_again = [body for body in posts if body.get("is_today") is False]
        assert len(asked_again) == 2, "two of the closed days had been asked for"
        assert datetime.now(UTC) < EVENING + timedelta(minutes=55)


def test_a_server_that_knows_the_other_words_is_waited_for_until_its_cache_is_empty() -> None:
    with still_clock(EVENING):
        account = matrix.account(Understanding)
        rows(account, "records_calls")
        time.sleep(50 * 60)
        rows(account, "records_calls")
        assert datetime.now(UTC) >= EVENING.replace(hour=3, minute=0) + timedelta(days=1)


def test_what_this_sync_has_asked_for_today_is_believed() -> None:
    with still_clock(EVENING + timedelta(minutes=50)):
        account = matrix.account()
        account.faults.add({"fault": "download_expired", "times": 1})
        rows(account, "records_calls")
        posts = [orjson.loads(each["body"]) for each in account.log if each["method"] == "POST"]
        assert [body for body in posts if "is_today" in body and "days_ago_start" in body] == []
