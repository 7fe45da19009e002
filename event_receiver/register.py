"""Registers the receiver with Dialpad: for each kind of events a webhook with the kind in its path, and a subscription.

Webhook pages of the API: `POST /api/v2/webhooks` makes a webhook, `POST /api/v2/subscriptions/<kind>` subscribes one to
a kind; the lists are `{items, cursor}` and carry the webhooks' secrets in clear, so no answer is ever printed.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from event_receiver.kinds import KINDS, Kind

TIMEOUT_SECONDS: Final = 30
READS_AGAIN: Final = Retry(
    3, backoff_factor=2, status_forcelist=(429, 500, 502, 503, 504), raise_on_status=False, allowed_methods=("GET",)
)
"""Reads alone: a write that failed may have been done, and only the caller can look."""

_CURES: Final = {
    401: "Dialpad refused the key (401). DIALPAD_API_KEY must be a company API key, made under Admin Settings.",
    404: "there is no such thing (404). Check --base-url, or somebody removed it meanwhile: run `list`.",
    409: "Dialpad reports a conflict (409): run `list` and look at what is there.",
    429: "too many requests (429). Try again in a few minutes: what is there already is not made twice.",
}


class DialpadError(Exception):
    """Dialpad refused or could not be reached; the text says what was asked, what came back and the cure."""


class ForbiddenError(DialpadError):
    """The key may not do this (403)."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook of the company; `secret` is empty when it has none, and is kept out of the repr."""

    id: str
    url: str
    secret: str

    def __repr__(self) -> str:
        return f"Webhook(id={self.id!r}, url={self.url!r}, signed={bool(self.secret)})"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription of a webhook to a kind of events; `members` are as Dialpad answers them."""

    id: str
    kind: Kind
    webhook_id: str
    members: Mapping[str, Any]

    @property
    def target(self) -> str:
        """Empty for the whole company, else `type:id`."""
        return _target(self.kind, self.members)

    def covers(self, wanted: Mapping[str, Any]) -> bool:
        """Whether it is for the same target and type of contacts."""
        same_contacts = self.members.get("contact_type") == wanted.get("contact_type")
        return same_contacts and self.target == _target(self.kind, wanted)

    def differences(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the wanted members that the subscription does not have; targets and the order of lists aside."""
        there = {"enabled": True} | {name: value for name, value in self.members.items() if value is not None}
        return {
            name: value
            for name, value in {"enabled": True, **wanted}.items()
            if not name.startswith("target_") and _comparable(there.get(name)) != _comparable(value)
        }


class Dialpad:
    """The few calls of API v2 that registering needs. With `dry_run`, nothing is written."""

    def __init__(
        self, api_key: str, base_url: str, *, session: requests.Session | None = None, dry_run: bool = False
    ) -> None:
        self._base_url = base_url.strip().rstrip("/").removesuffix("/api/v2")
        self._session = session or requests.Session()
        if session is None:
            for scheme in ("https://", "http://"):  # ignore-https-check
                self._session.mount(scheme, HTTPAdapter(max_retries=READS_AGAIN))
        self._session.headers["Authorization"] = f"Bearer {api_key.strip()}"
        self._dry_run = dry_run
        self.not_done = " (dry run: not done)" if dry_run else ""

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def webhooks(self) -> list[Webhook]:
        """Return all webhooks of the company."""
        return [_webhook(item) for item in self._items("webhooks")]

    def subscriptions(self, kind: Kind) -> list[Subscription]:
        """Return all subscriptions to a kind that go to a webhook."""
        items = self._items(f"subscriptions/{kind.subscription}")
        return [_subscription(kind, item) for item in items if item.get("webhook")]

    def create_webhook(self, url: str, secret: str) -> Webhook:
        """Make a webhook; without a secret its events come unsigned."""
        return _webhook(self._made("webhooks", {"hook_url": url} | ({"secret": secret} if secret else {})))

    def create_subscription(self, kind: Kind, webhook: Webhook, wanted: Mapping[str, Any]) -> Subscription:
        """Subscribe a webhook to a kind of events."""
        # The page's text speaks of webhook_id, its schema of endpoint_id; the schema is right.
        body = {"endpoint_id": number(webhook.id), **wanted, "enabled": True}
        return _subscription(kind, self._made(f"subscriptions/{kind.subscription}", body))

    def write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Send a POST, PATCH or DELETE and return the answer; in a dry run, return the body with an invented id."""
        return {"id": "(new)", **(body or {})} if self._dry_run else self._ask(method, path, body)

    def _items(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of all pages; a missing or null list is an empty one, as everywhere in this API."""
        cursors = [""]
        while cursors[-1] or len(cursors) == 1:
            page = self._ask("GET", path, params={"cursor": cursors[-1]} if cursors[-1] else {})
            items = page.get("items") or []
            if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
                raise DialpadError(f"GET {path}: the answer is not a list of objects. Is --base-url a Dialpad?")
            yield from items
            cursor = str(page.get("cursor") or "")
            if cursor and cursor in cursors:
                raise DialpadError(f"GET {path} does not come to an end: the cursor repeats. Nothing was changed.")
            cursors.append(cursor)

    def _made(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        made = self.write("POST", path, body)
        if not made.get("id"):
            raise DialpadError(f"POST {path}: the answer has no id. Run `list` to see whether it was made.")
        return made

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, params: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON object of an answer, or raise DialpadError; no text of an answer is quoted."""
        url = f"{self._base_url}/api/v2/{path}"
        what = f"{method} {url}"
        try:
            answer = self._session.request(
                method, url, json=body, params=params, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
            content = answer.json() if answer.ok and answer.content and not answer.is_redirect else {}
        except (requests.JSONDecodeError, RecursionError) as error:
            raise DialpadError(f"{what}: the answer is not JSON. Is --base-url a Dialpad?") from error
        except requests.RequestException as error:
            text = f"{what}: no answer ({type(error).__name__}). Check --base-url and the network."
            raise DialpadError(text) from error
        if answer.status_code == 403:  # noqa: PLR2004 - what a missing scope gives
            raise ForbiddenError(f"{what}: Dialpad forbids it (403). It takes the company API key of an admin.")
        if not answer.ok or answer.is_redirect:
            status = answer.status_code
            failed = f"Dialpad failed ({status}). Run it again: what is there already is not made twice."
            other = failed if status >= 500 else f"Dialpad refused it ({status}). Check the URL, states and target."  # noqa: PLR2004
            raise DialpadError(f"{what}: {_CURES.get(status, other)}")
        if not isinstance(content, dict):
            raise DialpadError(f"{what}: the answer is not a JSON object. Is --base-url a Dialpad?")
        return content


class Registration:
    """Webhooks and subscriptions for one receiver, whose `url` is its `…/events`; each line yielded says what was done.

    What is there already is used, and changed only where it differs, so a second run does nothing. After a failed run,
    run it again: it looks before it makes anything. An empty `secret` leaves events unsigned.
    """

    def __init__(self, dialpad: Dialpad, url: str, secret: str = "") -> None:
        self._dialpad = dialpad
        self._url = url
        self._secret = secret

    def register(self, wanted: Mapping[str, Sequence[Mapping[str, Any]]], *, optional: bool = False) -> Iterator[str]:
        """Bring about the wanted subscriptions, given as bodies by the name of their kind.

        A kind the key may not subscribe to is left out if kinds are `optional`, else an error after all other kinds.
        """
        webhooks = self._dialpad.webhooks()
        forbidden = []
        for kind, bodies in ((KINDS[name], bodies) for name, bodies in wanted.items()):
            if not bodies:
                yield f"{kind.name}: left out, a subscription covers one channel: name it with --channel-id"
                continue
            try:
                yield from self._register_kind(kind, webhooks, bodies)
            except ForbiddenError:
                forbidden.append(kind)
                yield f"{kind.name}: left out, Dialpad forbids it (403): {_right(kind)}"
        if forbidden and not (optional and len(forbidden) < len(wanted)):
            rights = "; ".join(f"{kind.name}: {_right(kind)}" for kind in forbidden)
            raise DialpadError(f"Dialpad forbids the subscription (403): {rights}.")

    def remove(self, kinds: Sequence[Kind], *, keep_webhooks: bool = False) -> Iterator[str]:
        """Remove the subscriptions to these kinds and, unless they are kept, their webhooks."""
        webhooks = self._dialpad.webhooks()
        done = self._dialpad.not_done
        nothing = True
        for kind in kinds:
            same = {webhook.id: webhook for webhook in self._same(webhooks, kind)}
            for subscription in self._dialpad.subscriptions(kind) if same else ():
                if subscription.webhook_id in same:
                    self._dialpad.write("DELETE", f"subscriptions/{kind.subscription}/{subscription.id}")
                    yield f"{kind.name}: subscription {subscription.id} removed{done}"
                    nothing = False
            for webhook in () if keep_webhooks else same.values():
                self._dialpad.write("DELETE", f"webhooks/{webhook.id}")
                yield f"{kind.name}: webhook {webhook.id} removed{done}"
                nothing = False
        if nothing:
            yield f"nothing to remove: no webhook has the URL {self._url} or one below it"

    def _same(self, webhooks: Sequence[Webhook], kind: Kind) -> list[Webhook]:
        """Return the webhooks that bring events of a kind; those of calls may come without the kind in the path."""
        urls = {_plain(f"{self._url.rstrip('/')}/{kind.name}")} | (
            {_plain(self._url)} if kind.name == "call" else set()
        )
        return [webhook for webhook in webhooks if _plain(webhook.url) in urls]

    def _register_kind(
        self, kind: Kind, webhooks: Sequence[Webhook], bodies: Sequence[Mapping[str, Any]]
    ) -> Iterator[str]:
        subscriptions = self._dialpad.subscriptions(kind)
        same = self._same(webhooks, kind)
        # Of several webhooks with this URL (made elsewhere), the one that is already subscribed.
        same.sort(key=lambda webhook: webhook.id not in {subscription.webhook_id for subscription in subscriptions})
        webhook = yield from self._webhook(kind, same)
        own = [subscription for subscription in subscriptions if subscription.webhook_id == webhook.id]
        try:
            for body in bodies:
                yield self._subscribe(kind, webhook, own, body)
        except ForbiddenError:
            if not same:
                self._dialpad.write("DELETE", f"webhooks/{webhook.id}")
                yield f"{kind.name}: webhook {webhook.id} removed again{self._dialpad.not_done}"
            raise

    def _webhook(self, kind: Kind, same: Sequence[Webhook]) -> Generator[str, None, Webhook]:
        if not same:
            made = self._dialpad.create_webhook(f"{self._url.rstrip('/')}/{kind.name}", self._secret)
            yield f"{kind.name}: webhook {made.id} made for {made.url}{self._dialpad.not_done}"
            return made
        webhook = same[0]
        if webhook.secret and not self._secret:
            text = f"Webhook {webhook.id} signs its events: set EVENT_RECEIVER_SECRET to its secret, or remove it."
            raise DialpadError(text)
        yield f"{kind.name}: webhook {webhook.id} is there already"
        if webhook.secret != self._secret:
            self._dialpad.write("PATCH", f"webhooks/{webhook.id}", {"secret": self._secret})
            yield f"{kind.name}: webhook {webhook.id} has the receiver's secret now{self._dialpad.not_done}"
        return webhook

    def _subscribe(self, kind: Kind, webhook: Webhook, own: Sequence[Subscription], body: Mapping[str, Any]) -> str:
        """Bring about one subscription. A company's and a target's may stand side by side: an event is kept once."""
        for one in own:
            if one.covers(body):
                if not (changes := one.differences(body)):
                    return f"{kind.name}: subscription {one.id} is there already"
                self._dialpad.write("PATCH", f"subscriptions/{kind.subscription}/{one.id}", changes)
                return f"{kind.name}: subscription {one.id} changed: {', '.join(changes)}{self._dialpad.not_done}"
        made = self._dialpad.create_subscription(kind, webhook, body)
        return f"{kind.name}: subscription {made.id} made{self._dialpad.not_done}"


def list_all(dialpad: Dialpad) -> Iterator[str]:
    """Yield a line for each webhook and subscription; whether it signs is shown, the secret is not."""
    subscriptions: list[Subscription] = []
    forbidden = []
    for kind in KINDS.values():
        try:
            subscriptions += dialpad.subscriptions(kind)
        except ForbiddenError:
            forbidden.append(kind)
    for webhook in dialpad.webhooks():
        yield f"webhook {webhook.id}  {webhook.url}  {'signed' if webhook.secret else 'unsigned'}"
        for one in subscriptions:
            if one.webhook_id == webhook.id:
                settings = [*(one.members.get("call_states") or ()), one.members.get("contact_type")]
                state = "disabled" if one.members.get("enabled") is False else "enabled"
                detail = ",".join(filter(None, settings))
                yield f"  {one.kind.name} subscription {one.id}  {state}  {one.target or 'company'}  {detail}".rstrip()
    yield from (f"{kind.name} subscriptions are not shown: {_right(kind)}" for kind in forbidden)


def _right(kind: Kind) -> str:
    key = "it takes the key of a company admin"
    return f"{key} with the scope {kind.scope}" if kind.scope else key


def _plain(url: str) -> str:
    """Return a URL without what does not matter: case of scheme and host, default port, trailing slash."""
    parts = urlsplit(url.strip())
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path.rstrip("/"), parts.query, ""))


def _webhook(item: Mapping[str, Any]) -> Webhook:
    signature = item.get("signature") or {}
    return Webhook(str(item["id"]), str(item.get("hook_url") or ""), str(signature.get("secret") or ""))


def _subscription(kind: Kind, item: Mapping[str, Any]) -> Subscription:
    return Subscription(str(item["id"]), kind, str((item.get("webhook") or {}).get("id")), item)


def _target(kind: Kind, members: Mapping[str, Any]) -> str:
    return f"{members.get('target_type') or kind.name}:{members['target_id']}" if members.get("target_id") else ""


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else (value or False)


def number(identifier: str) -> int | str:
    """Return an id as the integer the API's schema asks for; it is text everywhere else."""
    return int(identifier) if identifier.isdecimal() else identifier
