"""The objects of the account as API v2 writes them: company, offices, call centers … devices.

What it keeps to (API specification): ids as strings in some lists and as numbers in others, fields that are null left
out, operators as two lists, secrets in clear.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import COMPANY_ID, LABELS, SECOND, DutyChange, Party, day_of
from fake_dialpad.seasons import opening

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fake_dialpad.context import Context

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: What a user has and a member of a coaching team has not (API specification).
NOT_OF_MEMBERS: Final = (
    *(
        "display_name",
        "group_details",
        "on_duty_status",
        "on_duty_started",
        "duty_status_reason",
        "duty_status_started",
    ),
    *("international_dialing_enabled", "onboarding_completed"),
)
Item = dict[str, Any]


class People:
    """Makes the items of the lists, each anew from the world whenever it is asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        world = context.world
        users = world.users
        self.team_members: dict[str, list[tuple[Party, str]]] = {
            f"500000000000{6001 + i}": [
                (user, "coach" if place == 0 else "trainee") for place, user in enumerate(users[i * 5 : i * 5 + 5])
            ]
            for i in range(3)
        } | {"5000000000006099": []}
        self.channel_members: dict[str, list[Party]] = {
            f"500000000000{7001 + i}": users[i : i + 30 * (i == 0) + 4] for i in range(4)
        } | {"5000000000007099": []}

    def team(self, key: str) -> list[str] | None:
        """Return the ids of the members of a coaching team; None of one that does not exist."""
        members = self.team_members.get(key)
        return None if members is None else [user.id for user, _ in members]

    def room_ids(self) -> set[str]:
        """Return the ids of the rooms."""
        return {str(room["id"]) for room in self.rooms()}

    def company(self) -> Item:
        """Return the company."""
        world = self.context.world
        return {
            "account_type": "enterprise",
            "admin_email": f"admin@{world.domain}",
            "country": "us",
            "domain": world.domain,
            "id": COMPANY_ID,
            "name": world.name,
            "office_count": str(len(world.offices)),
            "state": "active",
            "settings": {"allow_ai_training": False, "has_callai": True},
        }

    @staticmethod
    def _hours(party: Party) -> Item:
        hours = {day: opening(party, place) for place, day in enumerate(WEEKDAYS)}
        return {f"{day}_hours": [f"{int(one):02d}:00" for one in span or ()] for day, span in hours.items()}

    def _routing(self) -> Item:
        inner = {
            "action": "voicemail",
            "try_dial_operators": True,
            "operator_routing": "longestidle",
            "dtmf": [{"input": "0", "options": {"action": "disabled"}}],
        }
        return {"open": inner, "closed": {**inner, "try_dial_operators": False}}

    def _line(self, party: Party) -> Item:
        return {
            "availability_status": "open",
            "country": self.context.world.countries[party.office_id],
            "first_action": "operators",
            **self._hours(party),
            "id": party.id,
            "name": party.name,
            "no_operators_action": "voicemail",
            "office_id": party.office_id,
            "phone_numbers": [party.phone],
            "ring_seconds": "30",
            "routing_options": self._routing(),
            "state": "active",
            "timezone": party.timezone,
            "voicemail_notification_emails": [],
        }

    def offices(self) -> list[Item]:
        """Return the offices."""
        items = []
        for place, party in enumerate(self.context.world.offices):
            city = party.name.removesuffix(" office")
            address = {
                "address": f"{place + 1} Example Street",
                "city": city,
                "country": self.context.world.countries[party.id],
                "state": "",
                "zip": f"0000{place}",
            }
            settings = dict.fromkeys(
                (
                    "allow_device_guest_login",
                    "block_caller_id_disabled",
                    "bridged_target_recording_allowed",
                    "disable_desk_phone_self_provision",
                    "disable_ivr_voicemail",
                    "no_recording_message_on_user_calls",
                    "set_caller_id_disabled",
                ),
                False,
            )
            items.append(
                {
                    **self._line(party),
                    "e911_address": address,
                    "is_primary_office": place == 0,
                    "office_settings": settings,
                }
            )
        return items

    def call_centers(self) -> list[Item]:
        """Return the call centers."""
        queue = {
            "allow_queue_callback": True,
            "announce_position": True,
            "announcement_interval_seconds": 60,
            "max_hold_count": 50,
            "max_hold_seconds": 900,
        }
        return [
            {
                **self._line(party),
                "advanced_settings": {
                    "auto_call_recording": {
                        "allow_pause_recording": True,
                        "call_recording_inbound": True,
                        "call_recording_outbound": False,
                    },
                    "max_wrap_up_seconds": 120,
                },
                "alerts": {"cc_service_level": "95", "cc_service_level_seconds": "60"},
                "group_description": f"Everything about {party.name.lower()}",
                "hold_queue": queue,
                "hours_on": True,
                "voice_intelligence": {"allow_pause": True, "auto_start": True},
            }
            for party in self.context.world.call_centers
        ]

    def departments(self) -> list[Item]:
        """Return the departments, their ids as numbers."""
        items = []
        for party in self.context.world.departments:
            item = {
                **self._line(party),
                "auto_call_recording": False,
                "group_description": "",
                "hold_queue": {"allow_queuing": False, "max_hold_count": 20, "max_hold_seconds": 300},
                "hours_on": False,
                "voice_intelligence": {"allow_pause": True, "auto_start": False},
            }
            items.append({**item, "id": int(party.id), "office_id": int(party.office_id), "ring_seconds": 30})
        return items

    def user(self, party: Party) -> Item:
        """Return a user as lists and operators show it."""
        world = self.context.world
        first, last = party.name.split(" ", 1)
        index = int(party.id) % 1000 - 1
        added = datetime(2025, 1, 1, 9, tzinfo=UTC) + timedelta(days=index % 200, minutes=index)
        duty = self._duty(party)
        status = None if duty is None else duty.status
        return {
            "admin_office_ids": [party.office_id] if index % 20 == 0 else [],
            "company_id": COMPANY_ID,
            "country": world.countries[party.office_id],
            "date_active": f"{added + timedelta(days=1):%Y-%m-%dT%H:%M:%S}",
            "date_added": f"{added:%Y-%m-%dT%H:%M:%S}",
            "date_first_login": f"{added + timedelta(days=2):%Y-%m-%dT%H:%M:%S}",
            "display_name": party.name,
            "do_not_disturb": False,
            "emails": [party.email],
            "extension": f"{1000 + index}",
            "first_name": first,
            "forwarding_numbers": [],
            "group_details": [
                {
                    "do_not_disturb": False,
                    "group_id": key,
                    "group_type": world.parties[key].type.replace("_", ""),
                    "role": "operator",
                }
                for key in party.groups
            ],
            "id": party.id,
            "image_url": f"https://dialpad.example/avatar/{party.id}.png",
            "international_dialing_enabled": False,
            "is_admin": index % 20 == 0,
            "is_available": status == "available",
            "is_on_duty": status not in {None, "unavailable"},
            "is_online": status is not None,
            "is_super_admin": index == 0,
            "job_title": "Agent",
            "language": "en",
            "last_name": last,
            "license": "agents",
            "location": "",
            "muted": False,
            "office_id": party.office_id,
            **({} if duty is None else self._on_duty(duty)),
            "status_message": "",
            "phone_numbers": [party.phone],
            "state": "active",
            "timezone": party.timezone,
            "onboarding_completed": True,
        }

    @staticmethod
    def _on_duty(duty: DutyChange) -> Item:
        """Return what a user's latest duty change shows: times in UTC without a zone (API specification)."""
        started = f"{datetime.fromtimestamp(duty.at_us // SECOND, UTC):%Y-%m-%dT%H:%M:%S}"
        fields = {"on_duty_status": duty.status, "duty_status_reason": duty.reason, "duty_status_started": started}
        return fields if duty.status == "unavailable" else {**fields, "on_duty_started": started}

    def _duty(self, party: Party) -> DutyChange | None:
        now, world = self.context.now_us(), self.context.world
        for day in (day_of(now), day_of(now) - timedelta(days=1)):
            mine = [row for row in world.duty(day).rows if row.agent.id == party.id and row.at_us <= now]
            if mine:
                return mine[-1]
        return None

    def users(self) -> list[Item]:
        """Return the users, those who left included."""
        items = [self.user(party) for party in self.context.world.users]
        # people who left: only seen with state=deleted or all
        gone = [
            {**items[i], "id": f"500000000000{4901 + i}", "state": "deleted", "emails": [], "phone_numbers": []}
            for i in range(3)
        ]
        return items + gone

    def rooms(self) -> list[Item]:
        """Return the rooms, their ids as numbers."""
        return [
            {
                "company_id": int(COMPANY_ID),
                "country": self.context.world.countries[office.id],
                "id": 5000000000005001 + i,
                "is_free": False,
                "is_on_duty": True,
                "name": f"Room {i + 1}",
                "office_id": int(office.id),
                "phone_numbers": [],
                "state": "active",
            }
            for i, office in enumerate(self.context.world.offices * 2)
        ]

    def coaching_teams(self) -> list[Item]:
        """Return the coaching teams."""
        offices = self.context.world.offices
        return [
            {
                "allow_trainee_eavesdrop": True,
                "company_id": COMPANY_ID,
                "country": "us",
                "id": key,
                "name": f"Team {place + 1}",
                "office_id": offices[place % len(offices)].id,
                "phone_numbers": [],
                "ring_seconds": "20",
                "state": "active",
                "team_description": "",
            }
            for place, key in enumerate(self.team_members)
        ]

    def members_of_team(self, coaching_team_id: str) -> list[Item] | None:
        """Return the members of a coaching team; None if there is no such team."""
        if coaching_team_id not in self.team_members:
            return None
        items = []
        for user, role in self.team_members[coaching_team_id]:
            item = self.user(user)
            for name in NOT_OF_MEMBERS:
                item.pop(name, None)
            items.append({**item, "role": role})
        return items

    def channels(self) -> list[Item]:
        """Return the channels, their ids as numbers."""
        return [{"id": int(key), "name": f"channel-{place + 1}"} for place, key in enumerate(self.channel_members)]

    def members_of_channel(self, channel_id: str) -> list[Item] | None:
        """Return the members of a channel; None if there is no such channel."""
        users = self.channel_members.get(channel_id)
        return None if users is None else [{"id": int(user.id), "name": user.name} for user in users]

    def numbers(self) -> list[Item]:
        """Return the numbers, the free ones included."""
        world = self.context.world
        items = [
            {
                "area_code": party.phone[2:5],
                "company_id": COMPANY_ID,
                "deleted": False,
                "number": party.phone,
                "office_id": party.office_id,
                "status": party.type,
                "target_id": party.id,
                "target_type": party.type.replace("_", ""),
                "type": "local",
            }
            for party in world.parties.values()
        ]
        free = [
            {
                "area_code": "202",
                "company_id": COMPANY_ID,
                "deleted": False,
                "number": f"+1202556{i:04d}",
                "status": "available",
                "type": "local",
            }
            for i in range(7)
        ]
        return items + free

    def contacts(self) -> list[Item]:
        """Return the shared contacts."""
        return [self._contact("shared", COMPANY_ID, *caller) for caller in self.context.world.callers[:130]]

    def local_contacts(self) -> list[Item]:
        """Return the local contacts."""
        world = self.context.world
        return [self._contact("local", world.users[0].id, *caller) for caller in world.callers[130:160]]

    @staticmethod
    def _contact(kind: str, owner_id: str, key: str, name: str, phone: str) -> Item:
        return {
            "company_name": "Example Ltd",
            "display_name": name,
            "emails": [],
            "first_name": name.split(" ", 1)[0],
            "id": f"{kind}_{key}",
            "last_name": name.split(" ", 1)[1],
            "primary_email": "",
            "job_title": "",
            "owner_id": owner_id,
            "phones": [phone],
            "primary_phone": phone,
            "type": kind,
            "urls": [],
        }

    def call_routers(self) -> list[Item]:
        """Return the call routers, their secrets in clear."""
        world = self.context.world
        return [
            {
                "default_target_id": world.call_centers[i].id,
                "default_target_type": "callcenter",
                "enabled": True,
                "id": f"500000000000{8001 + i}",
                "name": f"Router {i + 1}",
                "office_id": world.call_centers[i].office_id,
                "phone_numbers": [f"+1202557{i:04d}"],
                "routing_url": "https://router.example/route",
                "signature": {"algo": "HS256", "secret": f"router-secret-{i}-9f8e7d6c5b4a", "type": "jwt"},
            }
            for i in range(min(2, len(world.call_centers)))
        ]

    def devices(self) -> list[Item]:
        """Return the devices of all users."""
        items = []
        for index, user in enumerate(self.context.world.users):
            for place, kind in enumerate(("native", "iphone", "polycom")[: index % 4]):
                created = datetime(2025, 3, 1, 8, tzinfo=UTC) + timedelta(hours=index * 7 + place)
                item = {
                    "app_version": "2610.0.1",
                    "date_created": f"{created:%Y-%m-%dT%H:%M:%S}",
                    "date_updated": f"{created + timedelta(days=9):%Y-%m-%dT%H:%M:%S}",
                    "display_name": f"{user.name.split(' ', 1)[0]}'s {kind}",
                    "id": f"device_{user.id}_{place}",
                    "phone_number": user.phone,
                    "type": kind,
                    "user_id": int(user.id),
                }
                if kind != "iphone":  # empty for mobile devices
                    item["date_registered"] = (
                        f"{datetime.fromtimestamp(self.context.now() // 3600 * 3600, UTC):%Y-%m-%dT%H:%M:%S}"
                    )
                items.append(item)
        return items

    def labels(self) -> list[str]:
        """Return the call labels of the company."""
        return list(LABELS)

    def operators_of(self, party: Party) -> dict[str, list[Item]]:
        """Return the users and rooms that answer for a group or an office."""
        world = self.context.world
        if party.type == "office":
            users: Iterable[Party] = [user for user in world.users if user.office_id == party.id]
            rooms = [room for room in self.rooms() if str(room["office_id"]) == party.id]
        else:
            users, rooms = world.operators[party.id], []
        return {"users": [self.user(user) for user in users], "rooms": rooms}
