"""Where events are stored, in one order that every reader can follow without missing any.

A cursor over rows that several transactions write is safe only if rows become visible in the order of the cursor,
which a database's own sequence does not give (docs/events.md has a picture). Here a transaction first updates the
journal's one row, which locks it (in SQLite, the file), and learns the last position and `received_at`; it gives its
new events the next ones, writes the row back, and commits. Both databases make a transaction visible before they
release its locks, so the next writer, and every reader, sees all of it: the visible events are positions up to some n
with none missing, and n only grows. `received_at` is moved on by at least a microsecond, whatever the clock does, so it
orders events exactly as the position does. A replica replays commits in the same order.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, literal_column, or_, select, true, update

from event_receiver.database import EVENTS, JOURNAL, PRUNED, connect_lazily, parse_url, prepare
from event_receiver.delivery import Event
from event_receiver.kinds import KINDS, REPEAT_SECONDS

PRUNE_ROWS: Final = 5000
"""Rows one transaction of a prune removes, so that deliveries wait milliseconds for it."""

_CONTENT_DIGITS: Final = 48
"""Digits of an event_id that stand for the content, where the other 16 stand for the time."""


class KeptEvent(NamedTuple):
    """A stored event: `position` counts from 1 without holes, `received_at` is microseconds since 1970 UTC."""

    position: int
    event_id: str
    received_at: int
    payload: str


class Receipt(NamedTuple):
    """What became of a delivery: the identity of its event, and whether it is new."""

    event_id: str
    new: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some events of a kind in their order, and what the tables said at the same moment.

    `after_received_at` is the `received_at` of the event at the position read after (None: there is none), `pruned` and
    `pruned_received_at` are of the newest event of the kind that was pruned (0 and None: none was).
    """

    events: list[KeptEvent]
    last_position: int
    after_received_at: int | None
    pruned: int
    pruned_received_at: int | None


class Store:
    """Stores events in SQLite or Postgres. Safe to use from several threads, processes and machines.

    `clock` gives microseconds since 1970 and serves SQLite; Postgres brings its own clock, the same for all receivers.
    Every method may raise SQLAlchemyError when the database cannot be reached or does not accept the statement.
    """

    def __init__(self, database: str, *, clock: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        """Check the URL and set up the engine; nothing is opened yet. SettingError if the URL cannot be used."""
        self.url = parse_url(database)
        self._engine = connect_lazily(self.url)
        self._clock = clock
        self._store_id = ""
        self.close = self._engine.dispose

    @property
    def shared(self) -> bool:
        """Whether the database is a server of its own, which may be away for a while and come back."""
        return self.url.get_backend_name() != "sqlite"

    def __str__(self) -> str:
        """Name the database without its password."""
        return self.url.render_as_string(hide_password=True)

    def prepare(self) -> str:
        """Create or migrate the tables; return the id of this store. Several receivers may do so at once."""
        if not self._store_id:
            with self._engine.begin() as connection:
                self._store_id = prepare(connection)
        return self._store_id

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        """Store all events or none: on return they are durably on disk.

        Of two equal events in one call, the first is new and the second a repeat.
        """
        self.prepare()
        with self._engine.begin() as connection:
            position, last_received_at, now = self._take_turn(connection)
            received_at = max(now, last_received_at + 1)
            known = _known(connection, events, received_at)
            rows: list[dict[str, Any]] = []
            receipts: list[Receipt] = []
            for event in events:
                content = _content(event.kind, event.event_id)
                new = content not in known
                if new:
                    row: dict[str, Any] = {"kind": event.kind, "payload": event.payload}
                    row |= {"position": position + len(rows) + 1, "received_at": received_at + len(rows)}
                    time_digits = "" if KINDS[event.kind].has_own_time else f"{row['received_at']:016x}"
                    row["event_id"] = content + time_digits
                    known[content] = row["event_id"]
                    rows.append(row)
                receipts.append(Receipt(known[content], new=new))
            if rows:
                connection.execute(insert(EVENTS), rows)
                moved = {"last_position": rows[-1]["position"], "last_received_at": rows[-1]["received_at"]}
                connection.execute(update(JOURNAL).values(moved))
        return receipts

    def read(self, kind: str, *, after: int, limit: int) -> Page:
        """Return up to `limit` events of a kind whose position is greater than `after`.

        One statement, so that no commit or prune can come between the events and the rest of the page.
        """
        self.prepare()
        following = select(EVENTS).where(EVENTS.c.kind == kind, EVENTS.c.position > after)
        rows = following.order_by(EVENTS.c.position).limit(limit).subquery("following")
        before = select(EVENTS.c.received_at).where(EVENTS.c.position == after).scalar_subquery()
        statement = (
            select(JOURNAL.c.last_position, before, PRUNED.c.position, PRUNED.c.received_at, rows)
            .select_from(JOURNAL.outerjoin(PRUNED, PRUNED.c.kind == kind).outerjoin(rows, true()))
            .order_by(rows.c.position)
        )
        with self._engine.connect() as connection:
            answer: Sequence[Row[Any]] = connection.execute(statement).all()
        last_position, after_received_at, pruned, pruned_received_at = answer[0][:4]
        events = [
            KeptEvent(position, event_id, received_at, payload)
            for *_, position, event_id, _kind, received_at, payload in answer
            if position is not None
        ]
        return Page(events, last_position, after_received_at, pruned or 0, pruned_received_at)

    def position_before(self, received_at: int) -> int:
        """Return the position after which every event received at that time (microseconds) or later stands.

        Where there is no such event yet, it is the last position there is.
        """
        self.prepare()
        first = select(EVENTS.c.position).where(EVENTS.c.received_at >= received_at)
        with self._engine.connect() as connection:
            # The journal first: an event stored between the two statements is then found by the second.
            last_position: int = connection.scalars(select(JOURNAL.c.last_position)).one()
            position = connection.scalar(first.order_by(EVENTS.c.received_at).limit(1))
        return last_position if position is None else position - 1

    def check(self) -> None:
        """Return if the database answers and takes a write."""
        self.prepare()
        with self._engine.begin() as connection:
            # A change, since SQLite writes nothing of a row that stays as it is, even on a full disk.
            connection.execute(update(JOURNAL).values(last_received_at=JOURNAL.c.last_received_at + 1))

    def prune(self, before: int) -> int:
        """Remove events received before that time (microseconds since 1970); return how many. Positions are not reused.

        What was removed of each kind is recorded, so that a reader that was still behind is not left with a gap.
        """
        self.prepare()
        removed = PRUNE_ROWS
        total = 0
        while removed == PRUNE_ROWS:
            with self._engine.begin() as connection:
                self._take_turn(connection)
                oldest = select(EVENTS.c.position).where(EVENTS.c.received_at < before)
                positions = connection.scalars(oldest.order_by(EVENTS.c.received_at).limit(PRUNE_ROWS)).all()
                removed = len(positions)
                old = EVENTS.c.position <= max(positions, default=0)
                newest = select(EVENTS.c.kind, func.max(EVENTS.c.position), func.max(EVENTS.c.received_at)).where(old)
                for kind, position, received_at in connection.execute(newest.group_by(EVENTS.c.kind)).all():
                    connection.execute(delete(PRUNED).where(PRUNED.c.kind == kind))
                    row = {"kind": kind, "position": position, "received_at": received_at}
                    connection.execute(insert(PRUNED).values(row))
                connection.execute(delete(EVENTS).where(old))
            total += removed
        return total

    def _take_turn(self, connection: Connection) -> tuple[int, int, int]:
        """Wait for the journal's row and lock it; return the last position, the last `received_at`, and the time."""
        connection.execute(update(JOURNAL).values(last_position=JOURNAL.c.last_position))
        now = "(extract(epoch from clock_timestamp()) * 1000000)::bigint" if self.shared else str(self._clock())
        columns = select(JOURNAL.c.last_position, JOURNAL.c.last_received_at, literal_column(now))
        last_position, last_received_at, time_now = connection.execute(columns).one()
        return last_position, last_received_at, int(time_now)


def _content(kind: str, event_id: str) -> str:
    """Return what two deliveries of one event share: all of the id, or the part that stands for the content."""
    return event_id if KINDS[kind].has_own_time else event_id[:_CONTENT_DIGITS]


def _known(connection: Connection, events: Sequence[Event], received_at: int) -> dict[str, str]:
    """Return by content the ids of events that are stored; without a time of their own, within REPEAT_SECONDS."""
    ids = {event.event_id for event in events if KINDS[event.kind].has_own_time}
    known = {found: found for found in connection.scalars(select(EVENTS.c.event_id).where(EVENTS.c.event_id.in_(ids)))}
    contents = {event.event_id[:_CONTENT_DIGITS] for event in events if not KINDS[event.kind].has_own_time}
    ranges = [EVENTS.c.event_id.between(f"{content}{0:016x}", f"{content}{'f' * 16}") for content in contents]
    if ranges:  # in the index of the ids; the table may hold thousands of such events of the last seconds
        for event_id in connection.scalars(select(EVENTS.c.event_id).where(or_(*ranges))):
            if int(event_id[_CONTENT_DIGITS:], 16) >= received_at - REPEAT_SECONDS * 1_000_000:
                known[event_id[:_CONTENT_DIGITS]] = event_id
    return known
