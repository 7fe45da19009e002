"""Call events: what call_receiver kept, in the order it kept it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.components.errors import excerpt, system_error
from source_dialpad.components.retrieval import SliceRetriever
from source_dialpad.components.rows import rfc3339_of

PAGE = 1000

TIMES = (
    "event_timestamp",
    "date_started",
    "date_first_rang",
    "date_queued",
    "date_rang",
    "date_connected",
    "date_ended",
)
"""Times of an event, milliseconds since 1970 UTC; each gets a sibling `<name>_time` as RFC 3339."""


@dataclass
class CallEventsRetriever(SliceRetriever):
    """The stream `call_events`: every event from a time on, page after page, to the end of the log."""

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[dict[str, Any]]:
        """The events, their payload's fields beside `event_id` and `received_at`."""
        params: dict[str, Any] = {"received_after": stream_slice.cursor_slice["start_time"]}
        while True:
            answer = self.ask(where, stream_slice=stream_slice, params={**params, "limit": PAGE})
            value = answer.value
            if not isinstance(value, dict) or not isinstance(value.get("items"), list) or "next_cursor" not in value:
                raise system_error(
                    f"{where}: call_receiver answered with another shape than items and next_cursor: "
                    f"{excerpt(answer.content)}. Check call_receiver.base_url."
                )
            for item in value["items"]:
                yield _row(item)
            if not value["items"] or params.get("after") == value["next_cursor"]:
                return
            params = {"after": value["next_cursor"]}


def _row(item: dict[str, Any]) -> dict[str, Any]:
    event = item["event"]
    row = {**event, "event_id": item["event_id"], "received_at": item["received_at"]}
    for name in TIMES:
        if event.get(name) is not None:
            try:
                row[f"{name}_time"] = rfc3339_of(event[name])
            except (ValueError, OverflowError):
                row[f"{name}_time"] = None
    return row
