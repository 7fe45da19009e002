"""What the user reads when a request fails: the stream, its window, what happened and the cure; once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_dialpad.errors import nearest
from unit_tests.cases import every
from unit_tests.core.fixtures import KEY, URL, dialpad
from unit_tests.core.reading import read

if TYPE_CHECKING:
    import requests_mock

CONFIG, TRANSIENT, SYSTEM = FailureType.config_error, FailureType.transient_error, FailureType.system_error
Fault = dict[str, Any]
REFUSED = requests.exceptions.ConnectionError(
    "HTTPConnectionPool(host='x'): Max retries: [Errno 111] Connection refused"
)
CASES: dict[str, tuple[Fault, FailureType, str]] = {
    "401": (
        {"status_code": 401, "json": {}},
        CONFIG,
        "Dialpad refused dialpad.api_key (401). A company key is made by",
    ),
    "403": ({"status_code": 403, "json": {}}, CONFIG, "Dialpad refuses this list to dialpad.api_key (403). It needs a"),
    "404": ({"status_code": 404, "text": "<html>"}, CONFIG, "(404): no reason given. Check dialpad.base_url."),
    "404 of Google's form": (
        {"status_code": 404, "json": {"error": {"message": "Nothing here"}}},
        CONFIG,
        "Dialpad does not know this address (404): Nothing here. Check dialpad.base_url.",
    ),
    "400": ({"status_code": 400, "json": {"error": {"message": "Bad limit"}}}, CONFIG, "request (400): Bad limit."),
    "400 as text": ({"status_code": 400, "text": "bad"}, CONFIG, "Dialpad refused the request (400): no reason given."),
    "400 of another form": ({"status_code": 400, "json": {"error": "bad"}}, CONFIG, "request (400): {'error': 'bad'}."),
    "400 as a list": ({"status_code": 400, "json": ["bad"]}, CONFIG, "Dialpad refused the request (400): ['bad']."),
    "429 for ever": (
        {"status_code": 429, "text": ""},
        TRANSIENT,
        f"{URL} refuses further requests (429, too many) after all retries; run the sync again later, or less often.",
    ),
    "429 with a long Retry-After": (
        {"status_code": 429, "text": "", "headers": {"Retry-After": "7200"}},
        TRANSIENT,
        f"{URL} wants to be left alone for 7200 s (Retry-After); run the sync again after that.",
    ),
    "503 for ever": (
        {"status_code": 503, "text": "<html>"},
        TRANSIENT,
        f"{URL} still answers 503 after all retries; run the sync again later.",
    ),
    "refused connection": (
        {"exc": REFUSED},
        TRANSIENT,
        f"{URL} cannot be reached, or breaks off its answers (ConnectionError); check the base URL and the network",
    ),
    "no answer": (
        {"exc": requests.exceptions.ReadTimeout("…")},
        TRANSIENT,
        "its answers (ReadTimeout); check the base",
    ),
    "a foreign certificate": (
        {"exc": requests.exceptions.SSLError("…")},
        CONFIG,
        f"{URL} shows a certificate that cannot be verified; check the base URL",
    ),
    "HTML with 200": (
        {"text": "<html>Sign in</html>"},
        SYSTEM,
        "something that is not JSON: <html>Sign in</html>. Check",
    ),
    "broken JSON": ({"text": '{"items": [{"id'}, SYSTEM, 'something that is not JSON: {"items": [{"id. Check'),
    "an empty body": ({"text": ""}, SYSTEM, "something that is not JSON: (an empty body). Check that the base URL"),
    "another shape": ({"json": {"ok": True}}, SYSTEM, 'another shape than items: {"ok": true}. Check'),
}
GIBBERISH = re.compile(r"Exhausted|Traced|Exception|HTTPConnectionPool|Errno|'GET' request|\{\}|see logs|\.\.|\. \.")


@every("name", CASES)
def test_a_failed_request_says_stream_window_and_cure(name: str, fetch: requests_mock.Mocker) -> None:
    fault, failure_type, text = CASES[name]
    fetch.get(f"{URL}/api/v2/call", **fault)
    out = read(dialpad(), "calls", state={"calls": {"date_started": "2026-01-01"}})
    assert out.records == []
    assert out.states[-1] == {"date_started": "2026-01-01"}
    for error in out.errors:
        message = str(error.message)
        assert re.match(r"calls \(20..-..-..T00:00:00\+00:00 to 20..-..-..T\S+\): ", message)
        assert text in message
        assert not GIBBERISH.search(message)
        assert KEY not in repr(error)
        assert error.failure_type == failure_type
    assert out.ended_by is not None
    assert out.ended_by.failure_type == failure_type
    assert not GIBBERISH.search(str(out.ended_by.message))


@every("name", CASES)
def test_a_failed_list_of_parents_says_stream_and_list(name: str, fetch: requests_mock.Mocker) -> None:
    fault, failure_type, text = CASES[name]
    fetch.get(f"{URL}/api/v2/channels", **fault)
    (error,) = read(dialpad(), "channel_members").errors
    assert str(error.message).startswith("channel_members (listing channels): ")
    assert text in str(error.message)
    assert error.failure_type == failure_type


def test_what_waiting_may_mend_decides_how_a_sync_with_several_failures_ends(fetch: requests_mock.Mocker) -> None:
    fetch.get(f"{URL}/api/v2/rooms", status_code=401, json={})
    fetch.get(f"{URL}/api/v2/channels", status_code=503, text="")
    fetch.get(f"{URL}/api/v2/offices", json={"ok": True})
    out = read(dialpad(), "rooms", "channels", "offices", "departments")
    assert set(out.of) == {"departments"}
    assert out.ended_by is not None
    assert out.ended_by.failure_type == TRANSIENT
    assert str(out.ended_by.message).startswith("3 streams were not read to the end: channels, offices, rooms. ")


def test_a_list_of_known_names_begins_with_the_nearest_and_says_how_many_it_leaves_out() -> None:
    assert nearest("fxxxxx", "abcdefgh") == "known: 'f', 'h', 'g', 'e', 'd', 'c' and 2 more"
    assert nearest("fxxxxx", "af") == "known: 'f', 'a'"
    assert nearest("csta", ["csat", "ratings", "closed"]) == "nearest: 'csat'"


def test_a_key_that_an_answer_repeats_is_masked(fetch: requests_mock.Mocker) -> None:

    fetch.get(f"{URL}/api/v2/rooms", status_code=400, json={"error": {"message": f"no {KEY}"}})
    update_secrets([KEY])
    try:
        out = read(dialpad(), "rooms")
    finally:
        update_secrets([])
    assert "no ****" in str(out.errors[0].message)
    assert KEY not in repr(out.errors) + str(out.ended_by)


def test_a_retry_after_is_obeyed_as_a_number_and_as_a_date(
    fetch: requests_mock.Mocker, no_waiting: list[float]
) -> None:
    for value in ("30", format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)):
        no_waiting.clear()
        refused = {"status_code": 429, "headers": {"Retry-After": value}}
        fetch.get(f"{URL}/api/v2/offices", [refused, {"json": {"items": [{"id": "1"}]}}])
        assert len(read(dialpad(), "offices").records) == 1
        assert [wait for wait in no_waiting if 28 <= wait <= 31], no_waiting
