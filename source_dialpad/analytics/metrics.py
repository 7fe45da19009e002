"""Analytics: catalogues, figures of metrics, records and the values of filters, all discovered at run time.

spec: seven operations, the answers `{data, meta}`; the next page is a relative URL whose key must be passed on as it
is. The vendor's own clients expect a top-level `pageKey` instead, so both are read. A filter value that does not fit is
ignored without an error, and would give unfiltered figures: configured filters are checked first.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import config_error, nearest, snippet, system_error
from source_dialpad.sync.partitions import Partitions
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.guard import join_url, origin, redact_url
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.shared import shared
from source_dialpad.transport.times import rfc3339
from source_dialpad.transport.types import ZONE_NAME, rfc3339_of, text

logger = logging.getLogger("airbyte")

Entry = dict[str, Any]
Filters = list[dict[str, Any]]

PAGE = 300
"""The vendor's own clients take 1 to 300 records a page."""

TICK = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)

PROBED = timedelta(days=30)
"""How far back a record is looked for, to find out which ends an interval includes."""


# --- pages ------------------------------------------------------------------------------------------------------------


def paged(ask: JsonCalls, context: str, base_url: str, path: str, **parts: Any) -> Iterator[Entry]:
    """All entries of a paged answer; see `pages`."""
    for page in pages(ask, context, base_url, path, **parts):
        yield from page


def pages(  # noqa: PLR0913  # the parts of a request
    ask: JsonCalls,
    context: str,
    base_url: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    stream_slice: StreamSlice | None = None,
) -> Iterator[list[Entry]]:
    """The pages of an answer; the body is repeated, the link of the next page followed byte for byte."""
    request: dict[str, Any] = {"path": path, "params": {"pageLimit": PAGE}}
    followed: set[str] = set()
    while True:
        answer = ask(context, stream_slice=stream_slice, body=body, accept=(400,), **request)
        found = _data(answer, context, body)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise _another_shape(answer, context, "a list")
        yield found
        following = _next_request(answer.value, context, base_url, path)
        if following is None:
            return
        link = str(following)
        if link in followed:
            raise system_error(f"{context}: the Analytics API gives the same next page again; paging cannot end.")
        followed.add(link)
        request = following


def _next_request(answer: Mapping[str, Any], context: str, base_url: str, path: str) -> dict[str, Any] | None:
    meta = answer.get("meta")
    link = meta.get("next") if isinstance(meta, dict) else None
    if link:
        whole = join_url(f"{base_url}/v1/analytics/{path}", str(link))
        if origin(whole) is None or origin(whole) != origin(base_url):
            raise system_error(
                f"{context}: the Analytics API names a next page on another host ({redact_url(whole)}); "
                "it is not followed, since the key would go there."
            )
        return {"path": str(link) if str(link).startswith("/") else whole}
    key = answer.get("pageKey")
    return {"path": path, "params": {"pageLimit": PAGE, "pageKey": unquote(str(key))}} if key else None


def _data(answer: Answer, context: str, body: Mapping[str, Any] | None) -> Any:
    if answer.status == 400:  # noqa: PLR2004
        raise _refused(answer, context, body)
    if not isinstance(answer.value, dict) or answer.value.get("data") is None:
        raise _another_shape(answer, context, "data")
    return answer.value["data"]


def _refused(answer: Answer, context: str, body: Mapping[str, Any] | None) -> Exception:
    said = answer.value.get("message") if isinstance(answer.value, dict) else None
    said = str(said or snippet(answer.content) or "no reason given")
    if body is not None and not body.get("filters") and "filter" in said.lower():
        return config_error(
            f"{context}: the Analytics API wants at least one filter (400: {said}). Set analytics.filters, for example "
            "all values of one attribute; the stream analytics_filter_values lists them."
        )
    return config_error(
        f"{context}: the Analytics API refused the request (400: {said}). Check analytics.metric_ids, "
        "analytics.record_ids and analytics.filters against the streams analytics_metrics, analytics_records and "
        "analytics_filter_values."
    )


def _another_shape(answer: Answer, context: str, wanted: str) -> Exception:
    return system_error(
        f"{context}: the Analytics API answered {answer.status} with another shape than {wanted}: "
        f"{snippet(answer.content)}. Check analytics.base_url."
    )


# --- catalogues and filters -------------------------------------------------------------------------------------------


class IntervalBounds(NamedTuple):
    """Which ends of an interval belong to it."""

    start: bool
    end: bool


def interval(start: datetime, end: datetime) -> dict[str, Any]:
    """The period of a request, as instants: it can be repeated for any past window."""
    return {"_type": "Interval", "start": _z(start), "end": _z(end)}


def _z(instant: datetime) -> str:
    told = instant.astimezone(UTC)
    return told.strftime("%Y-%m-%dT%H:%M:%S") + (f".{told.microsecond // 1000:03d}Z" if told.microsecond else "Z")


def _instant(record: Entry) -> datetime | None:
    """The primary timestamp of a record, where it can be read."""
    try:
        told = rfc3339_of(record["primaryTimestampField"]["timestamp"])
        return datetime.fromisoformat(told) if told else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


class Catalogue:
    """The catalogues of a key and the values of its filter attributes, each read once a run."""

    def __init__(self) -> None:
        """Nothing read."""
        self._read: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self._ends: IntervalBounds | None = None
        self._ends_lock = threading.Lock()

    def entries(self, ask: JsonCalls, base_url: str, path: str, context: str) -> list[Entry]:
        """The entries of `metrics`, `records` or `filter/<attribute>`."""
        with self._lock:
            if path not in self._read:
                found = list(paged(ask, f"{context} (listing {path})", base_url, path))
                for entry in found:
                    _check_entry(entry, path, context)
                self._read[path] = found
            return self._read[path]

    def chosen(self, ask: JsonCalls, config: Config, kind: str, context: str) -> list[Entry]:
        """The entries of `metrics` or `records` to be read; a configured id that is unknown is a config error."""
        settings = config["analytics"]
        key = {"metrics": "metric_ids", "records": "record_ids"}[kind]
        entries = {text(entry["id"]): entry for entry in self.entries(ask, settings["base_url"], kind, context)}
        for wanted in settings[key]:
            if wanted not in entries:
                raise config_error(
                    f"{context}: analytics.{key} names '{wanted}', which the catalogue does not have "
                    f"({nearest(wanted, entries)})."
                )
        return [entries[wanted] for wanted in settings[key] or entries]

    def ends(
        self, listing: JsonCalls, ask: JsonCalls, config: Config, filters: Filters, context: str
    ) -> IntervalBounds:
        """Which ends of an interval the API includes, found out by the time of a record of the last month.

        An interval that begins, and one that ends, at the very millisecond of the record tells. Where no record is to
        be had both count as included: what is asked for then ends a millisecond early, and nothing is counted twice.
        """
        with self._ends_lock:
            if self._ends is None:
                self._ends = self._find_ends(listing, ask, config, filters, context) or IntervalBounds(
                    start=True, end=True
                )
            return self._ends

    def _find_ends(
        self, listing: JsonCalls, ask: JsonCalls, config: Config, filters: Filters, context: str
    ) -> IntervalBounds | None:
        base_url = config["analytics"]["base_url"]
        now = datetime.now(UTC)

        def records(record_id: str, start: datetime, end: datetime) -> Iterator[list[Entry]]:
            body = {
                "id": record_id,
                "periodFilter": interval(start, end),
                "filters": filters,
                "timezone": config["timezone"],
            }
            return pages(ask, f"{context} (asking which ends an interval includes)", base_url, "records", body=body)

        for entry in self.entries(listing, base_url, "records", context):
            record_id = text(entry["id"])
            times = [_instant(record) for record in next(records(record_id, now - PROBED, now), [])]
            moment = next((time for time in times if time and not time.microsecond % 1000), None)
            if moment is None:
                continue
            around = moment - SECOND, moment + SECOND
            found = [
                any(_instant(record) == moment for page in records(record_id, start, end) for record in page)
                for start, end in ((moment, around[1]), (around[0], moment), around)
            ]
            if found[2]:  # otherwise the record is gone, or its time is not the one the interval means
                return IntervalBounds(start=found[0], end=found[1])
        return None

    def attributes(self, ask: JsonCalls, base_url: str, context: str) -> list[str]:
        """Every filter attribute of both catalogues, once each."""
        entries = [*self.entries(ask, base_url, "metrics", context), *self.entries(ask, base_url, "records", context)]
        return list(dict.fromkeys(attribute for entry in entries for attribute in filter_attributes(entry)))

    def values(self, ask: JsonCalls, config: Config, attribute: str, context: str, setting: str) -> list[str]:
        """The values of an attribute; an unknown attribute is a config error of `setting`."""
        base_url = config["analytics"]["base_url"]
        known = self.attributes(ask, base_url, context)
        if attribute not in known:
            raise config_error(
                f"{context}: {setting} names the filter attribute '{attribute}', which the catalogue does not have "
                f"({nearest(attribute, known)})."
            )
        return [text(entry["value"]) for entry in self.entries(ask, base_url, filter_path(attribute), context)]

    def filters(self, ask: JsonCalls, config: Config, context: str) -> Filters:
        """The configured filters in the catalogue's spelling; a value that does not exist is a config error."""
        checked: Filters = []
        for number, each in enumerate(config["analytics"]["filters"]):
            setting = f"analytics.filters[{number}]"
            known = self.values(ask, config, each["attribute"], context, f"{setting}.attribute")
            spelled = {value.lower(): value for value in known}
            for value in each["values"]:
                if value.lower() not in spelled:
                    raise config_error(
                        f"{context}: {setting}.values names '{value}', which {each['attribute']} does not have "
                        f"({nearest(value, known)}). The API would ignore it and give unfiltered figures."
                    )
            values = [value if value in known else spelled[value.lower()] for value in each["values"]]
            checked.append({"attribute": each["attribute"], "values": values})
        return checked


def catalogue(base_url: str, api_key: str) -> Catalogue:
    """The catalogue of a key, shared by all its streams."""
    return shared(Catalogue, base_url, api_key)


def _check_entry(entry: Entry, path: str, context: str) -> None:
    """Raises a system error for an entry that no request can be made of: one catalogue serves many streams."""
    if path.startswith("filter/"):
        usable = entry.get("value") is not None
    else:
        usable = entry.get("id") not in (None, "")
        for members, named in (("filters", "filterAttribute"), ("aggregations", "measure")):
            held = entry.get(members) or []
            usable = usable and isinstance(held, list)
            usable = usable and all(isinstance(each, dict) and each.get(named) is not None for each in held)
    if not usable:
        raise system_error(
            f"{context}: the list {path} of the Analytics API holds an entry of another shape than documented: "
            f"{snippet(str(entry))}"
        )


def filter_path(attribute: str) -> str:
    """The path of an attribute's values."""
    return f"filter/{quote(attribute, safe='')}"


def filter_attributes(entry: Entry) -> list[str]:
    """The filter attributes a catalogue entry lists."""
    return [text(each["filterAttribute"]) for each in entry.get("filters") or []]


@dataclass
class CatalogueRouter(Partitions):
    """One partition an entry: `of` is `metrics`, `records` (as configured) or `attributes` (of both catalogues)."""

    requester: Requester
    config: Config
    of: str
    parameters: Mapping[str, Any] | None = None

    def stream_slices(self) -> Iterable[StreamSlice]:
        """The entries, each with what its requests need."""
        settings, context = self.config["analytics"], (self.parameters or {}).get("stream_name", "analytics")
        ask, known = JsonCalls(self.requester), catalogue(settings["base_url"], settings["api_key"])
        if self.of == "attributes":
            for attribute in known.attributes(ask, settings["base_url"], context):
                yield StreamSlice(partition={"filter_attribute": attribute}, cursor_slice={})
            return
        filters = known.filters(ask, self.config, context)
        broken_down = settings.get("break_down_by") if self.of == "metrics" else None
        values = (
            known.values(ask, self.config, broken_down, context, "analytics.break_down_by") if broken_down else None
        )
        name = {"metrics": "metric_id", "records": "record_id"}[self.of]
        for entry in known.chosen(ask, self.config, self.of, context):
            extra = {
                "filters": filters,
                "measures": [each["measure"] for each in entry.get("aggregations") or []],
                "values": self._broken_down(entry, broken_down, values, filters, context),
            }
            yield StreamSlice(partition={name: text(entry["id"])}, cursor_slice={}, extra_fields=extra)

    def _broken_down(
        self, entry: Entry, attribute: str | None, values: list[str] | None, filters: Filters, context: str
    ) -> list[str] | None:
        listed = filter_attributes(entry)
        unfit = [each["attribute"] for each in self.config["analytics"]["filters"] if each["attribute"] not in listed]
        if unfit:
            logger.warning("%s: %s has no filter %s; the API ignores it there.", context, entry["id"], ", ".join(unfit))
        if attribute and attribute not in listed:
            logger.warning(
                "%s: %s cannot be broken down by %s; it is read as a whole.", context, entry["id"], attribute
            )
            return None
        chosen = [each["values"] for each in filters if each["attribute"] == attribute]
        return chosen[0] if attribute and chosen else values


# --- streams ----------------------------------------------------------------------------------------------------------


@dataclass
class AnalyticsRetriever(SliceRetriever):
    """What the streams of the Analytics API share: the address, for links of next pages."""

    def __post_init__(self) -> None:
        """Reads the section's settings."""
        super().__post_init__()
        self.base_url: str = self.config["analytics"]["base_url"]
        self.timezone: str = self.config["timezone"]


@dataclass
class CatalogueRetriever(AnalyticsRetriever):
    """The catalogues (`analytics_metrics`, `analytics_records`): every entry; and the descriptions, entry by entry."""

    of: str = ""
    described: bool = False

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The entries, each with its id."""
        if not self.described:
            yield from (self._entry(entry, context) for entry in paged(self.ask, context, self.base_url, self.of))
            return
        identity = next(iter(stream_slice.partition.values()))
        answer = self.ask(
            context, stream_slice=stream_slice, path=f"{self.of}/{quote(identity, safe='')}", accept=(400,)
        )
        found = _data(answer, context, None)
        if not isinstance(found, dict):
            raise _another_shape(answer, context, "one description")
        yield self._entry(found, context)

    def _entry(self, entry: Entry, context: str) -> Entry:
        if entry.get("id") in (None, ""):
            raise system_error(f"{context}: the catalogue holds an entry without id: {snippet(orjson.dumps(entry))}")
        return entry


@dataclass
class FilterValuesRetriever(AnalyticsRetriever):
    """The stream `analytics_filter_values`: the values an attribute can take today."""

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The attribute's values."""
        attribute = stream_slice.partition["filter_attribute"]
        derived = {"filter_attribute": attribute, "snapshot_date": stream_slice.cursor_slice["snapshot_date"]}
        for entry in paged(self.ask, context, self.base_url, filter_path(attribute), stream_slice=stream_slice):
            if entry.get("value") is None:
                raise system_error(f"{context}: a filter value came without value: {snippet(orjson.dumps(entry))}")
            yield {**derived, **entry}


@dataclass
class MetricDataRetriever(AnalyticsRetriever):
    """The stream `analytics_metric_data`: the aggregates of one metric in one window, one request a break-down value.

    Whether an interval includes its ends is not documented, and a figure that counts an event twice cannot be mended
    afterwards: it is found out once a run (see `Catalogue.ends`), and the window is asked for so that it is exact.
    """

    catalogue_requester: Requester | None = None

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """One row an aggregate, one a status for presence durations."""
        extra, settings, window = stream_slice.extra_fields, self.config["analytics"], stream_slice.cursor_slice
        known = catalogue(settings["base_url"], settings["api_key"])
        ends = known.ends(JsonCalls(self.catalogue_requester), self.ask, self.config, extra["filters"], context)  # type: ignore[arg-type]
        start, end = datetime.fromisoformat(window["start_time"]), datetime.fromisoformat(window["read_until"])
        asked: dict[str, Any] = {
            "id": stream_slice.partition["metric_id"],
            "periodFilter": interval(start if ends.start else start - TICK, end - TICK if ends.end else end),
            "aggregations": extra["measures"],
            "timezone": self.timezone,
        }
        values = extra["values"]
        attribute = settings.get("break_down_by") if values is not None else None
        for value in [None] if values is None else values:
            derived = {
                "metric_id": stream_slice.partition["metric_id"],
                "window_start": window["start_time"],
                "window_end": window["end_time"],
                "timezone": self.timezone,
                "grain": settings["grain"],
                "filters": settings["filters"] or None,
                "breakdown_attribute": attribute,
                "breakdown_value": value,
            }
            identity = {**derived, "filters": canonical_filters(extra["filters"]), "grain": None}
            body = {**asked, "filters": _narrowed(extra, attribute, value)}
            for measured in self._aggregates(stream_slice, body, context):
                named = {"measure": measured["measure"], "presence_status": measured["presence_status"]}
                yield {**derived, **measured, "row_key": _key({**identity, **named})}

    def _aggregates(self, stream_slice: StreamSlice, body: Mapping[str, Any], context: str) -> Iterator[Entry]:
        answer = self.ask(context, stream_slice=stream_slice, body=body, path="metrics", accept=(400,))
        found = _data(answer, context, body)
        aggregates = (found.get("aggregates") or []) if isinstance(found, dict) else None
        if not isinstance(aggregates, list) or not all(isinstance(each, dict) for each in aggregates):
            raise _another_shape(answer, context, "aggregates")
        for aggregate in aggregates:
            yield from _measured(aggregate)


def _narrowed(extra: Mapping[str, Any], attribute: str | None, value: str | None) -> Filters:
    """The configured filters, with the break-down value in the place of those of its attribute."""
    if attribute is None:
        return list(extra["filters"])
    others = [each for each in extra["filters"] if each["attribute"] != attribute]
    return [*others, {"attribute": attribute, "values": [value]}]


def canonical_filters(filters: Filters) -> list[list[Any]]:
    """Filters as keys hold them: another order, or another spelling of a value, is the same filter."""
    return sorted([each["attribute"], sorted(each["values"])] for each in filters)


def _measured(aggregate: Entry) -> Iterator[Entry]:
    kind, value = aggregate.get("_type"), aggregate.get("value")
    if isinstance(value, list):  # AgentPresenceDurationValue: one value a status, and no measure
        for each in value:
            status = each.get("status")
            yield {
                "measure": "AgentPresenceDuration",
                "presence_status": status.get("status") if isinstance(status, dict) else status,
                "value": each.get("value"),
                "value_type": kind,
            }
        return
    yield {"measure": aggregate.get("measure") or "", "presence_status": None, "value": value, "value_type": kind}


class InconsistentPages(Exception):  # noqa: N818  # nothing went wrong yet
    """Pages do not lead through these records: a record came again on a later page."""


@dataclass
class RecordDataRetriever(AnalyticsRetriever):
    """The stream `analytics_record_data`: unaggregated records, flattened.

    Windows touch and are asked for a millisecond longer at the start, so that no reading of the interval's ends loses a
    record; those on the ends belong to the neighbours. The key of a page holds page numbers, so records that come while
    paging push others along; where one comes again on a later page the window is read in halves, since twins (records
    that are the same in everything) and a record that came again cannot be told apart otherwise.
    """

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The records of one window."""
        window = stream_slice.cursor_slice
        start, end = datetime.fromisoformat(window["start_time"]), datetime.fromisoformat(window["end_time"])
        return self._between(start.astimezone(UTC), end.astimezone(UTC), stream_slice, context)

    def _between(self, start: datetime, end: datetime, stream_slice: StreamSlice, context: str) -> Iterator[Entry]:
        record_id = stream_slice.partition["record_id"]
        body = {
            "id": record_id,
            "periodFilter": interval(start - TICK, end),
            "filters": stream_slice.extra_fields["filters"],
            "timezone": self.timezone,
        }
        flat = Flattening(record_id, start, end, context)
        try:
            for page in pages(self.ask, context, self.base_url, "records", body=body, stream_slice=stream_slice):
                yield from flat.page(page)
        except InconsistentPages:
            middle = start + ((end - start) / 2 // TICK) * TICK
            if middle <= start:
                raise system_error(
                    f"{context}: the Analytics API gives the same record on several pages of one millisecond; twins "
                    "and "
                    "a record that came again cannot be told apart."
                ) from None
        else:
            return
        yield from self._between(start, middle, stream_slice, context)
        yield from self._between(middle, end, stream_slice, context)


class Flattening:
    """Turns the records of one interval into rows: fields and labels by name, a key, one form of time."""

    def __init__(self, record_id: str, start: datetime, end: datetime, context: str) -> None:
        """`start` and `end` are instants in UTC; records from the start up to and without the end belong to it."""
        self._record_id = record_id
        self._where = context
        self._before, self._start, self._end = (rfc3339(each) for each in (start - TICK, start, end))
        self._bounds = (start - TICK, start, end)
        self._edges = (self._before[:19], self._start[:19], self._end[:19])
        self._page = 0
        self._pages: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}

    def page(self, records: list[Entry]) -> Iterator[Entry]:
        """The rows of one page, which it empties; raises `Astray` for a record that an earlier page held."""
        self._page += 1
        records.reverse()
        while records:
            row = self._flat(records.pop())
            if row is not None:
                yield row

    def _flat(self, record: Entry) -> Entry | None:
        primary = record.get("primaryTimestampField")
        timestamp = self._timestamp(primary)
        if timestamp[:19] in self._edges and self._is_a_neighbours(timestamp):
            return None
        fields: Entry = {}
        labels: Entry = {}
        lists = False
        held_fields = record.get("fields") or ()
        try:
            for each in held_fields:
                name, held = each["name"], each.get("field")
                # the usual field: field_value and field_label, without their calls
                if held.__class__ is dict and "value" in held and "values" not in held:
                    value, label = held["value"], held.get("label")
                    if value.__class__ is str and value[-1:] == "]":
                        value = field_value(held)
                else:
                    lists = lists or "values" in (() if held is None else held)
                    value, label = field_value(held), field_label(held)
                fields[name] = value
                if label is not None:
                    labels[name] = label
        except (KeyError, TypeError, AttributeError):
            raise system_error(
                f"{self._where}: a record came whose fields are no list of name and field; its members are "
                f"{', '.join(sorted(record))}."
            ) from None
        if len(fields) != len(held_fields):
            _report_repeated_names(self._record_id)
        value = field_value(record.get("value"))
        hashed = {name: _sorted(held) for name, held in fields.items()} if lists else fields
        return {
            "record_key": self._key(_key([self._record_id, timestamp, hashed, value])),
            "record_id": self._record_id,
            "primary_timestamp": timestamp,
            "primary_timestamp_name": primary.get("name"),  # type: ignore[union-attr]  # it has a timestamp
            "value": value,
            "fields": fields,
            "labels": labels,
        }

    def _timestamp(self, primary: Any) -> str:
        try:
            timestamp = rfc3339_of(primary["timestamp"])
        except (KeyError, TypeError, ValueError, AttributeError):
            timestamp = None
        if timestamp is None:
            raise system_error(
                f"{self._where}: a record came without a readable primary timestamp: {snippet(orjson.dumps(primary))}"
            )
        return timestamp

    def _is_a_neighbours(self, timestamp: str) -> bool:
        before, start, end = self._bounds
        moment = datetime.fromisoformat(timestamp)
        return before <= moment < start or moment == end

    def _key(self, key: str) -> str:
        seen = self._pages.get(key)
        if seen is None:
            self._pages[key] = self._page
            return key
        if seen != self._page:
            raise InconsistentPages
        ordinal = self._ordinals[key] = self._ordinals.get(key, 0) + 1
        return f"{key}-{ordinal}"


def _sorted(held: Any) -> Any:
    """A list in one order, for keys: the order of tags is nobody's."""
    return sorted(held, key=str) if isinstance(held, list) else held


@lru_cache(maxsize=1000)
def _report_repeated_names(record_id: str) -> None:
    logger.warning("%s: a record has two fields of one name; the last one is kept. This is said once.", record_id)


def field_value(held: Any) -> Any:
    """The value of any field variant; null where the field is absent, an unknown variant as it came.

    spec: `TimestampField` has `timestamp`, `ListField` has `values`, the others `value`. A `[GMT]` behind a time goes.
    """
    if held.__class__ is not dict:
        return held
    if "value" in held:
        value = held["value"]
    elif "timestamp" in held:
        value = held["timestamp"]
    elif "values" in held:
        return [field_value(each) for each in held["values"] or []]
    else:
        return held
    if value.__class__ is str and value.endswith("]") and held.get("_type") in ("InstantField", "TimestampField"):
        return ZONE_NAME.sub("", value)
    return value


def field_label(held: Any) -> Any:
    """The label of a field, or the labels of a list's values; null where there is none."""
    if not isinstance(held, dict):
        return None
    if "values" in held:
        found = [field_label(each) for each in held["values"] or []]
        return found if any(label is not None for label in found) else None
    return held.get("label")


def _key(content: Any) -> str:
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()
