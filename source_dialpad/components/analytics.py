"""Analytics: catalogues, figures of metrics, records and the values of filters, all discovered at run time.

spec: seven operations, the answers `{data, meta}`; the next page is a relative URL whose key must be passed on as it is.
The vendor's own clients expect a top-level `pageKey` instead, so both are read. A filter value that does not fit is
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
from typing import Any
from urllib.parse import unquote

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.components.api import Answer, JsonCalls
from source_dialpad.components.errors import config_error, excerpt, nearest, system_error
from source_dialpad.components.guard import joined, origin, shown
from source_dialpad.components.partitions import Partitions
from source_dialpad.components.retrieval import SliceRetriever
from source_dialpad.components.rows import rfc3339_of, text

logger = logging.getLogger("airbyte")

Entry = dict[str, Any]
Filters = list[dict[str, Any]]

PAGE = 300
"""The vendor's own clients take 1 to 300 records a page."""

TICK = timedelta(milliseconds=1)


# --- pages ------------------------------------------------------------------------------------------------------------


def paged(  # noqa: PLR0913  # the parts of a request
    ask: JsonCalls,
    where: str,
    base_url: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    stream_slice: StreamSlice | None = None,
) -> Iterator[Entry]:
    """All entries of a paged answer; the body is repeated, the link of the next page followed byte for byte."""
    request: dict[str, Any] = {"path": path, "params": {"pageLimit": PAGE}}
    followed: set[str] = set()
    while True:
        answer = ask(where, stream_slice=stream_slice, body=body, accept=(400,), **request)
        found = _data(answer, where, body)
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise _another_shape(answer, where, "a list")
        yield from found
        following = _next_request(answer.value, where, base_url, path)
        if following is None:
            return
        link = str(following)
        if link in followed:
            raise system_error(f"{where}: the Analytics API gives the same next page again and again; paging cannot end.")
        followed.add(link)
        request = following


def _next_request(answer: Mapping[str, Any], where: str, base_url: str, path: str) -> dict[str, Any] | None:
    meta = answer.get("meta")
    link = meta.get("next") if isinstance(meta, dict) else None
    if link:
        whole = joined(f"{base_url}/v1/analytics/{path}", str(link))
        if origin(whole) is None or origin(whole) != origin(base_url):
            raise system_error(
                f"{where}: the Analytics API names a next page on another host ({shown(whole)}); it is not "
                "followed, since the key would go there."
            )
        return {"path": str(link) if str(link).startswith("/") else whole}
    key = answer.get("pageKey")
    return {"path": path, "params": {"pageLimit": PAGE, "pageKey": unquote(str(key))}} if key else None


def _data(answer: Answer, where: str, body: Mapping[str, Any] | None) -> Any:
    if answer.status == 400:  # noqa: PLR2004
        raise _refused(answer, where, body)
    if not isinstance(answer.value, dict) or answer.value.get("data") is None:
        raise _another_shape(answer, where, "data")
    return answer.value["data"]


def _refused(answer: Answer, where: str, body: Mapping[str, Any] | None) -> Exception:
    said = answer.value.get("message") if isinstance(answer.value, dict) else None
    said = str(said or excerpt(answer.content) or "no reason given")
    if body is not None and not body.get("filters") and "filter" in said.lower():
        return config_error(
            f"{where}: the Analytics API wants at least one filter (400: {said}). Set analytics.filters, for example all "
            "values of one attribute; the stream analytics_filter_values lists them."
        )
    return config_error(
        f"{where}: the Analytics API refused the request (400: {said}). Check analytics.metric_ids, analytics.record_ids and "
        "analytics.filters against the streams analytics_metrics, analytics_records and analytics_filter_values."
    )


def _another_shape(answer: Answer, where: str, wanted: str) -> Exception:
    return system_error(
        f"{where}: the Analytics API answered {answer.status} with another shape than {wanted}: {excerpt(answer.content)}. "
        "Check analytics.base_url."
    )


# --- catalogues and filters -------------------------------------------------------------------------------------------


class Catalogue:
    """The catalogues of a key and the values of its filter attributes, each read once a run."""

    def __init__(self) -> None:
        """Nothing read."""
        self._read: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()

    def entries(self, ask: JsonCalls, base_url: str, path: str, where: str) -> list[Entry]:
        """The entries of `metrics`, `records` or `filter/<attribute>`."""
        with self._lock:
            if path not in self._read:
                self._read[path] = list(paged(ask, f"{where} (listing {path})", base_url, path))
            return self._read[path]

    def chosen(self, ask: JsonCalls, config: Config, kind: str, where: str) -> list[Entry]:
        """The entries of `metrics` or `records` that are to be read; a configured id that is unknown is a config error."""
        settings = config["analytics"]
        key = {"metrics": "metric_ids", "records": "record_ids"}[kind]
        entries = {text(entry["id"]): entry for entry in self.entries(ask, settings["base_url"], kind, where)}
        for wanted in settings[key]:
            if wanted not in entries:
                raise config_error(
                    f"{where}: analytics.{key} names '{wanted}', which the catalogue does not have ({nearest(wanted, entries)})."
                )
        return [entries[wanted] for wanted in settings[key] or entries]

    def attributes(self, ask: JsonCalls, base_url: str, where: str) -> list[str]:
        """Every filter attribute of both catalogues, once each."""
        entries = [*self.entries(ask, base_url, "metrics", where), *self.entries(ask, base_url, "records", where)]
        return list(dict.fromkeys(attribute for entry in entries for attribute in filter_attributes(entry)))

    def values(self, ask: JsonCalls, config: Config, attribute: str, where: str, setting: str) -> list[str]:
        """The values of an attribute; an unknown attribute is a config error of `setting`."""
        base_url = config["analytics"]["base_url"]
        known = self.attributes(ask, base_url, where)
        if attribute not in known:
            raise config_error(
                f"{where}: {setting} names the filter attribute '{attribute}', which the catalogue does not have "
                f"({nearest(attribute, known)})."
            )
        return [text(entry["value"]) for entry in self.entries(ask, base_url, f"filter/{attribute}", where)]

    def filters(self, ask: JsonCalls, config: Config, where: str) -> Filters:
        """The configured filters in the catalogue's spelling; a value that does not exist is a config error."""
        checked: Filters = []
        for number, each in enumerate(config["analytics"]["filters"]):
            setting = f"analytics.filters[{number}]"
            known = self.values(ask, config, each["attribute"], where, f"{setting}.attribute")
            spelled = {value.lower(): value for value in known}
            for value in each["values"]:
                if value.lower() not in spelled:
                    raise config_error(
                        f"{where}: {setting}.values names '{value}', which {each['attribute']} does not have "
                        f"({nearest(value, known)}). The API would ignore it and give unfiltered figures."
                    )
            values = [value if value in known else spelled[value.lower()] for value in each["values"]]
            checked.append({"attribute": each["attribute"], "values": values})
        return checked


@lru_cache(maxsize=32)
def catalogue(base_url: str, api_key: str) -> Catalogue:
    """The catalogue of a key, shared by all its streams."""
    return Catalogue()


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
        settings, where = self.config["analytics"], (self.parameters or {}).get("stream_name", "analytics")
        ask, known = JsonCalls(self.requester), catalogue(settings["base_url"], settings["api_key"])
        if self.of == "attributes":
            for attribute in known.attributes(ask, settings["base_url"], where):
                yield StreamSlice(partition={"filter_attribute": attribute}, cursor_slice={})
            return
        filters = known.filters(ask, self.config, where)
        broken_down = settings.get("break_down_by") if self.of == "metrics" else None
        values = known.values(ask, self.config, broken_down, where, "analytics.break_down_by") if broken_down else None
        name = {"metrics": "metric_id", "records": "record_id"}[self.of]
        for entry in known.chosen(ask, self.config, self.of, where):
            extra = {
                "filters": filters,
                "measures": [each["measure"] for each in entry.get("aggregations") or []],
                "values": self._broken_down(entry, broken_down, values, where),
            }
            yield StreamSlice(partition={name: text(entry["id"])}, cursor_slice={}, extra_fields=extra)

    def _broken_down(self, entry: Entry, attribute: str | None, values: list[str] | None, where: str) -> list[str] | None:
        listed = filter_attributes(entry)
        unfit = [each["attribute"] for each in self.config["analytics"]["filters"] if each["attribute"] not in listed]
        if unfit:
            logger.warning("%s: %s has no filter %s; the API ignores it there.", where, entry["id"], ", ".join(unfit))
        if attribute and attribute not in listed:
            logger.warning("%s: %s cannot be broken down by %s; it is read as a whole.", where, entry["id"], attribute)
            return None
        return values


# --- streams ----------------------------------------------------------------------------------------------------------


@dataclass
class AnalyticsRetriever(SliceRetriever):
    """What the streams of the Analytics API share: the address, for links of next pages."""

    def __post_init__(self) -> None:
        """Reads the section's settings."""
        super().__post_init__()
        self.base_url: str = self.config["analytics"]["base_url"]
        self.timezone: str = self.config["timezone"]

    def interval(self, start: str, end: datetime) -> dict[str, Any]:
        """The period of a request, as instants: it can be repeated for any past window."""
        return {"_type": "Interval", "start": _z(datetime.fromisoformat(start)), "end": _z(end)}


def _z(instant: datetime) -> str:
    told = instant.astimezone(UTC)
    return told.strftime("%Y-%m-%dT%H:%M:%S") + (f".{told.microsecond // 1000:03d}Z" if told.microsecond else "Z")


@dataclass
class CatalogueRetriever(AnalyticsRetriever):
    """The catalogues (`analytics_metrics`, `analytics_records`): every entry; and the descriptions, entry by entry."""

    of: str = ""
    described: bool = False

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Entry]:
        """The entries, each with its id."""
        if not self.described:
            yield from (self._entry(entry, where) for entry in paged(self.ask, where, self.base_url, self.of))
            return
        identity = next(iter(stream_slice.partition.values()))
        answer = self.ask(where, stream_slice=stream_slice, path=f"{self.of}/{identity}", accept=(400,))
        found = _data(answer, where, None)
        if not isinstance(found, dict):
            raise _another_shape(answer, where, "one description")
        yield self._entry(found, where)

    def _entry(self, entry: Entry, where: str) -> Entry:
        if entry.get("id") in (None, ""):
            raise system_error(f"{where}: the catalogue holds an entry without id: {excerpt(orjson.dumps(entry))}")
        return entry


@dataclass
class FilterValuesRetriever(AnalyticsRetriever):
    """The stream `analytics_filter_values`: the values an attribute can take today."""

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Entry]:
        """The attribute's values."""
        attribute = stream_slice.partition["filter_attribute"]
        ours = {"filter_attribute": attribute, "snapshot_date": stream_slice.cursor_slice["snapshot_date"]}
        for entry in paged(self.ask, where, self.base_url, f"filter/{attribute}", stream_slice=stream_slice):
            if entry.get("value") is None:
                raise system_error(f"{where}: a filter value came without value: {excerpt(orjson.dumps(entry))}")
            yield {**ours, **entry}


@dataclass
class MetricDataRetriever(AnalyticsRetriever):
    """The stream `analytics_metric_data`: the aggregates of one metric in one window, one request a break-down value.

    The end of the interval is sent a millisecond early: whether the API includes it is not documented, and a figure
    that counts an event twice cannot be mended afterwards.
    """

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Entry]:
        """One row an aggregate, one a status for presence durations."""
        extra, settings = stream_slice.extra_fields, self.config["analytics"]
        values = extra["values"]
        attribute = settings.get("break_down_by") if values is not None else None
        for value in [None] if values is None else values:
            filters = extra["filters"] + ([{"attribute": attribute, "values": [value]}] if attribute else [])
            ours = {
                "metric_id": stream_slice.partition["metric_id"],
                "window_start": stream_slice.cursor_slice["start_time"],
                "window_end": stream_slice.cursor_slice["end_time"],
                "timezone": self.timezone,
                "grain": settings["grain"],
                "filters": settings["filters"] or None,
                "breakdown_attribute": attribute,
                "breakdown_value": value,
            }
            for measured in self._aggregates(stream_slice, filters, where):
                row = {**ours, **measured}
                row["row_key"] = _key(
                    {name: row[name] for name in (*ours, "measure", "presence_status") if name != "grain"}
                )
                yield row

    def _aggregates(self, stream_slice: StreamSlice, filters: Filters, where: str) -> Iterator[Entry]:
        window = stream_slice.cursor_slice
        body: dict[str, Any] = {
            "id": stream_slice.partition["metric_id"],
            "periodFilter": self.interval(window["start_time"], datetime.fromisoformat(window["read_until"]) - TICK),
            "filters": filters,
            "aggregations": stream_slice.extra_fields["measures"],
            "timezone": self.timezone,
        }
        answer = self.ask(where, stream_slice=stream_slice, body=body, path="metrics", accept=(400,))
        found = _data(answer, where, body)
        if not isinstance(found, dict) or not isinstance(found.get("aggregates") or [], list):
            raise _another_shape(answer, where, "aggregates")
        for aggregate in found.get("aggregates") or []:
            yield from _measured(aggregate)


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


@dataclass
class RecordDataRetriever(AnalyticsRetriever):
    """The stream `analytics_record_data`: unaggregated records, flattened.

    Windows touch, and both edges are asked for as they are: a record on an edge may come twice, under one key.
    """

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Entry]:
        """The records of one window."""
        window, record_id = stream_slice.cursor_slice, stream_slice.partition["record_id"]
        body = {
            "id": record_id,
            "periodFilter": self.interval(window["start_time"], datetime.fromisoformat(window["end_time"])),
            "filters": stream_slice.extra_fields["filters"],
            "timezone": self.timezone,
        }
        twins: dict[str, int] = {}
        for record in paged(self.ask, where, self.base_url, "records", body=body, stream_slice=stream_slice):
            yield self._flat(record, record_id, twins, where)

    def _flat(self, record: Entry, record_id: str, twins: dict[str, int], where: str) -> Entry:
        primary = record.get("primaryTimestampField") or {}
        try:
            timestamp = rfc3339_of(primary["timestamp"])
        except (KeyError, TypeError, ValueError):
            timestamp = None
        if timestamp is None:
            raise system_error(
                f"{where}: a record came without a readable primary timestamp: {excerpt(orjson.dumps(primary))}"
            )
        fields: Entry = {}
        labels: Entry = {}
        for each in record.get("fields") or []:
            name, held = each["name"], each.get("field")
            fields[name] = field_value(held)
            label = field_label(held)
            if label is not None:
                labels[name] = label
        value = field_value(record.get("value"))
        key = _key([record_id, timestamp, fields, value])
        twin = twins.get(key, 0)
        twins[key] = twin + 1
        return {
            "record_key": f"{key}-{twin}" if twin else key,
            "record_id": record_id,
            "primary_timestamp": timestamp,
            "primary_timestamp_name": primary.get("name"),
            "value": value,
            "fields": fields,
            "labels": labels,
        }


def field_value(held: Any) -> Any:
    """The value of any field variant; null where the field is absent, an unknown variant as it came.

    spec: `TimestampField` has `timestamp`, `ListField` has `values`, the others `value`.
    """
    if not isinstance(held, dict):
        return held
    if "value" in held:
        return held["value"]
    if "timestamp" in held:
        return held["timestamp"]
    if "values" in held:
        return [field_value(each) for each in held["values"] or []]
    return held


def field_label(held: Any) -> Any:
    """The label of a field, or the labels of a list's values; null where there is none. Labels change: no key holds them."""
    if not isinstance(held, dict):
        return None
    if "values" in held:
        found = [field_label(each) for each in held["values"] or []]
        return found if any(label is not None for label in found) else None
    return held.get("label")


def _key(content: Any) -> str:
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()
