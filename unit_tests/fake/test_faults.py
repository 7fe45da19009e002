"""Faults on demand: each spoils the requests it names, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from fake_dialpad.faults import KINDS
from unit_tests.fake.conftest import NOON

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

PATH = "/api/v2/offices"


def spoil(client: Client, fault: str, **more: Any) -> None:
    answer = client.post("/_fake/faults", {"fault": fault, **more})
    assert answer.status_code == 200, answer.text


def finished(client: Client, clock: Clock) -> requests.Response:
    key = client.start().json()["request_id"]
    clock.now += 20
    return client.get(f"/api/v2/stats/{key}")


def test_a_status_is_answered_with_its_headers_and_body(client: Client) -> None:
    spoil(client, "status:503", headers={"X-Why": "test"}, body="later")
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["x-why"], answer.text) == (503, "test", "later")


def test_a_fault_spoils_one_request_unless_told_otherwise(client: Client) -> None:
    spoil(client, "status:500")
    assert [client.get(PATH).status_code for _ in range(2)] == [500, 200]


def test_a_fault_may_spoil_for_ever(client: Client) -> None:
    spoil(client, "status:500", times=-1)
    assert {client.get(PATH).status_code for _ in range(5)} == {500}


def test_a_fault_may_leave_the_first_requests_alone(client: Client) -> None:
    spoil(client, "status:500", after=2, times=2)
    assert [client.get(PATH).status_code for _ in range(5)] == [200, 200, 500, 500, 200]


def test_a_fault_keeps_to_its_method_and_path(client: Client) -> None:
    spoil(client, "status:500", times=-1, method="post", path_regex="stats$")
    assert (client.get(PATH).status_code, client.start().status_code) == (200, 500)


def test_faults_are_removed(client: Client) -> None:
    spoil(client, "status:500", times=-1)
    client.ask("DELETE", "/_fake/faults")
    assert client.get(PATH).status_code == 200


@pytest.mark.parametrize("fault", ["status", "status:", "html:1", "nonsense"])
def test_a_fault_of_another_form_is_refused_with_the_known_ones(client: Client, fault: str) -> None:
    answer = client.post("/_fake/faults", {"fault": fault})
    assert (answer.status_code, "export_failed" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("asked", [{"fault": "status:often"}, {"fault": "body", "body_base64": "?"}])
def test_a_fault_that_could_not_be_carried_out_is_refused(client: Client, asked: dict[str, str]) -> None:
    assert client.post("/_fake/faults", asked).status_code == 400


def test_the_kinds_of_faults_can_be_listed(client: Client) -> None:
    assert client.get("/_fake/faults").json()["kinds"] == KINDS


def test_retry_after_comes_with_a_429(client: Client) -> None:
    spoil(client, "retry_after:7")
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_hang_beyond_the_time_out_is_a_time_out(client: Client) -> None:
    spoil(client, "hang:31")
    with pytest.raises(requests.ReadTimeout):
        client.get(PATH)


def test_a_hang_within_the_time_out_is_an_answer(client: Client) -> None:
    spoil(client, "hang:29")
    assert client.get(PATH).status_code == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop", requests.ConnectionError),
        ("reset", requests.exceptions.ChunkedEncodingError),
        ("cut", requests.exceptions.ChunkedEncodingError),
    ],
)
def test_a_broken_connection_is_the_error_a_socket_gives(client: Client, fault: str, error: type[Exception]) -> None:
    spoil(client, fault)
    with pytest.raises(error):
        client.get(PATH)


def test_a_truncated_body_promises_no_more_than_it_has(client: Client) -> None:
    whole = client.get(PATH).content
    spoil(client, "truncated")
    assert client.get(PATH).content == whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("fault", "start"),
    [
        ("html", "<!DOCTYPE"),
        ("broken_json", '{"items"'),
        ("other_shape", '{"result"'),
        ("empty", ""),
        ("deep_json", "[[[["),
    ],
)
def test_another_body_comes_with_a_200(client: Client, fault: str, start: str) -> None:
    spoil(client, fault)
    answer = client.get(PATH)
    assert (answer.status_code, answer.text[: len(start)]) == (200, start)


def test_a_body_of_ones_own_comes_as_it_is(client: Client) -> None:
    spoil(client, "body", body='{"items": ["\\ud800"]}', headers={"content-type": "text/odd"})
    answer = client.get(PATH)
    assert (answer.text, answer.headers["content-type"]) == ('{"items": ["\\ud800"]}', "text/odd")


def test_a_body_may_be_bytes_that_are_no_text(client: Client) -> None:
    spoil(client, "body", body_base64="/wAB")
    assert client.get(PATH).content == b"\xff\x00\x01"


def test_a_bomb_unpacks_to_the_size_asked_for(client: Client) -> None:
    spoil(client, "gzip_bomb:3")
    answer = client.get(PATH)
    assert (answer.headers["content-encoding"], len(answer.content) // 1_048_576) == ("gzip", 3)


def test_a_redirect_names_another_place(client: Client) -> None:
    spoil(client, "redirect:https://elsewhere.example/x")
    answer = client.ask("GET", PATH, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://elsewhere.example/x")


def test_a_failed_export_says_so_and_is_processed_anew(client: Client, clock: Clock) -> None:
    spoil(client, "export_failed")
    assert finished(client, clock).json() == {"status": "failed"}
    assert client.start().json()["already_started"] is False


def test_a_forgotten_export_is_a_404_from_then_on(client: Client, clock: Clock) -> None:
    spoil(client, "export_forgotten")
    first = finished(client, clock)
    again = client.get(first.url.removeprefix("https://dialpad.com"))
    assert (first.status_code, again.status_code, client.start().json()["already_started"]) == (404, 404, False)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("stuck", {"status": "processing"}),
        ("unknown_status", {"status": "on_hold"}),
        ("no_download_url", {"status": "complete", "file_type": "csv"}),
    ],
)
def test_a_poll_may_answer_nonsense(client: Client, clock: Clock, fault: str, expected: dict[str, str]) -> None:
    spoil(client, fault)
    assert finished(client, clock).json() == expected


def test_a_download_url_may_be_on_another_host(client: Client, clock: Clock) -> None:
    spoil(client, "foreign_download:file:///etc/hosts")
    assert finished(client, clock).json()["download_url"] == "file:///etc/hosts"


def test_an_accepted_export_may_give_no_id(client: Client) -> None:
    spoil(client, "no_request_id")
    assert client.start().json() == {"already_started": False}


@pytest.mark.parametrize(("fault", "status"), [("download_expired", 403), ("download_expired:410", 410)])
def test_an_expired_file_leads_to_a_new_export(client: Client, clock: Clock, fault: str, status: int) -> None:
    spoil(client, fault)
    url = finished(client, clock).json()["download_url"]
    assert client.session.get(url, timeout=5).status_code == status
    assert client.start().json()["already_started"] is False


def test_the_log_names_the_fault(client: Client, fake: FakeDialpad) -> None:
    spoil(client, "html")
    client.get(PATH)
    assert (fake.log[-1]["fault"], fake.log[-1]["time"]) == ("html", NOON)
