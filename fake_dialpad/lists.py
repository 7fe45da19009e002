"""The plain lists of API v2: one table, a line a list.

A new list is one line of :data:`LISTS` and the function that makes its rows: the table gives it its route, its pages,
its refusals, its form by id and its truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fake_dialpad import belongings, grading, settings
from fake_dialpad.people import Item, People

Rows = Callable[..., list[Item] | None]
Parents = Callable[[People], Iterable[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class PlainList:
    """One list of API v2.

    `path` lies below /api/v2/; its placeholders and the `required` query parameters are handed to `rows` by name, and
    where `rows` gives None the answer is 404, which names the `noun`. `parents` gives every value of them, which are
    columns of the stream too. `stream` is the stream that reads the list, `key` its primary key, as in the manifest;
    `to_rows` makes the stream's rows of an item where they are not the item itself.

    For coaching_team_members, `parents` gives `{"coaching_team_id": ...}` of each team, and a wrong id is answered with
    "Coaching team 1 not found". For off_duty_statuses, `to_rows` makes a row of each text in an office's one object.

    A list gives the items in the state that is asked for, and those that have no `state`. Unasked, it gives the
    active ones, as Dialpad does for `users`; where Dialpad gives all, or no item is ever "active", `any_state` is true.
    """

    path: str
    rows: Rows
    stream: str = ""
    key: tuple[str, ...] = ("id",)
    parents: Parents | None = None
    noun: str = ""
    single: bool = False  # the answer is one object and no list
    by_id: bool = False  # there is a form by id as well
    any_state: bool = False  # a request without state= gives the items in every state, and not the active ones
    filters: tuple[str, ...] = ("office_id", "owner_id", "status")  # query parameters that are fields of an item
    last_cursor: str | None = None  # the cursor of the last page
    empty: Any = None  # the answer of an empty list, where it is not a page without items
    include_local: Rows | None = None  # the rows that include_local=true adds
    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # query parameters and their values, if fixed
    to_rows: Callable[[Item], list[Item]] = lambda item: [item]
    rate: tuple[int, float] | None = None  # requests in so many seconds, where it is not the company's limit
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
    PlainList("dispositions", settings.disposition_lists, "disposition_lists", by_id=True),
    PlainList("accesscontrolpolicies", settings.access_policies, "access_policies", by_id=True, any_state=True),
    PlainList(
        "accesscontrolpolicies/{policy_id}/assignments",
        settings.policy_assignments,
        "access_policy_assignments",
        ("policy_id", "user_id"),
        settings.policy_ids,
        "Policy",
        to_rows=lambda item: [{**item, "user_id": item["user"]["id"]}],
    ),
    PlainList(
        "callcenters/{call_center_id}/operators/{user_id}/skill",
        settings.operator_skill,
        "operator_skills",
        ("call_center_id", "user_id"),
        settings.operator_pairs,
        "Operator",
        single=True,
    ),
    PlainList(
        "offices/{office_id}/offdutystatuses",
        settings.off_duty_statuses,
        "off_duty_statuses",
        ("office_id", "status"),
        settings.office_ids,
        "Office",
        single=True,
        to_rows=lambda item: [
            {"office_id": item["office_id"], "status": status} for status in item["off_duty_statuses"]
        ],
    ),
    PlainList("blockednumbers", settings.blocked_numbers, "blocked_numbers", ("number",)),
    PlainList(
        "company/{company_id}/smsoptout",
        settings.sms_opt_outs,
        "sms_opt_outs",
        ("external_endpoint", "scope"),
        settings.opt_out_states,
        "Company",
        required={"opt_out_state": ("opted_out", "opted_back_in")},
        to_rows=lambda item: [{**item, "scope": settings.opt_out_scope(item)}],
        rate=(500, 120),
        admin=True,
    ),
    PlainList(
        "customivrs",
        settings.custom_ivrs,
        "custom_ivrs",
        ("target_type", "target_id", "ivr_type"),
        settings.ivr_targets,
        "Target",
        required={"target_type": (), "target_id": ()},
        empty={"items": None},
    ),
    PlainList("scorecards", grading.scorecards, "scorecards", by_id=True),
    PlainList("schedulereports", settings.scheduled_reports, "scheduled_reports", by_id=True),
    PlainList("conference/rooms", belongings.meeting_rooms, "meeting_rooms", scope="conference:read"),
    PlainList("conference/meetings", belongings.meetings, "meetings", filters=("room_id",), scope="conference:read"),
    PlainList(
        "users/{user_id}/deskphones",
        belongings.desk_phones_of_user,
        "desk_phones",
        ("owner_type", "owner_id", "id"),
        belongings.user_ids,
        "User",
        empty={},
    ),
    PlainList(
        "rooms/{room_id}/deskphones",
        belongings.desk_phones_of_room,
        "desk_phones",
        ("owner_type", "owner_id", "id"),
        belongings.room_ids,
        "Room",
        empty={},
    ),
    PlainList(
        "users/{user_id}/personas",
        belongings.personas,
        "user_personas",
        ("user_id", "type", "id"),
        belongings.user_ids,
        "User",
    ),
    PlainList(
        "users/{user_id}/caller_id",
        belongings.caller_ids,
        "user_caller_ids",
        ("user_id",),
        belongings.user_ids,
        "User",
        single=True,
    ),
    PlainList(
        "offices/{office_id}/plan",
        settings.office_plan,
        "office_plans",
        ("office_id", "snapshot_date"),
        settings.office_ids,
        "Office",
        single=True,
    ),
    PlainList(
        "offices/{office_id}/available_licenses",
        settings.office_licenses,
        "office_licenses",
        ("office_id", "snapshot_date"),
        settings.office_ids,
        "Office",
        single=True,
    ),
)


def in_state(items: Iterable[Item], state: str) -> list[Item]:
    """Return the items in a state (`all`: in any), and those that have none."""
    return [item for item in items if state == "all" or item.get("state", state) == state]


def rows_of(plain: PlainList, people: People, state: str) -> list[Item]:
    """Return every row of a list, parent by parent, with the parents' columns."""
    parents = [{}] if plain.parents is None else plain.parents(people)
    rows = [
        row
        for parent in parents
        for item in plain.rows(people, **parent) or ()
        for row in plain.to_rows({**parent, **item})
    ]
    rows += plain.include_local(people) or () if plain.include_local else ()
    return rows if plain.any_state else in_state(rows, state)


def no_rows(stream: str) -> str:
    """Return what to say of a stream that no row came of."""
    return (
        f"no rows of {stream} came from the fake: its function makes none, or they have a `state` other than active "
        "(then any_state=True in LISTS of fake_dialpad/lists.py)"
    )
