"""The catalogue of the Analytics API: its records, its metrics, and the rows of the world that each is made of."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import SECOND, Conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from fake_dialpad.world import World

FILTERS: Final = ("agent_id", "queue_id", "channel", "initial_direction", "tag_id", "contact_point")
SATISFIED: Final = 4  # 4 and 5 of 5
MEASURES: Final = ("Count", "Sum", "Min", "Max", "Average", "Percentage", "StdDev", "AgentPresenceDuration")


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
            if one.csid % 97 == 0:  # now and then a row comes twice, identical
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


#: A conversation of which nothing is read: that of a row of presence, which knows an agent only.
NOBODY: Final = Conversation(
    csid=0,
    created_us=0,
    closed_us=0,
    channel="",
    direction="",
    queue=0,
    agent=None,
    contact_point="",
    tags=(),
    response_us=0,
    handling_us=0,
    messages=0,
    reopened=False,
    first_contact=False,
    closed_by="",
    rating=None,
    comment="",
    rated_us=0,
    assignments=(),
)


def metric_entry(key: str) -> dict[str, Any]:
    """Return a metric as the catalogue lists it."""
    metric = METRICS[key]
    return {
        "id": key,
        "description": metric.description,
        "filters": _filters(metric.filters),
        "aggregations": [{"measure": measure, "description": f"Calculated {measure}"} for measure in metric.measures],
        "relatedRecordIds": list(metric.records),
    }


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


def _filters(attributes: Iterable[str]) -> list[dict[str, str]]:
    return [{"filterAttribute": name, "description": f"Used to filter by the {name}"} for name in attributes]


def aggregate(metric: Metric, measures: Sequence[str], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return one value for each measure of a metric; a measure but Count and Sum has none without rows."""
    if metric.per_agent:
        counts = Counter(row.agent for row in rows if row.agent is not None)
        numbers = [float(count) for count in counts.values()]
    else:
        numbers = [number for row in rows if (number := metric.number(row)) is not None]
    values: list[dict[str, Any]] = []
    for measure in measures:
        if measure == "Count":
            values.append({"_type": "LongAggregateValue", "value": len(numbers), "measure": measure})
        elif numbers or measure == "Sum":
            values.append({"_type": "DoubleAggregateValue", "value": _measure(measure, numbers), "measure": measure})
    return values


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
