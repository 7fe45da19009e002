"""Webhooks and subscriptions of every kind, in a small Dialpad of the test's own."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import requests
import requests_mock

from event_receiver.kinds import KINDS
from event_receiver.register import Dialpad, DialpadError, Registration, list_all
from unit_tests.receiver.in_process import SECRET

URL = "https://events.example.com/events"
BASE = "https://dialpad.com"
KEY = "any-key-5f4dcc3b5aa765d61d8327deb882cf99"
FORMER = "unit-former-900150983cd24fb0d6963f7d28e17f72"
PAGE = 50
ALL_CALLS = {"call_states": ["all"], "group_calls_only": False}


class Account:
    """Webhooks and subscriptions behind `requests`, by path; lists come in pages, and some paths are forbidden."""

    def __init__(self, mocker: requests_mock.Mocker) -> None:
        self.objects: dict[str, dict[str, dict[str, Any]]] = {}
        self.forbidden: set[str] = set()
        self.writes: list[str] = []
        self._ids = itertools.count(1)
        mocker.register_uri(requests_mock.ANY, re.compile(f"^{BASE}/api/v2/"), json=self.answer)
        self.dialpad = Dialpad(KEY, BASE)

    def answer(self, request: Any, context: Any) -> Any:
        path = request.path.removeprefix("/api/v2/")
        if path in self.forbidden:
            context.status_code = 403
            return {}
        if request.method == "GET":
            items = [*self.of(path).values()]
            start = int(request.qs.get("cursor", ["0"])[0])
            more = {"cursor": str(start + PAGE)} if len(items) > start + PAGE else {}
            return {"items": items[start : start + PAGE] or None, **more}
        self.writes.append(f"{request.method} {path}")
        if request.method == "POST":
            return self.make(path, request.json())
        path, _, identity = path.rpartition("/")
        if request.method == "DELETE":
            return self.of(path).pop(identity)
        changes = request.json()
        if "secret" in changes:
            changes = {"signature": {"secret": changes["secret"]}}
        self.of(path)[identity] |= changes
        return self.of(path)[identity]

    def make(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        made = {"id": str(next(self._ids)), **body}
        if secret := made.pop("secret", None):
            made["signature"] = {"algo": "HS256", "secret": secret, "type": "jwt"}
        if "endpoint_id" in made:
            made["webhook"] = self.of("webhooks")[str(made.pop("endpoint_id"))]
        self.of(path)[made["id"]] = made
        return made

    def webhook(self, url: str, secret: str = SECRET) -> dict[str, Any]:
        return self.make("webhooks", {"hook_url": url, "secret": secret})

    def of(self, path: str) -> dict[str, dict[str, Any]]:
        return self.objects.setdefault(path, {})

    def subscriptions(self, kind: str = "call") -> list[dict[str, Any]]:
        return [*self.of(KINDS[kind].path).values()]

    def register(self, *kinds: str, url: str = URL, optional: bool = False) -> list[str]:
        wanted = {kind: KINDS[kind].requests for kind in kinds or ("call",)}
        return [*Registration(self.dialpad, url).register(wanted, SECRET, optional=optional)]

    def register_calls(self, **body: Any) -> list[str]:
        return [*Registration(self.dialpad, URL).register({"call": [{**ALL_CALLS, **body}]}, SECRET)]

    def remove(self, kinds: Sequence[str] = tuple(KINDS)) -> list[str]:
        return [*Registration(self.dialpad, URL).remove([KINDS[kind] for kind in kinds])]


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def account(mocker: requests_mock.Mocker) -> Account:
    return Account(mocker)


NAMED = tuple(kind for kind in KINDS if kind != "channel")  # a channel has to be named


def test_a_first_run_makes_a_signed_webhook_and_subscriptions_for_each_kind(account: Account) -> None:
    account.register(*NAMED)
    webhooks = account.of("webhooks").values()
    assert [webhook["hook_url"] for webhook in webhooks] == [f"{URL}/{kind}" for kind in NAMED]
    assert {webhook["signature"]["secret"] for webhook in webhooks} == {SECRET}
    for kind in NAMED:
        made = [
            {name: one[name] for name in body}
            for one, body in zip(account.subscriptions(kind), KINDS[kind].requests, strict=True)
        ]
        assert made == [*KINDS[kind].requests]
        assert all(
            one["enabled"] and one["webhook"]["hook_url"] == f"{URL}/{kind}" for one in account.subscriptions(kind)
        )


def test_a_second_run_does_nothing(account: Account) -> None:
    account.register(*NAMED)
    account.writes.clear()
    for webhook in account.of("webhooks").values():
        webhook["hook_url"] += "/"
    lines = account.register(*NAMED)
    assert account.writes == []
    assert {line.rsplit(" ", 2)[1:] == ["exists", "already"] or line for line in lines} == {True}


def test_members_that_dialpad_answers_with_null_are_no_difference(account: Account) -> None:
    account.register("sms", "call")
    for kind in ("sms", "call"):
        account.subscriptions(kind)[0] |= {"enabled": None, "group_calls_only": None}
    account.writes.clear()
    account.register("sms", "call")
    assert account.writes == []


def test_a_webhook_for_calls_that_has_no_kind_in_its_url_is_used(account: Account) -> None:
    webhook = account.webhook(URL)
    account.register("call", "sms")
    assert [one["hook_url"] for one in account.of("webhooks").values()] == [URL, f"{URL}/sms"]
    assert account.subscriptions()[0]["webhook"]["id"] == webhook["id"]


def test_a_webhook_and_a_subscription_on_later_pages_are_found(account: Account) -> None:
    for number in range(60):
        webhook = account.webhook(f"https://other.example.com/{number}")
        account.make("subscriptions/call", {"endpoint_id": webhook["id"], **ALL_CALLS})
    account.register()
    account.register()
    assert (len(account.of("webhooks")), len(account.subscriptions())) == (61, 61)


def test_a_webhook_with_another_secret_gets_the_receivers(account: Account) -> None:
    webhook = account.webhook(f"{URL}/call", FORMER)
    lines = account.register()
    assert webhook["signature"]["secret"] == SECRET
    assert f"call: webhook {webhook['id']} has the receiver's secret now" in lines


def test_a_subscription_that_differs_is_changed_and_not_doubled(account: Account) -> None:
    account.register_calls(call_states=["hangup"], group_calls_only=True)
    account.subscriptions()[0]["enabled"] = False
    lines = account.register_calls(call_states=["hangup", "connected"])
    (subscription,) = account.subscriptions()
    assert (subscription["call_states"], subscription["enabled"]) == (["hangup", "connected"], True)
    assert subscription["group_calls_only"] is False
    assert lines[-1].endswith("changed: enabled, call_states, group_calls_only")


def test_targets_share_one_webhook_and_have_a_subscription_each(account: Account) -> None:
    for target in (100, 101, 101, None):
        account.register_calls(**({"target_type": "office", "target_id": target} if target else {}))
    assert len(account.of("webhooks")) == 1
    assert [one.get("target_id") for one in account.subscriptions()] == [100, 101, None]


def test_channels_share_one_webhook_and_have_a_subscription_each(account: Account) -> None:
    for _ in range(2):
        wanted = {"channel": [{"direction": "all", "target_id": channel} for channel in (5, 6)]}
        list(Registration(account.dialpad, URL).register(wanted, SECRET))
    assert [one["target_id"] for one in account.subscriptions("channel")] == [5, 6]


def test_a_kind_the_key_may_not_subscribe_to_is_left_out_and_its_scope_named(account: Account) -> None:
    account.forbidden = {"subscriptions/changelog", "subscriptions/fax"}
    lines = account.register("call", "change_log", "fax", "contact", optional=True)
    assert [line for line in lines if "left out" in line] == [
        f"{kind}: left out, Dialpad forbids it (403): it requires the key of a company admin with the scope {scope}"
        for kind, scope in (("change_log", "change_log"), ("fax", "fax_message"))
    ]
    assert [one["hook_url"] for one in account.of("webhooks").values()] == [f"{URL}/call", f"{URL}/contact"]


def test_a_kind_that_was_asked_for_by_name_and_is_forbidden_is_an_error_after_the_others(account: Account) -> None:
    account.forbidden = {"subscriptions/changelog"}
    with pytest.raises(DialpadError, match=r"403.*change_log"):
        account.register("change_log", "call")
    assert len(account.subscriptions()) == 1
    with pytest.raises(DialpadError, match=r"403.*change_log"):
        account.register("change_log", optional=True)  # nothing is left of what was asked for


def test_the_list_shows_what_is_there_and_no_secret(account: Account) -> None:
    account.register_calls(call_states=["hangup", "voicemail"])
    account.register("contact", "channel")
    account.webhook("https://other.example.com/hook", "")
    account.forbidden = {"subscriptions/fax"}
    assert [*list_all(account.dialpad)] == [
        f"webhook 1  {URL}/call  signed",
        "  call subscription 2  enabled  company  hangup,voicemail",
        f"webhook 3  {URL}/contact  signed",
        "  contact subscription 4  enabled  company  shared",
        "  contact subscription 5  enabled  company  local",
        f"webhook 6  {URL}/channel  signed",
        "  channel subscription 7  enabled  company",
        "webhook 8  https://other.example.com/hook  unsigned",
        "fax subscriptions are not shown: it requires the key of a company admin with the scope fax_message",
    ]


def test_remove_takes_the_urls_subscriptions_and_webhooks_and_nothing_else(account: Account) -> None:
    account.register(*NAMED)
    account.register(url="https://other.example.com/events")
    assert len(account.remove(["sms"])) == 2
    assert len(account.remove()) == 2 * len(NAMED) - 1  # contacts have two subscriptions, and sms is gone
    assert [one["hook_url"] for one in account.of("webhooks").values()] == ["https://other.example.com/events/call"]
    assert account.remove() == [f"nothing to remove: no webhook has the URL {URL} or one below it"]


# Refusals


def test_the_base_url_may_be_written_with_the_documented_path(account: Account) -> None:
    for base_url in (BASE, f" {BASE}/ ", f"{BASE}/api/v2", f"{BASE}/api/v2/"):
        assert Dialpad(KEY, base_url).items("webhooks") == []


def test_every_failure_says_what_was_asked_and_what_to_do(mocker: requests_mock.Mocker) -> None:
    failures: list[tuple[dict[str, Any], str]] = [
        ({"status_code": 401}, "401.*DIALPAD_API_KEY"),
        ({"status_code": 403}, "forbids it"),
        ({"status_code": 404}, "--base-url"),
        ({"status_code": 429}, "429.*in a minute"),
        ({"status_code": 503}, "503"),
        ({"status_code": 400}, "400"),
        ({"status_code": 302, "headers": {"Location": "https://elsewhere.example.com"}}, "JSONDecodeError"),
        ({"text": "<html>login</html>"}, "no answer in JSON"),
        ({"text": "[" * 100_000}, "no answer in JSON"),
        ({"json": ["x"]}, "not a JSON object"),
        ({"json": {"items": "x"}}, "not a list"),
        ({"json": {"items": [{"hook_url": URL}]}}, "not a list"),
        ({"json": {"items": [5]}}, "not a list"),
        ({"exc": requests.ConnectTimeout}, "ConnectTimeout"),
        ({"exc": requests.exceptions.SSLError}, "SSLError"),
        ({"json": {"items": [{"id": "1"}], "cursor": "again"}}, "cursor repeats"),
    ]
    for answer, text in failures:
        mocker.get(requests_mock.ANY, **answer)
        with pytest.raises(DialpadError, match=text) as caught:
            Dialpad(KEY, BASE).items("webhooks")
        assert "GET" in str(caught.value)
        assert KEY not in str(caught.value)


def test_a_write_that_failed_says_to_run_it_again(mocker: requests_mock.Mocker) -> None:
    mocker.post(f"{BASE}/api/v2/webhooks", status_code=502)
    with pytest.raises(DialpadError, match="run it again"):
        Dialpad(KEY, BASE).write("POST", "webhooks", {"hook_url": URL})
    assert mocker.call_count == 1


def test_something_made_without_an_id_is_an_error(mocker: requests_mock.Mocker) -> None:
    mocker.post(f"{BASE}/api/v2/webhooks", json={})
    with pytest.raises(DialpadError, match="no id"):
        Dialpad(KEY, BASE).write("POST", "webhooks", {"hook_url": URL})
