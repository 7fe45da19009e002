"""What fake_dialpad sends to a receiver: every kind, signed, retried as Dialpad does."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from event_receiver.kinds import KINDS
from fake_dialpad.deliveries import Delivery, Feed
from fake_dialpad.server import FakeDialpad
from fake_dialpad.world import World
from unit_tests.receiver.in_process import SECRET

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://events.example.com/events"
WEDNESDAY = 2
MEMBERS = {
    "call": {"call_id", "state"},
    "sms": {"from_number", "message_status"},
    "agent_status": {"on_duty_status"},
    "contact": {"event", "contact"},
    "change_log": {"action", "changed_by"},
}
"""Members that every published payload of a kind has."""


class Dialpad(FakeDialpad):
    """A fake whose clock the test sets; its feed gets these answers, and the last one from then on."""

    def __init__(self, *answers: int) -> None:
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
        self.noon = (noon - timedelta(days=(noon.weekday() - WEDNESDAY) % 7)).timestamp()  # few call on a Sunday
        super().__init__(World(seed=7, days=9, calls_per_day=5), clock=lambda: self.noon)
        self.logged: list[str] = []
        self.feed = Feed(self, self.events.history, URL, SECRET)
        self.feed.log = self.logged.append
        self.feed.post = self.take
        self.urls: Counter[str] = Counter()
        self.answers: Iterator[int] = chain(answers[:-1], repeat(answers[-1]))

    def take(self, url: str, *_: Any) -> int:
        self.urls[url] += 1
        return next(self.answers)


def test_events_of_every_kind_are_sent_to_their_own_path_once_and_look_like_their_kind() -> None:
    fake = Dialpad(200)
    first = fake.feed.between(fake.feed._position, fake.now_us())
    instants = [instant for instant, _, _ in first]
    assert instants == sorted(instants)
    fake.feed.send()
    sent = list(fake.feed.done)
    assert set(fake.urls) == {f"{URL}/{kind}" for kind in KINDS}
    assert [one for one in sent if not MEMBERS.get(one.kind, set()) <= one.event.keys()] == []
    fake.feed.send()
    assert len(fake.feed.done) == len(sent) == len(instants)
    fake.noon += 3600
    fake.feed.send()
    later = [*fake.feed.done][len(sent) :]
    assert {"contact", "change_log", "channel", "fax"} <= {one.kind for one in later}
    assert not [one for one in later if one.event in [earlier.event for earlier in sent]]


def test_each_way_in_which_deliveries_fail_is_logged_once() -> None:
    fake = Dialpad(200, 401)
    fake.feed.send()
    assert len(fake.feed.done) > 2
    (line,) = fake.logged
    assert line.startswith(f"POST {URL}/")
    assert line.endswith(" was refused (401). Further failures of this kind are not shown.")


def test_a_delivery_is_tried_again_as_dialpad_does() -> None:
    hours: list[float] = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    expected: dict[str, list[float]] = {"call": [2, 4, 8], "sms": hours, "contact": [0.1, 0.2, 0.4, 0.8]}
    for kind, waits in expected.items():
        delivery = Delivery(kind, {}, URL, None)
        assert [delivery.attempt(lambda *_: 503) for _ in range(len(waits) + 1)] == [*waits, None]
        assert (len(delivery.attempts), delivery.delivered) == (len(waits) + 1, False)


def test_a_text_that_is_refused_for_hours_holds_nothing_else_up() -> None:
    fake = Dialpad(503, 200)
    fake.feed.send()
    (refused,) = [one for _, _, one in fake.feed._waiting]
    count = len(fake.feed.done)
    fake.noon += 3700
    fake.feed.send()
    assert refused in fake.feed.done
    assert [attempt["status"] for attempt in refused.attempts] == [503, 200]
    assert len(fake.feed.done) > count > 100


@pytest.mark.parametrize("secret", [SECRET, ""])
def test_a_delivery_is_signed_where_there_is_a_secret(secret: str) -> None:
    delivery = Delivery("sms", {"id": 5}, URL, secret)
    bodies: list[bytes] = []

    def post(_url: str, body: bytes, *_: Any) -> int:
        bodies.append(body)
        return 200

    delivery.attempt(post)
    assert (jwt.decode(bodies[0], SECRET, ["HS256"]) if secret else json.loads(bodies[0])) == {"id": 5}
