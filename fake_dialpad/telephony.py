"""The calls of a day, and what follows from them: voicemails, recordings, dispositions, survey answers."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.events import (
    DAY,
    LABELS,
    MINUTE,
    SECOND,
    Disposition,
    Leg,
    Party,
    Recording,
    SurveyAnswer,
    Voicemail,
    call_number,
    sentence,
)

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.world import World

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


class Telephony:
    """Makes the calls of a day, one after the other."""

    def __init__(self, world: World, rng: random.Random, day: date) -> None:
        self.world = world
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
        caller = self.world.callers[int(rng.random() * len(self.world.callers))]
        kind = rng.random()
        number = self.base + index * 10
        if kind < 0.62:
            groups = [
                group for group in self.world.call_centers if group.office_id == office.id
            ] or self.world.call_centers
            self._group(number, at, groups[int(rng.random() * len(groups))], caller)
        elif kind < 0.67:
            groups = [
                group for group in self.world.departments if group.office_id == office.id
            ] or self.world.departments
            self._group(number, at, groups[int(rng.random() * len(groups))], caller)
        elif kind < 0.72:
            self._group(number, at, office, caller)
        else:
            user = self.world.users[int(rng.random() * len(self.world.users))]
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
        agents = self.world.operators.get(group.id) or self.world.users
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
            ended = rang + int(rng.random() * 30 * SECOND)
            self._leg(
                number,
                at,
                group,
                caller,
                category="abandoned",
                categories="abandoned,inbound,unanswered",
                ended_us=ended,
                spam=rng.random() < 0.03,
                **common,
            )
            return
        ringing = int((3 + rng.random() * 22) * SECOND)
        if outcome < 0.22:
            voicemail = outcome < 0.16
            ended = rang + ringing + (int((5 + rng.random() * 60) * SECOND) if voicemail else 0)
            leg = self._leg(
                number,
                at,
                group,
                caller,
                category="missed",
                first_rang_us=rang,
                rang_us=rang,
                rings=1 + int(rng.random() * 3),
                categories="inbound,missed,unanswered,voicemail"
                if voicemail
                else "inbound,missed,unanswered,ring_no_answer",
                ended_us=ended,
                voicemail=voicemail,
                **common,
            )
            if voicemail:
                self._voicemail(leg, agents)
            return
        agent = agents[int(rng.random() * len(agents))]
        rang = rang // SECOND * SECOND  # the second answer's ring has no fraction in the exports
        connected = rang + ringing
        talk = self._talk()
        hold = int(rng.random() * 90 * SECOND) if rng.random() < 0.25 else 0
        wrapup = int(rng.random() * 120 * SECOND) if has_queue else 0
        transfer = rng.random() < 0.1
        ended = connected + talk + hold
        recorded = rng.random() < 0.5
        more = int(talk * 0.4) if transfer else 0
        times = {"first_rang_us": rang, "rang_us": rang, "connected_us": connected}
        tokens = "answered,human_agent,inbound" + (",answered_transferred" if transfer else "")
        entry = self._leg(
            number,
            at,
            group,
            caller,
            category="incoming",
            categories=tokens,
            ended_us=ended + more,
            hold_us=hold,
            holds=1 if hold else 0,
            wrapup_us=wrapup,
            rings=1,
            recorded=recorded,
            operator_call_id=str(number + 1),
            **times,
            **common,
        )
        devices = ("android", "web_app", "desktop_app", "desktop_app")
        on_leg = {**common, "queued_us": None}
        first = self._leg(
            number + 1,
            connected - ringing,
            agent,
            caller,
            category="incoming",
            categories=tokens,
            ended_us=ended,
            hold_us=hold,
            holds=1 if hold else 0,
            wrapup_us=wrapup,
            rings=1,
            recorded=recorded,
            master_id=str(number),
            entry_call_id=str(number),
            entry_target=group,
            operator=agent,
            device=devices[int(rng.random() * 4)],
            talk_share=int(rng.random() * 100),
            **times,
            **on_leg,
        )
        served = [(agent, first)]
        if transfer:
            # now and then the call comes back to the same agent
            other = agent if rng.random() < 0.05 else self.world.users[int(rng.random() * len(self.world.users))]
            first.transferred_to = other.phone if rng.random() < 0.5 else other.name
            entry.transferred_to = first.transferred_to
            second = self._leg(
                number + 2,
                ended,
                other,
                caller,
                category="incoming",
                categories="answered,human_agent,inbound,transferred_in",
                ended_us=ended + more,
                rings=1,
                recorded=recorded,
                master_id=str(number),
                entry_call_id=str(number),
                entry_target=group,
                operator=other,
                first_rang_us=ended,
                rang_us=ended,
                connected_us=ended,
                transferred_from=agent.id,
                device="desktop_app",
                **on_leg,
            )
            served.append((other, second))
        if recorded:
            self._recordings(entry, served)
        if has_queue:
            self._dispositions(entry, served)
            self._survey(entry, agent)

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
        groups = [self.world.parties[key] for key in user.groups]
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
        other = self.world.users[int(rng.random() * len(self.world.users))]
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
        heard = leg.ended_us + int(rng.expovariate(1 / (5 * 3600)) * SECOND) if rng.random() < 0.8 else None
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
                heard,
                listener if heard else None,
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
        made = [("How satisfied were you, 1 to 5?", score)]
        if rng.random() < 0.4:
            made.append(("What could we do better?", f"{sentence(rng)}\n{sentence(rng)}"))
        for question, response in made:
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, question, response))
        if rng.random() < 0.02:  # the key was pressed twice: twins in everything
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, *made[0]))
