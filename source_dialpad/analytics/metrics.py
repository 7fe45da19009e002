"""Analytics: the values of metrics in whole local days, weeks or months."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.analytics.catalogue import Entry, Filters, ask_data, catalogue_of, hashed, interval, pages
from source_dialpad.analytics.records import timestamp_of
from source_dialpad.sync.duplicates import DuplicateCounter
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

TICK = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
PROBED = timedelta(days=30)  # how far back a record is looked for, to find out which ends an interval includes


@dataclass
class MetricDataRetriever(SliceRetriever):
    """The stream `analytics_metric_data`: the aggregates of one metric in one window, one request a break-down value.

    Whether an interval includes its ends is not documented, and a figure that counts an event twice cannot be corrected
    afterwards: it is found out once a sync, and the window is asked for so that it is exact.
    """

    catalogue_requester: Requester

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Entry]:
        """One row an aggregate, one a status for presence durations."""
        extra, settings, window = stream_slice.extra_fields, self.config["analytics"], stream_slice.cursor_slice
        has_start, has_end = self.interval_bounds(extra["filters"], context)
        start, end = datetime.fromisoformat(window["start_time"]), datetime.fromisoformat(window["read_until"])
        request: dict[str, Any] = {
            "id": stream_slice.partition["metric_id"],
            "periodFilter": interval(start if has_start else start - TICK, end - TICK if has_end else end),
            "aggregations": extra["measures"],
            "timezone": self.config["timezone"],
        }
        values = extra["values"]
        attribute = settings.get("break_down_by") if values is not None else None
        for value in [None] if values is None else values:
            derived = {
                "metric_id": stream_slice.partition["metric_id"],
                "window_start": window["start_time"],
                "window_end": window["end_time"],
                "timezone": self.config["timezone"],
                "grain": settings["grain"],
                "filters": settings["filters"] or None,
                "breakdown_attribute": attribute,
                "breakdown_value": value,
            }
            # in the key, another order of the filters, or another spelling of a value, is the same filter
            canonical = sorted([filter_["attribute"], sorted(filter_["values"])] for filter_ in extra["filters"])
            identity = {**derived, "filters": canonical, "grain": None}
            others = [filter_ for filter_ in extra["filters"] if filter_["attribute"] != attribute]
            narrowed = [*others, {"attribute": attribute, "values": [value]}] if attribute else extra["filters"]
            body = {**request, "filters": narrowed}
            ordinals = DuplicateCounter()
            answer = ask_data(self.ask, context, "aggregates", kind="object", path="metrics", body=body)
            for measured in (row for entry in answer["data"].get("aggregates") or [] for row in _measured(entry)):
                named = {name: measured[name] for name in ("measure", "presence_status", "presence_description")}
                if named["presence_description"] is None:  # keys of values without one are older than the column
                    del named["presence_description"]
                row_key = hashed({**identity, **named})
                ordinal = ordinals.ordinal(row_key.encode())
                yield {**derived, **measured, "row_key": f"{row_key}-{ordinal}" if ordinal else row_key}

    def interval_bounds(self, filters: Filters, context: str) -> tuple[bool, bool]:
        """Whether the API includes the start and the end of an interval, found out once a sync by a recent record.

        Without one both count as included: what is asked for ends a millisecond early, and nothing is counted twice.
        """
        catalogue = catalogue_of(self.config)
        with catalogue.lock:
            if catalogue.bounds is None:
                records = catalogue.entries(JsonCalls(self.catalogue_requester), "records", context)
                probed = (self._bounds_by_record(text(entry["id"]), filters, context) for entry in records)
                catalogue.bounds = next(filter(None, probed), (True, True))
            return catalogue.bounds

    def _bounds_by_record(self, record_id: str, filters: Filters, context: str) -> tuple[bool, bool] | None:
        """Asks for intervals that begin, and end, at a record's very millisecond; None where it has none to be read."""
        context = f"{context} (asking which ends an interval includes, of the records {record_id})"
        ask = JsonCalls(self.requester)  # a refusal of this type of records refuses nothing else

        def times(start: datetime, end: datetime) -> Iterator[list[datetime]]:
            period = interval(start, end)
            body = {"id": record_id, "periodFilter": period, "filters": filters, "timezone": self.config["timezone"]}
            for page in pages(ask, context, "records", body=body):
                yield [datetime.fromisoformat(time) for time in map(timestamp_of, page) if time]

        now = datetime.now(UTC)
        try:
            moment = next((time for time in next(times(now - PROBED, now), []) if not time.microsecond % 1000), None)
            if moment is None:
                return None
            before, after = moment - SECOND, moment + SECOND
            periods = ((moment, after), (before, moment), (before, after))
            start, end, inside = (any(moment in page for page in times(*period)) for period in periods)
        except AirbyteTracedException as error:
            logger.warning("The next record type is asked instead, if there is one: %s", error.message)
            return None
        # otherwise the record is gone, or its time is not the one the interval means
        return (start, end) if inside else None


def _measured(aggregate: Entry) -> Iterator[Entry]:
    """The aggregate as a row; AgentPresenceDurationValue has one value a status, and no measure."""
    kind, value = aggregate.get("_type"), aggregate.get("value")
    presences = value if isinstance(value, list) else [{"value": value}]
    for presence in presences:
        status = presence.get("status")
        status = status if isinstance(status, dict) else {"status": status}
        yield {
            "measure": "AgentPresenceDuration" if presences is value else aggregate.get("measure") or "",
            "presence_status": status.get("status"),
            "presence_description": status.get("description"),
            "value": presence.get("value"),
            "value_type": kind,
        }
