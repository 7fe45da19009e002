"""What happens in a day beside calls and chats: texts, duty changes, screen shares, conversations, presence."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_dialpad.company import CHANNELS
from fake_dialpad.model import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    SECOND,
    CallDay,
    Conversation,
    Day,
    DutyChange,
    Leg,
    Party,
    Presence,
    ScreenShare,
    Text,
    Turn,
    midnight,
    sentence,
)
from fake_dialpad.seasons import local

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import date

    from fake_dialpad.company import Company


def texts(company: Company, day: date, count: int) -> Day[Text]:
    """Return the text messages of a day; an internal one comes twice, once for each line."""
    rng = company.rng("texts", day)
    number = (day - EPOCH).days
    rows: list[Text] = []
    for index in range(count):
        rows += _text(company, rng, day, str(5_500_000_000_000_000 + number * 1_000_000 + index))
    return Day(rows)


def _text(company: Company, rng: random.Random, day: date, key: str) -> list[Text]:
    groups = [*company.call_centers, *company.departments]
    owner = rng.choice(company.users) if rng.random() < 0.7 else rng.choice(groups)
    at = company.moment(rng, day, owner.timezone)
    caller = rng.choice(company.callers)
    text = sentence(rng)
    if rng.random() < 0.05:
        text = f'{text},\r\n"{sentence(rng)}"\nå 👋'
    mms = f"https://dialpad.example/mms/{key}.jpg" if rng.random() < 0.04 else ""

    def seen_by(side: Party, sender_id: str, direction: str, phones: tuple[str, str], *, first: bool = True) -> Text:
        to, sender = phones
        targets = (side.id,)
        return Text(
            at, at, side.office_id, targets, key, side, sender_id, direction, to, sender, text, mms, first_side=first
        )

    kind = rng.random()
    if kind < 0.2 and owner.type == "user":
        other = rng.choice(company.users)
        if other.id == owner.id:
            other = company.users[(company.users.index(owner) + 1) % len(company.users)]
        phones = (other.phone, owner.phone)
        return [
            seen_by(owner, owner.id, "internal", phones),
            seen_by(other, owner.id, "internal", phones, first=False),
        ]
    if kind < 0.6:
        receivers = ",".join(rng.choice(company.callers)[2] for _ in range(rng.choice([1, 1, 1, 1, 2, 3])))
        return [seen_by(owner, owner.id, "outbound", (receivers, owner.phone))]
    return [seen_by(owner, "", "inbound", (owner.phone, caller[2]))]


def duty(company: Company, day: date, calls: CallDay) -> Day[DutyChange]:
    """Return the duty changes of a day: on duty in turns, occupied while in a call, then writing it up."""
    number = (day - EPOCH).days
    of_agent: dict[str, list[Leg]] = {}
    for leg in calls.legs.rows:
        if leg.connected_us is not None and leg.target.type == "user":
            of_agent.setdefault(leg.target.id, []).append(leg)
    rows: list[DutyChange] = []
    for key, turns in calls.turns.items():
        user = company.parties[key]
        center = next((group for group in user.groups if company.parties[group].type == "call_center"), "")
        by_system = (company.parties[center].name if center else "", "", "system")
        changes = list(_changes(company.rng(f"duty:{key}", day), turns, of_agent.get(key, [])))
        for place, (moment, status, reason) in enumerate(changes):
            until = changes[place + 1][0] if place + 1 < len(changes) else moment
            setter = by_system if status in {"occupied", "wrapup"} else (user.name, user.email, "operator")
            record = str(5_600_000_000_000_000 + number * 1_000_000 + len(rows))
            targets = (user.id, *user.groups)
            rows.append(
                DutyChange(moment, moment, user.office_id, targets, record, user, status, reason, center, setter, until)
            )
    return Day(rows)


def _changes(rng: random.Random, turns: list[Turn], legs: list[Leg]) -> Iterator[tuple[int, str, str]]:
    """Yield when an agent's status changes on a day, to what, and why: oldest first, the last is the end of work."""
    breaks = [pause for turn in turns for pause in turn.breaks]
    calls = [(leg.connected_us or leg.at_us, leg.ended_us, leg.ended_us + leg.wrapup_us) for leg in legs]
    moments = {moment for call in calls for moment in call}
    moments |= {moment for span in (*turns, *breaks) for moment in span[:2]}
    before = "unavailable"
    for moment in sorted(moments):
        reason = ""
        if any(start <= moment < end for start, end, _ in calls):
            status = "occupied"
        elif any(end <= moment < written for _, end, written in calls):
            status = "wrapup"
        elif any(turn.start_us <= moment < turn.end_us for turn in turns):
            pause = next((pause for pause in breaks if pause.start_us <= moment < pause.end_us), None)
            status, reason = ("available", "") if pause is None else ("busy", pause.reason)
        else:
            later = any(turn.start_us > moment for turn in turns)
            status, reason = "unavailable", rng.choice(["", "Lunch", "Back office"]) if later else "Off shift"
        if status != before:
            yield moment, status, reason
        before = status


def shares(company: Company, day: date, count: int) -> Day[ScreenShare]:
    """Return the screen shares of a day; the first is there twice, the same in everything."""
    rng = company.rng("shares", day)
    rows = []
    for _ in range(count):
        host = rng.choice(company.users)
        at = company.moment(rng, day, host.timezone)
        end = at + int(rng.expovariate(1 / 900) * SECOND) + MINUTE
        rows.append(ScreenShare(at, end, host.office_id, (host.id,), host, end, rng.randrange(1, 6)))
    return Day([*rows, *rows[:1]])


def conversations(company: Company, day: date, count: int) -> list[Conversation]:
    """Return the analytics conversations that began on a day; they close within two days."""
    rng = company.rng("conversations", day)
    number = (day - EPOCH).days
    rows = []
    for index in range(count):
        office = company.offices[int(rng.random() * len(company.offices))]
        created = company.moment(rng, day, office.timezone) // 1000 * 1000
        if company.edge_cases and index < 2:
            closed = midnight(day) + DAY - index * SECOND
            created = closed - HOUR
        else:
            closed = created + int(min(rng.lognormvariate(7.5, 1.3), 40 * 3600)) * SECOND + rng.randrange(1000) * 1000
        channel = rng.choice(list(CHANNELS))
        agent = None if rng.random() < 0.05 else rng.randrange(len(company.agents))
        rated = rng.random() < 0.25
        first = created + int((closed - created) * 0.2)
        assigned = (
            ()
            if agent is None
            else (
                (first // 1000 * 1000, agent),
                *(
                    ((first + (step + 1) * MINUTE) // 1000 * 1000, rng.randrange(len(company.agents)))
                    for step in range(rng.choice([0, 0, 0, 1, 2]))
                ),
            )
        )
        rows.append(
            Conversation(
                csid=number * 10_000 + index,
                created_us=created,
                closed_us=closed,
                channel=channel,
                direction="INBOUND" if rng.random() < 0.8 else "OUTBOUND",
                queue=rng.randrange(len(company.queues)),
                agent=agent,
                contact_point=rng.choice(company.contact_points),
                tags=tuple(sorted(rng.sample(range(len(company.tags)), rng.choice([0, 1, 1, 2, 3])))),
                response_us=int(rng.lognormvariate(5, 1.2) * 1000) * 1000,
                handling_us=int(rng.lognormvariate(5.7, 1) * 1000) * 1000,
                messages=rng.randrange(1, 30),
                reopened=rng.random() < 0.08,
                first_contact=rng.random() < 0.7,
                closed_by="Agent" if agent is not None else rng.choice(["Enduser", "Unknown"]),
                rating=rng.choice([1, 2, 3, 4, 4, 5, 5, 5]) if rated else None,
                comment=sentence(rng) if rated and rng.random() < 0.5 else "",
                rated_us=closed + rng.randrange(1, 6 * 3600) * SECOND,
                assignments=assigned,
            )
        )
    return rows


def presence(company: Company, day: date) -> list[Presence]:
    """Return what the agents' presence was on a day."""
    rng = company.rng("presence", day)
    last = midnight(day) + DAY - SECOND  # nobody is present over midnight in UTC
    rows = []
    for agent in range(len(company.agents)):
        if rng.random() > (0.85 if day.weekday() < 5 else 0.15):
            continue
        at = local(company.users[agent], day, 8.0 + rng.random() * 2) // SECOND * SECOND
        for status in ("Working", "Away", "Working", "AfterWork", "Working"):
            if at >= last:
                break
            end = at + rng.randrange(300, 7000) * SECOND
            rows.append(Presence(agent, status, at, min(end, last)))
            at = end
    return rows
