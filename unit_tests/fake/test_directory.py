"""The account directory: its shapes, its pages, its rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client

LISTS = {
    "offices": "offices",
    "callcenters": "call_centers",
    "departments": "departments",
    "users": "users",
    "rooms": "rooms",
    "coachingteams": "coaching_teams",
    "channels": "channels",
    "numbers": "numbers",
    "contacts": "contacts",
    "callrouters": "call_routers",
    "userdevices": "user_devices",
}


@pytest.mark.parametrize(("path", "stream"), LISTS.items())
def test_the_pages_of_a_list_hold_its_truth(client: Client, path: str, stream: str) -> None:
    key = "number" if path == "numbers" else "id"
    more = {"include_local": "true"} if path == "contacts" else {}
    listed = [str(item[key]) for item in client.pages(f"/api/v2/{path}", **more)]
    assert listed == [str(item[key]) for item in client.truth(stream)]
    assert listed


def test_a_page_has_25_items(client: Client) -> None:
    assert len(client.get("/api/v2/contacts").json()["items"]) == 25


def test_a_page_may_have_up_to_100_items(client: Client) -> None:
    assert len(client.get("/api/v2/contacts", limit=100).json()["items"]) == 100


def test_one_request_in_five_for_more_than_100_is_refused(client: Client) -> None:
    statuses = [client.get("/api/v2/contacts", limit=200).status_code for _ in range(10)]
    assert statuses.count(400) == 2


@pytest.mark.parametrize(("path", "last"), [("offices", ""), ("callcenters", None)])
def test_the_last_page_has_an_empty_cursor_or_none(client: Client, path: str, last: str | None) -> None:
    assert client.get(f"/api/v2/{path}").json().get("cursor") == last


def test_a_cursor_of_another_make_is_refused(client: Client) -> None:
    assert client.get("/api/v2/contacts", cursor="abc").status_code == 400


@pytest.mark.parametrize(("path", "kind"), [("offices", str), ("users", str), ("departments", int), ("rooms", int)])
def test_ids_are_text_in_some_lists_and_numbers_in_others(client: Client, path: str, kind: type) -> None:
    assert isinstance(client.get(f"/api/v2/{path}").json()["items"][0]["id"], kind)


def test_an_empty_team_has_no_items(client: Client) -> None:
    assert client.get("/api/v2/coachingteams/5000000000006099/members").json() == {}


def test_an_empty_channel_has_items_null(client: Client) -> None:
    assert client.get("/api/v2/channels/5000000000007099/members").json() == {"items": None}


def test_a_user_without_devices_has_items_null(client: Client, fake: FakeDialpad) -> None:
    assert client.get("/api/v2/userdevices", user_id=fake.world.users[0].id).json() == {"items": None}


def test_call_labels_are_bare_strings(client: Client) -> None:
    assert all(isinstance(label, str) for label in client.get("/api/v2/calllabels").json()["labels"])


@pytest.mark.parametrize(
    "path", ["callcenters/5000000000002001", "departments/5000000000003001", "offices/5000000000001001"]
)
def test_operators_are_two_lists(client: Client, path: str) -> None:
    assert set(client.get(f"/api/v2/{path}/operators").json()) == {"users", "rooms"}


def test_operators_of_a_department_are_not_found_among_call_centers(client: Client) -> None:
    assert client.get("/api/v2/callcenters/5000000000003001/operators").status_code == 404


@pytest.mark.parametrize(
    ("stream", "path"), [("coaching_team_members", "coachingteams"), ("channel_members", "channels")]
)
def test_members_come_group_by_group(client: Client, stream: str, path: str) -> None:
    groups = [str(item["id"]) for item in client.pages(f"/api/v2/{path}")]
    members = [member for group in groups for member in client.pages(f"/api/v2/{path}/{group}/members")]
    assert len(members) == len(client.truth(stream)) > 0


def test_company_is_one_object(client: Client, fake: FakeDialpad) -> None:
    assert client.get("/api/v2/company").json()["name"] == fake.world.name


def test_people_who_left_are_listed_when_asked_for(client: Client) -> None:
    assert {user["state"] for user in client.pages("/api/v2/users", state="all")} == {"active", "deleted"}


def test_call_centers_can_be_asked_for_by_office(client: Client) -> None:
    office = "5000000000001001"
    assert {item["office_id"] for item in client.pages("/api/v2/callcenters", office_id=office)} == {office}


def test_call_routers_show_their_secret(client: Client) -> None:
    assert client.get("/api/v2/callrouters").json()["items"][0]["signature"]["secret"]


def test_local_contacts_come_only_when_asked_for(client: Client) -> None:
    kinds = [
        {item["type"] for item in client.pages("/api/v2/contacts", **more)} for more in ({}, {"include_local": "true"})
    ]
    assert kinds == [{"shared"}, {"shared", "local"}]


def test_an_unknown_path_is_not_found_in_the_words_of_the_api(client: Client) -> None:
    answer = client.get("/api/v2/calls").json()
    assert answer["error"]["message"] == "Requested URL /api/v2/calls not found"


@pytest.mark.parametrize("path", ["company", "numbers", "call"])
def test_the_key_of_one_user_lacks_company_rights(client: Client, fake: FakeDialpad, path: str) -> None:
    assert client.ask("GET", f"/api/v2/{path}", key=f"Bearer {fake.keys.dialpad_user}").status_code == 403


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("calls:list", "call"),
        ("digital_sessions", "digital/sessionsdata"),
        ("company_admin", "company"),
        ("contacts", "contacts"),
    ],
)
def test_a_key_without_a_scope_is_refused_on_its_route_alone(
    client: Client, fake: FakeDialpad, scope: str, path: str
) -> None:
    fake.missing_scopes = frozenset({scope})
    answer = client.get(f"/api/v2/{path}")
    assert (answer.status_code, scope in answer.json()["error"]["message"]) == (403, True)
    assert client.get("/api/v2/offices").status_code == 200


def test_the_request_after_twenty_in_a_second_is_refused(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"rates": "on"})
    assert [client.get("/api/v2/offices").status_code for _ in range(21)] == [200] * 20 + [429]


@pytest.mark.parametrize(("variant", "given"), [("absent", False), ("present", True)])
def test_a_429_may_say_how_long_to_wait(client: Client, fake: FakeDialpad, variant: str, given: bool) -> None:  # noqa: FBT001
    fake.variants.choose({"rates": "on", "retry_after": variant})
    answers = [client.get("/api/v2/offices") for _ in range(21)]
    assert ("retry-after" in answers[-1].headers) is given
