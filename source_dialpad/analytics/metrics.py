"""Analytics: the stream `analytics_metric_data`, the values of metrics in whole local days, weeks or months."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.analytics.catalogue import (
    AnalyticsApi,
    AnalyticsRetriever,
    Entry,
    Filters,
    are_objects,
    catalogue_of,
    hashed,
    interval,
)
from source_dialpad.analytics.records import timestamp_of
from source_dialpad.sync.duplicates import DuplicateCounter
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.shared import shared
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

TICK = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)

PROBED = timedelta(days=30)
"""How far back a record is looked for, to find out which ends an interval includes."""


class IntervalBounds(NamedTuple):
    """Which ends of an interval belong to it."""

    start: bool
    end: bool


class FoundBounds:
    """What was found out about intervals; shared by all metrics of a sync."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.bounds: IntervalBounds | None = None
        self.lock = threading.Lock()


@dataclass
class MetricDataRetriever(AnalyticsRetriever):
    """The stream `analytics_metric_data`: the aggregates of one metric in one window, one request a break-down value.

    Whether an interval includes its ends is not documented, and a figure that counts an event twice cannot be corrected
    afterwards: it is found out once a sync, and the window is asked for so that it is exact.
    """

    catalogue_requester: Requester | None = None

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """One row an aggregate, one a status for presence durations."""
        extra, settings, window = stream_slice.extra_fields, self.config["analytics"], stream_slice.cursor_slice
        bounds = self.interval_bounds(extra["filters"], context)
        start, end = datetime.fromisoformat(window["start_time"]), datetime.fromisoformat(window["read_until"])
        request: dict[str, Any] = {
            "id": stream_slice.partition["metric_id"],
            "periodFilter": interval(start if bounds.start else start - TICK, end - TICK if bounds.end else end),
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
            body = {**request, "filters": _narrowed(extra["filters"], attribute, value)}
            ordinals = DuplicateCounter()
            for measured in self._aggregates(stream_slice, body, context):
                named = {name: measured[name] for name in ("measure", "presence_status", "presence_description")}
                if named["presence_description"] is None:  # keys of values without one are older than the column
                    del named["presence_description"]
                row_key = hashed({**identity, **named})
                ordinal = ordinals.ordinal(row_key.encode())
                yield {**derived, **measured, "row_key": f"{row_key}-{ordinal}" if ordinal else row_key}

    def interval_bounds(self, filters: Filters, context: str) -> IntervalBounds:
        """Which ends of an interval the API includes, found out once a sync by the time of a record of the last month.

        Where no record is to be had both count as included: what is asked for then ends a millisecond early, and
        nothing is counted twice.
        """
        settings = self.config["analytics"]
        found = shared(FoundBounds, settings["base_url"], settings["api_key"])
        with found.lock:
            if found.bounds is None:
                listing = AnalyticsApi(JsonCalls(self.catalogue_requester), settings["base_url"])  # type: ignore[arg-type]
                records = catalogue_of(self.config).entries(listing, "records", context)
                tried = (self._bounds_by_record(text(entry["id"]), filters, context) for entry in records)
                found.bounds = next(filter(None, tried), IntervalBounds(start=True, end=True))
            return found.bounds

    def _bounds_by_record(self, record_id: str, filters: Filters, context: str) -> IntervalBounds | None:
        """What the records of a type tell; None where there is none, or they cannot be read."""
        context = f"{context} (asking which ends an interval includes, of the records {record_id})"
        try:
            return self._probe(record_id, filters, context)
        except AirbyteTracedException as error:
            logger.warning("The next record type is asked instead, if there is one: %s", error.message)
            return None

    def _probe(self, record_id: str, filters: Filters, context: str) -> IntervalBounds | None:
        """Asks for intervals that begin, and end, at the very millisecond of a record."""

        def times(start: datetime, end: datetime) -> Iterator[list[datetime]]:
            period = interval(start, end)
            body = {"id": record_id, "periodFilter": period, "filters": filters, "timezone": self.timezone}
            for page in self.api.pages(context, "records", body=body):
                yield [datetime.fromisoformat(time) for time in map(timestamp_of, page) if time]

        now = datetime.now(UTC)
        moment = next((time for time in next(times(now - PROBED, now), []) if not time.microsecond % 1000), None)
        if moment is None:
            return None
        before, after = moment - SECOND, moment + SECOND
        periods = ((moment, after), (before, moment), (before, after))
        start, end, inside = (any(moment in page for page in times(*period)) for period in periods)
        # otherwise the record is gone, or its time is not the one the interval means
        return IntervalBounds(start=start, end=end) if inside else None

    def _aggregates(self, stream_slice: StreamSlice, body: Mapping[str, Any], context: str) -> Iterator[Entry]:
        data, _ = self.api.data(
            context, "aggregates", _has_aggregates, body=body, path="metrics", stream_slice=stream_slice
        )
        for aggregate in data.get("aggregates") or []:
            yield from _measured(aggregate)


def _has_aggregates(data: Any) -> bool:
    return isinstance(data, dict) and are_objects(data.get("aggregates") or [])


def _narrowed(filters: Filters, attribute: str | None, value: str | None) -> Filters:
    """The configured filters, with the break-down value in the place of those of its attribute."""
    if attribute is None:
        return filters
    return [
        *(filter_ for filter_ in filters if filter_["attribute"] != attribute),
        {"attribute": attribute, "values": [value]},
    ]


def canonical_filters(filters: Filters) -> list[list[Any]]:
    """Filters as keys hold them: another order, or another spelling of a value, is the same filter."""
    return sorted([filter_["attribute"], sorted(filter_["values"])] for filter_ in filters)


def _measured(aggregate: Entry) -> Iterator[Entry]:
    kind, value = aggregate.get("_type"), aggregate.get("value")
    if not isinstance(value, list):
        yield {
            "measure": aggregate.get("measure") or "",
            "presence_status": None,
            "presence_description": None,
            "value": value,
            "value_type": kind,
        }
        return
    for duration in value:  # AgentPresenceDurationValue: one value a status, and no measure
        status = duration.get("status")
        status = status if isinstance(status, dict) else {"status": status}
        yield {
            "measure": "AgentPresenceDuration",
            "presence_status": status.get("status"),
            "presence_description": status.get("description"),
            "value": duration.get("value"),
            "value_type": kind,
        }
