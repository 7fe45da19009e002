"""Writes the files that change with the streams or the invented company: `python -m integration_tests.standard`."""

from __future__ import annotations

import json
import logging
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from integration_tests.standard.account import FILES, account
from integration_tests.standard.recorded import (
    configured_catalog,
    discovered,
    expected_records,
    moved_to_2099,
    read,
    steady,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from integration_tests.standard.account import Row

BEFORE = timedelta(days=-3)
"""When, from noon, the sync ended whose state sample_state.json holds."""


def _write(name: str, lines: Iterable[Row], opened: str = "[\n", joined: str = ",\n", closed: str = "\n]\n") -> None:
    text = joined.join(json.dumps(line, ensure_ascii=False) for line in lines)
    (FILES / name).write_text(opened + text + closed, encoding="utf-8")


def main() -> None:
    """Reads the account at two instants and writes the files anew, a line a stream or record."""
    logging.getLogger("airbyte").setLevel(logging.CRITICAL + 1)
    with tempfile.TemporaryDirectory() as folder:
        with account(Path(folder), later=BEFORE):
            catalog = configured_catalog(discovered())
            earlier = read(catalog)
        with account(Path(folder)):
            sync = read(catalog)
    assert not earlier.errors + sync.errors, earlier.errors + sync.errors
    _write("configured_catalog.json", catalog["streams"], '{"streams": [\n', ",\n", "\n]}\n")
    _write("sample_state.json", map(steady, earlier.last_states()))
    _write("abnormal_state.json", map(steady, moved_to_2099(sync.last_states(), catalog)))
    _write("expected_records.jsonl", expected_records(catalog, sync), "", "\n", "\n")


if __name__ == "__main__":
    main()
