"""Bodies sent to event_receiver: kept and served as they came, or refused; never a fault, nor a log nobody can read."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import jwt
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_receiver.app import create_app
from source_dialpad.transport.requester import loaded
from unit_tests.fuzz.strategies import JUNK, bent, examples, json_bytes, spoilt
from unit_tests.receiver.conftest import clock, database, own_logging, store
from unit_tests.receiver.in_process import READ_KEY, SECRET, Clock, InProcess

if TYPE_CHECKING:
    from event_receiver.store import Store

__all__ = ["clock", "database", "own_logging", "store"]

EVENT = {"call_id": 1, "state": "hangup", "date_started": 1788300000000, "contact": {"name": "Ada", "phone": "+1415"}}
ENVELOPE = {"iat": 1_793_577_600, "exp": 1_793_577_900, **EVENT}
SEGMENT = st.binary(max_size=30).map(lambda part: base64.urlsafe_b64encode(part).rstrip(b"="))


PLACE = r"[0-9]{1,25}|.{0,5}-[0-9]{1,25}|[0-9]{4}-[0-9]{2}-[0-9]{2}T.{0,12}"
"""What a place or a time in the log may look like."""


def taken_or_refused(receiver: InProcess, body: bytes) -> None:
    """Answers the body, and everything that was kept can still be read."""
    answer = receiver.post(body)
    told = orjson.loads(answer.content)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500 or told["error"] == "secret_not_set", told
    if answer.status_code != 200:
        assert told["message"]
        return
    # What came goes out as it came, half a surrogate pair included: read it as the connector does.
    read = loaded(receiver.get("/events", limit=1000).content)
    assert any(item["event_id"] == told["event_id"] and isinstance(item["event"], dict) for item in read["items"])


def receiving(store: Store, **settings: Any) -> closing[InProcess]:
    """A receiver in process, closed at the end."""
    return closing(InProcess(create_app(store, read_key=READ_KEY, **settings)))


def test_any_body_is_kept_or_refused(store: Store, clock: Clock) -> None:
    with receiving(store) as receiver:

        @examples(60)
        @given(json_bytes(EVENT) | st.binary(max_size=80) | JUNK.map(lambda value: json.dumps(value).encode()))
        def run(body: bytes) -> None:
            taken_or_refused(receiver, body)

        run()


@st.composite
def tokens(draw: st.DrawFn) -> bytes:
    """Signed events, well signed or not, whole or not."""
    if draw(st.integers(0, 3)) == 0:
        return b".".join(draw(st.lists(SEGMENT, min_size=1, max_size=4)))
    claims = draw(bent(ENVELOPE))
    secret = draw(st.sampled_from([SECRET, SECRET, SECRET, "another-secret-that-is-long-enough-0123456789"]))
    payload = json.dumps(claims).encode()
    signed = draw(st.integers(0, 4)) > 0
    token = jwt.PyJWS().encode(payload, secret if signed else "", algorithm="HS256" if signed else "none")
    return draw(spoilt(token.encode()))


def test_any_token_is_kept_or_refused(store: Store, clock: Clock) -> None:
    with closing(
        InProcess(create_app(store, secrets=[SECRET], read_key=READ_KEY, clock=lambda: 1_793_577_600.0))
    ) as receiver:

        @examples(60)
        @given(tokens() | json_bytes(EVENT))
        def run(body: bytes) -> None:
            taken_or_refused(receiver, body)

        run()


@pytest.mark.parametrize("path", ["after", "received_after", "limit"])
def test_any_question_is_answered_or_refused(store: Store, clock: Clock, path: str) -> None:
    with receiving(store) as receiver:

        @examples(30)
        @given(
            st.text(max_size=30) | st.from_regex(r"[0-9]{1,25}|.{0,5}-[0-9]{1,25}|[0-9]{4}-[0-9]{2}-[0-9]{2}T.{0,12}")
        )
        def run(value: str) -> None:
            answer = receiver.get("/events", **{path: value.encode("utf-8", "replace").decode()})
            assert answer.status_code < 500, answer.text
            orjson.loads(answer.content)

        run()
