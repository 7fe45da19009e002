"""Duplicates: which of the rows that are equal a row is, so that two equal rows stay two; memory stays flat."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from functools import cached_property

COUNT = "INSERT INTO seen VALUES (?, 0) ON CONFLICT DO UPDATE SET before = before + 1 RETURNING before"


class DuplicateCounter(AbstractContextManager["DuplicateCounter"]):
    """Counts rows by their digests, in a private temporary database that the first row opens and the exit closes.

    Up to 4 MB of it are in memory, the rest in a file that SQLite deletes as it opens it; nothing of the rows is in it.
    """

    @cached_property
    def _database(self) -> sqlite3.Connection:
        database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096", "locking_mode = EXCLUSIVE"):
            database.execute(f"PRAGMA {setting}")
        database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, before INTEGER) WITHOUT ROWID")
        database.execute("BEGIN")
        return database

    def ordinal(self, digest: bytes) -> int:
        """How many rows with this digest were counted before: 0 for the first one."""
        return self._database.execute(COUNT, (digest,)).fetchone()[0]  # type: ignore[no-any-return]  # of the database

    def __exit__(self, *_: object) -> None:
        if "_database" in self.__dict__:
            self._database.close()
