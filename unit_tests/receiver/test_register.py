import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock

from event_receiver import register as register_module
from event_receiver.app import create_app
from event_receiver.register import Dialpad, DialpadError, listed, register, remove, same_url
from event_receiver.store import Store
from fake_dialpad.context import Keys
from fake_dialpad.server import FakeDialpad, InProcessAdapter
from fake_dialpad.world import World
from unit_tests.receiver.in_process import READ_KEY, SECRET, InProcess

URL = "https://calls.example.com/events"
BASE = "https://dialpad.com"
FORMER = "unit-former-900150983cd24fb0d6963f7d28e17f72"


@pytest.fixture(scope="module")
def world() -> World:
    return World(seed=7, days=3, calls_per_day=20)


@pytest.fixture
def fake(world: World) -> FakeDialpad:
    """A Dialpad whose clock moves a second whenever it is looked at, so that its rate limits are never met."""
    seconds = itertools.count(time.time())
    made = FakeDialpad(world, clock=lambda: next(seconds))
    made.subscriptions.other_webhooks.clear()
    return made


def dialpad_of(fake: FakeDialpad, key: str = Keys().dialpad, base_url: str = BASE) -> Dialpad:
    session = requests.Session()
    session.mount("https://", InProcessAdapter(fake))
    return Dialpad(key, base_url, session=session, sleep=lambda _seconds: None)


@pytest.fixture
def dialpad(fake: FakeDialpad) -> Dialpad:
    return dialpad_of(fake)


def writes(fake: FakeDialpad) -> list[str]:
    return [f"{one['method']} {one['path']}" for one in fake.log if one["method"] != "GET"]


def test_a_first_run_makes_a_signed_webhook_and_a_subscription_to_everything(
    fake: FakeDialpad, dialpad: Dialpad
) -> None:
    said = register(dialpad, URL, SECRET)
    (webhook,) = fake.events.webhooks.values()
    (subscription,) = fake.events.subscriptions.values()
    assert said == [f"webhook {webhook['id']} made", f"subscription {subscription['id']} made"]
    assert (webhook["hook_url"], webhook["signature"]["secret"]) == (URL, SECRET)
    assert (subscription["call_states"], subscription["enabled"]) == (["all"], True)


def test_a_second_run_does_nothing(fake: FakeDialpad, dialpad: Dialpad) -> None:
    register(dialpad, URL, SECRET)
    before = writes(fake)
    said = register(dialpad, "HTTPS://Calls.Example.com:443/events/", SECRET)
    assert writes(fake) == before
    assert [line.split(" ", 2)[2] for line in said] == ["is there already"] * 2


def test_a_webhook_on_a_later_page_is_found(fake: FakeDialpad, dialpad: Dialpad) -> None:
    for number in range(60):
        webhook = dialpad.create_webhook(f"https://other.example.com/{number}", SECRET)
        if number < 40:
            dialpad.create_subscription(webhook, {"call_states": ["all"]})
    register(dialpad, URL, SECRET)
    register(dialpad, URL, SECRET)
    assert (len(fake.events.webhooks), len(fake.events.subscriptions)) == (61, 41)


def test_where_only_the_subscription_is_missing_the_webhook_is_used(fake: FakeDialpad, dialpad: Dialpad) -> None:
    webhook = dialpad.create_webhook(URL, SECRET)
    register(dialpad, URL, SECRET)
    assert list(fake.events.webhooks) == [webhook.id]
    assert [one["endpoint_id"] for one in fake.events.subscriptions.values()] == [webhook.id]


def test_of_two_webhooks_with_the_url_the_subscribed_one_is_used_and_the_other_named(
    fake: FakeDialpad, dialpad: Dialpad
) -> None:
    spare, used = dialpad.create_webhook(URL, SECRET), dialpad.create_webhook(URL, SECRET)
    dialpad.create_subscription(used, {"call_states": ["all"]})
    said = register(dialpad, URL, SECRET)
    assert len(fake.events.subscriptions) == 1
    assert any(spare.id in line and "remove it" in line for line in said)


def test_a_webhook_with_another_secret_gets_the_receivers(fake: FakeDialpad, dialpad: Dialpad) -> None:
    webhook = dialpad.create_webhook(URL, FORMER)
    said = register(dialpad, URL, SECRET)
    assert fake.events.webhooks[webhook.id]["signature"]["secret"] == SECRET
    assert f"webhook {webhook.id} has the receiver's secret now" in said


def test_a_signing_webhook_is_not_taken_for_an_unsigned_one(fake: FakeDialpad, dialpad: Dialpad) -> None:
    dialpad.create_webhook(URL, SECRET)
    before = writes(fake)
    with pytest.raises(DialpadError, match="EVENT_RECEIVER_SECRET"):
        register(dialpad, URL, "")
    assert writes(fake) == before


def test_an_unsigned_webhook_is_made_when_asked_for(fake: FakeDialpad, dialpad: Dialpad) -> None:
    register(dialpad, URL, "")
    assert "signature" not in next(iter(fake.events.webhooks.values()))


def test_a_subscription_that_differs_is_changed_and_not_doubled(fake: FakeDialpad, dialpad: Dialpad) -> None:
    webhook = dialpad.create_webhook(URL, SECRET)
    dialpad.create_subscription(webhook, {"call_states": ["hangup"], "enabled": False, "group_calls_only": True})
    register(dialpad, URL, SECRET, states=["hangup", "connected"])
    (subscription,) = fake.events.subscriptions.values()
    assert subscription["call_states"] == ["hangup", "connected"]
    assert (subscription["enabled"], subscription["group_calls_only"]) == (True, False)


def test_several_targets_share_one_webhook(fake: FakeDialpad, dialpad: Dialpad) -> None:
    for target in ("5000000000000100", "5000000000000101", "5000000000000101"):
        register(dialpad, URL, SECRET, target=("office", target))
    assert len(fake.events.webhooks) == 1
    assert [one["target_id"] for one in fake.events.subscriptions.values()] == ["5000000000000100", "5000000000000101"]


@pytest.mark.parametrize(
    ("first", "second"), [(None, ("office", "5000000000000100")), (("office", "5000000000000100"), None)]
)
def test_a_subscription_that_would_send_calls_twice_is_refused(
    fake: FakeDialpad, dialpad: Dialpad, first: tuple[str, str] | None, second: tuple[str, str] | None
) -> None:
    register(dialpad, URL, SECRET, target=first)
    with pytest.raises(DialpadError, match="twice"):
        register(dialpad, URL, SECRET, target=second)
    assert len(fake.events.subscriptions) == 1


def test_the_list_tells_what_is_there_and_no_secret(fake: FakeDialpad, dialpad: Dialpad) -> None:
    register(dialpad, URL, SECRET, states=["hangup", "voicemail"])
    unsigned = dialpad.create_webhook("https://other.example.com/hook", "")
    (webhook, _), (subscription,) = fake.events.webhooks, fake.events.subscriptions
    assert listed(dialpad) == [
        f"webhook {webhook}  {URL}  signed",
        f"  subscription {subscription}  enabled  company  hangup,voicemail",
        f"webhook {unsigned.id}  https://other.example.com/hook  unsigned",
    ]


def test_an_account_without_webhooks_lists_none(dialpad: Dialpad) -> None:
    assert listed(dialpad) == ["no webhooks"]


def test_remove_takes_the_urls_subscriptions_and_webhook_and_nothing_else(fake: FakeDialpad, dialpad: Dialpad) -> None:
    register(dialpad, URL, SECRET)
    register(dialpad, "https://other.example.com/events", SECRET)
    assert len(remove(dialpad, URL + "/")) == 2
    assert [one["hook_url"] for one in fake.events.webhooks.values()] == ["https://other.example.com/events"]
    assert len(fake.events.subscriptions) == 1
    assert remove(dialpad, URL) == [f"nothing to remove: no webhook has the URL {URL}"]


def test_remove_can_leave_the_webhook(fake: FakeDialpad, dialpad: Dialpad) -> None:
    register(dialpad, URL, SECRET)
    remove(dialpad, URL, keep_webhook=True)
    assert (len(fake.events.webhooks), len(fake.events.subscriptions)) == (1, 0)


def test_what_dialpad_sends_after_registering_is_what_the_reader_gets(
    fake: FakeDialpad, dialpad: Dialpad, store: Store
) -> None:
    client = InProcess(create_app(store, secrets=[SECRET], read_key=READ_KEY))
    fake.events.post = lambda _url, body, _headers, _timeout: client.post(body).status_code
    register(dialpad, URL, SECRET)
    answer = requests.Session()
    answer.mount("https://", InProcessAdapter(fake))
    sent = answer.post(f"{BASE}/_fake/webhooks/send", json={"count": 30, "shuffle": True, "duplicates": 5}).json()
    assert (sent["events"], sent["delivered"]) == (35, 35)
    items = client.items(limit=1000)
    unique = {item["event_id"] for item in items}
    assert len(items) == len(unique) == 30
    sent_events = {json.dumps(one["event"], sort_keys=True) for one in fake.events.deliveries}
    assert {json.dumps(item["event"], sort_keys=True) for item in items} == sent_events
    client.close()


# Refusals


@pytest.mark.parametrize("base_url", [BASE, f" {BASE}/ ", f"{BASE}/api/v2", f"{BASE}/api/v2/"])
def test_the_base_url_may_be_written_with_the_documented_path(fake: FakeDialpad, base_url: str) -> None:
    assert dialpad_of(fake, base_url=base_url).webhooks() == []


def test_a_wrong_key_is_named_with_its_cure(fake: FakeDialpad) -> None:
    with pytest.raises(DialpadError, match=r"401.*DIALPAD_API_KEY"):
        listed(dialpad_of(fake, key="wrong-key-d41d8cd98f00b204e9800998ecf8427e"))


@pytest.fixture
def api() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker


def asking(waits: list[float] | None = None) -> Dialpad:
    """A Dialpad that is answered by the mock; its waits are noted instead of waited."""
    noted: list[float] = [] if waits is None else waits
    return Dialpad("any-key-5f4dcc3b5aa765d61d8327deb882cf99", BASE, sleep=noted.append)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"status_code": 403}, "company API key"),
        ({"status_code": 404}, "--base-url"),
        ({"status_code": 429}, "429"),
        ({"status_code": 503}, "503"),
        ({"status_code": 400}, "400"),
        ({"status_code": 302, "headers": {"Location": "https://elsewhere.example.com"}}, "302"),
        ({"text": "<html>login</html>"}, "not JSON"),
        ({"text": "[" * 100_000}, "not JSON"),
        ({"json": ["x"]}, "not a JSON object"),
        ({"json": {"items": "x"}}, "not a list"),
        ({"json": {"items": [{"hook_url": URL}]}}, "not a list"),
        ({"json": {"items": [5]}}, "not a list"),
        ({"exc": requests.ConnectTimeout}, "ConnectTimeout"),
        ({"exc": requests.exceptions.SSLError}, "SSLError"),
    ],
)
def test_every_failure_says_what_was_asked_and_what_to_do(
    api: requests_mock.Mocker, answer: dict[str, Any], text: str
) -> None:
    api.get(requests_mock.ANY, **answer)
    with pytest.raises(DialpadError, match=text) as caught:
        listed(asking())
    assert "GET" in str(caught.value)
    assert "5f4dcc3b5aa765d6" not in str(caught.value)


def test_a_list_whose_cursor_repeats_ends_in_an_error(api: requests_mock.Mocker) -> None:
    api.get(requests_mock.ANY, json={"items": [{"id": "1"}], "cursor": "again"})
    with pytest.raises(DialpadError, match="cursor repeats"):
        listed(asking())


def test_a_read_that_fails_is_repeated_with_the_wait_dialpad_asks_for(api: requests_mock.Mocker) -> None:
    waits: list[float] = []
    busy = {"status_code": 429, "headers": {"Retry-After": "7"}}
    api.get(f"{BASE}/api/v2/webhooks", [busy, {"status_code": 502}, {"json": {"items": None}}])
    assert asking(waits).webhooks() == []
    assert waits == [7.0, 4.0]


def test_a_write_that_failed_is_not_repeated_since_it_may_have_been_done(api: requests_mock.Mocker) -> None:
    api.post(f"{BASE}/api/v2/webhooks", status_code=502)
    with pytest.raises(DialpadError, match="Run it again"):
        asking().create_webhook(URL, SECRET)
    assert api.call_count == 1


def test_a_write_that_was_refused_for_haste_is_repeated(api: requests_mock.Mocker) -> None:
    api.post(f"{BASE}/api/v2/webhooks", [{"status_code": 429}, {"json": {"id": 5, "hook_url": URL}}])
    assert asking().create_webhook(URL, SECRET).id == "5"


def test_something_made_without_an_id_is_an_error(api: requests_mock.Mocker) -> None:
    api.post(f"{BASE}/api/v2/webhooks", json={})
    with pytest.raises(DialpadError, match="no id"):
        asking().create_webhook(URL, SECRET)


def test_a_list_without_end_is_given_up(api: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(register_module, "MAX_PAGES", 3)
    api.get(requests_mock.ANY, [{"json": {"items": [], "cursor": str(number)}} for number in range(9)])
    with pytest.raises(DialpadError, match="come to an end"):
        listed(asking())


def test_a_webhook_does_not_show_its_secret(dialpad: Dialpad) -> None:
    assert SECRET not in repr(dialpad.create_webhook(URL, SECRET))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("https://CALLS.example.com/events", True),
        ("https://calls.example.com:443/events/", True),
        (" https://calls.example.com/events", True),
        ("http://calls.example.com/events", False),
        ("https://calls.example.com:8443/events", False),
        ("https://calls.example.com/Events", False),
        ("https://calls.example.com/events?tenant=2", False),
        ("not a url", False),
        ("", False),
    ],
)
def test_urls_are_the_same_where_they_name_the_same_place(other: str, same: bool) -> None:  # noqa: FBT001 - a column
    assert same_url(URL, other) is same
