"""The CSV of an export: its bytes as text, its cells as typed columns, its rows with scope, window and key.

What is known of the files comes from real exports that people published: UTF-8 with or without a byte order mark,
plain or gzip, a header in lower snake case that is not a contract (columns come and go), quoted cells with commas and
line breaks, `""` for null, times without a zone in two forms within one row, and for an export without rows a header
alone or nothing at all. A page of HTML or JSON may come in place of a file that has expired, with status 200.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import io
import logging
import sqlite3
import threading
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import TracebackType
from typing import Any, NoReturn, Self
from zoneinfo import ZoneInfoNotFoundError

import orjson
import requests
import urllib3
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import snippet, system_error, transient_error
from source_dialpad.sync.windows import DayWindow, midnight
from source_dialpad.transport.times import rfc3339, zone_of
from source_dialpad.transport.types import boolean, integer, number

logger = logging.getLogger("airbyte")

CHUNK = 1 << 18
LARGEST_CELL = 16 << 20
"""Characters a cell may hold: transcripts are long, Python's own limit of 131,072 is too short for them.

While it reads a cell, Python holds four bytes for each character.
"""

LARGEST_ROW = 64 << 20
"""Bytes from one row to the next: a file without line breaks, or with one quotation mark too few, is no export."""

MOST_COLUMNS = 1000
"""The widest export known has some 60."""

BOMB_RATIO = 1000
BOMB_FROM = 64 << 20
"""Bytes from which on a file that unfolds to more than `BOMB_RATIO` times its size is refused; text folds to a tenth"""

csv.field_size_limit(LARGEST_CELL)

Row = dict[str, Any]


class NotAnExport(Exception):  # noqa: N818  # what the file is
    """The file is a page of something else, or was cut off."""

    def __init__(self, error: AirbyteTracedException) -> None:
        """`error` is raised when asking again does not help."""
        super().__init__(error.message)
        self.error = error


# --- bytes to text ----------------------------------------------------------------------------------------------------


class ExportFile:
    """The text of a downloaded export, read as it comes and never held whole.

    Used as a context manager; iterating gives lines as `csv.reader` wants them, without the byte order mark. Raises
    `requests.RequestException` when the connection breaks and `NotAnExport` when gzip ends too early.
    """

    def __init__(self, response: requests.Response, context: str) -> None:
        """`response` is a streamed answer whose body was not touched."""
        self._response = response
        self._body = _Body(response, context)

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection, also when the file was not read to its end."""
        self._response.close()

    def __iter__(self) -> Iterator[str]:
        """The lines with their ends."""
        raw = io.BufferedReader(self._body, CHUNK)
        return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="dialpad-export", newline="")

    def rows(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """The rows of a reader of this file, none of them longer than `LARGEST_ROW`."""
        body = self._body
        for row in reader:
            if row:
                body.since_row = 0
            yield row

    @property
    def ends_open(self) -> bool:
        """Whether the last line read has no line break, as in a file that was cut."""
        return self._body.last not in b"\r\n"

    @property
    def ends_empty(self) -> bool:
        """Whether the last cell read is empty and its line has no line break."""
        return self._body.last == b","


class _Body(io.RawIOBase):
    """The body's bytes, decompressed when they are gzip, whatever the headers say."""

    def __init__(self, response: requests.Response, context: str) -> None:
        super().__init__()
        self._chunks = _decompressed(_received(response), context)
        self._left: bytes = b""
        self._where = context
        self.last: bytes = b""
        self.since_row = 0

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
        self.last = self._left[size - 1 : size]
        self._left = self._left[size:]
        self.since_row += size
        if self.since_row > LARGEST_ROW:
            raise system_error(
                f"{self._where}: the file of the export goes on for more than {LARGEST_ROW >> 20} MB without a row; "
                "it is no export, and is not read on."
            )
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


def _decompressed(chunks: Iterator[bytes], context: str) -> Iterator[bytes]:
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
    pending, taken, given = head, len(head), 0
    while True:
        while pending:
            if member.eof:
                member = zlib.decompressobj(wbits=31)
            try:
                unfolded = member.decompress(pending, CHUNK)
            except zlib.error as error:
                raise NotAnExport(
                    transient_error(f"{context}: the file of the export is broken gzip ({error}).")
                ) from None
            pending = member.unconsumed_tail or member.unused_data
            given += len(unfolded)
            _check_folding(given, taken - len(pending), context)
            yield unfolded
        following = next(chunks, None)
        if following is None:
            break
        pending = following
        taken += len(following)
    if not member.eof:
        raise NotAnExport(transient_error(f"{context}: the file of the export is gzip that ends too early."))


def _check_folding(given: int, taken: int, context: str) -> None:
    if given > BOMB_FROM and given > BOMB_RATIO * taken:
        raise system_error(
            f"{context}: the file of the export unfolds to more than {BOMB_RATIO} times its size; it is no export, and "
            "is not read on."
        )


_replaced = threading.Event()


def _replace_and_say(error: UnicodeError) -> tuple[str, int]:
    if not _replaced.is_set():
        _replaced.set()
        logger.warning("An export holds bytes that are not UTF-8; each becomes U+FFFD. This is said once.")
    return codecs.replace_errors(error)  # type: ignore[return-value]


codecs.register_error("dialpad-export", _replace_and_say)


# --- cells to columns -------------------------------------------------------------------------------------------------

Say = Callable[..., None]
"""Logs once a run: `say(what, message, *values)`."""

DERIVED = ("scope", "window_start", "window_end", "timezone", "row_key", "record_key", "other_columns")
DAY_COLUMNS = ("date_started", "date")
"""Columns that say on which day a row lies; the first one a file has counts."""

SIGNS = frozenset(
    (
        *("date", "date_started", "call_id", "message_id", "record_id", "target_id", "user_id", "office_id", "name"),
        *("email", "timezone", "type", "response", "all_calls", "minutes", "disposition"),
    )
)
"""Columns of which any export known has at least one; a file with none of them is something else."""

SECONDS, MICROSECONDS = len("2026-09-01 10:15:30"), len("2026-09-01 10:15:30.123456")
"""Lengths of the two forms a time has in the files."""

REMEMBERED = 1024
"""Cells a column remembers with their values: most cells of a file are repeated, and memory has to stay flat."""


class Cells(dict[str, Any]):
    """Cells of one column and their values, converted when first seen; None for an empty cell or an unreadable one."""

    def __init__(self, name: str, convert: Callable[[str], Any], say: Say) -> None:
        """`convert` raises ValueError or OverflowError for a cell it cannot read."""
        super().__init__()
        self._name, self._convert, self._say = name, convert, say

    def __missing__(self, cell: str) -> Any:
        if len(self) > REMEMBERED:
            self.clear()
        try:
            value = self._convert(cell) if cell else None
        except (ValueError, OverflowError):
            say_unreadable(self._say, self._name)
            value = None
        self[cell] = value
        return value


def say_unreadable(say: Say, name: str) -> None:
    """Says that a cell is no value of its column."""
    say(f"cell {name}", "a cell of %s cannot be read as its type and becomes null.", name)


class LocalTimes:
    """Naive local times as RFC 3339, for one zone.

    An hour that the clocks repeat is read as its first turn, and a time that they skip as if they had not been changed
    yet; both keep their printed digits. Offsets are looked up once an hour.
    """

    def __init__(self, zone: tzinfo) -> None:
        """`zone` is the zone of the printed times."""
        self._zone = zone
        self.offsets: dict[str, str] = {}
        """Offsets by hour, as `2026-09-01 10`, of hours in which no clock is changed."""

    def __call__(self, cell: str) -> str:
        """`2026-09-01 10:15:30.123456` as `2026-09-01T10:15:30.123456+00:00`; a time with an offset keeps it.

        Raises ValueError where the cell is no time.
        """
        moment = datetime.fromisoformat(cell)
        if moment.tzinfo is not None:
            return rfc3339(moment)
        if (offset := self.offsets.get(cell[:13])) is not None and len(cell) == MICROSECONDS and cell[19] == ".":
            return cell.replace(" ", "T", 1) + offset
        begins = moment.replace(minute=0, second=0, microsecond=0)
        turns = {each.replace(tzinfo=self._zone).utcoffset() for each in (begins, moment, begins + timedelta(hours=1))}
        offset = moment.replace(tzinfo=self._zone).isoformat()[-6:]
        if len(turns) == 1 and cell[:13] in (f"{begins:%Y-%m-%d %H}", f"{begins:%Y-%m-%dT%H}"):
            if len(self.offsets) > 100_000:  # noqa: PLR2004  # eleven years of hours
                self.offsets.clear()
            self.offsets[cell[:13]] = offset
        return f"{moment.isoformat(timespec='microseconds' if '.' in cell else 'seconds')}{offset}"


def day(cell: str) -> str:
    """A date; a time of the day loses its time."""
    return date.fromisoformat(cell[:10]).isoformat()


def call_center_type(cell: str) -> str:
    """Rows spell `call_center`, requests `callcenter`: one of them."""
    return "call_center" if cell.lower().replace(" ", "_") in ("callcenter", "call_center") else cell


class ExportColumns:
    """Turns the files of one stream into rows; safe to share between threads.

    `key` is how rows are told apart: empty where the API has a key of its own, or the name of a function of `KEYS`.
    A known column that a file lacks is null and said once a run; unknown columns pass as text. A file without the
    column that is the key or the cursor is an error, since its rows would fall together.
    """

    def __init__(self, stream: str, schema: Mapping[str, Any], timezone: str, key: str) -> None:
        """`schema` is the stream's JSON Schema, `timezone` the requested zone."""
        self._stream = stream
        self._properties: Mapping[str, Any] = schema.get("properties", {})
        self._timezone = timezone
        self._key = KEYS[key] if key else None
        never_null = [name for name, column in self._properties.items() if column.get("type") in ("string", "integer")]
        self._keys = [name for name in never_null if name not in DERIVED and name not in DAY_COLUMNS]
        self._cursor = next((name for name in DAY_COLUMNS if name in never_null), None)
        self._said: set[str] = set()
        self._lock = threading.Lock()

    def rows(self, file: ExportFile, *, scope: str, window: DayWindow, asked: DayWindow, context: str) -> Iterator[Row]:
        """The rows of one file: `asked` are the days the export was asked for, `window` those its figures stand for.

        Raises `NotAnExport` when the text is no export or ends inside a cell or a row.
        """
        reader = csv.reader(file, strict=True)
        lines = file.rows(reader)
        try:
            cells = next((row for row in lines if any(cell.strip() for cell in row)), None)
            if cells is None:
                return
            header = self._header(cells, context)
            ended = yield from self._typed(lines, header, scope, window, asked, context)
            if file.ends_empty or (file.ends_open and not self._ends_whole(header, ended)):
                _cut(context, "its last line has no end and its last cell is not whole")
            if ended:
                yield ended
        except csv.Error as error:
            _cut(context, f"at line {reader.line_num}: {error}")

    def _ends_whole(self, header: list[str], ended: Row | None) -> bool:
        """Whether a last line without a line break may be a whole one: its last cell is a value of its column."""
        name = header[-1]
        if ended is None:
            return name in self._properties or name in SIGNS
        return ended[name] == self._timezone if name == "timezone" else ended[name] is not None

    def _header(self, cells: list[str], context: str) -> list[str]:
        names = [cell.strip() for cell in cells]
        if len(names) > MOST_COLUMNS:
            raise NotAnExport(
                system_error(f"{context}: what came in place of the export has {len(names)} columns; none has so many.")
            )
        if not any(name in SIGNS or (name in self._properties and name not in DERIVED) for name in names):
            raise NotAnExport(
                system_error(
                    f"{context}: what came in place of the export is no CSV of Dialpad; it begins with: "
                    f"{snippet(','.join(cells))}"
                )
            )
        for name in filter(None, (self._cursor, *self._keys)):
            if name not in names:
                raise NotAnExport(
                    system_error(
                        f"{context}: the export has no column {name}, which tells its rows apart. Its columns: "
                        f"{snippet(', '.join(names))}"
                    )
                )
        missing = [name for name in self._properties if name not in names and name not in DERIVED]
        if missing:
            self._say(
                "missing",
                "the export lacks columns that are known; they are null in every row: %s.",
                ", ".join(missing),
            )
        unknown = [name for name in names if name not in self._properties]
        if unknown:
            self._say(
                "unknown",
                "the export has columns the schema does not know; they pass as text, and in other_columns: %s.",
                ", ".join(unknown),
            )
        taken = set(DERIVED) - {"timezone"}
        header: list[str] = []
        for number_, name in enumerate(names, 1):
            base = name or f"column_{number_}"
            times = 1
            while (free := base if times == 1 else f"{base}__{times}") in taken:
                times += 1
            taken.add(free)
            header.append(free)
        return header

    def _say(self, once: str, message: str, *values: Any) -> None:
        with self._lock:
            if once in self._said:
                return
            self._said.add(once)
        level = logging.INFO if once == "unknown" else logging.WARNING
        logger.log(level, f"{self._stream}: {message} This is said once a sync.", *values)  # noqa: G004

    def _typed(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917  # the path of every cell: one loop without calls
        self,
        reader: Iterator[list[str]],
        header: list[str],
        scope: str,
        window: DayWindow,
        asked: DayWindow,
        context: str,
    ) -> Generator[Row, None, Row | None]:
        """All rows but the last one, which is returned: whether it is whole shows at the end of the file."""
        width = len(header)
        zones = RowZones(self._timezone, self._say)
        zone_column = header.index("timezone") if "timezone" in header else None
        zone_name, local = self._timezone, zones(self._timezone)
        offsets, fromisoformat = local.offsets, datetime.fromisoformat
        times = [index for index, name in enumerate(header) if self._format(name) == "date-time"]
        cells = self._cells(header)
        texts = set(range(width)) - set(times) - {index for index, _ in cells} - {zone_column}
        day_column = next((header.index(name) for name in DAY_COLUMNS if name in header), None)
        days = Cells("" if day_column is None else header[day_column], day, self._say)
        first_asked, last_asked = asked.first.isoformat(), asked.last.isoformat()
        first_day, last_day = window.first.isoformat(), window.last.isoformat()
        missing = [name for name in self._properties if name not in header and name not in DERIVED]
        names = [
            *header,
            *missing,
            "scope",
            "window_start",
            "window_end",
            *(["timezone"] if zone_column is None else []),
        ]
        others = [name for name in header if name not in self._properties]
        rest = [None] * len(missing)
        always = [self._timezone] if zone_column is None else []
        held: Row | None = None
        with RowKeys(sorted(name for name in header if name not in DERIVED), self._say) as keys:
            for row in reader:
                if len(row) != width:
                    if not row:
                        continue
                    _cut(context, f"a row has {len(row)} cells and the header {width}")
                own_day = days[row[day_column][:10]] if day_column is not None else None
                if zone_column is not None:
                    name = row[zone_column] = row[zone_column] or self._timezone
                    if name != zone_name:
                        zone_name, local = name, zones(name)
                        offsets = local.offsets
                values: list[Any] = row
                for index in texts:
                    if not values[index]:
                        values[index] = None
                for index, known in cells:
                    values[index] = known[values[index]]
                for index in times:
                    if not (cell := values[index]):
                        values[index] = None
                        continue
                    try:
                        naive = fromisoformat(cell).tzinfo is None
                        offset = offsets.get(cell[:13])
                        if (
                            naive
                            and offset
                            and (len(cell) == SECONDS or (len(cell) == MICROSECONDS and cell[19] == "."))
                        ):
                            values[index] = cell.replace(" ", "T", 1) + offset
                        else:
                            values[index] = local(cell)
                    except ValueError:
                        if header[index] == self._cursor:
                            raise _no_time(context, self._cursor, cell) from None
                        say_unreadable(self._say, header[index])
                        values[index] = None
                if own_day is None:
                    values += (*rest, scope, first_day, last_day, *always)
                else:
                    if not first_asked <= own_day <= last_asked:
                        self._say(
                            "days", "a row lies on %s, outside the days that were asked for, %s.", own_day, asked.label
                        )
                    values += (*rest, scope, own_day, own_day, *always)
                record: Row = dict(zip(names, values))  # noqa: B905  # as long by construction; strict costs a tenth
                if others:
                    record["other_columns"] = {name: record[name] for name in others if record[name] is not None}
                if self._cursor and record[self._cursor] is None:
                    record[self._cursor] = rfc3339(midnight(window.first, zone_of(self._timezone)))
                    self._say("undated", "a row has no %s; it stands at the begin of its window.", self._cursor)
                for name in self._keys:
                    if record[name] is None:
                        keys.fill_missing_key(record, self._keys, local)
                if self._key:
                    self._key(record, keys, local)
                if held is not None:
                    yield held
                held = record
        return held

    def _format(self, name: str) -> str | None:
        found: str | None = self._properties.get(name, {}).get("format")
        return found

    def _cells(self, header: list[str]) -> list[tuple[int, Cells]]:
        kinds: dict[str, Callable[[str], Any]] = {"integer": integer, "number": number, "boolean": boolean}
        found: list[tuple[int, Cells]] = []
        for index, name in enumerate(header):
            types = self._properties.get(name, {}).get("type", ())
            convert = next((kinds[kind] for kind in kinds if kind in types), None)
            if name in ("target_type", "entry_point_target_type"):
                convert = call_center_type
            elif self._format(name) == "date":
                convert = day
            if convert:
                found.append((index, Cells(name, convert, self._say)))
        return found


def _no_time(context: str, column: str, cell: str) -> AirbyteTracedException:
    return system_error(
        f"{context}: a row has {snippet(cell)!r} in {column}, which is no time in a known form; it cannot be placed. "
        "Please report it."
    )


def _cut(context: str, how: str) -> NoReturn:
    raise NotAnExport(transient_error(f"{context}: the file of the export breaks off or is no CSV: {how}."))


class RowZones:
    """The zone a row names, or the requested one where it names none that exists."""

    def __init__(self, requested: str, say: Say) -> None:
        """The requested zone has to exist."""
        self._requested = requested
        self._say = say
        self._zones: dict[str, LocalTimes] = {requested: LocalTimes(zone_of(requested))}

    def __call__(self, name: str) -> LocalTimes:
        """How to read the times of a row."""
        if name not in self._zones:
            try:
                self._zones[name] = LocalTimes(zone_of(name))
            except (ValueError, OSError, ZoneInfoNotFoundError):
                message = "a row names the time zone %s, which does not exist; its times are read in %s."
                self._say("zone", message, name, self._requested)
                return self._zones[self._requested]
        return self._zones[name]


# --- keys -------------------------------------------------------------------------------------------------------------


class DuplicateCounter:
    """Counts rows of one file by their digests, so that two that are the same stay two; memory stays flat.

    Up to `HELD` digests are kept in memory, more of them in a private temporary file that SQLite deletes when it is
    closed. It holds digests only, nothing of the rows.
    """

    HELD = 50_000

    def __init__(self) -> None:
        """Nothing counted."""
        self._held: dict[bytes, int] = {}
        self._file: sqlite3.Connection | None = None

    def ordinal(self, digest: bytes) -> int:
        """How many rows with this digest came before."""
        if self._file is None:
            count = self._held.get(digest, 0)
            self._held[digest] = count + 1
            if len(self._held) > self.HELD:
                self._spill()
            return count
        seen: int = self._file.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times",
            (_number(digest),),
        ).fetchone()[0]
        return seen - 1

    def _spill(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096", "locking_mode = EXCLUSIVE"):
            self._file.execute(f"PRAGMA {setting}")
        self._file.execute("CREATE TABLE seen (digest INTEGER PRIMARY KEY, times INTEGER)")
        self._file.execute("BEGIN")
        counted = ((_number(digest), times) for digest, times in self._held.items())
        self._file.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?)", counted)
        self._held.clear()

    def close(self) -> None:
        """Deletes the temporary file."""
        if self._file is not None:
            self._file.close()


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:8], "big", signed=True)


@dataclass
class RowKeys(contextlib.AbstractContextManager["RowKeys"]):
    """What the key functions know of a file: its columns in order of name, and how often a key was given."""

    names: list[str]
    say: Say

    def __post_init__(self) -> None:
        """No row yet."""
        self.duplicates = DuplicateCounter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Lets go of what was counted."""
        self.duplicates.close()

    def content(self, record: Row, local: LocalTimes) -> bytes:
        """A digest of everything a row says but its zone, the same whatever zone its times were printed in."""
        said = [(name, _in_utc(value, local)) for name in self.names if (value := record[name]) is not None]
        return hashlib.blake2b(orjson.dumps(said), digest_size=16).digest()

    def with_ordinal(self, digest: bytes) -> str:
        """The digest as text; another one for each further row of the file that has it."""
        ordinal = self.duplicates.ordinal(digest)
        return (digest if not ordinal else _digest(digest.hex(), ordinal)).hex()

    def fill_missing_key(self, record: Row, columns: list[str], local: LocalTimes) -> None:
        """Fills empty cells of the API's own key: with empty text, or from the whole row where all are empty."""
        if not any(record[name] for name in columns):
            self.say("unnamed", "a row has no %s; one is made from what the row says.", columns[0])
            record[columns[0]] = f"unnamed-{self.with_ordinal(self.content(record, local))}"
        for name in columns:
            record[name] = record[name] or ""


def _in_utc(value: Any, local: LocalTimes) -> Any:
    """The value; a time as the instant it is, so that the key does not change with the configured zone."""
    if not isinstance(value, str) or len(value) < 19 or value[4] != "-" or value[13] != ":":  # noqa: PLR2004
        return value
    try:
        return datetime.fromisoformat(local(value)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return value


def _digest(*values: Any) -> bytes:
    join_url = "\x1f".join("" if value is None else str(value) for value in values)
    return hashlib.blake2b(join_url.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def recording_key(record: Row, keys: RowKeys, local: LocalTimes) -> None:
    """`record_key` from call_id and recording_url; several recordings share a call.

    A URL is empty for keys without the right to recordings: then from the time, and two of one second stay two.
    """
    call, url = record.get("call_id"), record.get("recording_url")
    record["record_key"] = (
        _digest(call, url).hex() if url else keys.with_ordinal(_digest(call, _in_utc(record["date"], local)))
    )


def disposition_key(record: Row, keys: RowKeys, local: LocalTimes) -> None:  # noqa: ARG001
    """`record_key` from call_id and operator_id: a disposition that is edited later replaces the row."""
    call = record.get("call_id")
    when = () if call else (_in_utc(record["date_started"], local),)
    record["record_key"] = _digest(call, record.get("operator_id"), *when).hex()


def content_key(record: Row, keys: RowKeys, local: LocalTimes) -> None:
    """`record_key` from everything the row says but its zone, for rows without a key of their own."""
    record["record_key"] = keys.with_ordinal(keys.content(record, local))


def dimension_key(record: Row, keys: RowKeys, local: LocalTimes) -> None:
    """`row_key` from what a figure is about: its date, user, target or group; where it names none, from its content.

    The headers of most figures are not known: should two rows of one export be about the same, the later ones get a
    number, so that none is lost.
    """
    ids = [record.get(name) for name in ("user_id", "target_id", "id", "call_center_id")]
    kind = call_center_type(record.get("target_type") or record.get("type") or "")
    about = [*ids, kind] if any(ids) else [kind, record.get("name"), record.get("email")]
    if not any(about):
        about = [record.get("date")]
    if not any(about):
        record["row_key"] = keys.with_ordinal(keys.content(record, local))
        return
    row_key = "|".join("" if value is None else str(value) for value in about).strip("|")
    ordinal = keys.duplicates.ordinal(_digest(record["window_start"], row_key))
    if ordinal:
        keys.say("same", "several rows of one export are about the same (%s); they are numbered.", row_key)
        row_key = f"{row_key}#{ordinal + 1}"
    record["row_key"] = row_key


KEYS: dict[str, Callable[[Row, RowKeys, LocalTimes], None]] = {
    "recording": recording_key,
    "disposition": disposition_key,
    "content": content_key,
    "dimension": dimension_key,
}
