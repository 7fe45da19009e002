"""The invented company: its offices, groups, people, customers and digital channels, all of it from one seed.

Guarantee: the same seed and sizes give the same company. What happens in it is made by the files beside it, each day
of each kind with a random generator of its own (:meth:`Company.rng`).
"""
# ruff: noqa: SIM905 - a list of words is read, compared and searched as a line of words, not as a column of quotes
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

import random
import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fake_dialpad.model import DAY, HOUR, SECOND, Party, midnight
from fake_dialpad.seasons import profile

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


class Place(NamedTuple):
    """Where an office is: `prefix` begins its telephone numbers."""

    city: str
    timezone: str
    prefix: str
    country: str


_PLACES: Final = (
    Place("San Francisco", "America/Los_Angeles", "+1415555", "us"),
    Place("New York", "America/New_York", "+1212555", "us"),
    Place("Berlin", "Europe/Berlin", "+4930555", "de"),
    Place("Bengaluru", "Asia/Kolkata", "+9180555", "in"),
)
_LINES: Final = ("Support", "Billing", "Sales", "Technical", "Renewals", "Field service", "Claims", "Partners")
_DEPARTMENTS: Final = ("Finance", "People", "Logistics", "Legal", "IT")


class Company:
    """Offices, call centers, departments, users, callers, and what the digital channels and analytics know of them."""

    def __init__(self, seed: int, agents: int, call_centers: int, *, edge_cases: bool = False) -> None:
        self.seed = seed
        self.edge_cases = edge_cases
        self._offsets: dict[tuple[str, date], int] = {}
        rng = self.rng("company")
        word = rng.choice(["Northwind", "Bluebird", "Cedar", "Lantern", "Harbour", "Juniper"])
        self.name = f"{word} {rng.choice(['Supply', 'Networks', 'Living', 'Energy'])}"
        self.domain = f"{word.lower()}.example"
        self._open_offices()
        self._open_groups(call_centers)
        groups = [*self.call_centers, *self.departments]
        self.users = self._hire(rng, groups, agents)
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

    def rng(self, kind: str, day: date | None = None) -> random.Random:
        """Return the random generator of a kind of thing on a day (or of the company, without one)."""
        return random.Random(f"{self.seed}:{kind}:{day}")

    def uuid(self, kind: str, index: int) -> str:
        """Return the UUID of the index-th thing of a kind."""
        return str(uuid.UUID(int=self.rng(f"uuid:{kind}:{index}").getrandbits(128), version=4))

    def share(self, line: Party) -> float:
        """Return the share of a call center in the calls of all call centers, on a day like any other."""
        return profile(line).share / sum(profile(other).share for other in self.call_centers)

    def answers_for_queue(self, user: Party) -> bool:
        """Whether a user answers for a call center."""
        return any(self.parties[key].type == "call_center" for key in user.groups)

    def moment(self, rng: random.Random, day: date, zone: str) -> int:
        """Draw an instant of a UTC day, likelier in the office hours of a zone."""
        key = (zone, day)
        if key not in self._offsets:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).astimezone(ZoneInfo(zone))
            offset = noon.utcoffset() or timedelta()
            self._offsets[key] = int(offset.total_seconds()) * SECOND
        local = int(rng.triangular(7.0, 20.0, 11.0) * HOUR) if rng.random() < 0.985 else int(rng.random() * DAY)
        return midnight(day) + (local - self._offsets[key]) % DAY

    def _open_offices(self) -> None:
        self.countries: dict[str, str] = {}
        self.offices: list[Party] = []
        for i, place in enumerate(_PLACES, 1):
            key = f"50000000000010{i:02d}"
            self.countries[key] = place.country
            name, phone = f"{place.city} office", f"{place.prefix}0100"
            self.offices.append(Party(key, "Office", "office", name, "", key, place.timezone, phone))

    def _open_groups(self, call_centers: int) -> None:
        def opened(kind: str, of_type: str, first: int, names: list[str]) -> list[Party]:
            parties = []
            for i, name in enumerate(names):
                office, place = self.offices[i % len(self.offices)], _PLACES[i % len(_PLACES)]
                phone = f"{place.prefix}{first // 1000 * 100 + i:04d}"
                key = f"500000000000{first + i}"
                parties.append(Party(key, kind, of_type, name, "", office.id, office.timezone, phone))
            return parties

        rounds = [("" if i < len(_LINES) else f" {i // len(_LINES) + 1}") for i in range(call_centers)]
        lines = [_LINES[i % len(_LINES)] + again for i, again in enumerate(rounds)]
        self.call_centers = opened("CallCenter", "call_center", 2001, lines)
        self.departments = opened("Department", "department", 3001, list(_DEPARTMENTS))

    def _hire(self, rng: random.Random, groups: list[Party], agents: int) -> list[Party]:
        users: list[Party] = []
        for i in range(agents):
            office, place = self.offices[i % len(self.offices)], _PLACES[i % len(_PLACES)]
            first, last = _FIRST[rng.randrange(len(_FIRST))], _LAST[rng.randrange(len(_LAST))]
            near = [group for group in groups if group.office_id == office.id] or groups
            answers_for = tuple(group.id for group in rng.sample(near, min(len(near), rng.choice([1, 1, 2]))))
            queues = tuple(group.id for group in near if group.type == "call_center")
            if set(answers_for) & set(queues) and rng.random() < 0.7:  # agents of one office help each other out
                answers_for = tuple(dict.fromkeys((*answers_for, *queues)))
            email = f"{first}.{last}.{i}@{self.domain}".lower()
            phone = f"{place.prefix}{1000 + i:04d}"
            key = f"500000000000{4001 + i}"
            name, zone = f"{first} {last}", office.timezone
            users.append(Party(key, "UserProfile", "user", name, email, office.id, zone, phone, answers_for))
        for group in groups:  # nobody's line rings in an empty room
            if not any(group.id in user.groups for user in users):
                near_by = [i for i, user in enumerate(users) if user.office_id == group.office_id]
                index = rng.choice(near_by or range(len(users)))
                users[index] = replace(users[index], groups=(*users[index].groups, group.id))
        return users
