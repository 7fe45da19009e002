"""The digital conversations of a day: a bot, then one agent or more, then a survey bot."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import DAY, EPOCH, SECOND, Day, DigitalDay, Message, Party, Session, midnight, sentence
from fake_dialpad.seasons import is_bad_week, profile

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.company import Company

_TOPICS: Final = ("delivery status", "refund", "opening hours", "change address", "speak to a person", "invoice copy")
_REDACTED: Final = (
    "****NAME****",
    "****DATE****",
    "****NUMERIC****",
    "****EMAIL****",
    "**GPE**",
    "****LOYALTY_ID****",
    "***MONEY***",
)


#: Topics that the bot often settles alone.
_EASY: Final = ("opening hours", "delivery status", "invoice copy")


class _Chats:
    """Makes the digital conversations of a day."""

    def __init__(self, company: Company, rng: random.Random, day: date) -> None:
        self.company = company
        self.rng = rng
        self.day = day
        self.number = (day - EPOCH).days
        self.messages: list[Message] = []
        self.sessions: list[Session] = []

    def conversation(self, index: int) -> None:
        """Make the index-th conversation."""
        rng, company = self.rng, self.company
        group = company.call_centers[int(rng.random() * len(company.call_centers))]
        at = company.moment(rng, self.day, group.timezone) // 1000 * 1000
        if company.edge_cases and index < 2:
            at = midnight(self.day) + (0 if index == 0 else DAY - 1000)
        # ids of 19 digits, beyond what a float or JavaScript holds, and short ones whose tenth segment looks like 12.10
        conversation = (
            str(3_000_000_000_000_000_000 + self.number * 1_000_000 + index)
            if index % 5
            else str(self.number * 1000 + index)
        )
        sign = "-" if rng.random() < 0.6 else ""
        start = 4_000_000_000_000_000_000 + self.number * 1_000_000 + index
        caller = company.callers[int(rng.random() * len(company.callers))]
        topic = _TOPICS[int(rng.random() * len(_TOPICS))]
        segments = self._segments(index, topic)
        thread = _Thread(
            customer_session=f"{sign}{start}.{1000 + index % 9000}0",
            channel=rng.choice(["webchat", "webchat", "webchat", "whatsapp", "whatsapp", "sms", "email"]),
            customer={
                "id": caller[0],
                "name": caller[1],
                "email": f"{caller[1].replace(' ', '.').lower()}@mail.example",
                "phone": caller[2],
            },
            group=group,
            lang=rng.choice(["en", "en", "en", "de", "es"]),
            slow=rng.random() < 0.03,  # a conversation by e-mail, spread over hours
            topic=topic,
            handed_over="agent" in segments,
            mood=rng.uniform(-0.7, 0.3),
        )
        before = len(self.sessions)
        for position, role in enumerate(segments, 1):
            at = self._segment(at, f"{conversation}.{position}", role, thread)
        mine = self.sessions[before:]
        bot_ms = sum((row.ended_us - row.at_us) // 1000 for row in mine if row.agent is None)
        for row in mine:
            row.bot_ms = bot_ms

    def _segments(self, index: int, topic: str) -> list[str]:
        """Draw who speaks in turn: the bot, perhaps an agent or two, perhaps a survey."""
        rng = self.rng
        if self.company.edge_cases and index % 25 == 0:
            return ["bot", *["agent"] * 9, "survey"]
        if rng.random() < {"speak to a person": 0.02, **dict.fromkeys(_EASY, 0.68)}.get(topic, 0.3):
            return ["bot"]
        agents = ["agent", "agent"] if rng.random() < 0.12 else ["agent"]
        return ["bot", *agents, *(["survey"] if rng.random() < 0.75 else [])]

    def _segment(self, at: int, session: str, role: str, thread: _Thread) -> int:
        """Make one segment, which begins at `at`; return the instant at which the next may begin."""
        rng = self.rng
        agents = self.company.operators[thread.group.id]
        agent = agents[int(rng.random() * len(agents))] if role == "agent" else None
        queue_ms = int(rng.expovariate(1 / 45) % 900 * 1000) if agent else 0
        start, by_agent = at, 0
        at += queue_ms * 1000
        length = {"bot": 2 + int(rng.random() * 4), "agent": 4 + int(rng.random() * 9), "survey": 2}[role]
        for position in range(length):
            sender = "customer" if position % 2 == 1 else ("agent" if agent else "bot")
            count = self._send(at, session, thread, self._said(sender, role, position, agent, thread))
            by_agent += count if sender == "agent" else 0
            gap = rng.expovariate(1 / 1200) if thread.slow else rng.expovariate(1 / 22)
            at += int(min(gap, 3600.0) * 1000) * 1000
        self.sessions.append(
            Session(
                at_us=start,
                visible_us=start,
                ended_us=at,
                session=session,
                customer_session=thread.customer_session,
                chat_type="agent" if agent else "bot",
                channel=thread.channel,
                customer=thread.customer,
                agent=agent,
                group=thread.group,
                agent_messages=by_agent,
                bot_ms=0,
                queue_ms=queue_ms,
                wrapup_seconds=int(rng.random() * 90) if agent else 0,
                score=self._score(thread) if role == "survey" and rng.random() < 0.55 else None,
                transferred=rng.random() < 0.1 if agent else False,
                agent_handled=agent is not None or (role == "bot" and thread.handed_over),
                surveyed=role == "survey",
            )
        )
        return at

    def _score(self, thread: _Thread) -> int:
        mean = 3.3 + profile(thread.group).satisfaction / 5 + thread.mood
        return min(5, max(1, round(self.rng.gauss(mean, 1.1))))

    def _said(self, sender: str, role: str, position: int, agent: Party | None, thread: _Thread) -> dict[str, Any]:
        """Return the fields of a message."""
        rng, text = self.rng, sentence(self.rng)
        if rng.random() < 0.2:
            text += f" {_REDACTED[int(rng.random() * len(_REDACTED))]} {sentence(rng)}"
        fields: dict[str, Any] = {"text": text, "sendertype": sender}
        if sender == "customer":
            fields |= self._by_customer(thread, role, position)
        elif agent:
            sent_by = {"sendername": agent.name, "senderemail": agent.email}
            fields |= {**sent_by, "sentiment": 0, "topic": "", "score": 0}
        else:
            workflow = "Survey" if role == "survey" else "Welcome"
            node = {"workflow": workflow, "workflownodeid": f"node-{workflow.lower()}-{position}"}
            fields |= {**node, "sentiment": 0, "topic": None, "score": 0}
        where = {"sessionchannel": thread.channel, "sessionchannelinfo": thread.account}
        return {**fields, "lang": thread.lang, **where, "chattype": "agent" if agent else "bot"}

    def _by_customer(self, thread: _Thread, role: str, position: int) -> dict[str, Any]:
        """Return the fields of a customer's message: moods lift where people help."""
        rng = self.rng
        topic = thread.topic if rng.random() < 0.8 else _TOPICS[int(rng.random() * len(_TOPICS))]
        score = round(rng.random(), 4)
        lift = {"bot": 0.0, "agent": 0.1 * position, "survey": 0.5}[role]
        return {
            "sendername": thread.customer["name"],
            "senderemail": thread.customer["email"],
            "sentiment": round(min(1.0, max(-1.0, rng.gauss(thread.mood + lift, 0.25))), 2),
            "topic": topic,
            "score": score,
            "topmatches": [{"intent": topic, "score": score, "text": sentence(rng)}],
        }

    def _send(self, at: int, session: str, thread: _Thread, fields: dict[str, Any]) -> int:
        """Add a message, now and then a bot's twice in one millisecond; return how many were added."""
        rng, text = self.rng, str(fields["text"])
        late = at + (int(rng.random() * 300) * SECOND if rng.random() < 0.02 else 0)
        again = text.replace(text.split(" ", 1)[0], "****NAME****", 1) if rng.random() < 0.02 else None
        times = 2 if fields["sendertype"] == "bot" and rng.random() < 0.03 else 1
        for _ in range(times):
            self.messages.append(
                Message(
                    at_us=at,
                    visible_us=late,
                    ts=at // 1000,
                    session=session,
                    customer_session=thread.customer_session,
                    order=len(self.messages),
                    fields={"ts": at // 1000, **fields},
                    redacted=again,
                    redacted_us=at + DAY,
                )
            )
        return times


@dataclass(frozen=True, slots=True)
class _Thread:
    """What the segments of one conversation share."""

    customer_session: str
    channel: str
    customer: dict[str, str]
    group: Party
    lang: str
    slow: bool
    topic: str
    handed_over: bool
    mood: float

    @property
    def account(self) -> dict[str, str]:
        """The account that the conversation reached."""
        return {"id": self.group.id, "name": self.group.name, "number": self.group.phone}


def conversations(company: Company, day: date, count: int) -> DigitalDay:
    """Return the digital conversations that began on a day, with about `count` messages, more in a bad week."""
    rng = company.rng("digital", day)
    chats = _Chats(company, rng, day)
    count = int(count * rng.lognormvariate(0, 0.1) * (1.4 if is_bad_week(company.seed, day) else 1))
    index = 0
    while len(chats.messages) < count:
        chats.conversation(index)
        index += 1
    grouped: dict[str, list[Message]] = {}
    ordered: Day[Message] = Day(chats.messages)
    for message in ordered.rows:
        grouped.setdefault(message.customer_session, []).append(message)
    return DigitalDay(ordered, Day(chats.sessions), grouped)
