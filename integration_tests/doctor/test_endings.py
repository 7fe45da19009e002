"""Without a section or a scope, with a wrong key, an empty account or an API that is down: it says so and goes on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from doctor import engagement, exports
from doctor.__main__ import main
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import Variants
from fake_dialpad.wire import Request, Response
from fake_dialpad.world import World
from integration_tests.doctor.examining import Run, config_of, examined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Examine = Callable[..., Run]

SCOPES = ("calls:list", "ai_recap", "digital_sessions", "conference:read", "change_log", "fax_message")


@pytest.fixture
def examine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examine:
    return lambda config: examined(config, tmp_path, monkeypatch, capsys)


@pytest.fixture(scope="module")
def company() -> Iterator[str]:
    fake = FakeDialpad(World(days=9, calls_per_day=40), export_seconds=0.0, variants=Variants(rates="off"))
    with serve(fake) as url:
        yield url


def test_a_section_that_is_not_configured_is_named_and_not_asked(company: str, examine: Examine) -> None:
    run = examine(config_of(company, "analytics"))
    assert "Not configured, so not asked: engagement, dialpad, event_receiver." in run.screen
    assert {one["section"] for one in run.document["findings"]} == {"analytics"}
    assert run.outcomes("analytics") == {"reachable"}


def test_a_missing_scope_is_said_of_its_streams_and_the_others_are_read(examine: Examine) -> None:
    world = World(days=9, calls_per_day=40)
    fake = FakeDialpad(world, export_seconds=0.0, variants=Variants(rates="off"), missing_scopes=SCOPES)
    with serve(fake) as url:
        run = examine(config_of(url, "dialpad"))
    streams = run.document["streams"]
    refused = {name for name, report in streams.items() if report["outcome"] == "refused"}
    assert refused == {"calls", "digital_sessions", "meeting_rooms", "meetings"}
    assert "with the scope calls:list" in streams["calls"]["words"]
    assert streams["event_subscriptions"]["refused_requests"] == "2 of 7"
    assert streams["call_transcripts"]["outcome"].startswith("not asked")
    assert streams["users"]["outcome"] == streams["records_calls"]["outcome"] == "reachable"
    assert run.answer("how long calls are kept")[1] == "not decidable with this account"


@pytest.mark.parametrize("section", ["dialpad", "engagement", "analytics"])
def test_a_wrong_key_ends_its_section_alone_with_the_reason(company: str, examine: Examine, section: str) -> None:
    other = "engagement" if section != "engagement" else "analytics"
    run = examine(config_of(company, section, other, **{section: "a-wrong-key-9d8c7b6a"}))
    assert run.outcomes(section) == {"refused"}
    assert f"refused {section}.api_key" in run.screen
    assert run.outcomes(other) == {"reachable"}
    assert "a-wrong-key" not in run.everything


def test_an_empty_account_decides_little_and_says_so(examine: Examine) -> None:
    world = World(days=0, calls_per_day=0, messages_per_day=0, agents=1, call_centers=1)
    with serve(FakeDialpad(world, export_seconds=0.0, variants=Variants(rates="off"))) as url:
        run = examine(config_of(url, "dialpad", "engagement", "analytics"))
    assert not [note for note in run.document["notes"] if "stopped" in note]
    assert run.answer("the unit of start and end")[1] != "seen"
    assert run.answer("which legs have a transcript")[1] == "not decidable with this account"
    assert {"reachable", "reachable, empty"} < run.outcomes("dialpad")
    assert run.document["streams"]["records_calls"]["outcome"] == "reachable, empty"


def test_an_api_that_is_down_is_said_of_its_section_and_the_others_are_asked(company: str, examine: Examine) -> None:
    config = config_of(company, "engagement", "analytics", "event_receiver")
    config |= config_of("http://localhost:1", "dialpad")
    config["event_receiver"]["base_url"] = "http://localhost:1"
    run = examine(config)
    assert run.outcomes("dialpad") == run.outcomes("event_receiver") == {"no answer"}
    assert run.outcomes("engagement") == run.outcomes("analytics") == {"reachable"}
    assert "cannot be reached" in run.screen
    assert len(run.document["findings"]) > 50


class UsedUp(FakeDialpad):
    """The hour's exports are used up after five."""

    exports_left = 5

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and request.path == "/api/v2/stats":
            self.exports_left -= 1
            if self.exports_left < 0:
                return Response(429, b"{}", {"retry-after": "1200"})
        return super().handle(request)


def test_exports_that_dialpad_does_not_start_are_given_up(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PATIENCE", 2.0)
    fake = UsedUp(World(days=9, calls_per_day=40), export_seconds=0.0, variants=Variants(rates="off"))
    with serve(fake) as url:
        run = examine(config_of(url, "dialpad"))
    streams = run.document["streams"]
    assert streams["records_calls"]["outcome"] == streams["users"]["outcome"] == "reachable"
    assert streams["stats_onduty"]["outcome"] == "refused"
    assert "refuses to start the export (429)" in streams["stats_onduty"]["words"]
    assert run.answer("what a 429 says") == ("1 of 1 said how long to wait (Retry-After)", "seen once")
    assert fake.exports_left == -1, "a refusal stops the POSTs"


class GoingDown(FakeDialpad):
    """Its lists answer for a while."""

    lists = 20

    def handle(self, request: Request) -> Response:
        if not re.search("/stats|/scorecards/export|/_storage", request.path):
            self.lists -= 1
            if self.lists < 0:
                return Response(503, b"")
        return super().handle(request)


def test_an_api_that_goes_down_on_the_way_is_given_up(examine: Examine) -> None:
    fake = GoingDown(World(days=9, calls_per_day=40), export_seconds=0.0, variants=Variants(rates="off"))
    with serve(fake) as url:
        run = examine(config_of(url, "dialpad"))
    assert fake.lists == -3 * 5
    assert "dialpad: it was not asked any more." in " ".join(run.screen.split())
    assert run.document["streams"]["offices"]["outcome"] == "reachable"
    assert run.document["streams"]["meetings"]["http_status"] == 503


def test_an_answer_that_nobody_thought_of_ends_its_part_alone(
    company: str, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbling(*_: object) -> None:
        raise KeyError("a value of the account")

    monkeypatch.setattr(engagement, "findings", stumbling)
    run = examine(config_of(company, "engagement", "analytics"))
    (note,) = [note for note in run.document["notes"] if "stopped" in note]
    assert re.fullmatch(r"Digital Engagement stopped \(KeyError, test_endings\.py line \d+\)\.", note)
    assert run.outcomes("analytics") == {"reachable"}
    assert "a value of the account" not in run.everything


def test_the_configuration_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--config secrets/config.json" in capsys.readouterr().err
