"""What an answer may look like, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.engagement.messages import fetch_page, messages_of, of_provider
from source_dialpad.sync.halving import TimeRange
from source_dialpad.transport.requester import Answer, JsonCalls
from unit_tests.hostile.answering import Hostile, Reply, requester

MESSAGE = {"ts": 1, "sessionid": "12.10"}


def read(content: bytes) -> list[dict[str, Any]]:
    return messages_of(Answer(200, orjson.loads(content), content), "messages")


def test_every_documented_shape_is_read() -> None:
    envelope = {"messages": [MESSAGE]}
    for value in ([envelope], envelope, [MESSAGE], [{"messages": []}, envelope]):
        assert read(orjson.dumps(value)) == [MESSAGE], value


def test_nothing_found_is_no_message() -> None:
    empty: list[Any] = [[], {"messages": []}, [{"messages": []}]]
    for value in empty:
        assert read(orjson.dumps(value)) == [], value


OTHER_SHAPES: list[Any] = [
    None,
    {},
    [{}],
    "",
    0,
    True,
    [[]],
    [None],
    {"error": "busy"},
    {"messages": None},
    {"messages": {}},
    {"messages": [1]},
    {"messages": [], "error": "time-out"},
    [{"messages": []}, {"status": "partial"}],
    [MESSAGE, {"sessionid": "1.1"}],
    {"ts": 1},
]


def test_another_shape_is_an_error_and_not_no_messages() -> None:
    for value in OTHER_SHAPES:
        with pytest.raises(AirbyteTracedException, match="another shape than messages"):
            pytest.fail(f"{value} was read as {read(orjson.dumps(value))}")


def test_another_shape_that_comes_once_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    server = Hostile(Reply(b'{"status": "ok"}'), Reply(orjson.dumps([MESSAGE])))
    fetch = fetch_page(JsonCalls(requester("messages_requester", server)), of_provider("1020"), None, "messages")
    assert fetch("milliseconds", TimeRange(0, 2)) == [MESSAGE]


def test_another_shape_shows_its_first_200_characters() -> None:
    with pytest.raises(AirbyteTracedException) as raised:
        read(orjson.dumps({"error": "x" * 500}))
    assert raised.value.message
    assert 150 < raised.value.message.count("x") <= 200


def test_an_identifier_keeps_every_digit_it_was_written_with() -> None:
    numbers = ("12.10", "-3123456789012345678.1000", "3123456789012345678", "99999999999999999999999999")
    for written in (*numbers, '"12.10"'):
        content = f'[{{"ts": 1, "sessionid": {written}, "customersessionid" : {written}}}]'.encode()
        (message,) = read(content)
        assert (message["sessionid"], message["customersessionid"]) == (written.strip('"'), written.strip('"'))


def test_an_identifier_keeps_every_digit_beside_what_is_not_quite_json() -> None:
    written = b"-3123456789012345678.1000"
    for beside in (rb'"half \ud83c of a pair"', b"NaN", b'"a \x01 control character"', b'"l\xe4nge"'):
        body = b'[{"ts": 1, "text": ' + beside + b', "sessionid": 12.10, "customersessionid": ' + written + b"}]"
        ask = JsonCalls(requester("messages_requester", Hostile(Reply(body))))
        (message,) = messages_of(ask("messages"), "messages")
        assert (message["sessionid"], message["customersessionid"]) == ("12.10", written.decode()), beside


def test_a_text_that_speaks_of_identifiers_stays_as_it_is() -> None:
    said = 'he wrote "sessionid":12.10, and "sessionid" : 7'
    content = orjson.dumps([{"ts": 1, "sessionid": 12.5, "text": said}])
    assert read(content) == [{"ts": 1, "sessionid": "12.5", "text": said}]
