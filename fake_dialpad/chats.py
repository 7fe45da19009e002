"""The digital conversations of a day: a bot, then one agent or more, then a survey bot."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.events import DAY, EPOCH, SECOND, Message, Party, Session, midnight, sentence

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.world import World

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


class Chats:
    """Makes the digital conversations of a day: a bot, then one agent or more, then a survey bot."""

    def __init__(self, world: World, rng: random.Random, day: date) -> None:
        self.world = world
        self.rng = rng
        self.day = day
        self.number = (day - EPOCH).days
        self.messages: list[Message] = []
        self.sessions: list[Session] = []

    def conversation(self, index: int) -> None:
        """Make the index-th conversation."""
        rng = self.rng
        group = self.world.call_centers[int(rng.random() * len(self.world.call_centers))]
        at = self.world._moment(rng, self.day, group.timezone) // 1000 * 1000  # noqa: SLF001 - one module, one author
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
        caller = self.world.callers[int(rng.random() * len(self.world.callers))]
        customer = {
            "id": caller[0],
            "name": caller[1],
            "email": f"{caller[1].replace(' ', '.').lower()}@mail.example",
            "phone": caller[2],
        }
        account = {"id": group.id, "name": group.name, "number": group.phone}
        segments = ["bot"] if rng.random() < 0.35 else ["bot", "agent", "survey"]
        if index % 25 == 0:
            segments = ["bot", *["agent"] * 9, "survey"]
        elif len(segments) > 1 and rng.random() < 0.12:
            segments = ["bot", "agent", "agent", "survey"]
        lang = rng.choice(["en", "en", "en", "de", "es"])
        slow = rng.random() < 0.03  # a conversation by e-mail, spread over hours
        for place, role in enumerate(segments, 1):
            at = self._segment(
                at, f"{conversation}.{place}", customer_session, role, channel, customer, account, group, lang, slow
            )

    def _segment(  # noqa: PLR0913, PLR0917 - what a segment shares with its conversation
        self,
        at: int,
        session: str,
        customer_session: str,
        role: str,
        channel: str,
        customer: dict[str, str],
        account: dict[str, str],
        group: Party,
        lang: str,
        slow: bool,  # noqa: FBT001
    ) -> int:
        rng = self.rng
        agents = self.world.operators[group.id]
        agent = agents[int(rng.random() * len(agents))] if role == "agent" else None
        start = at
        workflow = {"bot": "Welcome", "survey": "Survey", "agent": ""}[role]
        count = 2 + int(rng.random() * 5)
        made = 0
        for place in range(count):
            by_customer = place % 2 == 1
            sender = "customer" if by_customer else ("agent" if agent else "bot")
            text = sentence(rng)
            if rng.random() < 0.2:
                text += f" {_REDACTED[int(rng.random() * len(_REDACTED))]} {sentence(rng)}"
            fields: dict[str, Any] = {"text": text, "ts": at // 1000, "sendertype": sender}
            if by_customer:
                fields |= {"sendername": customer["name"], "senderemail": customer["email"]}
                topic = _TOPICS[int(rng.random() * len(_TOPICS))]
                score = round(rng.random(), 4)
                fields |= {
                    "sentiment": round(rng.uniform(-1, 1), 2),
                    "topic": topic,
                    "score": score,
                    "topmatches": [{"intent": topic, "score": score, "text": sentence(rng)}],
                }
            elif agent:
                fields |= {
                    "sendername": agent.name,
                    "senderemail": agent.email,
                    "sentiment": 0,
                    "topic": "",
                    "score": 0,
                }
            else:
                fields |= {
                    "workflow": workflow,
                    "workflownodeid": f"node-{workflow.lower()}-{place}",
                    "sentiment": 0,
                    "topic": None,
                    "score": 0,
                }
            fields |= {
                "lang": lang,
                "sessionchannel": channel,
                "sessionchannelinfo": account,
                "chattype": "agent" if agent else "bot",
            }
            late = at + (int(rng.random() * 300) * SECOND if rng.random() < 0.02 else 0)
            again = text.replace(text.split(" ", 1)[0], "****NAME****", 1) if rng.random() < 0.02 else None
            # now and then the bot says the same twice in one millisecond
            for _ in range(2 if sender == "bot" and rng.random() < 0.03 else 1):
                self.messages.append(
                    Message(
                        at,
                        late,
                        at // 1000,
                        session,
                        customer_session,
                        len(self.messages),
                        dict(fields),
                        again,
                        at + DAY,
                    )
                )
                made += 1
            gap = rng.expovariate(1 / 1200) if slow else rng.expovariate(1 / 20)
            at += int(min(gap, 3600.0) * 1000) * 1000
        self.sessions.append(
            Session(
                start,
                start,
                at,
                session,
                customer_session,
                "agent" if agent else "bot",
                channel,
                customer,
                agent,
                group,
                made,
                (at - start) // 1000 if agent is None else 0,
                int(rng.random() * 60_000) if agent else 0,
                int(rng.random() * 90) if agent else 0,
                rng.randrange(1, 6) if role == "survey" else None,
                rng.random() < 0.1 if agent else False,
            )
        )
        return at
