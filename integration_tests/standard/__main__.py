"""Writes the files that change with the streams or the invented company: `python -m integration_tests.standard`."""

from __future__ import annotations

import io
import json
import logging
import sys
import tempfile
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from fake_dialpad.lists import no_rows
from fake_dialpad.truth import STREAMS, unknown_stream
from integration_tests.standard.account import FILES, OTHER_EVENTS, account
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
    logging.disable()  # the CDK's wrapper sets the level of its own logger anew
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # it prints some messages past it too
        with account(Path(folder), later=BEFORE):
            catalog = configured_catalog(discovered())
            names = [one["stream"]["name"] for one in catalog["streams"]]
            known = {*STREAMS, *(f"{kind}_events" for kind in OTHER_EVENTS)}
            if lacking := [unknown_stream(name) for name in names if name not in known]:
                sys.exit("\n".join(lacking))
            earlier = read(catalog)
        with account(Path(folder)):
            sync = read(catalog)
    if failed := [*earlier.errors, *sync.errors, *(no_rows(name) for name in names if not sync.rows.get(name))]:
        sys.exit("\n".join(dict.fromkeys(failed)))
    _write("configured_catalog.json", catalog["streams"], '{"streams": [\n', ",\n", "\n]}\n")
    _write("sample_state.json", map(steady, earlier.last_states()))
    _write("abnormal_state.json", map(steady, moved_to_2099(sync.last_states(), catalog)))
    _write("expected_records.jsonl", expected_records(catalog, sync), "", "\n", "\n")


if __name__ == "__main__":
    main()
