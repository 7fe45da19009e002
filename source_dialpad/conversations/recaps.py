"""AI recaps: the summary of a call, asked for only where the call's transcript says that there is one.

spec: scope `ai_recap`, 12 requests a minute and one in 5 seconds, so a sync asks for an hour of them at most. Days are
read newest first, as exports are (`sync.backfill`). Seen: 404 where a call has none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import ceil, inf
from typing import Final
from urllib.parse import quote

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.conversations.transcripts import ABSENT, NOT_READY, TranscriptsRetriever
from source_dialpad.errors import counted
from source_dialpad.sync.batches import Row
from source_dialpad.sync.cursor import PLANNED
from source_dialpad.sync.planner import LAG, PlannedWindow
from source_dialpad.sync.windows import DAY, midnight
from source_dialpad.transport.requester import JsonCalls, object_of
from source_dialpad.transport.times import zone_of

logger = logging.getLogger("airbyte")

RECAPS_A_SYNC: Final = 660  # an hour of them, at 11 a minute
SUMMARY: Final = "whole_call_summary"  # the moment of a transcript whose call has a recap


@dataclass
class RecapsRetriever(TranscriptsRetriever):
    """The stream `call_recaps`: the recaps of the legs whose transcript has the moment of a summary.

    They are asked for while the slices are cut, which takes none of the slots in which slices are read: a window after
    the other, so that other streams go on and a kill costs one window. A slice comes with its rows.
    """

    recap_requester: Requester

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ask_recap = JsonCalls(self.recap_requester)
        self._asked = self._absent = 0
        self.prepare_slices(self._prepared)

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Row]:  # noqa: ARG002  # asked for already
        """The recaps that came with the slice."""
        yield from stream_slice.extra_fields["rows"]

    def _prepared(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        """Each slice with its recaps: first what may have changed, newest first, then the days that were never read.

        Today, a day that is not settled and the look-back may have changed. They get what the others leave of
        `RECAPS_A_SYNC`, and a fifth of it at least. A full refresh asks for everything.
        """
        planned = list(slices)
        unread = [each for each in planned if not _may_have_changed(each)]
        changing = [each for each in planned if _may_have_changed(each)]
        for each in changing:
            each.extra_fields[PLANNED].done = each.extra_fields[PLANNED].reread
        windows: Iterable[tuple[StreamSlice, Iterable[Row]]] = ((each, self._summarized(each)) for each in unread)
        most = inf
        if not getattr(self.cursor, "full_refresh", False):
            windows, most = self._share(unread)
        for each in sorted(changing, key=lambda each: str(each.cursor_slice["first_day"]), reverse=True):
            if self._asked < most:
                yield self._with_rows(each, self._summarized(each), most)
        for each, legs in windows:
            yield self._with_rows(each, legs)
        if self._absent:
            logger.info("%s: no recap (404) for %d of %s.", self.name, self._absent, counted(self._asked, "call"))

    def _share(self, unread: list[StreamSlice]) -> tuple[list[tuple[StreamSlice, list[Row]]], int]:
        """The days that this sync reads, whole, with their legs, and how many recaps they leave of its share."""
        chosen: list[tuple[StreamSlice, list[Row]]] = []
        wanted, most = 0, RECAPS_A_SYNC - RECAPS_A_SYNC // 5
        for each in unread:
            legs = list(self._summarized(each))
            if chosen and wanted + len(legs) > most:  # a day that is too long for any sync is read by the one it begins
                break
            chosen.append((each, legs))
            wanted += len(legs)
        if chosen:
            logger.info("%s: asking for %s, 11 a minute.", self.name, counted(wanted, "recap"))
        if left := len(unread) - len(chosen):
            recaps, syncs = counted(left * wanted // len(chosen), "recap"), counted(ceil(left / len(chosen)), "sync")
            logger.info("%s: %s left, about %s, about %s.", self.name, counted(left, "day"), recaps, syncs)
        return chosen, RECAPS_A_SYNC - min(wanted, most)

    def _summarized(self, stream_slice: StreamSlice) -> Iterator[Row]:
        """`call_id` and `date_started` of the legs of a slice whose transcript tells of a recap."""
        zone, days = zone_of(self.config["timezone"]), stream_slice.cursor_slice
        start, after = date.fromisoformat(days["first_day"]), date.fromisoformat(days["last_day"]) + DAY
        end = min(midnight(after, zone), datetime.now(UTC) - LAG)
        for row in self.transcripts(midnight(start, zone), end, self.context(stream_slice)):
            if SUMMARY in row["moments"]:
                yield {name: row[name] for name in ("call_id", "date_started")}

    def _with_rows(self, stream_slice: StreamSlice, legs: Iterable[Row], most: float = inf) -> StreamSlice:
        """The slice with the recaps of its legs, as long as the sync has asked for fewer than `most`."""
        rows: list[Row] = []
        for leg in legs:
            if self._asked >= most:
                break
            rows += self._recap(leg, f"{self.context(stream_slice)}, call {leg['call_id']}")
        extra = {**stream_slice.extra_fields, "rows": rows}
        return StreamSlice(partition={}, cursor_slice=stream_slice.cursor_slice, extra_fields=extra)

    def _recap(self, leg: Row, context: str) -> list[Row]:
        path = f"call/{quote(leg['call_id'], safe='')}/ai_recap"
        answer = self._ask_recap(context, path=path, accept=(NOT_READY, ABSENT))
        self._asked += 1
        if answer.status in (NOT_READY, ABSENT):
            self._absent += 1
            return []
        recap = object_of(answer, context, "call_id")
        summary = recap.pop("summary", None)
        parts = summary if isinstance(summary, dict) else {"content": summary}
        columns = {"summary" if name == "content" else f"summary_{name}": value for name, value in parts.items()}
        return [{**recap, **columns, **leg}]


def _may_have_changed(stream_slice: StreamSlice) -> bool:
    window: PlannedWindow = stream_slice.extra_fields[PLANNED]
    return window.reread or (window.cursor_after is None and not window.history)
