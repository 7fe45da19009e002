"""The account's settings as API v2 writes them: dispositions, policies, skills, opt-outs, IVRs, plans and the like.

Each function returns the rows of one list of lists.py. Everything is drawn from generators of its own, so that nothing
here changes what happens in the world.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.aftermath import DISPOSITIONS
from fake_dialpad.model import COMPANY_ID, EPOCH, Party, day_of

if TYPE_CHECKING:
    from fake_dialpad.people import Item, People

_SINCE: Final = datetime(2025, 2, 3, 9, 30, tzinfo=UTC)
_POLICIES: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    (
        "Supervisors",
        "Reads dashboards and may change dispositions",
        "callcenter",
        ("dashboard_and_alerts_read", "dashboard_and_alerts_write", "call_dispositions_settings_write"),
    ),
    (
        "Quality team",
        "Reads recordings and AI settings of every office",
        "company",
        ("dialpad_ai_settings_read", "auto_call_recording_and_transcription_settings_read", "csat_surveys_read"),
    ),
    (
        "Office managers",
        "Opening hours and numbers of one office",
        "office",
        ("business_hours_read", "business_hours_write", "number_settings_read", "holiday_hours_settings_write"),
    ),
    ("Number porting 2025", "", "company", ("number_settings_read", "number_settings_write")),
)
_OFF_DUTY: Final = ("Lunch", "Off shift", "Team meeting, room 2", "Training", "Coaching")
_LINES: Final = (
    "additional_number_lines",
    "contact_center_lines",
    "fax_lines",
    "room_lines",
    "sell_lines",
    "talk_lines",
    "tollfree_additional_number_lines",
    "tollfree_room_lines",
    "tollfree_uberconference_lines",
    "uberconference_lines",
)


def _stamp(days: float) -> str:
    """Return a moment some days after the account was set up, as API v2 writes it: UTC without a zone."""
    return f"{_SINCE + timedelta(days=days):%Y-%m-%dT%H:%M:%S}"


# -- dispositions --------------------------------------------------------------------------------------------------


def disposition_lists(people: People) -> list[Item]:
    """Return the lists of dispositions, one for each office; every disposition set on a call is in them."""
    world = people.context.world
    groups: dict[str, list[str]] = {}
    for text in DISPOSITIONS:
        name, _, inner = text.partition("~")
        groups.setdefault(name, []).extend([inner] if inner else [])
    never_chosen = {**groups, "Escalated": ["To a manager", "To the legal team"]}
    formatted = [
        {
            "name": name,
            "usage": "everything" if inner else "inbound",
            "dispositions": [{"name": one, "usage": "everything"} for one in inner],
        }
        for name, inner in never_chosen.items()
    ]
    by_name = {
        name: {"~usage": "everything", **{one: {"~usage": "everything"} for one in inner}}
        for name, inner in never_chosen.items()
    }
    return [
        {
            "id": f"500000000001{1001 + i}",
            "name": f"Outcomes {office.name.removesuffix(' office')}",
            "office_id": office.id,
            "date_modified": _stamp(40 + i * 13.7),
            "targets": [
                {"target_id": center.id, "target_type": "callcenter"}
                for center in world.call_centers
                if center.office_id == office.id
            ],
            "dispositions": by_name,
            "formatted_dispositions": formatted,
        }
        for i, office in enumerate(world.offices)
    ]


# -- access policies -----------------------------------------------------------------------------------------------


def access_policies(people: People) -> list[Item]:
    """Return the access control policies, a deleted one included."""
    owner = people.context.world.users[0]
    return [
        {
            "company_id": COMPANY_ID,
            "date_created": _stamp(10 + i * 31.2),
            "date_updated": _stamp(20 + i * 40.9),
            **({"description": text} if text else {}),
            "id": f"500000000001{2001 + i}",
            "name": name,
            "owner_id": owner.id,
            "permission_sets": list(permissions),
            "state": "deleted" if i == len(_POLICIES) - 1 else "active",
            "target_type": target_type,
        }
        for i, (name, text, target_type, permissions) in enumerate(_POLICIES)
    ]


def policy_ids(people: People) -> list[dict[str, str]]:
    """Return the ids of the policies."""
    return [{"policy_id": policy["id"]} for policy in access_policies(people)]


def policy_assignments(people: People, policy_id: str) -> list[Item] | None:
    """Return who has a policy, each with the whole user; nobody has the deleted one."""
    world = people.context.world
    policy = next((policy for policy in access_policies(people) if policy["id"] == policy_id), None)
    if policy is None:
        return None
    if policy["state"] == "deleted":
        return []
    rng = world.rng(f"policy:{policy_id}")
    targets: dict[str, list[Party]] = {"callcenter": world.call_centers, "office": world.offices}
    assignments: list[Item] = []
    for user in sorted(rng.sample(world.users, min(len(world.users), rng.randrange(3, 9))), key=lambda user: user.id):
        pool = targets.get(policy["target_type"], [])
        chosen = rng.sample(pool, min(len(pool), rng.choice([1, 1, 2])))
        ids = [party.id for party in chosen] or [COMPANY_ID]
        on = [{"target_id": key, "target_type": policy["target_type"]} for key in ids]
        assignments.append({"user": people.user(user), "policy_targets": on})
    return assignments


# -- operators, offices, numbers -----------------------------------------------------------------------------------


def operator_pairs(people: People) -> list[dict[str, str]]:
    """Return every operator of every call center."""
    world = people.context.world
    return [
        {"call_center_id": center.id, "user_id": user.id}
        for center in world.call_centers
        for user in world.operators[center.id]
    ]


def operator_skill(people: People, call_center_id: str, user_id: str) -> list[Item] | None:
    """Return the skill level, 1 to 100, of an operator in a call center."""
    world = people.context.world
    center = world.parties.get(call_center_id)
    if center is None or center.type != "call_center" or user_id not in {u.id for u in world.operators[center.id]}:
        return None
    level = world.rng(f"skill:{call_center_id}:{user_id}").choice([10, 25, 50, 50, 75, 100, 100, 100])
    return [{"call_center_id": call_center_id, "skill_level": level, "user_id": user_id}]


def office_ids(people: People) -> list[dict[str, str]]:
    """Return the ids of the offices."""
    return [{"office_id": office.id} for office in people.context.world.offices]


def off_duty_statuses(people: People, office_id: str) -> list[Item] | None:
    """Return the off-duty statuses of an office as one object; one office has none of its own."""
    world = people.context.world
    if office_id not in world.countries:
        return None
    place = list(world.countries).index(office_id)
    statuses = list(_OFF_DUTY[: 2 + place % 3]) if place != len(world.countries) - 1 else []
    return [{"id": office_id, "off_duty_statuses": statuses}]


def blocked_numbers(people: People) -> list[Item]:
    """Return the numbers blocked through the API; some of them have called."""
    world = people.context.world
    rng = world.rng("blocked")
    callers = rng.sample(world.callers, 31)
    return [{"number": number} for number in sorted({caller[2] for caller in callers} | {"+442079460018"})]


def opt_out_states(_: People) -> list[dict[str, str]]:
    """Return the company and the states in which opt-outs are listed."""
    return [{"company_id": COMPANY_ID, "opt_out_state": state} for state in ("opted_out", "opted_back_in")]


def sms_opt_outs(people: People, company_id: str, opt_out_state: str) -> list[Item] | None:
    """Return the customers' numbers that opted out, or back in; a number may have opted out of one campaign only."""
    if company_id != COMPANY_ID:
        return None
    world = people.context.world
    rng = world.rng("opt-outs")
    rows: list[Item] = []
    for _, _, number in rng.sample(world.callers, 64):
        state = "opted_back_in" if rng.random() < 0.2 else "opted_out"
        scopes = rng.choice([["company"], ["company"], ["a2p_campaign"], ["company", "a2p_campaign"], []])
        at = int((_SINCE + timedelta(minutes=rng.randrange(500_000))).timestamp()) * 1000 + rng.randrange(1000)
        for level in scopes or [""]:
            row: Item = {"external_endpoint": number, "opt_out_state": state, "date": str(at)}
            if level:
                key = COMPANY_ID if level == "company" else "5000000000013001"
                row["opt_out_scope_info"] = {"opt_out_scope_level": level, "scope_id": key}
            rows.append(row)
    return [row for row in rows if row["opt_out_state"] == opt_out_state]


def opt_out_scope(item: Item) -> str:
    """Return of what a number opted out: `company`, or a campaign by its id."""
    scope = item.get("opt_out_scope_info")
    if scope is None or scope["opt_out_scope_level"] == "company":
        return "company"
    return f"{scope['opt_out_scope_level']}:{scope['scope_id']}"


# -- IVRs ----------------------------------------------------------------------------------------------------------

_IVRS: Final = {
    "GREETING": "Thank you for calling {name}. Calls may be recorded to improve our service.",
    "HOLD_MUSIC": "",
    "CLOSED": "{name} is closed at the moment. We are here again tomorrow from eight.",
    "VM_UNAVAILABLE": "Nobody can take your call right now. Please leave a message after the tone.",
    "HOLD_CALLBACK_REQUEST": "Press one and we call you back as soon as it is your turn.",
    "CSAT_INTRO": "Please stay on the line for one short question about this call.",
}


def ivr_targets(people: People) -> list[dict[str, str]]:
    """Return the offices, call centers and departments, which may have IVRs."""
    world = people.context.world
    parties = [*world.offices, *world.call_centers, *world.departments]
    return [{"target_type": party.type.replace("_", ""), "target_id": party.id} for party in parties]


def custom_ivrs(people: People, target_type: str, target_id: str) -> list[Item] | None:
    """Return the IVRs of a target by their type; a department has none."""
    party = people.context.world.parties.get(target_id)
    if party is None or party.type.replace("_", "") != target_type:
        return None
    count = {"office": 2, "call_center": 6}.get(party.type, 0)
    rng = people.context.world.rng(f"ivr:{target_id}")
    rows: list[Item] = []
    for place, (kind, text) in enumerate(list(_IVRS.items())[:count]):
        ivrs = []
        for version in range(rng.choice([1, 1, 2])):
            at = _SINCE + timedelta(days=rng.randrange(300), seconds=rng.randrange(80_000))
            ivrs.append(
                {
                    "id": f"{int(target_id) * 100 + place * 10 + version}",
                    "name": f"{kind.replace('_', ' ').capitalize()} {version + 1}",
                    "description": f"{party.name}, version {version + 1}",
                    "date_added": str(int(at.timestamp()) * 1000),
                    "selected": version == 0,
                    **({"text": text.format(name=party.name)} if text else {}),
                }
            )
        rows.append({"ivr_type": kind, "ivrs": ivrs})
    return rows


# -- reports -------------------------------------------------------------------------------------------------------


def scheduled_reports(people: People) -> list[Item]:
    """Return the scheduled reports, the secrets of their webhooks in clear."""
    world = people.context.world
    kinds = ("call_logs", "daily_statistics", "recordings", "user_statistics", "voicemails")
    rows: list[Item] = []
    for i, kind in enumerate(kinds):
        office = world.offices[i % len(world.offices)]
        frequency = ("daily", "weekly", "monthly")[i % 3]
        target = {"target_id": office.id, "target_type": "office"} if i % 2 else {"target_type": "company"}
        rows.append(
            {
                "at": str(6 + i),
                "coaching_group": False,
                "enabled": i != 3,
                "frequency": frequency,
                "id": f"500000000001{4001 + i}",
                "name": f"{kind.replace('_', ' ').capitalize()} {frequency}",
                "on_day": str(i % 5),
                "report_type": kind,
                **target,
                "timezone": office.timezone,
                "webhook": {
                    "hook_url": f"https://bi.{world.domain}/reports/{kind}",
                    "id": f"500000000001{5001 + i}",
                    "signature": {"algo": "HS256", "secret": f"report-secret-{i}-4c3b2a19e8d7f605", "type": "jwt"},
                },
            }
        )
    return rows


# -- plans ---------------------------------------------------------------------------------------------------------


def office_plan(people: People, office_id: str) -> list[Item] | None:
    """Return the plan of an office today: the balance goes down day by day and is topped up each month."""
    world = people.context.world
    if office_id not in world.countries:
        return None
    today = day_of(people.context.now_us())
    place = list(world.countries).index(office_id)
    rng = world.rng(f"plan:{office_id}", today.replace(day=1))
    spent = (rng.random() * 9 + 3) * (today.day - 1)
    first_of_next = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    users = sum(user.office_id == office_id for user in world.users)
    seats = {"contact_center_lines": users + 4, "talk_lines": 3 + place, "additional_number_lines": 10, "room_lines": 2}
    city = next(office.name for office in world.offices if office.id == office_id).removesuffix(" office")
    return [
        {
            **{name: str(seats.get(name, 0)) for name in _LINES},
            "balance": f"{400 - spent:.4f}",
            "next_billing_date": str((first_of_next - EPOCH).days * 86_400),
            "ppu_address": {
                "address_line_1": f"{place + 1} Example Street",
                "address_line_2": "",
                "city": city.upper(),
                "country": world.countries[office_id],
                "postal_code": f"0000{place}",
                "region": "",
            },
        }
    ]


def office_licenses(people: People, office_id: str) -> list[Item] | None:
    """Return the free licenses of an office today."""
    world = people.context.world
    if office_id not in world.countries:
        return None
    rng = world.rng(f"licenses:{office_id}", day_of(people.context.now_us()))
    free: dict[str, Any] = {
        "contact_center_lines": rng.randrange(1, 5),
        "talk_lines": rng.randrange(4),
        "room_lines": 1,
    }
    return [{name: str(free.get(name, 0)) for name in _LINES}]
