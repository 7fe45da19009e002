"""Time ranges whose pages contradict each other are read in halves, down to what a single answer holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from source_dialpad.errors import system_error

Row = dict[str, Any]


class InconsistentPages(Exception):  # noqa: N818  # no error yet: shorter ranges may do
    """The pages of a range contradict each other: rows came, went or changed places between two answers."""


class TimeRange(NamedTuple):
    """Milliseconds since 1970 UTC; `start` is inclusive, `end` exclusive."""

    start: int
    end: int

    def halves(self, tick: int = 1) -> tuple[TimeRange, ...]:
        """The two halves, which meet at a whole `tick`; none where the range cannot be cut."""
        middle = max((self.start + self.end) // 2, self.start + tick) // tick * tick
        if not self.start < middle < self.end:
            return ()
        return TimeRange(self.start, middle), TimeRange(middle, self.end)


def read_in_halves(
    read: Callable[[TimeRange], Iterator[Row]],
    time_range: TimeRange,
    halves: Callable[[TimeRange], tuple[TimeRange, ...]],
    context: str,
) -> Iterator[Row]:
    """The rows of a range; where `read` raises `InconsistentPages`, those of its halves.

    Rows that were emitted before the contradiction was noticed come again, under the same keys.
    """
    parts: tuple[TimeRange, ...] = ()
    try:
        yield from read(time_range)
    except InconsistentPages:
        parts = halves(time_range)
        if not parts:
            raise system_error(
                f"{context}: the API pages through the rows of one moment ({time_range.start} to {time_range.end} in "
                "milliseconds) in a way that cannot be followed: rows come again, or are missing, where two pages "
                "meet. A smaller time range cannot be asked for."
            ) from None
    for part in parts:
        yield from read_in_halves(read, part, halves, context)


class PageDuplicates:
    """Tells rows with the same key apart by an ordinal, within one time range.

    Equal rows of one answer are duplicates. A row that was on an earlier page has been pushed along by others, which
    cannot be told from a duplicate: the pages are inconsistent.
    """

    def __init__(self) -> None:
        self._page = 0
        self._page_of: dict[str, int] = {}
        self._overlap = ""
        self._ordinals: dict[str, int] = {}

    def next_page(self, overlap: str = "") -> None:
        """Begins a page; a row with the key `overlap` may be on it although it was on the page before."""
        self._page += 1
        self._overlap = overlap

    def ordinal(self, key: str) -> int:
        """How many rows of this key came before."""
        page = self._page_of.get(key)
        self._page_of[key] = self._page
        if page is None:
            return 0
        if page != self._page and key != self._overlap:
            raise InconsistentPages
        self._ordinals[key] = ordinal = self._ordinals.get(key, 0) + 1
        return ordinal
