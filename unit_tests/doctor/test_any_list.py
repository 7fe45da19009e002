"""Whatever Dialpad's lists, files and the receiver answer, each question has a finding, and no value is in any."""

from __future__ import annotations

import json
import time
import zlib
from contextlib import suppress
from datetime import date
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doctor import conversations, events, exports, lists
from doctor.ask import Reply
from doctor.exports import Exports, file_of
from doctor.reach import Reach, declared_streams, is_list

NOW = int(time.time() * 1000)
MARK = "Qx7ZwKv9Jp"
CONFIG = {
    "timezone": "America/New_York",
    "dialpad": {"base_url": "https://dialpad.example", "api_key": MARK, "targets": [], "office_id": None},
    "event_receiver": {"base_url": "https://receiver.example", "api_key": MARK},
}
NAMES = st.sampled_from(
    [
        *("items", "cursor", "users", "rooms", "labels", "id", "call_id", "target", "type", "state", "time", "lines"),
        *("date_started", "date_connected", "date_ended", "summary", "format", "created_at", "event", "content", MARK),
    ]
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from([MARK, f"1 {MARK}", "user"])
)
TIMES = st.integers(NOW - 9 * 86_400_000, NOW).map(str) | st.sampled_from(
    ["2026-11-20T10:15:30", "2026-11-20 10:15:30Z"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES | TIMES, lambda parts: st.lists(parts, max_size=3) | st.dictionaries(NAMES, parts, max_size=5)
)
LEG = st.fixed_dictionaries(
    {"call_id": LEAVES, "target": st.just({"type": "user"}) | VALUES},
    optional=dict.fromkeys(("date_started", "date_connected", "date_ended"), TIMES),
)
PAGES = st.fixed_dictionaries({"items": st.lists(LEG | VALUES, max_size=4) | VALUES}, optional={"cursor": LEAVES})
ANSWERS = st.lists(
    st.tuples(st.sampled_from([200, 200, 200, 400, 403, 404, 0]), PAGES | VALUES), min_size=1, max_size=9
)


class Answering:
    """Gives the answers of a list in turn, again and again."""

    def __init__(self, answers: list[tuple[int, Any]]) -> None:
        self.answers, self.closed, self.too_many, self.asked = answers, dict[str, Any](), [True, False], 0

    def __call__(self, *_: Any, **__: Any) -> Reply:
        status, value = self.answers[self.asked % len(self.answers)]
        self.asked += 1
        return Reply(status, {}, value, json.dumps(value).encode(), 0.1, None if status == 200 else f"{MARK} {status}")


def shown(*parts: Any) -> str:
    return json.dumps([list(part) if not isinstance(part, dict) else part for part in parts]).lower()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANSWERS)
def test_of_lists_calls_and_events(answers: list[tuple[int, Any]]) -> None:
    ask: Any = Answering(answers)
    reach = Reach(ask, CONFIG)
    reach.lists()
    found = [*lists.findings(reach), *conversations.findings(reach), *events.findings(reach)]
    doubts = [*lists.DOUBTS, *conversations.DOUBTS, *events.DOUBTS]
    assert [finding.question for finding in found] == doubts
    assert MARK.lower() not in shown(found, reach.reports)
    assert {name for name, stream in declared_streams().items() if is_list(stream)} <= reach.reports.keys()


CELLS = st.sampled_from(
    ["", "True", "false", "internal", "2026-11-20 10:15:30", "1", MARK, f'"{MARK}', "date", "message_id"]
)
LINES = st.lists(st.lists(CELLS, max_size=4).map(",".join), max_size=5).map("\r\n".join)
CONTENTS = LINES.map(str.encode) | LINES.map(lambda text: b"\xef\xbb\xbf" + text.encode()) | st.binary(max_size=60)
ZIPPED = CONTENTS.map(lambda content: zlib.compress(content, wbits=31)) | st.binary().map(
    lambda rest: b"\x1f\x8b" + rest
)


@settings(max_examples=100, deadline=None)
@given(st.lists(CONTENTS | ZIPPED, min_size=1, max_size=4), ANSWERS)
def test_of_files(contents: list[bytes], answers: list[tuple[int, Any]]) -> None:
    ask: Any = Answering(answers)
    reach = Reach(ask, CONFIG)
    reach.reports = {name: {"columns_seen": 1, "unknown": []} for name in exports.UNPUBLISHED}
    examined = Exports(reach)
    examined.closed_day = date(2026, 11, 20)
    for name, content in zip(
        ("records_calls", "records_texts", "stats_calls_by_user", "stats_texts"), contents, strict=False
    ):
        with suppress(*exports.UNREADABLE):
            examined.files[name, "day"] = file = file_of(content)
            reach.note(name, [], file.rows, columns=file.header)
    found = list(examined.findings())
    assert [finding.question for finding in found] == list(exports.DOUBTS)
    assert MARK.lower() not in shown(found, reach.reports)
