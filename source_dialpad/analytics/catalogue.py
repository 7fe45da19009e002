"""Analytics: its pages, the catalogues of metrics and records, and the values of filters, all discovered at run time.

spec: seven operations, the answers `{data, meta}`; the next page is a relative URL whose key must be passed on as it
is. The vendor's own clients expect a top-level `pageKey` instead, so both are read. A filter value that does not fit is
ignored without an error, and would give unfiltered figures: configured filters are checked first.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import config_error, nearest, snippet, system_error
from source_dialpad.sync.partitions import Partitions
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.guard import join_url, origin, redact_url
from source_dialpad.transport.requester import Answer, JsonCalls, in_known_shape
from source_dialpad.transport.shared import shared
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

Entry = dict[str, Any]
Filters = list[dict[str, Any]]
Body = Mapping[str, Any] | None

PAGE = 300
"""The vendor's own clients take 1 to 300 records a page."""


@dataclass(frozen=True)
class AnalyticsApi:
    """Requests of one stream to the Analytics API; whatever is no `data` is an error and never "nothing"."""

    ask: JsonCalls
    base_url: str

    def data(
        self, context: str, wanted: str, fits: Callable[[Any], bool], *, body: Body = None, **request: Any
    ) -> tuple[Any, Mapping[str, Any]]:
        """The data of an answer, and the answer; data that do not fit are an error that names what was `wanted`."""

        def read(answer: Answer) -> tuple[Any, Mapping[str, Any]]:
            if answer.status == 400:  # noqa: PLR2004
                raise _refused(answer, context, body)
            data = answer.value.get("data") if isinstance(answer.value, dict) else None
            if data is None or not fits(data):
                raise system_error(
                    f"{context}: the Analytics API answered {answer.status} with another shape than {wanted}: "
                    f"{snippet(answer.content)}. Check analytics.base_url."
                )
            return data, answer.value

        return in_known_shape(lambda: self.ask(context, body=body, accept=(400,), **request), read)

    def pages(
        self, context: str, path: str, *, body: Body = None, stream_slice: StreamSlice | None = None
    ) -> Iterator[list[Entry]]:
        """The pages of an answer; the body is repeated, the link of the next page followed byte for byte."""
        request: dict[str, Any] | None = {"path": path, "params": {"pageLimit": PAGE}}
        followed: set[str] = set()
        while request:
            entries, answer = self.data(
                context, "a list of objects", are_objects, body=body, stream_slice=stream_slice, **request
            )
            yield entries
            request = self._next_request(answer, context, path)
            if str(request) in followed:
                raise system_error(f"{context}: the Analytics API gives the same next page again; paging cannot end.")
            followed.add(str(request))

    def entries(self, context: str, path: str, *, stream_slice: StreamSlice | None = None) -> Iterator[Entry]:
        """All entries of a paged answer."""
        for page in self.pages(context, path, stream_slice=stream_slice):
            yield from page

    def _next_request(self, answer: Mapping[str, Any], context: str, path: str) -> dict[str, Any] | None:
        meta = answer.get("meta")
        link = meta.get("next") if isinstance(meta, dict) else None
        if link:
            whole = join_url(f"{self.base_url}/v1/analytics/{path}", str(link))
            if origin(whole) is None or origin(whole) != origin(self.base_url):
                raise system_error(
                    f"{context}: the Analytics API names a next page on another host ({redact_url(whole)}); "
                    "it is not followed, since the key would go there."
                )
            return {"path": str(link) if str(link).startswith("/") else whole}
        key = answer.get("pageKey")
        return {"path": path, "params": {"pageLimit": PAGE, "pageKey": unquote(str(key))}} if key else None


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def are_objects(value: Any) -> bool:
    """Whether a value is a list of objects."""
    return isinstance(value, list) and all(map(_is_object, value))


def _refused(answer: Answer, context: str, body: Body) -> Exception:
    reason = answer.value.get("message") if isinstance(answer.value, dict) else None
    reason = str(reason or snippet(answer.content) or "no reason given")
    if body is not None and not body.get("filters") and "filter" in reason.lower():
        return config_error(
            f"{context}: the Analytics API wants at least one filter (400: {reason}). Set analytics.filters, for "
            "example all values of one attribute; the stream analytics_filter_values lists them."
        )
    return config_error(
        f"{context}: the Analytics API refused the request (400: {reason}). Check analytics.metric_ids, "
        "analytics.record_ids and analytics.filters against the streams analytics_metrics, analytics_records and "
        "analytics_filter_values."
    )


def interval(start: datetime, end: datetime) -> dict[str, Any]:
    """The period of a request, as instants: it can be repeated for any past window."""
    return {"_type": "Interval", "start": _z(start), "end": _z(end)}


def _z(instant: datetime) -> str:
    utc = instant.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{utc.microsecond // 1000:03d}Z" if utc.microsecond else "Z")


def hashed(content: Any) -> str:
    """The key of a row: a hash of what identifies it."""
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS)
    return hashlib.blake2b(canonical, digest_size=16).hexdigest()


# --- catalogues and filters -------------------------------------------------------------------------------------------


class Catalogue:
    """The catalogues of a key and the values of its filter attributes, each read once a sync."""

    def __init__(self) -> None:
        """Nothing read."""
        self._read: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()

    def entries(self, api: AnalyticsApi, path: str, context: str) -> list[Entry]:
        """The entries of `metrics`, `records` or `filter/<attribute>`."""
        with self._lock:
            if path not in self._read:
                entries = list(api.entries(f"{context} (listing {path})", path))
                for entry in entries:
                    _check_entry(entry, path, context)
                self._read[path] = entries
            return self._read[path]

    def chosen(self, api: AnalyticsApi, config: Config, kind: str, context: str) -> list[Entry]:
        """The entries of `metrics` or `records` to be read; a configured id that is unknown is a config error."""
        setting = {"metrics": "metric_ids", "records": "record_ids"}[kind]
        ids = config["analytics"][setting]
        entries = {text(entry["id"]): entry for entry in self.entries(api, kind, context)}
        for wanted in ids:
            if wanted not in entries:
                raise config_error(
                    f"{context}: analytics.{setting} names '{wanted}', which the catalogue does not have "
                    f"({nearest(wanted, entries)})."
                )
        return [entries[wanted] for wanted in ids or entries]

    def attributes(self, api: AnalyticsApi, context: str) -> list[str]:
        """Every filter attribute of both catalogues, once each."""
        entries = [*self.entries(api, "metrics", context), *self.entries(api, "records", context)]
        return list(dict.fromkeys(attribute for entry in entries for attribute in filter_attributes(entry)))

    def values(self, api: AnalyticsApi, attribute: str, context: str, setting: str) -> list[str]:
        """The values of an attribute; an unknown attribute is a config error of `setting`."""
        known = self.attributes(api, context)
        if attribute not in known:
            raise config_error(
                f"{context}: {setting} names the filter attribute '{attribute}', which the catalogue does not have "
                f"({nearest(attribute, known)})."
            )
        return [text(entry["value"]) for entry in self.entries(api, filter_path(attribute), context)]

    def filters(self, api: AnalyticsApi, config: Config, context: str) -> Filters:
        """The configured filters in the catalogue's spelling; a value that does not exist is a config error."""
        checked: Filters = []
        for number, configured in enumerate(config["analytics"]["filters"]):
            attribute, setting = configured["attribute"], f"analytics.filters[{number}]"
            earlier = [filter_["attribute"] for filter_ in checked]
            if attribute in earlier and attribute == config["analytics"].get("break_down_by"):
                raise config_error(
                    f"{context}: {setting} names '{attribute}' again, by which analytics.break_down_by breaks the "
                    "metrics down. Put all its values into one filter."
                )
            known = self.values(api, attribute, context, f"{setting}.attribute")
            spelled = {value.lower(): value for value in known}
            for value in configured["values"]:
                if value.lower() not in spelled:
                    raise config_error(
                        f"{context}: {setting}.values names '{value}', which {attribute} does not have "
                        f"({nearest(value, known)}). The API would ignore it and give unfiltered figures."
                    )
            values = [value if value in known else spelled[value.lower()] for value in configured["values"]]
            checked.append({"attribute": attribute, "values": values})
        return checked


def catalogue_of(config: Config) -> Catalogue:
    """The catalogue of the configured key, shared by all its streams."""
    return shared(Catalogue, config["analytics"]["base_url"], config["analytics"]["api_key"])


def _check_entry(entry: Entry, path: str, context: str) -> None:
    """Raises a system error for an entry that no request can be made of: one catalogue serves many streams."""
    try:
        required = [entry["value"] if path.startswith("filter/") else entry["id"] or None]
        if not path.startswith("filter/"):
            required += [part["filterAttribute"] for part in entry.get("filters") or []]
            required += [part["measure"] for part in entry.get("aggregations") or []]
        usable = None not in required
    except (KeyError, TypeError):
        usable = False
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
    return [text(filter_["filterAttribute"]) for filter_ in entry.get("filters") or []]


# --- partitions and streams -------------------------------------------------------------------------------------------


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
        api, catalogue = AnalyticsApi(JsonCalls(self.requester), settings["base_url"]), catalogue_of(self.config)
        if self.of == "attributes":
            for name in catalogue.attributes(api, context):
                yield StreamSlice(partition={"filter_attribute": name}, cursor_slice={})
            return
        filters = catalogue.filters(api, self.config, context)
        attribute = settings.get("break_down_by") if self.of == "metrics" else None
        values = catalogue.values(api, attribute, context, "analytics.break_down_by") if attribute else None
        filtered = [filter_["values"] for filter_ in filters if filter_["attribute"] == attribute]
        for entry in catalogue.chosen(api, self.config, self.of, context):
            extra = {
                "filters": filters,
                "measures": [aggregation["measure"] for aggregation in entry.get("aggregations") or []],
                "values": (filtered[0] if filtered else values) if self._fits(entry, attribute, context) else None,
            }
            yield StreamSlice(
                partition={f"{self.of.removesuffix('s')}_id": text(entry["id"])}, cursor_slice={}, extra_fields=extra
            )

    def _fits(self, entry: Entry, attribute: str | None, context: str) -> bool:
        """Whether an entry can be broken down; logs what it cannot be filtered or broken down by."""
        listed = filter_attributes(entry)
        filtered = [filter_["attribute"] for filter_ in self.config["analytics"]["filters"]]
        unfit = [name for name in filtered if name not in listed]
        if unfit:
            logger.warning("%s: %s has no filter %s; the API ignores it there.", context, entry["id"], ", ".join(unfit))
        if attribute and attribute not in listed:
            logger.warning(
                "%s: %s cannot be broken down by %s; it is read as a whole.", context, entry["id"], attribute
            )
        return attribute in listed


@dataclass
class AnalyticsRetriever(SliceRetriever):
    """What the streams of the Analytics API share: its requests and the zone of their windows."""

    def __post_init__(self) -> None:
        """Reads the section's settings."""
        super().__post_init__()
        self.api = AnalyticsApi(self.ask, self.config["analytics"]["base_url"])
        self.timezone: str = self.config["timezone"]


@dataclass
class CatalogueRetriever(AnalyticsRetriever):
    """The catalogues (`analytics_metrics`, `analytics_records`): every entry; and the descriptions, entry by entry."""

    of: str = ""
    described: bool = False

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The entries."""
        if not self.described:
            yield from self.api.entries(context, self.of)
            return
        identity = next(iter(stream_slice.partition.values()))
        path = f"{self.of}/{quote(identity, safe='')}"
        yield self.api.data(context, "one description", _is_object, path=path, stream_slice=stream_slice)[0]


@dataclass
class FilterValuesRetriever(AnalyticsRetriever):
    """The stream `analytics_filter_values`: the values an attribute can take today."""

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The attribute's values."""
        attribute = stream_slice.partition["filter_attribute"]
        derived = {"filter_attribute": attribute, "snapshot_date": stream_slice.cursor_slice["snapshot_date"]}
        for entry in self.api.entries(context, filter_path(attribute), stream_slice=stream_slice):
            yield {**derived, **entry}


def check_section(ask: Callable[[str], JsonCalls], config: Config, _: logging.Logger) -> None:
    """Asks for a page of metrics, and for everything that the configuration names."""
    settings, catalogue = config["analytics"], Catalogue()
    api = AnalyticsApi(ask("analytics_requester"), settings["base_url"])
    if settings["metric_ids"]:
        catalogue.chosen(api, config, "metrics", "analytics")
    else:
        next(api.entries("analytics", "metrics"), None)
    if settings["record_ids"]:
        catalogue.chosen(api, config, "records", "analytics")
    catalogue.filters(api, config, "analytics")
    if "break_down_by" in settings:
        catalogue.values(api, settings["break_down_by"], "analytics", "analytics.break_down_by")
