"""Analytics: its pages, the catalogs of metrics and records, and the values of filters, all discovered at run time.

spec: seven operations, the answers `{data, meta}`; the next page is a relative URL whose key must be passed on as it
is. The vendor's own clients expect a top-level `pageKey` instead, so both are read. A filter value that does not fit is
ignored without an error, and would give unfiltered figures: configured filters are checked first.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, NoReturn
from urllib.parse import quote, unquote

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import config_error, nearest, snippet, system_error
from source_dialpad.sync.retriever import Partitions, SliceRetriever
from source_dialpad.transport.declared import check_shape
from source_dialpad.transport.guard import join_url
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.shared import shared
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

Entry = dict[str, Any]
Filters = list[dict[str, Any]]

PAGE = 300  # the vendor's own clients take 1 to 300 records a page
SETTINGS = {"metrics": "metric_ids", "records": "record_ids"}  # the catalogs, and what chooses from them


def ask_data(ask: JsonCalls, context: str, *members: str, kind: str = "objects", **request: Any) -> Mapping[str, Any]:
    """An answer whose `data` are of a kind; `members` of an object are lists of objects, null or missing when empty."""

    def read(answer: Answer) -> Mapping[str, Any]:
        check_shape(answer, context, {"data": kind}, may_be_empty=False)
        for member in members:
            entries = {member: answer.value["data"].get(member) or []}
            check_shape(answer._replace(value=entries), context, {member: "objects"})
        return answer.value  # type: ignore[no-any-return]

    return ask(context, read=read, **request)  # type: ignore[no-any-return]


def pages(ask: JsonCalls, context: str, path: str, **request: Any) -> Iterator[list[Entry]]:
    """The pages of an answer; the body is repeated, the link of the next page followed byte for byte."""
    page: dict[str, Any] | None = {"path": path, "params": {"pageLimit": PAGE}}
    asked: set[str] = set()
    while page:
        if str(page) in asked:
            raise system_error(f"{context}: the Analytics API gives the same next page again; paging cannot end.")
        asked.add(str(page))
        answer = ask_data(ask, context, **page, **request)
        yield answer["data"]
        page = _next_page(answer, path)


def _next_page(answer: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    meta, key = answer.get("meta"), answer.get("pageKey")
    link = meta.get("next") if isinstance(meta, dict) else None
    if link:
        return {"path": join_url(path, str(link))}
    return {"path": path, "params": {"pageLimit": PAGE, "pageKey": unquote(str(key))}} if key else None


def entries_of(ask: JsonCalls, context: str, path: str, **request: Any) -> Iterator[Entry]:
    """All entries of a paged answer."""
    return chain.from_iterable(pages(ask, context, path, **request))


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


class Catalogue:
    """What was read of an account once a sync: its catalogs, the values of its filter attributes, how it counts."""

    def __init__(self) -> None:
        self.bounds: tuple[bool, bool] | None = None
        self._entries: dict[str, list[Entry]] = {}
        self.lock = threading.RLock()

    def entries(self, ask: JsonCalls, path: str, context: str) -> list[Entry]:
        """The entries of `metrics`, `records` or `filter/<attribute>`."""
        with self.lock:
            if path not in self._entries:
                listed = entries_of(ask, f"{context} (listing {path})", path)
                self._entries[path] = [_checked(entry, path, context) for entry in listed]
            return self._entries[path]

    def chosen(self, ask: JsonCalls, config: Config, kind: str, context: str) -> list[Entry]:
        """The entries of `metrics` or `records` to be read; a configured id that is unknown is a config error."""
        setting = SETTINGS[kind]
        ids = config["analytics"][setting]
        entries = {text(entry["id"]): entry for entry in self.entries(ask, kind, context)}
        for wanted in ids:
            if wanted not in entries:
                _refuse(context, f"analytics.{setting}", f"'{wanted}', which the catalog", wanted, entries)
        return [entries[wanted] for wanted in ids or entries]

    def attributes(self, ask: JsonCalls, context: str) -> list[str]:
        """Every filter attribute of both catalogs, once each."""
        entries = [entry for kind in SETTINGS for entry in self.entries(ask, kind, context)]
        return list(dict.fromkeys(attribute for entry in entries for attribute in filter_attributes(entry)))

    def values(self, ask: JsonCalls, attribute: str, context: str, setting: str) -> list[str]:
        """The values of an attribute; an unknown attribute is a config error of `setting`."""
        known = self.attributes(ask, context)
        if attribute not in known:
            _refuse(context, setting, f"the filter attribute '{attribute}', which the catalog", attribute, known)
        path = f"filter/{quote(attribute, safe='')}"
        return [text(entry["value"]) for entry in self.entries(ask, path, context)]

    def filters(self, ask: JsonCalls, config: Config, context: str) -> Filters:
        """The configured filters in the catalog's spelling; a value that does not exist is a config error."""
        checked: Filters = []
        for number, configured in enumerate(config["analytics"]["filters"]):
            attribute, setting = configured["attribute"], f"analytics.filters[{number}]"
            earlier = [filter_["attribute"] for filter_ in checked]
            if attribute in earlier and attribute == config["analytics"].get("break_down_by"):
                again = f"names '{attribute}' again, by which analytics.break_down_by breaks the metrics down"
                raise config_error(f"{context}: {setting} {again}. Put all its values into one filter.")
            known = self.values(ask, attribute, context, f"{setting}.attribute")
            spelled = {value.lower(): value for value in known} | {value: value for value in known}
            values = [spelled.get(value) or spelled.get(value.lower()) for value in configured["values"]]
            if None in values:
                wanted = configured["values"][values.index(None)]
                _refuse(context, f"{setting}.values", f"'{wanted}', which {attribute}", wanted, known)
            checked.append({"attribute": attribute, "values": values})
        return checked


def _refuse(context: str, setting: str, what: str, wanted: str, known: Iterable[str]) -> NoReturn:
    ignored = " The API would ignore it and give unfiltered figures." if setting.endswith(".values") else ""
    raise config_error(f"{context}: {setting} names {what} does not have ({nearest(wanted, known)}).{ignored}")


def catalogue_of(config: Config) -> Catalogue:
    """The catalog of the configured key, shared by all its streams."""
    return shared(Catalogue, config["analytics"]["base_url"], config["analytics"]["api_key"])


def _checked(entry: Entry, path: str, context: str) -> Entry:
    """The entry; a system error for one that no request can be made of, since one catalog serves many streams."""
    with suppress(KeyError, TypeError):
        required = [entry["value"]] if path.startswith("filter/") else [entry["id"] or None]
        required += [part["filterAttribute"] for part in entry.get("filters") or []]
        required += [part["measure"] for part in entry.get("aggregations") or []]
        if None not in required:
            return entry
    held = f"an entry of another shape than documented: {snippet(str(entry))}"
    raise system_error(f"{context}: the list {path} of the Analytics API holds {held}")


def filter_attributes(entry: Entry) -> list[str]:
    """The filter attributes a catalog entry lists."""
    return [text(filter_["filterAttribute"]) for filter_ in entry.get("filters") or []]


@dataclass
class CatalogueRouter(Partitions):
    """One partition an entry: `of` is `metrics`, `records` (as configured) or `attributes` (of both catalogs)."""

    requester: Requester
    config: Config
    of: str
    parameters: Mapping[str, Any] | None = None

    def stream_slices(self) -> Iterable[StreamSlice]:
        """The entries, each with what its requests need."""
        settings, context = self.config["analytics"], (self.parameters or {}).get("stream_name", "analytics")
        ask, catalogue = JsonCalls(self.requester), catalogue_of(self.config)
        if self.of == "attributes":
            for name in catalogue.attributes(ask, context):
                yield StreamSlice(partition={"filter_attribute": name}, cursor_slice={})
            return
        filters = catalogue.filters(ask, self.config, context)
        attribute = settings.get("break_down_by") if self.of == "metrics" else None
        values = catalogue.values(ask, attribute, context, "analytics.break_down_by") if attribute else None
        values = next((filter_["values"] for filter_ in filters if filter_["attribute"] == attribute), values)
        for entry in catalogue.chosen(ask, self.config, self.of, context):
            listed = filter_attributes(entry)
            unfit = ", ".join(filter_["attribute"] for filter_ in filters if filter_["attribute"] not in listed)
            if unfit:
                logger.warning("%s: %s has no filter %s; the API ignores it there.", context, entry["id"], unfit)
            if attribute and attribute not in listed:
                whole = "%s: %s cannot be broken down by %s; it is read as a whole."
                logger.warning(whole, context, entry["id"], attribute)
            measures = [aggregation["measure"] for aggregation in entry.get("aggregations") or []]
            extra = {"filters": filters, "measures": measures, "values": values if attribute in listed else None}
            partition = {f"{self.of.removesuffix('s')}_id": text(entry["id"])}
            yield StreamSlice(partition=partition, cursor_slice={}, extra_fields=extra)


@dataclass
class CatalogueRetriever(SliceRetriever):
    """The catalogs, entry by entry (`of`), the descriptions of their entries, and the values of a filter attribute."""

    of: str = ""

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """The entries, beside the snapshot they belong to."""
        identity = quote(next(iter(stream_slice.partition.values()), ""), safe="")
        if self.of in SETTINGS and identity:
            return [ask_data(self.ask, context, kind="object", path=f"{self.of}/{identity}")["data"]]
        derived = {**stream_slice.partition, **stream_slice.cursor_slice}
        path = f"filter/{identity}" if identity else self.of
        return ({**derived, **entry} for entry in entries_of(self.ask, context, path))


def check_section(ask: Callable[[str], JsonCalls], config: Config, _: logging.Logger) -> None:
    """Asks for a page of metrics, and for everything that the configuration names."""
    settings, catalogue, calls = config["analytics"], Catalogue(), ask("analytics_requester")
    next(entries_of(calls, "analytics", "metrics"), None)
    for kind in SETTINGS:
        if settings[SETTINGS[kind]]:
            catalogue.chosen(calls, config, kind, "analytics")
    catalogue.filters(calls, config, "analytics")
    if "break_down_by" in settings:
        catalogue.values(calls, settings["break_down_by"], "analytics", "analytics.break_down_by")
