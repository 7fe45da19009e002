"""Redirects: a key never follows one to another place, and no answer comes from a request that was not sent."""

from __future__ import annotations

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.transport.requester import JsonCalls
from unit_tests.cases import every
from unit_tests.hostile.answering import HOSTS, KEYS, REQUESTERS, Hostile, Reply, requester

STATUSES = (301, 302, 303, 307, 308)
POSTS = ("messages_requester", "export_post_requester", "analytics_query_requester")
EMPTY = Reply(b'{"items":[],"data":[],"messages":[],"next_cursor":""}')

ELSEWHERE = {
    "host": "https://evil.example.net/x",
    "no scheme": "//evil.example.net/x",
    "port": "https://{host}:8443/x",
    "downgrade": "http://{host}/x",
    "userinfo": "https://{host}@evil.example.net/x",
    "backslash": "https://evil.example.net\\@{host}/x",
    "backslashes": "\\\\evil.example.net/x",
    "dotted": "https://{host}.evil.example.net/x",
    "unreadable": "https://[/x",
    "a file": "file:///etc/passwd",
}


def told(name: str, *replies: Reply) -> tuple[AirbyteTracedException, Hostile]:
    """The error that a call ends with."""
    hostile = Hostile(*replies)
    ask = JsonCalls(requester(name, hostile))
    with pytest.raises(AirbyteTracedException) as error:
        ask("users", body={"a": 1} if name in POSTS else None, params={"limit": 1})
    return error.value, hostile


@every("status", STATUSES)
@every("name", REQUESTERS)
def test_nothing_is_asked_at_the_host_a_redirect_names(name: str, status: int) -> None:
    error, hostile = told(name, Reply(b"", status, {"Location": "https://evil.example.net/x?y"}), EMPTY)
    assert hostile.hosts == [HOSTS[REQUESTERS[name]]]
    assert "evil.example.net" in str(error.message)
    assert error.failure_type == FailureType.config_error


@every("place", ELSEWHERE)
@every("name", ["dialpad_lists_requester", "analytics_query_requester"])
def test_no_spelling_of_another_place_is_followed(name: str, place: str) -> None:
    location = ELSEWHERE[place].format(host=HOSTS[REQUESTERS[name]])
    _, hostile = told(name, Reply(b"", 307, {"Location": location}), EMPTY)
    assert [request.url for request in hostile.asked][1:] == []


@every("status", [301, 302, 303])
@every("name", POSTS)
def test_a_post_never_becomes_a_get(name: str, status: int) -> None:
    error, hostile = told(name, Reply(b"", status, {"Location": "/elsewhere"}), EMPTY)
    assert [request.method for request in hostile.asked] == ["POST"]
    assert str(status) in str(error.message)


@every("status", [307, 308])
@every("name", POSTS)
def test_a_post_follows_its_own_server_with_its_body_and_key(name: str, status: int) -> None:
    hostile = Hostile(Reply(b"", status, {"Location": "/elsewhere"}), EMPTY)
    JsonCalls(requester(name, hostile))("users", body={"a": 1})
    first, second = hostile.asked
    assert (second.method, second.body) == ("POST", first.body)
    assert KEYS[REQUESTERS[name]] in second.headers["Authorization"]


def test_a_get_follows_its_own_server() -> None:
    hostile = Hostile(Reply(b"", 301, {"Location": "/api/v2/users/"}), EMPTY)
    JsonCalls(requester("dialpad_lists_requester", hostile))("users", path="users")
    assert hostile.asked[-1].url == "https://dialpad.example.com/api/v2/users/"


def test_a_circle_of_redirects_ends_with_an_error() -> None:
    _, hostile = told("dialpad_lists_requester", Reply(b"", 302, {"Location": "/api/v2/users"}))
    assert len(hostile.asked) < 10


def test_an_error_of_a_redirect_shows_no_more_of_an_address_than_its_host() -> None:
    location = "https://evil.example.net/path?token=secret-of-the-redirect"
    error, _ = told("dialpad_lists_requester", Reply(b"", 302, {"Location": location}))
    assert "secret-of-the-redirect" not in f"{error.message} {error.internal_message}"


@every("name", REQUESTERS)
def test_netrc_and_a_proxy_leave_the_key_alone(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    host = HOSTS[REQUESTERS[name]]
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:  # noqa: PTH123  # tmp_path is a path in text here
        file.write(f"machine {host} login other password netrc-password\n")
    monkeypatch.setenv("NETRC", netrc)
    monkeypatch.setenv("HTTPS_PROXY", "http://name:proxy-password@proxy.example.net:3128")
    hostile = Hostile(Reply(b"", 308, {"Location": "/elsewhere"}), EMPTY)
    JsonCalls(requester(name, hostile))("users", body={"a": 1} if name in POSTS else None)
    assert len(hostile.asked) == 2
    for request in hostile.asked:
        assert request.headers["Authorization"].endswith(KEYS[REQUESTERS[name]])
        assert "Proxy-Authorization" not in request.headers
