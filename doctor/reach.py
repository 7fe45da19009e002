"""Each configured stream: whether it can be reached, and what its rows have beside what its schema says.

Lists are asked for one page as the manifest declares them: the requester's URL and parameters, for the values of a list
of partitions, or for the first parents. What answers is looked at as it came, before any extractor or schema.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airbyte_cdk.sources.declarative.parsers.manifest_component_transformer import ManifestComponentTransformer
from airbyte_cdk.sources.types import StreamSlice

from doctor import shape
from doctor.analytics import objects
from doctor.engagement import unwrapped
from doctor.finding import Cost
from source_dialpad.source import resolved_manifest, section_of
from source_dialpad.stats.rows import DERIVED
from source_dialpad.sync.planner import LAG
from source_dialpad.sync.windows import DAY, local_day, midnight
from source_dialpad.transport.times import rfc3339, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from doctor.ask import Ask, Reply

PARENTS: Final = 3  # parents whose members are asked for, until some have any
WINDOW: Final = timedelta(days=6)  # of lists by time; digital sessions take less than 7 days

ADDED: Final = {"snapshot_date", "target_type", "owner_type", "operator_type", "kind", "row_key"}
PROBED: Final = {  # requester and path of the answers that a stream's rows are in
    "messages": ("messages_requester", ""),
    "customer_session_messages": ("session_requester", ""),
    "analytics_metrics": ("analytics_requester", "metrics"),
    "analytics_records": ("analytics_requester", "records"),
    "analytics_metric_descriptions": ("analytics_requester", "metrics/[^?]+"),
    "analytics_record_descriptions": ("analytics_requester", "records/[^?]+"),
    "analytics_metric_data": ("analytics_query_requester", "metrics"),
    "analytics_record_data": ("analytics_query_requester", "records"),
    "analytics_filter_values": ("analytics_requester", "filter/[^?]+"),
}
GIVEN: Final = {  # all that an API gives of rows that the connector composes
    "call_transcripts": {"call_id", "lines"},
    "analytics_metric_data": {"measure", "value"},
    "analytics_record_data": {"fields", "value"},
    "analytics_filter_values": {"value", "label"},
}

Row = dict[str, Any]


@cache
def declared_streams() -> dict[str, dict[str, Any]]:
    """Every stream of the manifest by its name, with its `section`, and its parameters in all its parts."""
    propagate = ManifestComponentTransformer().propagate_types_and_parameters
    return {
        stream["name"]: {**propagate("", stream, {}), "section": section_of(group)}
        for group in resolved_manifest()["streams"]
        for stream in group["streams"]
    }


def schema_of(stream: str) -> dict[str, Any]:
    """The schema of a stream."""
    schema: dict[str, Any] = resolved_manifest()["schemas"][stream]
    return schema


def is_list(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is read by the CDK's own retriever, page by page."""
    return bool(stream["retriever"]["type"] == "SimpleRetriever")


@dataclass
class Reach:
    """What was reached in a run: a report for each stream, and the answers that lists gave."""

    ask: Ask
    config: Mapping[str, Any]
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    replies: dict[str, list[Reply]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pages_by_request: dict[str, Reply] = {}

    def lists(self, *only: str) -> None:
        """Asks for a page of every list, or of some."""
        for name, stream in declared_streams().items():
            if stream["section"] in self.config and is_list(stream) and name in (only or (name,)):
                replies = list(self._pages(stream, self._slices(stream)))
                extractor = stream["retriever"]["record_selector"]["extractor"]
                self.note(name, replies, [row for reply in replies for row in rows_of(reply, extractor)])

    def probed(self) -> None:
        """Makes the reports of streams without lists, from the answers to the questions about their APIs."""
        for name, (requester, pattern) in PROBED.items():
            if declared_streams()[name]["section"] in self.config:
                asked = [one for by, path, one in self.ask.answered if by == requester and re.fullmatch(pattern, path)]
                taken = [reply for reply in asked if reply.refusal is None] or asked
                self.note(name, taken, [row for reply in taken for row in _entries(reply)])

    def analytics(self) -> None:
        """Asks for what no question is about: the description of one metric and one kind of records, one filter."""
        for path in ("metrics", "records"):
            replies = [reply for _, at, reply in self.ask.answered if at == path and reply.refusal is None]
            entries = [entry for reply in replies for entry in _entries(reply) if isinstance(entry.get("id"), str)]
            for entry in entries[:1]:
                self.ask("analytics_requester", path=f"{path}/{quote(entry['id'], safe='')}")
            named = [one.get("filterAttribute") for entry in entries for one in objects(entry.get("filters"))]
            if path == "metrics" and named:
                self.ask("analytics_requester", path=f"filter/{quote(str(named[0]), safe='')}")

    def note(
        self,
        stream: str,
        replies: Sequence[Reply],
        rows: Sequence[Row],
        columns: Sequence[str] | None = None,
        **counts: int,
    ) -> None:
        """Makes the report of a stream from what it answered; `columns` are the header of a file."""
        declared, schema = declared_streams()[stream], schema_of(stream)
        made, known = made_by_the_connector(declared), schema["properties"]
        if not replies and declared["section"] in self.ask.closed:
            replies = [self.ask.closed[declared["section"]]]
        refused = [reply for reply in replies if reply.refusal is not None]
        report: dict[str, Any] = {"section": declared["section"], "outcome": _outcome(replies, refused, rows)}
        if refused:
            report["refused_requests"] = f"{len(refused)} of {len(replies)}"
            report["http_status"] = refused[0].status
            report["words"] = shape.words(refused[0].refusal or "")
        if rows or columns:
            seen = (name for row in rows for name in row)
            shown, others = shape.names(seen, schema) if columns is None else shape.header(columns, schema)
            report |= {"rows": len(rows), **counts, "columns_seen": len(shown) + others}
            report["unknown"] = [name for name in shown if name not in known and name not in made]
            report["not_seen"] = [name for name in known if name not in shown and name not in made]
            report["members"] = shape.members(rows, schema, shown)
            report |= {"names_not_shown": others} if others else {}
        self.reports[stream] = report
        self.replies[stream] = list(replies)

    def _pages(self, stream: Mapping[str, Any], slices: Iterable[StreamSlice]) -> Iterator[Reply]:
        """The answers for some slices: those of parents end with the first that has rows."""
        router = stream["retriever"].get("partition_router", {})
        by_type: dict[Any, bool] = {}
        for stream_slice in slices:
            place = tuple(stream_slice.extra_fields.values())
            if by_type.get(place):
                continue
            reply = self._page(stream["retriever"]["requester"], stream_slice)
            extractor = stream["retriever"]["record_selector"]["extractor"]
            by_type[place] = router.get("type") == "SubstreamPartitionRouter" and bool(rows_of(reply, extractor))
            yield reply

    def _slices(self, stream: Mapping[str, Any]) -> list[StreamSlice]:
        """The slices a list is asked for: every value of a list of partitions, or the first parents."""
        window = self._window(stream)
        router = stream["retriever"].get("partition_router", {})
        if router.get("type") == "ListPartitionRouter":
            return [
                StreamSlice(partition={router["cursor_field"]: value}, cursor_slice=window)
                for value in router["values"]
            ]
        if "parent_stream_configs" not in router:
            return [StreamSlice(partition={}, cursor_slice=window)]
        return [
            StreamSlice(partition=partition, cursor_slice=window, extra_fields=extra)
            for parent in router["parent_stream_configs"]
            for partition, extra in self._parents_of(parent)
        ]

    def _parents_of(self, parent: Mapping[str, Any]) -> Iterator[tuple[Row, Row]]:
        """Partition and extra fields for the first objects of a parent's list."""
        stream = parent["stream"]
        requester, extractor = stream["retriever"]["requester"], stream["retriever"]["record_selector"]["extractor"]
        kind = requester.get("parent_type")
        extra = dict.fromkeys(("target_type", "owner_type"), kind) if kind else {}
        for stream_slice in self._slices(stream):
            for row in rows_of(self._page(requester, stream_slice), extractor)[:PARENTS]:
                if isinstance(row.get("id"), str | int):
                    yield {parent["partition_field"]: str(row["id"]), "parent_slice": stream_slice.partition}, extra

    def _page(self, requester: Mapping[str, Any], stream_slice: StreamSlice) -> Reply:
        """The answer to one request, asked for once a run."""
        key = repr((requester, stream_slice.partition, stream_slice.extra_fields))
        if key not in self._pages_by_request:
            self._pages_by_request[key] = self.ask(requester, slice=stream_slice)
        return self._pages_by_request[key]

    def _window(self, stream: Mapping[str, Any]) -> dict[str, str]:
        """The window of a list by time: the last days, or for workforce metrics yesterday."""
        zone = zone_of(self.config["timezone"])
        end = datetime.now(UTC) - LAG
        start = end - WINDOW
        if stream.get("name", "").startswith("wfm_"):
            today = local_day(datetime.now(UTC), zone)
            start, end = midnight(today - DAY, zone), midnight(today, zone)
        return {"start_time": rfc3339(start), "end_time": rfc3339(end), "read_until": rfc3339(end)}


def rows_of(reply: Reply, extractor: Mapping[str, Any]) -> list[Row]:
    """The rows in an answer where the manifest's extractor looks for them, whatever else the answer is."""
    value = reply.value if reply.refusal is None and isinstance(reply.value, dict) else {}
    if extractor.get("field_path") == []:
        return [value] if value else []
    places = extractor.get("field_path") or ["items"]
    if str(extractor.get("class_name", "")).endswith(".Texts"):
        places = extractor["members"]
    if str(extractor.get("class_name", "")).endswith(".Operators"):
        places = ["users", "rooms"]
    listed = [row for place in places if isinstance(value.get(place), list) for row in value[place]]
    column = extractor.get("column", "")
    return [row if isinstance(row, dict) else {column: row} for row in listed if isinstance(row, dict) or column]


def _entries(reply: Reply) -> list[Row]:
    """Messages, or entries of an answer of the Analytics API."""
    data = reply.value.get("data") if isinstance(reply.value, dict) else None
    if isinstance(data, dict):
        data = data["aggregates"] if isinstance(data.get("aggregates"), list) else [data]
    if isinstance(data, list):
        return [{} if "primaryTimestampField" in entry else entry for entry in data if isinstance(entry, dict)]
    return unwrapped(reply.value)[0]


def made_by_the_connector(stream: Mapping[str, Any]) -> set[str]:
    """Members of rows that the connector adds or takes away."""
    retriever = stream["retriever"]
    added = [one for each in stream.get("transformations", []) for one in each.get("fields", [])]
    made = {one["path"][0] for one in added} | ADDED
    made |= {path[0] for each in stream.get("transformations", []) for path in each.get("field_pointers", [])}
    module, _, name = retriever.get("class_name", "").rpartition(".")
    made |= set(getattr(import_module(module), name).derived) if module else set()
    made |= {"event_id", "received_at", "event"} if stream["section"] == "event_receiver" else set()
    if name == "ExportRetriever":
        made |= set(DERIVED)
    keys = stream.get("primary_key", [])
    if stream["name"] in GIVEN:
        return set(schema_of(stream["name"])["properties"]) - GIVEN[stream["name"]]
    if stream["name"] == "call_recaps":
        made |= {name for name in schema_of("call_recaps")["properties"] if name.startswith(("summary_", "date_st"))}
    return made | ({key for key in keys if key.endswith(("_id", "_key"))} if "partition_router" in retriever else set())


def _outcome(replies: Sequence[Reply], refused: Sequence[Reply], rows: Sequence[Row]) -> str:
    if not replies:
        return "not asked, for want of an id to ask with"
    if len(refused) < len(replies):
        return "reachable" if rows else "reachable, empty"
    return "refused" if any(reply.status for reply in refused) else "no answer"


def cost(config: Mapping[str, Any]) -> Cost:
    """A request a page, of parents and of their members, and three for the catalogs of analytics."""
    lists = [stream for stream in declared_streams().values() if stream["section"] in config and is_list(stream)]
    requests = 3 * ("analytics" in config)
    for stream in lists:
        router = stream["retriever"].get("partition_router", {})
        requests += len(router.get("values", [])) or 1 + PARENTS * len(router.get("parent_stream_configs", []))
    return Cost(requests, 0, requests / 8)
