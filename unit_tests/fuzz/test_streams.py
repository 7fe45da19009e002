"""Every family of streams, against answers that are nearly right: rows that are JSON, or one error of ours."""

from __future__ import annotations

import json
import time
import types
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
import requests
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.models import AirbyteMessage, AirbyteRecordMessage, Type
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st

from source_dialpad.source import SourceDialpad
from source_dialpad.stats import jobs, quota
from source_dialpad.sync.batches import _serialize
from source_dialpad.transport.shared import forget_findings
from unit_tests.fuzz.strategies import csv_bytes, examples, json_bytes
from unit_tests.hostile.answering import CONFIG, Hostile, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAY = 1788300000000
"""A millisecond of 2026-09-01."""

MESSAGE = {
    "ts": DAY, "sessionid": "ab.1", "customersessionid": "cs1", "sendertype": "customer", "sendername": "Ada",
    "senderemail": "ada@example.com", "text": "mail me at ****EMAIL****", "workflownodeid": "n1",
}  # fmt: skip
ENTRY = {
    "id": "m1", "title": "Calls", "aggregations": [{"measure": "Count"}],
    "filters": [{"filterAttribute": "channel", "isRequired": False}],
}  # fmt: skip
RECORD = {
    "primaryTimestampField": {"name": "createdAt", "timestamp": "2026-09-01T10:00:00Z"},
    "fields": [
        {"name": "channel", "field": {"value": "phone", "label": "Phone"}},
        {"name": "tags", "field": {"values": [{"value": "a", "label": "A"}]}},
    ],
    "value": {"value": 1},
}  # fmt: skip
USER = {
    "id": 1, "display_name": "Ada", "emails": ["ada@example.com"], "date_added": "2026-09-01T10:00:00",
    "state": "active", "office_id": 2, "group_details": [{"group_id": 1, "role": "admin"}],
}  # fmt: skip
CALL = {
    "call_id": 1, "date_started": DAY, "state": "hangup", "contact": {"id": 1, "name": "Ada"}, "target": {},
    "labels": [], "recording_details": [{"id": "r", "duration": 1.5, "start_time": DAY}],
}  # fmt: skip
LEGS = {"items": [{"call_id": 1, "date_started": DAY, "date_connected": DAY, "target": {"id": 5}}], "cursor": ""}
TRANSCRIPT = {
    "call_id": 1,
    "lines": [
        {"time": "2026-09-01T10:00:00.5", "type": "transcript", "name": "Ada", "content": "Hello", "user_id": "5"},
        {"time": "2026-09-01T10:00:00.5", "type": "moment", "name": "Ada", "content": "whole_call_summary"},
    ],
}  # fmt: skip
RECAP = {
    "call_id": "1", "date_created": DAY, "summary": {"id": "s", "content": "All is well.", "edited": False},
    "action_items": [{"id": "a", "content": "Call back"}], "purposes": [], "disposition": {"content": "Resolved"},
}  # fmt: skip
EVENT = {
    "event_id": "e1", "received_at": "2026-09-01T10:00:00.000000Z", "position": "s-1",
    "event": {"call_id": 1, "state": "hangup", "date_started": DAY},
}  # fmt: skip

ANALYTICS = {
    "GET /v1/analytics/metrics": {"data": [ENTRY], "meta": {"next": None}},
    "GET /v1/analytics/records": {"data": [ENTRY], "meta": {}},
    "GET /v1/analytics/filter/channel": {"data": [{"value": "phone", "label": "Phone"}], "meta": {}},
    "GET /v1/analytics/metrics/m1": {"data": ENTRY},
    "GET /v1/analytics/records/m1": {"data": ENTRY},
    "POST /v1/analytics/metrics": {
        "data": {"id": "m1", "aggregates": [{"_type": "Long", "measure": "Count", "value": 1}]}
    },
    "POST /v1/analytics/records": {"data": [RECORD], "meta": {"next": "/v1/analytics/records?pageKey=a"}},
}

SAMPLES: dict[str, Mapping[str, Any]] = {
    "messages": {"": [{"messages": [MESSAGE]}]},
    "customer_session_messages": {"": [{"messages": [MESSAGE]}]},
    "company": {"": {"id": 1, "name": "Company", "office_count": 2}},
    "users": {"": {"items": [USER], "cursor": "c1"}},
    "call_labels": {"": {"labels": ["a", "b"]}},
    "user_devices": {"GET /api/v2/users": {"items": [USER]}, "": {"items": [{"id": "d1", "type": "native"}]}},
    "calls": {"": {"items": [CALL], "cursor": ""}},
    "call_transcripts": {"GET /api/v2/call": LEGS, "": TRANSCRIPT},
    "call_recaps": {"GET /api/v2/call": LEGS, "GET /api/v2/transcripts/1": TRANSCRIPT, "": RECAP},
    "digital_sessions": {"": {"items": [{"session_id": "s", "created_at": "2026-09-01T10:00:00Z"}], "cursor": ""}},
    "analytics_metrics": ANALYTICS,
    "analytics_record_descriptions": ANALYTICS,
    "analytics_filter_values": ANALYTICS,
    "analytics_metric_data": ANALYTICS,
    "analytics_record_data": ANALYTICS,
    "call_events": {"": {"items": [EVENT], "next_cursor": "s-1"}},
}

MOST_REQUESTS = 3000
"""An answer that is given for ever leads to fewer requests than this, or to an error."""


class EndlessError(BaseException):
    """More requests than any stream needs for one partition."""


@cache
def definitions() -> dict[str, Any]:
    """The manifest's streams by name, references resolved."""
    groups = SourceDialpad(config=CONFIG)._source_config["streams"]
    return {stream["name"]: stream for group in groups for stream in group["streams"]}


@cache
def source() -> SourceDialpad:
    """The source, whose factory builds streams with cursors of ours, and sends nothing twice."""
    dialpad = {**CONFIG["dialpad"], "export_window_days": 365, "aggregate_window": "month"}
    built = SourceDialpad(config={**CONFIG, "start_date": "2026-09-01", "dialpad": dialpad})
    built._constructor._disable_retries = True
    return built


def completed() -> dict[str, Any]:
    return dict(source()._config)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits end at once, and the clock of the exports goes on by them."""
    clock = [0.0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr(time, "sleep", lambda _: None)
    for module in (jobs, quota):
        monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: clock[0], sleep=sleep))
    monkeypatch.setattr(HttpAPIBudget, "acquire_call", lambda *_, **__: None)


def told(stream: str, hostile: Hostile) -> list[dict[str, Any]]:
    """The rows of a stream's first partitions; nothing but an error of ours may end them."""
    forget_findings(lasting=True)

    def send(_: Any, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        if len(hostile.asked) > MOST_REQUESTS:
            raise EndlessError
        return hostile.send(request, *args, **more)

    rows: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        built: Any = source()._constructor.create_component(DeclarativeStream, definitions()[stream], completed())
        try:
            for partition in islice(built.generate_partitions(), 2):
                for record in partition.read():
                    rows.append(dict(record.data))  # noqa: PERF401  # those before an error count as well
        except AirbyteTracedException as error:
            message = str(error.message)
            assert message.startswith(stream), message
            assert len(message) < 2500, message
    key = [path[0] if isinstance(path, list) else path for path in definitions()[stream]["primary_key"]]
    for row in rows:
        round_trips(stream, row, key)
    return rows


def round_trips(stream: str, row: dict[str, Any], key: list[str]) -> None:
    """In a batch and alone, a row is one line of JSON in UTF-8 that says the same; its key is there."""
    line = _serialize(row, stream)
    assert b"\n" not in line
    read = orjson.loads(line)
    message = AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=stream, data=row, emitted_at=1))
    alone = orjson.loads(AirbyteEntrypoint.airbyte_message_to_string(message).encode())["record"]["data"]
    assert json.dumps(alone, sort_keys=True) == json.dumps(read, sort_keys=True)
    assert all(read.get(name) is not None for name in key), (key, read)


@st.composite
def servers(draw: st.DrawFn, samples: Mapping[str, Any]) -> Hostile:
    """A server whose answers to one question are bent: two of them, one after the other, the second for ever."""
    replies: dict[str, list[Reply]] = {}
    bent = draw(st.sampled_from(sorted(samples)))
    for route, sample in samples.items():
        bodies = [draw(json_bytes(sample)) for _ in range(2)] if route == bent else [json.dumps(sample).encode()]
        status = draw(st.sampled_from([200] * 12 + [204, 400, 404, 302])) if route == bent else 200
        headers = {"Location": "/x"} if status == 302 else {}
        replies[route] = [Reply(body, status, headers) for body in bodies]
        if isinstance(sample, list):  # one that gave the same messages for every second would be asked for each
            replies[route] += [Reply(b"[]")]

    def answer(request: requests.PreparedRequest) -> Reply:
        left = replies.get(f"{request.method} {urlsplit(request.url or '').path}") or replies.get(
            "", [Reply(b"{}", 404)]
        )
        return left.pop(0) if len(left) > 1 else left[0]

    return Hostile(answer)


@pytest.mark.parametrize("stream", SAMPLES)
def test_a_sample_is_read_as_rows(stream: str) -> None:
    replies = {route: Reply(json.dumps(sample).encode()) for route, sample in SAMPLES[stream].items()}

    def answer(request: requests.PreparedRequest) -> Reply:
        asked = f"{request.method} {urlsplit(request.url or '').path}"
        if any(mark in (request.url or "") for mark in ("pageKey", "cursor=c1", "after=s-1")):
            return Reply(b'{"items": [], "data": [], "next_cursor": "s-1"}')
        if stream.endswith("messages"):
            body = json.loads(request.body or b"{}")
            query = dict(parse_qsl(urlsplit(request.url or "").query))
            start, end, offset = (int(body.get(name) or query.get(name) or 0) for name in ("start", "end", "offset"))
            return replies[""] if start <= DAY <= end and not offset else Reply(b"[]")
        return replies.get(asked) or replies.get("", Reply(b"{}", 404))

    assert told(stream, Hostile(answer))


@pytest.mark.parametrize(
    "entry",
    [
        {"title": "no id"},
        {"id": None},
        {"id": "m1", "filters": [None]},
        {"id": "m1", "filters": {"filterAttribute": "channel"}},
        {"id": "m1", "filters": [{"isRequired": False}]},
        {"id": "m1", "aggregations": [{}]},
        {"id": "m1", "aggregations": "Count"},
        {"id": "m1", "aggregations": [["measure"]]},
    ],
)
def test_an_entry_that_no_request_can_be_made_of_is_one_error(entry: object) -> None:
    answers = {**ANALYTICS, "GET /v1/analytics/metrics": {"data": [ENTRY, entry], "meta": {}}}

    def answer(request: requests.PreparedRequest) -> Reply:
        return Reply(json.dumps(answers[f"{request.method} {urlsplit(request.url or '').path}"]).encode())

    assert told("analytics_metric_data", Hostile(answer)) == []


@pytest.mark.parametrize("name", [["cs1"], {"id": "cs1"}, 17, True])
def test_a_session_whose_name_is_no_text_is_asked_for_by_its_json(name: object) -> None:
    asked: list[str] = []

    def answer(request: requests.PreparedRequest) -> Reply:
        body = json.loads(request.body or b"{}")
        query = dict(parse_qsl(urlsplit(request.url or "").query))
        asked.extend(query[key] for key in query if key == "customersessionid")
        start, end, offset = (int(body.get(part) or query.get(part) or 0) for part in ("start", "end", "offset"))
        found = [{"messages": [{**MESSAGE, "customersessionid": name}]}] if start <= DAY <= end and not offset else []
        return Reply(json.dumps(found).encode())

    assert told("customer_session_messages", Hostile(answer))
    assert set(asked) == {json.dumps(name, separators=(",", ":"))}


@pytest.mark.parametrize("stream", SAMPLES)
def test_a_nearly_right_answer_is_rows_or_one_clean_error(stream: str) -> None:
    @examples(3)
    @given(servers(SAMPLES[stream]))
    def run(hostile: Hostile) -> None:
        told(stream, hostile)

    run()


EXPORTS = ("records_calls", "records_texts", "records_recordings", "stats_calls_by_user", "stats_onduty")


def columns(stream: str) -> list[str]:
    return sorted(definitions()[stream]["schema_loader"]["schema"]["properties"])


@pytest.mark.parametrize("stream", EXPORTS)
def test_a_file_of_any_bytes_is_rows_or_one_clean_error(stream: str) -> None:
    @examples(3)
    @given(
        st.lists(csv_bytes(columns(stream)), min_size=1, max_size=3),
        json_bytes({"request_id": "r1"}),
        json_bytes({"status": "complete", "download_url": "https://storage.example.org/a.csv?x=y"}),
    )
    def run(files: list[bytes], started: bytes, polled: bytes) -> None:
        answers: Iterator[bytes] = iter(files)

        def answer(request: requests.PreparedRequest) -> Reply:
            if request.method == "POST":
                return Reply(started)
            if "/api/v2/stats/" in (request.url or ""):
                return Reply(polled)
            return Reply(next(answers, files[-1]))

        told(stream, Hostile(answer))

    run()
