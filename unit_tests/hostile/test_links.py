"""Links and ids of an answer: none of them takes the key to another host."""

from __future__ import annotations

import contextlib
import json

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.analytics.catalogue import entries_of
from source_dialpad.transport.guard import is_inner, origin
from source_dialpad.transport.requester import JsonCalls
from unit_tests.cases import every
from unit_tests.hostile.answering import HOSTS, Hostile, Reply, requester

HOST = HOSTS["analytics"]
BASE = f"https://{HOST}"

AWAY = [
    "https://evil.example.net/v1/analytics/metrics",
    "//evil.example.net/v1",
    f"http://{HOST}/v1/analytics/metrics",
    f"https://{HOST}:8443/v1/analytics/metrics",
    f"https://{HOST}@evil.example.net/",
    f"https://evil.example.net\\@{HOST}/",
    f"https://{HOST}\\@evil.example.net/",
    "\\\\evil.example.net/v1",
    "/\\evil.example.net/v1",
    "/\t/evil.example.net/v1",
    "///evil.example.net/v1",
    f"https://{HOST}.evil.example.net/",
    f"https://{HOST}%2eevil.example.net/",
    "https:evil.example.net",
    "https:/evil.example.net",
    "https:///evil.example.net",
    "ftp://evil.example.net/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "data:application/json,{}",
    "https://[/",
    "https://[::1/",
    f"https://{HOST}:99999999/",
    f"https://{HOST}:port/",
    "https://evil.example.net#@" + HOST,
    "https://evil.example.net?@" + HOST,
    " https://evil.example.net/",
    "\u2028//evil.example.net",
    "https://ⓔvil.example.net/",
]


@every("link", AWAY)
def test_the_next_page_is_asked_for_on_the_own_host_or_not_at_all(link: str) -> None:
    first: object = {"data": [], "meta": {"next": link}}
    last: object = {"data": [], "meta": {}}
    hostile = Hostile(Reply(json.dumps(first).encode()), Reply(json.dumps(last).encode()))
    ask = JsonCalls(requester("analytics_requester", hostile))
    with contextlib.suppress(AirbyteTracedException):
        list(entries_of(ask, "analytics_metrics", "metrics"))
    assert set(hostile.hosts) == {HOST}
    assert all((request.url or "").startswith(f"{BASE}/") for request in hostile.asked)


@every(
    "link",
    [
        f"{BASE}/v1/analytics/metrics?pageKey=a",
        f"{BASE}:443/v1/analytics/metrics?pageKey=a",
        "/v1/analytics/metrics?pageKey=a",
        "metrics?pageKey=a",
        "?pageKey=a",
    ],
)
def test_a_next_page_of_the_own_host_is_followed(link: str) -> None:
    first, last = ({"data": [], "meta": {"next": link}}, {"data": [{"id": "m"}], "meta": {}})
    hostile = Hostile(Reply(json.dumps(first).encode()), Reply(json.dumps(last).encode()))
    ask = JsonCalls(requester("analytics_requester", hostile))
    assert list(entries_of(ask, "analytics_metrics", "metrics")) == [{"id": "m"}]
    assert (hostile.asked[1].url or "").endswith("/v1/analytics/metrics?pageKey=a")


@every("identity", ["https://evil.example.net/x", "//evil.example.net/x", "https://[", "\\\\evil.example.net"])
def test_no_id_of_an_answer_takes_the_key_to_another_host(identity: str) -> None:
    hostile = Hostile(Reply())
    ask = JsonCalls(requester("export_poll_requester", hostile))
    with contextlib.suppress(AirbyteTracedException):
        ask("records_calls", path=identity)
    assert set(hostile.hosts) <= {HOSTS["dialpad"]}


OWN = (
    "localhost LOCALHOST. a.localhost 127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 0.0.0.0 10.1.2.3 172.16.0.1 "
    "192.168.1.1 169.254.169.254 100.64.0.1 ::1 ::ffff:127.0.0.1 fe80::1 fd00::1 :: metadata.google.internal "
    "printer.local vault"
)


@every("host", OWN.split())
def test_a_host_of_the_own_network_is_known_by_its_name(host: str) -> None:
    assert is_inner(host)


@every("host", ["dialpad.com", "storage.googleapis.com", "8.8.8.8", "2001:4860:4860::8888", "127.0.0.1.example.com"])
def test_a_host_of_the_internet_is_none_of_it(host: str) -> None:
    assert not is_inner(host)


def test_one_place_in_two_spellings_is_one_place() -> None:
    assert origin("https://Dialpad.com/a") == origin("https://dialpad.com:443/b?c=d@e") == ("https", "dialpad.com", 443)
