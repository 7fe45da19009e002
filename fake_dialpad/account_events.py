"""Events of the account beside calls: texts, duty, and an hourly contact, change of a setting, channel message and fax.

Members are those of the published event payloads. No public document shows the payloads of channels and faxes: those
are invented, the fax after the API's fax object.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.call_parts import numbered_party
from fake_dialpad.model import HOUR, SECOND, DutyChange, Text, day_of, midnight
from fake_dialpad.people import People

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from fake_dialpad.context import Context

Item = dict[str, Any]
Happened = tuple[int, str, Item]
"""Instant in microseconds since 1970, kind, payload."""

_ACTIONS: Final = ("updated_ivr", "operator_added", "operator_removed", "updated_hours", "number_assigned")
_CONTACT_EVENTS: Final = ("Created", "Updated", "Updated", "Deleted")
_DUTY: Final = {"available": "Available", "busy": "Busy", "occupied": "Occupied", "wrapup": "Wrapup"}


def account_events(context: Context, after_us: int, until_us: int) -> list[Happened]:
    """Return what happened after an instant and up to another, oldest first."""
    events: list[Happened] = []
    day = max(day_of(after_us), context.world.first_day) - timedelta(days=1)  # its last events may come after midnight
    while day <= day_of(until_us):
        events += (*_texts(context, day), *_duty(context, day), *_office_work(context, day))
        day += timedelta(days=1)
    return sorted((one for one in events if after_us < one[0] <= until_us), key=lambda one: one[0])


def _texts(context: Context, day: date) -> Iterator[Happened]:
    for text in context.world.texts(day).rows:
        if text.direction != "outbound":
            yield _text(text, 0, "delivered", None)
            continue
        yield _text(text, 0, "sent", None)
        if int(text.message_id) % 20:
            yield _text(text, 3 * SECOND, "delivered", None)
        else:
            yield _text(text, 3 * SECOND, "undelivered", "carrier_blocked")


def _text(text: Text, later_us: int, status: str, result: str | None) -> Happened:
    at = text.at_us + later_us
    payload = {
        "id": int(text.message_id),
        "created_date": text.at_us // 1000,
        "event_timestamp": at // 1000,
        "direction": text.direction,
        "target": numbered_party(text.target),
        "contact": {"phone": text.to_phone if text.direction == "outbound" else text.from_phone},
        "sender_id": int(text.sender_id) if text.sender_id else None,
        "from_number": text.from_phone,
        "to_number": [text.to_phone],
        "mms": bool(text.mms),
        "text": text.text,
        "message_status": status,
        "message_delivery_result": result,
    }
    return at, "sms", payload


def _duty(context: Context, day: date) -> Iterator[Happened]:
    for change in context.world.duty(day).rows:
        yield change.at_us, "agent_status", _agent_status(change)


def _agent_status(change: DutyChange) -> Item:
    status = _DUTY.get(change.status.removesuffix("-end"), "Unavailable")
    return {
        "availability_status": status == "Available",
        "call_center_ids": [int(change.call_center_id)] if change.call_center_id else [],
        "date": change.at_us // 1000,
        "event_timestamp": change.at_us // 1000,
        "on_duty_status": status,
        "on_duty_status_reason": change.reason or None,
        "powerdialer_mode": False,
        "target": numbered_party(change.agent),
    }


def _office_work(context: Context, day: date) -> Iterator[Happened]:
    people, users = People(context), context.world.users
    contacts, channels = people.contacts(), people.channels()
    rng = random.Random(f"office work of {day}")
    for hour in range(24):
        at = midnight(day) + hour * HOUR + rng.randrange(HOUR)
        ms, number, user = at // 1000, at // SECOND, rng.choice(users)
        contact = {**rng.choice(contacts), "job_title": f"Desk {number}"}  # every edit leaves another contact
        yield at, "contact", {"event": _CONTACT_EVENTS[hour % 4], "contact": contact}
        change = {
            "date": ms,
            "action": rng.choice(_ACTIONS),
            "note": f"{user.name} changed it",
            "additional_data": {"hour": hour},
            "target": {"id": int(user.office_id), "type": "office"},
            "changed_by": {"id": int(user.id), "name": user.name, "type": "user"},
        }
        yield at, "change_log", change
        message = {"id": number, "event_timestamp": ms, "channel": rng.choice(channels), "sender_id": int(user.id)}
        yield at, "channel", {**message, "direction": "inbound"}
        fax = {
            "id": str(number),
            "direction": "outbound",
            "from_number": user.phone,
            "to_number": "+12025550199",
            "sender_id": int(user.id),
            "fax_transaction": {"num_pages": 1 + hour % 5, "is_billed": True},
        }
        yield at, "fax", {**fax, "fax_status": "transmitting", "event_timestamp": ms}
        done = at + 30 * SECOND
        yield done, "fax", {**fax, "fax_status": "success", "event_timestamp": done // 1000}
