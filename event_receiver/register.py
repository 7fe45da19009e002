"""Registers the receiver with Dialpad: one webhook and one subscription to call events for one URL.

Webhook pages of the API: `POST /api/v2/webhooks` makes a webhook, `POST /api/v2/subscriptions/call` subscribes one to
call events; the lists are `{items, cursor}` and carry the webhooks' secrets in clear, so no answer is ever printed.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import requests

TIMEOUT_SECONDS: Final = 30
ATTEMPTS: Final = 4
MAX_PAGES: Final = 1000

_RETRIED: Final = (429, 500, 502, 503, 504)


class DialpadError(Exception):
    """Dialpad refused or could not be reached; the text says what was asked, what came back and the cure."""


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
    """A subscription to call events; `target` is empty for the whole company, else `type:id`."""

    id: str
    webhook_id: str
    states: tuple[str, ...]
    enabled: bool
    target: str
    group_calls_only: bool


class Dialpad:
    """The few calls of API v2 that registering needs. Reads are repeated after 429 and 5xx, writes after 429 only."""

    def __init__(
        self,
        api_key: str,
        base_url: str,
        *,
        session: requests.Session | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url.strip().rstrip("/").removesuffix("/api/v2")
        self._session = session or requests.Session()
        self._session.headers["Authorization"] = f"Bearer {api_key.strip()}"
        self._sleep = sleep

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def webhooks(self) -> list[Webhook]:
        """Return all webhooks of the company."""
        return [_webhook(item) for item in self._items("webhooks")]

    def subscriptions(self) -> list[Subscription]:
        """Return all subscriptions to call events that go to a webhook."""
        return [_subscription(item) for item in self._items("subscriptions/call") if item.get("webhook")]

    def create_webhook(self, url: str, secret: str) -> Webhook:
        """Make a webhook; without a secret its events come unsigned."""
        return _webhook(self._made("webhooks", {"hook_url": url} | ({"secret": secret} if secret else {})))

    def change_secret(self, webhook: Webhook, secret: str) -> None:
        """Give a webhook another secret."""
        self._asked("PATCH", f"webhooks/{webhook.id}", {"secret": secret})

    def delete_webhook(self, webhook: Webhook) -> None:
        """Remove a webhook."""
        self._asked("DELETE", f"webhooks/{webhook.id}")

    def create_subscription(self, webhook: Webhook, wanted: Mapping[str, Any]) -> Subscription:
        """Subscribe a webhook to call events."""
        # The page's text speaks of webhook_id, its schema of endpoint_id; the schema is right.
        return _subscription(self._made("subscriptions/call", {"endpoint_id": _number(webhook.id), **wanted}))

    def change_subscription(self, subscription: Subscription, wanted: Mapping[str, Any]) -> None:
        """Change the states of a subscription, or switch it on."""
        self._asked("PATCH", f"subscriptions/call/{subscription.id}", wanted)

    def delete_subscription(self, subscription: Subscription) -> None:
        """Remove a subscription."""
        self._asked("DELETE", f"subscriptions/call/{subscription.id}")

    def _items(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of all pages; a missing or null list is an empty one, as everywhere in this API."""
        cursor = ""
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            page = self._asked("GET", path, params={"cursor": cursor} if cursor else {})
            items = page.get("items") or []
            if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
                raise DialpadError(f"GET {path}: the answer is not a list of objects. Is --base-url a Dialpad?")
            yield from items
            cursor = str(page.get("cursor") or "")
            if not cursor:
                return
            if cursor in seen:
                break
            seen.add(cursor)
        raise DialpadError(f"GET /api/v2/{path} does not come to an end: the cursor repeats. Nothing was changed.")

    def _made(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        made = self._asked("POST", path, body)
        if not made.get("id"):
            raise DialpadError(f"POST {path}: the answer has no id. Run `list` to see whether it was made.")
        return made

    def _asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        """Return the JSON object of an answer, or raise DialpadError; no text of an answer is quoted."""
        what = f"{method} {self._base_url}/api/v2/{path}"
        url = f"{self._base_url}/api/v2/{path}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._session.request(
                    method, url, json=body, params=params, timeout=TIMEOUT_SECONDS, allow_redirects=False
                )
            except requests.RequestException as error:
                raise DialpadError(
                    f"{what}: no answer ({type(error).__name__}). Check --base-url and the network."
                ) from error
            # A POST that failed with a 5xx may have made its object: only the caller can look.
            again = answer.status_code == 429 or (answer.status_code in _RETRIED and method == "GET")  # noqa: PLR2004
            if not again or attempt == ATTEMPTS:
                break
            self._sleep(_wait(answer.headers.get("Retry-After"), attempt))
        if not answer.ok or answer.is_redirect:
            raise DialpadError(f"{what}: {_cure(answer.status_code)}")
        if not answer.content:
            return {}
        try:
            content = answer.json()
        except (requests.JSONDecodeError, RecursionError) as error:
            raise DialpadError(f"{what}: the answer is not JSON. Is --base-url a Dialpad?") from error
        if not isinstance(content, dict):
            raise DialpadError(f"{what}: the answer is not a JSON object. Is --base-url a Dialpad?")
        return content


def register(  # noqa: PLR0913 - each is one setting of the subscription
    dialpad: Dialpad,
    url: str,
    secret: str,
    *,
    states: Sequence[str] = ("all",),
    target: tuple[str, str] | None = None,
    group_calls_only: bool = False,
) -> list[str]:
    """Bring about one webhook for the URL, with this secret, and one subscription for the target; say what was done.

    What is there already is used, and changed only where it differs, so a second run does nothing. An empty `secret`
    leaves events unsigned. After a failed run, run it again: it looks before it makes anything.
    """
    said: list[str] = []
    same = [webhook for webhook in dialpad.webhooks() if same_url(webhook.url, url)]
    subscriptions = dialpad.subscriptions()
    target_text = ":".join(target) if target else ""
    # Of several webhooks with this URL (made elsewhere), the one that is already subscribed.
    same.sort(key=lambda webhook: webhook.id not in {subscription.webhook_id for subscription in subscriptions})
    if same:
        webhook = same[0]
        said.append(f"webhook {webhook.id} is there already")
        said += [f"webhook {other.id} has the same URL: remove it, or its events come twice" for other in same[1:]]
        if secret and webhook.secret != secret:
            dialpad.change_secret(webhook, secret)
            said.append(f"webhook {webhook.id} has the receiver's secret now")
        elif not secret and webhook.secret:
            text = f"Webhook {webhook.id} signs its events: set EVENT_RECEIVER_SECRET to its secret, or remove it."
            raise DialpadError(text)
    else:
        webhook = dialpad.create_webhook(url, secret)
        said.append(f"webhook {webhook.id} made")

    ours = [subscription for subscription in subscriptions if subscription.webhook_id == webhook.id]
    existing = [subscription for subscription in ours if subscription.target == target_text]
    if existing:
        said.append(f"subscription {existing[0].id} is there already")
        if changes := _changes(existing[0], states, group_calls_only=group_calls_only):
            dialpad.change_subscription(existing[0], changes)
            said.append(f"subscription {existing[0].id} changed: {', '.join(changes)}")
        return said
    if ours and not (target and all(subscription.target for subscription in ours)):
        there = ", ".join(f"{subscription.id} for {subscription.target or 'the company'}" for subscription in ours)
        text = f"The URL is subscribed already ({there}); another for {target_text or 'the company'} would send calls"
        raise DialpadError(f"{text} twice. Remove it first, or keep it.")
    wanted: dict[str, Any] = {"call_states": list(states), "enabled": True, "group_calls_only": group_calls_only}
    if target:
        wanted |= {"target_type": target[0], "target_id": _number(target[1])}
    said.append(f"subscription {dialpad.create_subscription(webhook, wanted).id} made")
    return said


def listed(dialpad: Dialpad) -> list[str]:
    """Return a line for each webhook and subscription; whether it signs is told, the secret is not."""
    subscriptions = dialpad.subscriptions()
    lines = []
    for webhook in dialpad.webhooks():
        lines.append(f"webhook {webhook.id}  {webhook.url}  {'signed' if webhook.secret else 'unsigned'}")
        lines += [
            f"  subscription {subscription.id}  {'enabled' if subscription.enabled else 'disabled'}  "
            f"{subscription.target or 'company'}  {','.join(subscription.states) or 'no states'}"
            for subscription in subscriptions
            if subscription.webhook_id == webhook.id
        ]
    return lines or ["no webhooks"]


def remove(dialpad: Dialpad, url: str, *, keep_webhook: bool = False) -> list[str]:
    """Remove the URL's subscriptions to call events and, unless it is kept, its webhook; say what was removed."""
    said = []
    same = {webhook.id: webhook for webhook in dialpad.webhooks() if same_url(webhook.url, url)}
    for subscription in dialpad.subscriptions():
        if subscription.webhook_id in same:
            dialpad.delete_subscription(subscription)
            said.append(f"subscription {subscription.id} removed")
    for webhook in same.values():
        if not keep_webhook:
            dialpad.delete_webhook(webhook)
            said.append(f"webhook {webhook.id} removed")
    return said or [f"nothing to remove: no webhook has the URL {url}"]


def same_url(one: str, other: str) -> bool:
    """Whether two URLs name the same place: case of scheme and host, default port and trailing slash do not matter."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    parts = urlsplit(url.strip())
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return urlunsplit((parts.scheme, f"{parts.hostname}{port}", parts.path.rstrip("/"), parts.query, ""))


def _changes(subscription: Subscription, states: Sequence[str], *, group_calls_only: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if set(subscription.states) != set(states):
        changes["call_states"] = list(states)
    if not subscription.enabled:
        changes["enabled"] = True
    if subscription.group_calls_only != group_calls_only:
        changes["group_calls_only"] = group_calls_only
    return changes


def _webhook(item: Mapping[str, Any]) -> Webhook:
    signature = item.get("signature") or {}
    return Webhook(str(item["id"]), str(item.get("hook_url") or ""), str(signature.get("secret") or ""))


def _subscription(item: Mapping[str, Any]) -> Subscription:
    target = f"{item.get('target_type')}:{item['target_id']}" if item.get("target_id") else ""
    return Subscription(
        id=str(item["id"]),
        webhook_id=str((item.get("webhook") or {}).get("id")),
        states=tuple(item.get("call_states") or ()),
        enabled=item.get("enabled") is not False,
        target=target,
        group_calls_only=bool(item.get("group_calls_only")),
    )


def _number(identifier: str) -> int | str:
    """Return an id as the integer the API's schema asks for; it is text everywhere else."""
    return int(identifier) if identifier.isdecimal() else identifier


def _wait(retry_after: str | None, attempt: int) -> float:
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else 2.0**attempt
    return min(seconds, 60.0)


def _cure(status: int) -> str:
    cures = {
        401: "Dialpad refused the key (401). DIALPAD_API_KEY must be a company API key, made under Admin Settings.",
        403: "Dialpad forbids it (403). Webhooks need a company API key; the key of a user or an office is not enough.",
        404: "there is no such thing (404). Check --base-url, or somebody removed it meanwhile: run `list`.",
        409: "Dialpad reports a conflict (409): run `list` and look at what is there.",
        429: "too many requests (429), also after waiting. Try again in a few minutes.",
    }
    if status in cures:
        return cures[status]
    if status >= 500:  # noqa: PLR2004 - the server's faults
        return f"Dialpad failed ({status}). Run it again: what is there already is not made twice."
    return f"Dialpad refused it ({status}). Check the URL, the states and the target."
