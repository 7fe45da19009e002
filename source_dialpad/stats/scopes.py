"""Scopes of the exports: the company, one office, or target by target; never two that overlap within a stream.

Stats API page: a target overrides `office_id`, and `target_type: office` means the main lines of that office alone. The
same call is visible through several scopes, so a stream uses one kind of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import config_error, nearest
from source_dialpad.sync.retriever import Partitions
from source_dialpad.transport.declared import MAX_ITEMS, listed
from source_dialpad.transport.requester import JsonCalls, object_of
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

LISTED = ("callcenter", "coachingteam", "department", "office", "room", "user")  # other targets have no list to check


def account_objects(ask: JsonCalls, kind: str, context: str, office_id: str | None = None) -> dict[str, str]:
    """Ids and names of the account's objects of a target type."""
    params: dict[str, Any] = {"limit": MAX_ITEMS}
    if office_id:
        params["office_id"] = office_id
    if kind == "user":
        params["state"] = "all"  # without it those who left are missing, and their calls are still there
    objects = listed(ask, f"{context} (listing {kind}s)", path=f"{kind}s", params=params)
    return {text(one["id"]): str(one.get("name") or one.get("display_name") or "") for one in objects if one.get("id")}


def check_scopes(ask: JsonCalls, settings: Mapping[str, Any], context: str) -> None:
    """Raises a config error that names the nearest objects when the account lacks the office or one of the targets."""
    office = settings.get("office_id")
    named = [(f"office_id is {office}", "office", office)] if office else []
    for number, target in enumerate(settings["targets"]):
        kind, identity = target["type"], target["id"]
        named.append((f"targets[{number}] names the {kind} {identity}", kind, identity))
    objects_of = cache(lambda kind: account_objects(ask, kind, context))
    for fault, kind, identity in named:
        if kind in LISTED and identity not in objects_of(kind):
            hint = nearest(identity, objects_of(kind))
            for known, name in objects_of(kind).items():
                hint = hint.replace(f"'{known}'", f"{known} '{name}'")
            raise config_error(f"{context}: dialpad.{fault}, which the account does not have ({hint}).")


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
            target = {"target_type": kind, "target_id": int(identity)}
            body = {"office_id": int(identity)} if self.of == "offices" else target
            scope = {"scope": f"{kind}:{identity}"}
            yield StreamSlice(partition=scope, cursor_slice={}, extra_fields={**scope, "scope_body": body})

    def _scopes(self) -> Iterator[tuple[str, str]]:
        dialpad = self.config["dialpad"]
        ask, context = JsonCalls(self.requester), (self.parameters or {}).get("stream_name", "dialpad")
        office, targets = dialpad.get("office_id"), dialpad["targets"] if self.of == "targets" else []
        check_scopes(ask, {**dialpad, "targets": targets}, context)
        if self.of == "offices":
            yield from (("office", one) for one in ([office] if office else account_objects(ask, "office", context)))
        elif targets:
            yield from ((target["type"], target["id"]) for target in targets)
        else:
            centers = account_objects(ask, "callcenter", context, office)
            if not centers:
                nothing = f"the account has no call center{f' in office {office}' if office else ''}"
                message = "%s: %s, so there is nothing to ask for. Name what the export needs in dialpad.targets."
                logger.warning(message, context, nothing)
            yield from (("callcenter", one) for one in centers)


def check_section(ask: Callable[[str], JsonCalls], config: Config, _: logging.Logger) -> None:
    """Asks for the company, and for the lists of the office and the targets that are configured."""
    calls = ask("dialpad_lists_requester")
    object_of(calls("dialpad", path="company"), "dialpad", "id")
    check_scopes(calls, config["dialpad"], "dialpad")
