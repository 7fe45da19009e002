"""JSON answers: whatever the bytes, a value that goes out as JSON in UTF-8, or an error that says what came."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.sync.batches import BATCHES, batched
from source_dialpad.transport import guard
from source_dialpad.transport.requester import JsonCalls
from unit_tests.cases import every
from unit_tests.hostile.answering import Hostile, Reply, requester

if TYPE_CHECKING:
    from collections.abc import Iterator

MB = 1 << 20


def answer(reply: Reply) -> Any:
    return JsonCalls(requester("dialpad_lists_requester", Hostile(reply)))("users").value


def refused(reply: Reply) -> AirbyteTracedException:
    with pytest.raises(AirbyteTracedException) as error:
        answer(reply)
    assert str(error.value.message).startswith("users: ")
    return error.value


def test_an_answer_that_was_read_holds_its_body_no_longer() -> None:
    fetch, seen = requester("dialpad_lists_requester", Hostile(Reply(b'{"a": 1}'))), list[requests.Response]()
    ask = JsonCalls(fetch)
    fetch._http_client._session.hooks["response"].append(lambda response, *_, **__: seen.append(response))
    assert ask("users")[1:3] == ({"a": 1}, b'{"a": 1}')
    assert [response.content for response in seen] == [b""]


@every(
    ("body", "value"),
    [
        (rb'{"a": "half \ud83c of a pair"}', "half \ufffd of a pair"),
        (rb'{"a": "\udf89 \ud83c\udf89 \ud83c"}', "\ufffd 🎉 \ufffd"),
        (rb'{"a": "\\ud83c"}', "\\ud83c"),
        (b'{"a": "l\xe4nge"}', "l\ufffdnge"),
        (b'{"a": "\xed\xa0\xbd"}', "\ufffd\ufffd\ufffd"),
        (b'{"a": "two\nlines\tand \x01"}', "two\nlines\tand \x01"),
        (rb'{"a": "nul \u0000"}', "nul \x00"),
        (b'\xef\xbb\xbf{"a": "bom"}', "bom"),
        (b'{"a": NaN}', None),
        (b'{"a": -Infinity}', None),
        (b'{"a": [NaN, 18446744073709551615, -9223372036854775808]}', [None, 2**64 - 1, -(2**63)]),
        (b'{"a": [NaN, 18446744073709551616]}', [None, 2.0**64]),
        (b'{"a": 18446744073709551615}', 2**64 - 1),
        (b'{"a": 123456789012345678901234567890}', 123456789012345678901234567890.0),
    ],
)
def test_text_that_is_nearly_json_is_read_as_it_was_meant(body: bytes, value: object) -> None:
    assert answer(Reply(body)) == {"a": value}
    assert orjson.loads(orjson.dumps(answer(Reply(body)))) == {"a": value}


@every(
    "body",
    [
        b"",
        b"<html>",
        b'{"a": 1',
        b'{"a": "cut off',
        b"[" * 2000 + b"]" * 2000,
        b"[" * 1_000_000,
        b'{"a":' * 100_000,
        b"9" * 5000 + b"x",
        b"\xff\xfe{\x00}\x00",
        b"{}{}",
    ],
)
def test_what_is_no_json_is_an_error_and_no_empty_answer(body: bytes) -> None:
    error = refused(Reply(body))
    assert "not JSON" in str(error.message)
    assert len(str(error.message)) < 1000


@every("status", [200, 400, 401, 403, 404, 418, 500])
@every(
    "body",
    [
        b"[" * 60_000,
        b'"' + b"x" * 300_000,
        b'{"error":"text"}',
        b'{"error":{"message":[[1]]}}',
        b"[1]",
        b"null",
        b"\xff",
    ],
)
@every("name", ["dialpad_lists_requester", "messages_requester", "export_post_requester", "analytics_requester"])
def test_a_refusal_of_any_shape_is_one_bounded_error(name: str, status: int, body: bytes) -> None:
    ask = JsonCalls(requester(name, Hostile(Reply(body, status, {"Content-Type": "text/html; charset=idna"}))))
    try:
        ask("users", accept=(400,))
    except AirbyteTracedException as error:
        assert len(str(error.message)) < 1500  # noqa: PT017  # some of them are accepted
        assert len(str(error.internal_message)) < 200_000  # noqa: PT017


def test_an_endless_answer_is_refused_while_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LARGEST_ANSWER", 8 * MB)

    def endless() -> Iterator[bytes]:
        yield b"["
        while True:
            yield b"1," * 50_000

    hostile = Hostile(Reply(endless))
    ask = JsonCalls(requester("dialpad_lists_requester", hostile))
    with pytest.raises(AirbyteTracedException, match="more than 8 MB") as error:
        ask("users")
    assert error.value.failure_type == FailureType.system_error
    assert hostile.sent < 9 * MB
    assert len(hostile.asked) == 1


def test_a_bomb_behind_content_encoding_is_refused_while_it_unfolds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LARGEST_ANSWER", 8 * MB)
    bomb = gzip.compress(b"[" + b" " * (64 * MB) + b"]")
    with pytest.raises(AirbyteTracedException, match="more than 8 MB"):
        answer(Reply(bomb, headers={"Content-Encoding": "gzip"}))


def test_an_endless_refusal_is_read_for_its_first_words_only() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"<p>no</p>" * 1000

    hostile = Hostile(Reply(endless, 403))
    with pytest.raises(AirbyteTracedException):
        JsonCalls(requester("dialpad_lists_requester", hostile))("users")
    assert hostile.sent < MB


def test_an_answer_within_the_bound_is_whole() -> None:
    rows = [{"id": str(number), "text": "x" * 1000} for number in range(3000)]
    assert answer(Reply(gzip.compress(json.dumps(rows).encode()), headers={"Content-Encoding": "gzip"})) == rows


def test_a_row_deeper_than_json_can_be_written_is_an_error_of_its_stream() -> None:
    row: dict[str, Any] = {"id": "1", "deep": orjson.loads(b"[" * 1000 + b"]" * 1000)}
    BATCHES.open()
    try:
        with pytest.raises(AirbyteTracedException, match=r"users.*deep"):
            list(batched("users", None, iter([row])))  # type: ignore[arg-type]
    finally:
        BATCHES.close()


@every(
    ("body", "reason"),
    [
        (b'{"error": {"message": "limit is too large"}}', "(400): limit is too large"),
        (b'{"error": "limit is too large"}', "(400): {'error': 'limit is too large'}"),
        (b'["limit is too large"]', "(400): ['limit is too large']"),
        (b"null", "(400): no reason given"),
        (b"<p>limit is too large</p>", "(400): no reason given"),
    ],
)
def test_the_reason_of_a_refusal_is_shown_in_whatever_shape_it_comes(body: bytes, reason: str) -> None:
    error = refused(Reply(body, 400))
    assert reason in str(error.message)
    assert error.failure_type == FailureType.config_error
