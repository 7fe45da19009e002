"""What belongs to single users and rooms, and meetings, as API v2 writes them.

Each function returns the rows of one list of lists.py, drawn from generators of its own.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import DAY, SECOND, day_of, midnight

if TYPE_CHECKING:
    from datetime import date

    from fake_dialpad.people import Item, People
    from fake_dialpad.world import World

_MODELS: Final = {"polycom": "VVX 450", "yealink": "T54W", "mini": "Dialpad Mini", "grandstream": "GXP2170"}
_TOPICS: Final = ("Weekly planning", "Quarterly review", "Interview", "Vendor call", "Incident review", "Coaching")
MEETING_DAYS: Final = 30  # how long ago the oldest listed meeting was


def user_ids(people: People) -> list[dict[str, str]]:
    """Return the ids of the users, those who left included."""
    return [{"user_id": user["id"]} for user in people.users()]


def room_ids(people: People) -> list[dict[str, str]]:
    """Return the ids of the rooms."""
    return [{"room_id": str(room["id"])} for room in people.rooms()]


def _desk_phones(world: World, owner_type: str, owner_id: str, phone: str) -> list[Item]:
    rng = world.rng(f"deskphones:{owner_id}")
    rows: list[Item] = []
    for place in range(rng.choice([0, 0, 1, 1, 2]) if owner_type == "user" else 1):
        kind = rng.choice(sorted(_MODELS))
        mac = ":".join(f"{rng.randrange(256):02x}" for _ in range(6))
        rows.append(
            {
                "byod": rng.random() < 0.3,
                "device_model": _MODELS[kind],
                "firmware_version": f"6.{rng.randrange(1, 9)}.{rng.randrange(20)}.{rng.randrange(9999)}",
                "id": f"{owner_id}-{mac.replace(':', '')}",
                "mac_address": mac,
                "name": f"{_MODELS[kind]} {place + 1}",
                "owner_id": owner_id,
                "owner_type": owner_type,
                "password": f"sip-password-{rng.getrandbits(48):012x}",
                **({"phone_number": phone} if phone else {}),
                "port": "5061",
                "realm": "sip.dialpad.example",
                "ring_notification": True,
                "sip_transport_type": "tls",
                "type": kind,
            }
        )
    return rows


def desk_phones_of_user(people: People, user_id: str) -> list[Item] | None:
    """Return the desk phones of a user, their SIP passwords in clear; 404 of somebody who left."""
    party = people.context.world.parties.get(user_id)
    if party is None or party.type != "user":
        return None
    return _desk_phones(people.context.world, "user", user_id, party.phone)


def desk_phones_of_room(people: People, room_id: str) -> list[Item] | None:
    """Return the desk phones of a room, their SIP passwords in clear."""
    return _desk_phones(people.context.world, "room", room_id, "") if room_id in people.room_ids() else None


def personas(people: People, user_id: str) -> list[Item] | None:
    """Return as whom a user may call: oneself, and the groups that one answers for."""
    world = people.context.world
    user = world.parties.get(user_id)
    if user is None or user.type != "user":
        return None
    return [
        {
            "caller_id": party.phone,
            "id": party.id,
            "image_url": f"https://dialpad.example/avatar/{party.id}.png",
            "name": party.name,
            "phone_numbers": [party.phone],
            "type": party.type.replace("_", ""),
        }
        for party in (user, *(world.parties[key] for key in user.groups))
    ]


def caller_ids(people: People, user_id: str) -> list[Item] | None:
    """Return the caller ids of a user as one object."""
    world = people.context.world
    user = world.parties.get(user_id)
    if user is None or user.type != "user":
        return None
    groups = [world.parties[key] for key in user.groups]
    withheld = world.rng(f"caller-id:{user_id}").random() < 0.1
    return [
        {
            "caller_id": "blocked" if withheld else user.phone,
            "forwarding_numbers": [],
            "groups": [{"caller_id": group.phone, "display_name": group.name} for group in groups],
            "id": user.id,
            "office_main_line": world.parties[user.office_id].phone,
            "phone_numbers": [user.phone],
            "primary_phone": user.phone,
        }
    ]


# -- meetings ------------------------------------------------------------------------------------------------------


def meeting_rooms(people: People) -> list[Item]:
    """Return the meeting rooms: one for each tenth user."""
    world = people.context.world
    return [
        {
            "company_name": world.name,
            "display_name": f"{user.name}'s room",
            "email": user.email,
            "id": f"room{user.id[-6:]}",
            "number": f"+1202558{place:04d}",
            "path": f"https://meetings.dialpad.example/room/{user.name.split(' ', 1)[0].lower()}{place}",
        }
        for place, user in enumerate(world.users[::10])
    ]


def meetings(people: People) -> list[Item]:
    """Return the meetings of the last days that have ended, newest first."""
    world, now = people.context.world, people.context.now_us()
    rooms = meeting_rooms(people)
    rows: list[tuple[int, Item]] = []
    day = max(world.first_day, day_of(now - MEETING_DAYS * DAY))
    while day <= day_of(now):
        rows += [row for row in _meetings_of(world, rooms, day) if row[0] <= now]
        day += timedelta(days=1)
    return [item for _, item in sorted(rows, key=lambda row: row[0], reverse=True)]


def _meetings_of(world: World, rooms: list[Item], day: date) -> list[tuple[int, Item]]:
    rng = world.rng("meetings", day)
    rows: list[tuple[int, Item]] = []
    for place in range(rng.randrange(1, 4) if day.weekday() < 5 else 0):
        room = rng.choice(rooms)
        start = midnight(day) + rng.randrange(7 * 3600, 17 * 3600) * SECOND
        length = rng.randrange(8 * 60, 75 * 60) * SECOND
        users = rng.sample(world.users, min(len(world.users), rng.randrange(2, 7)))
        participants: list[dict[str, Any]] = [
            {
                "call_in_method": rng.choice(["web", "web", "app", "phone"]),
                "email": user.email,
                "is_organizer": order == 0,
                "name": user.name,
                "talk_time": str(int(length / 1000 / len(users) * rng.uniform(0.2, 1.6))),
            }
            for order, user in enumerate(users)
        ]
        for one in participants:
            if one["call_in_method"] == "phone":
                one["phone"] = rng.choice(world.callers)[2]
        key = f"meeting{day:%Y%m%d}{place}"
        recorded = rng.random() < 0.4
        item: Item = {
            "duration_ms": str(length // 1000),
            "end_time": _iso(start + length),
            "host_name": users[0].name,
            "id": key,
            "participants": participants,
            "recordings": [
                {"size": f"{length / SECOND / 100:.1f}MB", "url": f"https://meetings.dialpad.example/audio/{key}.mp3"}
            ]
            if recorded
            else [],
            "room_id": room["id"],
            "start_time": _iso(start),
            "title": rng.choice(_TOPICS),
            "transcript_url": f"https://meetings.dialpad.example/transcript/{key}",
            "video_recordings": [],
        }
        rows.append((start + length, item))
    return rows


def _iso(us: int) -> str:
    return f"{datetime.fromtimestamp(us // SECOND, UTC):%Y-%m-%dT%H:%M:%S}"
