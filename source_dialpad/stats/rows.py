"""The rows of an export: the CSV's cells as typed columns, with scope, window and key.

What is known of the files comes from real exports that people published: a header in lower snake case that is not a
contract (columns come and go), quoted cells with commas and line breaks, `""` for null, times without a zone in two
forms within one row, and for an export without rows a header alone or nothing at all. A page of HTML or JSON may come
in place of a file that has expired, with status 200.

A file is read in batches of rows, and a batch is converted column by column: that is what makes it fast.
"""

from __future__ import annotations

import csv
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import repeat
from typing import Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfoNotFoundError

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import snippet, system_error, transient_error
from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.keys import KEYS, FileKeys, Row, call_center_type
from source_dialpad.sync.windows import DayWindow, midnight
from source_dialpad.transport.times import rfc3339, zone_of
from source_dialpad.transport.types import boolean, integer, number

logger = logging.getLogger("airbyte")

LARGEST_CELL = 16 << 20
"""Characters a cell may hold: transcripts are long, Python's own limit of 131,072 is too short for them.

While it reads a cell, Python holds four bytes for each character.
"""

MOST_COLUMNS = 1000
"""The widest export known has some 60."""

DOCUMENTED = 3
"""Columns that a schema knows at least where the header was published; seven of the exports have fewer."""

BATCH_ROWS = 200
BATCH_BYTES = 1 << 19
"""Rows that are converted at once, fewer where they are long."""

REMEMBERED = 1024
"""Cells a column remembers with their values: most cells of a file are repeated, and memory has to stay flat."""

REMEMBERED_HOURS = 100_000
"""Hours of a zone, eleven years of them, whose offsets are remembered."""

csv.field_size_limit(LARGEST_CELL)

DERIVED = ("scope", "window_start", "window_end", "timezone", "row_key", "record_key", "other_columns")
"""Columns that are ours; `timezone` is the file's where it has one."""

DAY_COLUMNS = ("date_started", "date")
"""Columns that say on which day a row lies; the first one a file has counts."""

TYPICAL = frozenset(
    (
        *("date", "date_started", "call_id", "message_id", "record_id", "target_id", "user_id", "office_id", "name"),
        *("email", "timezone", "type", "response", "all_calls", "minutes", "disposition"),
    )
)
"""Columns of which any export known has at least one; a file with none of them is something else."""

SECONDS, MICROSECONDS = len("2026-09-01 10:15:30"), len("2026-09-01 10:15:30.123456")
"""Lengths of the two forms a time has in the files."""

Cells = Sequence[str]
Convert = Callable[[Cells], Iterable[Any]]
"""The cells of one column as values."""

LogOnce = Callable[..., None]
"""Logs once a sync: `log_once(what, message, *values)`."""


# --- converters of a column -------------------------------------------------------------------------------------------


def texts(cells: Cells) -> Sequence[str | None]:
    """Text as it is; an empty cell is null."""
    return [cell or None for cell in cells] if "" in cells else cells


class RememberedCells(dict[str, Any]):
    """The values of one column by their cells; None for an empty cell or an unreadable one."""

    def __init__(self, convert: Callable[[str], Any], on_unreadable: Callable[[], None]) -> None:
        """`convert` raises ValueError or OverflowError for a cell it cannot read."""
        super().__init__()
        self._convert, self._on_unreadable = convert, on_unreadable

    def __call__(self, cells: Cells) -> Iterator[Any]:
        """The values of some cells."""
        return map(self.__getitem__, cells)

    def __missing__(self, cell: str) -> Any:
        if len(self) > REMEMBERED:
            self.clear()
        try:
            value = self._convert(cell) if cell else None
        except (ValueError, OverflowError):
            self._on_unreadable()
            value = None
        self[cell] = value
        return value


class LocalTimes:
    """Naive local times of one zone as RFC 3339.

    An hour that the clocks repeat is read as its first turn, and a time that they skip as if they had not been changed
    yet; both keep their printed digits. Offsets are looked up once an hour.
    """

    def __init__(self, zone: tzinfo) -> None:
        """`zone` is the zone of the printed times."""
        self._zone = zone
        self._offsets: dict[str, str] = {}
        """Offsets by hour, as `2026-09-01 10`, of hours in which no clock is changed."""

    def __call__(self, cell: str) -> str:
        """`2026-09-01 10:15:30.123456` as `2026-09-01T10:15:30.123456+00:00`; a time with an offset keeps it.

        Raises ValueError where the cell is no time.
        """
        moment = datetime.fromisoformat(cell)
        if moment.tzinfo is not None:
            return rfc3339(moment)
        hour = moment.replace(minute=0, second=0, microsecond=0)
        offsets = {time.replace(tzinfo=self._zone).utcoffset() for time in (hour, moment, hour + timedelta(hours=1))}
        offset = moment.replace(tzinfo=self._zone).isoformat()[-6:]
        if len(offsets) == 1 and cell[:13] in (f"{hour:%Y-%m-%d %H}", f"{hour:%Y-%m-%dT%H}"):
            if len(self._offsets) > REMEMBERED_HOURS:
                self._offsets.clear()
            self._offsets[cell[:13]] = offset
        return f"{moment.isoformat(timespec='microseconds' if '.' in cell else 'seconds')}{offset}"

    def column(self, cells: Cells, on_unreadable: Callable[[str], None]) -> list[str | None]:
        """The times of a column; None for an empty cell, and for an unreadable one after `on_unreadable(cell)`."""
        offsets, fromisoformat = self._offsets, datetime.fromisoformat
        times: list[str | None] = []
        for cell in cells:
            if not cell:
                times.append(None)
                continue
            try:
                is_naive = fromisoformat(cell).tzinfo is None
                offset = offsets.get(cell[:13])
                usual = len(cell) == SECONDS or (len(cell) == MICROSECONDS and cell[19] == ".")
                times.append(cell.replace(" ", "T", 1) + offset if is_naive and offset and usual else self(cell))
            except ValueError:
                on_unreadable(cell)
                times.append(None)
        return times


class RowZones:
    """How to read the times of a row: in the zone it names, or in the requested one where that does not exist."""

    def __init__(self, requested: str, log_once: LogOnce) -> None:
        """The requested zone has to exist."""
        self._requested = requested
        self._log_once = log_once
        self._zones: dict[str, LocalTimes] = {requested: LocalTimes(zone_of(requested))}

    def __call__(self, name: str) -> LocalTimes:
        """The times of a zone."""
        if name not in self._zones:
            try:
                self._zones[name] = LocalTimes(zone_of(name))
            except (ValueError, OSError, ZoneInfoNotFoundError):
                message = "a row names the time zone %s, which does not exist; its times are read in %s."
                self._log_once("zone", message, name, self._requested)
                return self._zones[self._requested]
        return self._zones[name]


def day(cell: str) -> str:
    """A date; a time of the day loses its time."""
    return date.fromisoformat(cell[:10]).isoformat()


# --- the files of a stream --------------------------------------------------------------------------------------------


class ExportColumns:
    """Turns the files of one stream into rows; safe to share between threads.

    `key` is how rows get a key: empty where the API has one, or a name of `KEYS`. A known column that a file lacks is
    null and logged once a sync; unknown columns pass as text. A file without the column that is the key or the cursor
    is an error, since its rows would be taken for one.
    """

    def __init__(
        self, stream: str, schema: Mapping[str, Any], timezone: str, key: str, days: Sequence[str] = DAY_COLUMNS
    ) -> None:
        """`schema` is the stream's JSON Schema, `timezone` the requested zone, `days` the columns of a row's day."""
        self.days = days
        self._stream = stream
        self.timezone = timezone
        self.columns: Mapping[str, Any] = schema.get("properties", {})
        self.known = [name for name in self.columns if name not in DERIVED]
        self.add_key = KEYS[key] if key else None
        required = [name for name, column in self.columns.items() if column.get("type") in ("string", "integer")]
        self.keys = [name for name in required if name not in DERIVED and name not in DAY_COLUMNS]
        self.cursor = next((name for name in DAY_COLUMNS if name in required), None)
        self._logged: set[str] = set()
        self._lock = threading.Lock()

    def rows(self, file: ExportFile, *, scope: str, window: DayWindow, asked: DayWindow, context: str) -> Iterator[Row]:
        """The rows of one file: `asked` are the days the export was asked for, `window` those its aggregates stand for.

        Raises `BrokenFileError` when the text is no export or ends inside a cell or a row.
        """
        reader = csv.reader(file, strict=True)
        try:
            cells = next((row for row in reader if any(cell.strip() for cell in row)), None)
            if cells is None:
                return
            header = self._header(cells, context, is_csv=file.is_csv)
            typed = _TypedRows(self, header, _Place(scope, window, asked, context))
            with typed.keys.duplicates:
                for batch in _batches(reader, file, len(header), context):
                    rows = typed(batch)
                    if batch.is_last:
                        self._check_end(file, header, rows, context)
                    yield from rows
                typed.check_days()
        except csv.Error as error:
            _broken(context, f"at line {reader.line_num}: {error}")

    def log_once(self, what: str, message: str, *values: Any) -> None:
        """A warning about the files of this sync, however many of them it is true of."""
        with self._lock:
            if what in self._logged:
                return
            self._logged.add(what)
        level = logging.INFO if what == "unknown" else logging.WARNING
        logger.log(level, f"{self._stream}: {message} Logged once per sync.", *values)  # noqa: G004

    def _check_end(self, file: ExportFile, header: list[str], rows: list[Row], context: str) -> None:
        """Raises `BrokenFileError` unless a last line without a line break may be whole: its last cell is a value."""
        name = header[-1]
        if not rows:
            is_whole = name in self.columns or name in TYPICAL
        elif name == "timezone":
            is_whole = rows[-1][name] == self.timezone
        else:
            is_whole = rows[-1][name] is not None
        if file.ends_empty or (file.ends_open and not is_whole):
            _broken(context, "its last line has no end and its last cell is not whole")

    def _header(self, cells: list[str], context: str, *, is_csv: bool) -> list[str]:
        """The names of the columns, each once; raises `BrokenFileError` where they are those of no export."""
        names = [cell.strip() for cell in cells]
        if len(names) > MOST_COLUMNS:
            self._refuse(f"{context}: what came in place of the export has {len(names)} columns; none has so many.")
        if not any(name in TYPICAL or name in self.known for name in names):
            beginning = snippet(",".join(cells))
            if not (is_csv and len(names) > 1 and len(self.known) < DOCUMENTED):
                self._refuse(
                    f"{context}: what came in place of the export is no CSV of Dialpad; it begins with: {beginning}"
                )
            message = "the export shares no column with any known one; its rows pass as text. Its columns: %s."
            self.log_once("undocumented", message, beginning)
        for name in filter(None, (self.cursor, *self.keys)):
            if name not in names:
                self._refuse(
                    f"{context}: the export has no column {name}, which tells its rows apart. Its columns: "
                    f"{snippet(', '.join(names))}"
                )
        if missing := [name for name in self.known if name not in names]:
            message = "the export lacks columns that are known; they are null in every row: %s."
            self.log_once("missing", message, ", ".join(missing))
        if unknown := [name for name in names if name not in self.columns]:
            message = "the export has columns the schema does not know; they pass as text, and in other_columns: %s."
            self.log_once("unknown", message, ", ".join(unknown))
        return _each_once(names)

    @staticmethod
    def _refuse(message: str) -> NoReturn:
        raise BrokenFileError(system_error(message))


def _each_once(names: list[str]) -> list[str]:
    """The names; one that comes again, or that is ours, gets a number."""
    taken = set(DERIVED) - {"timezone"}
    header: list[str] = []
    for position, name in enumerate(names, 1):
        base = free = name or f"column_{position}"
        times = 1
        while free in taken:
            times += 1
            free = f"{base}__{times}"
        taken.add(free)
        header.append(free)
    return header


def _broken(context: str, how: str) -> NoReturn:
    raise BrokenFileError(transient_error(f"{context}: the file of the export breaks off or is no CSV: {how}."))


class _Batch(list[list[str]]):
    """Rows of cells; `is_last` when the file has no more."""

    is_last = False


def _batches(reader: Iterator[list[str]], file: ExportFile, width: int, context: str) -> Iterator[_Batch]:
    """The rows of a file, the last batch being the one that is cut where the file is; there is always a last one."""
    batch, progress = _Batch(), file.progress
    begins = progress.position
    for row in reader:
        if len(row) != width:
            if not row:
                continue
            _broken(context, f"a row has {len(row)} cells and the header {width}")
        progress.row_begins = progress.position
        if len(batch) >= BATCH_ROWS or progress.position - begins > BATCH_BYTES:
            if batch:
                yield batch
            batch, begins = _Batch(), progress.position
        batch.append(row)
    batch.is_last = True
    yield batch


class _Place(NamedTuple):
    """Where a file's rows belong: their scope, the window they stand for, the days asked for, and what errors say."""

    scope: str
    window: DayWindow
    asked: DayWindow
    context: str


class _TypedRows:
    """Converts batches of one file: what its header means is worked out once, here."""

    def __init__(self, stream: ExportColumns, header: list[str], place: _Place) -> None:
        self._stream = stream
        scope, self._window, self._asked, self._context = place
        self._zones = RowZones(stream.timezone, stream.log_once)
        self._zone_column = header.index("timezone") if "timezone" in header else None
        self._times = [index for index, name in enumerate(header) if self._format(name) == "date-time"]
        self._converters = [
            (index, self._converter(name))
            for index, name in enumerate(header)
            if index not in (self._zone_column, *self._times)
        ]
        self._day_column = next((header.index(name) for name in stream.days if name in header), None)
        self._days = RememberedCells(day, lambda: self._unreadable(header[self._day_column or 0]))
        self._required = [header.index(name) for name in filter(None, (stream.cursor, *stream.keys))]
        missing = [name for name in stream.known if name not in header]
        self._constants: list[Iterable[Any]] = [repeat(value) for value in (*[None] * len(missing), scope)]
        self._header = header
        self._names = [*header, *missing, "scope", "window_start", "window_end"]
        if self._zone_column is None:
            self._names.append("timezone")
        self._others = [name for name in header if name not in stream.columns]
        named = sorted(name for name in header if name not in DERIVED)
        known = [name for name in named if name in stream.known or name in DAY_COLUMNS]
        self.keys = FileKeys(named, known if set(known) & {*stream.known} else (), stream.log_once)
        self._day_outside: str | None = None
        self._has_row_inside = self._day_column is None

    def __call__(self, batch: list[list[str]]) -> list[Row]:
        """The rows of a batch."""
        if not batch:
            return []
        cells = list(zip(*batch, strict=True))
        columns: list[Iterable[Any]] = [*cells]
        zones = self._read_zones(cells, columns)
        for index in self._times:
            columns[index] = self._read_times(index, cells[index], zones)
        for index, convert in self._converters:
            columns[index] = convert(cells[index])
        columns += self._constants
        columns += self._read_windows(cells, zones)
        if self._zone_column is None:
            columns.append(repeat(self._stream.timezone))
        names = self._names
        rows: list[Row] = [dict(zip(names, values)) for values in zip(*columns)]  # noqa: B905  # some repeat without end
        if self._others:
            for row in rows:
                row["other_columns"] = {name: row[name] for name in self._others if row[name] is not None}
        if self._stream.add_key or any("" in cells[index] for index in self._required):
            self._complete(rows)
        return rows

    def check_days(self) -> None:
        """Raises a transient error where all rows lie outside the days asked for: it is the export of other days."""
        if self._day_outside and not self._has_row_inside:
            raise transient_error(
                f"{self._context}: all rows of the export lie outside the days that were asked for, one of them on "
                f"{self._day_outside}: Dialpad answered with an earlier export. Run the sync again in some hours."
            )

    def _format(self, name: str) -> str | None:
        found: str | None = self._stream.columns.get(name, {}).get("format")
        return found

    def _converter(self, name: str) -> Convert:
        kinds: dict[str, Callable[[str], Any]] = {"integer": integer, "number": number, "boolean": boolean}
        types = self._stream.columns.get(name, {}).get("type", ())
        convert = next((kinds[kind] for kind in kinds if kind in types), None)
        if name in ("target_type", "entry_point_target_type"):
            convert = call_center_type
        elif self._format(name) == "date":
            convert = day
        return RememberedCells(convert, lambda: self._unreadable(name)) if convert else texts

    def _unreadable(self, name: str) -> None:
        self._stream.log_once(f"cell {name}", "a cell of %s cannot be read as its type and becomes null.", name)

    def _read_zones(self, cells: list[tuple[str, ...]], columns: list[Iterable[Any]]) -> list[str] | str:
        """The zone of each row, or one name for all of them; writes the column of zones."""
        if self._zone_column is None:
            return self._stream.timezone
        zones = [cell or self._stream.timezone for cell in cells[self._zone_column]]
        columns[self._zone_column] = zones
        return zones[0] if zones.count(zones[0]) == len(zones) else zones

    def _read_times(self, index: int, cells: Cells, zones: list[str] | str) -> list[str | None]:
        name = self._header[index]

        def on_unreadable(cell: str) -> None:
            if name == self._stream.cursor:
                raise _unknown_time(self._context, name, cell)
            self._unreadable(name)

        if isinstance(zones, str):
            return self._zones(zones).column(cells, on_unreadable)
        pairs = zip(cells, zones, strict=True)
        return [self._zones(zone).column((cell,), on_unreadable)[0] for cell, zone in pairs]

    def _read_windows(
        self, cells: list[tuple[str, ...]], zones: list[str] | str
    ) -> tuple[Iterable[str], Iterable[str]]:
        """Begin and end of the window that each row stands for: its own day where it has one."""
        first, last = self._window.first.isoformat(), self._window.last.isoformat()
        if self._day_column is None:
            return repeat(first), repeat(last)
        days: list[str | None] = list(self._days([cell[:10] for cell in cells[self._day_column]]))
        first_asked, last_asked = self._asked.first.isoformat(), self._asked.last.isoformat()
        outside = {own_day for own_day in {*days} if own_day and not first_asked <= own_day <= last_asked}
        if outside:
            self._day_outside = min(outside)
            message = "a row lies on %s, outside the days that were asked for, %s."
            self._stream.log_once("days", message, self._day_outside, self._asked.label)
        if not outside.issuperset(days) or zones != self._stream.timezone:  # days of other zones begin at other times
            self._has_row_inside = True
        if None not in days:
            return days, days  # type: ignore[return-value]
        return [own_day or first for own_day in days], [own_day or last for own_day in days]

    def _complete(self, rows: list[Row]) -> None:
        """Gives every row a time and a key."""
        cursor, key_columns, add_key = self._stream.cursor, self._stream.keys, self._stream.add_key
        for row in rows:
            if cursor and row[cursor] is None:
                row[cursor] = rfc3339(midnight(self._window.first, zone_of(self._stream.timezone)))
                self._stream.log_once("undated", "a row has no %s; it stands at the start of its window.", cursor)
            for name in key_columns:
                if row[name] is None:
                    self.keys.fill_missing_key(row, key_columns, self._zones(row["timezone"]))
            if add_key:
                add_key(row, self.keys, self._zones(row["timezone"]))


def _unknown_time(context: str, column: str, cell: str) -> AirbyteTracedException:
    return system_error(
        f"{context}: a row has {snippet(cell)!r} in {column}, an unparseable timestamp; the row cannot be placed. "
        "Please report it."
    )
