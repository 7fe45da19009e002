"""The Analytics API: two catalogues, two descriptions, filter values, metric data and record data.

What it keeps to (Analytics API page and specification): metric data carry no time and record data no id, a filter value
that is not known is ignored without an error, a page is followed by the relative link in `meta.next` whose key has its
`==` as `%3D%3D`, unknown ids are 400 with `{"message": …}`, 10 requests a second with bursts of 4.
"""

from __future__ import annotations

import base64
import binascii
import statistics
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote
from zoneinfo import ZoneInfoNotFoundError

from fake_dialpad.events import SECOND, Conversation, day_of
from fake_dialpad.wire import Bucket, Refused, Request, Response, answer, route, schema
from fake_dialpad.world import CHANNELS, DIRECTIONS, PRESENCES, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fake_dialpad.records import LocalTime
    from fake_dialpad.server import FakeDialpad

PAGE: Final = 50
LARGEST_PAGE: Final = 300
FILTERS: Final = ("agent_id", "queue_id", "channel", "initial_direction", "tag_id", "contact_point")
PRESETS: Final = (
    "Today",
    "Yesterday",
    "ThisWeek",
    "PreviousWeek",
    "ThisMonth",
    "PreviousMonth",
    "ThisQuarter",
    "PreviousQuarter",
    "ThisYear",
)
SATISFIED: Final = 4  # 4 and 5 of 5
MEASURES: Final = ("Count", "Sum", "Min", "Max", "Average", "Percentage", "StdDev", "AgentPresenceDuration")
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


@dataclass(slots=True)
class Row:
    """One record before it is written: the instant it belongs to, who and what it is about, its measure."""

    at_us: int
    about: Conversation
    agent: int | None
    number: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record of the catalogue: where its rows come from and how one is written."""

    description: str
    rows: Callable[[World, date], Iterable[Row]]
    primary: str
    fields: tuple[tuple[str, str, bool], ...]
    metrics: tuple[str, ...]
    kind: str = ""
    filters: tuple[str, ...] = FILTERS


def _closed(world: World, day: date) -> Iterable[Row]:
    return (Row(one.closed_us, one, one.agent) for one in world.conversations(day))


def _created(world: World, day: date) -> Iterable[Row]:
    return (Row(one.created_us, one, one.agent) for one in world.conversations(day))


def _ratings(world: World, day: date) -> Iterable[Row]:
    return (Row(one.rated_us, one, one.agent, one.rating) for one in world.conversations(day) if one.rating is not None)


def _responses(world: World, day: date) -> Iterable[Row]:
    return (
        Row(
            one.created_us + min(one.response_us, one.closed_us - one.created_us),
            one,
            one.agent,
            one.response_us / SECOND,
        )
        for one in world.conversations(day)
        if one.agent is not None
    )


def _assignments(world: World, day: date) -> Iterable[Row]:
    for one in world.conversations(day):
        for moment, agent in one.assignments:
            yield Row(moment, one, agent)
            if one.csid % 97 == 0:  # now and then a row comes twice, the same in everything
                yield Row(moment, one, agent)


RECORDS: Final[dict[str, Record]] = {
    "closed_conversations": Record(
        "Closed conversations",
        _closed,
        "closed_at",
        (
            ("closed_at", "Time when the conversation was closed", False),
            ("conversation_id", "Id of the conversation", False),
            ("agent_id", "Agent", True),
            ("queue_id", "Queue", True),
            ("closed_by", "Agent, Enduser or Unknown", True),
        ),
        (
            "closed_conversations",
            "closed_conversations_per_agent",
            "handling_duration",
            "reopened_conversations",
            "fcr",
            "messages_per_conversation",
        ),
        filters=("queue_id", "channel", "initial_direction", "tag_id", "contact_point"),
    ),
    "ratings": Record(
        "Conversation Ratings",
        _ratings,
        "created_at",
        (
            ("conversation_id", "Id of the conversation", False),
            ("agent_id", "Agent", True),
            ("queue_id", "Queue", True),
        ),
        ("csat", "csat_responses"),
        kind="LongField",
    ),
    "first_response_time": Record(
        "First responses",
        _responses,
        "responded_at",
        (
            ("conversation_id", "Id of the conversation", False),
            ("agent_id", "Agent", True),
            ("seconds", "Seconds to the first answer", False),
        ),
        ("first_response_time",),
        kind="DoubleField",
    ),
    "conversation_assignments": Record(
        "Assignments of conversations to agents",
        _assignments,
        "assigned_at",
        (("conversation_id", "Id of the conversation", False), ("agent_id", "Agent", False)),
        ("conversation_assignments", "conversation_assignments_per_agent"),
    ),
    "created_conversations": Record(
        "Created conversations",
        _created,
        "created_at",
        (("conversation_id", "Id of the conversation", False), ("queue_id", "Queue", True)),
        ("created_conversations",),
        filters=("channel", "initial_direction", "queue_id", "contact_point"),
    ),
}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the catalogue: the rows it counts, the number it takes of each, the measures it has."""

    description: str
    measures: tuple[str, ...]
    rows: Callable[[World, date], Iterable[Row]]
    records: tuple[str, ...]
    number: Callable[[Row], float | None] = field(default=lambda _: 1.0)
    per_agent: bool = False
    filters: tuple[str, ...] = FILTERS


def _satisfied(row: Row) -> float:
    return 100.0 if (row.number or 0) >= SATISFIED else 0.0


METRICS: Final[dict[str, Metric]] = {
    "csat": Metric(
        "(Number of satisfied customers (4 and 5) / Number of survey responses) x 100 = % of satisfied customers",
        ("Percentage",),
        _ratings,
        ("ratings",),
        _satisfied,
    ),
    "csat_responses": Metric("Number of survey responses", ("Count",), _ratings, ("ratings",)),
    "closed_conversations": Metric(
        "Number of closed conversations",
        ("Count",),
        _closed,
        ("closed_conversations",),
        filters=("queue_id", "channel", "initial_direction", "tag_id", "contact_point"),
    ),
    "created_conversations": Metric(
        "Number of created conversations", ("Count",), _created, ("created_conversations",)
    ),
    "first_response_time": Metric(
        "Seconds to the first answer",
        ("Average", "Min", "Max", "StdDev"),
        _responses,
        ("first_response_time",),
        lambda row: row.number,
    ),
    "handling_duration": Metric(
        "Seconds of handling",
        ("Sum", "Average", "Min", "Max"),
        _closed,
        ("closed_conversations",),
        lambda row: row.about.handling_us / SECOND,
    ),
    "total_duration": Metric(
        "Seconds from creation to closing",
        ("Sum", "Average"),
        _closed,
        ("closed_conversations",),
        lambda row: (row.about.closed_us - row.about.created_us) / SECOND,
    ),
    "fcr": Metric(
        "First contact resolution",
        ("Percentage",),
        _closed,
        ("closed_conversations",),
        lambda row: 100.0 if row.about.first_contact else 0.0,
    ),
    "reopened_conversations": Metric(
        "Number of reopened conversations",
        ("Count",),
        _closed,
        ("closed_conversations",),
        lambda row: 1.0 if row.about.reopened else None,
    ),
    "messages_per_conversation": Metric(
        "Messages in a conversation",
        ("Average", "Sum"),
        _closed,
        ("closed_conversations",),
        lambda row: float(row.about.messages),
    ),
    "conversation_assignments": Metric(
        "Number of assignments", ("Count",), _assignments, ("conversation_assignments",)
    ),
    "conversation_assignments_per_agent": Metric(
        "Agents with assignments, and the assignments",
        ("Count", "Sum", "Average"),
        _assignments,
        ("conversation_assignments",),
        per_agent=True,
    ),
    "closed_conversations_per_agent": Metric(
        "Agents who closed conversations, and the conversations",
        ("Count", "Sum"),
        _closed,
        ("closed_conversations",),
        per_agent=True,
    ),
    "agent_presence_duration": Metric(
        "Time agents spent in each presence status",
        ("AgentPresenceDuration",),
        lambda *_: (),
        (),
        filters=("agent_id",),
    ),
}


class Analytics:
    """The seven operations, their paging and their limit."""

    def __init__(self, fake: FakeDialpad) -> None:
        self.fake = fake
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
        if self.fake.limited and not self.bucket.admits(self.fake.server_now()):
            raise self.fake.too_many("Too many requests", 1)

    # -- catalogues --------------------------------------------------------------------------------

    def metrics(self, request: Request) -> Response:
        """Answer the catalogue of metrics."""
        return self._paged(request, [self.metric_entry(key) for key in METRICS])

    def records(self, request: Request) -> Response:
        """Answer the catalogue of records."""
        return self._paged(request, [self.record_entry(key) for key in RECORDS])

    def metric(self, _: Request, key: str) -> Response:
        """Answer the description of a metric."""
        if key not in METRICS:
            raise Refused(400, f"Invalid value extracted from request context: metric {key} does not exist")
        return answer({"data": self.metric_entry(key)})

    def record(self, _: Request, key: str) -> Response:
        """Answer the description of a record."""
        if key not in RECORDS:
            raise Refused(400, f"Invalid value extracted from request context: record {key} does not exist")
        return answer({"data": self.record_entry(key)})

    @staticmethod
    def metric_entry(key: str) -> dict[str, Any]:
        """Return a metric as the catalogue lists it."""
        metric = METRICS[key]
        return {
            "id": key,
            "description": metric.description,
            "filters": _filters(metric.filters),
            "aggregations": [
                {"measure": measure, "description": f"Calculated {measure}"} for measure in metric.measures
            ],
            "relatedRecordIds": list(metric.records),
        }

    @staticmethod
    def record_entry(key: str) -> dict[str, Any]:
        """Return a record as the catalogue lists it."""
        record = RECORDS[key]
        return {
            "id": key,
            "description": record.description,
            "filters": _filters(record.filters),
            "relatedMetricIds": list(record.metrics),
            "fieldsMetadata": [
                {"field": name, "description": text, "nullable": null} for name, text, null in record.fields
            ],
        }

    def filter_values(self, request: Request, attribute: str) -> Response:
        """Answer the values an attribute can take."""
        if attribute not in FILTERS:
            raise Refused(
                400, f"Invalid value extracted from request context: filter attribute {attribute} does not exist"
            )
        return self._paged(request, self.values(attribute))

    def values(self, attribute: str) -> list[dict[str, str]]:
        """Return the values of an attribute, most of them with a label."""
        world = self.fake.world
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
        """Answer one number a measure (or one list of presence durations)."""
        body: dict[str, Any] = request.valid(METRIC_BODY)
        metric = METRICS.get(body["id"])
        if metric is None:
            raise Refused(400, f"Invalid value for: body (metric {body['id']} does not exist)")
        wanted = body.get("aggregations") or list(metric.measures)
        for measure in wanted:
            if measure not in metric.measures:
                raise Refused(
                    400, f"Invalid value for: body (aggregation {measure} is not available for metric {body['id']})"
                )
        start, end, csids = self._period(body)
        keep = self._filter(body)
        return answer(
            {"data": {"id": body["id"], "aggregates": self.aggregates(body["id"], wanted, start, end, keep, csids)}}
        )

    def aggregates(  # noqa: PLR0913, PLR0917 - one request's members
        self,
        key: str,
        wanted: Sequence[str],
        start_us: int,
        end_us: int,
        keep: Callable[[Row], bool],
        csids: frozenset[int] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the aggregates of a metric over the instants from start_us up to and without end_us."""
        metric = METRICS[key]
        if metric.measures == ("AgentPresenceDuration",):
            return self._presence(start_us, end_us, keep)
        rows = [
            row
            for row in self.between(metric.rows, start_us, end_us)
            if keep(row) and (csids is None or row.about.csid in csids)
        ]
        if metric.per_agent:
            counts = Counter(row.agent for row in rows if row.agent is not None)
            numbers = [float(count) for count in counts.values()]
        else:
            numbers = [number for row in rows if (number := metric.number(row)) is not None]
        made = []
        for measure in wanted:
            if measure == "Count":
                made.append({"_type": "LongAggregateValue", "value": len(numbers), "measure": measure})
            elif numbers or measure == "Sum":
                made.append({"_type": "DoubleAggregateValue", "value": _measure(measure, numbers), "measure": measure})
        return made

    def _presence(self, start_us: int, end_us: int, keep: Callable[[Row], bool]) -> list[dict[str, Any]]:
        world, now = self.fake.world, int(self.fake.now() * SECOND)
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
        start, end, csids = self._period(body)
        keep = self._filter(body)
        rows = [
            row
            for row in self.between(RECORDS[body["id"]].rows, start, end)
            if keep(row) and (csids is None or row.about.csid in csids)
        ]
        return self._paged(request, rows, lambda row: self.written(body["id"], row))

    def between(self, make: Callable[[World, date], Iterable[Row]], start_us: int, end_us: int) -> list[Row]:
        """Return the rows from start_us up to and without end_us that exist now, oldest first."""
        world, now = self.fake.world, int(self.fake.now() * SECOND)
        day = max(day_of(start_us) - timedelta(days=3), world.first_day)
        rows: list[Row] = []
        while day <= day_of(min(end_us, now)):
            rows += (row for row in make(world, day) if start_us <= row.at_us < end_us and row.at_us <= now)
            day += timedelta(days=1)
        return sorted(rows, key=lambda row: row.at_us)

    def written(self, key: str, row: Row) -> dict[str, Any]:
        """Return a record as the API gives it."""
        record, one, world = RECORDS[key], row.about, self.fake.world
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
        written: dict[str, Any] = {
            "primaryTimestampField": {"name": record.primary, "timestamp": instant(row.at_us)},
            "fields": fields,
        }
        if record.kind:
            number = row.number or 0
            written["value"] = {"_type": record.kind, "value": int(number) if record.kind == "LongField" else number}
        return written

    def _filter(self, body: dict[str, Any]) -> Callable[[Row], bool]:
        if self.fake.readings["filters"] == "required" and not body.get("filters"):
            raise Refused(400, "Invalid value for: body (filters is required)")
        return self.filter_of(body.get("filters", []))

    def filter_of(self, filters: Sequence[dict[str, Any]]) -> Callable[[Row], bool]:
        """Return what says whether a row passes the filters; unknown attributes and values are ignored."""
        kept = []
        for one in filters:
            if one["attribute"] not in FILTERS:
                continue
            known = {entry["value"].casefold() for entry in self.values(one["attribute"])}
            values = {value.casefold() for value in one.get("values", [])} & known
            if values:  # a value that is not relevant is simply ignored
                kept.append((one["attribute"], values))
        return lambda row: all(values & self._values_of(row, attribute) for attribute, values in kept)

    def _values_of(self, row: Row, attribute: str) -> set[str]:
        world, one = self.fake.world, row.about
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
            clock = self.fake.local(body["timezone"])
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused(400, "Invalid value for: body (timezone)") from error
        csids = frozenset(body["csidFilter"]) if "csidFilter" in body else None
        period = body.get("periodFilter")
        if period is None:
            return 0, int(self.fake.now() * SECOND) + 1, csids
        if csids is not None:
            raise Refused(400, "Invalid value for: body (periodFilter and csidFilter)")
        if period["_type"] == "Preset":
            first, last = preset(period["value"]["_type"], clock.day(int(self.fake.server_now() * SECOND)))
            return clock.midnight(first), clock.midnight(last + timedelta(days=1)), None
        start, end = _parsed(period["start"]), _parsed(period["end"])
        if end < start:
            raise Refused(400, "Invalid value for: body (periodFilter end is before start)")
        return start, end + (1 if self.fake.readings["interval_end"] == "in" else 0), None

    # -- paging ------------------------------------------------------------------------------------

    def _paged(self, request: Request, rows: Sequence[Any], write: Callable[[Any], Any] = lambda row: row) -> Response:
        page, limit = self._place(request)
        here = [write(row) for row in rows[page * limit : (page + 1) * limit]]
        value: dict[str, Any] = {"data": here}
        if (page + 1) * limit < len(rows):
            key = page_key(page + 1, limit)
            link = f"{request.path}?pageKey={quote(key, safe='')}"
            reading = self.fake.readings["link"]
            if reading == "pagekey":
                value["pageKey"] = key
            else:
                host = {"relative": "", "absolute": request.base_url, "foreign": "https://analytics.foreign.example"}[
                    reading
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


NOBODY: Final = Conversation(0, 0, 0, "", "", 0, None, "", (), 0, 0, 0, False, False, "", None, "", 0, ())  # noqa: FBT003 - nothing of it is read


def page_key(page: int, limit: int) -> str:
    """Return the paging parameters in base64, padded so that the key ends in `==`, as the printed one does."""
    text = f"pageLimit={limit}&page={page}"
    text += "&s=" + "0" * ((1 - len(text) - 3) % 3) if len(text) % 3 != 1 else ""
    return base64.b64encode(text.encode()).decode()


def preset(name: str, today: date) -> tuple[date, date]:
    """Return the first and last day of a preset."""
    monday = today - timedelta(days=today.weekday())
    first = today.replace(day=1)
    quarter = date(today.year, (today.month - 1) // 3 * 3 + 1, 1)
    yesterday, last_month, last_quarter = (
        today - timedelta(days=1),
        first - timedelta(days=1),
        quarter - timedelta(days=1),
    )
    return {
        "Today": (today, today),
        "Yesterday": (yesterday, yesterday),
        "ThisWeek": (monday, today),
        "PreviousWeek": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "ThisMonth": (first, today),
        "PreviousMonth": (last_month.replace(day=1), last_month),
        "ThisQuarter": (quarter, today),
        "PreviousQuarter": (date(last_quarter.year, (last_quarter.month - 1) // 3 * 3 + 1, 1), last_quarter),
        "ThisYear": (date(today.year, 1, 1), today),
    }[name]


def _filters(attributes: Iterable[str]) -> list[dict[str, str]]:
    return [{"filterAttribute": name, "description": f"Used to filter by the {name}"} for name in attributes]


def _field(name: str, kind: str, value: object, label: str | None = None) -> dict[str, Any]:
    return {"name": name, "field": {"_type": kind, "value": value, **({} if label is None else {"label": label})}}


def _measure(measure: str, numbers: Sequence[float]) -> float:
    by_name: dict[str, Callable[[Sequence[float]], float]] = {
        "Sum": sum,
        "Min": min,
        "Max": max,
        "Average": statistics.fmean,
        "Percentage": statistics.fmean,
        "StdDev": statistics.pstdev,
    }
    return round(by_name[measure](numbers), 6)


def _parsed(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, "Invalid value for: body (periodFilter)") from error
    if moment.tzinfo is None:
        raise Refused(400, "Invalid value for: body (periodFilter)")
    return round(moment.timestamp() * 1000) * 1000 if moment.microsecond else int(moment.timestamp()) * SECOND


def windows(first: date, last: date, grain: str, clock: LocalTime) -> list[tuple[date, date, int, int]]:
    """Return the whole calendar windows over the days: first and last day, first instant, instant after the last."""
    made = []
    day = first
    if grain == "week":
        day -= timedelta(days=day.weekday())
    if grain == "month":
        day = day.replace(day=1)
    while day <= last:
        after = day + timedelta(days=7 if grain == "week" else 1)
        if grain == "month":
            after = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        made.append((day, after - timedelta(days=1), clock.midnight(day), clock.midnight(after)))
        day = after
    return made
