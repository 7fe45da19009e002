"""The database: which URLs are accepted, how sessions are set up, the tables, and the migration of older tables."""

import secrets
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from event_receiver.errors import SettingError

LAYOUT: Final = 2
"""Version of the tables below. Layout 1, of version 0.1, had call events alone; it is migrated."""

LOCK_SECONDS: Final = 3
"""How long a writer waits for its turn before it gives up, so that the sender gets a 503 within its 5 s."""

DRIVERS: Final = dict.fromkeys(("postgres", "postgresql"), "postgresql+psycopg") | {"sqlite": "sqlite"}
"""The databases that can store events, by the name that begins a URL, and the driver that is installed for each."""

_tables = sa.MetaData()
EVENTS: Final = sa.Table(
    "events",
    _tables,
    # SQLite: INTEGER PRIMARY KEY is the row id itself.
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.String(64), nullable=False, unique=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False, unique=True, comment="microseconds since 1970 UTC"),
    # Text, not JSONB: JSONB refuses \u0000 and lone surrogates, and would rewrite numbers.
    sa.Column("payload", sa.Text, nullable=False),
)
_BY_KIND: Final = sa.Index("events_kind_position", EVENTS.c.kind, EVENTS.c.position)
# The name dates from layout 1: a receiver of that version finds a layout here that it does not know, and refuses.
JOURNAL: Final = sa.Table(
    "call_events_journal",
    _tables,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("layout", sa.Integer, nullable=False),
    sa.Column("store_id", sa.String(16), nullable=False),
    sa.Column("last_position", sa.BigInteger, nullable=False),
    sa.Column("last_received_at", sa.BigInteger, nullable=False, comment="microseconds since 1970 UTC"),
)
PRUNED: Final = sa.Table(
    "events_pruned",
    _tables,
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False, comment="of the newest event removed"),
    sa.Column("received_at", sa.BigInteger, nullable=False, comment="of the same event"),
)


def parse_url(database: str) -> sa.URL:
    """Return the URL of a database that can store events; SettingError for any other."""
    try:
        url = sa.make_url(database)
    except ArgumentError as error:
        message = "The database is not a URL: write sqlite:///events.db or postgresql://user@host/name."
        raise SettingError(message) from error
    backend = url.get_backend_name()
    if backend not in DRIVERS:
        raise SettingError(f"The database is of type {backend}; the receiver needs sqlite or postgresql.")
    if backend == "sqlite" and (url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"):
        raise SettingError(
            "An in-memory database is lost when the receiver stops: name a file, as in sqlite:///events.db."
        )
    return url.set(drivername=DRIVERS[backend])


def connect_lazily(url: sa.URL) -> sa.Engine:
    """Return an engine whose commits survive kill -9 and power cuts; nothing is opened yet."""
    # hide_parameters: an error text must not carry an event.
    common: dict[str, Any] = {"hide_parameters": True, "pool_timeout": LOCK_SECONDS}
    if url.get_backend_name() == "sqlite":
        # A transaction begins with its first write, which locks the file until the commit.
        settings = {"timeout": LOCK_SECONDS, "check_same_thread": False, "isolation_level": "IMMEDIATE"}
        engine = sa.create_engine(url, connect_args=settings, **common)
        sa.event.listen(engine, "connect", _on_sqlite_connect)
        return engine
    options = {
        "synchronous_commit": "on",
        # A receiver that hangs in its turn must not keep the others waiting: the server ends its session.
        "lock_timeout": f"{LOCK_SECONDS}s",
        "statement_timeout": f"{LOCK_SECONDS + 1}s",
        "idle_in_transaction_session_timeout": f"{LOCK_SECONDS + 2}s",
    }
    settings = {
        "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
        "application_name": "event_receiver",
        "client_encoding": "utf8",
        # A network that swallows packets must show as an error in seconds, not in TCP's quarter of an hour.
        "connect_timeout": LOCK_SECONDS,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": 5000,
    }
    # Under REPEATABLE READ the snapshot would be older than the turn.
    return sa.create_engine(url, connect_args=settings, isolation_level="READ COMMITTED", pool_pre_ping=True, **common)


def prepare(connection: sa.Connection) -> str:
    """Create the tables, or migrate those of layout 1, in the connection's transaction; return the store's id.

    SettingError if the database cannot hold every event or was made by a newer receiver.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            message = f"The database has the encoding {encoding}, which cannot hold every event"
            raise SettingError(f"{message}: create a database with ENCODING 'UTF8'.")
        # CREATE TABLE IF NOT EXISTS is not safe against itself: receivers that start together take turns. An index over
        # many events may take longer than an event may.
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.literal_column("hashtext('call_events')"))))
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    layout = None
    if sa.inspect(connection).has_table(JOURNAL.name):
        layout = connection.scalars(sa.select(JOURNAL.c.layout)).one_or_none()
    if layout not in (None, 1, LAYOUT):
        message = f"The database has layout {layout}, but this version of the receiver needs {LAYOUT}"
        raise SettingError(f"{message}: use a newer receiver.")
    if layout == 1:
        _migrate(connection)
    _tables.create_all(connection)
    if layout is None:
        begin = {"id": 1, "layout": LAYOUT, "store_id": secrets.token_hex(4), "last_position": 0, "last_received_at": 0}
        connection.execute(sa.insert(JOURNAL).values(begin))
    return str(connection.scalars(sa.select(JOURNAL.c.store_id)).one())


def _migrate(connection: sa.Connection) -> None:
    """Give the events of layout 1 their kind, in place.

    The table gets another name, so that a receiver of the old version that still runs fails at its next event: its
    sender gets a 503 and delivers again.
    """
    connection.execute(sa.text("ALTER TABLE call_events RENAME TO events"))
    connection.execute(sa.text("ALTER TABLE events ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT 'call'"))
    _BY_KIND.create(connection)
    PRUNED.create(connection)
    # The old journal had the last position pruned but not its time, which lies before that of the oldest event left.
    oldest = sa.select(sa.func.min(EVENTS.c.received_at) - 1).scalar_subquery()
    received_at = sa.func.coalesce(oldest, JOURNAL.c.last_received_at)
    row: Any = sa.select(sa.literal_column("'call', pruned_through"), received_at).where(sa.text("pruned_through > 0"))
    connection.execute(sa.insert(PRUNED).from_select(["kind", "position", "received_at"], row))
    connection.execute(sa.update(JOURNAL).values(layout=LAYOUT))


def _on_sqlite_connect(connection: Any, _entry: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
