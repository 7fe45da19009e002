"""Duplicates: which of the rows that are equal a row is, so that two equal rows stay two; memory stays flat."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

COUNTED_ONCE_MORE = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"


class DuplicateCounter(AbstractContextManager["DuplicateCounter"]):
    """Counts rows by their digests; use it as a context manager, or close it.

    The digests are in a private temporary database: up to 4 MB of it in memory, the rest in a file that SQLite deletes
    as it opens it. It holds digests only, nothing of the rows.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096", "locking_mode = EXCLUSIVE"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE seen (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def ordinal(self, digest: bytes) -> int:
        """How many rows with this digest were counted before: 0 for the first one."""
        times: int = self._database.execute(COUNTED_ONCE_MORE, (digest,)).fetchone()[0]
        return times - 1

    def close(self) -> None:
        """Deletes the temporary database."""
        self._database.close()

    def __exit__(self, *_: object) -> None:
        self.close()
