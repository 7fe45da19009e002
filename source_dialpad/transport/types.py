"""Rows that fit their schema: text, number, boolean and time as the schema file says, whatever the API sent.

One rule a JSON type, applied to the columns that the schema names; unknown columns pass as they come. A value that
cannot be read as its type becomes null and is reported once a column, since a warehouse would refuse the whole batch.

Times become RFC 3339 with an offset: integers are milliseconds since 1970 UTC (spec: int64 ms), naive text is UTC
unless a zone is given, and a trailing `[GMT]` as in `2021-12-01T12:46:36.581Z[GMT]` is dropped. Identifiers become
text: the API's own examples write every int64 as text, webhooks send numbers. `{}` for an absent party becomes null.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from source_dialpad.errors import system_error
from source_dialpad.transport.times import rfc3339, rfc3339_of_milliseconds

logger = logging.getLogger("airbyte")

Convert = Callable[[Any], Any]
Column = tuple[str, tuple[type, ...], Convert, str]
"""Its name, the classes of values that fit as they are, what others become, and its path in reports."""

FITTING: dict[str, tuple[type, ...]] = {"string": (str,), "number": (float, int), "boolean": (bool,)}
"""The classes of JSON values (hence finite ones) that fit a type as they are: most values, so the test is cheap."""

UNREADABLE = (ValueError, TypeError, OverflowError)
"""What a value that is not of its column's type raises."""

BOOLEANS = dict.fromkeys(("true", "t", "yes", "1"), True) | dict.fromkeys(("false", "f", "no", "0"), False) | {"": None}
ZONE_NAME = re.compile(r"\[[A-Za-z_/+\-0-9]+\]$")
_USUAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", re.ASCII)

INT64 = 2**63  # one past the greatest whole number that a warehouse holds


class RowTyper:
    """Turns JSON objects into rows of one schema, in place; safe to share between threads."""

    def __init__(self, stream: str, schema: Mapping[str, Any], derived: Collection[str] = ()) -> None:
        """`derived` are columns of the schema that the connector writes itself, in their types."""
        self._stream = stream
        self._reported: set[str] = set()
        properties = schema.get("properties", {})
        given = {name: column for name, column in properties.items() if name not in derived}
        self._columns = self._columns_of(given, "")
        self.required = [name for name, column in properties.items() if "null" not in column.get("type", ["null"])]

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """The same object, its known members converted; missing members stay missing.

        Raises a system error for a row without a value that the schema says is never null: its key, its cursor.
        """
        self._convert(self._columns, row)
        get = row.get
        for name in self.required:
            if get(name) is None:
                problem = f"a row came without a readable {name}, which its key or its place in time needs"
                rest = "it can neither be kept apart from others nor left out. Please report it."
                raise system_error(f"{self._stream}: {problem}; {rest}")
        return row

    def _convert(self, columns: list[Column], row: dict[str, Any]) -> None:
        get = row.get
        for name, passthrough, convert, path in columns:
            value = get(name)
            if value is not None and value.__class__ not in passthrough:
                try:
                    row[name] = convert(value)
                except UNREADABLE:
                    row[name] = None
                    self._report(value, path, convert)

    def _columns_of(self, properties: Mapping[str, Any], path: str) -> list[Column]:
        """Each column that has a type; one of a shape that nobody documents passes as it comes."""
        columns = []
        for name, schema in properties.items():
            convert = self._converter(schema, f"{path}{name}")
            if convert:
                columns.append((name, FITTING.get(_kind(schema), ()), convert, f"{path}{name}"))
        return columns

    def _converter(self, schema: Mapping[str, Any], path: str) -> Convert | None:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, path)
        if kind == "array":
            return self._array(schema.get("items", {}), f"{path}[]")
        return CONVERTERS.get(kind)

    def _object(self, schema: Mapping[str, Any], path: str) -> Convert:
        columns = self._columns_of(schema.get("properties", {}), f"{path}.")

        def convert(value: Any) -> Any:
            if value.__class__ is not dict:
                raise ValueError
            self._convert(columns, value)
            return value or None

        convert.__name__ = "object"
        return convert

    def _array(self, schema: Mapping[str, Any], path: str) -> Convert:
        convert_item: Any = self._converter(schema, path)
        passthrough = (None.__class__, *FITTING.get(_kind(schema), ()))

        def item(value: Any) -> Any:
            if value.__class__ in passthrough:
                return value
            try:
                return convert_item(value)
            except UNREADABLE:
                self._report(value, path, convert_item)

        def convert(value: Any) -> Any:
            items = value if value.__class__ is list else [] if value in ("", {}) else [value]
            return [item(each) for each in items] if convert_item else items

        return convert

    def _report(self, value: Any, path: str, convert: Convert) -> None:
        if path in self._reported:
            return
        self._reported.add(path)
        was, wanted = type(value).__name__, convert.__name__.removesuffix("_of")
        said = "%s: a value of %s (a %s) cannot be read as %s and becomes null; logged once a column."
        logger.warning(said, self._stream, path, was, wanted)


def _kind(schema: Mapping[str, Any]) -> str:
    """The one type of a column beside null, `date-time` for a time; empty where there are several, or none."""
    types = schema.get("type", [])
    kinds = [types] if isinstance(types, str) else [kind for kind in types if kind != "null"]
    if len(kinds) != 1:
        return ""
    return "date-time" if schema.get("format") == "date-time" else str(kinds[0])


def text(value: Any) -> str:
    """Text as it is; numbers and booleans as JSON writes them, whole numbers without a fraction."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value).decode()


def integer(value: Any) -> int | None:
    """A whole number; text of digits is read, `3.0` is 3, empty text is null."""
    if value.__class__ is int and -INT64 <= value < INT64:
        return value
    if isinstance(value, str):
        if not value.strip():
            return None
        value = int(value) if value.strip().lstrip("+-").isdigit() else float(value)
    whole = int(value)
    if whole != value or not -INT64 <= whole < INT64:
        raise ValueError
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
        raise ValueError
    return value


def boolean(value: Any) -> bool | None:
    """A boolean; `true`, `True`, `1` and their opposites are read, empty text is null."""
    spelled = str(value).strip().lower()
    if spelled not in BOOLEANS:
        raise ValueError
    return BOOLEANS[spelled]


def rfc3339_of(value: Any) -> str | None:
    """A time as RFC 3339 text with its offset."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return rfc3339_of_milliseconds(int(value))
    if not isinstance(value, str):
        raise TypeError
    if value[-1:] == "]":
        value = ZONE_NAME.sub("", value)
    plain = value[:-1] if value[-1:] == "Z" else value.removesuffix("+00:00")
    if _USUAL.fullmatch(plain):
        datetime.fromisoformat(plain)  # a month 13 is no time
        return f"{plain}+00:00"
    value = value.strip()
    if not value:
        return None
    if value.isdigit() and len(value) > len("20261021"):  # milliseconds as text, not a date without hyphens
        return rfc3339_of_milliseconds(int(value))
    moment = datetime.fromisoformat(value)  # any form of ISO 8601
    return rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


CONVERTERS = {"string": text, "integer": integer, "number": number, "boolean": boolean, "date-time": rfc3339_of}


def lenient_json(value: Any) -> bytes:
    """JSON in UTF-8 of what orjson refuses: whole numbers of any size, lone surrogates as U+FFFD."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
