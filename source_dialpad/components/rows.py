"""Rows that fit their schema: text, number, boolean and time as the schema file says, whatever the API sent.

One rule a JSON type, applied to the columns that the schema names; unknown columns pass as they come. A value that
cannot be read as its type becomes null and is reported once a column, since a warehouse would refuse the whole batch.

Times become RFC 3339 with an offset: integers are milliseconds since 1970 UTC (spec: int64 ms), naive text is UTC
unless a zone is given, and a trailing `[GMT]` as in `2021-12-01T12:46:36.581Z[GMT]` is dropped. Identifiers become
text: the API's own examples write every int64 as text, webhooks send numbers. `{}` for an absent party becomes null.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from source_dialpad.components.windows import from_milliseconds, rfc3339

logger = logging.getLogger("airbyte")

Convert = Callable[[Any], Any]

_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?$")
_AWARE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$")
_ZONE_NAME = re.compile(r"\[[A-Za-z_/+\-0-9]+\]$")


class Unreadable(ValueError):
    """A value that cannot be read as the type of its column."""


class RowTyper:
    """Turns JSON objects into rows of one schema, in place; safe to share between threads."""

    def __init__(self, stream: str, schema: Mapping[str, Any]) -> None:
        """`schema` is the stream's JSON Schema."""
        self._stream = stream
        self._reported: set[str] = set()
        self._lock = threading.Lock()
        self._converters = self._members(schema.get("properties", {}), "")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """The same object, its known members converted; missing members stay missing."""
        for name, convert in self._converters:
            value = row.get(name)
            if value is not None:
                row[name] = convert(value)
        return row

    def _members(self, properties: Mapping[str, Any], path: str) -> list[tuple[str, Convert]]:
        found = ((name, self._converter(schema, f"{path}{name}")) for name, schema in properties.items())
        return [(name, convert) for name, convert in found if convert is not None]

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
            for name, convert_member in members:
                member = value.get(name)
                if member is not None:
                    value[name] = convert_member(member)
            return value or None

        return convert

    def _array(self, schema: Mapping[str, Any], path: str) -> Convert:
        convert_item = self._converter(schema.get("items", {}), f"{path}[]")

        def convert(value: Any) -> Any:
            items = value if isinstance(value, list) else [value]
            return [None if item is None else convert_item(item) for item in items] if convert_item else items

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


def text(value: Any) -> str:
    """Text as it is; numbers and booleans as JSON writes them, whole numbers without a fraction."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return orjson.dumps(value).decode()


def integer(value: Any) -> int | None:
    """A whole number; text of digits is read, `3.0` is 3, empty text is null."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            return int(value)
        except ValueError:
            value = float(value)
    if value != int(value):
        raise Unreadable
    return int(value)


def number(value: Any) -> float | int | None:
    """A number; text is read, empty text is null, NaN and infinities are not numbers of JSON."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        if not value.strip():
            return None
        value = float(value)
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN alone differs from itself
        raise Unreadable
    return value  # type: ignore[no-any-return]


def boolean(value: Any) -> bool | None:
    """A boolean; `true`, `True`, `1` and their opposites are read, empty text is null."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and not value.strip():
        return None
    spelled = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "t": True, "f": False}
    found = spelled.get(str(value).strip().lower())
    if found is None:
        raise Unreadable
    return found


def rfc3339_of(value: Any) -> str | None:
    """A time as RFC 3339 text with its offset."""
    if isinstance(value, bool):
        raise Unreadable
    if isinstance(value, float):
        value = int(value)
    if isinstance(value, int):
        return rfc3339(from_milliseconds(value))
    value = value.strip()
    if not value:
        return None
    if value.isdigit() and len(value) > 8:  # noqa: PLR2004  # milliseconds as text, not a date without hyphens
        return rfc3339(from_milliseconds(int(value)))
    value = _ZONE_NAME.sub("", value)
    if _AWARE.match(value):
        whole = value.replace(" ", "T", 1)
        whole = whole[:-1] + "+00:00" if whole.endswith("Z") else whole
        datetime.fromisoformat(whole)  # a month 13 is no time
        return whole if whole[-3] == ":" else f"{whole[:-2]}:{whole[-2:]}"
    if _NAIVE.match(value):
        whole = value.replace(" ", "T", 1)
        datetime.fromisoformat(whole)
        return whole + "+00:00"
    return rfc3339(datetime.fromisoformat(value).replace(tzinfo=UTC))
