"""What a contact center's measures should be, by the fake's own model: neither by its exports nor by anybody's models.

Definitions: calls are entry legs; offered ones are inbound and at a line; the wait goes from the queue, or the first
ring where there is none, to the answer; an abandon under 6 s is short; in time is within 60 s. Durations are seconds.
Sums are over the calls, the duty and the conversations that began in a :class:`Period`.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from fake_dialpad.model import DAY, SECOND, Leg, day_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fake_dialpad.model import Session
    from fake_dialpad.world import World

IN_TIME: Final = 60 * SECOND
SHORT: Final = 6 * SECOND
REPEAT: Final = 7 * DAY
SATISFIED: Final = 4  # 4 and 5 of 5
Measures = dict[str, dict[str, float]]


class Period(NamedTuple):
    """From `start_us` up to and without `end_us`, as it is known at `now_us`."""

    start_us: int
    end_us: int
    now_us: int

    def days(self) -> list[date]:
        """Return the days of the world in which things may have begun that belong to the period."""
        first, last = day_of(self.start_us) - timedelta(days=2), day_of(self.end_us)
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def holds(self, at_us: int) -> bool:
        """Whether an instant lies in the period."""
        return self.start_us <= at_us < self.end_us


def legs(world: World, period: Period) -> list[Leg]:
    """Return the legs that began in a period and are over."""
    found = (leg for day in period.days() for leg in world.calls(day).legs.rows)
    return [leg for leg in found if period.holds(leg.at_us) and leg.ended_us <= period.now_us]


def of_lines(world: World, period: Period) -> Measures:
    """Return the measures of each line by its id."""
    calls = [leg for leg in legs(world, period) if leg.entry_call_id is None]
    scores = {
        row.entry.call_id: int(row.response)
        for day in period.days()
        for row in world.calls(day).answers.rows
        if row.visible_us <= period.now_us and row.response.isdigit()
    }
    found: dict[str, Counter[str]] = {}
    for call in calls:
        if call.target.type != "user":
            sums = found.setdefault(call.target.id, Counter())
            sums.update(_counts(call))
            if call.call_id in scores:
                score = scores[call.call_id]
                sums.update(csat_calls=1, csat_satisfied=score >= SATISFIED, csat_score_sum=score)
    for call, free in _judged(calls):
        if call.target.id in found:
            found[call.target.id].update(repeat_judged=1, repeat_free=free)
    return {key: dict(sums) for key, sums in found.items()}


def _counts(call: Leg) -> dict[str, float]:
    """Return what one call at a line adds to each measure."""
    category, inbound = call.category, call.direction == "inbound"
    sums: dict[str, float] = {
        "offered": inbound,
        "answered": category == "incoming",
        "abandoned": category == "abandoned",
        "short_abandoned": category == "abandoned" and call.ended_us - call.at_us < SHORT,
        "missed": category == "missed",
        "voicemail": category == "missed" and call.voicemail,
        "other_offered": inbound and category not in {"incoming", "abandoned", "missed"},
        "outbound": not inbound,
        "connected": call.connected_us is not None,
        **{f"callbacks_{way}": category == f"callback_{way}" for way in ("requested", "connected", "cancelled")},
        "callbacks_unconnected": category == "callback_unconnected",
    }
    if call.connected_us is not None:
        sums["handle_seconds"] = (call.ended_us - call.connected_us + call.wrapup_us) / SECOND
        if inbound:
            wait = call.connected_us - (call.queued_us or call.first_rang_us or call.at_us)
            sums["answered_wait_seconds"] = wait / SECOND
            sums["within_service_level"] = wait <= IN_TIME
            sums["within_service_level_open"] = wait <= IN_TIME and call.open_hours
            sums["answered_transferred"] = bool(call.transferred_to)
    return sums


def _judged(calls: list[Leg]) -> Iterator[tuple[Leg, bool]]:
    """Yield the answered calls from outside that are a week old, and whether nobody called that line again by then."""
    newest = max(call.at_us for call in calls)
    inbound = [call for call in calls if call.direction == "inbound" and not call.internal_call]
    by_caller: dict[tuple[str, str], list[Leg]] = {}
    for call in inbound:
        by_caller.setdefault((call.external, call.target.id), []).append(call)
    for call in inbound:
        if call.category == "incoming" and newest - call.at_us >= REPEAT:
            again = (
                other
                for other in by_caller[call.external, call.target.id]
                if other.master_id != call.master_id and call.at_us < other.at_us <= call.at_us + REPEAT
            )
            yield call, next(again, None) is None


def of_agents(world: World, period: Period) -> Measures:
    """Return the measures of each agent by their id."""
    found: dict[str, Counter[str]] = {}
    for leg in legs(world, period):
        if leg.target.type == "user":
            sums: dict[str, float] = {"legs_not_answered": leg.direction == "inbound" and leg.connected_us is None}
            if leg.connected_us is not None:
                handled = (leg.ended_us - leg.connected_us + leg.wrapup_us) / SECOND
                sums |= {"handled": 1, "handle_seconds": handled}
            found.setdefault(leg.target.id, Counter()).update(sums)
    for row in (row for day in period.days() for row in world.duty(day).rows):
        spent = min(row.until_us, period.end_us, period.now_us) - max(row.at_us, period.start_us)
        if spent > 0 and row.status != "unavailable":
            found.setdefault(row.agent.id, Counter()).update({f"{row.status}_seconds": spent / SECOND})
    return {key: dict(sums) for key, sums in found.items()}


def of_conversations(world: World, period: Period) -> dict[str, float]:
    """Return how many digital conversations began, how many the bot kept, and how many it handed over."""
    by_customer: dict[str, list[Session]] = {}
    for row in (row for day in period.days() for row in world.digital(day).sessions.rows):
        if row.visible_us <= period.now_us:
            by_customer.setdefault(row.customer_session, []).append(row)
    begun = [rows for rows in by_customer.values() if period.holds(min(row.at_us for row in rows))]
    reached = [any(row.agent or row.agent_handled for row in rows) for rows in begun]
    ended = [row for rows in begun for row in rows if row.ended_us <= period.now_us]
    return {
        "conversations": len(begun),
        "contained": reached.count(False),
        "handed_over": sum(any(row.agent for row in rows) for rows in begun),
        "csat_conversations": sum(row.score is not None for row in ended),
    }
