"""The calls of a day: who calls, who is free to answer, and what becomes of it.

Guarantee: nobody is in two calls at once. A call to a call center waits until an agent on duty is free; the caller
hangs up, asks for a callback or leaves a voicemail when that takes too long. Closed lines are not answered.
A day of an office is a day of its zone, nights left out; so an agent's calls on one day lie within 28 hours.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from itertools import count as numbers
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad import seasons
from fake_dialpad.desk import TO_CALL_CENTERS, Caller, Desk
from fake_dialpad.direct import direct, edges, internal, outbound
from fake_dialpad.model import DAY, HOUR, LABELS, MINUTE, SECOND, CallDay, Day, Leg, Party, Turn, call_number
from fake_dialpad.rota import traits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fake_dialpad.company import Company

#: Shares of the company's calls.
_TO_DEPARTMENTS, _TO_OFFICES, _TO_PEOPLE, _OUTBOUND, _INTERNAL = 0.04, 0.03, 0.06, 0.12, 0.03
LONGEST_HOLD: Final = 10 * MINUTE
MOST_RUNG: Final = 3


class Incoming:
    """A call to a line: `common` is what all its legs share, `ids` gives their ids."""

    def __init__(self, at: int, line: Party, caller: Caller, ids: Iterator[int], came_from: Leg | None = None) -> None:
        self.at = at
        self.line = line
        self.caller = caller
        self.ids = ids
        self.key = str(next(ids))
        self.came_from = came_from
        self.master = self.key if came_from is None else came_from.master_id
        self.common: dict[str, Any] = {"direction": "inbound", "external": caller[2]}
        self.rung: list[tuple[Party, int, int]] = []
        self.first_rang: int | None = None

    @property
    def of_agents(self) -> dict[str, Any]:
        """What the legs of agents share."""
        return {**self.common, "master_id": self.master, "entry_call_id": self.key, "entry_target": self.line}


class Calls(Desk):
    """Makes the calls of one office on one day, in the order in which they begin."""

    # -- what comes --------------------------------------------------------------------------------

    def demand(self, calls_per_day: float) -> list[tuple[int, str, Party]]:
        """Draw when calls begin, of which kind, and whose: oldest first."""
        company, rng, day = self.company, self.rng, self.day
        here = len(self.rota.people) / max(1, len(company.users))
        lines = [(line, company.share(line) * TO_CALL_CENTERS) for line in company.call_centers]
        lines += [(line, _TO_DEPARTMENTS / len(company.departments)) for line in company.departments]
        lines += [(self.office, _TO_OFFICES / len(company.offices))]
        wanted = [("line", line, share) for line, share in lines if line.office_id == self.office.id]
        wanted += [("direct", self.office, _TO_PEOPLE * here)]
        wanted += [("outbound", self.office, _OUTBOUND * here), ("internal", self.office, _INTERNAL * here)]
        drawn: list[tuple[int, str, Party]] = []
        for kind, party, share in wanted:
            mean = calls_per_day * share * seasons.factor(company.seed, party, self.country, day)
            drawn += [
                (seasons.local(party, day, seasons.hour(rng, party, day.weekday())), kind, party)
                for _ in range(seasons.count(rng, mean * rng.lognormvariate(0, 0.1)))
            ]
        return sorted(drawn, key=lambda one: one[0])

    def call(self, number: int, at: int, kind: str, party: Party) -> None:
        """Make one call; `number` is the first of its ten ids."""
        company, rng = self.company, self.rng
        caller = company.callers[int(rng.random() * len(company.callers))]
        ids = numbers(number)
        if kind == "line":
            self.incoming(Incoming(at, party, caller, ids))
            return
        user = self.rota.people[int(rng.random() * len(self.rota.people))]
        if kind == "direct":
            direct(self, ids, at, user, caller)
        elif kind == "outbound":
            outbound(self, ids, at, caller)
        else:
            internal(self, ids, at)

    # -- calls to a line ---------------------------------------------------------------------------

    def incoming(self, call: Incoming) -> None:
        """Make a call to a line: closed, given up at once, answered, or waited for too long."""
        rng, line = self.rng, call.line
        span = self.spans.get(line.id)
        is_open = span is not None and span[0] <= call.at < span[1]
        holiday = "holiday_" if seasons.is_holiday(self.country, self.day) else ""
        call.common |= {
            "availability": f"{holiday}{'open' if is_open else 'closed'}",
            "labels": (rng.choice(LABELS),) if rng.random() < 0.06 else (),
            "anonymized_us": call.at + 30 * DAY if rng.random() < 0.002 else None,
        }
        if not is_open:
            greeting = int((12 + rng.random() * 15) * SECOND)
            self.missed(call, call.at + greeting, None, voicemail=rng.random() < 0.55)
        elif rng.random() < 0.018:  # a wrong number, or second thoughts
            self.abandoned(call, call.at + int((0.8 + rng.random() * 5.1) * SECOND), None)
        else:
            has_queue = line.type == "call_center"
            queued = call.at + int((1 + rng.random() * 4) * SECOND) if has_queue else None
            self.wait(call, queued)

    def wait(self, call: Incoming, queued: int | None) -> None:
        """Let a caller wait until somebody answers or patience ends."""
        rng, own = self.rng, seasons.profile(call.line)
        start = (queued or call.at) + int(rng.random() * SECOND)
        gives_up = start + int(rng.expovariate(1 / own.patience) * SECOND) + 8 * SECOND
        asked = start
        while True:
            found = self.rota.first(self.operators(call.line), asked, {user.id for user, _, _ in call.rung})
            if found is None or len(call.rung) == MOST_RUNG:
                self.missed(call, asked + int((5 + rng.random() * 20) * SECOND), queued, voicemail=rng.random() < 0.5)
                return
            rang = -(-found[0] // SECOND) * SECOND  # a ring has no fraction in the exports
            if queued is not None and rang - start > 70 * SECOND and gives_up > start + MINUTE and rng.random() < 0.2:
                self.callback(call, queued, start + int((45 + rng.random() * 15) * SECOND))
                return
            if min(rang, gives_up) > start + LONGEST_HOLD:
                self.missed(call, max(asked, start + LONGEST_HOLD), queued, voicemail=rng.random() < 0.6)
                return
            if gives_up <= rang + 2 * SECOND:
                self.abandoned(call, max(gives_up, asked + SECOND), queued)
                return
            call.first_rang = call.first_rang or rang
            connected = rang + int((2 + rng.expovariate(1 / 4) % 16) * SECOND)
            if rng.random() >= traits(self.company, found[1]).misses and gives_up > connected:
                self.answered(call, queued, found[1], (rang, connected))
                return
            asked = min(rang + int((15 + rng.random() * 6) * SECOND), max(gives_up, rang + 3 * SECOND))
            self.rota.take(found[1], asked)
            call.rung.append((found[1], rang, asked))

    def unanswered(self, call: Incoming) -> None:
        """Add a leg for each agent who was rung and did not answer."""
        for agent, rang, ended in call.rung:
            self.leg(
                str(next(call.ids)),
                rang,
                agent,
                call.caller,
                category="missed",
                categories="inbound,missed,ring_no_answer,unanswered",
                first_rang_us=rang,
                rang_us=rang,
                ended_us=ended,
                rings=1,
                operator=agent,
                **call.of_agents,
            )

    def entry(self, call: Incoming, queued: int | None, **more: Any) -> Leg:
        """Add the leg at the line itself."""
        last_ring = call.rung[-1][1] if call.rung else None
        fields = {
            "first_rang_us": call.first_rang,
            "rang_us": last_ring,
            "rings": len(call.rung),
            **more,
            **call.common,
        }
        if call.came_from is not None:
            fields |= {
                "transferred_from": call.came_from.target.id,
                "categories": fields["categories"] + ",transferred_in",
            }
        return self.leg(call.key, call.at, call.line, call.caller, master_id=call.master, queued_us=queued, **fields)

    def abandoned(self, call: Incoming, until: int, queued: int | None) -> None:
        """Let the caller hang up while waiting."""
        spam = self.rng.random() < 0.03
        categories = "abandoned,inbound,unanswered" + (",spam" if spam else "")
        self.entry(call, queued, category="abandoned", categories=categories, ended_us=until, spam=spam)
        self.unanswered(call)

    def missed(self, call: Incoming, until: int, queued: int | None, *, voicemail: bool) -> None:
        """Let nobody answer; the caller may leave a voicemail."""
        last = ",voicemail" if voicemail else ",ring_no_answer" if call.rung else ""
        until += int((5 + self.rng.random() * 60) * SECOND) if voicemail else 0
        categories = f"inbound,missed,unanswered{last}"
        leg = self.entry(call, queued, category="missed", categories=categories, ended_us=until, voicemail=voicemail)
        self.unanswered(call)
        if voicemail:
            self.after.voicemail(leg, self.operators(call.line))

    def answered(self, call: Incoming, queued: int | None, agent: Party, rang: tuple[int, int]) -> None:
        """Make the leg at the line, the agent's, and that of whom the agent transfers the call to."""
        rng, own = self.rng, seasons.profile(call.line)
        has_queue = call.line.type == "call_center"
        rang_us, connected = rang
        hold = int(min(rng.expovariate(1 / 45), 400.0) * SECOND) if rng.random() < 0.22 else 0
        ended = connected + self.talk(own.talk, agent) + hold
        wrapup = self.wrapup(own.wrapup, agent) if has_queue else 0
        transfer = rng.random()
        to_line = self.other_line(call) if transfer < 0.025 else None
        colleague = self.colleague(call, agent, ended) if to_line is None and transfer < 0.09 else None
        after = int((20 + rng.random() * 200) * SECOND) if colleague else 0
        moved = to_line or colleague
        of_entry: dict[str, Any] = {
            "category": "incoming",
            "categories": "answered,human_agent,inbound" + (",answered_transferred" if moved else ""),
            "transferred_to": "" if moved is None else moved.phone if rng.random() < 0.5 else moved.name,
            "hold_us": hold,
            "holds": 1 if hold else 0,
            "wrapup_us": wrapup,
            "recorded": rng.random() < 0.5,
            "first_rang_us": rang_us,
            "rang_us": rang_us,
            "connected_us": connected,
        }
        key = str(next(call.ids))
        first = {"first_rang_us": call.first_rang, "rings": len(call.rung) + 1, "operator_call_id": key}
        entry = self.entry(call, queued, ended_us=ended + after, **{**of_entry, **first})
        device = ("android", "web_app", "desktop_app", "desktop_app")[int(rng.random() * 4)]
        served = [
            self.leg(
                key,
                rang_us,
                agent,
                call.caller,
                ended_us=ended,
                operator=agent,
                device=device,
                rings=1,
                talk_share=25 + int(rng.random() * 45),
                **of_entry,
                **call.of_agents,
            )
        ]
        self.rota.take(agent, ended + wrapup)
        self.unanswered(call)
        if colleague is not None:
            served.append(self.transferred(call, entry, served[0], colleague))
        if entry.recorded:
            self.after.record(entry, served)
        if has_queue:
            self.after.dispose(entry, served)
            self.after.survey(entry, served, connected - (queued or call.at))
        if to_line is not None:
            self.passed_on(call, served[0], to_line)

    def wrapup(self, mean: float, agent: Party) -> int:
        """Draw how long an agent writes up a call, in microseconds."""
        seconds = mean * traits(self.company, agent).wrapup * (0.4 + 1.2 * self.rng.random())
        return int(min(seconds, 120.0) * SECOND)

    # -- transfers and callbacks -------------------------------------------------------------------

    def other_line(self, call: Incoming) -> Party | None:
        """Return another open line of the office; None where there is none, or the call came from one."""
        here = [*self.company.call_centers, *self.company.departments]
        lines = [line for line in here if line.office_id == self.office.id and line.id != call.line.id]
        return self.rng.choice(lines) if lines and call.master == call.key else None

    def colleague(self, call: Incoming, agent: Party, at: int) -> Party | None:
        """Return somebody of the office who is free: now and then the agent again, to whom the call comes back."""
        if self.rng.random() < 0.05:
            return agent
        near = [user for user in self.operators(call.line) if user.id != agent.id and self.rota.is_free(user, at)]
        near = near or [user for user in self.rota.people if user.id != agent.id and self.rota.is_free(user, at)]
        return self.rng.choice(near) if near else None

    def transferred(self, call: Incoming, entry: Leg, first: Leg, other: Party) -> Leg:
        """Add the leg of the colleague to whom the agent transfers the call; who gets it back has no second wrap-up."""
        wrapup = (
            self.wrapup(seasons.profile(call.line).wrapup, other)
            if entry.wrapup_us and other is not first.target
            else 0
        )
        if other is first.target:  # writes it up once, at the end
            wrapup, first.wrapup_us = first.wrapup_us, 0
        entry.wrapup_us = first.wrapup_us + wrapup
        self.rota.take(other, entry.ended_us + wrapup)
        return self.leg(
            str(next(call.ids)),
            first.ended_us,
            other,
            call.caller,
            category="incoming",
            categories="answered,human_agent,inbound,transferred_in",
            ended_us=entry.ended_us,
            wrapup_us=wrapup,
            rings=1,
            recorded=entry.recorded,
            operator=other,
            first_rang_us=first.ended_us,
            rang_us=first.ended_us,
            connected_us=first.ended_us,
            transferred_from=first.target.id,
            device="desktop_app",
            **call.of_agents,
        )

    def passed_on(self, call: Incoming, first: Leg, line: Party) -> None:
        """Let the call wait at another line, as a further entry leg of the same call."""
        self.incoming(Incoming(first.ended_us, line, call.caller, call.ids, first))

    def callback(self, call: Incoming, queued: int, until: int) -> None:
        """Let the caller hang up and be called back when it is their turn: reached, not reached, or declined."""
        rng, line = self.rng, call.line
        key = f"7{call.key}"
        categories = "callback_requested,inbound,unanswered"
        self.entry(call, queued, category="callback_requested", categories=categories, ended_us=until, callback_id=key)
        self.unanswered(call)
        later = until + int((2 + rng.random() * 25) * MINUTE)
        found = self.rota.first(self.operators(line), later)
        if found is None or found[0] > later + 2 * HOUR:
            return
        at, agent = found
        outcome = rng.choices(("connected", "unconnected", "cancelled"), (70, 17, 13))[0]
        connected = at + int((6 + rng.random() * 15) * SECOND) if outcome == "connected" else None
        own = seasons.profile(line)
        ended = (
            at + int((15 + rng.random() * 15) * SECOND) if connected is None else connected + self.talk(own.talk, agent)
        )
        wrapup = self.wrapup(own.wrapup, agent) if connected is not None else 0
        self.rota.take(agent, ended + wrapup)
        entry_key, key_of_agent = str(next(call.ids)), str(next(call.ids))
        shared: dict[str, Any] = {
            "direction": "outbound",
            "category": f"callback_{outcome}",
            "categories": f"callback_{outcome},outbound" + (",outbound_connected" if connected else ""),
            "connected_us": connected,
            "ended_us": ended,
            "wrapup_us": wrapup,
            "availability": call.common["availability"],
            "callback_id": key,
        }
        answered = {"callback_connected_us": connected, "callback_ended_us": ended if connected else None}
        of_agent = {"operator": agent, "device": "desktop_app", "entry_call_id": entry_key, "entry_target": line}
        entry = self.leg(entry_key, at, line, call.caller, operator_call_id=key_of_agent, **answered, **shared)
        leg = self.leg(key_of_agent, at, agent, call.caller, master_id=entry_key, **of_agent, **shared)
        if connected is not None:
            self.after.dispose(entry, [leg])


def calls(company: Company, day: date, calls_per_day: float) -> CallDay:
    """Return the calls that began on a day of the offices, and what follows from them.

    `calls_per_day` are those of a weekday of the year's mean. All begin after the day's midnight in UTC, and before the
    one after next.
    """
    number = numbers(call_number(day), 10)
    parts: list[Calls] = []
    turns: dict[str, list[Turn]] = {}
    for office in company.offices:
        part = Calls(company, company.rng(f"calls:{office.id}", day), office, day, calls_per_day)
        for at, kind, party in part.demand(calls_per_day):
            part.call(next(number), at, kind, party)
        parts.append(part)
        turns |= {key: of_agent for key, of_agent in part.rota.turns.items() if of_agent}
    if company.edge_cases:
        edges(parts[0], number, day)
    return CallDay(
        Day([leg for part in parts for leg in part.legs]),
        Day([row for part in parts for row in part.after.voicemails]),
        Day([row for part in parts for row in part.after.recordings]),
        Day([row for part in parts for row in part.after.dispositions]),
        Day([row for part in parts for row in part.after.answers]),
        turns,
    )
