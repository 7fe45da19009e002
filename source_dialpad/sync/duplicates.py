"""Duplicates: which of the rows that are equal a row is, so that two equal rows stay two; memory stays flat."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

MOST_IN_MEMORY = 50_000
"""Digests that a counter holds in memory; more of them go to a file."""


class DuplicateCounter:
    """Counts rows by their digests; use it as a context manager, or close it.

    Beyond `most_in_memory` the digests move to a private temporary file, which SQLite deletes as it opens it. The file
    holds digests only, nothing of the rows.
    """

    def __init__(self, most_in_memory: int = MOST_IN_MEMORY) -> None:
        """Nothing counted."""
        self._most_in_memory = most_in_memory
        self._counts: dict[bytes, int] = {}
        self._file: sqlite3.Connection | None = None

    def ordinal(self, digest: bytes) -> int:
        """How many rows with this digest were counted before: 0 for the first one. Eight bytes or more are wanted."""
        if self._file is None:
            before = self._counts.get(digest, 0)
            self._counts[digest] = before + 1
            if len(self._counts) > self._most_in_memory:
                self._file = self._spill()
            return before
        times: int = self._file.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
            (_rowid(digest),),
        ).fetchone()[0]
        return times - 1

    def _spill(self) -> sqlite3.Connection:
        file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096", "locking_mode = EXCLUSIVE"):
            file.execute(f"PRAGMA {setting}")
        file.execute("CREATE TABLE seen (digest INTEGER PRIMARY KEY, times INTEGER)")
        file.execute("BEGIN")
        counted = ((_rowid(digest), times) for digest, times in self._counts.items())
        file.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", counted)
        self._counts.clear()
        return file

    def close(self) -> None:
        """Deletes the temporary file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _rowid(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True)
