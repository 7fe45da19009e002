"""What a test of the loading is made of: a stream of the stand-in, and a warehouse to look into."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect, text

from warehouse.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

TEXT = {"type": ["null", "string"]}


def stream(*says: dict[str, Any], grows: bool = True, **properties: dict[str, Any]) -> dict[str, Any]:
    """A stream of the stand-in with the key `id`, the cursor `at` and a text `said`."""
    return {
        "key": ["id"],
        "grows": grows,
        "properties": {"id": TEXT, "at": TEXT, "said": TEXT, **properties},
        "says": list(says),
    }


@dataclass
class Loader:
    """Syncs the stand-in into one warehouse and looks into it."""

    into: str
    folder: Path
    connector: Path
    log_path: Path
    said: str = field(default="", init=False)

    def sync(self, streams: dict[str, Any], *only: str, account: str = "real", **config: Any) -> bool:
        """Sync once; what was shown is in `said`."""
        from warehouse import sync  # noqa: PLC0415  # PyAirbyte reads its settings at import

        out = io.StringIO()
        job = sync.Sync(
            config={"streams": streams, **config},
            account=account,
            into=self.into,
            streams=only,
            folder=self.folder,
            log_path=self.log_path,
            connector=self.connector,
        )
        try:
            return sync.run(job, Progress(out))
        finally:
            self.said = out.getvalue()

    def rows(self, query: str, **values: str) -> list[tuple[Any, ...]]:
        """The answer of the warehouse."""
        with self._connected() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    def make(self, table: str) -> None:
        """Put an empty table beside the streams."""
        with self._connected() as connection:
            connection.execute(text(f"CREATE TABLE {table} (id varchar)"))

    def tables(self) -> set[str]:
        """The names of the tables, without PyAirbyte's own."""
        with self._connected() as connection:
            names = inspect(connection).get_table_names(schema="dialpad" if self._postgres else "main")
        return {name for name in names if not name.startswith("_airbyte")}

    def comments(self, table: str) -> dict[str, str]:
        """The comments of a table's columns."""
        asked = (
            "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
            "WHERE attrelid = CAST(:table AS regclass) AND attnum > 0"
            if self._postgres
            else "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = :table"
        )
        rows = self.rows(asked, table=table)
        return {name: comment for name, comment in rows if comment}

    @property
    def _postgres(self) -> bool:
        return self.into.startswith("postgresql")

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        if self._postgres:
            engine = create_engine(self.into, connect_args={"options": "-csearch_path=dialpad"})
        else:
            engine = create_engine(f"duckdb:///{self.into}")
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()
