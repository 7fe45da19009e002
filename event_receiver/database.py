"""The database: which URLs are accepted, how connections are set up, the tables, and older tables made into these.

SQLite commits with `synchronous=FULL`: neither kill -9 nor a power cut loses a commit (`NORMAL` would survive the first
only). Postgres: a session that finds `synchronous_commit` off turns it on.
"""

import secrets
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from event_receiver.errors import SettingError

LAYOUT: Final = 2
"""Version of the tables below. Layout 1, of version 0.1, had call events alone; it is changed into this one."""

LOCK_SECONDS: Final = 3
"""How long a writer waits for its turn before it gives up, so that the sender gets a 503 within its 5 s."""

_position = BigInteger().with_variant(Integer, "sqlite")  # SQLite: INTEGER PRIMARY KEY is the row id itself
_tables = MetaData()
EVENTS: Final = Table(
    "events",
    _tables,
    Column("position", _position, primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("received_at", BigInteger, nullable=False, unique=True, comment="microseconds since 1970 UTC"),
    # Text, not JSONB: JSONB refuses \u0000 and lone surrogates, and would re-write numbers.
    Column("payload", Text, nullable=False),
)
_BY_KIND: Final = Index("events_kind_position", EVENTS.c.kind, EVENTS.c.position)
# It has kept its name since layout 1: a receiver of that version finds a layout it does not know here, and refuses.
JOURNAL: Final = Table(
    "call_events_journal",
    _tables,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("layout", Integer, nullable=False),
    Column("store_id", String(16), nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("last_received_at", BigInteger, nullable=False, comment="microseconds since 1970 UTC"),
)
PRUNED: Final = Table(
    "events_pruned",
    _tables,
    Column("kind", String(20), primary_key=True),
    Column("position", BigInteger, nullable=False, comment="of the newest event removed"),
    Column("received_at", BigInteger, nullable=False, comment="of the same event"),
)
PROBE: Final = Table(
    "events_probe", _tables, Column("id", Integer, primary_key=True), Column("payload", Text, nullable=False)
)


def parse_url(database: str) -> URL:
    """Return the URL of a database that can keep events; SettingError for any other."""
    try:
        url = make_url(database)
    except ArgumentError as error:
        message = "The database is not a URL: write sqlite:///events.db or postgresql://user@host/name."
        raise SettingError(message) from error
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend not in ("sqlite", "postgresql"):
        raise SettingError(f"The database is of type {backend}; the receiver keeps events in sqlite or postgresql.")
    if backend == "sqlite":
        if url.database in (None, "", ":memory:") or url.query.get("mode") == "memory":
            raise SettingError("A database in memory keeps nothing: name a file, as in sqlite:///events.db.")
        folder = Path(str(url.database)).parent
        if not str(url.database).startswith("file:") and not folder.is_dir():
            raise SettingError(f"There is no folder {folder} for the database: make it, or name another.")
    return url


def connect_lazily(url: URL) -> Engine:
    """Return an engine; nothing is opened yet. SettingError if its driver is missing."""
    # hide_parameters: an error text must not carry an event.
    common: dict[str, Any] = {"hide_parameters": True, "pool_size": 5, "max_overflow": 5, "pool_timeout": LOCK_SECONDS}
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False}, **common)
            event.listen(engine, "connect", _on_sqlite_connect)
            event.listen(engine, "begin", _on_sqlite_begin)
            return engine
        # A receiver that hangs in the middle of its turn must not keep the others waiting: the server ends its session.
        limits = {
            "lock_timeout": LOCK_SECONDS,
            "statement_timeout": LOCK_SECONDS + 1,
            "idle_in_transaction_session_timeout": LOCK_SECONDS + 2,
        }
        engine = create_engine(
            url,
            # Under REPEATABLE READ the snapshot would be older than the turn.
            isolation_level="READ COMMITTED",
            connect_args={
                "connect_timeout": LOCK_SECONDS,
                "options": " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items()),
                "application_name": "event_receiver",
                "client_encoding": "utf8",
                # A network that swallows packets must show as an error in seconds, not in TCP's quarter of an hour.
                "keepalives_idle": 5,
                "keepalives_interval": 2,
                "keepalives_count": 2,
                "tcp_user_timeout": 5000,
            },
            pool_pre_ping=True,
            **common,
        )
    except (NoSuchModuleError, ImportError) as error:
        message = f"The driver of {url.drivername} is missing: pip install 'airbyte-source-dialpad[receiver]'."
        raise SettingError(message) from error
    event.listen(engine, "connect", _on_postgres_connect)
    return engine


def prepare(connection: Connection) -> str:
    """Make the tables, or change those of layout 1 into them, in the connection's transaction; return the store's id.

    SettingError if the database cannot keep every event or was made by a newer receiver.
    """
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            message = (
                f"The database has the encoding {encoding}, in which some events cannot be kept: make a database with"
            )
            raise SettingError(f"{message} ENCODING 'UTF8'.")
        # CREATE TABLE IF NOT EXISTS is not safe against itself: receivers that start together take turns. An index over
        # many events may take longer than an event may.
        connection.execute(select(func.pg_advisory_xact_lock(literal_column("hashtext('call_events')"))))
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    layout = _layout(connection)
    if layout == 1:
        _change_layout_1(connection)
    elif layout not in (None, LAYOUT):
        message = (
            f"The database has layout {layout}, this version of the receiver needs {LAYOUT}: use a newer receiver."
        )
        raise SettingError(message)
    _tables.create_all(connection)
    if layout is None:
        begin = {"id": 1, "layout": LAYOUT, "store_id": secrets.token_hex(4), "last_position": 0, "last_received_at": 0}
        connection.execute(insert(JOURNAL).values(begin))
    return str(connection.scalars(select(JOURNAL.c.store_id)).one())


def _layout(connection: Connection) -> int | None:
    if not inspect(connection).has_table(JOURNAL.name):
        return None
    return connection.scalars(select(JOURNAL.c.layout)).one_or_none()


def _change_layout_1(connection: Connection) -> None:
    """Give the events of layout 1 their kind, in place.

    The table gets another name, so that a receiver of the old version that still runs fails at its next event: its
    sender gets a 503 and delivers again.
    """
    connection.execute(text("ALTER TABLE call_events RENAME TO events"))
    connection.execute(text("ALTER TABLE events ADD COLUMN kind VARCHAR(20) NOT NULL DEFAULT 'call'"))
    _BY_KIND.create(connection)
    PRUNED.create(connection)
    # The old journal knew the last position pruned but not its time: it lies before that of the oldest event left.
    oldest = select(func.min(EVENTS.c.received_at) - 1).scalar_subquery()
    pruned: Any = select(
        literal_column("'call'"), literal_column("pruned_through"), func.coalesce(oldest, JOURNAL.c.last_received_at)
    ).select_from(JOURNAL)
    connection.execute(
        insert(PRUNED).from_select(["kind", "position", "received_at"], pruned.where(text("pruned_through > 0")))
    )
    connection.execute(update(JOURNAL).values(layout=LAYOUT))


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
