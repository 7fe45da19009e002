"""Positions and times as GET /events takes and gives them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from event_receiver.errors import RefusedError
from event_receiver.store import Page

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of one kind; its text is what a reader saves and sends back.

    `received_at` is that of the event there, 0 if unknown: after a backup was restored, another event may stand there.
    """

    store_id: str
    kind: str
    position: int
    received_at: int = 0

    def __str__(self) -> str:
        return f"{self.store_id}-{self.kind}-{self.position}-{self.received_at}"


def parse_position(text: str, store_id: str, kind: str) -> Position:
    """Return the position of a text; RefusedError if it is none, of another kind (400) or of another store (410)."""
    parts = text.split("-")
    numbers = parts[2:]
    # Up to 18 digits fit into 64 bits.
    if len(parts) != 4 or not all(n.isdecimal() and n.isascii() and len(n) <= 18 for n in numbers):  # noqa: PLR2004
        raise RefusedError(400, "cursor_malformed", "after must be a next_cursor or position, unchanged.")
    if parts[1] != kind:
        raise RefusedError(400, "cursor_malformed", f"after must be a position of the same kind ({kind}).")
    if parts[0] != store_id:
        message = "The cursor comes from another database. Begin again without after."
        raise RefusedError(410, "cursor_of_another_store", message, pruned_through=None)
    return Position(store_id, kind, int(numbers[0]), int(numbers[1]))


def check_position(after: Position, page: Page) -> None:
    """Refuse to read on from a place whose successors are gone, or that never was: events would be left out unseen."""
    there = page.after_received_at
    if after.position > page.last_position or (after.received_at and there and after.received_at != there):
        message = "The database was restored from a backup older than the cursor. Begin again without after."
        raise RefusedError(410, "cursor_ahead", message, pruned_through=pruned_through(page))
    if after.position < page.pruned:
        message = "Events after this cursor have been pruned. Begin again without after."
        raise RefusedError(410, "events_pruned", message, pruned_through=pruned_through(page))


def pruned_through(page: Page) -> str | None:
    """Return the `received_at` of the newest event of the kind that was pruned, None if none was."""
    return None if page.pruned_received_at is None else time_text(page.pruned_received_at)


def time_text(microseconds: int) -> str:
    """Return a `received_at` as RFC 3339 in UTC, always with six digits of the second: texts sort like times."""
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> int:
    """Return microseconds since 1970 UTC; RefusedError 400 if the text is no time with an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = "received_after must be a time with an offset (RFC 3339), such as 2026-05-01T00:00:00Z;"
        raise RefusedError(400, "received_after_malformed", f"{message} in a URL, + must be written %2B.")
    return (moment - _EPOCH) // timedelta(microseconds=1)
