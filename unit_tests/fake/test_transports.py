"""The two transports: a port on the loopback interface, and requests that never leave the process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests
import requests_mock

from fake_dialpad.__main__ import parser
from fake_dialpad.server import FakeDialpad, in_process, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unit_tests.fake.conftest import Client

DIALPAD = {"Authorization": "Bearer dialpad-key-0123456789"}


@pytest.fixture
def url(fake: FakeDialpad) -> Iterator[str]:
    with serve(fake) as base:
        yield base


def test_a_mocker_answers_whatever_the_host(fake: FakeDialpad) -> None:
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        hosts = ["https://dialpad.com", "https://sandbox.dialpad.com"]
        assert [requests.get(f"{host}/api/v2/company", headers=DIALPAD, timeout=5).status_code for host in hosts] == [
            200,
            200,
        ]


def test_a_mocker_keeps_its_history(fake: FakeDialpad) -> None:
    with requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        requests.get("https://dialpad.com/api/v2/company", headers=DIALPAD, timeout=5)
        assert [request.path for request in mocker.request_history] == ["/api/v2/company"]


def test_the_port_gives_the_same_answer_as_the_process(url: str, client: Client) -> None:
    over_tcp = requests.get(f"{url}/api/v2/company", headers=DIALPAD, timeout=5)
    assert over_tcp.json() == client.get("/api/v2/company").json()


def test_the_base_url_names_localhost(url: str) -> None:
    assert re.fullmatch(r"http://localhost:\d+", url)


def test_a_file_streams_over_the_port(url: str, fake: FakeDialpad, client: Client) -> None:
    expected = client.download("calls", days_ago_start=1, days_ago_end=12).content
    token = next(iter(fake.stats.exports.values())).token
    assert requests.get(f"{url}/_storage/{token}.csv", timeout=5).content == expected


@pytest.mark.parametrize("fault", ["drop", "cut", "reset"])
def test_a_connection_breaks_over_the_port_too(url: str, client: Client, fault: str) -> None:
    client.post("/_fake/faults", {"fault": fault})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        requests.get(f"{url}/api/v2/offices", headers=DIALPAD, timeout=5)


def test_a_cut_body_was_promised_whole(url: str, client: Client) -> None:
    whole = client.get("/api/v2/offices").content
    client.post("/_fake/faults", {"fault": "cut"})
    answer = requests.get(f"{url}/api/v2/offices", headers=DIALPAD, timeout=5, stream=True)
    assert answer.headers["content-length"] == str(len(whole))
    answer.close()


def test_the_port_shows_the_servers_clock(url: str, client: Client) -> None:
    client.post("/_fake/clock", {"server_offset": 3600})
    answer = requests.get(f"{url}/_fake/health", timeout=5)
    offices = requests.get(f"{url}/api/v2/offices", headers=DIALPAD, timeout=5)
    assert (answer.status_code, offices.headers["date"]) == (200, "Fri, 20 Nov 2026 13:00:00 GMT")


def test_the_command_line_has_the_documented_defaults() -> None:
    asked = parser().parse_args([])
    assert (asked.port, asked.days, asked.seed, asked.calls_per_day, asked.export_seconds) == (8800, 90, 7, 400, 18.0)


def test_an_unknown_scope_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="calls:list"):
        FakeDialpad(missing_scopes=["calls"])
