"""The rows of an export: the CSV's cells as typed columns, with scope, window and key.

Real exports that people published have a header in lower snake case that is not a contract (columns come and go),
quoted cells with commas and line breaks, `""` for null, times without a zone in two forms within one row, and without
rows a header alone or nothing at all. A page of HTML or JSON may come in place of a file, with status 200.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache, partial
from itertools import chain, count, repeat
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from airbyte_cdk.models import FailureType

from source_dialpad.errors import counted, snippet, system_error, transient_error
from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.keys import FileKeys, call_center_type
from source_dialpad.sync.batches import Row
from source_dialpad.sync.windows import DayWindow, midnight
from source_dialpad.transport.times import rfc3339, zone_of
from source_dialpad.transport.types import boolean, integer, number

logger = logging.getLogger("airbyte")

MOST_COLUMNS = 1000  # the widest export known has some 60
DOCUMENTED = 3  # columns that a schema knows at least where the header was published
BATCH_ROWS = 25  # converted at once, column by column; many threads' batches fit into a processor's cache
BATCH_BYTES = 1 << 19

csv.field_size_limit(16 << 20)  # characters of a cell: Python's own 131,072 are too few for transcripts

DERIVED = ("scope", "window_start", "window_end", "timezone", "row_key", "record_key", "other_columns")
"""Columns that are ours; `timezone` is the file's where it has one."""

DAY_COLUMNS = ("date_started", "date")  # on which day a row lies; the first one a file has counts
TARGET_TYPES = ("target_type", "entry_point_target_type")
TYPICAL = {
    *("date", "date_started", "call_id", "message_id", "record_id", "target_id", "user_id", "office_id", "name"),
    *("email", "timezone", "type", "response", "all_calls", "minutes", "disposition"),
}
"""Columns of which any export known has at least one; a file with none of them is something else."""

SECONDS, MICROSECONDS = len("2026-09-01 10:15:30"), len("2026-09-01 10:15:30.123456")  # the two forms of a time

Cells = Sequence[str]
Convert = Callable[[Cells], Iterable[Any]]


def texts(cells: Cells) -> Sequence[str | None]:
    """Text as it is; an empty cell is null."""
    return [cell or None for cell in cells] if "" in cells else cells


def remembered(convert: Callable[[str], Any], on_unreadable: Callable[[], None]) -> Convert:
    """A converter that remembers cells; None for an empty one, and where `convert` raises for one it cannot read."""

    def value(cell: str) -> Any:
        try:
            return convert(cell) if cell else None
        except (ValueError, OverflowError):
            on_unreadable()
            return None

    return partial(map, lru_cache(1024)(value))


def day(cell: str) -> str:
    """A date; a time of the day loses its time."""
    return date.fromisoformat(cell[:10]).isoformat()


class LocalZone:
    """A zone, and the offsets of its hours in which no clock is changed: ten times a row would be looked up else."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._offset_of = lru_cache(100_000)(self._offset)  # eleven years of hours

    def _offset(self, hour: str) -> str | None:
        """The offset of an hour, as `2026-09-01 10`; None where a clock is changed in it, and for other forms."""
        begin = datetime.fromisoformat(hour)
        first, after = (moment.replace(tzinfo=self.zone) for moment in (begin, begin + timedelta(hours=1)))
        usual = begin.isoformat()[:13] == hour.replace(" ", "T")
        return first.isoformat()[-6:] if usual and first.utcoffset() == after.utcoffset() else None

    def read(self, cell: str) -> str:
        """A time as RFC 3339: `2026-09-01 10:15:30` as `2026-09-01T10:15:30+00:00`; an offset is kept.

        An hour that the clocks repeat is read as its first turn, and a time that they skip as if they had not been
        changed yet. Raises ValueError or OverflowError for another text.
        """
        moment = datetime.fromisoformat(cell)
        if moment.tzinfo is not None:
            return rfc3339(moment)
        usual = len(cell) == SECONDS or (len(cell) == MICROSECONDS and cell[SECONDS] == ".")
        if usual and (offset := self._offset_of(cell[:13])):
            return cell.replace(" ", "T", 1) + offset
        return moment.replace(tzinfo=self.zone).isoformat(timespec="microseconds" if "." in cell else "seconds")


class ExportColumns:
    """Turns the files of one stream into rows; safe to share between threads.

    A known column that a file lacks is null and logged once a sync; unknown columns pass as text. A file without the
    column that is the key or the cursor is an error, since its rows would be taken for one.

    `timezone` is the requested zone, `days` the columns of a row's own day. `key` is how rows get a key: empty where
    the API has one, or the name of a method of `FileKeys`.
    """

    def __init__(
        self, stream: str, schema: Mapping[str, Any], timezone: str, key: str, days: Sequence[str] = DAY_COLUMNS
    ) -> None:
        self._stream, self.timezone, self.key, self.days = stream, timezone, key, days
        self.columns: Mapping[str, Any] = schema.get("properties", {})
        self.known = [name for name in self.columns if name not in DERIVED]
        required = [name for name, column in self.columns.items() if column.get("type") in ("string", "integer")]
        self.keys = [name for name in required if name not in DERIVED and name not in DAY_COLUMNS]
        self.cursor = next((name for name in DAY_COLUMNS if name in required), None)
        self.required = [self.cursor, *self.keys] if self.cursor else self.keys
        self.times = {name for name, column in self.columns.items() if column.get("format") == "date-time"}
        self.converters = {name: self._converter(name) for name in (*self.columns, *TARGET_TYPES)}
        self.zone_named = lru_cache(1024)(self._zone)
        self._logged: set[str] = set()

    def rows(self, file: ExportFile, *, scope: str, window: DayWindow, asked: DayWindow, context: str) -> Iterator[Row]:
        """The rows of one file: `asked` are the days the export was asked for, `window` those its aggregates stand for.

        Raises `BrokenFileError` when the text is no export or ends inside a cell or a row.
        """
        reader = csv.reader(file.lines(), strict=True)
        try:
            cells = next((row for row in reader if any(cell.strip() for cell in row)), None)
            if cells is None:
                return
            header = self._header(cells, context, is_csv=file.is_csv)
            typed = _TypedRows(self, header, scope, window, asked, context)
            rows: list[Row] = []
            with typed.keys.duplicates:
                for batch in _batches(reader, file, len(header), context):
                    yield from rows
                    rows = typed(batch)
                self._check_end(file, header, rows, context)
                yield from rows
                typed.check_days()
        except csv.Error as error:
            raise _cut(context, f"at line {reader.line_num}: {error}") from None

    def log_once(self, what: str, message: str, *values: Any) -> None:
        """A warning about the files of this sync, however many of them it is true of."""
        if what not in self._logged:
            self._logged.add(what)
            level = logging.INFO if what == "unknown" else logging.WARNING
            logger.log(level, f"{self._stream}: {message} Logged once per sync.", *values)  # noqa: G004

    def unreadable(self, name: str) -> None:
        """Logs that a cell of a column has become null."""
        self.log_once(f"cell {name}", "a cell of %s cannot be read as its type and becomes null.", name)

    def _converter(self, name: str) -> Convert:
        column = self.columns.get(name, {})
        kinds: dict[str, Callable[[str], Any]] = {"integer": integer, "number": number, "boolean": boolean}
        convert = next((kinds[kind] for kind in kinds if kind in column.get("type", ())), None)
        if name in TARGET_TYPES:
            convert = call_center_type
        elif column.get("format") == "date":
            convert = day
        return remembered(convert, lambda: self.unreadable(name)) if convert else texts

    def _zone(self, name: str) -> LocalZone:
        try:
            return LocalZone(zone_of(name))
        except (ValueError, OSError, ZoneInfoNotFoundError):
            message = "a row names the time zone %s, which does not exist; its times are read in %s."
            self.log_once("zone", message, name, self.timezone)
            return self.zone_named(self.timezone)

    def _header(self, cells: list[str], context: str, *, is_csv: bool) -> list[str]:
        """The names of the columns, each once; raises `BrokenFileError` where they are those of no export."""
        names = [cell.strip() for cell in cells]
        if len(names) > MOST_COLUMNS:
            raise _no_export(f"{context}: what came in place of the export has {len(names)} columns; none has so many.")
        if not any(name in TYPICAL or name in self.known for name in names):
            beginning = snippet(",".join(cells))
            if not (is_csv and len(names) > 1 and len(self.known) < DOCUMENTED):
                seen = f"what came in place of the export is no CSV of Dialpad; it begins with: {beginning}"
                raise _no_export(f"{context}: {seen}")
            message = "the export shares no column with any known one; its rows pass as text. Its columns: %s."
            self.log_once("undocumented", message, beginning)
        for name in self.required:
            if name not in names:
                seen = f"Its columns: {snippet(', '.join(names))}"
                raise _no_export(f"{context}: the export has no column {name}, which tells its rows apart. {seen}")
        if missing := ", ".join(name for name in self.known if name not in names):
            self.log_once("missing", "the export lacks columns that are known; they are null in all rows: %s.", missing)
        if unknown := ", ".join(name for name in names if name not in self.columns):
            message = "the export has columns the schema does not know; they pass as text, and in other_columns: %s."
            self.log_once("unknown", message, unknown)
        return _each_once(names)

    def _check_end(self, file: ExportFile, header: list[str], rows: list[Row], context: str) -> None:
        """Raises `BrokenFileError` unless a last line without a line break may be whole: its last cell is a value."""
        name = header[-1]
        if not rows:
            is_whole = name in self.columns or name in TYPICAL
        else:
            is_whole = rows[-1][name] == self.timezone if name == "timezone" else rows[-1][name] is not None
        if file.last == b"," or not (is_whole or file.last in b"\r\n"):
            raise _cut(context, "its last line has no end and its last cell is not whole")


def _no_export(message: str) -> BrokenFileError:
    return BrokenFileError(message, FailureType.system_error)


def _cut(context: str, how: str) -> BrokenFileError:
    return BrokenFileError(f"{context}: the file of the export breaks off or is no CSV: {how}.")


def _each_once(names: list[str]) -> list[str]:
    """The names; one that comes again, or that is ours, gets a number."""
    taken = {*DERIVED} - {"timezone"}
    header: list[str] = []
    for position, name in enumerate(names, 1):
        base = name or f"column_{position}"
        header.append(next(free for free in chain((base,), (f"{base}__{n}" for n in count(2))) if free not in taken))
        taken.add(header[-1])
    return header


def _batches(reader: Iterator[list[str]], file: ExportFile, width: int, context: str) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    begins = file.position
    for row in filter(None, reader):
        if len(row) != width:
            raise _cut(context, f"a row has {counted(len(row), 'cell')}, and the header {width}")
        file.row_begins = file.position
        batch.append(row)
        if len(batch) >= BATCH_ROWS or file.position - begins > BATCH_BYTES:
            yield batch
            batch, begins = [], file.position
    if batch:
        yield batch


@dataclass
class _TypedRows:
    """Converts batches of one file: what its header means is worked out once, here."""

    _stream: ExportColumns
    _header: list[str]
    _scope: str
    _window: DayWindow
    _asked: DayWindow
    _context: str

    def __post_init__(self) -> None:
        stream, header = self._stream, self._header
        self._zone_column = header.index("timezone") if "timezone" in header else None
        self._day_column = next((header.index(name) for name in stream.days if name in header), None)
        self._days = remembered(day, lambda: stream.unreadable(header[self._day_column or 0]))
        self._converters = [stream.converters.get(name, texts) for name in header]
        self._required = [header.index(name) for name in stream.required]
        missing = [name for name in stream.known if name not in header]
        self._constants = [repeat(value) for value in (*[None] * len(missing), self._scope)]
        self._names = [*header, *missing, "scope", "window_start", "window_end", "timezone"]
        self._others = [name for name in header if name not in stream.columns]
        named = sorted(name for name in header if name not in DERIVED)
        known = [name for name in named if name in stream.known or name in DAY_COLUMNS]
        self.keys = FileKeys(named, known if {*known} & {*stream.known} else (), stream.log_once)
        self._add_key: Callable[[Row, tzinfo], None] | None = getattr(self.keys, stream.key) if stream.key else None
        self._day_outside: str | None = None
        self._has_row_inside = self._day_column is None

    def __call__(self, batch: list[list[str]]) -> list[Row]:
        cells, timezone = list(zip(*batch, strict=True)), self._stream.timezone
        zone_names: Iterable[str] = repeat(timezone)
        zones: Iterable[LocalZone] = repeat(self._stream.zone_named(timezone))
        if self._zone_column is not None and not set(cells[self._zone_column]) <= {"", timezone}:
            zone_names = [cell or timezone for cell in cells[self._zone_column]]
            zones = list(map(self._stream.zone_named, zone_names))
        columns: list[Iterable[Any]] = [
            self._times(name, column, zones) if name in self._stream.times else convert(column)
            for name, column, convert in zip(self._header, cells, self._converters, strict=True)
        ]
        columns += [*self._constants, *self._windows(cells, zone_names), zone_names]
        names = self._names  # the last one, the zone, stands for the file's own column too
        rows: list[Row] = [dict(zip(names, values)) for values in zip(*columns)]  # noqa: B905  # some repeat without end
        if self._others:
            for row in rows:
                row["other_columns"] = {name: row[name] for name in self._others if row[name] is not None}
        if self._add_key or any("" in cells[index] for index in self._required):
            self._complete(rows)
        return rows

    def check_days(self) -> None:
        """Raises a transient error where all rows lie outside the days asked for: it is the export of other days."""
        if self._day_outside and not self._has_row_inside:
            raise transient_error(
                f"{self._context}: all rows of the export lie outside the days that were asked for, one of them "
                f"on {self._day_outside}: Dialpad answered with an earlier export. Run the sync again in some hours."
            )

    def _times(self, name: str, cells: Cells, zones: Iterable[LocalZone]) -> Iterator[str | None]:
        """Times of their zones; None for an empty cell, and for an unreadable one unless that is the cursor."""
        for cell, zone in zip(cells, zones, strict=False):  # zones may go on without end
            try:
                yield zone.read(cell) if cell else None
            except (ValueError, OverflowError):
                if name == self._stream.cursor:
                    what = f"a row has {snippet(cell)!r} in {name}, an unparseable timestamp; the row cannot be placed."
                    raise system_error(f"{self._context}: {what} Please report it.") from None
                self._stream.unreadable(name)
                yield None

    def _windows(self, cells: list[tuple[str, ...]], zones: Iterable[str]) -> tuple[Iterable[str], Iterable[str]]:
        """Begin and end of the window that each row stands for: its own day where it has one."""
        first, last = (edge.isoformat() for edge in self._window)
        if self._day_column is None:
            return repeat(first), repeat(last)
        days: list[str | None] = list(self._days([cell[:10] for cell in cells[self._day_column]]))
        first_asked, last_asked = (edge.isoformat() for edge in self._asked)
        if outside := {own_day for own_day in {*days} if own_day and not first_asked <= own_day <= last_asked}:
            self._day_outside = min(outside)
            message = "a row lies on %s, outside the days that were asked for, %s."
            self._stream.log_once("days", message, self._day_outside, self._asked.label)
        if not outside.issuperset(days) or isinstance(zones, list):  # other zones have other midnights
            self._has_row_inside = True
        return [own_day or first for own_day in days], [own_day or last for own_day in days]

    def _complete(self, rows: list[Row]) -> None:
        cursor, key_columns = self._stream.cursor, self._stream.keys
        for row in rows:
            zone = self._stream.zone_named(row["timezone"]).zone
            if cursor and row[cursor] is None:
                row[cursor] = rfc3339(midnight(self._window.first, zone_of(self._stream.timezone)))
                self._stream.log_once("undated", "a row has no %s; it stands at the start of its window.", cursor)
            if None in map(row.get, key_columns):
                self.keys.fill_missing(row, key_columns, zone)
            if self._add_key:
                self._add_key(row, zone)
