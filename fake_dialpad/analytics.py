"""The Analytics API: two catalogues, two descriptions, filter values, metric data and record data.

What it keeps to (Analytics API page and specification): metric data carry no time and record data no id, a filter value
that is not known is ignored without an error, a page is followed by the relative link in `meta.next` whose key has its
`==` as `%3D%3D`, unknown ids are 400 with `{"message": …}`, 10 requests a second with bursts of 4.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfoNotFoundError

from fake_dialpad.catalogue import (
    FILTERS,
    MEASURES,
    METRICS,
    NOBODY,
    RECORDS,
    Metric,
    Row,
    aggregate,
    metric_entry,
    record_entry,
)
from fake_dialpad.company import CHANNELS, DIRECTIONS, PRESENCES
from fake_dialpad.local_time import PRESETS, preset
from fake_dialpad.model import SECOND, day_of
from fake_dialpad.wire import Bucket, Refused, Request, Response, answer, route, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fake_dialpad.context import Context
    from fake_dialpad.world import World

PAGE: Final = 50
LARGEST_PAGE: Final = 300
PERIOD: Final = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"_type": {"const": "Interval"}, "start": {"type": "string"}, "end": {"type": "string"}},
            "required": ["_type", "start", "end"],
        },
        {
            "type": "object",
            "properties": {
                "_type": {"const": "Preset"},
                "value": {"type": "object", "properties": {"_type": {"enum": list(PRESETS)}}, "required": ["_type"]},
            },
            "required": ["_type", "value"],
        },
    ]
}
FILTER_LIST: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"attribute": {"type": "string"}, "values": {"type": "array", "items": {"type": "string"}}},
        "required": ["attribute"],
    },
}
ASKED: Final[dict[str, object]] = {
    "id": {"type": "string"},
    "timezone": {"type": "string"},
    "filters": FILTER_LIST,
    "periodFilter": PERIOD,
    "csidFilter": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
}
RECORD_BODY: Final = schema(ASKED, required=("id", "timezone"))
METRIC_BODY: Final = schema(
    {**ASKED, "aggregations": {"type": "array", "items": {"enum": list(MEASURES)}}}, required=("id", "timezone")
)


def instant(us: int) -> str:
    """Return an instant as the API writes it: UTC, milliseconds, Z."""
    return f"{datetime.fromtimestamp(us // 1000 / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{us // 1000 % 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows a request is about: from start_us up to and without end_us, filtered, of some conversations or all."""

    start_us: int
    end_us: int
    keep: Callable[[Row], bool]
    csids: frozenset[int] | None = None

    def holds(self, row: Row) -> bool:
        """Whether a row is in the selection."""
        inside = self.start_us <= row.at_us < self.end_us
        return inside and (self.csids is None or row.about.csid in self.csids) and self.keep(row)


class Analytics:
    """The seven operations, their paging and their limit."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.routes = [
            route("GET", "/(?:v1|beta)/analytics/metrics", self.metrics),
            route("POST", "/(?:v1|beta)/analytics/metrics", self.metric_data),
            route("GET", "/(?:v1|beta)/analytics/metrics/{key}", self.metric),
            route("GET", "/(?:v1|beta)/analytics/records", self.records),
            route("POST", "/(?:v1|beta)/analytics/records", self.record_data),
            route("GET", "/(?:v1|beta)/analytics/records/{key}", self.record),
            route("GET", "/(?:v1|beta)/analytics/filter/{attribute}", self.filter_values),
        ]
        self.bucket = Bucket(10, 4)

    def admit(self) -> None:
        """Count a request against 10 a second."""
        if self.context.limited and not self.bucket.admits(self.context.server_now()):
            raise self.context.too_many("Too many requests", 1)

    # -- catalogues --------------------------------------------------------------------------------

    def metrics(self, request: Request) -> Response:
        """Answer the catalogue of metrics."""
        return self._paged(request, [metric_entry(key) for key in METRICS])

    def records(self, request: Request) -> Response:
        """Answer the catalogue of records."""
        return self._paged(request, [record_entry(key) for key in RECORDS])

    def metric(self, _: Request, key: str) -> Response:
        """Answer the description of a metric."""
        if key not in METRICS:
            raise Refused(400, f"Invalid value extracted from request context: metric {key} does not exist")
        return answer({"data": metric_entry(key)})

    def record(self, _: Request, key: str) -> Response:
        """Answer the description of a record."""
        if key not in RECORDS:
            raise Refused(400, f"Invalid value extracted from request context: record {key} does not exist")
        return answer({"data": record_entry(key)})

    def filter_values(self, request: Request, attribute: str) -> Response:
        """Answer the values an attribute can take."""
        if attribute not in FILTERS:
            raise Refused(
                400, f"Invalid value extracted from request context: filter attribute {attribute} does not exist"
            )
        return self._paged(request, self.values(attribute))

    def values(self, attribute: str) -> list[dict[str, str]]:
        """Return the values of an attribute, most of them with a label."""
        world = self.context.world
        if attribute == "contact_point":
            return [{"value": point} for point in world.contact_points]
        pairs: dict[str, Iterable[tuple[str, str]]] = {
            "agent_id": world.agents,
            "queue_id": world.queues,
            "tag_id": world.tags,
            "channel": CHANNELS.items(),
            "initial_direction": DIRECTIONS.items(),
        }
        return [{"value": value, "label": label} for value, label in pairs[attribute]]

    # -- data --------------------------------------------------------------------------------------

    def metric_data(self, request: Request) -> Response:
        """Answer one number for each measure (or one list of presence durations)."""
        body: dict[str, Any] = request.valid(METRIC_BODY)
        metric = METRICS.get(body["id"])
        if metric is None:
            raise Refused(400, f"Invalid value for: body (metric {body['id']} does not exist)")
        measures = body.get("aggregations") or list(metric.measures)
        for measure in measures:
            if measure not in metric.measures:
                raise Refused(
                    400, f"Invalid value for: body (aggregation {measure} is not available for metric {body['id']})"
                )
        aggregates = self.aggregates(metric, measures, self._selection(body))
        return answer({"data": {"id": body["id"], "aggregates": aggregates}})

    def aggregates(self, metric: Metric, measures: Sequence[str], selection: Selection) -> list[dict[str, Any]]:
        """Return the aggregates of a metric over a selection."""
        if metric.measures == ("AgentPresenceDuration",):
            return self._presence(selection)
        return aggregate(metric, measures, self.between(metric.rows, selection))

    def _presence(self, selection: Selection) -> list[dict[str, Any]]:
        start_us, end_us, keep = selection.start_us, selection.end_us, selection.keep
        world, now = self.context.world, self.context.now_us()
        spent: dict[str, int] = {}
        day = max(day_of(start_us) - timedelta(days=1), world.first_day)
        while day <= day_of(min(end_us, now)):
            for one in world.presence(day):
                length = min(one.end_us, end_us, now) - max(one.start_us, start_us)
                if length > 0 and keep(Row(one.start_us, NOBODY, one.agent)):
                    spent[one.status] = spent.get(one.status, 0) + length
            day += timedelta(days=1)
        if not spent:
            return []
        return [
            {
                "_type": "AgentPresenceDurationValue",
                "description": "Time agents spent in each presence status",
                "value": [
                    {"value": round(us / SECOND, 3), "status": {"status": status, "description": PRESENCES[status]}}
                    for status, us in sorted(spent.items())
                ],
            }
        ]

    def record_data(self, request: Request) -> Response:
        """Answer a page of records."""
        body: dict[str, Any] = request.valid(RECORD_BODY)
        if body["id"] not in RECORDS:
            raise Refused(400, f"Invalid value for: body (record {body['id']} does not exist)")
        rows = self.between(RECORDS[body["id"]].rows, self._selection(body))
        return self._paged(request, rows, lambda row: self.record_item(body["id"], row))

    def between(self, rows_of: Callable[[World, date], Iterable[Row]], selection: Selection) -> list[Row]:
        """Return the rows of a selection that exist now, oldest first."""
        world, now = self.context.world, self.context.now_us()
        day = max(day_of(selection.start_us) - timedelta(days=3), world.first_day)
        rows: list[Row] = []
        while day <= day_of(min(selection.end_us, now)):
            rows += (row for row in rows_of(world, day) if selection.holds(row) and row.at_us <= now)
            day += timedelta(days=1)
        return sorted(rows, key=lambda row: row.at_us)

    def record_item(self, key: str, row: Row) -> dict[str, Any]:
        """Return a record as the API gives it."""
        record, one, world = RECORDS[key], row.about, self.context.world
        fields: list[dict[str, Any]] = [
            _field("csid", "LongField", one.csid),
            _field("initial_channel", "StringField", one.channel, CHANNELS[one.channel]),
            _field("initial_direction", "StringField", one.direction, DIRECTIONS[one.direction]),
            _field("queue", "UUIDField", *world.queues[one.queue]),
            {"name": "agent"} if row.agent is None else _field("agent", "UUIDField", *world.agents[row.agent]),
        ]
        if key == "closed_conversations":
            fields += [
                _field("contact_point", "StringField", one.contact_point, one.contact_point),
                _field("closed_by", "StringField", one.closed_by),
                _field("is_reopened", "BooleanField", one.reopened),
                _field("message_count", "IntField", one.messages),
                _field("handling_minutes", "DoubleField", round(one.handling_us / SECOND / 60, 4)),
                _field("last_message_at", "InstantField", instant(one.closed_us - SECOND)),
                {
                    "name": "created",
                    "field": {"_type": "TimestampField", "name": "created_at", "timestamp": instant(one.created_us)},
                },
                {
                    "name": "tags",
                    "field": {
                        "_type": "ListField",
                        "values": [
                            {"_type": "StringField", "value": world.tags[tag][0], "label": world.tags[tag][1]}
                            for tag in one.tags
                        ],
                    },
                },
            ]
        if key == "ratings":
            fields.append(_field("comment", "StringField", one.comment) if one.comment else {"name": "comment"})
        item: dict[str, Any] = {
            "primaryTimestampField": {"name": record.primary, "timestamp": instant(row.at_us)},
            "fields": fields,
        }
        if record.kind:
            number = row.number or 0
            item["value"] = {"_type": record.kind, "value": int(number) if record.kind == "LongField" else number}
        return item

    def _selection(self, body: dict[str, Any]) -> Selection:
        start, end, csids = self._period(body)
        if self.context.variants["filters"] == "required" and not body.get("filters"):
            raise Refused(400, "Invalid value for: body (filters is required)")
        return Selection(start, end, self.filter_of(body.get("filters", [])), csids)

    def filter_of(self, filters: Sequence[dict[str, Any]]) -> Callable[[Row], bool]:
        """Return what says whether a row passes the filters; unknown attributes and values are ignored."""
        wanted = []
        for one in filters:
            if one["attribute"] not in FILTERS:
                continue
            known = {entry["value"].casefold() for entry in self.values(one["attribute"])}
            values = {value.casefold() for value in one.get("values", [])} & known
            if values:  # a value that is not relevant is simply ignored
                wanted.append((one["attribute"], values))
        return lambda row: all(values & self._values_of(row, attribute) for attribute, values in wanted)

    def _values_of(self, row: Row, attribute: str) -> set[str]:
        world, one = self.context.world, row.about
        if attribute == "agent_id":
            return set() if row.agent is None else {world.agents[row.agent][0]}
        if one is NOBODY:  # presence knows agents only; any other filter is not relevant to it
            return {entry["value"].casefold() for entry in self.values(attribute)}
        if attribute == "queue_id":
            return {world.queues[one.queue][0]}
        if attribute == "tag_id":
            return {world.tags[tag][0] for tag in one.tags}
        return {
            {"channel": one.channel, "initial_direction": one.direction, "contact_point": one.contact_point}[
                attribute
            ].casefold()
        }

    def _period(self, body: dict[str, Any]) -> tuple[int, int, frozenset[int] | None]:
        """Return the first instant, the instant after the last, and the conversations asked for (None: all)."""
        try:
            clock = self.context.local(body["timezone"])
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused(400, "Invalid value for: body (timezone)") from error
        csids = frozenset(body["csidFilter"]) if "csidFilter" in body else None
        period = body.get("periodFilter")
        if period is None:
            return 0, self.context.now_us() + 1, csids
        if csids is not None:
            raise Refused(400, "Invalid value for: body (periodFilter and csidFilter)")
        if period["_type"] == "Preset":
            first, last = preset(period["value"]["_type"], clock.day(int(self.context.server_now() * SECOND)))
            return clock.midnight(first), clock.midnight(last + timedelta(days=1)), None
        start, end = _parsed(period["start"]), _parsed(period["end"])
        if end < start:
            raise Refused(400, "Invalid value for: body (periodFilter end is before start)")
        return start, end + (1 if self.context.variants["interval_end"] == "in" else 0), None

    # -- paging ------------------------------------------------------------------------------------

    def _paged(self, request: Request, rows: Sequence[Any], write: Callable[[Any], Any] = lambda row: row) -> Response:
        page, limit = self._place(request)
        here = [write(row) for row in rows[page * limit : (page + 1) * limit]]
        value: dict[str, Any] = {"data": here}
        if (page + 1) * limit < len(rows):
            key = page_key(page + 1, limit)
            link = f"{request.path}?pageKey={quote(key, safe='')}"
            variant = self.context.variants["link"]
            if variant == "pagekey":
                value["pageKey"] = key
            else:
                host = {"relative": "", "absolute": request.base_url, "foreign": "https://analytics.foreign.example"}[
                    variant
                ]
                value["meta"] = {"next": host + link}
                if page:
                    value["meta"]["previous"] = (
                        f"{host}{request.path}?pageKey={quote(page_key(page - 1, limit), safe='')}"
                    )
        elif page % 2:  # the last page has sometimes an empty link, sometimes no meta at all
            value["meta"] = {}
        return answer(value)

    def _place(self, request: Request) -> tuple[int, int]:
        query = request.parameters
        page, limit = 0, PAGE
        if "pageKey" in query:
            try:
                decoded = dict(parse_qsl(base64.b64decode(query["pageKey"].rstrip(":"), validate=True).decode()))
                page, limit = int(decoded["page"]), int(decoded["pageLimit"])
            except (binascii.Error, UnicodeDecodeError, KeyError, ValueError) as error:
                raise Refused(400, "Invalid value for: query parameter pageKey") from error
        if "pageLimit" in query:
            if not query["pageLimit"].isdigit() or not 1 <= int(query["pageLimit"]) <= LARGEST_PAGE:
                raise Refused(400, "Invalid value for: query parameter pageLimit")
            asked = int(query["pageLimit"])
            page, limit = page * limit // asked, asked
        return page, limit


def page_key(page: int, limit: int) -> str:
    """Return the paging parameters in base64, padded so that the key ends in `==`, as the printed one does."""
    text = f"pageLimit={limit}&page={page}"
    text += "&s=" + "0" * ((1 - len(text) - 3) % 3) if len(text) % 3 != 1 else ""
    return base64.b64encode(text.encode()).decode()


def _field(name: str, kind: str, value: object, label: str | None = None) -> dict[str, Any]:
    return {"name": name, "field": {"_type": kind, "value": value, **({} if label is None else {"label": label})}}


def _parsed(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, "Invalid value for: body (periodFilter)") from error
    if moment.tzinfo is None:
        raise Refused(400, "Invalid value for: body (periodFilter)")
    return round(moment.timestamp() * 1000) * 1000 if moment.microsecond else int(moment.timestamp()) * SECOND
