"""Registers the receiver with Dialpad: for each kind of events a webhook with the kind in its path, and a subscription.

Webhook pages of the API: `POST /api/v2/webhooks` makes a webhook, `POST /api/v2/subscriptions/<kind>` subscribes one to
a kind; the lists are `{items, cursor}` and carry the webhooks' secrets in clear, so no answer is ever printed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import requests

from event_receiver.kinds import KINDS, Kind

TIMEOUT_SECONDS: Final = 30

_CURES: Final = {
    401: "DIALPAD_API_KEY must be a company API key, made under Admin Settings.",
    403: "Dialpad forbids it: it requires the company API key of an admin.",
    404: "Not found. Check --base-url, or run `list`: it may have been removed.",
    409: "It conflicts with what exists: run `list`.",
    429: "Too many requests: run it again in a minute, and it goes on where it stopped.",
}
_CURE: Final = "Check the URL, states and target, or run it again later: what exists is not created twice."

Item = Mapping[str, Any]


class DialpadError(Exception):
    """Dialpad refused or could not be reached; the text says what was asked, what came back and the cure."""


class ForbiddenError(DialpadError):
    """The key may not do this (403)."""


class Dialpad:
    """The few calls of API v2 that registering needs. With `dry_run`, nothing is written."""

    def __init__(self, api_key: str, base_url: str, *, dry_run: bool = False) -> None:
        self._base_url = base_url.strip().rstrip("/").removesuffix("/api/v2")
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {api_key.strip()}"
        self._dry_run = dry_run
        self.not_done = " (dry run: not done)" if dry_run else ""
        self.close = self._session.close

    def write(self, method: str, path: str, body: Item | None = None) -> Item:
        """Send a POST, PATCH or DELETE and return the answer; in a dry run, return the body with an invented id."""
        answer = {"id": "(new)", **(body or {})} if self._dry_run else self._ask(method, path, body)
        if method == "POST" and not answer.get("id"):
            raise DialpadError(f"POST {path}: the answer has no id. Run `list` to see whether it was created.")
        return answer

    def items(self, path: str) -> list[Item]:
        """Return the items of all pages; a missing or null list is an empty one, as everywhere in this API."""
        cursors: list[str | None] = [None]
        found: list[Item] = []
        while cursors[-1] != "":
            page = self._ask("GET", path, params={"cursor": cursors[-1]})
            items = page.get("items") or []
            if not isinstance(items, list) or not all(isinstance(item, dict) and item.get("id") for item in items):
                raise DialpadError(f"GET {path}: the answer is not a list of objects. Check --base-url.")
            found += items
            cursors.append(str(page.get("cursor") or ""))
            if cursors[-1] in cursors[:-1]:
                raise DialpadError(f"GET {path} does not end: the cursor repeats. Nothing was changed.")
        return found

    def _ask(
        self, method: str, path: str, body: Item | None = None, params: Mapping[str, str | None] | None = None
    ) -> Item:
        """Return the JSON object of an answer, or raise DialpadError; no text of an answer is quoted."""
        url = f"{self._base_url}/api/v2/{path}"
        try:
            answer = self._session.request(
                method, url, json=body, params=params, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
            answer.raise_for_status()
            content = answer.json() if answer.content or answer.is_redirect else {}
        except requests.HTTPError as error:
            status = error.response.status_code
            refusal = ForbiddenError if status == requests.codes.forbidden else DialpadError
            raise refusal(f"{method} {url}: {status}. {_CURES.get(status, _CURE)}") from error
        except (requests.RequestException, RecursionError) as error:
            text = f"no answer in JSON ({type(error).__name__}). Check --base-url and the network."
            raise DialpadError(f"{method} {url}: {text}") from error
        if not isinstance(content, dict):
            raise DialpadError(f"{method} {url}: the answer is not a JSON object. Check --base-url.")
        return content


class Registration:
    """Webhooks and subscriptions for one receiver, whose `url` is its `…/events`; each line yielded says what was done.

    What is there already is used, and changed only where it differs, so a second run does nothing. After a failed run,
    run it again: it looks before it makes anything.
    """

    def __init__(self, dialpad: Dialpad, url: str) -> None:
        self._dialpad = dialpad
        self._url = url

    def register(self, wanted: Mapping[str, Sequence[Item]], secret: str, *, optional: bool = False) -> Iterator[str]:
        """Bring about the wanted subscriptions, given as bodies by the name of their kind, and webhooks that sign.

        A kind the key may not subscribe to is left out if kinds are `optional`, else an error after all other kinds.
        """
        webhooks = self._dialpad.items("webhooks")
        forbidden = []
        for kind in map(KINDS.__getitem__, wanted):
            if not wanted[kind.name]:
                yield f"{kind.name}: left out, a subscription covers one channel: name it with --channel-id"
                continue
            try:
                yield from self._register_kind(kind, webhooks, wanted[kind.name], secret)
            except ForbiddenError:
                forbidden.append(kind)
                yield f"{kind.name}: left out, Dialpad forbids it (403): {_right(kind)}"
        if forbidden and not (optional and len(forbidden) < len(wanted)):
            rights = "; ".join(f"{kind.name}: {_right(kind)}" for kind in forbidden)
            raise DialpadError(f"Dialpad forbids the subscription (403): {rights}.")

    def remove(self, kinds: Sequence[Kind]) -> Iterator[str]:
        """Remove the subscriptions to these kinds and their webhooks."""
        webhooks = self._dialpad.items("webhooks")
        nothing = True
        for kind in kinds:
            own = [str(webhook["id"]) for webhook in self._own(webhooks, kind)]
            subscriptions = self._dialpad.items(kind.path) if own else []
            removed = [("subscription", kind.path, one["id"]) for one in subscriptions if _webhook_id(one) in own]
            removed += [("webhook", "webhooks", identity) for identity in own]
            for noun, path, identity in removed:
                self._dialpad.write("DELETE", f"{path}/{identity}")
                yield f"{kind.name}: {noun} {identity} removed{self._dialpad.not_done}"
                nothing = False
        if nothing:
            yield f"nothing to remove: no webhook has the URL {self._url} or one below it"

    def _own(self, webhooks: Sequence[Item], kind: Kind) -> list[Item]:
        """Return the webhooks that bring events of a kind; those of calls may come without the kind in the path."""
        urls = [f"{self._url}/{kind.name}", *([self._url] if kind.name == "call" else [])]
        return [webhook for webhook in webhooks if str(webhook.get("hook_url")).rstrip("/") in urls]

    def _register_kind(
        self, kind: Kind, webhooks: Sequence[Item], bodies: Sequence[Item], secret: str
    ) -> Iterator[str]:
        subscriptions = self._dialpad.items(kind.path)
        done = self._dialpad.not_done
        if own := self._own(webhooks, kind):
            webhook = own[0]
            yield f"{kind.name}: webhook {webhook['id']} exists already"
            if _secret(webhook) != secret:
                self._dialpad.write("PATCH", f"webhooks/{webhook['id']}", {"secret": secret})
                yield f"{kind.name}: webhook {webhook['id']} has the receiver's secret now{done}"
        else:
            hook = {"hook_url": f"{self._url}/{kind.name}", "secret": secret}
            webhook = self._dialpad.write("POST", "webhooks", hook)
            yield f"{kind.name}: webhook {webhook['id']} created for {hook['hook_url']}{done}"
        there = [one for one in subscriptions if _webhook_id(one) == str(webhook["id"])]
        for body in bodies:
            yield f"{kind.name}: subscription {self._subscribe(kind, webhook, there, body)}"

    def _subscribe(self, kind: Kind, webhook: Item, there: Sequence[Item], body: Item) -> str:
        """Bring about one subscription. A company's and a target's may stand side by side: an event is kept once."""
        scope = (_target(kind, body), body.get("contact_type"))
        for one in there:
            if (_target(kind, one), one.get("contact_type")) == scope:
                if not (changes := _differences(one, body)):
                    return f"{one['id']} exists already"
                self._dialpad.write("PATCH", f"{kind.path}/{one['id']}", changes)
                return f"{one['id']} changed: {', '.join(changes)}{self._dialpad.not_done}"
        # The page's text speaks of webhook_id, its schema of endpoint_id; the schema is right.
        made = self._dialpad.write("POST", kind.path, {"endpoint_id": number(webhook["id"]), **body, "enabled": True})
        return f"{made['id']} created{self._dialpad.not_done}"


def list_all(dialpad: Dialpad) -> Iterator[str]:
    """Yield a line for each webhook and subscription; whether it signs is shown, the secret is not."""
    lines: dict[str, list[str]] = {}
    forbidden = []
    for kind in KINDS.values():
        try:
            subscriptions = dialpad.items(kind.path)
        except ForbiddenError:
            forbidden.append(f"{kind.name} subscriptions are not shown: {_right(kind)}")
            continue
        for one in subscriptions:
            state = "disabled" if one.get("enabled") is False else "enabled"
            detail = ",".join(filter(None, [*(one.get("call_states") or ()), one.get("contact_type")]))
            line = f"  {kind.name} subscription {one['id']}  {state}  {_target(kind, one) or 'company'}  {detail}"
            lines.setdefault(_webhook_id(one), []).append(line.rstrip())
    webhooks = dialpad.items("webhooks")
    for webhook in webhooks:
        signed = "signed" if _secret(webhook) else "unsigned"
        yield f"webhook {webhook['id']}  {webhook.get('hook_url') or ''}  {signed}"
        yield from lines.get(str(webhook["id"]), ())
    if not webhooks:
        yield "no webhooks"
    yield from forbidden


def number(identifier: str) -> int | str:
    """Return an id as the integer the API's schema asks for; it is text everywhere else."""
    return int(identifier) if identifier.isdecimal() else identifier


def _right(kind: Kind) -> str:
    key = "it requires the key of a company admin"
    return f"{key} with the scope {kind.scope}" if kind.scope else key


def _webhook_id(subscription: Item) -> str:
    """Return the id of a subscription's webhook; it may have a websocket instead."""
    return str((subscription.get("webhook") or {}).get("id"))


def _secret(webhook: Item) -> str:
    return str((webhook.get("signature") or {}).get("secret") or "")


def _target(kind: Kind, members: Item) -> str:
    """Return whom a subscription covers: empty for the whole company, else `type:id`."""
    return f"{members.get('target_type') or kind.name}:{members['target_id']}" if members.get("target_id") else ""


def _differences(one: Item, wanted: Item) -> dict[str, Any]:
    """Return the wanted members that a subscription does not have; the target and the order of lists aside."""
    there = {"enabled": True} | {name: value for name, value in one.items() if value is not None}
    return {
        name: value
        for name, value in {"enabled": True, **wanted}.items()
        if not name.startswith("target_") and _comparable(there.get(name)) != _comparable(value)
    }


def _comparable(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else (value or False)
