"""Keys, derived columns and what becomes of senders."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from source_dialpad.engagement.messages import MessageRows, MessagesRetriever
from source_dialpad.manifest import composed_manifest
from source_dialpad.sync.halving import TimeRange

IDENTITY = ("sessionid", "ts", "sendertype", "workflownodeid")
ALWAYS = TimeRange(0, 2**60)

words = st.text(max_size=12)
messages = st.fixed_dictionaries(
    {"ts": st.integers(1_700_000_000_000, 1_700_000_000_003), "text": words},
    optional={
        "sessionid": st.one_of(st.none(), words, st.from_regex(r"-?[0-9]{1,19}\.[0-9]{1,3}", fullmatch=True)),
        "sendertype": st.sampled_from(["bot", "agent", "customer", None]),
        "workflownodeid": st.one_of(st.none(), words),
        "sendername": words,
    },
)


def rows(page: list[dict[str, Any]], identity: str = "keep") -> list[dict[str, Any]]:
    return list(MessageRows("1020", identity, ALWAYS, "milliseconds").page([dict(message) for message in page]))


def keys(page: list[dict[str, Any]]) -> list[str]:
    return [row["message_key"] for row in rows(page)]


def one(identity: str = "keep", **message: Any) -> dict[str, Any]:
    (row,) = rows([{"ts": 1_700_000_000_001, "sessionid": "12.10", **message}], identity)
    return row


@given(st.lists(messages, max_size=12))
def test_the_same_messages_have_the_same_keys(page: list[dict[str, Any]]) -> None:
    assert keys(page) == keys(page)


@given(st.lists(messages, max_size=12))
def test_each_message_of_a_window_has_a_key_of_its_own(page: list[dict[str, Any]]) -> None:
    assert len(set(keys(page))) == len(page)


@given(st.lists(messages, max_size=12), words)
def test_a_text_that_is_redacted_again_keeps_its_key(page: list[dict[str, Any]], text: str) -> None:
    assert keys([{**message, "text": text, "sendername": text} for message in page]) == keys(page)


@given(st.lists(messages, max_size=12).flatmap(lambda page: st.tuples(st.just(page), st.permutations(page))))
def test_another_order_gives_the_same_keys(pages: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    assert set(keys(pages[0])) == set(keys(pages[1]))


@given(messages, messages)
def test_different_messages_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = [(m.get(name) or "") for name in IDENTITY for m in (one,)] == [(other.get(name) or "") for name in IDENTITY]
    assert (keys([one]) == keys([other])) is same


def test_what_needs_no_second_look_is_written_whatever_came() -> None:
    theirs: dict[str, Any] = {name: {"not": ["ours"]} for name in MessagesRetriever.derived - {"ts"}}
    assert one(**theirs) == one()
    schema = composed_manifest()["schemas"]["messages"]["properties"]
    Draft7Validator({"properties": {name: schema[name] for name in MessagesRetriever.derived}}).validate(one())


def test_twins_of_one_millisecond_are_two_rows() -> None:
    twin = {"ts": 1, "sessionid": "1.1", "text": "Hello"}
    assert len(set(keys([twin, twin, twin]))) == 3


def test_a_session_is_a_conversation_and_a_segment() -> None:
    expected = {
        "12.10": ("12", 10),
        "12.1": ("12", 1),
        "3123456789012345678.11": ("3123456789012345678", 11),
        "-5.2": ("-5", 2),
        "a.b.3": ("a.b", 3),
        "12": ("12", None),
        "12.x": ("12", None),
        "12.": ("12", None),
        "12.99999999999999999999": ("12", None),
        None: (None, None),
        "": (None, None),
    }
    found = {session: one(sessionid=session) for session in expected}
    assert {session: (row["conversation_id"], row["segment"]) for session, row in found.items()} == expected


def test_created_at_is_the_instant_of_ts() -> None:
    assert one()["created_at"] == "2023-11-14T22:13:20.001+00:00"


def test_the_provider_stands_on_the_row() -> None:
    assert one()["provider_id"] == "1020"


def test_redacted_entities_are_named_once_each() -> None:
    expected = {
        "I am ****NAME**** from **GPE**": ["NAME", "GPE"],
        "****NAME**** and ****NAME****": ["NAME"],
        "***MONEY*** for ****LOYALTY_ID****": ["MONEY", "LOYALTY_ID"],
        "2 ** 3 and **bold**": [],
        "": [],
        None: [],
    }
    assert {text: one(text=text)["redacted_entities"] for text in expected} == expected


def test_a_sender_is_kept_hashed_or_dropped() -> None:
    expected = {"keep": "Ann@Example.com", "hash": hashlib.sha256(b"ann@example.com").hexdigest(), "drop": None}
    for column in ("sendername", "senderemail"):
        assert {setting: one(setting, **{column: "Ann@Example.com"})[column] for setting in expected} == expected
        assert {setting: one(setting, **{column: None})[column] for setting in expected} == dict.fromkeys(expected)


def test_the_key_does_not_tell_how_senders_are_treated() -> None:
    assert one("drop", sendername="Ann")["message_key"] == one("keep", sendername="Ann")["message_key"]
