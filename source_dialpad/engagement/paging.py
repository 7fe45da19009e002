"""Pages of messages: `limit` and `offset` are named by the article and explained nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from source_dialpad.engagement.unit import Message
from source_dialpad.sync.halving import InconsistentPages

PAGE = 1000
"""Messages asked for at once: memory stays bounded, and a page longer than this shows that `limit` is ignored."""

FEW = 20
"""Messages of the smallest range that are believed to be all: no server cuts its pages shorter than this."""


class OffsetsUseless(InconsistentPages):
    """`offset` is ignored, or counts something else than messages; the first page was not handed on."""


class OverlapPaginator:
    """Leads through the pages of a time range, in one of two ways; which one is found out once and kept for the run.

    Each page is asked for from the last message of the page before, with which it has to begin. So the end of the
    messages is an answer of one message and never an empty one, and messages that come or go while paging are noticed.
    Where `offset` turns out to be useless, a range has to fit into one answer: one answer is one moment and needs no
    paging. Either way `InconsistentPages` asks for shorter ranges.
    """

    def __init__(self) -> None:
        self._offsets_work = True
        self._followed = False
        self._longest = 0

    def pages(
        self, fetch: Callable[[int], list[Message]], first: list[Message], *, smallest: bool
    ) -> Iterator[list[Message]]:
        """Each message once; `fetch` takes an offset, `first` is the page at 0, `smallest` a range without halves."""
        if not first:
            return
        if self._offsets_work:
            try:
                yield from self._overlapping(fetch, first)
            except OffsetsUseless:
                self._offsets_work = False
            else:
                return
        # a server may cut pages wherever it likes: what it cuts has one length, and what is shorter is whole
        if len(first) >= self._longest:
            self._longest = len(first)
            if not smallest or len(first) >= FEW:
                raise InconsistentPages
        yield first

    def _overlapping(self, fetch: Callable[[int], list[Message]], first: list[Message]) -> Iterator[list[Message]]:
        """The pages, each handed on when the next one is there.

        Where pages have followed each other before, a full one is handed on at once: one of them is in memory. Another
        may be the whole of its range, which is believed in any order.
        """
        count, last = len(first), dict(first[-1])  # whoever takes a page changes it
        at_once = self._followed and count >= PAGE
        if at_once:
            yield first
        page = fetch(max(count - 1, 1))
        if count == 1:  # there is no message before the last to begin with
            follows = not page
        else:
            in_another_order = not at_once and len(page) == 1 and page[0] in first
            follows = in_another_order or _begins_with(page, last)
        if not follows:
            self._followed = False
            raise OffsetsUseless if not at_once and (not page or page == first) else InconsistentPages
        if not at_once:
            yield first
        while len(page) > 1:
            self._followed = True
            del page[0]
            count, last = count + len(page), dict(page[-1])
            yield page
            page = fetch(count - 1)
            if not _begins_with(page, last):
                self._followed = False
                raise InconsistentPages


def _begins_with(page: list[Message], last: Message) -> bool:
    """Whether a page goes on from the last message of the one before.

    A page of nothing but that message, again and again, is what a server that ignores `offset` gives for ever.
    """
    return page[:1] == [last] and (len(page) == 1 or page[-1] != last)
