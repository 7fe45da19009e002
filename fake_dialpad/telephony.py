"""The calls of a day, and what follows from them: voicemails, recordings, dispositions, survey answers."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import (
    DAY,
    HOUR,
    LABELS,
    MINUTE,
    SECOND,
    CallDay,
    Day,
    Disposition,
    Leg,
    Party,
    Recording,
    SurveyAnswer,
    Voicemail,
    call_number,
    midnight,
    sentence,
)

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.company import Company

DISPOSITIONS: Final = (
    "Billing~Refund",
    "Billing~Invoice",
    "Technical~Router",
    "Technical~Line down",
    "Sales~New plan",
    "Sales~Upgrade",
    "Resolved",
    "Wrong number",
    "Call back, later",
    'Other~"see note"',
)


@dataclass(frozen=True, slots=True)
class _GroupCall:
    """A call to a group: `common` is what its legs share."""

    number: int
    at: int
    group: Party
    caller: tuple[str, str, str]
    common: dict[str, Any]

    @property
    def of_agents(self) -> dict[str, Any]:
        """What the legs of agents share."""
        key = str(self.number)
        entry = {"master_id": key, "entry_call_id": key, "entry_target": self.group}
        return {**self.common, **entry, "queued_us": None}


class _Calls:
    """Makes the calls of a day, one after the other."""

    def __init__(self, company: Company, rng: random.Random, day: date) -> None:
        self.company = company
        self.rng = rng
        self.base = call_number(day)
        self.legs: list[Leg] = []
        self.voicemails: list[Voicemail] = []
        self.recordings: list[Recording] = []
        self.dispositions: list[Disposition] = []
        self.answers: list[SurveyAnswer] = []

    def call(self, index: int, at: int, office: Party) -> None:
        """Make the index-th call, which begins at `at` and reaches `office`."""
        rng = self.rng
        caller = self.company.callers[int(rng.random() * len(self.company.callers))]
        kind = rng.random()
        number = self.base + index * 10
        if kind < 0.62:
            groups = [
                group for group in self.company.call_centers if group.office_id == office.id
            ] or self.company.call_centers
            self._group(number, at, groups[int(rng.random() * len(groups))], caller)
        elif kind < 0.67:
            groups = [
                group for group in self.company.departments if group.office_id == office.id
            ] or self.company.departments
            self._group(number, at, groups[int(rng.random() * len(groups))], caller)
        elif kind < 0.72:
            self._group(number, at, office, caller)
        else:
            user = self.company.users[int(rng.random() * len(self.company.users))]
            if kind < 0.81:
                self._direct(number, at, user, caller)
            elif kind < 0.95:
                self._outbound(number, at, user, caller)
            else:
                self._internal(number, at, user)

    def _talk(self) -> int:
        rng = self.rng
        seconds = rng.lognormvariate(5.0, 0.9)
        if rng.random() < 0.002:
            seconds += 4 * 3600  # a call that outlives many a sync
        return int(min(seconds, 6 * 3600.0) * SECOND)

    def _leg(self, number: int, at: int, target: Party, caller: tuple[str, str, str], **more: Any) -> Leg:
        leg = Leg(
            at_us=at,
            visible_us=more["ended_us"],
            office_id=target.office_id,
            targets=(target.id,),
            call_id=str(number),
            master_id=more.pop("master_id", str(number)),
            entry_call_id=more.pop("entry_call_id", None),
            entry_target=more.pop("entry_target", None),
            target=target,
            operator=more.pop("operator", None),
            external=more.pop("external", caller[2]),
            internal=target.phone,
            contact=(caller[0], caller[1]),
            **more,
        )
        if leg.entry_target is not None:
            leg.targets = (target.id, leg.entry_target.id)
        self.legs.append(leg)
        return leg

    def _group(self, number: int, at: int, group: Party, caller: tuple[str, str, str]) -> None:
        rng = self.rng
        has_queue = group.type == "call_center"
        queued = at + int(rng.random() * 5 * SECOND) if has_queue else None
        waited = int(rng.expovariate(1 / 25) * SECOND) if has_queue else 0
        rang = (queued or at) + waited + SECOND
        open_hours = rng.random() < 0.9
        outcome = rng.random()
        labels = (rng.choice(LABELS),) if rng.random() < 0.06 else ()
        common: dict[str, Any] = {
            "direction": "inbound",
            "open_hours": open_hours,
            "queued_us": queued,
            "labels": labels,
        }
        if rng.random() < 0.002:
            common["anonymized_us"] = at + 30 * DAY
        if outcome < 0.08:
            self._leg(
                number,
                at,
                group,
                caller,
                category="abandoned",
                categories="abandoned,inbound,unanswered",
                ended_us=rang + int(rng.random() * 30 * SECOND),
                spam=rng.random() < 0.03,
                **common,
            )
            return
        call = _GroupCall(number, at, group, caller, common)
        ringing = int((3 + rng.random() * 22) * SECOND)
        if outcome < 0.22:
            self._missed(call, rang, ringing, voicemail=outcome < 0.16)
        else:
            self._answered(call, rang // SECOND * SECOND, ringing)  # this ring has no fraction in the exports

    def _agents(self, group: Party) -> list[Party]:
        return self.company.operators.get(group.id) or self.company.users

    def _missed(self, call: _GroupCall, rang: int, ringing: int, *, voicemail: bool) -> None:
        rng = self.rng
        leg = self._leg(
            call.number,
            call.at,
            call.group,
            call.caller,
            category="missed",
            first_rang_us=rang,
            rang_us=rang,
            ended_us=rang + ringing + (int((5 + rng.random() * 60) * SECOND) if voicemail else 0),
            rings=1 + int(rng.random() * 3),
            categories="inbound,missed,unanswered," + ("voicemail" if voicemail else "ring_no_answer"),
            voicemail=voicemail,
            **call.common,
        )
        if voicemail:
            self._voicemail(leg, self._agents(call.group))

    def _answered(self, call: _GroupCall, rang: int, ringing: int) -> None:
        """Make the leg at the entry, the first agent's leg and perhaps that of the agent it is transferred to."""
        rng = self.rng
        agents = self._agents(call.group)
        has_queue = call.group.type == "call_center"
        agent = agents[int(rng.random() * len(agents))]
        talk = self._talk()
        hold = int(rng.random() * 90 * SECOND) if rng.random() < 0.25 else 0
        wrapup = int(rng.random() * 120 * SECOND) if has_queue else 0
        transfer = rng.random() < 0.1
        connected = rang + ringing
        ended = connected + talk + hold
        recorded = rng.random() < 0.5
        shared = {
            "category": "incoming",
            "categories": "answered,human_agent,inbound" + (",answered_transferred" if transfer else ""),
            "hold_us": hold,
            "holds": 1 if hold else 0,
            "wrapup_us": wrapup,
            "rings": 1,
            "recorded": recorded,
            "first_rang_us": rang,
            "rang_us": rang,
            "connected_us": connected,
        }
        after_transfer = int(talk * 0.4) if transfer else 0
        entry = self._leg(
            call.number,
            call.at,
            call.group,
            call.caller,
            ended_us=ended + after_transfer,
            operator_call_id=str(call.number + 1),
            **shared,
            **call.common,
        )
        first = self._leg(
            call.number + 1,
            rang,
            agent,
            call.caller,
            ended_us=ended,
            operator=agent,
            device=("android", "web_app", "desktop_app", "desktop_app")[int(rng.random() * 4)],
            talk_share=int(rng.random() * 100),
            **shared,
            **call.of_agents,
        )
        served = [(agent, first)]
        if transfer:
            served.append(self._transferred(call, entry, first, ended + after_transfer))
        if recorded:
            self._recordings(entry, served)
        if has_queue:
            self._dispositions(entry, served)
            self._survey(entry, agent)

    def _transferred(self, call: _GroupCall, entry: Leg, first: Leg, ended: int) -> tuple[Party, Leg]:
        """Make the leg of the agent to whom the first agent transfers the call."""
        rng, users, agent = self.rng, self.company.users, first.target
        # now and then the call comes back to the same agent
        other = agent if rng.random() < 0.05 else users[int(rng.random() * len(users))]
        first.transferred_to = other.phone if rng.random() < 0.5 else other.name
        entry.transferred_to = first.transferred_to
        second = self._leg(
            call.number + 2,
            first.ended_us,
            other,
            call.caller,
            category="incoming",
            categories="answered,human_agent,inbound,transferred_in",
            ended_us=ended,
            rings=1,
            recorded=entry.recorded,
            operator=other,
            first_rang_us=first.ended_us,
            rang_us=first.ended_us,
            connected_us=first.ended_us,
            transferred_from=agent.id,
            device="desktop_app",
            **call.of_agents,
        )
        return other, second

    def _direct(self, number: int, at: int, user: Party, caller: tuple[str, str, str]) -> None:
        rng = self.rng
        rang = at // SECOND * SECOND + SECOND
        ringing = int((3 + rng.random() * 22) * SECOND)
        if rng.random() < 0.7:
            recorded = rng.random() < 0.3
            leg = self._leg(
                number,
                at,
                user,
                caller,
                direction="inbound",
                category="incoming",
                categories="answered,human_agent,inbound",
                rings=1,
                first_rang_us=rang,
                rang_us=rang,
                connected_us=rang + ringing,
                ended_us=rang + ringing + self._talk(),
                operator=user,
                device="desktop_app",
                recorded=recorded,
            )
            if recorded:
                self._recordings(leg, [(user, leg)])
            return
        voicemail = rng.random() < 0.5
        leg = self._leg(
            number,
            at,
            user,
            caller,
            direction="inbound",
            category="missed",
            first_rang_us=rang,
            rang_us=rang,
            rings=1,
            categories="inbound,missed,unanswered,voicemail" if voicemail else "inbound,missed,unanswered",
            voicemail=voicemail,
            ended_us=rang + ringing + (int(rng.random() * 60 * SECOND) if voicemail else 0),
        )
        if voicemail:
            self._voicemail(leg, [user])

    def _outbound(self, number: int, at: int, user: Party, caller: tuple[str, str, str]) -> None:
        rng = self.rng
        groups = [self.company.parties[key] for key in user.groups]
        proxy = groups[0] if groups and rng.random() < 0.4 else None
        answered = rng.random() < 0.65
        connected = at + int((4 + rng.random() * 20) * SECOND) if answered else None
        recorded = answered and rng.random() < 0.3
        leg = self._leg(
            number,
            at,
            user,
            caller,
            direction="outbound",
            category="outgoing" if answered else "cancelled",
            categories="outbound,outbound_connected,user_initiated"
            if answered
            else "cancelled,outbound,user_initiated",
            connected_us=connected,
            ended_us=(connected + self._talk()) if connected else at + int(rng.random() * 30 * SECOND),
            proxy=proxy,
            operator=user,
            device="desktop_app",
            recorded=recorded,
        )
        if recorded:
            self._recordings(leg, [(user, leg)])

    def _internal(self, number: int, at: int, user: Party) -> None:
        rng = self.rng
        other = self.company.users[int(rng.random() * len(self.company.users))]
        caller = (other.id, other.name, other.phone)
        rang = at // SECOND * SECOND + SECOND
        self._leg(
            number,
            at,
            user,
            caller,
            direction="outbound",
            category="outgoing",
            categories="outbound,outbound_connected,user_initiated",
            rang_us=rang,
            first_rang_us=rang,
            connected_us=rang + 4 * SECOND,
            ended_us=rang + 4 * SECOND + self._talk(),
            operator=user,
            internal_call=True,
            device="web_app",
        )

    def _voicemail(self, leg: Leg, owners: list[Party]) -> None:
        rng = self.rng
        listener = owners[int(rng.random() * len(owners))]
        listened = leg.ended_us + int(rng.expovariate(1 / (5 * 3600)) * SECOND) if rng.random() < 0.8 else None
        text = sentence(rng)
        if rng.random() < 0.1:
            text += f'\n{sentence(rng)}, "{sentence(rng)}"'
        # one in a thousand is longer than the 131,072 characters Python's csv module reads by default
        repeats = 140_000 // (len(text) + 1) + 1 if rng.random() < 0.001 else 1
        self.voicemails.append(
            Voicemail(
                leg.ended_us,
                leg.ended_us,
                leg.office_id,
                leg.targets,
                leg,
                listened,
                listener if listened else None,
                text,
                repeats,
            )
        )

    def _recordings(self, entry: Leg, served: list[tuple[Party, Leg]]) -> None:
        rng = self.rng
        for place, (_, leg) in enumerate(served):
            if leg.connected_us is None:
                continue
            ready = leg.ended_us + MINUTE + int(rng.random() * 10 * MINUTE)
            parts = 2 if rng.random() < 0.1 else 1  # paused and resumed: two recordings of one leg
            for part in range(parts):
                start = (leg.connected_us + part * (leg.ended_us - leg.connected_us) // 2) // SECOND * SECOND
                key = f"{int(entry.call_id) * 10 + place * 2 + part}"
                kind = "adminrecording" if rng.random() < 0.7 else "callrecording"
                url = "" if rng.random() < 0.02 else f"https://dialpad.com/blob/{kind}/{key}.mp3"
                self.recordings.append(
                    Recording(
                        start,
                        ready,
                        entry.office_id,
                        (*leg.targets, entry.target.id),
                        leg,
                        entry.call_id,
                        url,
                        (leg.ended_us - leg.connected_us) // parts,
                        kind,
                        key,
                    )
                )

    def _dispositions(self, entry: Leg, served: list[tuple[Party, Leg]]) -> None:
        rng = self.rng
        for agent, leg in served:
            if rng.random() < 0.05:
                continue
            late = int(min(rng.lognormvariate(7.0, 1.8), 2.5 * 86400) * SECOND)
            value = DISPOSITIONS[int(rng.random() * len(DISPOSITIONS))] if rng.random() < 0.95 else ""
            draw = rng.random()
            self.dispositions.append(
                Disposition(
                    entry.at_us,
                    entry.ended_us,
                    entry.office_id,
                    (entry.target.id, agent.id),
                    entry,
                    leg,
                    "" if draw < 0.004 else entry.call_id,
                    None if 0.004 <= draw < 0.03 else agent,
                    value,
                    entry.ended_us + late,
                    sentence(rng) if value and rng.random() < 0.2 else "",
                )
            )

    def _survey(self, entry: Leg, agent: Party) -> None:
        rng = self.rng
        if rng.random() > 0.18:
            return
        at = entry.ended_us + MINUTE + int(rng.expovariate(1 / 1800) * SECOND)
        at = at // SECOND * SECOND
        score = str(rng.choice([1, 2, 3, 4, 4, 5, 5, 5]))
        targets = (entry.target.id, agent.id)
        responses = [("How satisfied were you, 1 to 5?", score)]
        if rng.random() < 0.4:
            responses.append(("What could we do better?", f"{sentence(rng)}\n{sentence(rng)}"))
        for question, response in responses:
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, question, response))
        if rng.random() < 0.02:  # the key was pressed twice: two rows, the same in everything
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, *responses[0]))


def calls(company: Company, day: date, count: int) -> CallDay:
    """Return the calls that began on a day, and what follows from them."""
    rng = company.rng("calls", day)
    calls_of_day = _Calls(company, rng, day)
    # the first and the last microsecond of the day, a midnight in the west, noon
    edges = (0, DAY - 1, 8 * HOUR, DAY // 2)
    for index in range(count):
        office = company.offices[int(rng.random() * len(company.offices))]
        at = midnight(day) + edges[index] if index < len(edges) else company.moment(rng, day, office.timezone)
        calls_of_day.call(index, at, office)
    return CallDay(
        Day(calls_of_day.legs),
        Day(calls_of_day.voicemails),
        Day(calls_of_day.recordings),
        Day(calls_of_day.dispositions),
        Day(calls_of_day.answers),
    )
