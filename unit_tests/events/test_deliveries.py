"""What the fake delivers of every kind is what a sync of all seven streams reads."""

from __future__ import annotations

import json
from collections import defaultdict
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from jsonschema import Draft7Validator

from event_receiver import batching
from event_receiver.kinds import KINDS
from fake_dialpad.deliveries import Feed
from source_dialpad.manifest import composed_manifest
from unit_tests.core.reading import read
from unit_tests.events.receiving import Receiver, config

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.core.reading import Row


def comparable(payloads: list[Row]) -> list[str]:
    return sorted(json.dumps(leaves(payload), sort_keys=True) for payload in payloads)


def leaves(value: Any) -> Any:
    """Text for each leaf, nothing for an empty one: a stream has ids as text, and null for an absent party."""
    if isinstance(value, dict):
        return {name: leaves(member) for name, member in value.items() if member not in (None, {})}
    return [leaves(item) for item in value] if isinstance(value, list) else str(value)


@pytest.mark.slow
def test_the_seven_streams_hold_what_was_delivered_row_by_row(
    fake: FakeDialpad, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "GATHER_SECONDS", 0)
    lock = Lock()

    def post(url: str, body: bytes, *_: Any) -> int:
        with lock:
            assert receiver.client
            return receiver.client.post(body, path=urlsplit(url).path).status_code

    feed = Feed(fake, fake.events.history, "https://events.example.com/events/")
    feed.post = post
    feed.send()
    assert {delivery.delivered for delivery in feed.done} == {True}
    sent: dict[str, list[Row]] = defaultdict(list)
    for delivery in feed.done:
        sent[delivery.kind].append(delivery.event)

    streams = [f"{kind}_events" for kind in KINDS]
    records = read(config(), *streams).of
    assert min(len(records[stream]) for stream in streams) > 5
    for kind, stream in zip(KINDS, streams, strict=True):
        added = {"event_id", "received_at"} | ({"event"} if kind in ("channel", "fax") else set())
        added |= {f"{name}_time" for row in records[stream] for name in row}
        rows = [{name: row[name] for name in row if name not in added} for row in records[stream]]
        assert comparable(rows) == comparable(sent[kind])
        validator = Draft7Validator(composed_manifest()["schemas"][stream])
        assert [error.message for row in records[stream] for error in validator.iter_errors(row)] == []
