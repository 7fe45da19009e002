"""The invented company: who works there and what happens each day, all of it from one seed.

Guarantee: the same seed, sizes and day give the same events, whenever and in whatever order the days are asked for.
Every day of every kind has a random generator of its own, made from (seed, kind, date), and is made when first asked
for and then kept. Days are UTC days; instants are integers of microseconds since 1970 (`_us`) unless a name says ms.

An event exists from its `visible_us` on. What is filled in later (a disposition, the moment a voicemail was listened
to) is a value with the instant at which it was set, so that a row looks different before and after.
"""
# ruff: noqa: SIM905 - a vocabulary is a line of words
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

import random
import uuid
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from fake_dialpad.chats import Chats
from fake_dialpad.events import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    SECOND,
    CallDay,
    Conversation,
    Day,
    DigitalDay,
    DutyChange,
    Message,
    Party,
    Presence,
    ScreenShare,
    Text,
    midnight,
    sentence,
)
from fake_dialpad.telephony import Telephony

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_FIRST: Final = (
    "Ada Ben Chloe Dev Elin Femi Greta Hugo Imani Jonas Kavya Liam Mina Noor Oskar Priya Quinn Ravi Sofia Tom "
    "Uma Viktor Wen Ximena Yara Zane"
).split()
_LAST: Final = (
    "Abara Berg Costa Dahl Evers Fuchs Garcia Holm Ito Jansen Kumar Lund Mbeki Novak Okafor Perez Quist Rossi "
    "Singh Tanaka Usman Vega Weiss Xu Young Zhou"
).split()
CHANNELS: Final = {
    "EMAIL": "Email",
    "PSTN_PHONE": "Phone",
    "WIDGET_CHAT": "Chat",
    "CONTACT_FORM": "Contact Form",
    "CALLBACK": "Callback",
}
DIRECTIONS: Final = {"INBOUND": "Inbound", "OUTBOUND": "Outbound"}
TAGS: Final = ("Billing", "Delivery", "Technical", "Churn risk", "Praise", "Spare parts", "Warranty", "Other")
QUEUES: Final = ("First line", "Second line", "Billing", "Nordic", "Night desk")
PRESENCES: Final = {
    "Working": "Ready for conversations",
    "Away": "Not ready",
    "Offline": "Signed out",
    "AfterWork": "Wrapping up",
}


class World:
    """An invented company whose history begins `days` days before `today` and goes on for ever.

    `calls_per_day` and `messages_per_day` are what a weekday has; a weekend day has two fifths of it. Texts, digital
    sessions and analytics conversations grow with them. `today` (default: the day of the start, UTC) only fixes where
    history begins; nothing of any later day depends on it.
    """

    def __init__(  # noqa: PLR0913 - each is a size of the company a user may name
        self,
        seed: int = 7,
        days: int = 90,
        calls_per_day: int = 400,
        *,
        messages_per_day: int = 1200,
        agents: int = 60,
        call_centers: int = 6,
        today: date | None = None,
    ) -> None:
        self.seed = seed
        self.days = days
        self.calls_per_day = calls_per_day
        self.messages_per_day = messages_per_day
        self.first_day = (today or datetime.now(UTC).date()) - timedelta(days=days)
        # days of each kind that are kept; one that fell out is made again, the same
        self._room = max(10, 60_000 // max(1, calls_per_day, messages_per_day // 3))
        self._kept: dict[str, OrderedDict[date, Any]] = {}
        self._offsets: dict[tuple[str, date], int] = {}
        self._found(agents, call_centers)

    def rng(self, kind: str, day: date | None = None) -> random.Random:
        """Return the random generator of a kind of thing on a day (or of the company, without one)."""
        return random.Random(f"{self.seed}:{kind}:{day}")

    # -- the company -------------------------------------------------------------------------------

    def _found(self, agents: int, call_centers: int) -> None:
        rng = self.rng("company")
        word = rng.choice(["Northwind", "Bluebird", "Cedar", "Lantern", "Harbour", "Juniper"])
        self.name = f"{word} {rng.choice(['Supply', 'Networks', 'Living', 'Energy'])}"
        self.domain = f"{word.lower()}.example"
        places = [
            ("San Francisco", "America/Los_Angeles", "+1415555", "us"),
            ("New York", "America/New_York", "+1212555", "us"),
            ("Berlin", "Europe/Berlin", "+4930555", "de"),
            ("Bengaluru", "Asia/Kolkata", "+9180555", "in"),
        ]
        self.countries = {f"50000000000010{i:02d}": place[3] for i, place in enumerate(places, 1)}
        self.offices = [
            Party(
                f"50000000000010{i:02d}",
                "Office",
                "office",
                f"{city} office",
                "",
                f"50000000000010{i:02d}",
                zone,
                f"{prefix}0100",
            )
            for i, (city, zone, prefix, _) in enumerate(places, 1)
        ]
        prefixes = [place[2] for place in places]
        lines = ["Support", "Billing", "Sales", "Technical", "Renewals", "Field service", "Claims", "Partners"]
        self.call_centers = [
            self._group(
                f"500000000000{2001 + i}",
                "CallCenter",
                "call_center",
                lines[i % len(lines)] + (f" {i // 8 + 1}" if i >= 8 else ""),
                i,
                prefixes,
                200,
            )
            for i in range(call_centers)
        ]
        self.departments = [
            self._group(f"500000000000{3001 + i}", "Department", "department", name, i, prefixes, 300)
            for i, name in enumerate(["Finance", "People", "Logistics", "Legal", "IT"])
        ]
        self.users: list[Party] = []
        groups = [*self.call_centers, *self.departments]
        for i in range(agents):
            office = self.offices[i % len(self.offices)]
            first, last = _FIRST[rng.randrange(len(_FIRST))], _LAST[rng.randrange(len(_LAST))]
            near = [group for group in groups if group.office_id == office.id] or groups
            mine = tuple(group.id for group in rng.sample(near, min(len(near), rng.choice([1, 1, 2]))))
            self.users.append(
                Party(
                    f"500000000000{4001 + i}",
                    "UserProfile",
                    "user",
                    f"{first} {last}",
                    f"{first}.{last}.{i}@{self.domain}".lower(),
                    office.id,
                    office.timezone,
                    f"{prefixes[i % len(prefixes)]}{1000 + i:04d}",
                    mine,
                )
            )
        for group in groups:  # nobody's line rings in an empty room
            if not any(group.id in user.groups for user in self.users):
                index = rng.randrange(len(self.users))
                user = self.users[index]
                self.users[index] = Party(
                    user.id,
                    user.kind,
                    user.type,
                    user.name,
                    user.email,
                    user.office_id,
                    user.timezone,
                    user.phone,
                    (*user.groups, group.id),
                )
        self.parties = {party.id: party for party in [*self.offices, *groups, *self.users]}
        self.operators = {group.id: [user for user in self.users if group.id in user.groups] for group in groups}
        self.callers = [
            (f"50000000000{80000 + i}", f"{rng.choice(_FIRST)} {rng.choice(_LAST)}", f"+1202555{i:04d}")
            for i in range(2000)
        ]
        self.queues = [(self.uuid("queue", i), name) for i, name in enumerate(QUEUES)]
        self.agents = [(self.uuid("agent", i), user.name) for i, user in enumerate(self.users)]
        self.tags = [(self.uuid("tag", i), name) for i, name in enumerate(TAGS)]
        self.contact_points = [f"help@{self.domain}", f"billing@{self.domain}", "+4511223344", "+14155550100"]

    def _group(self, key: str, kind: str, of_type: str, name: str, index: int, prefixes: list[str], base: int) -> Party:  # noqa: PLR0913, PLR0917
        office = self.offices[index % len(self.offices)]
        return Party(
            key,
            kind,
            of_type,
            name,
            "",
            office.id,
            office.timezone,
            f"{prefixes[index % len(prefixes)]}{base + index:04d}",
        )

    def uuid(self, kind: str, index: int) -> str:
        """Return the UUID of the index-th thing of a kind."""
        return str(uuid.UUID(int=self.rng(f"uuid:{kind}:{index}").getrandbits(128), version=4))

    # -- days --------------------------------------------------------------------------------------

    def _keep(self, kind: str, day: date, make: Callable[[date], T], nothing: Callable[[], T]) -> T:
        days = self._kept.setdefault(kind, OrderedDict())
        if day in days:
            days.move_to_end(day)
        else:
            days[day] = make(day) if day >= self.first_day else nothing()
            if len(days) > self._room:
                days.popitem(last=False)
        kept: T = days[day]
        return kept

    def calls(self, day: date) -> CallDay:
        """Return the calls that began on a day, and what follows from them."""
        return self._keep("calls", day, self._make_calls, lambda: CallDay(Day([]), Day([]), Day([]), Day([]), Day([])))

    def texts(self, day: date) -> Day[Text]:
        """Return the text messages of a day."""
        return self._keep("texts", day, self._make_texts, lambda: Day([]))

    def duty(self, day: date) -> Day[DutyChange]:
        """Return the duty changes of a day."""
        return self._keep("duty", day, self._make_duty, lambda: Day([]))

    def shares(self, day: date) -> Day[ScreenShare]:
        """Return the screen shares of a day."""
        return self._keep("shares", day, self._make_shares, lambda: Day([]))

    def digital(self, day: date) -> DigitalDay:
        """Return the digital conversations that began on a day."""
        return self._keep("digital", day, self._make_digital, lambda: DigitalDay(Day([]), Day([]), {}))

    def conversations(self, day: date) -> list[Conversation]:
        """Return the analytics conversations that began on a day; they close within two days."""
        return self._keep("conversations", day, self._make_conversations, list)

    def presence(self, day: date) -> list[Presence]:
        """Return what the agents' presence was on a day."""
        return self._keep("presence", day, self._make_presence, list)

    def _size(self, base: float, day: date) -> int:
        return int(base if day.weekday() < 5 else base * 0.4)

    def _moment(self, rng: random.Random, day: date, zone: str) -> int:
        """Draw an instant of a UTC day, likelier in the office hours of a zone."""
        key = (zone, day)
        if key not in self._offsets:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
            offset = noon.utcoffset() or timedelta()
            self._offsets[key] = int(offset.total_seconds()) * SECOND
        local = int(rng.triangular(7.0, 20.0, 11.0) * HOUR) if rng.random() < 0.93 else int(rng.random() * DAY)
        return midnight(day) + (local - self._offsets[key]) % DAY

    # -- calls -------------------------------------------------------------------------------------

    def _make_calls(self, day: date) -> CallDay:
        rng = self.rng("calls", day)
        made = Telephony(self, rng, day)
        edges = (
            0,
            DAY - 1,
            (8 * HOUR),
            DAY // 2,
        )  # first and last microsecond of the day, a midnight in the west, noon
        for index in range(self._size(self.calls_per_day, day)):
            office = self.offices[int(rng.random() * len(self.offices))]
            at = midnight(day) + edges[index] if index < len(edges) else self._moment(rng, day, office.timezone)
            made.call(index, at, office)
        return CallDay(
            Day(made.legs), Day(made.voicemails), Day(made.recordings), Day(made.dispositions), Day(made.answers)
        )

    # -- texts, duty, screen shares ----------------------------------------------------------------

    def _make_texts(self, day: date) -> Day[Text]:
        rng = self.rng("texts", day)
        number = (day - EPOCH).days
        rows: list[Text] = []
        for index in range(self._size(self.calls_per_day * 0.4, day)):
            key = str(5_500_000_000_000_000 + number * 1_000_000 + index)
            owner = (
                rng.choice(self.users) if rng.random() < 0.7 else rng.choice([*self.call_centers, *self.departments])
            )
            at = self._moment(rng, day, owner.timezone)
            caller = rng.choice(self.callers)
            text = sentence(rng)
            if rng.random() < 0.05:
                text = f'{text},\r\n"{sentence(rng)}"\nå 👋'
            mms = f"https://dialpad.example/mms/{key}.jpg" if rng.random() < 0.04 else ""
            kind = rng.random()
            if kind < 0.2 and owner.type == "user":
                other = rng.choice(self.users)
                if other.id == owner.id:
                    other = self.users[(self.users.index(owner) + 1) % len(self.users)]
                sides = [(owner, True), (other, False)]
                rows.extend(
                    Text(
                        at,
                        at,
                        side.office_id,
                        (side.id,),
                        key,
                        side,
                        owner.id,
                        "internal",
                        other.phone,
                        owner.phone,
                        text,
                        mms,
                        first,
                    )
                    for side, first in sides
                )
            elif kind < 0.6:
                several = ",".join(rng.choice(self.callers)[2] for _ in range(rng.choice([1, 1, 1, 1, 2, 3])))
                rows.append(
                    Text(
                        at,
                        at,
                        owner.office_id,
                        (owner.id,),
                        key,
                        owner,
                        owner.id,
                        "outbound",
                        several,
                        owner.phone,
                        text,
                        mms,
                        first_side=True,
                    )
                )
            else:
                rows.append(
                    Text(
                        at,
                        at,
                        owner.office_id,
                        (owner.id,),
                        key,
                        owner,
                        "",
                        "inbound",
                        owner.phone,
                        caller[2],
                        text,
                        mms,
                        first_side=True,
                    )
                )
        return Day(rows)

    def _make_duty(self, day: date) -> Day[DutyChange]:
        rng = self.rng("duty", day)
        number = (day - EPOCH).days
        rows: list[DutyChange] = []
        names = {group.id: group.name for group in [*self.call_centers, *self.departments]}
        for user in self.users:
            if rng.random() > (0.85 if day.weekday() < 5 else 0.25):
                continue
            at = self._moment(rng, day, user.timezone) // SECOND * SECOND
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

    def _make_shares(self, day: date) -> Day[ScreenShare]:
        rng = self.rng("shares", day)
        rows = []
        for _ in range(self._size(max(3.0, self.calls_per_day * 0.02), day)):
            host = rng.choice(self.users)
            at = self._moment(rng, day, host.timezone)
            end = at + int(rng.expovariate(1 / 900) * SECOND) + MINUTE
            rows.append(ScreenShare(at, end, host.office_id, (host.id,), host, end, rng.randrange(1, 6)))
        if rows:  # twins: two rows that are the same in everything
            rows.append(rows[0])
        return Day(rows)

    # -- digital engagement ------------------------------------------------------------------------

    def _make_digital(self, day: date) -> DigitalDay:
        rng = self.rng("digital", day)
        made = Chats(self, rng, day)
        wanted = self._size(self.messages_per_day, day)
        index = 0
        while len(made.messages) < wanted:
            made.conversation(index)
            index += 1
        grouped: dict[str, list[Message]] = {}
        ordered: Day[Message] = Day(made.messages)
        for message in ordered.rows:
            grouped.setdefault(message.customer_session, []).append(message)
        return DigitalDay(ordered, Day(made.sessions), grouped)

    # -- analytics ---------------------------------------------------------------------------------

    def _make_conversations(self, day: date) -> list[Conversation]:
        rng = self.rng("conversations", day)
        number = (day - EPOCH).days
        rows = []
        for index in range(self._size(self.calls_per_day * 0.5, day)):
            office = self.offices[int(rng.random() * len(self.offices))]
            created = self._moment(rng, day, office.timezone) // 1000 * 1000
            if index < 2:
                closed = midnight(day) + DAY - index * SECOND
                created = closed - HOUR
            else:
                closed = (
                    created + int(min(rng.lognormvariate(7.5, 1.3), 40 * 3600)) * SECOND + rng.randrange(1000) * 1000
                )
            channel = rng.choice(list(CHANNELS))
            agent = None if rng.random() < 0.05 else rng.randrange(len(self.agents))
            rated = rng.random() < 0.25
            first = created + int((closed - created) * 0.2)
            assigned = (
                ()
                if agent is None
                else (
                    (first // 1000 * 1000, agent),
                    *(
                        ((first + (step + 1) * MINUTE) // 1000 * 1000, rng.randrange(len(self.agents)))
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
                    queue=rng.randrange(len(self.queues)),
                    agent=agent,
                    contact_point=rng.choice(self.contact_points),
                    tags=tuple(sorted(rng.sample(range(len(self.tags)), rng.choice([0, 1, 1, 2, 3])))),
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

    def _make_presence(self, day: date) -> list[Presence]:
        rng = self.rng("presence", day)
        rows = []
        for agent in range(len(self.agents)):
            if rng.random() < 0.3:
                continue
            at = midnight(day) + rng.randrange(0, 14 * 3600) * SECOND
            for status in ("Working", "Away", "Working", "AfterWork", "Working"):
                end = at + rng.randrange(300, 7000) * SECOND
                rows.append(Presence(agent, status, at, min(end, midnight(day) + DAY)))
                at = end
        return rows
