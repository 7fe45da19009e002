"""From registering to reading, over TCP: the commands, a Dialpad, a receiver."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from event_receiver.kinds import KINDS
from event_receiver.run import run
from fake_dialpad.context import Keys
from fake_dialpad.deliveries import Feed
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.world import World
from integration_tests.receiver.running import SECRET, Receiver


@pytest.fixture
def dialpad() -> Iterator[tuple[FakeDialpad, str]]:
    fake = FakeDialpad(World(seed=7, days=7, calls_per_day=20))
    with serve(fake) as url:
        yield fake, url


Command = Callable[..., list[str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `dialpad-event-receiver`; return what it says."""

    def said(*arguments: str) -> list[str]:
        assert run(arguments, {"DIALPAD_API_KEY": Keys().dialpad, "EVENT_RECEIVER_SECRET": SECRET}) == 0
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        return printed.out.splitlines()

    return said


def test_what_dialpad_sends_after_registering_can_be_read_once_each(
    dialpad: tuple[FakeDialpad, str], running: Receiver, command: Command
) -> None:
    fake, base_url = dialpad
    to = ("--url", f"{running.url}/events", "--base-url", base_url, "--kinds", "call")
    assert [" created" in line for line in command("register", *to)] == [True, True]
    assert [line.rsplit(" ", 1)[1] for line in command("register", *to)] == ["already", "already"]

    a_week = (datetime.now(UTC) - timedelta(days=6)).date().isoformat()  # a weekend alone may have too few
    wanted = {"from": a_week, "count": 40, "shuffle": True, "duplicates": 10}
    sent = requests.post(f"{base_url}/_fake/webhooks/send", json=wanted, timeout=30).json()
    assert (sent["events"], sent["delivered"]) == (50, 50)
    items = running.items()
    assert len({item["event_id"] for item in items}) == len(items) == 40
    first_seen = list({str(one["event"]): one["event"] for one in fake.events.deliveries}.values())
    assert [item["event"] for item in items] == first_seen

    assert len(command("remove", *to)) == 2
    assert command("remove", *to)[0].startswith("nothing to remove")


def test_the_fake_feeds_a_receiver_with_signed_events_of_every_kind(
    dialpad: tuple[FakeDialpad, str], receivers: Any, sqlite: str
) -> None:
    fake, _ = dialpad
    (receiver,) = receivers(sqlite)
    feed = Feed(fake, fake.events.history, f"{receiver.url}/events", SECRET)
    feed.send()
    assert {one.delivered for one in feed.done} == {True}
    for kind in KINDS:
        kept = [json.dumps(item["event"], sort_keys=True) for item in receiver.items(kind)]
        assert sorted(kept) == sorted(json.dumps(one.event, sort_keys=True) for one in feed.done if one.kind == kind)
        assert len(kept) > 5
