"""Where events are kept, in one order that every reader can follow without missing any.

The order. A cursor over rows that several transactions write is safe only if rows become visible in the order of the
cursor. A database's own sequence does not give that: a transaction takes number 5, another takes 6 and commits first, a
reader that has seen 6 never asks for 5 again. Here positions are given out under a lock that is held until the commit:

1. a transaction locks the journal's one row (Postgres: `SELECT … FOR UPDATE`; SQLite: `BEGIN IMMEDIATE`, which locks
   the whole file for writing), waiting for any other that holds it;
2. it reads there the last position and the last `received_at`, gives its new events the next ones, and writes the
   row back;
3. it commits. Both databases make a transaction visible before they release its locks (Postgres: the process array is
   left before locks are released), so the next writer, and every reader, sees all of it.

So at any moment the visible events are positions up to some n with none missing, and n only grows. A roll-back undoes
the journal row too: there are no holes. `received_at` is read in the same step and always moved on by at least a
microsecond, whatever the clock does, so it orders events exactly as the position does: a reader that keeps only the
last `received_at` it saw, and asks for that time and later, misses nothing either. A replica replays commits in the
order of the primary, so the same holds there.

The price is that writers take turns. Events that arrive together share a transaction (`keeping`), so that the turn is
paid per commit, not per event.

Durability. SQLite: write-ahead log with `synchronous=FULL`, so that a commit returns after the log is on the disk:
neither kill -9 nor a power cut loses it (`NORMAL` would survive the first only). Postgres: a session that finds
`synchronous_commit` off turns it on.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    delete,
    event,
    func,
    insert,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from event_receiver.delivery import Event
from event_receiver.refusals import SettingError

LAYOUT: Final = 1
"""Version of the tables below; a database of another layout is refused."""

LOCK_SECONDS: Final = 3
"""How long a writer waits for its turn before it gives up, so that the sender gets a 503 within its 5 s."""

PRUNE_ROWS: Final = 5000
"""Rows one transaction of a prune removes, so that deliveries wait milliseconds for it."""

_position = BigInteger().with_variant(Integer, "sqlite")  # SQLite: INTEGER PRIMARY KEY is the row id itself
_tables = MetaData()
_events = Table(
    "call_events",
    _tables,
    Column("position", _position, primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("received_at", BigInteger, nullable=False, unique=True, comment="microseconds since 1970 UTC"),
    # Text, not JSONB: JSONB refuses \u0000 and lone surrogates, and would re-write numbers.
    Column("payload", Text, nullable=False),
)
_journal = Table(
    "call_events_journal",
    _tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("layout", Integer, nullable=False),
    Column("store_id", String(16), nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("last_received_at", BigInteger, nullable=False, comment="microseconds since 1970 UTC"),
    Column("pruned_through", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event as kept: `position` counts from 1 without holes, `received_at` is microseconds since 1970 UTC."""

    position: int
    event_id: str
    received_at: int
    payload: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in the order kept, and what the journal said at the same moment."""

    events: list[KeptEvent]
    last_position: int
    pruned_through: int


class Store:
    """Keeps events in SQLite or Postgres. Safe to use from several threads, processes and machines.

    `clock` gives microseconds since 1970 and serves SQLite; Postgres brings its own clock, the same for all receivers.
    `before_commit` runs inside each keeping transaction, after its rows are written: tests make commits late with it.
    Every method may raise SQLAlchemyError when the database is not reachable or does not accept the statement.
    """

    def __init__(
        self,
        database: str,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1000,
        before_commit: Callable[[], None] = lambda: None,
    ) -> None:
        """Check the URL and set up the engine; nothing is opened yet. SettingError if the URL cannot be used."""
        self.url = _url(database)
        self._engine = _engine(self.url)
        self._clock = clock
        self._before_commit = before_commit
        self._preparing = threading.Lock()
        self._store_id = ""

    @property
    def shared(self) -> bool:
        """Whether the database is a server of its own, which may be away for a while and come back."""
        return self.url.get_backend_name() != "sqlite"

    def __str__(self) -> str:
        """Name the database without its password."""
        return self.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def prepare(self) -> str:
        """Make the tables if they are missing; return the id of this store. Several receivers may do so at once."""
        with self._preparing:
            if not self._store_id:
                with self._writing() as connection:
                    self._store_id = _prepared(connection)
        return self._store_id

    def keep(self, events: Sequence[Event]) -> list[bool]:
        """Keep all events or none: on return they are durably on disk. True for each one that had not been kept before.

        Of two equal events in one call, the first is new and the second a repeat.
        """
        self.prepare()
        with self._writing() as connection:
            last_position, last_received_at, now = connection.execute(self._turn()).one()
            ids = {event.event_id for event in events}
            known = set(connection.scalars(select(_events.c.event_id).where(_events.c.event_id.in_(ids))))
            position, received_at = last_position, max(int(now), last_received_at + 1)
            rows: list[dict[str, Any]] = []
            fresh: list[bool] = []
            for kept in events:
                fresh.append(kept.event_id not in known)
                if kept.event_id in known:
                    continue
                known.add(kept.event_id)
                position += 1
                rows.append(
                    {
                        "position": position,
                        "event_id": kept.event_id,
                        "received_at": received_at + len(rows),
                        "payload": kept.payload,
                    }
                )
            if rows:
                connection.execute(insert(_events), rows)
                moved = {"last_position": position, "last_received_at": rows[-1]["received_at"]}
                connection.execute(update(_journal).values(moved))
            self._before_commit()
        return fresh

    def read(self, *, after: int, limit: int) -> Page:
        """Return up to `limit` events whose position is greater than `after`, and the journal, of one snapshot.

        One statement, so that no commit or prune can come between the two.
        """
        self.prepare()
        following = select(_events).where(_events.c.position > after).order_by(_events.c.position).limit(limit)
        rows = following.subquery("following")
        statement = (
            select(_journal.c.last_position, _journal.c.pruned_through, rows)
            .select_from(_journal.outerjoin(rows, true()))
            .order_by(rows.c.position)
        )
        with self._engine.connect() as connection:
            answer = connection.execute(statement).all()
        kept = [
            KeptEvent(row.position, row.event_id, row.received_at, row.payload)
            for row in answer
            if row.position is not None
        ]
        return Page(kept, answer[0].last_position, answer[0].pruned_through)

    def position_before(self, received_at: int) -> int:
        """Return the position after which every event received at that time (microseconds) or later stands.

        Where there is no such event yet, it is the last position there is.
        """
        self.prepare()
        first = select(_events.c.position).where(_events.c.received_at >= received_at)
        with self._engine.connect() as connection:
            # The journal first: an event kept between the two statements is then found by the second.
            last_position: int = connection.scalars(select(_journal.c.last_position)).one()
            position = connection.scalar(first.order_by(_events.c.received_at).limit(1))
        return last_position if position is None else position - 1

    def check(self, *, writing: bool) -> None:
        """Return if the store answers; with `writing`, if it can also take its turn and commit."""
        self.prepare()
        if writing:
            with self._writing() as connection:
                connection.execute(update(_journal).values(last_position=_journal.c.last_position))
        else:
            with self._engine.connect() as connection:
                connection.execute(select(_journal.c.last_position)).one()

    def prune(self, before: int) -> int:
        """Remove events received before that time (microseconds since 1970); return how many. Positions are not reused.

        The journal remembers how far it went, so that a reader that was still behind is told, not left with a hole.
        """
        self.prepare()
        removed = 0
        while True:
            with self._writing() as connection:
                oldest = select(_events.c.position).where(_events.c.received_at < before)
                positions = connection.scalars(oldest.order_by(_events.c.received_at).limit(PRUNE_ROWS)).all()
                if not positions:
                    return removed
                connection.execute(delete(_events).where(_events.c.position <= positions[-1]))
                connection.execute(update(_journal).values(pruned_through=positions[-1]))
            removed += len(positions)

    def _turn(self) -> Any:
        """Return the statement that waits for the journal's row and reads it, with the time."""
        now: ColumnElement[int] = (
            literal_column("(extract(epoch from clock_timestamp()) * 1000000)::bigint")
            if self.shared
            else literal_column(str(self._clock()))
        )
        return select(_journal.c.last_position, _journal.c.last_received_at, now.label("now")).with_for_update()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Open a transaction that may write, and commit it at the end."""
        with self._engine.connect().execution_options(receiver_writes=True) as connection, connection.begin():
            yield connection


def _url(database: str) -> URL:
    try:
        url = make_url(database)
    except ArgumentError as error:
        text = "The database is not a URL: write sqlite:///events.db or postgresql://user@host/name."
        raise SettingError(text) from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        text = f"The database is of type {backend}; the receiver keeps events in sqlite or postgresql."
        raise SettingError(text)
    if backend == "sqlite":
        if url.database in (None, "", ":memory:") or url.query.get("mode") == "memory":
            text = "A database in memory keeps nothing: name a file, as in sqlite:///events.db."
            raise SettingError(text)
        folder = Path(str(url.database)).parent
        if not str(url.database).startswith("file:") and not folder.is_dir():
            raise SettingError(f"There is no folder {folder} for the database: make it, or name another.")
    return url


def _engine(url: URL) -> Engine:
    # hide_parameters: an error text must not carry an event.
    common: dict[str, Any] = {"hide_parameters": True, "pool_size": 5, "max_overflow": 5, "pool_timeout": LOCK_SECONDS}
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}, **common)
            event.listen(engine, "connect", _on_sqlite_connect)
            event.listen(engine, "begin", _on_sqlite_begin)
            return engine
        # A receiver that stops dead in the middle of its turn must not keep the others waiting: the server ends it.
        limits = {
            "lock_timeout": LOCK_SECONDS,
            "statement_timeout": LOCK_SECONDS + 1,
            "idle_in_transaction_session_timeout": LOCK_SECONDS + 2,
        }
        # A network that swallows packets must show as an error in seconds, not in TCP's quarter of an hour.
        network = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 5000}
        options = " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items())
        engine = create_engine(
            url,
            # Under REPEATABLE READ the snapshot would be older than the turn.
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": LOCK_SECONDS,
                "options": options,
                "application_name": "event_receiver",
                **network,
            },
            pool_pre_ping=True,
            **common,
        )
        event.listen(engine, "connect", _on_postgres_connect)
    except (NoSuchModuleError, ImportError) as error:
        text = f"The driver of {url.drivername} is missing: pip install 'airbyte-source-dialpad[receiver]'."
        raise SettingError(text) from error
    return engine


def _on_sqlite_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The driver's own guess at when to begin is switched off, so that _on_sqlite_begin decides.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _on_sqlite_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("receiver_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _on_postgres_connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _prepared(connection: Connection) -> str:
    if connection.dialect.name == "postgresql":
        # CREATE TABLE IF NOT EXISTS is not safe against itself; receivers that start together take turns.
        connection.execute(select(func.pg_advisory_xact_lock(literal_column("hashtext('call_events')"))))
    _tables.create_all(connection)
    row = connection.execute(select(_journal.c.store_id, _journal.c.layout)).one_or_none()
    if row is None:
        begin = {"id": 1, "layout": LAYOUT, "store_id": secrets.token_hex(4)}
        positions = {"last_position": 0, "last_received_at": 0, "pruned_through": 0}
        connection.execute(insert(_journal).values(**begin, **positions))
        return str(begin["store_id"])
    if row.layout != LAYOUT:
        text = f"The database has layout {row.layout}, this version of the receiver needs {LAYOUT}: use a new database."
        raise SettingError(text)
    return str(row.store_id)


__all__ = ["KeptEvent", "OperationalError", "Page", "SQLAlchemyError", "Store"]
