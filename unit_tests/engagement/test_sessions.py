"""Customer sessions: each asked for once, those of the windows or those configured."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from unit_tests.engagement.reading import asked, canonical, held

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.engagement.reading import Account


def requested(fake: FakeDialpad) -> Counter[str]:
    """How often each session was asked for."""
    return Counter(parse_qs(entry["query"])["customersessionid"][0] for entry in asked(fake, "RedactedMessages"))


@pytest.fixture(autouse=True)
def small_pages() -> None:
    """Pages as they are: a session fits in one."""


def test_each_session_is_asked_for_once_however_many_messages_name_it(fake: FakeDialpad, account: Account) -> None:
    account.session_messages()
    assert set(requested(fake).values()) == {1}


def test_the_sessions_are_those_the_messages_name(fake: FakeDialpad, account: Account) -> None:
    account.session_messages()
    assert set(requested(fake)) == {row["customersessionid"] for row in account.true_rows()}


def test_their_messages_are_the_account_s(account: Account) -> None:
    assert canonical(held(account.session_messages())) == account.truth("customer_session_messages")


def test_configured_sessions_are_the_only_ones(fake: FakeDialpad, account: Account) -> None:
    session = account.true_rows()[0]["customersessionid"]
    account.settings = {"customer_session_ids": [session]}
    rows = account.session_messages()
    assert set(requested(fake)) == {session}
    assert canonical(held(rows)) == canonical(r for r in account.true_rows() if r["customersessionid"] == session)


def test_an_unknown_session_is_empty(account: Account) -> None:
    account.settings = {"customer_session_ids": ["-4021.1187"]}
    assert account.session_messages() == []


def test_configured_sessions_need_no_list_of_messages(fake: FakeDialpad, account: Account) -> None:
    account.settings = {"customer_session_ids": ["-4021.1187"]}
    account.session_messages()
    assert list(asked(fake)) == []
