"""Webhooks and subscriptions, and the sending of events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import jwt
import orjson
import pytest
import requests

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client

SECRET = "webhook-secret-6f1e2d3c4b5a69788796a5b4"
HOOK = "https://receiver.example/events"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def subscribed(client: Client, secret: str | None = SECRET, **more: Any) -> str:
    body = {"hook_url": HOOK} if secret is None else {"hook_url": HOOK, "secret": secret}
    webhook = client.post("/api/v2/webhooks", body).json()["id"]
    made = client.post("/api/v2/subscriptions/call", {"endpoint_id": int(webhook), "call_states": ["all"], **more})
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


class Receiver:
    """Takes the place of the network: keeps what is sent and answers from a list, then 200."""

    def __init__(self, fake: FakeDialpad, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.bodies: list[bytes] = []
        self.waits: list[float] = []
        fake.events.post = self.take
        fake.events.sleep = self.waits.append

    def take(self, url: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
        self.bodies.append(body)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_a_webhook_shows_its_secret_in_clear(client: Client) -> None:
    made = client.post("/api/v2/webhooks", {"hook_url": HOOK, "secret": SECRET}).json()
    assert made["signature"] == {"algo": "HS256", "secret": SECRET, "type": "jwt"}


def test_a_webhook_can_be_changed_and_removed(client: Client) -> None:
    key = client.post("/api/v2/webhooks", {"hook_url": HOOK}).json()["id"]
    changed = client.ask("PATCH", f"/api/v2/webhooks/{key}", json={"hook_url": HOOK + "/2"}).json()
    removed = client.ask("DELETE", f"/api/v2/webhooks/{key}")
    assert (changed["hook_url"], removed.status_code, client.get(f"/api/v2/webhooks/{key}").status_code) == (
        HOOK + "/2",
        200,
        404,
    )


def test_a_webhook_in_use_cannot_be_removed(client: Client) -> None:
    subscribed(client)
    key = client.get("/api/v2/webhooks").json()["items"][0]["id"]
    assert client.ask("DELETE", f"/api/v2/webhooks/{key}").status_code == 409


@pytest.mark.parametrize("body", [{}, {"hook_url": "events"}, {"hook_url": HOOK, "colour": "red"}])
def test_a_webhook_needs_a_url(client: Client, body: dict[str, str]) -> None:
    assert client.post("/api/v2/webhooks", body).status_code == 400


@pytest.mark.parametrize(
    ("body", "status"), [({"endpoint_id": 1}, 404), ({}, 400), ({"endpoint_id": 1, "call_states": ["dreaming"]}, 400)]
)
def test_a_subscription_needs_a_webhook_and_known_states(client: Client, body: dict[str, Any], status: int) -> None:
    assert client.post("/api/v2/subscriptions/call", body).status_code == status


def test_a_subscription_shows_its_webhook(client: Client) -> None:
    key = subscribed(client)
    assert client.get(f"/api/v2/subscriptions/call/{key}").json()["webhook"]["hook_url"] == HOOK


def test_a_subscription_can_be_changed_and_removed(client: Client) -> None:
    key = subscribed(client)
    path = f"/api/v2/subscriptions/call/{key}"
    changed = client.ask("PATCH", path, json={"enabled": False}).json()["enabled"]
    client.ask("DELETE", path)
    assert (changed, client.get("/api/v2/subscriptions/call").json()) == (False, {"items": None})


def test_an_event_is_a_token_signed_with_the_secret(client: Client, fake: FakeDialpad) -> None:
    subscribed(client)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 1})
    assert jwt.decode(receiver.bodies[0], SECRET, algorithms=["HS256"])["state"]


def test_without_a_secret_an_event_is_plain_json(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, secret=None)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 1})
    assert isinstance(orjson.loads(receiver.bodies[0])["call_id"], int)


def test_further_sends_go_on_where_the_last_ended(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, secret=None)
    receiver = Receiver(fake)
    for _ in range(3):
        client.post("/_fake/webhooks/send", {"count": 5})
    stamps = [orjson.loads(body)["event_timestamp"] for body in receiver.bodies]
    assert (len(set(receiver.bodies)), stamps) == (15, sorted(stamps))


def test_a_send_may_begin_at_an_instant(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, secret=None)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 3, "from": "2026-11-19T18:00:00+01:00"})
    assert min(orjson.loads(body)["event_timestamp"] for body in receiver.bodies) >= ms("2026-11-19T17:00:00")


def test_a_call_is_followed_from_its_first_state_to_its_hangup(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, secret=None)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 2000})
    states: dict[int, list[str]] = {}
    for body in receiver.bodies:
        event = orjson.loads(body)
        states.setdefault(event["call_id"], []).append(event["state"])
    assert ["preanswer", "queued", "ringing", "connected", "hangup"] in [kinds[:5] for kinds in states.values()]


def test_only_subscribed_states_are_sent(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, secret=None, call_states=["hangup"])
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 50})
    assert {orjson.loads(body)["state"] for body in receiver.bodies} == {"hangup"}


def test_a_disabled_subscription_gets_nothing(client: Client, fake: FakeDialpad) -> None:
    subscribed(client, enabled=False)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 50})
    assert receiver.bodies == []


def test_a_subscription_of_a_target_gets_its_events(client: Client, fake: FakeDialpad) -> None:
    target = 5000000000002001
    subscribed(client, secret=None, target_type="callcenter", target_id=target)
    receiver = Receiver(fake)
    client.post("/_fake/webhooks/send", {"count": 500})
    events = [orjson.loads(body) for body in receiver.bodies]
    assert events
    assert all(target in (event["target"]["id"], event["entry_point_target"].get("id")) for event in events)


def test_a_server_error_is_tried_again_after_2_4_and_8_seconds(client: Client, fake: FakeDialpad) -> None:
    subscribed(client)
    receiver = Receiver(fake, 500, 503, 502, 500)
    answer = client.post("/_fake/webhooks/send", {"count": 1}).json()
    assert (receiver.waits, len(receiver.bodies), answer["delivered"]) == ([2, 4, 8], 4, 0)


def test_a_retry_is_the_same_event(client: Client, fake: FakeDialpad) -> None:
    subscribed(client)
    receiver = Receiver(fake, 500)
    client.post("/_fake/webhooks/send", {"count": 1})
    assert receiver.bodies[0] == receiver.bodies[1]


@pytest.mark.parametrize("status", [400, 401, 404, 429])
def test_a_client_error_is_final(client: Client, fake: FakeDialpad, status: int) -> None:
    subscribed(client)
    receiver = Receiver(fake, status)
    client.post("/_fake/webhooks/send", {"count": 1})
    assert len(receiver.bodies) == 1


@pytest.mark.parametrize("error", [requests.ReadTimeout("too slow"), requests.ConnectionError("gone")])
def test_a_broken_connection_is_tried_twice_more_at_once(client: Client, fake: FakeDialpad, error: Exception) -> None:
    subscribed(client)
    receiver = Receiver(fake, error, error, error)
    client.post("/_fake/webhooks/send", {"count": 1})
    assert (receiver.waits, len(receiver.bodies)) == ([], 3)


def test_the_truth_of_call_events_is_what_was_delivered_once_each(client: Client, fake: FakeDialpad) -> None:
    subscribed(client)
    Receiver(fake, 404)
    client.post("/_fake/webhooks/send", {"count": 20, "duplicates": 5, "shuffle": True})
    delivered = [one for one in client.get("/_fake/webhooks/deliveries").json()["deliveries"] if one["delivered"]]
    assert (len(delivered), len(client.truth("call_events"))) == (24, len({str(one["event"]) for one in delivered}))
