"""The calls that reach no queue: to a person, out of the house, between colleagues, and those that only tests want."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fake_dialpad.model import DAY, HOUR, SECOND, Party, midnight

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fake_dialpad.desk import Caller, Desk

_TALK = 150.0


def direct(calls: Desk, ids: Iterator[int], at: int, user: Party, caller: Caller) -> None:
    """Make a call to a person's own number: answered where they are free and there."""
    rng, key = calls.rng, str(next(ids))
    rang = at // SECOND * SECOND + SECOND
    ringing = int((3 + rng.random() * 18) * SECOND)
    free = calls.rota.is_free(user, rang)
    common: dict[str, Any] = {"direction": "inbound"}
    if free:
        common |= {"first_rang_us": rang, "rang_us": rang, "rings": 1}
    if free and rng.random() < 0.85:
        ended = rang + ringing + calls.talk(_TALK, user)
        leg = calls.leg(
            key,
            at,
            user,
            caller,
            category="incoming",
            categories="answered,human_agent,inbound",
            connected_us=rang + ringing,
            ended_us=ended,
            operator=user,
            device="desktop_app",
            recorded=rng.random() < 0.3,
            **common,
        )
        calls.rota.take(user, ended)
        if leg.recorded:
            calls.after.record(leg, [leg])
        return
    voicemail = rng.random() < 0.5
    leg = calls.leg(
        key,
        at,
        user,
        caller,
        category="missed",
        categories="inbound,missed,unanswered,voicemail" if voicemail else "inbound,missed,unanswered",
        voicemail=voicemail,
        ended_us=rang + 25 * SECOND + (int(rng.random() * 60 * SECOND) if voicemail else 0),
        **common,
    )
    if free:
        calls.rota.take(user, rang + 25 * SECOND)
    if voicemail:
        calls.after.voicemail(leg, [user])


def outbound(calls: Desk, ids: Iterator[int], at: int, caller: Caller) -> None:
    """Make a call out of the house: of a person, of a person in a line's name, or of a line."""
    rng = calls.rng
    free = [user for user in calls.rota.people if calls.rota.is_free(user, at)]
    if not free:
        return
    user = rng.choice(free)
    lines = [calls.company.parties[key] for key in user.groups]
    draw = rng.random()
    line = lines[0] if lines and draw < 0.35 else None
    answered = rng.random() < 0.66
    connected = at + int((4 + rng.random() * 20) * SECOND) if answered else None
    ended = connected + calls.talk(_TALK, user) if connected else at + int((5 + rng.random() * 30) * SECOND)
    calls.rota.take(user, ended)
    shared: dict[str, Any] = {
        "direction": "outbound",
        "category": "outgoing" if answered else "cancelled",
        "categories": "outbound,outbound_connected,user_initiated" if answered else "cancelled,outbound,user_initiated",
        "connected_us": connected,
        "ended_us": ended,
        "recorded": answered and rng.random() < 0.3,
    }
    key, of_user = str(next(ids)), {"operator": user, "device": "desktop_app"}
    entry = leg = None
    if line is None:
        leg = calls.leg(key, at, user, caller, **of_user, **shared, proxy=lines[0] if lines and draw > 0.85 else None)
    else:
        below = str(next(ids))
        entry = calls.leg(key, at, line, caller, operator_call_id=below, **shared)
        of_entry = {"master_id": key, "entry_call_id": key, "entry_target": line}
        leg = calls.leg(below, at, user, caller, **of_user, **of_entry, **shared)
    if leg.recorded:
        calls.after.record(entry or leg, [leg])


def internal(calls: Desk, ids: Iterator[int], at: int) -> None:
    """Make a call between two colleagues: a leg of each, the second without an entry leg of a line."""
    rng = calls.rng
    free = [user for user in calls.rota.people if calls.rota.is_free(user, at)]
    if len(free) < 2:
        return
    one, other = rng.sample(free, 2)
    rang = at // SECOND * SECOND + SECOND
    connected = rang + int((2 + rng.random() * 6) * SECOND)
    ended = connected + calls.talk(_TALK * 0.6, one)
    key = str(next(ids))
    shared: dict[str, Any] = {
        "first_rang_us": rang,
        "rang_us": rang,
        "connected_us": connected,
        "ended_us": ended,
        "internal_call": True,
        "master_id": key,
    }
    for user, with_whom, leg_key in ((one, other, key), (other, one, str(next(ids)))):
        calls.rota.take(user, ended)
        calling = user is one
        calls.leg(
            leg_key,
            at,
            user,
            (with_whom.id, with_whom.name, with_whom.phone),
            direction="outbound" if calling else "inbound",
            category="outgoing" if calling else "incoming",
            categories="outbound,outbound_connected,user_initiated" if calling else "answered,human_agent,inbound",
            operator=user,
            device="web_app",
            rings=0 if calling else 1,
            **shared,
        )


def edges(calls: Desk, number: Iterator[int], day: date) -> None:
    """Make what only tests want: calls on the edges of a UTC day, and one that outlives many a sync."""
    company = calls.company
    for place, at in enumerate((0, DAY - 1, 8 * HOUR, DAY // 2)):
        user = company.users[place % len(company.users)]
        start = midnight(day) + at
        caller = company.callers[place]
        rang = start // SECOND * SECOND + SECOND
        leg = calls.leg(
            str(next(number)),
            start,
            user,
            caller,
            direction="inbound",
            category="missed",
            categories="inbound,missed,unanswered,voicemail",
            first_rang_us=rang,
            rang_us=rang,
            rings=1,
            voicemail=True,
            ended_us=rang + 25 * SECOND,
        )
        calls.after.voicemail(leg, [user])
    start = midnight(day) + 9 * HOUR
    calls.leg(
        str(next(number)),
        start,
        company.users[-1],
        company.callers[9],
        direction="outbound",
        category="outgoing",
        categories="outbound,outbound_connected,user_initiated",
        connected_us=start + 7 * SECOND,
        ended_us=start + 7 * SECOND + 4 * HOUR,
        operator=company.users[-1],
        device="desktop_app",
    )
