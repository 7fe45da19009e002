"""What exists and happens in the invented company: one class for each kind of thing, and the days that hold them.

Instants are integers of microseconds since 1970 (`_us`) unless a name says ms; days are UTC days. An event exists from
its `visible_us` on. What is filled in later (a disposition, the moment a voicemail was listened to) is a value with the
instant at which it was set, so that a row looks different before and after.
"""
# ruff: noqa: SIM905 - a list of words is read, compared and searched as a line of words, not as a column of quotes

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import random

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
EPOCH: Final = date(1970, 1, 1)
COMPANY_ID: Final = "5000000000000001"
LABELS: Final = ("vip", "complaint", "follow-up", "training", "spam?", "warranty", "new customer")

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


def call_number(day: date) -> int:
    """Return the number before the first call id of a day."""
    return 5_000_000_000_000_000 + (day - EPOCH).days * 10_000_000


def call_day(call_id: str) -> date:
    """Return the day on which the call of an id began."""
    return EPOCH + timedelta(days=(int(call_id) - 5_000_000_000_000_000) // 10_000_000)


@dataclass(frozen=True, slots=True)
class Party:
    """The owner of a line: an office, a call center, a department or a user."""

    id: str
    kind: str  # as in the column target_kind: Office, CallCenter, Department, UserProfile
    type: str  # as in the column target_type: office, call_center, department, user
    name: str
    email: str
    office_id: str
    timezone: str
    phone: str
    groups: tuple[str, ...] = ()  # of a user: the call centers and departments it answers for


class Moment(Protocol):
    """What all events share."""

    at_us: int
    visible_us: int

    def edits(self) -> tuple[int, ...]:
        """Return the instants at which the row changes after it became visible."""


class Event(Moment, Protocol):
    """What all rows of a records export share."""

    office_id: str
    targets: tuple[str, ...]


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
    availability: str = "open"
    spam: bool = False
    talk_share: int = 40
    labels: tuple[str, ...] = ()
    callback_id: str = ""
    callback_connected_us: int | None = None
    callback_ended_us: int | None = None
    anonymized_us: int | None = None

    @property
    def open_hours(self) -> bool:
        """Whether the line was open when the call came."""
        return self.availability in {"open", "holiday_open"}

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
    agent_messages: int
    bot_ms: int  # of the whole customer session
    queue_ms: int
    wrapup_seconds: int
    score: int | None
    transferred: bool
    agent_handled: bool  # of a bot's session: whether it was passed on to an agent
    surveyed: bool

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
    """The time one agent spends in one presence status without a break."""

    agent: int
    status: str
    start_us: int
    end_us: int


E = TypeVar("E", bound=Moment)


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


class Break(NamedTuple):
    """The time within a turn in which an agent takes no calls of a queue."""

    start_us: int
    end_us: int
    reason: str


class Turn(NamedTuple):
    """The time in which an agent is on duty without a gap, oldest break first."""

    start_us: int
    end_us: int
    breaks: tuple[Break, ...]


@dataclass(slots=True)
class CallDay:
    """All that follows from the calls of one day; `turns` are those of the agents, by their ids."""

    legs: Day[Leg]
    voicemails: Day[Voicemail]
    recordings: Day[Recording]
    dispositions: Day[Disposition]
    answers: Day[SurveyAnswer]
    turns: dict[str, list[Turn]] = field(default_factory=dict)


@dataclass(slots=True)
class DigitalDay:
    """All digital conversations that began on one day; their messages may reach into the next."""

    messages: Day[Message]
    sessions: Day[Session]
    by_customer_session: dict[str, list[Message]]


def sentence(rng: random.Random) -> str:
    """Return some words that mean nothing."""
    return " ".join(_WORDS[int(rng.random() * len(_WORDS))] for _ in range(3 + int(rng.random() * 6)))
