"""Messages that come, go and change while they are read."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from source_dialpad.engagement.messages import MessageRows
from source_dialpad.engagement.paging import PAGE, OverlapPaginator
from source_dialpad.sync.halving import InconsistentPages, TimeRange
from unit_tests.engagement.reading import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.server import FakeDialpad
    from unit_tests.engagement.reading import Account

ALWAYS = TimeRange(0, 2**60)


@pytest.mark.parametrize("order", ["ascending", "descending", "by_session"])
def test_messages_that_arrive_while_paging_double_and_lose_nothing(
    fake: FakeDialpad, account: Account, order: str
) -> None:
    end, whole = fake.horizon, identities(account.true_rows())
    fake.variants.choose({"order": order, "limit": "capped:7"})
    fake.horizon = end - 30 * 3600
    before = identities(account.true_rows())

    def arrive() -> None:
        fake.horizon = min(end, fake.horizon + 1200)

    rows = replace(account, before=arrive).messages()
    assert before <= identities(held(rows)) <= whole


def identities(rows: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """How often each message is there, whatever became of its text."""
    return Counter((row["sessionid"], row["ts"], row["sendertype"], row.get("workflownodeid")) for row in rows)


def message(ts: int, **more: Any) -> dict[str, Any]:
    return {"ts": ts, "sessionid": "12.10", "sendertype": "bot", "workflownodeid": "n", "text": str(ts), **more}


def read(serve: Callable[[int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    rows, offsets = MessageRows("1020", "keep", ALWAYS, "milliseconds"), OverlapPaginator()
    found: list[dict[str, Any]] = []
    for page in offsets.pages(serve, serve(0), smallest=False):
        found += rows.page(page)
    return found


def test_a_message_that_expires_while_paging_takes_no_other_with_it() -> None:
    kept = [message(ts) for ts in range(100, 112)]

    def serve(offset: int) -> list[dict[str, Any]]:
        page = [dict(row) for row in kept[offset : offset + 5]]
        if offset == 0:
            kept.pop(0)  # all others move up by one
        return page

    with pytest.raises(InconsistentPages):
        read(serve)


def test_a_message_that_arrives_before_the_page_is_noticed() -> None:
    kept = [message(ts) for ts in range(100, 112)]

    def serve(offset: int) -> list[dict[str, Any]]:
        page = [dict(row) for row in kept[offset : offset + 5]]
        if offset == 0:
            kept.insert(2, message(101, text="late"))
        return page

    with pytest.raises(InconsistentPages):
        read(serve)


def test_equal_times_whose_order_changes_between_pages_are_noticed() -> None:
    first = [message(1, text="a", sessionid="1.1"), message(1, text="b", sessionid="2.1"), message(1, sessionid="3.1")]
    second = [first[2], first[1], first[0]]

    def serve(offset: int) -> list[dict[str, Any]]:
        page = (second if offset else first)[offset : offset + 2]
        return [dict(row) for row in page]

    with pytest.raises(InconsistentPages):
        read(serve)


def test_twins_on_both_sides_of_a_page_are_two_rows() -> None:
    kept = [message(ts) for ts in (1, 2, 3, 3, 4)]
    rows = read(lambda offset: [dict(row) for row in kept[offset : offset + 3]])
    assert len({row["message_key"] for row in rows}) == len(rows) == 5


def test_a_short_page_is_not_taken_for_the_last() -> None:
    kept = [message(ts) for ts in range(50)]
    assert len(read(lambda offset: [dict(row) for row in kept[offset : offset + 4]])) == 50


def test_an_empty_answer_behind_a_page_proves_nothing() -> None:
    with pytest.raises(InconsistentPages):
        read(lambda offset: [] if offset else [message(1), message(2)])


def test_no_messages_are_no_messages() -> None:
    assert read(lambda offset: []) == []


def test_once_pages_have_followed_each_other_no_two_of_them_are_in_memory() -> None:
    kept, given, held_back = [message(ts) for ts in range(5 * PAGE)], list[list[dict[str, Any]]](), list[int]()

    def serve(offset: int) -> list[dict[str, Any]]:
        held_back.append(sum(map(len, given)))
        given.append([dict(row) for row in kept[offset : offset + PAGE]])
        return given[-1]

    assert [row["ts"] for row in read(serve)] == [each["ts"] for each in kept]
    assert held_back == [0, PAGE] + [0] * (len(held_back) - 2)


def test_a_page_waits_for_the_one_behind_it_again_when_one_did_not_follow() -> None:
    kept, offsets = [message(ts) for ts in range(3 * PAGE)], OverlapPaginator()

    def serve(offset: int) -> list[dict[str, Any]]:
        return [dict(row) for row in kept[offset : offset + PAGE]]

    def pages_of(serve: Callable[[int], list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
        return offsets.pages(serve, serve(0), smallest=False)

    assert sum(map(len, pages_of(serve))) == 3 * PAGE
    strayed = pages_of(lambda _: serve(0))
    assert next(strayed) == serve(0)
    for pages in (strayed, pages_of(lambda _: serve(0))):
        with pytest.raises(InconsistentPages):  # the stretch is read in halves
            next(pages)


def test_an_empty_answer_behind_a_page_that_was_handed_on_loses_nothing() -> None:
    kept, offsets = [message(ts) for ts in range(2 * PAGE)], OverlapPaginator()

    def serve(offset: int) -> list[dict[str, Any]]:
        return [dict(row) for row in kept[offset : offset + PAGE]]

    assert sum(map(len, offsets.pages(serve, serve(0), smallest=True))) == 2 * PAGE
    pages = offsets.pages(lambda _: [], serve(0), smallest=True)
    next(pages).clear()
    with pytest.raises(InconsistentPages):
        next(pages)


def test_a_message_of_any_depth_is_read() -> None:
    deep: list[Any] = []
    for _ in range(2000):
        deep = [deep]
    kept = [message(ts, topmatches=deep) for ts in range(2 * PAGE)]
    assert len(read(lambda offset: [dict(row) for row in kept[offset : offset + PAGE]])) == 2 * PAGE


@pytest.mark.timeout(20)
def test_twins_alone_behind_an_ignored_offset_come_once() -> None:
    def duplicates(_: int) -> list[dict[str, Any]]:
        return [message(1), message(1)]

    assert list(map(len, OverlapPaginator().pages(duplicates, duplicates(0), smallest=True))) == [2]


@pytest.mark.timeout(20)
def test_twins_alone_come_to_an_end_though_offsets_were_kept_before() -> None:
    kept, offsets = [message(ts) for ts in range(5)], OverlapPaginator()
    few = offsets.pages(lambda offset: kept[offset : offset + 3], kept[:3], smallest=True)
    assert sum(map(len, few)) == 5
    duplicates = offsets.pages(lambda _: [message(1), message(1)], [message(1), message(1)], smallest=True)
    assert list(map(len, duplicates)) == [2]
