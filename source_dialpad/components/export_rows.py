"""The CSV of an export: its bytes as text, its cells as typed columns, its rows with scope, window and key.

What is known of the files comes from real exports that people published: UTF-8 with or without a byte order mark,
plain or gzip, a header in lower snake case that is not a contract (columns come and go), quoted cells with commas and
line breaks, `""` for null, times without a zone in two forms within one row, and for an export without rows a header
alone or nothing at all. A page of HTML or JSON may come in place of a file that has expired, with status 200.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import logging
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfoNotFoundError

import requests
import urllib3
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.components.errors import excerpt, system_error, transient_error
from source_dialpad.components.rows import Unreadable, boolean, integer, number
from source_dialpad.components.windows import DayWindow, midnight, rfc3339, zone_of

logger = logging.getLogger("airbyte")

CHUNK = 1 << 18
LARGEST_CELL = 64 << 20
"""Characters a cell may hold: transcripts are long, Python's own limit of 131,072 is too short for them."""

csv.field_size_limit(LARGEST_CELL)

Row = dict[str, Any]


class NotAnExport(Exception):
    """The file is a page of something else, or was cut off."""

    def __init__(self, error: AirbyteTracedException) -> None:
        """`error` is raised when asking again does not help."""
        super().__init__(error.message)
        self.error = error


# --- bytes to text ----------------------------------------------------------------------------------------------------


class ExportFile:
    """The text of a downloaded export, read as it comes and never held whole.

    Used as a context manager; iterating gives lines as `csv.reader` wants them. Raises `requests.RequestException` when
    the connection breaks and `NotAnExport` when gzip ends too early.
    """

    def __init__(self, response: requests.Response, where: str) -> None:
        """`response` is a streamed answer whose body was not touched."""
        self._response = response
        self._where = where

    def __enter__(self) -> io.TextIOWrapper:
        """The text, without its byte order mark."""
        raw = io.BufferedReader(_Body(self._response, self._where), CHUNK)
        return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="dialpad-export", newline="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection, also when the file was not read to its end."""
        self._response.close()


class _Body(io.RawIOBase):
    """The body's bytes, decompressed when they are gzip, whatever the headers say."""

    def __init__(self, response: requests.Response, where: str) -> None:
        super().__init__()
        self._chunks = _decompressed(_received(response), where)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = chunk
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _received(response: requests.Response) -> Iterator[bytes]:
    raw = response.raw
    try:
        if hasattr(raw, "stream"):
            yield from raw.stream(CHUNK, decode_content=False)
        else:
            yield from response.iter_content(CHUNK)
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error


def _decompressed(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) > 1:
            break
    if head[:2] != b"\x1f\x8b":
        yield head
        yield from chunks
        return
    member = zlib.decompressobj(wbits=31)
    pending = head
    while True:
        while pending:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                yield member.decompress(pending, CHUNK)
            except zlib.error as error:
                raise NotAnExport(transient_error(f"{where}: the file of the export is broken gzip ({error}).")) from None
            pending = member.unconsumed_tail or member.unused_data
        chunk = next(chunks, None)
        if chunk is None:
            break
        pending = chunk
    if not member.eof:
        raise NotAnExport(transient_error(f"{where}: the file of the export is gzip that ends too early."))


_replaced = threading.Event()


def _replace_and_say(error: UnicodeError) -> tuple[str, int]:
    if not _replaced.is_set():
        _replaced.set()
        logger.warning("An export holds bytes that are not UTF-8; each becomes U+FFFD. This is said once.")
    return codecs.replace_errors(error)  # type: ignore[return-value]


codecs.register_error("dialpad-export", _replace_and_say)


# --- cells to columns -------------------------------------------------------------------------------------------------

Cell = Callable[[str], Any]

OURS = ("scope", "window_start", "window_end", "timezone", "row_key", "record_key")
DAY_COLUMNS = ("date_started", "date")
"""Columns that say on which day a row lies; the first one a file has counts."""

SIGNS = frozenset(
    "date date_started call_id message_id record_id target_id user_id office_id name email timezone type response "
    "all_calls minutes disposition".split()
)
"""Columns of which any export known has at least one; a file with none of them is something else."""


class LocalTimes:
    """Naive local times as RFC 3339, for one zone.

    An hour that the clocks repeat is read as its first turn, and a time that they skip as if they had not been changed
    yet; both keep their printed digits. Offsets are looked up once an hour.
    """

    def __init__(self, zone: tzinfo) -> None:
        """`zone` is the zone of the printed times."""
        self._zone = zone
        self._offsets: dict[str, str | None] = {}

    def __call__(self, cell: str) -> str:
        """`2026-09-01 10:15:30.123456` as `2026-09-01T10:15:30.123456+00:00`; a time with an offset keeps it."""
        hour = cell[:13]
        offset = self._offsets.get(hour)
        if offset is None or len(cell) > 26 or len(cell) < 19:  # noqa: PLR2004  # to the second, at most six digits more
            return self._slowly(cell, hour)
        return f"{cell[:10]}T{cell[11:]}{offset}"

    def _slowly(self, cell: str, hour: str) -> str:
        moment = datetime.fromisoformat(cell.strip())
        if moment.tzinfo is not None:
            return rfc3339(moment)
        begins = moment.replace(minute=0, second=0, microsecond=0, tzinfo=self._zone)
        ends = (begins.replace(tzinfo=None) + timedelta(hours=1)).replace(tzinfo=self._zone)
        aware = moment.replace(tzinfo=self._zone)
        offset = aware.isoformat()[-6:]
        if begins.utcoffset() == ends.utcoffset() == aware.utcoffset() and len(cell) >= 19 and cell[10] in " T":  # noqa: PLR2004
            if len(self._offsets) > 100_000:  # noqa: PLR2004  # eleven years of hours
                self._offsets.clear()
            self._offsets[hour] = offset
        return f"{moment.isoformat()}{offset}"


def day(cell: str) -> str:
    """A date; a time of the day loses its time."""
    return date.fromisoformat(cell[:10]).isoformat()


def call_center_type(cell: str) -> str:
    """Rows spell `call_center`, requests `callcenter`: one of them."""
    return "call_center" if cell.lower().replace(" ", "_") in ("callcenter", "call_center") else cell


class ExportColumns:
    """Turns the files of one stream into rows; safe to share between threads.

    `key` is how rows are told apart: empty where the API has a key of its own, or the name of a function of `KEYS`.
    A known column that a file lacks is null and said once a run; unknown columns pass as text.
    """

    def __init__(self, stream: str, schema: Mapping[str, Any], timezone: str, key: str) -> None:
        """`schema` is the stream's JSON Schema, `timezone` the requested zone."""
        self._stream = stream
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._timezone = timezone
        self._key = KEYS[key] if key else None
        self._never_null = [
            name
            for name, column in self._properties.items()
            if column.get("type") in ("string", "integer") and name not in OURS and name not in DAY_COLUMNS
        ]
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def rows(self, lines: io.TextIOWrapper, *, scope: str, window: DayWindow, where: str) -> Iterator[Row]:
        """The rows of one file.

        Raises `NotAnExport` when the text is no export or ends inside a cell or a row.
        """
        reader = csv.reader(lines, strict=True)
        try:
            header = self._header(next((row for row in reader if row), []), where)
            if not header:
                return
            yield from self._typed(reader, header, scope, window, where)
        except csv.Error as error:
            raise NotAnExport(
                transient_error(f"{where}: the file of the export breaks off or is no CSV, at line {reader.line_num}: {error}.")
            ) from None

    def _header(self, cells: list[str], where: str) -> list[str]:
        names = [cell.strip() for cell in cells]
        if not any(names):
            return []
        if not any(name in SIGNS or (name in self._properties and name not in OURS) for name in names):
            raise NotAnExport(
                system_error(
                    f"{where}: what came in place of the export is no CSV of Dialpad; it begins with: {excerpt(','.join(cells))}"
                )
            )
        missing = [name for name in self._properties if name not in names and name not in OURS]
        if missing and len(missing) < len(self._properties) / 2:
            self._say("missing", "the export lacks columns that are known; they are null in every row: %s.", ", ".join(missing))
        unknown = [name for name in names if name not in self._properties]
        if unknown:
            self._say("unknown", "the export has columns the schema does not know; they pass as text: %s.", ", ".join(unknown))
        unique: list[str] = []
        for number_, name in enumerate(names):
            base = name or f"column_{number_ + 1}"
            taken = sum(other == base or other.startswith(f"{base}__") for other in unique)
            unique.append(f"{base}__{taken + 1}" if base in unique else base)
        return unique

    def _say(self, once: str, message: str, *values: Any) -> None:
        with self._lock:
            if once in self._said:
                return
            self._said.add(once)
        level = logging.INFO if once == "unknown" else logging.WARNING
        logger.log(level, f"{self._stream}: {message} This is said once a sync.", *values)  # noqa: G004

    def _typed(
        self, reader: Iterator[list[str]], header: list[str], scope: str, window: DayWindow, where: str
    ) -> Iterator[Row]:
        width = len(header)
        zone = RowZones(self._timezone, header, self._say)
        cells = self._cells(header)
        times = [index for index, name in enumerate(header) if self._format(name) == "date-time"]
        day_column = next((header.index(name) for name in DAY_COLUMNS if name in header), None)
        cursor_column = next((name for name in DAY_COLUMNS if self._properties.get(name, {}).get("type") == "string"), None)
        if cursor_column and cursor_column not in header:
            raise system_error(
                f"{where}: the export has no column {cursor_column}, which tells its rows in time. Its columns: "
                f"{excerpt(', '.join(header))}"
            )
        ours = {
            "scope": scope,
            "window_start": window.first.isoformat(),
            "window_end": window.last.isoformat(),
            "timezone": self._timezone,
        }
        counted = Twins()
        for row in reader:
            if not row:
                continue
            if len(row) != width:
                raise NotAnExport(
                    transient_error(
                        f"{where}: a row of the export has {len(row)} cells and its header {width}; the file breaks off or is "
                        "not written as CSV."
                    )
                )
            values: list[Any] = [cell or None for cell in row]
            record: Row = dict(ours)
            own_day = values[day_column] if day_column is not None else None
            local = zone(values)
            for index in times:
                if values[index] is not None:
                    values[index] = self._cell(local, values[index], header[index])
            for index, convert in cells:
                if values[index] is not None:
                    values[index] = self._cell(convert, values[index], header[index])
            record.update(zip(header, values, strict=True))
            record["timezone"] = record["timezone"] or self._timezone
            if own_day is not None:
                record["window_start"] = record["window_end"] = own_day[:10]
            elif cursor_column:
                record[cursor_column] = rfc3339(midnight(window.first, zone_of(self._timezone)))
                self._say("undated", "a row of the export has no %s; it stands at the begin of its window.", cursor_column)
            for name in self._never_null:
                if record.get(name) is None:
                    record[name] = ""
            if self._key:
                self._key(record, scope, counted)
            yield record

    def _format(self, name: str) -> str | None:
        found: str | None = self._properties.get(name, {}).get("format")
        return found

    def _cells(self, header: list[str]) -> list[tuple[int, Cell]]:
        converters: list[tuple[int, Cell]] = []
        for index, name in enumerate(header):
            types = self._properties.get(name, {}).get("type", [])
            if name in ("target_type", "entry_point_target_type"):
                converters.append((index, call_center_type))
            elif self._format(name) == "date":
                converters.append((index, day))
            elif "integer" in types:
                converters.append((index, integer))
            elif "number" in types:
                converters.append((index, number))
            elif "boolean" in types:
                converters.append((index, boolean))
        return converters

    def _cell(self, convert: Cell, value: str, name: str) -> Any:
        try:
            return convert(value)
        except (ValueError, OverflowError, Unreadable):
            self._say(f"cell {name}", "a cell of %s cannot be read as its type and becomes null.", name)
            return None


class RowZones:
    """The times of a row in the zone the row itself names, or in the requested one."""

    def __init__(self, requested: str, header: list[str], say: Callable[..., None]) -> None:
        """Looks for the column `timezone`."""
        self._requested = requested
        self._column = header.index("timezone") if "timezone" in header else None
        self._say = say
        self._zones: dict[str, LocalTimes] = {requested: LocalTimes(zone_of(requested))}

    def __call__(self, values: list[Any]) -> LocalTimes:
        """How to read the times of this row."""
        name = (values[self._column] if self._column is not None else None) or self._requested
        known = self._zones.get(name)
        return known if known is not None else self._another(name)

    def _another(self, name: str) -> LocalTimes:
        try:
            self._zones[name] = LocalTimes(zone_of(name))
        except (ValueError, ZoneInfoNotFoundError):
            self._say("zone", "a row names the time zone %s, which does not exist; its times are read in %s.", name, self._requested)
            self._zones[name] = self._zones[self._requested]
        return self._zones[name]


# --- keys -------------------------------------------------------------------------------------------------------------


class Twins:
    """Counts rows of one file that are the same in everything, so that two of them stay two."""

    def __init__(self) -> None:
        """Nothing counted."""
        self._seen: dict[bytes, int] = {}

    def ordinal(self, digest: bytes) -> int:
        """How many rows with this digest came before."""
        count = self._seen.get(digest, 0)
        self._seen[digest] = count + 1
        return count


def _digest(*values: Any) -> str:
    joined = "\x1f".join("" if value is None else str(value) for value in values)
    return hashlib.blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def recording_key(record: Row, scope: str, twins: Twins) -> None:  # noqa: ARG001
    """`record_key` from call_id and recording_url; several recordings share a call, and a URL can be empty."""
    record["record_key"] = _digest(record.get("call_id"), record.get("recording_url") or record["date"])


def disposition_key(record: Row, scope: str, twins: Twins) -> None:  # noqa: ARG001
    """`record_key` from call_id and operator_id: a disposition that is edited later replaces the row."""
    call = record.get("call_id")
    record["record_key"] = _digest(call, record.get("operator_id"), *(() if call else (record["date_started"],)))


def content_key(record: Row, scope: str, twins: Twins) -> None:
    """`record_key` from everything the row says but its zone, for rows without a key of their own."""
    record["record_key"] = _content(record, scope, twins)


def dimension_key(record: Row, scope: str, twins: Twins) -> None:
    """`row_key` from what a figure is about: its date, user, target or group; where it names none, from its content."""
    ids = [record.get(name) for name in ("user_id", "target_id", "id")]
    if any(ids):
        about: list[Any] = [*ids, call_center_type(record.get("target_type") or record.get("type") or "")]
    else:
        about = [record.get("type"), record.get("name"), record.get("email")]
    if not any(about):
        about = [record.get("date")]
    record["row_key"] = (
        "|".join("" if value is None else str(value) for value in about).strip("|")
        if any(about)
        else _content(record, scope, twins)
    )


def _content(record: Row, scope: str, twins: Twins) -> str:
    parts = sorted(f"{name}={_in_utc(value)}" for name, value in record.items() if value is not None and name not in OURS)
    whole = _digest(scope, *parts)
    ordinal = twins.ordinal(bytes.fromhex(whole))
    return _digest(whole, ordinal) if ordinal else whole


def _in_utc(value: Any) -> Any:
    """The value; a time as the instant it is, so that the key does not change with the configured zone."""
    if isinstance(value, str) and len(value) > 19 and value[10] == "T" and value[-3] == ":":  # noqa: PLR2004
        return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return value


KEYS: dict[str, Callable[[Row, str, Twins], None]] = {
    "recording": recording_key,
    "disposition": disposition_key,
    "content": content_key,
    "dimension": dimension_key,
}


