"""What each stream should hold, by the fake's own model and not by what it answered.

:func:`truth` gives, for a stream and a range of days, the rows a destination should have after deduplication, as the
API writes them (cells of an export are text), and the names of the columns that tell them apart. `grain`, `scope`,
`timezone` mean what the connector's configuration means by them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import orjson

from fake_dialpad.aggregates import AGGREGATE_KEYS, Aggregates, aggregate_columns
from fake_dialpad.analytics import Selection, instant
from fake_dialpad.catalogue import FILTERS, METRICS, RECORDS, metric_entry, record_entry
from fake_dialpad.lists import LISTS, rows_of
from fake_dialpad.local_time import Days, LocalTime, days_between, windows
from fake_dialpad.records import TABLES, Scope, selected
from fake_dialpad.scorecards import ANSWERS, GRADES, Wanted
from fake_dialpad.scorecards import TABLES as SCORECARD_TABLES
from fake_dialpad.subscriptions import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.apis import Apis
    from fake_dialpad.people import People
    from fake_dialpad.transcripts import Transcript

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """One question: days from `start` to `end`, both included, in `timezone`."""

    apis: Apis
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
        return self.apis.now_us()

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
        world = self.apis.world
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
            yield named, self.apis.stats.scope(body)


# -- stats ---------------------------------------------------------------------------------------------------------


def _records(stat_type: str) -> Callable[[Question], list[Row]]:
    def rows(question: Question) -> list[Row]:
        apis, table = question.apis, TABLES[stat_type]
        style = apis.stats.style()
        one_row = stat_type == "texts" and apis.variants["texts"] == "one_row"
        by_identity: dict[object, Row] = {}
        for name, scope in question.scopes(need_target=stat_type in {"csat", "dispositions"}):
            for row in selected(apis.world, table, question.days, scope, question.now):
                if one_row and not row.first_side:
                    continue
                cells = dict(zip(table.columns, table.cells(row, question.now, question.clock, style), strict=True))
                by_identity[_identity(stat_type, cells, len(by_identity))] = {**cells, "scope": name}
        return list(by_identity.values())

    return rows


def _identity(stat_type: str, cells: Row, ordinal: int) -> object:
    if stat_type == "dispositions":
        return cells["call_id"], cells["operator_id"], "" if cells["call_id"] else cells["date_started"]
    if stat_type in {"csat", "screenshare"}:
        return ordinal  # identical rows stay two rows
    key = TABLES[stat_type].key
    return tuple(cells[name] for name in key)


def _aggregates(stat_type: str, group_by: str | None) -> Callable[[Question], list[Row]]:
    def rows(question: Question) -> list[Row]:
        apis = question.apis
        aggregates = Aggregates(apis.world, question.now, question.clock, apis.variants["texts"] == "both_sides")
        per_day = apis.variants["by_user"] == "per_day"
        columns = aggregate_columns(stat_type, group_by, per_day=per_day)
        dated = "date" in columns
        rows = []
        for first, last, _, _ in windows(
            question.start,
            min(question.end, question.today),
            "day" if group_by == "date" else question.grain,
            question.clock,
        ):
            # history and today are not mixed: a running week or month is read up to yesterday, a running day today
            until = last if first == last else min(last, question.today - timedelta(days=1))
            for name, scope in question.scopes(by_office=group_by == "group"):
                for row in aggregates.rows(
                    stat_type, group_by, days_between(first, until, question.clock), scope, per_day=per_day
                ):
                    edges = (row["date"], row["date"]) if dated else (first.isoformat(), last.isoformat())
                    cells = {column: row[column] for column in columns}
                    rows.append({**cells, "scope": name, "window_start": edges[0], "window_end": edges[1]})
        return rows

    return rows


# -- engagement ----------------------------------------------------------------------------------------------------


def _messages(question: Question) -> list[Row]:
    days, api = question.days, question.apis.engagement
    if days is None:
        return []
    messages = [
        row
        for row in api.visible(question.start - timedelta(days=3), question.end + timedelta(days=1))
        if days.start_us <= row.at_us < days.end_us
    ]
    return [
        orjson.loads(orjson.dumps(api.message_item(row)))
        | {"sessionid": row.session, "customersessionid": row.customer_session}
        for row in messages
    ]


def _session_messages(question: Question) -> list[Row]:
    rows = _messages(question)
    if not question.whole_sessions:
        return rows
    api = question.apis.engagement
    seen = dict.fromkeys(row["customersessionid"] for row in rows)
    return [
        orjson.loads(orjson.dumps(api.message_item(row)))
        | {"sessionid": row.session, "customersessionid": row.customer_session}
        for key in seen
        for row in api.of_session(key)
    ]


# -- analytics -----------------------------------------------------------------------------------------------------


def _metric_data(question: Question) -> list[Row]:
    api = question.apis.analytics
    filters = orjson.loads(question.filters) if question.filters else []
    values: list[str | None] = [None]
    if question.break_down_by:
        values = [entry["value"] for entry in api.values(question.break_down_by)]
    rows = []
    for _, _, start, end in windows(question.start, min(question.end, question.today), question.grain, question.clock):
        for value in values:
            more = [] if value is None else [{"attribute": question.break_down_by, "values": [value]}]
            keep = api.filter_of([*filters, *more])
            for key, metric in METRICS.items():
                if more and question.break_down_by not in metric.filters:
                    continue
                common = {
                    "metric_id": key,
                    "window_start": instant(start),
                    "window_end": instant(end),
                    "breakdown_value": value,
                }
                for one in api.aggregates(metric, metric.measures, Selection(start, end, keep)):
                    if one["_type"] == "AgentPresenceDurationValue":
                        rows += [
                            {
                                **common,
                                "measure": "AgentPresenceDuration",
                                "presence_status": part["status"]["status"],
                                "value": part["value"],
                            }
                            for part in one["value"]
                        ]
                    else:
                        rows.append(
                            {**common, "measure": one["measure"], "presence_status": None, "value": one["value"]}
                        )
    return rows


def _record_data(question: Question) -> list[Row]:
    api, days = question.apis.analytics, question.days
    if days is None:
        return []
    keep = api.filter_of(orjson.loads(question.filters) if question.filters else [])
    return [
        {"record_id": key, **api.record_item(key, row)}
        for key, record in RECORDS.items()
        for row in api.between(record.rows, Selection(days.start_us, days.end_us, keep))
    ]


def _filter_values(question: Question) -> list[Row]:
    return [{"filter_attribute": name, **entry} for name in FILTERS for entry in question.apis.analytics.values(name)]


# -- directory -----------------------------------------------------------------------------------------------------


def _listed(stream: str) -> Callable[[Question], list[Row]]:
    """Return what makes the rows of a stream from all lists it is read from, but those the key may not see."""

    def rows(question: Question) -> list[Row]:
        apis = question.apis
        lists = [one for one in LISTS if one.stream == stream and (one.scope is None or apis.has_scope(one.scope))]
        return [row for one in lists for row in rows_of(one, _people(question), question.state)]

    return rows


def _snapshots(stream: str) -> Callable[[Question], list[Row]]:
    def rows(question: Question) -> list[Row]:
        read_on = question.clock.day(int(question.apis.time() * 1_000_000)).isoformat()  # a still account is read today
        return [{**row, "snapshot_date": read_on} for row in _listed(stream)(question)]

    return rows


def _days(question: Question) -> Iterator[tuple[int, int]]:
    """Yield the first instant of each local day and the instant after its last, up to today."""
    for _, _, start, end in windows(question.start, min(question.end, question.today), "day", question.clock):
        yield start, end


def _wfm_agent_metrics(question: Question) -> list[Row]:
    api = question.apis.workforce
    return [
        {**item, "agent_email": item["agent"]["email"], "interval_start": _interval_start(item)}
        for start, end in _days(question)
        for _, item in api.agents(start, end)
    ]


def _wfm_activity_metrics(question: Question) -> list[Row]:
    items = [item for days in _days(question) for _, item in question.apis.workforce.activities(*days)]
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    for item in items:
        start = _interval_start(item)
        key = f"{item['activity']['type']}|{item['activity']['name']}|{start}"
        counts[key] += 1
        ordinal = f"#{counts[key]}" if counts[key] > 1 else ""
        rows.append({**item, "row_key": key + ordinal, "interval_start": start})
    return rows


def _interval_start(item: Row) -> str:
    return str(item["interval"]["start"]).replace("Z", "+00:00")


def _event_subscriptions(question: Question) -> list[Row]:
    apis = question.apis
    kinds = [kind for kind in KINDS if kind.scope is None or apis.has_scope(kind.scope)]
    return [{"kind": kind.name, **item} for kind in kinds for item in apis.subscriptions.items(kind.name)]


def _people(question: Question) -> People:
    return question.apis.directory.people


def _operators(kind: str, parent: str) -> Callable[[Question], list[Row]]:
    def rows(question: Question) -> list[Row]:
        people, world = question.apis.directory.people, question.apis.world
        groups = {"call_center": world.call_centers, "department": world.departments, "office": world.offices}[kind]
        return [
            {parent: party.id, "kind": which, **item}
            for party in groups
            for which, items in people.operators_of(party).items()
            for item in items
        ]

    return rows


def _calls(question: Question) -> list[Row]:
    days, api = question.days, question.apis.conversations
    if days is None:
        return []
    return [api.call_item(leg) for leg in api.concluded(days.start_us // 1000 - 1, days.end_us // 1000)]


def _transcripts(question: Question) -> Iterator[Transcript]:
    days, apis = question.days, question.apis
    if days is None:
        return iter(())
    legs = apis.conversations.concluded(days.start_us // 1000 - 1, days.end_us // 1000)
    return apis.transcripts.existing(legs)


def _call_transcripts(question: Question) -> list[Row]:
    api = question.apis.transcripts
    return [{**api.item(one), "date_started": str(one.leg.at_us // 1000)} for one in _transcripts(question)]


def _call_recaps(question: Question) -> list[Row]:
    api, now = question.apis.transcripts, question.now
    return [
        {**api.recap_item(one, one.recap_us), "date_started": str(one.leg.at_us // 1000)}
        for one in _transcripts(question)
        if one.recap_us is not None and one.recap_us <= now
    ]


def _graded(kind: str) -> Callable[[Question], list[Row]]:
    """Return what makes the rows of an export of scorecards: by the day of grading, up to yesterday."""

    def rows(question: Question) -> list[Row]:
        last = min(question.end, question.today - timedelta(days=1))
        days = days_between(question.start, last, question.clock)
        if days is None:
            return []
        table, wanted = SCORECARD_TABLES[kind], Wanted(graded=days, called=None, now=question.now)
        return [
            dict(zip(table.columns, cells, strict=True))
            for grading in question.apis.scorecards.gradings(wanted)
            for cells in table.cells(grading, question.clock)
        ]

    return rows


def _digital_sessions(question: Question) -> list[Row]:
    days, api = question.days, question.apis.conversations
    return [] if days is None else [api.session_item(row) for row in api.sessions(days.start_us, days.end_us)]


def _call_events(question: Question) -> list[Row]:
    delivered = (one["event"] for one in question.apis.events.deliveries if one["delivered"])
    return list({orjson.dumps(event, option=orjson.OPT_SORT_KEYS): event for event in delivered}.values())


MESSAGE: Final = ("sessionid", "ts", "sendertype", "workflownodeid")
#: Stream: the columns that tell its rows apart, and what makes the rows.
STREAMS: Final[dict[str, tuple[tuple[str, ...], Callable[[Question], list[Row]]]]] = {
    "messages": (MESSAGE, _messages),
    "customer_session_messages": (MESSAGE, _session_messages),
    **{f"records_{name}": (table.key, _records(name)) for name, table in TABLES.items()},
    **{
        f"stats_calls_by_{group}": (
            ("window_start", "scope", *AGGREGATE_KEYS[f"calls_by_{group}"]),
            _aggregates("calls", group),
        )
        for group in ("date", "user", "group")
    },
    **{
        f"stats_{name}": (("window_start", "scope", *AGGREGATE_KEYS[name]), _aggregates(name, None))
        for name in ("onduty", "texts", "voicemails", "recordings", "screenshare")
    },
    "analytics_metrics": (("id",), lambda _: [metric_entry(key) for key in METRICS]),
    "analytics_records": (("id",), lambda _: [record_entry(key) for key in RECORDS]),
    "analytics_metric_descriptions": (
        ("id",),
        lambda _: [metric_entry(key) for key in METRICS],
    ),
    "analytics_record_descriptions": (
        ("id",),
        lambda _: [record_entry(key) for key in RECORDS],
    ),
    "analytics_metric_data": (
        ("metric_id", "window_start", "breakdown_value", "measure", "presence_status"),
        _metric_data,
    ),
    "analytics_record_data": (("record_id", "primaryTimestampField", "fields", "value"), _record_data),
    "analytics_filter_values": (("filter_attribute", "value"), _filter_values),
    **{plain.stream: (plain.key, _listed(plain.stream)) for plain in LISTS if plain.stream},
    **{name: (("office_id", "snapshot_date"), _snapshots(name)) for name in ("office_plans", "office_licenses")},
    "wfm_agent_metrics": (("agent_email", "interval_start"), _wfm_agent_metrics),
    "wfm_activity_metrics": (("row_key",), _wfm_activity_metrics),
    "webhooks": (("id",), lambda question: question.apis.subscriptions.all_webhooks()),
    "event_subscriptions": (("kind", "id"), _event_subscriptions),
    "call_labels": (("label",), lambda question: [{"label": label} for label in _people(question).labels()]),
    "user_devices": (("id",), lambda question: _people(question).devices()),
    "call_center_operators": (("call_center_id", "id"), _operators("call_center", "call_center_id")),
    "department_operators": (("department_id", "id"), _operators("department", "department_id")),
    "office_operators": (("parent_office_id", "id"), _operators("office", "parent_office_id")),
    "calls": (("call_id",), _calls),
    "call_transcripts": (("call_id",), _call_transcripts),
    "call_recaps": (("call_id",), _call_recaps),
    "scorecard_grades": (SCORECARD_TABLES[GRADES].columns, _graded(GRADES)),
    "scorecard_answers": (SCORECARD_TABLES[ANSWERS].columns, _graded(ANSWERS)),
    "digital_sessions": (("session_id",), _digital_sessions),
    "call_events": (("call_id", "state", "event_timestamp"), _call_events),
}


def unknown_stream(stream: str) -> str:
    """Return what to say of a stream that the fake does not serve: the nearest names, and the cure."""
    near = " or ".join(get_close_matches(stream, STREAMS))
    asked = f" (did you mean {near}?)" if near else ""
    return f"unknown stream {stream}{asked}: the fake does not serve it. Add a line to LISTS in fake_dialpad/lists.py"


def truth(apis: Apis, stream: str, *, count: str = "", **asked: str) -> dict[str, Any]:
    """Return `{stream, key, count, rows}` of a stream for the days from `start` to `end`, both included.

    `asked` may hold `start` (default: the first day of history), `end` (default: today), `timezone` (default: UTC) and
    every text of :class:`Question`. `count=1` leaves the rows out. An unknown stream, date or timezone raises
    ValueError, an unknown parameter TypeError.
    """
    if stream not in STREAMS:
        raise ValueError(unknown_stream(stream))
    key, rows_for = STREAMS[stream]
    question = _question(apis, **asked)
    rows = rows_for(question)
    return {"stream": stream, "key": key, "count": len(rows), "rows": [] if count else rows}


def _question(
    apis: Apis, *, start: str | None = None, end: str | None = None, timezone: str = "UTC", **more: str
) -> Question:
    try:
        clock = apis.local(timezone)
    except (KeyError, OSError) as error:
        message = f"unknown timezone {timezone}"
        raise ValueError(message) from error
    # the first day of history in UTC may begin on the day before in the west
    first = date.fromisoformat(start) if start else apis.world.first_day - timedelta(days=1)
    question = Question(apis, first, date.max, clock, **more)
    return replace(question, end=date.fromisoformat(end) if end else question.today)
