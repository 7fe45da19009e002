"""The table of plain lists: what is served is the truth, what is refused is what the API refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.lists import LISTS, PlainList, in_state, no_rows
from fake_dialpad.model import COMPANY_ID

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

KINDS = {"sms": 2, "agent_status": 1, "contact": 2, "changelog": 2, "channel": 1, "fax": 1}


def served(client: Client, plain: PlainList) -> list[dict[str, Any]]:
    """Every row of a list, request by request, with the columns of its parents."""
    rows: list[dict[str, Any]] = []
    for parent in [{}] if plain.parents is None else plain.parents(client.fake.directory.people):
        path, query = plain.path, dict(parent)
        for name in list(query):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", query.pop(name))
        if plain.include_local:
            query["include_local"] = "true"
        answer = client.get(f"/api/v2/{path}", **query)
        if answer.status_code == 404:
            continue
        items = [answer.json()] if plain.single else client.pages(f"/api/v2/{path}", **query)
        rows += [row for item in items for row in plain.to_rows({**parent, **item})]
    return rows


def test_the_requests_of_a_list_hold_its_truth(client: Client) -> None:
    today = "2026-11-20"
    wrong: dict[str, str] = {}
    for stream in {plain.stream for plain in LISTS if plain.stream}:
        rows = [row for plain in LISTS if plain.stream == stream for row in served(client, plain)]
        truth = [{name: row[name] for name in row if name != "snapshot_date"} for row in client.truth(stream)]
        if not rows:
            wrong[stream] = no_rows(stream)
        elif rows != truth:
            wrong[stream] = f"{len(rows)} rows are served, of {len(truth)} that are its truth, or others"
    assert not wrong
    assert {row["snapshot_date"] for row in client.truth("office_plans")} == {today}


def test_the_key_of_a_list_tells_its_rows_apart(client: Client) -> None:
    offenders = []
    for stream in {plain.stream for plain in LISTS if plain.stream} | {"webhooks", "event_subscriptions"}:
        answer = client.get(f"/_fake/truth/{stream}", state="all").json()
        keys = [tuple(row[name] for name in answer["key"]) for row in answer["rows"]]
        if len(set(keys)) < len(keys) or any(None in key for key in keys):
            offenders.append(stream)
    assert not offenders


def test_every_form_by_id_gives_the_item_of_the_list(client: Client) -> None:
    people = client.fake.directory.people
    wrong = [
        plain.path
        for plain in LISTS
        if plain.by_id
        for item in (plain.rows(people) or [])[:2]
        if client.get(f"/api/v2/{plain.path}/{item['id']}").json() != item
    ]
    assert not wrong


def test_a_key_without_the_scope_of_a_list_is_refused_and_named_the_scope(client: Client, fake: FakeDialpad) -> None:
    scopes = {"conference/rooms": "conference:read", "conference/meetings": "conference:read"}
    scopes |= {"subscriptions/changelog": "change_log", "subscriptions/fax": "fax_message"}
    for path, scope in scopes.items():
        fake.missing_scopes = frozenset({scope})
        answer = client.get(f"/api/v2/{path}")
        assert (path, answer.status_code, scope in answer.text) == (path, 403, True)


@pytest.mark.parametrize(
    "path",
    [
        f"company/{COMPANY_ID}/smsoptout?opt_out_state=opted_out",
        "subscriptions/agent_status",
        "subscriptions/contact",
        "subscriptions/changelog",
    ],
)
def test_the_key_of_one_user_is_refused_where_an_admin_s_is_wanted(client: Client, path: str) -> None:
    key = f"Bearer {client.fake.keys.dialpad_user}"
    assert client.ask("GET", f"/api/v2/{path}", key=key).status_code == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("accesscontrolpolicies/1/assignments", 404),
        ("callcenters/5000000000002001/operators/1/skill", 404),
        ("callcenters/1/operators/5000000000004001/skill", 404),
        ("offices/1/offdutystatuses", 404),
        ("offices/1/plan", 404),
        ("offices/1/available_licenses", 404),
        ("users/1/deskphones", 404),
        ("users/5000000000004901/personas", 404),
        ("users/5000000000004901/caller_id", 404),
        ("rooms/1/deskphones", 404),
        ("company/1/smsoptout?opt_out_state=opted_out", 404),
        (f"company/{COMPANY_ID}/smsoptout", 400),
        (f"company/{COMPANY_ID}/smsoptout?opt_out_state=maybe", 400),
        ("customivrs", 400),
        ("customivrs?target_type=office", 400),
        ("customivrs?target_type=office&target_id=5000000000002001", 404),
    ],
)
def test_what_does_not_exist_or_lacks_a_parameter_is_refused(client: Client, path: str, status: int) -> None:
    assert client.get(f"/api/v2/{path}").status_code == status


def test_opt_outs_are_allowed_500_times_in_two_minutes(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    fake.variants.choose({"rates": "on"})
    statuses = []
    for _ in range(501):
        clock.now += 0.1
        path = f"/api/v2/company/{COMPANY_ID}/smsoptout"
        statuses.append(client.get(path, opt_out_state="opted_out").status_code)
    assert statuses == [200] * 500 + [429]


def test_secrets_come_in_clear(client: Client) -> None:
    bodies = {
        "sip-password-": "rooms/5000000000005001/deskphones",
        "report-secret-": "schedulereports",
        "crm-secret-": "webhooks",
        "audit-secret-": "subscriptions/changelog",
        "wss://": "subscriptions/changelog",
    }
    assert [path for secret, path in bodies.items() if secret not in client.get(f"/api/v2/{path}").text] == []


@pytest.mark.parametrize(("kind", "count"), KINDS.items())
def test_other_systems_have_subscriptions_of_every_kind(client: Client, kind: str, count: int) -> None:
    items = client.pages(f"/api/v2/subscriptions/{kind}")
    assert len(items) == count
    assert all("webhook" in item or "websocket" in item for item in items)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("sms", {"direction": "inbound", "status": True}),
        ("agent_status", {"agent_type": "callcenter"}),
        ("contact", {"contact_type": "local"}),
        ("changelog", {}),
        ("channel", {"target_id": 5000000000007001}),
        ("fax", {"direction": "all"}),
    ],
)
def test_a_subscription_of_every_kind_can_be_made_and_removed(client: Client, kind: str, body: dict[str, Any]) -> None:
    webhook = client.post("/api/v2/webhooks", {"hook_url": "https://receiver.example/events"}).json()["id"]
    path = f"/api/v2/subscriptions/{kind}"
    made = client.post(path, {"endpoint_id": webhook, **body}).json()
    assert made["webhook"]["id"] == webhook
    assert client.ask("DELETE", f"/api/v2/webhooks/{webhook}").status_code == 409
    assert client.ask("DELETE", f"{path}/{made['id']}").status_code == 200
    assert client.ask("DELETE", f"/api/v2/webhooks/{webhook}").status_code == 200


@pytest.mark.parametrize(("kind", "missing"), [("agent_status", "agent_type"), ("channel", "target_id")])
def test_a_subscription_that_lacks_what_its_kind_needs_is_refused(client: Client, kind: str, missing: str) -> None:
    webhook = client.post("/api/v2/webhooks", {"hook_url": "https://receiver.example/events"}).json()["id"]
    answer = client.post(f"/api/v2/subscriptions/{kind}", {"endpoint_id": webhook})
    assert (answer.status_code, missing in answer.text) == (400, True)


def test_meetings_of_a_room_are_its_own(client: Client) -> None:
    room = client.get("/api/v2/conference/rooms").json()["items"][0]["id"]
    rows = client.pages("/api/v2/conference/meetings", room_id=room)
    assert {row["room_id"] for row in rows} == {room}
    assert len(rows) < len(client.truth("meetings"))


def test_the_balance_of_a_plan_goes_down_within_a_month(client: Client, clock: Clock) -> None:
    before = client.truth("office_plans")[0]["balance"]
    clock.now += 3 * 86_400
    assert float(client.truth("office_plans")[0]["balance"]) < float(before)


def test_a_subscription_the_key_may_not_see_is_not_in_the_truth(client: Client, fake: FakeDialpad) -> None:
    fake.missing_scopes = frozenset({"change_log"})
    kinds = {row["kind"] for row in client.truth("event_subscriptions")}
    assert kinds == {"sms", "agent_status", "contact", "channel", "fax"}


def test_only_an_item_in_the_state_asked_for_is_listed() -> None:
    items = [{"id": "1", "state": "active"}, {"id": "2", "state": "deleted"}, {"id": "3"}]
    assert [item["id"] for item in in_state(items, "active")] == ["1", "3"]
