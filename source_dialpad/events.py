"""Webhook events: what event_receiver kept, kind by kind, in the order it kept it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import snippet, system_error, transient_error
from source_dialpad.sync.cursor import WindowCursor
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.types import UNREADABLE, rfc3339_of

logger = logging.getLogger("airbyte")

PAGE = 1000
MAX_RESTARTS = 3  # so often a place that is gone is come back to by time in one sync
CALL_STEPS = ("started", "first_rang", "queued", "rang", "connected", "ended")
TIMES = {
    "call": ("event_timestamp", *(f"date_{step}" for step in CALL_STEPS)),
    "sms": ("event_timestamp", "created_date"),
    "agent_status": ("event_timestamp", "date"),
    "change_log": ("date",),
}
"""Times of a kind's events, milliseconds since 1970 UTC; each gets a sibling `<name>_time` as RFC 3339."""


@dataclass
class EventsRetriever(SliceRetriever):
    """The streams of events: every event of a `kind` from a time on, page after page, to the end of the log.

    A sync begins by time, since a saved place means nothing in another database, and goes on by place. A page shorter
    than asked for is the end: what comes later is the next sync's. States come on the way, since the log is in order.
    Where the place is gone (410: events were pruned, or the database was replaced or restored), reading goes on by the
    time of the last event. Events that were pruned before they were read are reported.
    """

    derived = frozenset(f"{name}_time" for names in TIMES.values() for name in names)

    kind: str = "call"

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[dict[str, Any]]:
        """The events, their payload's fields beside `event_id` and `received_at`."""
        reached = stream_slice.cursor_slice["start_time"]
        place: dict[str, Any] = {"received_after": reached}
        wanted = {"limit": PAGE, **({} if self.kind == "call" else {"kind": self.kind})}  # without a kind, it is call
        restarts = 0
        while True:
            answer = self.ask(context, stream_slice=stream_slice, params={**place, **wanted})
            if answer.status == requests.codes.gone:
                restarts += 1
                message = answer.value.get("message") if isinstance(answer.value, dict) else None
                reason = message or snippet(answer.content) or "it gave no reason."
                if "after" not in place or restarts > MAX_RESTARTS:
                    raise transient_error(f"{context}: event_receiver cannot read on: {reason} Run the sync again.")
                logger.warning("%s: %s Reading goes on with the events received from %s on.", context, reason, reached)
                place = {"received_after": reached}
                continue
            items, following = _page(answer, context)
            if "received_after" in place:
                _warn_of_pruned(answer.value.get("pruned_through"), reached, context)
            for item in items:
                reached = item["received_at"]
                yield self._row(item)
            if isinstance(self.cursor, WindowCursor):
                self.cursor.save_progress(stream_slice)
            if len(items) < PAGE or place.get("after") == following:
                return
            place = {"after": following}

    def _row(self, item: dict[str, Any]) -> dict[str, Any]:
        event = item["event"]
        row = {**event, "event_id": item["event_id"], "received_at": item["received_at"]}
        if self.kind in ("channel", "fax"):  # no public document shows their payload
            row["event"] = event
        for name in TIMES.get(self.kind, ()):
            row.pop(f"{name}_time", None)
            with suppress(KeyError, *UNREADABLE):
                row[f"{name}_time"] = rfc3339_of(event[name])
        return row


def _warn_of_pruned(pruned_through: Any, reached: str, context: str) -> None:
    if isinstance(pruned_through, str) and datetime.fromisoformat(pruned_through) > datetime.fromisoformat(reached):
        warning = (
            "%s: event_receiver has removed events received from %s to %s before they were read; they can no longer be "
            "had. Keep events longer than the longest pause between two syncs."
        )
        logger.warning(warning, context, reached, pruned_through)


def _page(answer: Answer, context: str) -> tuple[list[dict[str, Any]], str]:
    """The items of an answer, and the place behind them."""
    members = {"event": dict, "event_id": str, "received_at": str}
    with suppress(KeyError, TypeError):
        items, following = answer.value["items"], answer.value["next_cursor"]
        fits = isinstance(items, list) and isinstance(following, str)
        if fits and all(isinstance(item[name], kind) for item in items for name, kind in members.items()):
            return items, following
    seen = f"another shape than items and next_cursor: {snippet(answer.content)}"
    raise system_error(f"{context}: event_receiver answered with {seen}. Check event_receiver.base_url.")


def check_section(ask: Callable[[str], JsonCalls], _: Config, __: logging.Logger) -> None:
    """Asks for one event."""
    _page(ask("event_receiver_requester")("event_receiver", params={"limit": 1}), "event_receiver")
