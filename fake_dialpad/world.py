"""The invented company: who works there and what happens each day, all of it from one seed.

Guarantee: the same seed, sizes and day give the same events, whenever and in whatever order the days are asked for.
Every day of every kind has a random generator of its own, made from (seed, kind, date), and is made when first asked
for and then kept. Days are UTC days; instants are integers of microseconds since 1970 (`_us`) unless a name says ms.

An event exists from its `visible_us` on. What is filled in later (a disposition, the moment a voicemail was listened
to) is a value with the instant at which it was set, so that a row looks different before and after.
"""

from __future__ import annotations

import random
import uuid
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
EPOCH: Final = date(1970, 1, 1)
COMPANY_ID: Final = "5000000000000001"

_FIRST: Final = (
    "Ada Ben Chloe Dev Elin Femi Greta Hugo Imani Jonas Kavya Liam Mina Noor Oskar Priya Quinn Ravi Sofia Tom "
    "Uma Viktor Wen Ximena Yara Zane"
).split()
_LAST: Final = (
    "Abara Berg Costa Dahl Evers Fuchs Garcia Holm Ito Jansen Kumar Lund Mbeki Novak Okafor Perez Quist Rossi "
    "Singh Tanaka Usman Vega Weiss Xu Young Zhou"
).split()
_WORDS: Final = (
    "order invoice delivery refund account password update router line number transfer agent help thanks morning "
    "charge plan contract repair visit technician device signal address week problem solved waiting please again"
).split()


def midnight(day: date) -> int:
    """Return the first microsecond of a UTC day."""
    return (day - EPOCH).days * DAY


def day_of(instant_us: int) -> date:
    """Return the UTC day of an instant."""
    return EPOCH + timedelta(days=instant_us // DAY)


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody or something that has a line: an office, a call center, a department or a user."""

    id: str
    kind: str  # as in the column target_kind: Office, CallCenter, Department, UserProfile
    type: str  # as in the column target_type: office, call_center, department, user
    name: str
    email: str
    office_id: str
    timezone: str
    phone: str
    groups: tuple[str, ...] = ()  # of a user: the call centers and departments it answers for


class Event(Protocol):
    """What every row of a records export shares."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]

    def edits(self) -> tuple[int, ...]:
        """Return the instants at which the row changes after it became visible."""


@dataclass(slots=True)
class Leg:
    """One leg of a call; the leg at the entry point has `entry_call_id` None."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    call_id: str
    master_id: str
    entry_call_id: str | None
    entry_target: Party | None
    target: Party
    operator: Party | None
    direction: str
    category: str
    categories: str
    external: str
    internal: str
    contact: tuple[str, str]
    first_rang_us: int | None = None
    queued_us: int | None = None
    rang_us: int | None = None
    connected_us: int | None = None
    ended_us: int = 0
    hold_us: int = 0
    holds: int = 0
    wrapup_us: int = 0
    rings: int = 0
    recorded: bool = False
    voicemail: bool = False
    internal_call: bool = False
    transferred_to: str = ""
    transferred_from: str = ""
    operator_call_id: str | None = None
    proxy: Party | None = None
    device: str = ""
    open_hours: bool = True
    spam: bool = False
    talk_share: int = 40
    labels: tuple[str, ...] = ()
    callback: str = ""
    anonymized_us: int | None = None

    def edits(self) -> tuple[int, ...]:
        """Return the instant at which the persons are erased, if they are."""
        return () if self.anonymized_us is None else (self.anonymized_us,)


@dataclass(slots=True)
class Voicemail:
    """One voicemail; listened to later, or never."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    leg: Leg
    listened_us: int | None
    listener: Party | None
    text: str
    repeats: int

    def edits(self) -> tuple[int, ...]:
        """Return the instant at which it was listened to."""
        return () if self.listened_us is None else (self.listened_us,)


@dataclass(slots=True)
class Recording:
    """One recording of a call; several share a call id, and some have no URL."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    leg: Leg
    call_id: str
    url: str
    duration_us: int
    kind: str
    id: str

    def edits(self) -> tuple[int, ...]:
        """Return nothing: a recording does not change."""
        return ()


@dataclass(slots=True)
class Disposition:
    """The disposition one operator sets on a call, minutes to days after it; empty until then."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    entry: Leg
    leg: Leg
    call_id: str
    operator: Party | None
    value: str
    set_us: int
    note: str

    def edits(self) -> tuple[int, ...]:
        """Return the instant at which it was set."""
        return (self.set_us,) if self.value else ()


@dataclass(slots=True)
class SurveyAnswer:
    """One answer of a customer to one question of a survey after a call."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    entry: Leg
    operator: Party | None
    question: str
    response: str

    def edits(self) -> tuple[int, ...]:
        """Return nothing: an answer does not change."""
        return ()


@dataclass(slots=True)
class Text:
    """One text message as one line sees it; an internal one is seen by two."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    message_id: str
    target: Party
    sender_id: str
    direction: str
    to_phone: str
    from_phone: str
    text: str
    mms: str
    first_side: bool

    def edits(self) -> tuple[int, ...]:
        """Return nothing: a text does not change."""
        return ()


@dataclass(slots=True)
class DutyChange:
    """One change of an agent's duty status; `until_us` is where the next one begins."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    record_id: str
    agent: Party
    status: str
    reason: str
    call_center_id: str
    setter: tuple[str, str, str]
    until_us: int

    def edits(self) -> tuple[int, ...]:
        """Return nothing: a change does not change."""
        return ()


@dataclass(slots=True)
class ScreenShare:
    """One screen share by one user."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    host: Party
    ended_us: int
    viewers: int

    def edits(self) -> tuple[int, ...]:
        """Return nothing: a screen share does not change."""
        return ()


@dataclass(slots=True)
class Message:
    """One message of a digital conversation; `redacted` is the text after a second redaction at `redacted_us`."""

    at_us: int
    visible_us: int
    ts: int  # milliseconds
    session: str
    customer_session: str
    order: int
    fields: dict[str, Any]
    redacted: str | None
    redacted_us: int

    def edits(self) -> tuple[int, ...]:
        """Return the instant of the second redaction."""
        return () if self.redacted is None else (self.redacted_us,)


@dataclass(slots=True)
class Session:
    """One digital session: one segment of a conversation, with the bot or with an agent."""

    at_us: int
    visible_us: int
    ended_us: int
    session: str
    customer_session: str
    chat_type: str
    channel: str
    customer: dict[str, str]
    agent: Party | None
    group: Party
    messages: int
    bot_ms: int
    queue_ms: int
    wrapup_seconds: int
    score: int | None
    transferred: bool

    def edits(self) -> tuple[int, ...]:
        """Return the instant at which it ends."""
        return (self.ended_us,)


@dataclass(slots=True)
class Conversation:
    """One conversation as the Analytics API counts it."""

    csid: int
    created_us: int
    closed_us: int
    channel: str
    direction: str
    queue: int
    agent: int | None
    contact_point: str
    tags: tuple[int, ...]
    response_us: int
    handling_us: int
    messages: int
    reopened: bool
    first_contact: bool
    closed_by: str
    rating: int | None
    comment: str
    rated_us: int
    assignments: tuple[tuple[int, int], ...]  # (instant, agent)


@dataclass(slots=True)
class Presence:
    """A stretch of time one agent spends in one presence status."""

    agent: int
    status: str
    start_us: int
    end_us: int


T = TypeVar("T")
E = TypeVar("E", bound=Event)


@dataclass(slots=True)
class Day(Generic[E]):
    """The events of a kind on one day, oldest first, and the instants at which anything of it changes."""

    rows: list[E]
    changes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows.sort(key=lambda row: row.at_us)
        self.changes = sorted({moment for row in self.rows for moment in (row.visible_us, *row.edits())})

    def phase(self, now_us: int) -> int:
        """Return a number that is the same for two instants between which nothing of the day changes."""
        return bisect_right(self.changes, now_us)

    def settled(self, now_us: int) -> bool:
        """Whether nothing of the day changes any more."""
        return not self.changes or self.changes[-1] <= now_us


@dataclass(slots=True)
class CallDay:
    """All that follows from the calls of one day."""

    legs: Day[Leg]
    voicemails: Day[Voicemail]
    recordings: Day[Recording]
    dispositions: Day[Disposition]
    answers: Day[SurveyAnswer]


@dataclass(slots=True)
class DigitalDay:
    """All digital conversations that began on one day; their messages may reach into the next."""

    messages: Day[Message]
    sessions: Day[Session]
    by_customer_session: dict[str, list[Message]]


CHANNELS: Final = {"EMAIL": "Email", "PSTN_PHONE": "Phone", "WIDGET_CHAT": "Chat", "CONTACT_FORM": "Contact Form", "CALLBACK": "Callback"}
DIRECTIONS: Final = {"INBOUND": "Inbound", "OUTBOUND": "Outbound"}
TAGS: Final = ("Billing", "Delivery", "Technical", "Churn risk", "Praise", "Spare parts", "Warranty", "Other")
QUEUES: Final = ("First line", "Second line", "Billing", "Nordic", "Night desk")
DISPOSITIONS: Final = (
    "Billing~Refund", "Billing~Invoice", "Technical~Router", "Technical~Line down", "Sales~New plan", "Sales~Upgrade",
    "Resolved", "Wrong number", "Call back, later", 'Other~"see note"',
)
LABELS: Final = ("vip", "complaint", "follow-up", "training", "spam?", "warranty", "new customer")
PRESENCES: Final = {"Working": "Ready for conversations", "Away": "Not ready", "Offline": "Signed out", "AfterWork": "Wrapping up"}


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
        # seven kinds of days; a day that fell out is made again, the same
        self._room = 7 * max(10, 150_000 // max(1, calls_per_day, messages_per_day // 3))
        self._kept: OrderedDict[tuple[str, date], Any] = OrderedDict()
        self._offsets: dict[tuple[str, date], int] = {}
        self._found(agents, call_centers)

    def rng(self, kind: str, day: date | None = None) -> random.Random:
        """Return the random generator of a kind of thing on a day (or of the company, without one)."""
        return random.Random(f"{self.seed}:{kind}:{day}")  # noqa: S311 - invented data, not a secret

    # -- the company ---------------------------------------------------------------------------------------------

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
            Party(f"50000000000010{i:02d}", "Office", "office", f"{city} office", "", f"50000000000010{i:02d}", zone, f"{prefix}0100")
            for i, (city, zone, prefix, _) in enumerate(places, 1)
        ]
        prefixes = [place[2] for place in places]
        lines = ["Support", "Billing", "Sales", "Technical", "Renewals", "Field service", "Claims", "Partners"]
        self.call_centers = [
            self._group(f"500000000000{2001 + i}", "CallCenter", "call_center", lines[i % len(lines)] + (f" {i // 8 + 1}" if i >= 8 else ""), i, prefixes, 200)  # noqa: PLR2004, E501
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
                    f"500000000000{4001 + i}", "UserProfile", "user", f"{first} {last}",
                    f"{first}.{last}.{i}@{self.domain}".lower(), office.id, office.timezone,
                    f"{prefixes[i % len(prefixes)]}{1000 + i:04d}", mine,
                )  # fmt: skip
            )
        for group in groups:  # nobody's line rings in an empty room
            if not any(group.id in user.groups for user in self.users):
                index = rng.randrange(len(self.users))
                user = self.users[index]
                self.users[index] = Party(
                    user.id, user.kind, user.type, user.name, user.email, user.office_id, user.timezone, user.phone,
                    (*user.groups, group.id),
                )  # fmt: skip
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

    def _group(self, key: str, kind: str, of_type: str, name: str, index: int, prefixes: list[str], base: int) -> Party:  # noqa: PLR0913
        office = self.offices[index % len(self.offices)]
        return Party(key, kind, of_type, name, "", office.id, office.timezone, f"{prefixes[index % len(prefixes)]}{base + index:04d}")

    def uuid(self, kind: str, index: int) -> str:
        """Return the UUID of the index-th thing of a kind."""
        return str(uuid.UUID(int=self.rng(f"uuid:{kind}:{index}").getrandbits(128), version=4))

    # -- days ----------------------------------------------------------------------------------------------------

    def _keep(self, kind: str, day: date, make: Callable[[date], T], nothing: Callable[[], T]) -> T:
        key = (kind, day)
        kept: T
        if key in self._kept:
            self._kept.move_to_end(key)
            kept = self._kept[key]
            return kept
        kept = self._kept[key] = make(day) if day >= self.first_day else nothing()
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)
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
        return int(base if day.weekday() < 5 else base * 0.4)  # noqa: PLR2004 - Saturday is 5

    def _moment(self, rng: random.Random, day: date, zone: str) -> int:
        """Draw an instant of a UTC day, likelier in the office hours of a zone."""
        key = (zone, day)
        if key not in self._offsets:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
            offset = noon.utcoffset() or timedelta()
            self._offsets[key] = int(offset.total_seconds()) * SECOND
        local = int(rng.triangular(7.0, 20.0, 11.0) * HOUR) if rng.random() < 0.93 else int(rng.random() * DAY)
        return midnight(day) + (local - self._offsets[key]) % DAY

    # -- calls ---------------------------------------------------------------------------------------------------

    def _make_calls(self, day: date) -> CallDay:
        rng = self.rng("calls", day)
        made = _Calls(self, rng, day)
        edges = (0, DAY - 1, (8 * HOUR), DAY // 2)  # first and last microsecond of the day, a midnight in the west, noon
        for index in range(self._size(self.calls_per_day, day)):
            office = self.offices[int(rng.random() * len(self.offices))]
            at = midnight(day) + edges[index] if index < len(edges) else self._moment(rng, day, office.timezone)
            made.call(index, at, office)
        return CallDay(Day(made.legs), Day(made.voicemails), Day(made.recordings), Day(made.dispositions), Day(made.answers))

    # -- texts, duty, screen shares --------------------------------------------------------------------------------

    def _make_texts(self, day: date) -> Day[Text]:
        rng = self.rng("texts", day)
        number = (day - EPOCH).days
        rows: list[Text] = []
        for index in range(self._size(self.calls_per_day * 0.4, day)):
            key = str(5_500_000_000_000_000 + number * 1_000_000 + index)
            owner = rng.choice(self.users) if rng.random() < 0.7 else rng.choice([*self.call_centers, *self.departments])
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
                    Text(at, at, side.office_id, (side.id,), key, side, owner.id, "internal", other.phone, owner.phone, text, mms, first)
                    for side, first in sides
                )
            elif kind < 0.6:
                several = ",".join(rng.choice(self.callers)[2] for _ in range(rng.choice([1, 1, 1, 1, 2, 3])))
                rows.append(Text(at, at, owner.office_id, (owner.id,), key, owner, owner.id, "outbound", several, owner.phone, text, mms, True))  # noqa: E501, FBT003
            else:
                rows.append(Text(at, at, owner.office_id, (owner.id,), key, owner, "", "inbound", owner.phone, caller[2], text, mms, True))  # noqa: E501, FBT003
        return Day(rows)

    def _make_duty(self, day: date) -> Day[DutyChange]:
        rng = self.rng("duty", day)
        number = (day - EPOCH).days
        rows: list[DutyChange] = []
        names = {group.id: group.name for group in [*self.call_centers, *self.departments]}
        for user in self.users:
            if rng.random() > (0.85 if day.weekday() < 5 else 0.25):  # noqa: PLR2004
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
                reason = rng.choice(["", "", "Lunch", "Team meeting, room 2", "Off shift"]) if status in {"busy", "unavailable"} else ""
                key = str(5_600_000_000_000_000 + number * 1_000_000 + len(rows))
                until = moment if last else times[place + 1]
                rows.append(
                    DutyChange(moment, moment, user.office_id, (user.id, *user.groups), key, user, status, reason, center, setter, until)
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

    # -- digital engagement ----------------------------------------------------------------------------------------

    def _make_digital(self, day: date) -> DigitalDay:
        rng = self.rng("digital", day)
        made = _Digital(self, rng, day)
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

    # -- analytics -------------------------------------------------------------------------------------------------

    def _make_conversations(self, day: date) -> list[Conversation]:
        rng = self.rng("conversations", day)
        number = (day - EPOCH).days
        rows = []
        for index in range(self._size(self.calls_per_day * 0.5, day)):
            office = self.offices[int(rng.random() * len(self.offices))]
            created = self._moment(rng, day, office.timezone) // 1000 * 1000
            if index < 2:  # noqa: PLR2004 - closed on the first instant of the next day, and a second earlier
                closed = midnight(day) + DAY - index * SECOND
                created = closed - HOUR
            else:
                closed = created + int(min(rng.lognormvariate(7.5, 1.3), 40 * 3600)) * SECOND + rng.randrange(1000) * 1000
            channel = rng.choice(list(CHANNELS))
            agent = None if rng.random() < 0.05 else rng.randrange(len(self.agents))
            rated = rng.random() < 0.25
            first = created + int((closed - created) * 0.2)
            assigned = () if agent is None else ((first // 1000 * 1000, agent), *(
                ((first + (step + 1) * MINUTE) // 1000 * 1000, rng.randrange(len(self.agents))) for step in range(rng.choice([0, 0, 0, 1, 2]))
            ))  # fmt: skip
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


def sentence(rng: random.Random) -> str:
    """Return some words that mean nothing."""
    return " ".join(_WORDS[int(rng.random() * len(_WORDS))] for _ in range(3 + int(rng.random() * 6)))


class _Calls:
    """Makes the calls of a day, one after the other."""

    def __init__(self, world: World, rng: random.Random, day: date) -> None:
        self.world = world
        self.rng = rng
        self.base = 5_000_000_000_000_000 + (day - EPOCH).days * 10_000_000
        self.legs: list[Leg] = []
        self.voicemails: list[Voicemail] = []
        self.recordings: list[Recording] = []
        self.dispositions: list[Disposition] = []
        self.answers: list[SurveyAnswer] = []

    def call(self, index: int, at: int, office: Party) -> None:
        rng = self.rng
        caller = self.world.callers[int(rng.random() * len(self.world.callers))]
        kind = rng.random()
        number = self.base + index * 10
        if kind < 0.62:
            groups = [group for group in self.world.call_centers if group.office_id == office.id] or self.world.call_centers
            self._group(number, at, groups[int(rng.random() * len(groups))], caller)
        elif kind < 0.67:
            groups = [group for group in self.world.departments if group.office_id == office.id] or self.world.departments
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

    def _leg(self, number: int, at: int, target: Party, caller: tuple[str, str, str], **more: Any) -> Leg:  # noqa: ANN401
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

    def _group(self, number: int, at: int, group: Party, caller: tuple[str, str, str]) -> None:  # noqa: PLR0915 - one call, told in order
        rng = self.rng
        agents = self.world.operators.get(group.id) or self.world.users
        has_queue = group.type == "call_center"
        queued = at + int(rng.random() * 5 * SECOND) if has_queue else None
        waited = int(rng.expovariate(1 / 25) * SECOND) if has_queue else 0
        rang = (queued or at) + waited + SECOND
        open_hours = rng.random() < 0.9
        outcome = rng.random()
        labels = (rng.choice(LABELS),) if rng.random() < 0.06 else ()
        common: dict[str, Any] = {"direction": "inbound", "open_hours": open_hours, "queued_us": queued, "labels": labels}
        if rng.random() < 0.002:
            common["anonymized_us"] = at + 30 * DAY
        if outcome < 0.08:
            ended = rang + int(rng.random() * 30 * SECOND)
            self._leg(
                number, at, group, caller, category="abandoned", categories="abandoned,inbound,unanswered", ended_us=ended,
                spam=rng.random() < 0.03, **common,
            )  # fmt: skip
            return
        ringing = int((3 + rng.random() * 22) * SECOND)
        if outcome < 0.22:
            voicemail = outcome < 0.16
            ended = rang + ringing + (int((5 + rng.random() * 60) * SECOND) if voicemail else 0)
            leg = self._leg(
                number, at, group, caller, category="missed", first_rang_us=rang, rang_us=rang, rings=1 + int(rng.random() * 3),
                categories="inbound,missed,unanswered,voicemail" if voicemail else "inbound,missed,unanswered,ring_no_answer",
                ended_us=ended, voicemail=voicemail, **common,
            )  # fmt: skip
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
            number, at, group, caller, category="incoming", categories=tokens, ended_us=ended + more, hold_us=hold,
            holds=1 if hold else 0, wrapup_us=wrapup, rings=1, recorded=recorded, operator_call_id=str(number + 1),
            **times, **common,
        )  # fmt: skip
        devices = ("android", "web_app", "desktop_app", "desktop_app")
        on_leg = {**common, "queued_us": None}
        first = self._leg(
            number + 1, connected - ringing, agent, caller, category="incoming", categories=tokens, ended_us=ended, hold_us=hold,
            holds=1 if hold else 0, wrapup_us=wrapup, rings=1, recorded=recorded, master_id=str(number), entry_call_id=str(number),
            entry_target=group, operator=agent, device=devices[int(rng.random() * 4)], talk_share=int(rng.random() * 100),
            **times, **on_leg,
        )  # fmt: skip
        served = [(agent, first)]
        if transfer:
            # now and then the call comes back to the same agent
            other = agent if rng.random() < 0.05 else self.world.users[int(rng.random() * len(self.world.users))]
            first.transferred_to = other.phone if rng.random() < 0.5 else other.name
            entry.transferred_to = first.transferred_to
            second = self._leg(
                number + 2, ended, other, caller, category="incoming", categories="answered,human_agent,inbound,transferred_in",
                ended_us=ended + more, rings=1, recorded=recorded, master_id=str(number), entry_call_id=str(number), entry_target=group,
                operator=other, first_rang_us=ended, rang_us=ended, connected_us=ended, transferred_from=agent.id,
                device="desktop_app", **on_leg,
            )  # fmt: skip
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
                number, at, user, caller, direction="inbound", category="incoming", categories="answered,human_agent,inbound", rings=1,
                first_rang_us=rang, rang_us=rang, connected_us=rang + ringing, ended_us=rang + ringing + self._talk(), operator=user,
                device="desktop_app", recorded=recorded,
            )  # fmt: skip
            if recorded:
                self._recordings(leg, [(user, leg)])
            return
        voicemail = rng.random() < 0.5
        leg = self._leg(
            number, at, user, caller, direction="inbound", category="missed", first_rang_us=rang, rang_us=rang, rings=1,
            categories="inbound,missed,unanswered,voicemail" if voicemail else "inbound,missed,unanswered", voicemail=voicemail,
            ended_us=rang + ringing + (int(rng.random() * 60 * SECOND) if voicemail else 0),
        )  # fmt: skip
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
            number, at, user, caller, direction="outbound", category="outgoing" if answered else "cancelled",
            categories="outbound,outbound_connected,user_initiated" if answered else "cancelled,outbound,user_initiated",
            connected_us=connected, ended_us=(connected + self._talk()) if connected else at + int(rng.random() * 30 * SECOND),
            proxy=proxy, operator=user, device="desktop_app", recorded=recorded,
        )  # fmt: skip
        if recorded:
            self._recordings(leg, [(user, leg)])

    def _internal(self, number: int, at: int, user: Party) -> None:
        rng = self.rng
        other = self.world.users[int(rng.random() * len(self.world.users))]
        caller = (other.id, other.name, other.phone)
        rang = at // SECOND * SECOND + SECOND
        self._leg(
            number, at, user, caller, direction="outbound", category="outgoing", categories="outbound,outbound_connected,user_initiated",
            rang_us=rang, first_rang_us=rang, connected_us=rang + 4 * SECOND, ended_us=rang + 4 * SECOND + self._talk(), operator=user,
            internal_call=True, device="web_app",
        )  # fmt: skip

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
            Voicemail(leg.ended_us, leg.ended_us, leg.office_id, leg.targets, leg, heard, listener if heard else None, text, repeats)
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
                        start, ready, entry.office_id, (*leg.targets, entry.target.id), leg, entry.call_id, url,
                        (leg.ended_us - leg.connected_us) // parts, kind, key,
                    )  # fmt: skip
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
                    entry.at_us, entry.ended_us, entry.office_id, (entry.target.id, agent.id), entry, leg,
                    "" if draw < 0.004 else entry.call_id, None if 0.004 <= draw < 0.03 else agent, value, entry.ended_us + late,
                    sentence(rng) if value and rng.random() < 0.2 else "",
                )  # fmt: skip
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


_TOPICS: Final = ("delivery status", "refund", "opening hours", "change address", "speak to a person", "invoice copy")
_REDACTED: Final = ("****NAME****", "****DATE****", "****NUMERIC****", "****EMAIL****", "**GPE**", "****LOYALTY_ID****", "***MONEY***")


class _Digital:
    """Makes the digital conversations of a day: a bot, then one agent or more, then a survey bot."""

    def __init__(self, world: World, rng: random.Random, day: date) -> None:
        self.world = world
        self.rng = rng
        self.day = day
        self.number = (day - EPOCH).days
        self.messages: list[Message] = []
        self.sessions: list[Session] = []

    def conversation(self, index: int) -> None:
        rng = self.rng
        group = self.world.call_centers[int(rng.random() * len(self.world.call_centers))]
        at = self.world._moment(rng, self.day, group.timezone) // 1000 * 1000  # noqa: SLF001 - one module, one author
        if index < 2:  # noqa: PLR2004 - a message on the day's first millisecond and one on its last
            at = midnight(self.day) + (0 if index == 0 else DAY - 1000)
        # ids of 19 digits, beyond what a float or JavaScript holds, and short ones whose tenth segment looks like 12.10
        conversation = str(3_000_000_000_000_000_000 + self.number * 1_000_000 + index) if index % 5 else str(self.number * 1000 + index)
        customer_session = f"{'-' if rng.random() < 0.6 else ''}{4_000_000_000_000_000_000 + self.number * 1_000_000 + index}.{1000 + index % 9000}0"
        channel = rng.choice(["webchat", "webchat", "whatsapp", "sms", "email"])
        caller = self.world.callers[int(rng.random() * len(self.world.callers))]
        customer = {"id": caller[0], "name": caller[1], "email": f"{caller[1].replace(' ', '.').lower()}@mail.example", "phone": caller[2]}
        account = {"id": group.id, "name": group.name, "number": group.phone}
        segments = ["bot"] if rng.random() < 0.35 else ["bot", "agent", "survey"]
        if index % 25 == 0:
            segments = ["bot", *["agent"] * 9, "survey"]
        elif len(segments) > 1 and rng.random() < 0.12:
            segments = ["bot", "agent", "agent", "survey"]
        lang = rng.choice(["en", "en", "en", "de", "es"])
        slow = rng.random() < 0.03  # a conversation by e-mail, spread over hours
        for place, role in enumerate(segments, 1):
            at = self._segment(at, f"{conversation}.{place}", customer_session, role, channel, customer, account, group, lang, slow)  # noqa: E501

    def _segment(  # noqa: PLR0913 - what a segment shares with its conversation
        self, at: int, session: str, customer_session: str, role: str, channel: str, customer: dict[str, str],
        account: dict[str, str], group: Party, lang: str, slow: bool,  # noqa: FBT001
    ) -> int:  # fmt: skip
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
                    "sentiment": round(rng.uniform(-1, 1), 2), "topic": topic, "score": score,
                    "topmatches": [{"intent": topic, "score": score, "text": sentence(rng)}],
                }  # fmt: skip
            elif agent:
                fields |= {"sendername": agent.name, "senderemail": agent.email, "sentiment": 0, "topic": "", "score": 0}
            else:
                fields |= {"workflow": workflow, "workflownodeid": f"node-{workflow.lower()}-{place}", "sentiment": 0, "topic": None, "score": 0}
            fields |= {"lang": lang, "sessionchannel": channel, "sessionchannelinfo": account, "chattype": "agent" if agent else "bot"}
            late = at + (int(rng.random() * 300) * SECOND if rng.random() < 0.02 else 0)
            again = text.replace(text.split(" ", 1)[0], "****NAME****", 1) if rng.random() < 0.02 else None
            # now and then the bot says the same twice in one millisecond
            for _ in range(2 if sender == "bot" and rng.random() < 0.03 else 1):
                self.messages.append(
                    Message(at, late, at // 1000, session, customer_session, len(self.messages), dict(fields), again, at + DAY)
                )
                made += 1
            gap = rng.expovariate(1 / 1200) if slow else rng.expovariate(1 / 20)
            at += int(min(gap, 3600.0) * 1000) * 1000
        self.sessions.append(
            Session(
                start, start, at, session, customer_session, "agent" if agent else "bot", channel, customer, agent, group, made,
                (at - start) // 1000 if agent is None else 0, int(rng.random() * 60_000) if agent else 0,
                int(rng.random() * 90) if agent else 0, rng.randrange(1, 6) if role == "survey" else None,
                rng.random() < 0.1 if agent else False,
            )  # fmt: skip
        )
        return at
