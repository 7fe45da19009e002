"""The invented company and its days: what everything else in the fake reads.

Guarantee: the same seed, sizes and day give the same events, whenever and in whatever order the days are requested.
Every day of every kind has a random generator of its own, made from (seed, kind, date); it is made at the first request
and then kept. Days are UTC days; instants are integers of microseconds since 1970 (`_us`) unless a name says ms.

An event exists from its `visible_us` on. What is filled in later (a disposition, the moment a voicemail was listened
to) is a value with the instant at which it was set, so that a row looks different before and after.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, Unpack

from fake_dialpad import activity, chats, telephony
from fake_dialpad.company import Company
from fake_dialpad.model import (
    CallDay,
    Conversation,
    Day,
    DigitalDay,
    DutyChange,
    Presence,
    ScreenShare,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_WORKDAYS: Final = 5


class Sizes(TypedDict, total=False):
    """Sizes of a company, and the day before which its history lies."""

    messages_per_day: int
    agents: int
    call_centers: int
    today: date
    edge_cases: bool


class World(Company):
    """An invented company whose history begins `days` days before `today` and goes on for ever.

    `calls_per_day` (400) and `messages_per_day` (1200) are those of a weekday of the year's mean, about; a weekend day
    has far fewer calls and two fifths of the messages. Texts, digital sessions and analytics conversations grow with
    them. `agents` (60) and `call_centers` (6) are the company's. `today` (default: the day of the start, UTC) only
    fixes where history begins; nothing of any later day depends on it. With `edge_cases` (default: without) there is
    also what makes readers stumble and no company looks like: calls on the first and last microsecond of a day and of
    four hours, voicemails of 140,000 characters, conversations of eleven segments.
    """

    def __init__(self, seed: int = 7, days: int = 90, calls_per_day: int = 400, **sizes: Unpack[Sizes]) -> None:
        agents, call_centers = sizes.get("agents", 60), sizes.get("call_centers", 6)
        super().__init__(seed, agents, call_centers, edge_cases=sizes.get("edge_cases", False))
        self.days = days
        self.calls_per_day = calls_per_day
        self.messages_per_day = sizes.get("messages_per_day", 1200)
        self.first_day = sizes.get("today", datetime.now(UTC).date()) - timedelta(days=days)
        # days of each kind that are kept; one that was dropped is made again, the same
        self._room = max(10, 60_000 // max(1, calls_per_day, self.messages_per_day // 3))
        self._kept: dict[str, OrderedDict[date, Any]] = {}

    def _size(self, base: float, day: date) -> int:
        return int(base if day.weekday() < _WORKDAYS else base * 0.4)

    def _keep(self, kind: str, day: date, make: Callable[[date], T], nothing: Callable[[], T]) -> T:
        days = self._kept.setdefault(kind, OrderedDict())
        if day in days:
            days.move_to_end(day)
        else:
            days[day] = make(day) if day >= self.first_day else nothing()
            if len(days) > self._room:
                days.popitem(last=False)
        result: T = days[day]
        return result

    def calls(self, day: date) -> CallDay:
        """Return the calls that began on a day, and what follows from them."""

        def make(day: date) -> CallDay:
            return telephony.calls(self, day, self.calls_per_day)

        return self._keep("calls", day, make, lambda: CallDay(Day([]), Day([]), Day([]), Day([]), Day([])))

    def texts(self, day: date) -> Day[Text]:
        """Return the text messages of a day."""

        def make(day: date) -> Day[Text]:
            return activity.texts(self, day, self._size(self.calls_per_day * 0.4, day))

        return self._keep("texts", day, make, lambda: Day([]))

    def duty(self, day: date) -> Day[DutyChange]:
        """Return the duty changes of a day."""
        return self._keep("duty", day, lambda day: activity.duty(self, day, self.calls(day)), lambda: Day([]))

    def shares(self, day: date) -> Day[ScreenShare]:
        """Return the screen shares of a day."""

        def make(day: date) -> Day[ScreenShare]:
            return activity.shares(self, day, self._size(max(3.0, self.calls_per_day * 0.02), day))

        return self._keep("shares", day, make, lambda: Day([]))

    def digital(self, day: date) -> DigitalDay:
        """Return the digital conversations that began on a day."""

        def make(day: date) -> DigitalDay:
            return chats.conversations(self, day, self._size(self.messages_per_day, day))

        return self._keep("digital", day, make, lambda: DigitalDay(Day([]), Day([]), {}))

    def conversations(self, day: date) -> list[Conversation]:
        """Return the analytics conversations that began on a day; they close within two days."""

        def make(day: date) -> list[Conversation]:
            return activity.conversations(self, day, self._size(self.calls_per_day * 0.5, day))

        return self._keep("conversations", day, make, list)

    def presence(self, day: date) -> list[Presence]:
        """Return what the agents' presence was on a day."""
        return self._keep("presence", day, lambda day: activity.presence(self, day), list)
