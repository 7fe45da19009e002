"""Analytics: the stream `analytics_record_data`, unaggregated records with their fields by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.analytics.catalogue import Entry, hashed, interval, pages
from source_dialpad.errors import snippet, system_error
from source_dialpad.sync.halving import PageDuplicates, TimeRange, read_in_halves
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.times import from_milliseconds, milliseconds, rfc3339
from source_dialpad.transport.types import ZONE_NAME, rfc3339_of


@dataclass
class RecordDataRetriever(SliceRetriever):
    """The stream `analytics_record_data`: unaggregated records, flattened.

    Windows touch and are asked for a millisecond longer at the start, so that no reading of the interval's ends loses a
    record; those on the ends belong to the neighbors. The key of a page holds page numbers, so records that come while
    paging push others along; where one comes again on a later page the window is read in halves, since duplicates
    (records that are the same in everything) and a record that came again cannot be told apart otherwise.
    """

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The records of one window."""
        window, record_id = stream_slice.cursor_slice, stream_slice.partition["record_id"]
        start, end = (milliseconds(datetime.fromisoformat(window[name])) for name in ("start_time", "end_time"))

        def read(part: TimeRange) -> Iterator[Entry]:
            body = {
                "id": record_id,
                "periodFilter": interval(from_milliseconds(part.start - 1), from_milliseconds(part.end)),
                "filters": stream_slice.extra_fields["filters"],
                "timezone": self.config["timezone"],
            }
            rows = RecordRows(record_id, part, context)
            for page in pages(self.ask, context, "records", body=body):
                yield from rows.page(page)

        return read_in_halves(read, TimeRange(start, end), TimeRange.halves, context)


class RecordRows:
    """Turns the records of one time range into rows: fields and labels by name, a key, one form of time."""

    def __init__(self, record_id: str, time_range: TimeRange, context: str) -> None:
        self._record_id = record_id
        self._context = context
        instants = [from_milliseconds(at) for at in (time_range.start - 1, *time_range)]
        self._before, self._start, self._end = instants
        self._seconds = {rfc3339(instant)[:19] for instant in instants}
        self._duplicates = PageDuplicates()

    def page(self, records: list[Entry]) -> Iterator[Entry]:
        """The rows of one page, which it empties; raises `InconsistentPages` for a record of an earlier page."""
        self._duplicates.next_page()
        records.reverse()
        while records:
            row = self._flat(records.pop())
            if row is not None:
                yield row

    def _flat(self, record: Entry) -> Entry | None:
        primary = record.get("primaryTimestampField")
        timestamp = timestamp_of(record)
        if timestamp is None:
            seen = snippet(orjson.dumps(primary))
            raise system_error(f"{self._context}: a record came without a readable primary timestamp: {seen}")
        if timestamp[:19] in self._seconds:  # perhaps a neighbor's
            instant = datetime.fromisoformat(timestamp)
            if self._before <= instant < self._start or instant == self._end:
                return None
        fields: Entry = {}
        labels: Entry = {}
        lists = False
        try:
            for part in record.get("fields") or ():
                name, field = part["name"], part.get("field")
                # the usual field: field_value and field_label, without their calls
                if field.__class__ is dict and "value" in field and "values" not in field:
                    value, label = field["value"], field.get("label")
                    if value.__class__ is str and value[-1:] == "]":
                        value = field_value(field)
                else:
                    lists = lists or "values" in (() if field is None else field)
                    value, label = field_value(field), field_label(field)
                fields[name] = value
                if label is not None:
                    labels[name] = label
        except (KeyError, TypeError, AttributeError):
            seen = f"whose fields are no list of name and field; its members are {', '.join(sorted(record))}"
            raise system_error(f"{self._context}: a record came {seen}.") from None
        value = field_value(record.get("value"))
        content = fields
        if lists:  # in the key, the order of tags means nothing
            content = {name: sorted(of, key=str) if isinstance(of, list) else of for name, of in fields.items()}
        key = hashed([self._record_id, timestamp, content, value])
        ordinal = self._duplicates.ordinal(key)
        return {
            "record_key": f"{key}-{ordinal}" if ordinal else key,
            "record_id": self._record_id,
            "primary_timestamp": timestamp,
            "primary_timestamp_name": primary.get("name"),  # type: ignore[union-attr]  # it has a timestamp
            "value": value,
            "fields": fields,
            "labels": labels,
        }


def timestamp_of(record: Entry) -> str | None:
    """The primary timestamp of a record; None where it cannot be read."""
    try:
        return rfc3339_of(record["primaryTimestampField"]["timestamp"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def field_value(field: Any) -> Any:
    """The value of any field variant; null where the field is absent, an unknown variant as it came.

    spec: `TimestampField` has `timestamp`, `ListField` has `values`, the others `value`. A `[GMT]` behind a time goes.
    """
    if field.__class__ is not dict:
        return field
    if "value" in field:
        value = field["value"]
    elif "timestamp" in field:
        value = field["timestamp"]
    elif "values" in field:
        return [field_value(item) for item in field["values"] or []]
    else:
        return field
    if value.__class__ is str and value.endswith("]") and field.get("_type") in ("InstantField", "TimestampField"):
        return ZONE_NAME.sub("", value)
    return value


def field_label(field: Any) -> Any:
    """The label of a field, or the labels of a list's values; null where there is none."""
    if not isinstance(field, dict):
        return None
    if "values" in field:
        labels = [field_label(item) for item in field["values"] or []]
        return labels if any(label is not None for label in labels) else None
    return field.get("label")
