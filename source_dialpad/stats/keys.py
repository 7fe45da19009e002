"""Keys of export rows, where the API has none of its own: from what a row is about, the same at every sync.

A column that Dialpad adds, and a figure that changes, must not make another key: each reading would add its rows again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import orjson

from source_dialpad.sync.batches import Row
from source_dialpad.sync.duplicates import DuplicateCounter

DIMENSIONS = ("user_id", "target_id", "id", "call_center_id")  # whom or what the aggregates of a row are about
TIME_LENGTH = len("2026-09-01 10:15:30")
NAMING = re.compile(r"(.*_)?(id|key|name|email|phone|type|kind)|.*(external|internal)_number|date|day|week|month|hour")
"""Columns that name something, whatever stands in them; in the others, a cell that is no figure does."""

FIGURE = re.compile(r"[\W_]*(\d.*)?|n/?a|nan|[+-]?inf(inity)?|none|null|true|false", re.IGNORECASE | re.DOTALL)
"""Cells that name nothing: what begins with a digit (numbers, durations, shares), and what stands for a missing one."""


def call_center_type(cell: str) -> str:
    """Rows spell `call_center`, requests `callcenter`: one of them."""
    return "call_center" if cell.lower().replace(" ", "_") in ("callcenter", "call_center") else cell


@dataclass
class FileKeys:
    """The keys of one file's rows: `recording`, `disposition`, `content`, `dimension`, as the manifest names them.

    `columns` are those of the file in order of name, `known` those that the stream's schema knows. `zone` is that of a
    row's times.
    """

    columns: Sequence[str]
    known: Sequence[str]
    log_once: Callable[..., None]
    duplicates: DuplicateCounter = field(default_factory=DuplicateCounter)

    def fill_missing(self, row: Row, columns: Sequence[str], zone: tzinfo) -> None:
        """Fills empty cells of the API's own key, `columns`, the first of which identifies the row.

        That one is made from the whole row. The others become empty text, or a number where that is taken in the file.
        """
        first, *others = columns
        if not row[first]:
            self.log_once("unnamed", "a row has no %s; one is made from what the row says.", first)
            row[first] = f"unnamed-{self._with_ordinal(_content(row, self.columns, zone))}"
        for name in others:
            if not row[name]:
                self.log_once(f"unnamed {name}", "a row has no %s; empty text stands for it.", name)
                ordinal = self.duplicates.ordinal(_digest(name, *(row[each] for each in columns)))
                row[name] = f"#{ordinal + 1}" if ordinal else ""

    def recording(self, row: Row, zone: tzinfo) -> None:
        """`record_key` from call_id and recording_url; several recordings share a call.

        A URL is empty for keys without the right to recordings: then from the time, and two of one second stay two.
        """
        call, url = row.get("call_id"), row.get("recording_url")
        if url:
            row["record_key"] = _digest(call, url).hex()
        else:
            row["record_key"] = self._with_ordinal(_digest(call, _in_utc(row["date"], zone)))

    @staticmethod
    def disposition(row: Row, zone: tzinfo) -> None:
        """`record_key` from call_id and operator_id: a disposition that is edited later replaces the row."""
        call = row.get("call_id")
        when = () if call else (_in_utc(row["date_started"], zone),)
        row["record_key"] = _digest(call, row.get("operator_id"), *when).hex()

    def content(self, row: Row, zone: tzinfo) -> None:
        """`record_key` from the known columns, as others may come at any time; where a file has none, from all."""
        row["record_key"] = self._with_ordinal(_content(row, self.known or self.columns, zone))

    def dimension(self, row: Row, _: tzinfo) -> None:
        """`row_key` from what the aggregates are about: a user, target or group, or a date; never from a figure.

        Most headers of aggregated exports are not known: where none of these columns is there, every cell that names
        something counts. Of two rows about the same the later one gets a number, so that none is lost.
        """
        ids = [row.get(name) for name in DIMENSIONS]
        kind = call_center_type(row.get("target_type") or row.get("type") or "")
        about = [*ids, kind] if any(ids) else [kind, row.get("name"), row.get("email")]
        if not any(about):
            about = [row.get("date")]
        if not any(about):
            cells = ((name, row[name]) for name in self.columns if isinstance(row[name], str))
            about = [cell for name, cell in cells if NAMING.fullmatch(name) or not FIGURE.fullmatch(cell.strip())]
        row_key = "|".join("" if value is None else str(value) for value in about).strip("|") or "all"
        if ordinal := self.duplicates.ordinal(_digest(row["window_start"], row_key)):
            self.log_once("same", "several rows of one export are about the same (%s); they are numbered.", row_key)
            row_key = f"{row_key}#{ordinal + 1}"
        row["row_key"] = row_key

    def _with_ordinal(self, digest: bytes) -> str:
        """The digest as text; another one for each further row of the file that has it."""
        ordinal = self.duplicates.ordinal(digest)
        return (_digest(digest.hex(), ordinal) if ordinal else digest).hex()


def _content(row: Row, columns: Sequence[str], zone: tzinfo) -> bytes:
    """A digest of what a row says in `columns`, the same whatever zone its times were printed in."""
    cells = [(name, _in_utc(value, zone)) for name in columns if (value := row[name]) is not None]
    return hashlib.blake2b(orjson.dumps(cells), digest_size=16).digest()


def _in_utc(value: Any, zone: tzinfo) -> Any:
    """The value; a time as the instant it is, so that the key does not change with the configured zone."""
    if not isinstance(value, str) or len(value) < TIME_LENGTH or value[4] != "-" or value[13] != ":":
        return value
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return value


def _digest(*values: Any) -> bytes:
    joined = "\x1f".join("" if value is None else str(value) for value in values)
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()
