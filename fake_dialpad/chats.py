"""The digital conversations of a day: a bot, then one agent or more, then a survey bot."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import DAY, EPOCH, SECOND, Day, DigitalDay, Message, Party, Session, midnight, sentence

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
        if index < 2:
            at = midnight(self.day) + (0 if index == 0 else DAY - 1000)
        # ids of 19 digits, beyond what a float or JavaScript holds, and short ones whose tenth segment looks like 12.10
        conversation = (
            str(3_000_000_000_000_000_000 + self.number * 1_000_000 + index)
            if index % 5
            else str(self.number * 1000 + index)
        )
        sign = "-" if rng.random() < 0.6 else ""
        start = 4_000_000_000_000_000_000 + self.number * 1_000_000 + index
        customer_session = f"{sign}{start}.{1000 + index % 9000}0"
        channel = rng.choice(["webchat", "webchat", "whatsapp", "sms", "email"])
        caller = company.callers[int(rng.random() * len(company.callers))]
        segments = ["bot"] if rng.random() < 0.35 else ["bot", "agent", "survey"]
        if index % 25 == 0:
            segments = ["bot", *["agent"] * 9, "survey"]
        elif len(segments) > 1 and rng.random() < 0.12:
            segments = ["bot", "agent", "agent", "survey"]
        lang = rng.choice(["en", "en", "en", "de", "es"])
        slow = rng.random() < 0.03  # a conversation by e-mail, spread over hours
        customer = {
            "id": caller[0],
            "name": caller[1],
            "email": f"{caller[1].replace(' ', '.').lower()}@mail.example",
            "phone": caller[2],
        }
        thread = _Thread(customer_session, channel, customer, group, lang, slow)
        for position, role in enumerate(segments, 1):
            at = self._segment(at, f"{conversation}.{position}", role, thread)

    def _segment(self, at: int, session: str, role: str, thread: _Thread) -> int:
        """Make one segment, which begins at `at`; return the instant at which the next may begin."""
        rng = self.rng
        agents = self.company.operators[thread.group.id]
        agent = agents[int(rng.random() * len(agents))] if role == "agent" else None
        start, count = at, 0
        for position in range(2 + int(rng.random() * 5)):
            sender = "customer" if position % 2 == 1 else ("agent" if agent else "bot")
            text = sentence(rng)
            if rng.random() < 0.2:
                text += f" {_REDACTED[int(rng.random() * len(_REDACTED))]} {sentence(rng)}"
            fields: dict[str, Any] = {"text": text, "ts": at // 1000, "sendertype": sender}
            if sender == "customer":
                fields |= self._by_customer(thread)
            elif agent:
                sent_by = {"sendername": agent.name, "senderemail": agent.email}
                fields |= {**sent_by, "sentiment": 0, "topic": "", "score": 0}
            else:
                workflow = "Survey" if role == "survey" else "Welcome"
                node = {"workflow": workflow, "workflownodeid": f"node-{workflow.lower()}-{position}"}
                fields |= {**node, "sentiment": 0, "topic": None, "score": 0}
            fields |= {
                "lang": thread.lang,
                "sessionchannel": thread.channel,
                "sessionchannelinfo": thread.account,
                "chattype": "agent" if agent else "bot",
            }
            count += self._send(at, session, thread, fields)
            gap = rng.expovariate(1 / 1200) if thread.slow else rng.expovariate(1 / 20)
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
                messages=count,
                bot_ms=(at - start) // 1000 if agent is None else 0,
                queue_ms=int(rng.random() * 60_000) if agent else 0,
                wrapup_seconds=int(rng.random() * 90) if agent else 0,
                score=rng.randrange(1, 6) if role == "survey" else None,
                transferred=rng.random() < 0.1 if agent else False,
            )
        )
        return at

    def _by_customer(self, thread: _Thread) -> dict[str, Any]:
        rng = self.rng
        topic = _TOPICS[int(rng.random() * len(_TOPICS))]
        score = round(rng.random(), 4)
        return {
            "sendername": thread.customer["name"],
            "senderemail": thread.customer["email"],
            "sentiment": round(rng.uniform(-1, 1), 2),
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
                    fields=dict(fields),
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

    @property
    def account(self) -> dict[str, str]:
        """The account that the conversation reached."""
        return {"id": self.group.id, "name": self.group.name, "number": self.group.phone}


def conversations(company: Company, day: date, count: int) -> DigitalDay:
    """Return the digital conversations that began on a day, with at least `count` messages."""
    chats = _Chats(company, company.rng("digital", day), day)
    index = 0
    while len(chats.messages) < count:
        chats.conversation(index)
        index += 1
    grouped: dict[str, list[Message]] = {}
    ordered: Day[Message] = Day(chats.messages)
    for message in ordered.rows:
        grouped.setdefault(message.customer_session, []).append(message)
    return DigitalDay(ordered, Day(chats.sessions), grouped)
