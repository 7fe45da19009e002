"""Whatever the fake makes of the article's doubts, the rows are the account's own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.variants import CHOICES
from unit_tests.engagement.reading import asked, canonical, held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_dialpad.server import FakeDialpad
    from unit_tests.engagement.reading import Account

UNITS = (("milliseconds", "yes"), ("seconds", "yes"), ("seconds", "no"))
LIMITS = ("honoured", "ignored", "capped:7")


def combinations() -> Iterator[dict[str, str]]:
    """Unit, limit, offset and order in every combination; the other variants take turns."""
    others = itertools.cycle(itertools.product(*(CHOICES[name] for name in ("envelope", "ends", "status", "ids"))))
    for (unit, enforced), limit, offset, order in itertools.product(UNITS, LIMITS, CHOICES["offset"], CHOICES["order"]):
        envelope, ends, status, ids = next(others)
        yield {
            "epoch_unit": unit,
            "epoch_unit_enforced": enforced,
            "limit": limit,
            "offset": offset,
            "order": order,
            "envelope": envelope,
            "ends": ends,
            "status": status,
            "ids": ids,
        }


ALL = list(combinations())
HARD = [each for number, each in enumerate(ALL) if number % 9 == 0]


@pytest.mark.slow
def test_the_messages_are_those_of_the_account(fake: FakeDialpad, account: Account) -> None:
    def differ(chosen: dict[str, str]) -> bool:
        fake.variants.choose(chosen)
        return canonical(held(account.messages())) != account.truth()

    assert [chosen for chosen in ALL if differ(chosen)] == []


def test_no_key_stands_for_two_messages(fake: FakeDialpad, account: Account) -> None:
    def share_keys(chosen: dict[str, str]) -> bool:
        fake.variants.choose(chosen)
        return len({row["message_key"] for row in account.messages()}) != len(account.truth())

    assert [chosen for chosen in HARD if share_keys(chosen)] == []


def test_the_sessions_hold_the_same_messages(fake: FakeDialpad, account: Account) -> None:
    def differ(chosen: dict[str, str]) -> bool:
        fake.variants.choose(chosen)
        return canonical(held(account.session_messages())) != account.truth("customer_session_messages")

    assert [chosen for chosen in HARD if differ(chosen)] == []


def test_the_keys_do_not_depend_on_the_variant(fake: FakeDialpad, account: Account) -> None:
    expected = {row["message_key"] for row in account.messages()}
    fake.variants.choose({"epoch_unit": "seconds", "offset": "pages", "limit": "capped:7", "ids": "number"})
    assert {row["message_key"] for row in account.messages()} == expected


def test_both_streams_give_a_message_the_same_key(account: Account) -> None:
    assert {row["message_key"] for row in account.session_messages()} == {
        row["message_key"] for row in account.messages()
    }


@pytest.mark.parametrize("chosen", [{}, {"offset": "ignored"}, {"epoch_unit": "seconds"}], ids=str)
def test_no_window_is_longer_than_seven_days(fake: FakeDialpad, account: Account, chosen: dict[str, str]) -> None:
    fake.variants.choose(chosen)
    account.session_messages()
    tick = 1000 if chosen.get("epoch_unit") == "seconds" else 1
    spans = [body["end"] - body["start"] for body in asked(fake)][3 if chosen.get("epoch_unit") else 0 :]
    assert max(spans) * tick <= 7 * 86_400_000


def test_no_window_ends_after_now(fake: FakeDialpad, account: Account) -> None:
    account.messages()
    assert max(body["end"] for body in asked(fake)) <= fake.time() * 1000


def test_numbers_of_the_request_are_numbers(fake: FakeDialpad, account: Account) -> None:
    account.messages()
    body: dict[str, Any] = next(iter(asked(fake)))
    assert {type(body[name]) for name in ("providerId", "start", "end", "limit", "offset")} == {int}


def test_the_provider_stands_in_the_query_too(fake: FakeDialpad, account: Account) -> None:
    account.messages()
    assert {entry["query"] for entry in fake.log} == {"providerid=1020"}


def test_a_cap_is_found_out_though_offset_is_ignored(fake: FakeDialpad, account: Account) -> None:
    fake.variants.choose({"limit": "capped:20", "offset": "ignored"})
    assert canonical(held(account.messages())) == account.truth()
