"""What each stream should hold, by the fake's own model and not by what it answered.

:func:`truth` gives, for a stream and a range of days, the rows a destination should have after deduplication, as the
API writes them (cells of an export are text), and the names of the columns that tell them apart. `grain`, `scope`,
`timezone` mean what the connector's configuration means by them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from fake_dialpad.analytics import FILTERS, METRICS, RECORDS, instant, windows
from fake_dialpad.events import SECOND
from fake_dialpad.figures import FIGURE_KEYS, Figures, figure_columns
from fake_dialpad.records import TABLES, Days, LocalTime, Scope, Style, days_between, selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.server import FakeDialpad

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: days from `start` to `end`, both included, in `timezone`."""

    fake: FakeDialpad
    start: date
    end: date
    clock: LocalTime
    scope: str | None = None
    grain: str = "day"
    break_down_by: str | None = None
    filters: str | None = None
    state: str = "active"
    whole_sessions: str = ""

    @property
    def now(self) -> int:
        """The present instant in microseconds."""
        return int(self.fake.now() * SECOND)

    @property
    def today(self) -> date:
        """The present day in the timezone."""
        return self.clock.day(self.now)

    @property
    def days(self) -> Days | None:
        """The days asked for, up to today."""
        return days_between(self.start, min(self.end, self.today), self.clock)

    def scopes(self, *, need_target: bool = False, by_office: bool = False) -> Iterator[tuple[str, Scope]]:
        """Yield the scopes the stream is read in, each with its name."""
        world = self.fake.world
        named = self.scope or "company"
        if by_office and named == "company":
            for office in world.offices:
                yield f"office:{office.id}", Scope(office_id=office.id)
        elif need_target and named == "company":
            for center in world.call_centers:
                yield f"callcenter:{center.id}", Scope(target_id=center.id, target_type="callcenter")
        elif named == "company":
            yield named, Scope()
        else:
            kind, _, key = named.partition(":")
            body = {"office_id": key} if kind == "office" else {"target_type": kind, "target_id": key}
            yield named, self.fake.stats.scope(body)


# -- stats ---------------------------------------------------------------------------------------------------------


def _records(stat_type: str) -> Callable[[Asked], list[Row]]:
    def rows(asked: Asked) -> list[Row]:
        fake, table = asked.fake, TABLES[stat_type]
        style = Style(
            title_booleans=fake.readings["booleans"] == "title",
            with_texts=fake.has_scope("message_content_export"),
            with_recordings=fake.has_scope("recordings_export"),
        )
        one_row = stat_type == "texts" and fake.readings["texts"] == "one_row"
        made: dict[object, Row] = {}
        for name, scope in asked.scopes(need_target=stat_type in {"csat", "dispositions"}):
            for row in selected(fake.world, table, asked.days, scope, asked.now):
                if one_row and not row.first_side:
                    continue
                cells = dict(zip(table.columns, table.cells(row, asked.now, asked.clock, style), strict=True))
                made[_identity(stat_type, cells, len(made))] = {**cells, "scope": name}
        return list(made.values())

    return rows


def _identity(stat_type: str, cells: Row, ordinal: int) -> object:
    if stat_type == "dispositions":
        return cells["call_id"], cells["operator_id"], "" if cells["call_id"] else cells["date_started"]
    if stat_type in {"csat", "screenshare"}:
        return ordinal  # rows that are the same in everything stay two rows
    key = TABLES[stat_type].key
    return tuple(cells[name] for name in key)


def _figures(stat_type: str, group_by: str | None) -> Callable[[Asked], list[Row]]:
    def rows(asked: Asked) -> list[Row]:
        fake = asked.fake
        figures = Figures(fake.world, asked.now, asked.clock, fake.readings["texts"] == "both_sides")
        per_day = fake.readings["by_user"] == "per_day"
        columns = figure_columns(stat_type, group_by, per_day=per_day)
        dated = "date" in columns
        made = []
        for first, last, _, _ in windows(
            asked.start, min(asked.end, asked.today), "day" if group_by == "date" else asked.grain, asked.clock
        ):
            # history and today are not mixed: a running week or month is read up to yesterday, a running day today
            until = last if first == last else min(last, asked.today - timedelta(days=1))
            for name, scope in asked.scopes(by_office=group_by == "group"):
                for row in figures.rows(
                    stat_type, group_by, days_between(first, until, asked.clock), scope, per_day=per_day
                ):
                    edges = (row["date"], row["date"]) if dated else (first.isoformat(), last.isoformat())
                    cells = {column: row[column] for column in columns}
                    made.append({**cells, "scope": name, "window_start": edges[0], "window_end": edges[1]})
        return made

    return rows


# -- engagement ----------------------------------------------------------------------------------------------------


def _messages(asked: Asked) -> list[Row]:
    days, door = asked.days, asked.fake.engagement
    if days is None:
        return []
    found = [
        row
        for row in door.visible(asked.start - timedelta(days=3), asked.end + timedelta(days=1))
        if days.start_us <= row.at_us < days.end_us
    ]
    return [
        orjson.loads(orjson.dumps(door.shown(row)))
        | {"sessionid": row.session, "customersessionid": row.customer_session}
        for row in found
    ]


def _session_messages(asked: Asked) -> list[Row]:
    rows = _messages(asked)
    if not asked.whole_sessions:
        return rows
    door = asked.fake.engagement
    seen = dict.fromkeys(row["customersessionid"] for row in rows)
    return [
        orjson.loads(orjson.dumps(door.shown(row)))
        | {"sessionid": row.session, "customersessionid": row.customer_session}
        for key in seen
        for row in door.of_session(key)
    ]


# -- analytics -----------------------------------------------------------------------------------------------------


def _metric_data(asked: Asked) -> list[Row]:
    api = asked.fake.analytics
    filters = orjson.loads(asked.filters) if asked.filters else []
    values: list[str | None] = [None]
    if asked.break_down_by:
        values = [entry["value"] for entry in api.values(asked.break_down_by)]
    made = []
    for _, _, start, end in windows(asked.start, min(asked.end, asked.today), asked.grain, asked.clock):
        for value in values:
            more = [] if value is None else [{"attribute": asked.break_down_by, "values": [value]}]
            keep = api.filter_of([*filters, *more])
            for key, metric in METRICS.items():
                if more and asked.break_down_by not in metric.filters:
                    continue
                common = {
                    "metric_id": key,
                    "window_start": instant(start),
                    "window_end": instant(end),
                    "breakdown_value": value,
                }
                for one in api.aggregates(key, metric.measures, start, end, keep):
                    if one["_type"] == "AgentPresenceDurationValue":
                        made += [
                            {
                                **common,
                                "measure": "AgentPresenceDuration",
                                "presence_status": part["status"]["status"],
                                "value": part["value"],
                            }
                            for part in one["value"]
                        ]
                    else:
                        made.append(
                            {**common, "measure": one["measure"], "presence_status": None, "value": one["value"]}
                        )
    return made


def _record_data(asked: Asked) -> list[Row]:
    api, days = asked.fake.analytics, asked.days
    if days is None:
        return []
    keep = api.filter_of(orjson.loads(asked.filters) if asked.filters else [])
    return [
        {"record_id": key, **api.written(key, row)}
        for key, record in RECORDS.items()
        for row in api.between(record.rows, days.start_us, days.end_us)
        if keep(row)
    ]


def _filter_values(asked: Asked) -> list[Row]:
    return [{"filter_attribute": name, **entry} for name in FILTERS for entry in asked.fake.analytics.values(name)]


# -- directory -----------------------------------------------------------------------------------------------------


def _listed(name: str) -> Callable[[Asked], list[Row]]:
    def rows(asked: Asked) -> list[Row]:
        items: list[Row] = getattr(asked.fake.directory.people, name)()
        return [item for item in items if name != "users" or asked.state in ("all", item["state"])]

    return rows


def _operators(kind: str, parent: str) -> Callable[[Asked], list[Row]]:
    def rows(asked: Asked) -> list[Row]:
        people, world = asked.fake.directory.people, asked.fake.world
        groups = {"call_center": world.call_centers, "department": world.departments, "office": world.offices}[kind]
        return [
            {parent: party.id, "kind": which, **item}
            for party in groups
            for which, items in people.operators_of(party).items()
            for item in items
        ]

    return rows


def _team_members(asked: Asked) -> list[Row]:
    people = asked.fake.directory.people
    return [{"coaching_team_id": key, **item} for key in people.team_members for item in people.members_of_team(key)]


def _channel_members(asked: Asked) -> list[Row]:
    people = asked.fake.directory.people
    return [{"channel_id": key, **item} for key in people.channel_members for item in people.members_of_channel(key)]


def _calls(asked: Asked) -> list[Row]:
    days, api = asked.days, asked.fake.calls
    if days is None:
        return []
    legs = api.concluded(days.start_us // 1000 - 1, days.end_us // 1000)
    return [api.shown(leg) for leg in legs if leg.anonymized_us is None or leg.anonymized_us > asked.now]


def _digital_sessions(asked: Asked) -> list[Row]:
    days, api = asked.days, asked.fake.directory
    return [] if days is None else [api.shown(row) for row in api.sessions(days.start_us, days.end_us)]


def _call_events(asked: Asked) -> list[Row]:
    kept = (one["event"] for one in asked.fake.calls.deliveries if one["delivered"])
    return list({orjson.dumps(event, option=orjson.OPT_SORT_KEYS): event for event in kept}.values())


MESSAGE: Final = ("sessionid", "ts", "sendertype", "workflownodeid")
#: Stream: the columns that tell its rows apart, and what makes the rows.
STREAMS: Final[dict[str, tuple[tuple[str, ...], Callable[[Asked], list[Row]]]]] = {
    "messages": (MESSAGE, _messages),
    "customer_session_messages": (MESSAGE, _session_messages),
    **{f"records_{name}": (table.key, _records(name)) for name, table in TABLES.items()},
    **{
        f"stats_calls_by_{group}": (
            ("window_start", "scope", *FIGURE_KEYS[f"calls_by_{group}"]),
            _figures("calls", group),
        )
        for group in ("date", "user", "group")
    },
    **{
        f"stats_{name}": (("window_start", "scope", *FIGURE_KEYS[name]), _figures(name, None))
        for name in ("onduty", "texts", "voicemails", "recordings", "screenshare")
    },
    "analytics_metrics": (("id",), lambda asked: [asked.fake.analytics.metric_entry(key) for key in METRICS]),
    "analytics_records": (("id",), lambda asked: [asked.fake.analytics.record_entry(key) for key in RECORDS]),
    "analytics_metric_descriptions": (
        ("id",),
        lambda asked: [asked.fake.analytics.metric_entry(key) for key in METRICS],
    ),
    "analytics_record_descriptions": (
        ("id",),
        lambda asked: [asked.fake.analytics.record_entry(key) for key in RECORDS],
    ),
    "analytics_metric_data": (
        ("metric_id", "window_start", "breakdown_value", "measure", "presence_status"),
        _metric_data,
    ),
    "analytics_record_data": (("record_id", "primaryTimestampField", "fields", "value"), _record_data),
    "analytics_filter_values": (("filter_attribute", "value"), _filter_values),
    "company": (("id",), lambda asked: [asked.fake.directory.people.company()]),
    "offices": (("id",), _listed("offices")),
    "call_centers": (("id",), _listed("call_centers")),
    "departments": (("id",), _listed("departments")),
    "users": (("id",), _listed("users")),
    "rooms": (("id",), _listed("rooms")),
    "coaching_teams": (("id",), _listed("coaching_teams")),
    "channels": (("id",), _listed("channels")),
    "numbers": (("number",), _listed("numbers")),
    "contacts": (("id",), _listed("contacts")),
    "call_routers": (("id",), _listed("call_routers")),
    "call_labels": (("label",), lambda asked: [{"label": label} for label in asked.fake.directory.labels()]),
    "user_devices": (("id",), _listed("devices")),
    "call_center_operators": (("call_center_id", "id"), _operators("call_center", "call_center_id")),
    "department_operators": (("department_id", "id"), _operators("department", "department_id")),
    "office_operators": (("parent_office_id", "id"), _operators("office", "parent_office_id")),
    "coaching_team_members": (("coaching_team_id", "id"), _team_members),
    "channel_members": (("channel_id", "id"), _channel_members),
    "calls": (("call_id",), _calls),
    "digital_sessions": (("session_id",), _digital_sessions),
    "call_events": (("call_id", "state", "event_timestamp"), _call_events),
}


def truth(  # noqa: PLR0913 - each is a parameter of the control route
    fake: FakeDialpad,
    stream: str,
    *,
    start: str | None = None,
    end: str | None = None,
    timezone: str = "UTC",
    count: str = "",
    scope: str | None = None,
    grain: str = "day",
    break_down_by: str | None = None,
    filters: str | None = None,
    state: str = "active",
    whole_sessions: str = "",
) -> dict[str, Any]:
    """Return `{stream, key, count, rows}` of a stream for the days from `start` to `end`, both included.

    Without `start` from the first day of history, without `end` up to today. `count=1` leaves the rows out. An unknown
    stream, date or timezone raises ValueError.
    """
    if stream not in STREAMS:
        message = f"unknown stream {stream}; known: {', '.join(STREAMS)}"
        raise ValueError(message)
    key, make = STREAMS[stream]
    try:
        clock = fake.local(timezone)
    except (KeyError, OSError) as error:
        message = f"unknown timezone {timezone}"
        raise ValueError(message) from error
    # the first day of history in UTC may begin on the day before in the west
    first = date.fromisoformat(start) if start else fake.world.first_day - timedelta(days=1)
    asked = Asked(fake, first, date.max, clock, scope, grain, break_down_by, filters, state, whole_sessions)
    asked = replace(asked, end=date.fromisoformat(end) if end else asked.today)
    rows = make(asked)
    return {"stream": stream, "key": key, "count": len(rows), "rows": [] if count else rows}
