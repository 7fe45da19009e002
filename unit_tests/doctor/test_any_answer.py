"""Whatever the two APIs that nobody has documented answer, each question has a finding, and no value is in any."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from doctor import analytics, engagement
from doctor.ask import Reply
from doctor.finding import Certainty

if TYPE_CHECKING:
    from types import ModuleType

NOW = int(time.time() * 1000)
MARK = "Qx7Zw"  # in every text
CONFIG = {
    "timezone": "UTC",
    "engagement": {"base_url": "https://engagement.example", "provider_id": "1020"},
    "analytics": {"base_url": "https://analytics.example"},
}
MEMBERS = (
    *("messages", "ts", "sessionid", "customersessionid", "timestamp", "topmatches", "error"),
    *("data", "meta", "next", "pageKey", "id", "filters", "filterAttribute", "aggregations", "measure", "value"),
    *("relatedRecordIds", "fields", "field", "name", "_type", "primaryTimestampField", "aggregates", MARK),
)
TEXTS = st.sampled_from(
    [MARK, f"/v1/{MARK}", f"https://{MARK}.example/{MARK}", f"{MARK} 11/20/2026", "Count", "ListField"]
)
TIMES = st.integers(NOW - 6 * 86_400_000, NOW - 700_000)
LEAVES = st.none() | st.booleans() | TEXTS | TIMES | st.integers(-9, 9) | st.floats(allow_nan=False)
VALUES = st.recursive(
    LEAVES, lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS), parts, max_size=5)
)
MESSAGE = st.fixed_dictionaries(
    {"ts": TIMES | TIMES.map(str) | VALUES},
    optional=dict.fromkeys(("sessionid", "customersessionid", "timestamp"), VALUES),
)
PAGES = st.lists(MESSAGE, max_size=6) | st.lists(MESSAGE, max_size=6).map(lambda messages: {"messages": messages})
FIELDS = VALUES | st.lists(st.fixed_dictionaries({"name": TEXTS, "field": VALUES}), max_size=3)
RECORD = st.fixed_dictionaries(
    {"primaryTimestampField": st.just({"timestamp": "2026-11-20T10:00:00.123Z"}) | VALUES, "fields": FIELDS}
)
META = st.fixed_dictionaries({"next": TEXTS | st.just("https://analytics.example/v1")}) | VALUES
ENTRY = st.fixed_dictionaries({"id": VALUES, "filters": VALUES, "aggregations": VALUES, "relatedRecordIds": VALUES})
LISTS = st.fixed_dictionaries(
    {"data": st.lists(st.one_of(RECORD, ENTRY, st.fixed_dictionaries({"value": VALUES})), max_size=6) | VALUES},
    optional={"meta": META, "pageKey": TEXTS},
)
STATUSES = st.sampled_from([200, 200, 200, 200, 200, 200, 201, 400, 401, 404, 429, 500, 0])


@dataclass
class Answering:
    """Gives the answers of a list in turn, again and again."""

    answers: list[tuple[int, Any]]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, requester: str, **request: Any) -> Reply:
        orjson.dumps(request)  # it can be sent
        status, value = self.answers[len(self.asked) % len(self.answers)]
        self.asked.append(request)
        window = request.get("body") or {}
        if "start" in window and status in (200, 201):  # or no unit would ever be found
            value = _in_window(value, window["start"], window["end"]) if window["start"] > NOW // 100 else []
        content = json.dumps(value).encode() if status else b""
        return Reply(
            status,
            {"X-RateLimit-Limit": MARK},
            value if status else None,
            content,
            0.1,
            None if 200 <= status < 300 else MARK,
        )


def _in_window(value: Any, start: int, end: int) -> Any:
    if isinstance(value, list):
        return [_in_window(part, start, end) for part in value]
    if isinstance(value, dict) and value.get("ts").__class__ is int:
        return {**value, "ts": start + value["ts"] % (end - start + 1)}
    return {name: _in_window(part, start, end) for name, part in value.items()} if isinstance(value, dict) else value


def _examine(probe: ModuleType, answers: list[tuple[int, Any]]) -> None:
    ask: Any = Answering(answers)
    found = list(probe.findings(ask, CONFIG))
    assert [finding.question for finding in found] == list(probe.DOUBTS)
    assert MARK.lower() not in repr([finding[:5] for finding in found]).lower()
    assert len(ask.asked) <= probe.cost(CONFIG).requests
    if all(status not in (200, 201, 400) for status, _ in answers):
        assert {finding.certainty for finding in found if finding.question != "what a 401 means"} == {
            Certainty.UNDECIDED
        }


@settings(max_examples=150)
@given(st.lists(st.tuples(STATUSES, PAGES | VALUES), min_size=1, max_size=12))
def test_of_messages(answers: list[tuple[int, Any]]) -> None:
    _examine(engagement, answers)


@settings(max_examples=150)
@given(st.lists(st.tuples(STATUSES, LISTS | VALUES), min_size=1, max_size=12))
def test_of_metrics_and_records(answers: list[tuple[int, Any]]) -> None:
    _examine(analytics, answers)
