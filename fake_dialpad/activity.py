"""What happens in a day beside calls and chats: texts, duty changes, screen shares, conversations, presence."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from fake_dialpad.company import CHANNELS
from fake_dialpad.model import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    SECOND,
    Conversation,
    Day,
    DutyChange,
    Party,
    Presence,
    ScreenShare,
    Text,
    midnight,
    sentence,
)

if TYPE_CHECKING:
    import random

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


def duty(company: Company, day: date) -> Day[DutyChange]:
    """Return the duty changes of a day."""
    rng = company.rng("duty", day)
    number = (day - EPOCH).days
    rows: list[DutyChange] = []
    names = {group.id: group.name for group in [*company.call_centers, *company.departments]}
    for user in company.users:
        if rng.random() > (0.85 if day.weekday() < 5 else 0.25):
            continue
        at = company.moment(rng, day, user.timezone) // SECOND * SECOND
        at = max(midnight(day), min(at, midnight(day + timedelta(days=1)) - 6 * HOUR))
        times = sorted(at + int(rng.random() * 6 * HOUR) for _ in range(rng.randrange(4, 9)))
        center = next((key for key in user.groups if key in names), "")
        for place, moment in enumerate(times):
            last = place == len(times) - 1
            status = "unavailable" if last else rng.choice(["available", "available", "occupied", "wrapup", "busy"])
            by_system = status in {"occupied", "wrapup"}
            setter = (names.get(center, ""), "", "system") if by_system else (user.name, user.email, "operator")
            reason = (
                rng.choice(["", "", "Lunch", "Team meeting, room 2", "Off shift"])
                if status in {"busy", "unavailable"}
                else ""
            )
            key = str(5_600_000_000_000_000 + number * 1_000_000 + len(rows))
            until = moment if last else times[place + 1]
            rows.append(
                DutyChange(
                    moment,
                    moment,
                    user.office_id,
                    (user.id, *user.groups),
                    key,
                    user,
                    status,
                    reason,
                    center,
                    setter,
                    until,
                )
            )
    return Day(rows)


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
        if index < 2:
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
    rows = []
    for agent in range(len(company.agents)):
        if rng.random() < 0.3:
            continue
        at = midnight(day) + rng.randrange(0, 14 * 3600) * SECOND
        for status in ("Working", "Away", "Working", "AfterWork", "Working"):
            end = at + rng.randrange(300, 7000) * SECOND
            rows.append(Presence(agent, status, at, min(end, midnight(day) + DAY)))
            at = end
    return rows
