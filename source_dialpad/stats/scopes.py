"""Scopes of the exports: the company, one office, or target by target; never two that overlap within a stream.

Stats API page: a target overrides `office_id`, and `target_type: office` means the main lines of that office alone. The
same call is visible through several scopes, so a stream uses one kind of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import config_error, nearest
from source_dialpad.sync.partitions import Partitions
from source_dialpad.transport.declared import MAX_ITEMS, listed
from source_dialpad.transport.requester import JsonCalls, object_of
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

TARGET_LISTS = {
    "callcenter": "callcenters",
    "coachingteam": "coachingteams",
    "department": "departments",
    "office": "offices",
    "room": "rooms",
    "user": "users",
}
"""Where the targets of a type are listed; the other types have no list to check against."""


def account_objects(ask: JsonCalls, kind: str, context: str, office_id: str | None = None) -> dict[str, str]:
    """Ids and names of the account's objects of a target type."""
    path = TARGET_LISTS[kind]
    params: dict[str, Any] = {"limit": MAX_ITEMS}
    if office_id and kind in ("callcenter", "department", "room"):
        params["office_id"] = office_id
    if kind == "user":
        params["state"] = "all"  # without it those who left are missing, and their calls are still there
    found = listed(ask, f"{context} (listing {path})", path=path, params=params)
    names = ((each.get("id"), each.get("name") or each.get("display_name") or "") for each in found)
    return {text(identity): str(name) for identity, name in names if identity}


def check_targets(ask: JsonCalls, targets: Iterable[Mapping[str, str]], context: str) -> None:
    """Raises a config error that names the nearest objects when the account has no such target."""
    lists: dict[str, dict[str, str]] = {}
    for number, target in enumerate(targets):
        kind = target["type"]
        if kind not in TARGET_LISTS:
            continue
        if kind not in lists:
            lists[kind] = account_objects(ask, kind, context)
        if target["id"] not in lists[kind]:
            raise config_error(
                f"{context}: dialpad.targets[{number}] names the {kind} {target['id']}, which the account does not "
                "have "
                f"({_nearest_object(target['id'], lists[kind])})."
            )


def check_office(ask: JsonCalls, office_id: str, context: str) -> None:
    """Raises a config error that names the nearest offices when the account has no such office."""
    known = account_objects(ask, "office", context)
    if office_id not in known:
        raise config_error(
            f"{context}: dialpad.office_id is {office_id}, which the account does not have "
            f"({_nearest_object(office_id, known)})."
        )


def _nearest_object(identity: str, known: Mapping[str, str]) -> str:
    hint = nearest(identity, known)
    for each in known:
        hint = hint.replace(f"'{each}'", f"{each} '{known[each]}'")
    return hint


@dataclass
class ScopeRouter(Partitions):
    """One partition a scope.

    `of: targets`: the configured targets, or every call center (of `dialpad.office_id`, where it is set).
    `of: offices`: the configured office, or every one, since `group_by: group` wants an office.
    """

    requester: Requester
    config: Config
    of: str
    parameters: Mapping[str, Any] | None = None

    def stream_slices(self) -> Iterable[StreamSlice]:
        """The scopes, each with the members of its POST."""
        for kind, identity in self._scopes():
            if kind == "office" and self.of == "offices":
                body: dict[str, Any] = {"office_id": int(identity)}
            else:
                body = {"target_type": kind, "target_id": int(identity)}
            scope = f"{kind}:{identity}"
            yield StreamSlice(
                partition={"scope": scope}, cursor_slice={}, extra_fields={"scope": scope, "scope_body": body}
            )

    def _scopes(self) -> Iterator[tuple[str, str]]:
        dialpad = self.config["dialpad"]
        ask, context = JsonCalls(self.requester), (self.parameters or {}).get("stream_name", "dialpad")
        office = dialpad.get("office_id")
        if office:
            check_office(ask, office, context)
        if self.of == "offices":
            yield from (("office", each) for each in ([office] if office else account_objects(ask, "office", context)))
        elif dialpad["targets"]:
            check_targets(ask, dialpad["targets"], context)
            yield from ((target["type"], target["id"]) for target in dialpad["targets"])
        else:
            found = account_objects(ask, "callcenter", context, office)
            if not found:
                logger.warning(
                    "%s: the account has no call center%s, so there is nothing to ask for. The export needs targets: "
                    "name some in dialpad.targets.",
                    context,
                    f" in office {office}" if office else "",
                )
            yield from (("callcenter", each) for each in found)


def check_section(ask: Callable[[str], JsonCalls], config: Config, _: logging.Logger) -> None:
    """Asks for the company, and for the lists of the office and the targets that are configured."""
    calls, settings = ask("dialpad_lists_requester"), config["dialpad"]
    object_of(calls("dialpad", path="company"), "dialpad", "id")
    if "office_id" in settings:
        check_office(calls, settings["office_id"], "dialpad")
    check_targets(calls, settings["targets"], "dialpad")
