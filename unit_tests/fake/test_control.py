"""The control routes: log, variants, clock, health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fake_dialpad.variants import CHOICES, Variants
from unit_tests.fake.conftest import NOON

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock


def test_the_log_tells_each_request(client: Client) -> None:
    client.get("/api/v2/offices", active_only="true")
    assert client.get("/_fake/requests").json()["requests"] == [
        {
            "time": NOON,
            "method": "GET",
            "path": "/api/v2/offices",
            "query": "active_only=true",
            "host": "dialpad.com",
            "status": 200,
            "authorization": True,
            "body": "",
            "fault": None,
        }
    ]


def test_the_log_tells_when_no_key_came(client: Client, fake: FakeDialpad) -> None:
    client.ask("GET", "/api/v2/offices", key="")
    assert (fake.log[-1]["authorization"], fake.log[-1]["status"]) == (False, 401)


def test_the_log_holds_no_control_requests(client: Client, fake: FakeDialpad) -> None:
    client.get("/_fake/health")
    assert len(fake.log) == 0


def test_the_log_can_be_counted_and_emptied(client: Client) -> None:
    client.get("/api/v2/offices")
    before = client.get("/_fake/requests", count=1).json()
    client.ask("DELETE", "/_fake/requests")
    assert (before, client.get("/_fake/requests", count=1).json()) == ({"count": 1}, {"count": 0})


def test_variants_are_set_while_running(client: Client, fake: FakeDialpad) -> None:
    client.post("/_fake/variants", {"order": "descending"})
    assert (fake.variants["order"], client.get("/_fake/variants").json()["choices"]["order"][0]) == (
        "descending",
        "ascending",
    )


@pytest.mark.parametrize(
    "chosen", [{"order": "sideways"}, {"weather": "fine"}, {"limit": "capped"}, {"limit": "capped:x"}]
)
def test_an_unknown_variant_is_refused(client: Client, chosen: dict[str, str]) -> None:
    assert client.post("/_fake/variants", chosen).status_code == 400


def test_of_several_variants_all_or_none_are_set() -> None:
    variants = Variants()
    with pytest.raises(ValueError, match="it takes ascending, descending, by_session"):
        variants.choose({"ends": "(a,b]", "order": "sideways"})
    assert variants["ends"] == "[a,b]"


def test_every_variant_starts_at_its_first_value() -> None:
    assert Variants() == {name: values[0] for name, values in CHOICES.items()}


def test_time_can_be_advanced(client: Client) -> None:
    client.post("/_fake/clock", {"advance": 3600})
    assert client.get("/_fake/clock").json() == {"now": NOON + 3600, "server_now": NOON + 3600, "horizon": None}


def test_the_servers_clock_may_be_off(client: Client) -> None:
    client.post("/_fake/clock", {"server_offset": -3600})
    assert client.get("/_fake/clock").json() == {"now": NOON, "server_now": NOON - 3600, "horizon": None}
    assert client.get("/api/v2/offices").headers["date"] == "Fri, 20 Nov 2026 11:00:00 GMT"


def test_advanced_time_brings_new_rows(client: Client) -> None:
    before = len(client.truth("records_calls", start="2026-11-20"))
    client.post("/_fake/clock", {"advance": 3600})
    assert len(client.truth("records_calls", start="2026-11-20")) > before


def test_nothing_happens_after_the_horizon_though_time_goes_on(client: Client, clock: Clock) -> None:
    client.post("/_fake/clock", {"horizon": "now"})
    before = client.truth("messages")
    clock.now += 7200
    assert (client.truth("messages"), client.get("/_fake/clock").json()["now"]) == (before, NOON + 7200)


def test_an_export_is_ready_though_a_horizon_is_set(client: Client) -> None:
    client.post("/_fake/clock", {"horizon": "now"})
    assert client.export(is_today=True)


def test_a_horizon_can_be_taken_away(client: Client, clock: Clock) -> None:
    client.post("/_fake/clock", {"horizon": "now"})
    before = len(client.truth("messages"))
    clock.now += 6 * 3600
    client.post("/_fake/clock", {"horizon": None})
    assert len(client.truth("messages")) > before


def test_health_names_the_company(client: Client, fake: FakeDialpad) -> None:
    assert client.get("/_fake/health").json()["company"] == fake.world.name


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PUT", 404)])
def test_an_unknown_control_route_is_not_found(client: Client, method: str, status: int) -> None:
    assert client.ask(method, "/_fake/nothing").status_code == status
