"""The account that sample_config.json names, at one instant: the same rows whenever and wherever it is read."""

from __future__ import annotations

import io
import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import requests_mock
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from event_receiver.app import create_app
from event_receiver.store import Store
from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.world import World
from integration_tests.faults.still_clock import NOON, still_clock
from source_dialpad.transport.shared import forget_findings
from unit_tests.receiver.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

FILES = Path(__file__).resolve().parents[1]
"""Where the files of the platform's suite are."""

Row = dict[str, Any]


def file(name: str) -> Any:
    """What a JSON file of the suite holds."""
    return json.loads((FILES / name).read_text(encoding="utf-8"))


CONFIG: Row = file("sample_config.json")
EVENTS = 12

MOMENT = int((NOON - timedelta(hours=3)).timestamp() * 1000)
AGENT = {"id": 5000000000004001, "name": "Ann Example", "type": "user"}
OTHER_EVENTS: dict[str, Row] = {
    "sms": {
        "id": 6000000000000001,
        "event_timestamp": MOMENT,
        "created_date": MOMENT,
        "direction": "outbound",
        "target": AGENT,
        "from_number": "+14155550100",
        "to_number": ["+14155550101"],
        "message_status": "delivered",
    },
    "agent_status": {"target": AGENT, "date": MOMENT, "on_duty_status": "available", "call_center_ids": []},
    "contact": {"event": "contact_created", "contact": {"id": "shared_contact_pool_1", "display_name": "Bo Example"}},
    "change_log": {"date": MOMENT, "action": "updated", "note": "Opened a line", "target": AGENT, "changed_by": AGENT},
    "channel": {"id": 7000000000000001, "text": "Good morning"},
    "fax": {"id": 8000000000000001, "created_date": MOMENT, "direction": "inbound", "fax_status": "delivered"},
}
"""One event of every kind that the fake does not send."""


@cache
def world() -> World:
    """A small company with a fortnight behind it."""
    return World(seed=7, days=14, calls_per_day=20, messages_per_day=20, agents=8, call_centers=2, today=NOON.date())


@contextmanager
def account(folder: Path, *, later: timedelta = timedelta()) -> Iterator[FakeDialpad]:
    """Time stands at noon of one day, or `later`; whoever sends a request is answered by the account.

    Nothing happens in it after ten, so that it does not matter how far waiting moves the clock. `folder` takes the call
    receiver's file.
    """
    fake = FakeDialpad(world(), clock=lambda: time.time())  # noqa: PLW0108  # looked up at each call
    fake.horizon = (NOON - timedelta(hours=2)).timestamp()
    with _receiver(fake, folder) as receiver, still_clock(NOON + later), requests_mock.Mocker() as mocker:
        in_process(fake, mocker)
        mocker.add_matcher(receiver)
        forget_findings(lasting=True)  # as in a process of its own, with an hour's budget of its own
        yield fake


@contextmanager
def _receiver(fake: FakeDialpad, folder: Path) -> Iterator[Callable[[Any], Response | None]]:
    """What answers requests to the event receiver, which has taken some events of the account; None to all others."""
    host, key = urlsplit(CONFIG["event_receiver"]["base_url"]).netloc, CONFIG["event_receiver"]["api_key"]
    arrival = int((NOON - timedelta(hours=1)).timestamp() * 1_000_000)
    store = Store(f"sqlite:///{folder / 'events.db'}", clock=lambda: arrival)
    app, turn = InProcess(create_app(store, read_key=key)), threading.Lock()

    def answer(request: Any) -> Response | None:
        asked = urlsplit(request.url)
        if asked.netloc != host:
            return None
        with turn:
            told = app.get(
                asked.path, key=request.headers["Authorization"].removeprefix("Bearer "), **dict(parse_qsl(asked.query))
            )
        body, headers = io.BytesIO(told.content), dict(told.headers)
        raw = HTTPResponse(body, headers=headers, status=told.status_code, preload_content=False)
        built: Response = HTTPAdapter().build_response(request._request, raw)
        return built

    try:
        for event in islice(fake.events.history(int((NOON - timedelta(days=1)).timestamp() * 1_000_000)), EVENTS):
            assert app.post(event).status_code == HTTPStatus.OK
        for kind, event in OTHER_EVENTS.items():
            assert app.post(event, path=f"/events/{kind}").status_code == HTTPStatus.OK
        yield answer
    finally:
        app.close()
