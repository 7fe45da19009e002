"""Workforce metrics: the shifts of the agents, and what they did in them, by agent and by activity.

What it keeps to (API specification): `start` is in and `end` is not, and both are required; an activity names no agent,
so two agents may give two identical rows. An interval is the range that was asked for, so a client asks day by day.
Schedules are invented; one in five is corrected two days later. Time in a status is that of the world's duty
changes. How a company without the product is refused is open: variant `wfm`.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import DAY, HOUR, MINUTE, SECOND, Party, day_of
from fake_dialpad.wire import Refused, Request, Response, route

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from fake_dialpad.context import Context
    from fake_dialpad.paging import Pages
    from fake_dialpad.world import World

Item = dict[str, Any]
#: Rows on a page; the specification says nothing of it, and knows no parameter for it.
METRICS_PAGE: Final = 100
STATUSES: Final = ("available", "busy", "occupied", "unavailable", "wrapup")
#: Name and type of an activity: its share of a shift.
ACTIVITIES: Final = {
    ("Phone", "task"): 0.6,
    ("Chat", "task"): 0.2,
    ("Back office", "task"): 0.1,
    ("Lunch", "break"): 0.1,
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one agent was planned to do and did in an interval, in microseconds; `conversations` is a count."""

    agent: Party
    scheduled: int
    in_adherence: int
    exception: int
    by_status: Counter[str]
    conversations: int

    @property
    def on_duty(self) -> int:
        """The time in any status but unavailable."""
        return sum(us for status, us in self.by_status.items() if status != "unavailable")


class Workforce:
    """The two routes of workforce metrics."""

    def __init__(self, context: Context, pages: Pages) -> None:
        self.context = context
        self.pages = pages
        self.routes = [
            route("GET", "/api/v2/wfm/metrics/agent", self._answer(self.agents)),
            route("GET", "/api/v2/wfm/metrics/activity", self._answer(self.activities)),
        ]

    def _answer(self, rows: Callable[[int, int], list[tuple[Party, Item]]]) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            if self.context.variants["wfm"] != "on":
                raise Refused(int(self.context.variants["wfm"]), "Workforce management is not enabled for this company")
            query = request.parameters
            start, end = (_instant(query, name) for name in ("start", "end"))
            if end <= start:
                raise Refused(400, "end must be after start")
            wanted = {text for name in ("ids", "emails") for text in query.get(name, "").split(",") if text}
            items = [item for agent, item in rows(start, end) if not wanted or wanted & {agent.id, agent.email}]
            return self.pages.page(request, items, usual=METRICS_PAGE)

        return handler

    def agents(self, start_us: int, end_us: int) -> list[tuple[Party, Item]]:
        """Return the metrics of every agent with a shift or duty in an interval."""
        interval = _interval(start_us, end_us)
        return [(spent.agent, {**_agent_item(spent), "interval": interval}) for spent in self._spent(start_us, end_us)]

    def activities(self, start_us: int, end_us: int) -> list[tuple[Party, Item]]:
        """Return the metrics of every agent's activities in an interval; no item says whose it is."""
        interval = _interval(start_us, end_us)
        return [
            (
                spent.agent,
                {"activity": {"name": name, "type": kind}, **_activity_item(spent, share), "interval": interval},
            )
            for spent in self._spent(start_us, end_us)
            for (name, kind), share in ACTIVITIES.items()
            if spent.scheduled
        ]

    def _spent(self, start_us: int, end_us: int) -> list[Spent]:
        context, world = self.context, self.context.world
        now = context.now_us()
        until = min(end_us, now)
        if until <= start_us:
            return []
        statuses: dict[str, Counter[str]] = {}
        conversations: Counter[str] = Counter()
        duty: dict[str, list[tuple[int, int]]] = {}
        day = max(world.first_day, day_of(start_us) - timedelta(days=1))
        while day <= day_of(until):
            for row in world.duty(day).rows:
                first, last = max(row.at_us, start_us), min(row.until_us, until)
                if last > first:
                    statuses.setdefault(row.agent.id, Counter())[row.status] += last - first
                    if row.status != "unavailable":
                        duty.setdefault(row.agent.id, []).append((first, last))
            for leg in world.calls(day).legs.rows:
                if leg.operator is not None and leg.connected_us is not None and start_us <= leg.ended_us < until:
                    conversations[leg.operator.id] += 1
            day += timedelta(days=1)
        rows = []
        for agent in world.users:
            shifts = [shift for shift in _shifts(context, agent, start_us, until) if shift[1] > shift[0]]
            spent = Spent(
                agent=agent,
                scheduled=sum(last - first for first, last in shifts),
                in_adherence=sum(
                    max(0, min(last, end) - max(first, begin))
                    for first, last in shifts
                    for begin, end in duty.get(agent.id, ())
                ),
                exception=15 * MINUTE if shifts and world.rng(f"exception:{agent.id}:{start_us}").random() < 0.1 else 0,
                by_status=statuses.get(agent.id, Counter()),
                conversations=conversations[agent.id],
            )
            if spent.scheduled or spent.by_status:
                rows.append(spent)
        return rows


def _shifts(context: Context, agent: Party, start_us: int, end_us: int) -> list[tuple[int, int]]:
    """Return the shifts of an agent as far as they lie in an interval, as the schedule says now."""
    clock = context.local(agent.timezone)
    day = max(clock.day(start_us), context.world.first_day)
    shifts = []
    while clock.midnight(day) < end_us:
        shift = _shift(context.world, agent, day, clock.midnight(day), context.now_us())
        if shift is not None:
            shifts.append((max(shift[0], start_us), min(shift[1], end_us)))
        day += timedelta(days=1)
    return shifts


def _shift(world: World, agent: Party, day: date, midnight_us: int, now: int) -> tuple[int, int] | None:
    rng = world.rng(f"shift:{agent.id}", day)
    if rng.random() > (0.9 if day.weekday() < 5 else 0.2):
        return None
    start = midnight_us + rng.randrange(7 * 2, 10 * 2) * HOUR // 2
    corrected = rng.random() < 0.2 and now >= midnight_us + 2 * DAY
    return start, start + 8 * HOUR - (HOUR if corrected else 0)


def _instant(query: dict[str, str], name: str) -> int:
    try:
        moment = datetime.fromisoformat(query[name])
    except KeyError as error:
        raise Refused(400, f"{name} is required") from error
    except ValueError as error:
        raise Refused(400, f"{name} must be an ISO 8601 date-time") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * SECOND


def _interval(start_us: int, end_us: int) -> Item:
    start, end = (datetime.fromtimestamp(us // SECOND, UTC) for us in (start_us, end_us))
    return {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def _time(part: int, whole: int) -> Item:
    return {"percentage": _share(part, whole), "seconds": part // SECOND}


def _agent_item(spent: Spent) -> Item:
    scheduled, on_duty = spent.scheduled, spent.on_duty
    occupied = spent.by_status["occupied"] + spent.by_status["wrapup"]
    adherent = min(spent.in_adherence, scheduled)
    hours = scheduled / HOUR
    return {
        "agent": {"email": spent.agent.email, "name": spent.agent.name},
        "adherence_score": round(100 * _share(adherent, scheduled), 2),
        "actual_occupancy": {"percentage": _share(occupied, on_duty), "seconds_lost": (on_duty - occupied) // SECOND},
        "planned_occupancy": {"percentage": 0.8, "seconds_lost": scheduled // 5 // SECOND},
        "dialpad_availability": {
            "percentage": _share(on_duty, scheduled),
            "seconds_lost": max(0, scheduled - on_duty) // SECOND,
        },
        "dialpad_time_in_status": {
            status: _time(spent.by_status[status], sum(spent.by_status.values())) for status in STATUSES
        },
        "occupancy": _share(occupied, on_duty),
        "scheduled_hours": round(hours, 2),
        "time_in_adherence": _time(adherent, scheduled),
        "time_in_exception": _time(spent.exception, scheduled),
        "time_out_of_adherence": _time(scheduled - adherent, scheduled),
        "time_on_task": _share(int(on_duty * 0.9), scheduled),
        "utilisation": _share(occupied, scheduled),
        "total_conversations_closed": spent.conversations,
        "conversations_closed_per_hour": round(spent.conversations / hours, 2) if hours else 0.0,
        "conversations_closed_per_service_hour": round(spent.conversations * HOUR / on_duty, 2) if on_duty else 0.0,
    }


def _activity_item(spent: Spent, share: float) -> Item:
    scheduled = int(spent.scheduled * share)
    adherent = int(min(spent.in_adherence, spent.scheduled) * share)
    closed = int(spent.conversations * share)
    hours = scheduled / HOUR
    return {
        "adherence_score": round(100 * _share(adherent, scheduled), 2),
        "average_conversation_time": round(scheduled / MINUTE / closed, 2) if closed else 0.0,
        "average_interaction_time": round(scheduled / MINUTE / closed / 2, 2) if closed else 0.0,
        "conversations_closed": closed,
        "conversations_closed_per_hour": round(closed / hours, 2) if hours else 0.0,
        "conversations_commented_on": closed // 4,
        "conversations_on_hold": closed // 5,
        "conversations_opened": closed + closed % 2,
        "scheduled_hours": round(hours, 2),
        "time_in_adherence": _time(adherent, scheduled),
        "time_in_exception": _time(int(spent.exception * share), scheduled),
        "time_on_task": _share(adherent, scheduled),
        "time_out_of_adherence": _time(scheduled - adherent, scheduled),
        "wrong_task_snapshots": closed // 6,
    }
