"""Days are asked for as days back from today, and answers are cached: after midnight the same words mean other days.

Stats API page: an identical POST is answered with the earlier export for 3 hours, for 30 minutes where it is of today.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from integration_tests.faults import matrix
from integration_tests.faults.reading import Row, read, table
from integration_tests.faults.still_clock import NOON, still_clock

EVENING = NOON + timedelta(hours=11, minutes=15)
STREAMS = ["records_calls", "stats_calls_by_user"]


def rows(account: matrix.Account, stream: str) -> dict[tuple[Any, ...], Row]:
    outcome = read(account, matrix.config("dialpad"), [matrix.stream(stream)])
    assert outcome.ended_by is None
    return table(outcome.rows(stream), matrix.stream(stream))


@pytest.mark.parametrize("stream", STREAMS)
def test_a_sync_after_midnight_takes_no_export_of_the_evening_before(stream: str) -> None:
    with still_clock(EVENING):
        account = matrix.account()
        rows(account, stream)
        time.sleep(50 * 60)
        undisturbed = matrix.account()
        undisturbed.horizon = account.horizon
        assert rows(account, stream) == rows(undisturbed, stream)


def test_the_question_is_asked_once_in_other_words_and_not_waited_for() -> None:
    with still_clock(EVENING):
        account = matrix.account()
        rows(account, "records_calls")
        time.sleep(50 * 60)
        account.log.clear()
        rows(account, "records_calls")
        posts = [orjson.loads(each["body"]) for each in account.log if each["method"] == "POST"]
        assert all(body.get("is_today") is False or body["days_ago_start"] == 0 for body in posts)
        assert datetime.now(UTC) < EVENING + timedelta(minutes=55)
