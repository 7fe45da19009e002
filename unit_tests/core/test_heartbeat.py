"""What is said while something is waited for."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

import pytest
from freezegun import freeze_time

from source_dialpad.transport import heartbeat
from source_dialpad.transport.heartbeat import LOOK_EVERY, SILENCE, WAITS, Heartbeat, Waits
from unit_tests.core.fixtures import dialpad
from unit_tests.core.reading import read

if TYPE_CHECKING:
    import requests_mock

    from fake_dialpad.server import FakeDialpad
    from fake_dialpad.wire import Request, Response


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def waits(clock: Clock) -> Waits:
    return Waits(clock)


def test_silence_and_a_look_are_less_than_a_minute() -> None:
    assert SILENCE + LOOK_EVERY < 60


def test_nothing_is_said_before_the_silence_is_long(
    waits: Waits, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airbyte")
    beat = Heartbeat(waits, clock)
    clock.now += SILENCE - 1
    beat.look()
    assert caplog.messages == []


def test_a_long_silence_is_broken_once_until_it_is_long_again(
    waits: Waits, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airbyte")
    beat = Heartbeat(waits, clock)
    clock.now += SILENCE
    beat.look()
    beat.look()
    assert len(caplog.messages) == 1
    clock.now += SILENCE
    beat.look()
    assert len(caplog.messages) == 2


def test_a_record_keeps_it_quiet(waits: Waits, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "airbyte")
    beat = Heartbeat(waits, clock)
    clock.now += SILENCE - 1
    beat.heard()
    clock.now += SILENCE - 1
    beat.look()
    assert caplog.messages == []


def test_a_log_line_keeps_it_quiet(waits: Waits, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "airbyte")
    with Heartbeat(waits, clock) as beat:
        clock.now += SILENCE - 1
        logging.getLogger("airbyte").info("an export is being prepared")
        clock.now += SILENCE - 1
        beat.look()
    assert caplog.messages == ["an export is being prepared"]


@freeze_time("2026-11-20 12:00:00")
def test_a_slow_answer_is_named_with_its_stream_its_host_and_its_end(waits: Waits, clock: Clock) -> None:
    with waits.waiting("calls (2026-11-14 to 2026-11-20)", "an answer of https://dialpad.com", 120):
        clock.now += 50
        told = waits.told()
    assert told == (
        "calls (2026-11-14 to 2026-11-20) waits for an answer of https://dialpad.com, 50 s so far, "
        "until 12:01:10 UTC at the latest."
    )


@freeze_time("2026-11-20 12:00:00")
def test_a_pause_is_named_with_its_reason_and_its_end(waits: Waits, clock: Clock) -> None:
    with waits.waiting("calls", "an answer of https://dialpad.com", 120):
        waits.again_in(600, "the API answered 429")
        clock.now += 60
        told = waits.told()
    assert told == "calls: the API answered 429; the next try is at 12:09:00 UTC."


def test_after_a_pause_the_answer_is_waited_for_anew(waits: Waits, clock: Clock) -> None:
    with waits.waiting("calls", "an answer", 120):
        waits.again_in(600, "the API answered 429")
        clock.now += 610
        assert waits.told().startswith("calls waits for an answer, 10 s so far")


def test_an_end_that_has_passed_is_not_told(waits: Waits, clock: Clock) -> None:
    with waits.waiting("calls", "an answer", 120):
        clock.now += 121
        assert waits.told() == "calls waits for an answer, 121 s so far."


def test_the_longest_wait_is_named_and_the_others_are_counted(waits: Waits, clock: Clock) -> None:
    entered, leave = threading.Barrier(3), threading.Event()

    def wait(who: str, at_most: float) -> None:
        with waits.waiting(who, "an answer", at_most):
            entered.wait(10)
            leave.wait(10)

    threads = [threading.Thread(target=wait, args=each) for each in (("users", 60.0), ("calls", 120.0))]
    for thread in threads:
        thread.start()
    entered.wait(10)
    told = waits.told()
    leave.set()
    for thread in threads:
        thread.join(10)
    assert told.startswith("calls waits")
    assert told.endswith(" (and 1 more).")
    assert "none is waited for" in waits.told()


def test_a_wait_within_a_wait_gives_the_outer_one_back(waits: Waits) -> None:
    with waits.waiting("users", "the list", 60):
        with waits.waiting("users", "a page", 60):
            assert "a page" in waits.told()
        assert "the list" in waits.told()


def test_the_thread_says_it_by_itself_and_ends_with_the_block(
    waits: Waits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "LOOK_EVERY", 0.001)
    said = threading.Event()

    def told() -> str:
        said.set()
        return "calls waits for an answer."

    monkeypatch.setattr(waits, "told", told)
    with Heartbeat(waits, clock):
        clock.now += SILENCE
        assert said.wait(10)
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_while_an_answer_is_slow_its_stream_and_host_are_known(fake: FakeDialpad, fetch: requests_mock.Mocker) -> None:
    told: list[str] = []
    answer = fake.handle

    def slow(request: Request) -> Response:
        told.append(WAITS.told())
        return answer(request)

    fake.handle = slow  # type: ignore[method-assign]
    read(dialpad(), "users")
    assert told
    assert told[0].startswith("users waits for its turn and an answer of https://dialpad.example, 0 s so far, until ")
