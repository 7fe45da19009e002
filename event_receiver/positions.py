"""Positions and times as GET /events takes and gives them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from event_receiver.errors import RefusedError
from event_receiver.store import Page

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Position(NamedTuple):
    """A place in the order of one kind; its text is what a reader saves and sends back.

    `received_at` is that of the event there, 0 if unknown: after a backup was restored, another event may stand there.
    """

    store_id: str
    kind: str
    position: int
    received_at: int = 0

    def __str__(self) -> str:
        return "-".join(map(str, self))


def parse_position(text: str, store_id: str, kind: str) -> Position:
    """Return the position of a text; RefusedError if it is none, of another kind (400) or of another store (410)."""
    match = re.fullmatch(r"(\w+)-(\w+)-(\d{1,18})-(\d{1,18})", text, re.ASCII)  # 18 digits fit into 64 bits
    if match is None or match[2] != kind:
        text = f"after must be a next_cursor or position of the same kind ({kind}), unchanged."
        raise RefusedError(400, "cursor_malformed", text)
    if match[1] != store_id:
        text = "The cursor comes from another database. Begin again without after."
        raise RefusedError(410, "cursor_of_another_store", text, pruned_through=None)
    return Position(store_id, kind, int(match[3]), int(match[4]))


def check_position(after: Position, page: Page) -> None:
    """Refuse to read on from a place whose successors are gone, or that never was: events would be left out unseen."""
    there = page.after_received_at
    if after.position > page.last_position or (after.received_at and there and after.received_at != there):
        text = "The database was restored from a backup older than the cursor. Begin again without after."
        raise RefusedError(410, "cursor_ahead", text, pruned_through=pruned_through(page))
    if after.position < page.pruned:
        text = "Events after this cursor have been pruned. Begin again without after."
        raise RefusedError(410, "events_pruned", text, pruned_through=pruned_through(page))


def pruned_through(page: Page) -> str | None:
    """Return the `received_at` of the newest event of the kind that was pruned, None if none was."""
    return None if page.pruned_received_at is None else time_text(page.pruned_received_at)


def time_text(microseconds: int) -> str:
    """Return a `received_at` as RFC 3339 in UTC, always with six digits of the second: texts sort like times."""
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> int:
    """Return microseconds since 1970 UTC; RefusedError 400 if the text is not a time with an offset."""
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError) as error:  # TypeError: without an offset
        message = "received_after must be a time with an offset (RFC 3339), such as 2026-05-01T00:00:00Z;"
        raise RefusedError(400, "received_after_malformed", f"{message} in a URL, + must be written %2B.") from error
