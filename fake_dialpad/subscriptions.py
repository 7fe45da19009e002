"""Webhooks, and subscriptions to the seven kinds of events.

What it keeps to (API specification): secrets and websocket URLs come in clear, a webhook in use stays (409), a kind may
have 50 subscriptions, change log and fax need a scope, agent status, contacts and change log a company admin's key.
The account has a few of its own for other systems; nothing is sent to those.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.stats import INT64, TARGET_TYPES
from fake_dialpad.wire import Refused, Request, Response, Route, Window, answer, route, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from jsonschema import Draft202012Validator

    from fake_dialpad.context import Context
    from fake_dialpad.paging import Pages

Item = dict[str, Any]
STATES: Final = (
    "all",
    "preanswer",
    "calling",
    "ringing",
    "queued",
    "connected",
    "hold",
    "parked",
    "merged",
    "hangup",
    "missed",
    "voicemail",
    "voicemail_uploaded",
    "blocked",
    "admin",
    "admin_recording",
    "recording",
    "transcription",
    "call_transcription",
    "recap_summary",
    "recap_action_items",
    "recap_outcome",
    "recap_purposes",
    "csat",
    "pcsat",
    "dispositions",
    "postcall",
    "monitor",
    "barge",
    "takeover",
    "eavesdrop",
    "ai_playbook",
)
MOST_SUBSCRIPTIONS: Final = 50
WEBHOOK: Final = schema(
    {"hook_url": {"type": "string", "pattern": "^https?://"}, "secret": {"type": "string"}}, required=("hook_url",)
)
WEBHOOK_CHANGE: Final = schema({"hook_url": {"type": "string", "pattern": "^https?://"}, "secret": {"type": "string"}})
_DIRECTION: Final = {"enum": ["all", "inbound", "outbound"]}
_BOOLEAN: Final = {"type": "boolean"}
_COMMON: Final[dict[str, object]] = {"endpoint_id": INT64, "enabled": _BOOLEAN}
_TARGET: Final[dict[str, object]] = {
    "target_id": INT64,
    "target_type": {"enum": [*TARGET_TYPES, "callrouter", "channel"]},
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event: its path below /api/v2/subscriptions/, what a subscription may say, the rights it takes."""

    name: str
    path: str
    body: Draft202012Validator
    defaults: Item
    needs: tuple[str, ...] = ("endpoint_id",)
    scope: str | None = None
    admin: bool = False


_CALL_STATES: Final = {"type": "array", "items": {"enum": list(STATES)}}
KINDS: Final = (
    Kind(
        "call",
        "call",
        schema({**_COMMON, **_TARGET, "call_states": _CALL_STATES, "group_calls_only": _BOOLEAN}),
        {"call_states": ["all"], "enabled": True, "group_calls_only": False},
    ),
    Kind(
        "sms",
        "sms",
        schema({**_COMMON, **_TARGET, "direction": _DIRECTION, "include_internal": _BOOLEAN, "status": _BOOLEAN}),
        {"direction": "all", "enabled": True, "include_internal": False, "status": False},
    ),
    Kind(
        "agent_status",
        "agent_status",
        schema({**_COMMON, "agent_type": {"enum": ["callcenter"]}}),
        {"enabled": True},
        needs=("endpoint_id", "agent_type"),
        admin=True,
    ),
    Kind(
        "contact",
        "contact",
        schema({**_COMMON, "contact_type": {"enum": ["local", "shared"]}}),
        {"contact_type": "shared", "enabled": True},
        admin=True,
    ),
    Kind("change_log", "changelog", schema(_COMMON), {"enabled": True}, scope="change_log", admin=True),
    Kind(
        "channel",
        "channel",
        schema({**_COMMON, "direction": _DIRECTION, "target_id": INT64}),
        {"direction": "all", "enabled": True},
        needs=("endpoint_id", "target_id"),
    ),
    Kind(
        "fax",
        "fax",
        schema({**_COMMON, **_TARGET, "direction": _DIRECTION, "status": _BOOLEAN}),
        {"direction": "all", "enabled": True, "status": False},
        scope="fax_message",
    ),
)


class Subscriptions:
    """The webhooks of the account and the subscriptions of each kind."""

    def __init__(self, context: Context, pages: Pages) -> None:
        self.context = context
        self.pages = pages
        self.webhooks: dict[str, Item] = {}
        self.other_webhooks = _webhooks_of_others(context.world.domain)
        self._websockets = _websockets_of_others()
        self.of_kind: dict[str, dict[str, Item]] = {kind.name: {} for kind in KINDS}
        for name, items in _subscriptions_of_others(context).items():
            self.of_kind[name].update({item["id"]: item for item in items})
        self._next_id = 5_000_000_000_009_001
        self._creations = Window(100, 60)
        self.routes = [
            route("GET", "/api/v2/webhooks", self.list_webhooks),
            route("POST", "/api/v2/webhooks", self.create_webhook),
            route("GET", "/api/v2/webhooks/{key}", self.get_webhook),
            route("PATCH", "/api/v2/webhooks/{key}", self.change_webhook),
            route("DELETE", "/api/v2/webhooks/{key}", self.delete_webhook),
            *(one for kind in KINDS for one in self._routes(kind)),
        ]

    def _routes(self, kind: Kind) -> list[Route]:
        path = f"/api/v2/subscriptions/{kind.path}"
        handlers: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", path, self.list_subscriptions),
            ("POST", path, self.create_subscription),
            ("GET", f"{path}/{{key}}", self.get_subscription),
            ("PATCH", f"{path}/{{key}}", self.change_subscription),
            ("DELETE", f"{path}/{{key}}", self.delete_subscription),
        ]
        return [
            route(method, pattern, partial(handler, kind), scope=kind.scope, admin=kind.admin)
            for method, pattern, handler in handlers
        ]

    def _id(self) -> str:
        self._next_id += 1
        return str(self._next_id)

    @staticmethod
    def _of(things: dict[str, Item], key: str, noun: str) -> Item:
        if key not in things:
            raise Refused(404, f"{noun} {key} not found")
        return things[key]

    # -- webhooks ----------------------------------------------------------------------------------

    def all_webhooks(self) -> list[Item]:
        """Return every webhook, those of other systems last."""
        return [*self.webhooks.values(), *self.other_webhooks.values()]

    def list_webhooks(self, request: Request) -> Response:
        """Answer the webhooks."""
        return self.pages.page(request, self.all_webhooks())

    def create_webhook(self, request: Request) -> Response:
        """Make a webhook."""
        if self.context.limited and not self._creations.admits(self.context.server_now()):
            raise self.context.too_many("Rate limit exceeded", 60)
        asked = request.valid(WEBHOOK)
        webhook = _with_secret({"id": self._id(), "hook_url": asked["hook_url"]}, asked.get("secret"))
        self.webhooks[webhook["id"]] = webhook
        return answer(webhook)

    def get_webhook(self, _: Request, key: str) -> Response:
        """Answer one webhook."""
        return answer(self._webhook(key))

    def _webhook(self, key: str) -> Item:
        return self._of({**self.webhooks, **self.other_webhooks}, key, "Webhook")

    def change_webhook(self, request: Request, key: str) -> Response:
        """Change a webhook's URL or secret."""
        webhook = self._webhook(key)
        asked = request.valid(WEBHOOK_CHANGE)
        webhook["hook_url"] = asked.get("hook_url", webhook["hook_url"])
        return answer(_with_secret(webhook, asked.get("secret")))

    def delete_webhook(self, _: Request, key: str) -> Response:
        """Remove a webhook; one that a subscription uses stays (409)."""
        webhook = self._webhook(key)
        if any(one.get("endpoint_id") == key for items in self.of_kind.values() for one in items.values()):
            raise Refused(409, f"Webhook {key} is used by a subscription")
        self.webhooks.pop(key, None)
        self.other_webhooks.pop(key, None)
        return answer(webhook)

    # -- subscriptions -----------------------------------------------------------------------------

    def items(self, kind: str) -> list[Item]:
        """Return the subscriptions of a kind as the API gives them."""
        return [self._item(one) for one in self.of_kind[kind].values()]

    def _item(self, one: Item) -> Item:
        item = {name: value for name, value in one.items() if not name.endswith(("endpoint_id", "websocket_id"))}
        if "websocket_id" in one:
            return {**item, "websocket": self._websockets[one["websocket_id"]]}
        return {**item, "webhook": self._webhook(one["endpoint_id"])}

    def list_subscriptions(self, kind: Kind, request: Request) -> Response:
        """Answer the subscriptions of a kind; `items` is null if there is none."""
        query = request.parameters
        names = [name for name in ("target_type", "target_id") if name in query]
        items = [item for item in self.items(kind.name) if all(str(item.get(name)) == query[name] for name in names)]
        return self.pages.page(request, items) if items else answer({"items": None})

    def create_subscription(self, kind: Kind, request: Request) -> Response:
        """Make a subscription."""
        asked = request.valid(kind.body)
        for name in kind.needs:
            if name not in asked:
                raise Refused(400, f"{name} is required")
        if len(self.of_kind[kind.name]) >= MOST_SUBSCRIPTIONS:
            raise Refused(400, f"There are {MOST_SUBSCRIPTIONS} subscriptions already")
        subscription = self._changed(kind, {"id": self._id(), **kind.defaults}, asked)
        self.of_kind[kind.name][subscription["id"]] = subscription
        return answer(self._item(subscription))

    def _changed(self, kind: Kind, one: Item, asked: Item) -> Item:
        texts: Item = {name: str(asked[name]) for name in ("endpoint_id", "target_id") if name in asked}
        if "endpoint_id" in texts:
            self._webhook(texts["endpoint_id"])
        if kind.name != "channel" and ("target_id" in asked) != ("target_type" in asked):
            raise Refused(400, "target_id and target_type must be given together")
        one.update({**asked, **texts})
        return one

    def _subscription(self, kind: Kind, key: str) -> Item:
        return self._of(self.of_kind[kind.name], key, "Subscription")

    def get_subscription(self, kind: Kind, _: Request, key: str) -> Response:
        """Answer one subscription."""
        return answer(self._item(self._subscription(kind, key)))

    def change_subscription(self, kind: Kind, request: Request, key: str) -> Response:
        """Change a subscription."""
        one = self._subscription(kind, key)
        return answer(self._item(self._changed(kind, one, request.valid(kind.body))))

    def delete_subscription(self, kind: Kind, _: Request, key: str) -> Response:
        """Remove a subscription."""
        item = self._item(self._subscription(kind, key))
        del self.of_kind[kind.name][key]
        return answer(item)


def _with_secret(webhook: Item, secret: str | None) -> Item:
    if secret:
        webhook["signature"] = {"algo": "HS256", "secret": secret, "type": "jwt"}
    return webhook


def _webhooks_of_others(domain: str) -> dict[str, Item]:
    webhooks = [
        _with_secret(
            {"id": "5000000000008901", "hook_url": f"https://crm.{domain}/dialpad"}, "crm-secret-7d1c9e02b4a6f853"
        ),
        _with_secret(
            {"id": "5000000000008902", "hook_url": f"https://audit.{domain}/in"}, "audit-secret-0f9e8d7c6b5a4132"
        ),
        {"id": "5000000000008903", "hook_url": f"https://wallboard.{domain}/status"},
    ]
    return {webhook["id"]: webhook for webhook in webhooks}


def _websockets_of_others() -> dict[str, Item]:
    socket = {
        "id": "5000000000008911",
        "websocket_url": "wss://platform-websockets.dialpad.example/events/websocket-token-3b7f1a9c5d2e8046",
        "signature": {"algo": "HS256", "secret": "websocket-secret-5e4d3c2b1a09f8e7", "type": "jwt"},
    }
    return {"5000000000008911": socket}


def _subscriptions_of_others(context: Context) -> dict[str, list[Item]]:
    crm, audit, wallboard = "5000000000008901", "5000000000008902", "5000000000008903"
    center = context.world.call_centers[0]
    target = {"target_id": center.id, "target_type": "callcenter"}
    sms = {"include_internal": False, "enabled": True}
    return {
        "sms": [
            {"id": "5000000000008801", "endpoint_id": crm, "direction": "inbound", "status": False, **sms},
            {"id": "5000000000008802", "endpoint_id": crm, "direction": "outbound", "status": True, **sms, **target},
        ],
        "agent_status": [
            {"id": "5000000000008811", "endpoint_id": wallboard, "agent_type": "callcenter", "enabled": True}
        ],
        "contact": [
            {"id": "5000000000008821", "endpoint_id": crm, "contact_type": "shared", "enabled": True},
            {"id": "5000000000008822", "endpoint_id": crm, "contact_type": "local", "enabled": False},
        ],
        "change_log": [
            {"id": "5000000000008831", "endpoint_id": audit, "enabled": True},
            {"id": "5000000000008832", "websocket_id": "5000000000008911", "enabled": True},
        ],
        "channel": [
            {
                "id": "5000000000008841",
                "endpoint_id": crm,
                "direction": "all",
                "enabled": True,
                "target_id": "5000000000007001",
            }
        ],
        "fax": [
            {"id": "5000000000008851", "endpoint_id": audit, "direction": "inbound", "enabled": True, "status": True}
        ],
    }
