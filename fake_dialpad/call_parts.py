"""The parts of a call that the list of calls and the call events both have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fake_dialpad.model import Leg, Party, Recording

Item = dict[str, Any]


def party_item(party: Party | None) -> Item | None:
    """Return who has a line, the id as text."""
    if party is None:
        return None
    return {"id": party.id, "name": party.name, "email": party.email, "phone": party.phone, "type": party.type}


def numbered_party(party: Party | None) -> Item:
    """Return who has a line, the ids as numbers; an empty object of nobody."""
    if party is None:
        return {}
    return {**(party_item(party) or {}), "id": int(party.id), "office_id": int(party.office_id)}


def contact_item(leg: Leg) -> Item:
    """Return the person on the other side of a leg."""
    kind = "user" if leg.internal_call else "local"
    return {"id": leg.contact[0], "name": leg.contact[1], "email": "", "phone": leg.external, "type": kind}


def group_id(leg: Leg) -> str | None:
    """Return the group that a leg belongs to, as `kind:id`."""
    group = leg.entry_target or (leg.target if leg.target.type != "user" else None)
    return None if group is None else f"{group.kind}:{group.id}"


def recording_item(row: Recording, *, with_url: bool) -> Item:
    """Return a recording as the list of calls has it: numbers as text."""
    item: Item = {
        "id": row.id,
        "duration": str(row.duration_us // 1000),
        "recording_type": row.kind.replace("adminrecording", "admincallrecording"),
        "start_time": str(row.at_us // 1000),
    }
    return {**item, "url": row.url} if row.url and with_url else item
