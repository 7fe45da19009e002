"""Rows that fit their schema: text, number, boolean and time as the schema file says, whatever the API sent.

One rule a JSON type, applied to the columns that the schema names; unknown columns pass as they come. A value that
cannot be read as its type becomes null and is reported once a column, since a warehouse would refuse the whole batch.

Times become RFC 3339 with an offset: integers are milliseconds since 1970 UTC (spec: int64 ms), naive text is UTC
unless a zone is given, and a trailing `[GMT]` as in `2021-12-01T12:46:36.581Z[GMT]` is dropped. Identifiers become
text: the API's own examples write every int64 as text, webhooks send numbers. `{}` for an absent party becomes null.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from source_dialpad.components.errors import system_error
from source_dialpad.components.windows import from_milliseconds, rfc3339

logger = logging.getLogger("airbyte")

Convert = Callable[[Any], Any]
Fitting = tuple[type, ...]

UTC_LENGTHS = (25, 29, 32)
"""Characters of a time in UTC as we write it: with seconds, milliseconds or microseconds."""

_WRITTEN = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<time>\d\d:\d\d)(?P<seconds>:\d\d(\.\d+)?)?(?P<offset>Z|[+-]\d\d:?\d\d)?"
)
ZONE_NAME = re.compile(r"\[[A-Za-z_/+\-0-9]+\]$")


INT64 = 2**63
"""One past the greatest whole number that a warehouse holds."""


class UnreadableError(ValueError):
    """A value that cannot be read as the type of its column."""


class RowTyper:
    """Turns JSON objects into rows of one schema, in place; safe to share between threads."""

    def __init__(self, stream: str, schema: Mapping[str, Any]) -> None:
        """`schema` is the stream's JSON Schema."""
        self._stream = stream
        self._reported: set[str] = set()
        self._lock = threading.Lock()
        properties = schema.get("properties", {})
        self._converters = self._members(properties, "")
        self._firm = [name for name, column in properties.items() if "null" not in column.get("type", ["null"])]

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """The same object, its known members converted; missing members stay missing.

        Raises a system error for a row without a value that the schema says is never null: its key, its cursor.
        """
        get = row.get
        for name, fitting, convert in self._converters:
            value = get(name)
            if value is not None and value.__class__ not in fitting:
                row[name] = convert(value)
        for name in self._firm:
            if get(name) is None:
                raise system_error(
                    f"{self._stream}: a row came without a readable {name}, which its key or its place in time needs; "
                    "it can neither be kept apart from others nor left out. Please report it."
                )
        return row

    def _members(self, properties: Mapping[str, Any], path: str) -> list[tuple[str, Fitting, Convert]]:
        """Each column that has a type: its name, the classes of values that fit as they are, and what others become."""
        found = ((name, schema, self._converter(schema, f"{path}{name}")) for name, schema in properties.items())
        return [(name, _fitting(schema), convert) for name, schema, convert in found if convert is not None]

    def _converter(self, schema: Mapping[str, Any], path: str) -> Convert | None:
        types = schema.get("type", [])
        kinds = [types] if isinstance(types, str) else [kind for kind in types if kind != "null"]
        if len(kinds) != 1:
            return None  # a shape nobody documents passes as it comes
        kind = kinds[0]
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema, path)
        if kind == "string" and schema.get("format") == "date-time":
            return self._reporting(rfc3339_of, path)
        return self._reporting({"string": text, "integer": integer, "number": number, "boolean": boolean}[kind], path)

    def _object(self, schema: Mapping[str, Any], path: str) -> Convert:
        members = self._members(schema.get("properties", {}), f"{path}.")

        def convert(value: Any) -> Any:
            if not isinstance(value, dict):
                return self._report(value, path, "object")
            for name, fitting, convert_member in members:
                member = value.get(name)
                if member is not None and member.__class__ not in fitting:
                    value[name] = convert_member(member)
            return value or None

        return convert

    def _array(self, schema: Mapping[str, Any], path: str) -> Convert:
        convert_item = self._converter(schema.get("items", {}), f"{path}[]")
        fitting = _fitting(schema.get("items", {}))

        def convert(value: Any) -> Any:
            if value in ("", {}, []):
                return []
            items = value if isinstance(value, list) else [value]
            if convert_item is None or all(item.__class__ in fitting for item in items):
                return items
            return [None if item is None else convert_item(item) for item in items]

        return convert

    def _reporting(self, read: Convert, path: str) -> Convert:
        def convert(value: Any) -> Any:
            try:
                return read(value)
            except (ValueError, TypeError, OverflowError):
                return self._report(value, path, read.__name__)

        return convert

    def _report(self, value: Any, path: str, wanted: str) -> None:
        with self._lock:
            if path in self._reported:
                return
            self._reported.add(path)
        logger.warning(
            "%s: a value of %s (a %s) cannot be read as %s and becomes null; this is said once a column.",
            self._stream,
            path,
            type(value).__name__,
            wanted.removesuffix("_of"),
        )


def _fitting(schema: Mapping[str, Any]) -> Fitting:
    """The classes of JSON values that a column's type takes as they are: most values, so the test is a cheap one."""
    types = schema.get("type", [])
    kinds = {types} if isinstance(types, str) else set(types) - {"null"}
    if kinds == {"string"} and schema.get("format") != "date-time":
        return (str,)
    return (bool,) if kinds == {"boolean"} else ()


def text(value: Any) -> str:
    """Text as it is; numbers and booleans as JSON writes them, whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value).decode()


def integer(value: Any) -> int | None:
    """A whole number; text of digits is read, `3.0` is 3, empty text is null."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = int(value)
        except ValueError:
            value = float(value)
    whole = int(value)
    if whole != value or not -INT64 <= whole < INT64:
        raise UnreadableError
    return whole


def number(value: Any) -> float | int | None:
    """A number; text is read, empty text is null, NaN and infinities are not numbers of JSON."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if not value.strip():
            return None
        value = float(value)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UnreadableError
    return value


def boolean(value: Any) -> bool | None:
    """A boolean; `true`, `True`, `1` and their opposites are read, empty text is null."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and not value.strip():
        return None
    spelled = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "t": True, "f": False}
    found = spelled.get(str(value).strip().lower())
    if found is None:
        raise UnreadableError
    return found


def rfc3339_of(value: Any) -> str | None:
    """A time as RFC 3339 text with its offset."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnreadableError
    if isinstance(value, float):
        value = int(value)
    if isinstance(value, int):
        return rfc3339(from_milliseconds(value))
    if (
        len(value) in UTC_LENGTHS
        and value.endswith("+00:00")
        and value[10] == "T"
        and value[7] == "-"
        and value[16] == ":"
    ):
        datetime.fromisoformat(value)
        return str(value)  # as we write it
    value = value.strip()
    if not value:
        return None
    if value.isdigit() and len(value) > 8:  # noqa: PLR2004  # milliseconds as text, not a date without hyphens
        return rfc3339(from_milliseconds(int(value)))
    value = ZONE_NAME.sub("", value)
    moment = datetime.fromisoformat(value)  # a month 13 is no time
    written = _WRITTEN.fullmatch(value)
    if not written:  # a date, or another form of ISO 8601
        return rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    offset = (written["offset"] or "Z").replace("Z", "+00:00")
    return f"{written['day']}T{written['time']}{written['seconds'] or ':00'}{offset[:3]}:{offset[-2:]}"
