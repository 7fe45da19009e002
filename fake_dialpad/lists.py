"""The plain lists of API v2: one table, a line a list.

A new list is one line of :data:`LISTS` and the function that makes its rows: the table gives it its route, its pages,
its refusals, its form by id and its truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from fake_dialpad.people import Item, People

Rows = Callable[..., list[Item] | None]
Parents = Callable[[People], Iterable[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class PlainList:
    """One list of API v2.

    `path` lies below /api/v2/; its placeholders are handed to `rows` by name, and where `rows` gives None the answer is
    404, which names the `noun`. `parents` gives the values of the placeholders, which are columns of the stream too.
    `stream` is the stream that reads the list, `key` what tells its rows apart.
    """

    path: str
    rows: Rows
    stream: str = ""
    key: tuple[str, ...] = ("id",)
    parents: Parents | None = None
    noun: str = ""
    single: bool = False  # the answer is one object and no list
    by_id: bool = False  # there is a form by id as well
    last_cursor: str | None = None  # the cursor of the last page
    empty: Any = None  # the answer of an empty list, where it is not a page without items
    include_local: Rows | None = None  # the rows that include_local=true adds
    scope: str | None = None  # the scope a key needs
    admin: bool = False  # a key of one user is refused


def _of_office(rows: Rows) -> Rows:
    def rows_of_office(people: People, office_id: str) -> list[Item] | None:
        if office_id not in people.context.world.countries:
            return None
        return [item for item in rows(people) or () if str(item["office_id"]) == office_id]

    return rows_of_office


def _teams(people: People) -> list[dict[str, str]]:
    return [{"coaching_team_id": key} for key in people.team_members]


def _channels(people: People) -> list[dict[str, str]]:
    return [{"channel_id": key} for key in people.channel_members]


#: Every plain list. What is no plain list (operators, call labels, user devices) is in directory.py.
LISTS: Final = (
    PlainList("company", lambda people: [people.company()], "company", single=True, scope="company_admin", admin=True),
    PlainList("offices", People.offices, "offices", last_cursor="", by_id=True),
    PlainList("offices/primary", lambda people: people.offices()[:1], single=True),
    PlainList("callcenters", People.call_centers, "call_centers", by_id=True),
    PlainList("departments", People.departments, "departments", by_id=True),
    PlainList("users", People.users, "users", last_cursor=""),
    PlainList("rooms", People.rooms, "rooms"),
    PlainList("coachingteams", People.coaching_teams, "coaching_teams", by_id=True),
    PlainList("channels", People.channels, "channels", by_id=True),
    PlainList("numbers", People.numbers, "numbers", ("number",), last_cursor="", scope="company_admin", admin=True),
    PlainList("contacts", People.contacts, "contacts", include_local=People.local_contacts, scope="contacts"),
    PlainList("callrouters", People.call_routers, "call_routers", admin=True),
    PlainList("offices/{office_id}/callcenters", _of_office(People.call_centers), noun="Office"),
    PlainList("offices/{office_id}/departments", _of_office(People.departments), noun="Office"),
    PlainList("offices/{office_id}/teams", _of_office(People.coaching_teams), noun="Office"),
    PlainList(
        "coachingteams/{coaching_team_id}/members",
        People.members_of_team,
        "coaching_team_members",
        ("coaching_team_id", "id"),
        _teams,
        "Coaching team",
        empty={},
    ),
    PlainList(
        "channels/{channel_id}/members",
        People.members_of_channel,
        "channel_members",
        ("channel_id", "id"),
        _channels,
        "Channel",
        empty={"items": None},
    ),
)


def in_state(items: Iterable[Item], state: str) -> list[Item]:
    """Return the items in a state (`all`: in any), and those that have none."""
    return [item for item in items if state == "all" or item.get("state", state) == state]


def rows_of(plain: PlainList, people: People, state: str) -> list[Item]:
    """Return every row of a list, parent by parent, with the parents' columns."""
    parents = [{}] if plain.parents is None else plain.parents(people)
    rows = [{**parent, **item} for parent in parents for item in plain.rows(people, **parent) or ()]
    return in_state(rows, state)
