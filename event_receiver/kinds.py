"""The kinds of events Dialpad sends by webhook, and what differs between them.

Source: the pages of the webhook subscriptions and the OpenAPI document of API v2. No payload names its kind, so each
kind has a path of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its `name` is the last part of the path, the value of the column and of `?kind=`."""

    name: str
    path: str
    """Where its subscriptions stand, below `/api/v2/`."""
    requests: tuple[Mapping[str, Any], ...]
    """Bodies of its subscriptions, without endpoint and target."""
    targets: bool = False
    """Whether a subscription can be limited to one office, call center, user …"""
    scope: str = ""
    """Scope without which Dialpad answers 403."""
    has_own_time: bool = True
    """Whether each payload carries a time or id of its own, so that equal payloads are one event."""


_ALL: Final = (
    Kind("call", "subscriptions/call", ({"call_states": ["all"], "group_calls_only": False},), targets=True),
    Kind("sms", "subscriptions/sms", ({"direction": "all", "include_internal": True, "status": True},), targets=True),
    Kind("agent_status", "subscriptions/agent_status", ({"agent_type": "callcenter"},)),
    Kind("contact", "subscriptions/contact", ({"contact_type": "shared"}, {"contact_type": "local"}),
         has_own_time=False),
    Kind("change_log", "subscriptions/changelog", ({},), scope="change_log"),
    # A subscription covers one channel, which has to be named.
    Kind("channel", "subscriptions/channel", ({"direction": "all"},), has_own_time=False),
    Kind("fax", "subscriptions/fax", ({"direction": "all", "status": True},), targets=True, scope="fax_message",
         has_own_time=False),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _ALL}

REPEAT_SECONDS: Final = 30
"""Within this time an equal payload of a kind without a time of its own is a repeat: five attempts of up to 5 s each
and the 1.5 s between them (page on webhook delivery failures). Later, it is another event."""
