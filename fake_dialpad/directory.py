"""The account directory: company, offices, call centers … devices, and the digital sessions beside them.

What it keeps to (API specification): `{items, cursor}` with pages of 25 to 100, the last page without a cursor or with
an empty one, `items` missing or null for an empty list, fields that are null left out, ids as strings in some lists and
as numbers in others, call labels as bare strings, operators as two lists, digital sessions in windows under 7 days.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.events import COMPANY_ID, LABELS, SECOND, DutyChange, Party, Session, day_of
from fake_dialpad.wire import Refused, Request, Response, Window, answer, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fake_dialpad.server import FakeDialpad

PAGE: Final = 25
LARGEST_PAGE: Final = 100
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WORKDAYS: Final = 5
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


def cursor_of(place: object) -> str:
    """Return a cursor that stands for a place in a list."""
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> str:
    """Return the place a cursor stands for; refuse one that the fake did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(400, "Invalid cursor") from error
    if not text.startswith("place:"):
        raise Refused(400, "Invalid cursor")
    return text[len("place:") :]


class Directory:
    """The lists of the account; every item is made from the world when it is asked for."""

    def __init__(self, fake: FakeDialpad) -> None:
        self.fake = fake
        self.session_window = Window(100, 60)
        self._large_pages = 0
        self.people = People(fake)
        get: list[tuple[str, Callable[..., Response]]] = [
            ("company", self.company),
            ("offices", self._list(self.people.offices, last_cursor="")),
            ("offices/primary", self._one_of(lambda: self.people.offices()[:1])),
            ("callcenters", self._list(self.people.call_centers)),
            ("departments", self._list(self.people.departments)),
            ("users", self._list(self.people.users, last_cursor="")),
            ("rooms", self._list(self.people.rooms)),
            ("coachingteams", self._list(self.people.coaching_teams)),
            ("channels", self._list(self.people.channels)),
            ("numbers", self._list(self.people.numbers, last_cursor="")),
            ("contacts", self._list(self.people.contacts)),
            ("callrouters", self._list(self.people.call_routers)),
            ("calllabels", self.call_labels),
            ("userdevices", self.user_devices),
            ("digital/sessionsdata", self.digital_sessions),
            ("offices/{office_id}/callcenters", self._under(self.people.call_centers)),
            ("offices/{office_id}/departments", self._under(self.people.departments)),
            ("offices/{office_id}/teams", self._under(self.people.coaching_teams)),
            ("coachingteams/{key}/members", self.team_members),
            ("channels/{key}/members", self.channel_members),
            ("{kind}/{key}/operators", self.operators),
            ("offices/{key}", self._single(self.people.offices)),
            ("callcenters/{key}", self._single(self.people.call_centers)),
            ("departments/{key}", self._single(self.people.departments)),
            ("coachingteams/{key}", self._single(self.people.coaching_teams)),
            ("channels/{key}", self._single(self.people.channels)),
        ]
        self.routes = [route("GET", f"/api/v2/{path}", handler) for path, handler in get]

    def team(self, key: str) -> list[str] | None:
        """Return the ids of the members of a coaching team; nothing of one that does not exist."""
        members = self.people.team_members.get(key)
        return None if members is None else [user.id for user, _ in members]

    def room_ids(self) -> set[str]:
        """Return the ids of the rooms."""
        return {str(room["id"]) for room in self.people.rooms()}

    # -- lists -------------------------------------------------------------------------------------

    def page(self, request: Request, items: Sequence[Item], last_cursor: str | None = None) -> Response:
        """Answer one page of a list: 25 items, or as many as `limit` says up to 100."""
        start = int(place_of(request.parameters["cursor"])) if request.parameters.get("cursor") else 0
        size = self.size(request)
        here = items[start : start + size]
        value: dict[str, Any] = {"items": list(here)}
        if start + size < len(items):
            value["cursor"] = cursor_of(start + size)
        elif last_cursor is not None:
            value["cursor"] = last_cursor
        return answer(value)

    def size(self, request: Request) -> int:
        """Return the page size; above 100 it is 100, and one such request in five is refused (API specification)."""
        text = request.parameters.get("limit")
        if text is None:
            return PAGE
        if not text.isdigit() or int(text) < 1:
            raise Refused(400, f"Invalid value for limit: {text}")
        if int(text) > LARGEST_PAGE:
            self._large_pages += 1
            if self._large_pages % 5 == 0:
                raise Refused(400, "limit must not be over 100")
        return min(int(text), LARGEST_PAGE)

    def _list(self, items: Callable[[], list[Item]], last_cursor: str | None = None) -> Callable[[Request], Response]:
        def handler(request: Request) -> Response:
            query = request.parameters
            made = items()
            for name in ("office_id", "owner_id", "status"):
                if name in query:
                    made = [item for item in made if str(item.get(name)) == query[name]]
            if "name_search" in query:
                made = [item for item in made if query["name_search"].casefold() in str(item.get("name")).casefold()]
            state = query.get("state", "active")
            made = [item for item in made if state == "all" or "state" not in item or item["state"] == state]
            if query.get("include_local", "").lower() == "true":
                made = [*made, *self.people.contacts(kind="local")]
            return self.page(request, made, last_cursor)

        return handler

    def _under(self, items: Callable[[], list[Item]]) -> Callable[..., Response]:
        def handler(request: Request, office_id: str) -> Response:
            if office_id not in self.fake.world.countries:
                raise Refused(404, f"Office {office_id} not found")
            return self.page(request, [item for item in items() if str(item["office_id"]) == office_id])

        return handler

    @staticmethod
    def _single(items: Callable[[], list[Item]]) -> Callable[..., Response]:
        def handler(_: Request, key: str) -> Response:
            found = next((item for item in items() if str(item["id"]) == key), None)
            if found is None:
                raise Refused(404, f"{key} not found")
            return answer(found)

        return handler

    @staticmethod
    def _one_of(items: Callable[[], list[Item]]) -> Callable[[Request], Response]:
        return lambda _: answer(items()[0])

    def company(self, _: Request) -> Response:
        """Answer the company."""
        return answer(self.people.company())

    def call_labels(self, request: Request) -> Response:
        """Answer the labels: bare strings, no cursor."""
        return answer({"labels": self.labels()[: self.size(request) if "limit" in request.parameters else None]})

    @staticmethod
    def labels() -> list[str]:
        """Return the labels of the company."""
        return list(LABELS)

    def user_devices(self, request: Request) -> Response:
        """Answer the devices of one user, or of all."""
        owner = request.parameters.get("user_id")
        if owner == "me":
            user = self.fake.user_of(request)
            owner = user.id if user else ""
        if owner is not None and owner not in self.fake.world.parties:
            raise Refused(404, f"User {owner} not found")
        items = [item for item in self.people.devices() if owner is None or str(item["user_id"]) == owner]
        return self.page(request, items) if items else answer({"items": None})

    def team_members(self, request: Request, key: str) -> Response:
        """Answer the members of a coaching team; of an empty one without `items`."""
        if key not in self.people.team_members:
            raise Refused(404, f"Coaching team {key} not found")
        items = self.people.members_of_team(key)
        return self.page(request, items) if items else answer({})

    def channel_members(self, request: Request, key: str) -> Response:
        """Answer the members of a channel; of an empty one with `items` null."""
        if key not in self.people.channel_members:
            raise Refused(404, f"Channel {key} not found")
        items = self.people.members_of_channel(key)
        return self.page(request, items) if items else answer({"items": None})

    def operators(self, _: Request, kind: str, key: str) -> Response:
        """Answer the operators of a call center, a department or an office: users and rooms, no items."""
        groups = {"callcenters": "call_center", "departments": "department", "offices": "office"}
        party = self.fake.world.parties.get(key)
        if party is None or groups.get(kind) != party.type:
            raise Refused(404, f"{kind} {key} not found")
        return answer(self.people.operators_of(party))

    # -- digital sessions --------------------------------------------------------------------------

    def digital_sessions(self, request: Request) -> Response:
        """Answer the sessions that started or ended in a period of less than 7 days."""
        now = self.fake.server_now()
        if self.fake.limited and not self.session_window.admits(now):
            raise self.fake.too_many("Rate limit exceeded", self.session_window.wait(now))
        query = request.parameters
        moments = []
        for name in ("start_date", "end_date"):
            try:
                moment = datetime.fromisoformat(query.get(name, ""))
            except ValueError as error:
                raise Refused(400, f"{name} must be an RFC 3339 date-time") from error
            if moment.tzinfo is None:
                raise Refused(400, f"{name} must have Z or an offset")
            moments.append(moment)
        start, end = moments
        if end < start:
            raise Refused(400, "end_date is before start_date")
        if end - start >= timedelta(days=7):
            raise Refused(400, "The period must be less than 7 days")
        if ("target_id" in query) != ("target_type" in query):
            raise Refused(400, "target_id and target_type must be given together")
        rows = [
            row
            for row in self.sessions(int(start.timestamp() * SECOND), int(end.timestamp() * SECOND))
            if "target_id" not in query or query["target_id"] in (row.group.id, row.group.office_id)
        ]
        return self.page(request, [self.shown(row) for row in rows])

    def sessions(self, start_us: int, end_us: int) -> list[Session]:
        """Return the sessions that started or ended between two instants (the end not included) and exist now."""
        world, now = self.fake.world, int(self.fake.now() * SECOND)
        rows: list[Session] = []
        day = max(day_of(start_us) - timedelta(days=2), world.first_day)
        while day <= day_of(min(end_us, now)):
            for row in world.digital(day).sessions.rows:
                ended = row.ended_us <= now and start_us <= row.ended_us < end_us
                if row.visible_us <= now and (start_us <= row.at_us < end_us or ended):
                    rows.append(row)
            day += timedelta(days=1)
        return rows

    def shown(self, row: Session) -> Item:
        """Return a session as the API gives it now: without what is null, three durations as text."""
        ended = row.ended_us <= int(self.fake.now() * SECOND)
        agent, group, office = row.agent, row.group, self.fake.world.parties[row.group.office_id]
        shown: dict[str, Any] = {
            "session_id": row.session,
            "customer_session_id": row.customer_session,
            "agent_group_id": [group.id] if agent else None,
            "agent_group_name": [group.name] if agent else None,
            "agent_handled": agent is not None,
            "agent_message_count": row.messages if agent else 0,
            "agent_transfer": row.transferred,
            "aicsat_score": 3.5 if ended and agent else None,
            "skill": "general" if agent else None,
            "queued_status": "queued" if agent else None,
            "bot_time": str(row.bot_ms),
            "cause": "customer_left" if ended else None,
            "chat_type": row.chat_type,
            "created_at": self._moment(row.at_us),
            "ended_at": self._moment(row.ended_us) if ended else None,
            "customer": row.customer,
            "customer_channel_info": row.customer,
            "customer_csat_score": row.score if ended else None,
            "direction": "inbound",
            "disposition": ["Resolved"] if ended and agent else None,
            "duration": (row.ended_us - row.at_us) // 1000 if ended else None,
            "office": {"id": office.id, "name": office.name},
            "queue_time": str(row.queue_ms),
            "session_account": {"id": group.id, "name": group.name, "phone": group.phone},
            "session_channel": row.channel,
            "survey_status": "answered" if row.score is not None and ended else None,
            "target": {"id": group.id, "name": group.name, "type": "callcenter"},
            "user": {"id": agent.id, "display_name": agent.name, "primary_email": agent.email} if agent else None,
            "wrap_up_time": str(row.wrapup_seconds),
        }
        return {name: value for name, value in shown.items() if value is not None}

    def _moment(self, us: int) -> str:
        moment = datetime.fromtimestamp(us // SECOND, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}" + ("Z" if self.fake.readings["session_times"] == "zone" else "")


class People:
    """Makes the items of the lists."""

    def __init__(self, fake: FakeDialpad) -> None:
        self.fake = fake
        world = fake.world
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

    def company(self) -> Item:
        """Return the company."""
        world = self.fake.world
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

    def _hours(self) -> Item:
        return {f"{day}_hours": ["08:00", "18:00"] if place < WORKDAYS else [] for place, day in enumerate(WEEKDAYS)}

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
            "country": self.fake.world.countries[party.office_id],
            "first_action": "operators",
            **self._hours(),
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
        made = []
        for place, party in enumerate(self.fake.world.offices):
            city = party.name.removesuffix(" office")
            address = {
                "address": f"{place + 1} Example Street",
                "city": city,
                "country": self.fake.world.countries[party.id],
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
            made.append(
                {
                    **self._line(party),
                    "e911_address": address,
                    "is_primary_office": place == 0,
                    "office_settings": settings,
                }
            )
        return made

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
            for party in self.fake.world.call_centers
        ]

    def departments(self) -> list[Item]:
        """Return the departments, their ids as numbers."""
        made = []
        for party in self.fake.world.departments:
            item = {
                **self._line(party),
                "auto_call_recording": False,
                "group_description": "",
                "hold_queue": {"allow_queuing": False, "max_hold_count": 20, "max_hold_seconds": 300},
                "hours_on": False,
                "voice_intelligence": {"allow_pause": True, "auto_start": False},
            }
            made.append({**item, "id": int(party.id), "office_id": int(party.office_id), "ring_seconds": 30})
        return made

    def user(self, party: Party) -> Item:
        """Return a user as lists and operators show it."""
        world = self.fake.world
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
        shown = {"on_duty_status": duty.status, "duty_status_reason": duty.reason, "duty_status_started": started}
        return shown if duty.status == "unavailable" else {**shown, "on_duty_started": started}

    def _duty(self, party: Party) -> DutyChange | None:
        now = int(self.fake.now() * SECOND)
        mine = [row for row in self.fake.world.duty(day_of(now)).rows if row.agent.id == party.id and row.at_us <= now]
        return mine[-1] if mine else None

    def users(self) -> list[Item]:
        """Return the users, those who left included."""
        made = [self.user(party) for party in self.fake.world.users]
        # people who left: only seen with state=deleted or all
        gone = [
            {**made[i], "id": f"500000000000{4901 + i}", "state": "deleted", "emails": [], "phone_numbers": []}
            for i in range(3)
        ]
        return made + gone

    def rooms(self) -> list[Item]:
        """Return the rooms, their ids as numbers."""
        return [
            {
                "company_id": int(COMPANY_ID),
                "country": self.fake.world.countries[office.id],
                "id": 5000000000005001 + i,
                "is_free": False,
                "is_on_duty": True,
                "name": f"Room {i + 1}",
                "office_id": int(office.id),
                "phone_numbers": [],
                "state": "active",
            }
            for i, office in enumerate(self.fake.world.offices * 2)
        ]

    def coaching_teams(self) -> list[Item]:
        """Return the coaching teams."""
        offices = self.fake.world.offices
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

    def members_of_team(self, key: str) -> list[Item]:
        """Return the members of a coaching team."""
        made = []
        for user, role in self.team_members[key]:
            item = self.user(user)
            for name in NOT_OF_MEMBERS:
                item.pop(name, None)
            made.append({**item, "role": role})
        return made

    def channels(self) -> list[Item]:
        """Return the channels, their ids as numbers."""
        return [{"id": int(key), "name": f"channel-{place + 1}"} for place, key in enumerate(self.channel_members)]

    def members_of_channel(self, key: str) -> list[Item]:
        """Return the members of a channel."""
        return [{"id": int(user.id), "name": user.name} for user in self.channel_members[key]]

    def numbers(self) -> list[Item]:
        """Return the numbers, the free ones included."""
        world = self.fake.world
        made = [
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
        return made + free

    def contacts(self, kind: str = "shared") -> list[Item]:
        """Return the contacts of a type."""
        callers = self.fake.world.callers[:130] if kind == "shared" else self.fake.world.callers[130:160]
        return [
            {
                "company_name": "Example Ltd",
                "display_name": name,
                "emails": [],
                "first_name": name.split(" ", 1)[0],
                "id": f"{kind}_{key}",
                "last_name": name.split(" ", 1)[1],
                "primary_email": "",
                "job_title": "",
                "owner_id": COMPANY_ID if kind == "shared" else self.fake.world.users[0].id,
                "phones": [phone],
                "primary_phone": phone,
                "type": kind,
                "urls": [],
            }
            for key, name, phone in callers
        ]

    def call_routers(self) -> list[Item]:
        """Return the call routers, their secrets in clear."""
        world = self.fake.world
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
        made = []
        for index, user in enumerate(self.fake.world.users):
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
                        f"{datetime.fromtimestamp(self.fake.now() // 3600 * 3600, UTC):%Y-%m-%dT%H:%M:%S}"
                    )
                made.append(item)
        return made

    def operators_of(self, party: Party) -> dict[str, list[Item]]:
        """Return the users and rooms that answer for a group or an office."""
        world = self.fake.world
        if party.type == "office":
            users: Iterable[Party] = [user for user in world.users if user.office_id == party.id]
            rooms = [room for room in self.rooms() if str(room["office_id"]) == party.id]
        else:
            users, rooms = world.operators[party.id], []
        return {"users": [self.user(user) for user in users], "rooms": rooms}
