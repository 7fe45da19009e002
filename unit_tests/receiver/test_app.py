import asyncio
import hashlib
import io
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy.exc import OperationalError

from event_receiver import app as app_module
from event_receiver import logs
from event_receiver.app import create_app
from event_receiver.batching import BatchWriter
from event_receiver.delivery import Event
from event_receiver.kinds import KINDS
from event_receiver.positions import time_text
from event_receiver.store import Receipt, Store
from unit_tests.receiver.in_process import READ_KEY, SECRET, Clock, InProcess, before_commits

EVENT = {"call_id": 5000000000000001, "state": "hangup", "event_timestamp": 1793577649994, "contact": {"id": 1}}


def call_event(number: int) -> dict[str, Any]:
    return {"call_id": number, "state": "hangup"}


def refusal(response: httpx.Response) -> tuple[int, str]:
    answer = response.json()
    assert set(answer) == {"error", "message"}
    assert answer["message"].endswith(".")
    return response.status_code, answer["error"]


def gone(response: httpx.Response) -> tuple[str, str | None]:
    answer = response.json()
    assert response.status_code == 410
    return answer["error"], answer["pruned_through"]


class Unreachable(Store):
    """A store whose database is away until told otherwise."""

    away = True

    def _reach(self) -> None:
        if self.away:
            raise OperationalError("SELECT", None, ConnectionError("no route to +12025550102"))

    def append(self, events: Sequence[Event]) -> list[Receipt]:
        self._reach()
        return super().append(events)

    def read(self, kind: str, *, after: int, limit: int) -> Any:
        self._reach()
        return super().read(kind, after=after, limit=limit)

    def check(self) -> None:
        self._reach()
        super().check()


@pytest.fixture
def unreachable(database: str) -> Iterator[tuple[Unreachable, InProcess]]:
    store = Unreachable(database)
    client = InProcess(create_app(store, read_key=READ_KEY))
    yield store, client
    client.close()


# Taking events


def test_an_event_is_kept_and_answered_with_its_identity(receiver: InProcess) -> None:
    response = receiver.post(EVENT)
    identity = hashlib.sha256(json.dumps(EVENT, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    assert (response.status_code, response.json()) == (200, {"event_id": identity, "status": "kept"})
    assert [item["event"] for item in receiver.items()] == [EVENT]


def test_an_event_that_comes_twice_is_one_row_and_both_senders_hear_2xx(receiver: InProcess) -> None:
    answers = [receiver.post(EVENT), receiver.post(json.dumps(EVENT, indent=1, sort_keys=True))]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "kept"), (200, "repeated")]
    assert len(receiver.items()) == 1


def test_a_signed_event_is_kept(signed_receiver: InProcess) -> None:
    assert signed_receiver.post(jwt.encode(EVENT, SECRET, "HS256")).status_code == 200
    assert [item["event"] for item in signed_receiver.items()] == [EVENT]


def test_what_is_not_rightly_signed_is_refused_and_not_kept(signed_receiver: InProcess) -> None:
    for body, reason in (
        (json.dumps(EVENT), "signature_missing"),
        (jwt.encode(EVENT, SECRET[::-1], "HS256"), "signature_wrong"),
        (jwt.encode(EVENT, "", "none"), "signature_wrong"),
        (jwt.encode({**EVENT, "iat": 1}, SECRET, "HS256"), "token_too_old"),
    ):
        response = signed_receiver.post(body)
        assert refusal(response) == (401, reason)
        assert response.headers["www-authenticate"] == "Bearer"
    assert signed_receiver.items() == []


def test_a_body_that_is_no_event_is_refused_and_the_next_one_taken(receiver: InProcess) -> None:
    for body in (b"", b"hello", b"[1]", b"\xff", b'{"a":' * 5000, b'{"a": NaN}'):
        assert refusal(receiver.post(body))[0] == 400, body[:9]
        assert receiver.post(EVENT).status_code == 200


def test_a_body_of_exactly_the_limit_is_taken(receiver: InProcess) -> None:
    text = json.dumps({"note": ""})
    body = json.dumps({"note": "x" * (app_module.MAX_BODY_BYTES - len(text))})
    assert receiver.post(body).status_code == 200
    assert refusal(receiver.post(body + " ")) == (413, "body_too_long")


def test_an_event_that_cannot_be_kept_is_answered_503_and_taken_later(
    unreachable: tuple[Unreachable, InProcess],
) -> None:
    store, client = unreachable
    assert refusal(client.post(EVENT)) == (503, "not_kept")
    store.away = False
    assert client.post(EVENT).json()["status"] == "kept"


def test_a_database_that_is_too_slow_is_answered_503_in_time(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "ANSWER_SECONDS", 0.05)
    proceed = threading.Event()
    store = Store(database)
    before_commits(store, lambda: void(proceed.wait(10)))
    client = InProcess(create_app(store, read_key=READ_KEY))
    assert refusal(client.post(EVENT)) == (503, "not_kept")
    proceed.set()
    monkeypatch.setattr(app_module, "ANSWER_SECONDS", 30.0)
    assert client.post(EVENT).json()["status"] == "repeated"
    client.close()


def void(_: object) -> None:
    """Take a value, give none."""


def scope(path: str = "/events", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


def asked(client: InProcess, messages: list[dict[str, Any]], **headers: str) -> list[dict[str, Any]]:
    """Give the app these messages of a request body, then nothing; return what it sends."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(dict(message))

    client.runner.run(client.app(scope(**headers), receive, send))
    return sent


def test_a_body_that_stops_coming_is_refused(receiver: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "ANSWER_SECONDS", 0.05)
    sent = asked(receiver, [{"type": "http.request", "body": b'{"call', "more_body": True}])
    # Dialpad never delivers again after a 4xx.
    assert (sent[0]["status"], json.loads(sent[1]["body"])["error"]) == (503, "body_too_slow")


def test_a_sender_that_goes_away_in_the_middle_leaves_nothing(receiver: InProcess) -> None:
    asked(receiver, [{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}])
    assert receiver.items() == []


def test_a_fault_of_ours_is_a_503_and_not_a_4xx(receiver: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(_self: object, _event: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(BatchWriter, "write", fault)
    assert refusal(receiver.post(EVENT)) == (503, "fault")


# Kinds


def test_every_kind_has_a_path_and_is_read_alone_in_the_order_kept(receiver: InProcess) -> None:
    paths = [*(f"/events/{kind}" for kind in KINDS), "/events", *(f"/events/{kind}/" for kind in reversed(list(KINDS)))]
    for number, path in enumerate(paths):
        assert receiver.post({"number": number}, path=path).status_code == 200
    read = {kind: [item["event"]["number"] for item in receiver.items(kind=kind)] for kind in KINDS}
    last = len(paths) - 1
    assert read == {kind: [n, last - n] for n, kind in enumerate(KINDS)} | {"call": [0, len(KINDS), last]}
    assert [item["event"]["number"] for item in receiver.items()] == read["call"]


def test_a_contact_edited_there_and_back_again_is_three_events_and_a_retry_none(
    receiver: InProcess, clock: Clock
) -> None:
    def edit(name: str) -> tuple[str, str]:
        contact = {"event": "Updated", "contact": {"id": "1", "display_name": name}}
        answer = receiver.post(contact, path="/events/contact").json()
        return answer["event_id"], answer["status"]

    first = edit("Ann")
    clock.now += 29_000_000
    assert edit("Ann") == (first[0], "repeated")
    assert edit("Anna")[1] == "kept"
    clock.now += 2_000_000
    again = edit("Ann")
    assert again[1] == "kept"
    assert edit("Ann") == (again[0], "repeated")
    assert len({item["event_id"] for item in receiver.items(kind="contact")}) == 3


def test_equal_contacts_that_come_together_are_one_event(receiver: InProcess) -> None:
    contact = {"event": "Created", "contact": {"id": "1"}}
    answers = receiver.post_together([contact] * 3, path="/events/contact")
    assert sorted(answer.json()["status"] for answer in answers) == ["kept", "repeated", "repeated"]
    assert len({answer.json()["event_id"] for answer in answers}) == 1


# Reading events


def test_an_item_has_identity_time_position_and_the_event(receiver: InProcess, clock: Clock) -> None:
    identity = receiver.post(EVENT).json()["event_id"]
    answer = receiver.get("/events").json()
    assert set(answer) == {"items", "next_cursor", "pruned_through"}
    item = answer["items"][0]
    assert item == {
        "event_id": identity,
        "received_at": time_text(clock.now),
        "position": answer["next_cursor"],
        "event": EVENT,
    }


def test_received_at_always_has_six_digits_of_the_second() -> None:
    times = [time_text(microseconds) for microseconds in (0, 1_793_577_600_000_007)]
    assert times == ["1970-01-01T00:00:00.000000Z", "2026-11-02T00:00:00.000007Z"]


def test_the_payload_goes_out_as_the_text_that_came_in(receiver: InProcess) -> None:
    text = '{"total_duration": 8951.030, "n": 1e2, "name": "Zo\\u00eb \\u0000 \\ud83d ☎", "x": ' + "9" * 100 + "}"
    receiver.post(text.encode())
    assert text in receiver.get("/events").text


def test_following_the_cursor_gives_every_event_once(receiver: InProcess) -> None:
    for number in range(7):
        receiver.post(call_event(number))
    cursor = ""
    calls: list[int] = []
    sizes: list[int] = []
    while sizes[-1:] != [0]:
        page = receiver.get("/events", after=cursor, limit=3).json()
        calls += [item["event"]["call_id"] for item in page["items"]]
        sizes.append(len(page["items"]))
        cursor = page["next_cursor"]
    assert (calls, sizes) == (list(range(7)), [3, 3, 1, 0])


def test_an_empty_page_gives_the_cursor_back_and_it_finds_what_comes_next(receiver: InProcess) -> None:
    receiver.post(call_event(1))
    cursor = receiver.get("/events").json()["next_cursor"]
    assert receiver.get("/events", after=cursor).json() == {"items": [], "next_cursor": cursor, "pruned_through": None}
    receiver.post(call_event(2))
    assert [item["event"]["call_id"] for item in receiver.items(after=cursor)] == [2]


def test_an_empty_store_gives_a_cursor_from_which_nothing_is_missed(receiver: InProcess) -> None:
    cursor = receiver.get("/events").json()["next_cursor"]
    receiver.post(EVENT)
    assert len(receiver.items(after=cursor)) == 1


def test_the_position_of_an_item_is_a_cursor_too(receiver: InProcess) -> None:
    receiver.post_together([call_event(number) for number in range(3)])
    place = receiver.items()[1]["position"]
    assert len(receiver.items(after=place)) == 1


def test_received_after_begins_at_that_time_and_includes_it(receiver: InProcess, clock: Clock) -> None:
    for number in range(4):
        clock.now += 1_000_000
        receiver.post(call_event(number))
    times = [item["received_at"] for item in receiver.items()]
    assert [item["event"]["call_id"] for item in receiver.items(received_after=times[2])] == [2, 3]
    assert len(receiver.items(received_after=times[2].replace("Z", "+00:00"))) == 2
    assert len(receiver.items(received_after="2026-11-02T01:00:03.000000+01:00")) == 2
    assert len(receiver.items(received_after="1970-01-01T00:00:00Z")) == 4


def test_received_after_may_be_sent_along_with_the_cursor(receiver: InProcess, clock: Clock) -> None:
    for number in range(6):
        clock.now += 1_000_000
        receiver.post(call_event(number))
    since = receiver.items()[2]["received_at"]
    cursor, calls = "", []
    for _ in range(4):
        page = receiver.get("/events", received_after=since, after=cursor, limit=2).json()
        calls += [item["event"]["call_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert calls == [2, 3, 4, 5]


def test_received_after_a_time_to_come_gives_a_cursor_from_which_nothing_is_missed(
    receiver: InProcess, clock: Clock
) -> None:
    receiver.post(call_event(1))
    page = receiver.get("/events", received_after=time_text(clock.now + 5_000_000)).json()
    assert page["items"] == []
    receiver.post(call_event(2))
    assert [item["event"]["call_id"] for item in receiver.items(after=page["next_cursor"])] == [2]


def test_a_parameter_that_cannot_be_meant_is_refused_by_name(receiver: InProcess) -> None:
    store_id = receiver.get("/events").json()["next_cursor"].split("-")[0]
    wrong = {
        "limit": ["0", "1001", "-1", "ten", "9" * 30, "9" * 5000, "000000001999", "0100", "\uff11\uff10", "1e2"],
        "after": [
            "5",
            "x-y",
            "\x00",
            "a-call-1",
            f"{store_id}-call-1-x",
            f"{store_id}-call-{'9' * 30}-1",
            f"{store_id}-sms-0-0",
        ],
        "received_after": ["yesterday", "2026-11-02T00:00:00", "2026-11-02", "2026-11-02T00:00:00 00:00"],
    }
    reasons = {"limit": "limit_out_of_range", "after": "cursor_malformed", "received_after": "received_after_malformed"}
    answers = {(name, value): receiver.get("/events", **{name: value}) for name in wrong for value in wrong[name]}
    assert {key: refusal(answer) for key, answer in answers.items() if refusal(answer) != (400, reasons[key[0]])} == {}


def test_a_cursor_of_another_database_is_refused(receiver: InProcess) -> None:
    assert gone(receiver.get("/events", after="deadbeef-call-3-0")) == ("cursor_of_another_store", None)


def test_a_cursor_ahead_of_the_database_is_refused(receiver: InProcess) -> None:
    receiver.post(EVENT)
    ahead = receiver.get("/events").json()["next_cursor"].replace("-1-", "-2-")
    assert gone(receiver.get("/events", after=ahead)) == ("cursor_ahead", None)


def test_a_cursor_whose_place_another_event_has_taken_after_a_restore_is_refused(
    receiver: InProcess, clock: Clock, tmp_path: Path
) -> None:
    receiver.post(call_event(1))
    receiver.post(call_event(2))
    cursor = receiver.get("/events").json()["next_cursor"]
    with sqlite3.connect(tmp_path / "events.db") as connection:  # a backup from between the two
        connection.execute("DELETE FROM events WHERE position = 2")
        connection.execute("UPDATE call_events_journal SET last_position = 1")
    connection.close()
    clock.now += 1_000_000
    receiver.post(call_event(3))
    assert gone(receiver.get("/events", after=cursor)) == ("cursor_ahead", None)


def test_a_reader_that_was_behind_is_told_that_events_were_pruned(
    receiver: InProcess, store: Store, clock: Clock
) -> None:
    receiver.post_together([call_event(1), call_event(2)])
    behind, whole = (receiver.get("/events", limit=limit).json()["next_cursor"] for limit in (1, 2))
    last = receiver.items()[1]["received_at"]
    store.prune(clock.now + 10)
    assert gone(receiver.get("/events", after=behind)) == ("events_pruned", last)
    assert receiver.get("/events", after=whole).json() == {"items": [], "next_cursor": whole, "pruned_through": last}
    fresh = receiver.get("/events").json()
    assert (fresh["items"], fresh["pruned_through"]) == ([], last)
    assert receiver.get("/events", received_after="1970-01-01T00:00:00Z").json()["pruned_through"] == last
    receiver.post(call_event(3))
    assert [item["event"]["call_id"] for item in receiver.items(after=fresh["next_cursor"])] == [3]


def test_a_gap_of_one_kind_is_none_of_another(receiver: InProcess, store: Store, clock: Clock) -> None:
    receiver.post(EVENT, path="/events/fax")
    cursor = receiver.get("/events", kind="fax").json()["next_cursor"]
    receiver.post_together([call_event(1), call_event(2)])
    store.prune(clock.now + 10)
    answer = receiver.get("/events", kind="fax", after=cursor)
    assert answer.status_code == 200
    assert answer.json()["pruned_through"] < receiver.get("/events").json()["pruned_through"]
    assert receiver.get("/events", kind="sms").json()["pruned_through"] is None


def test_a_clock_that_was_a_day_ahead_keeps_nobody_from_reading_on(receiver: InProcess, clock: Clock) -> None:
    clock.now += 86_400_000_000
    receiver.post(call_event(1))
    first = receiver.get("/events").json()
    clock.now -= 86_400_000_000
    receiver.post(call_event(2))
    by_position = receiver.items(after=first["next_cursor"])
    by_time = receiver.items(received_after=first["items"][0]["received_at"])
    assert [item["event"]["call_id"] for item in by_position] == [2]
    assert [item["event"]["call_id"] for item in by_time] == [1, 2]


def test_reading_needs_the_key(receiver: InProcess) -> None:
    for key in (None, "", "another", READ_KEY + "x", READ_KEY.upper(), "schlüssel"):
        headers = {} if key is None else {b"authorization": b"Bearer " + key.encode("latin-1")}
        response = receiver.runner.run(receiver._client.get("/events", headers=headers))
        assert refusal(response) == (401, "read_key_wrong"), key


def test_the_secret_of_the_webhook_does_not_open_reading(signed_receiver: InProcess) -> None:
    assert refusal(signed_receiver.get("/events", key=SECRET)) == (401, "read_key_wrong")


def test_without_a_key_of_its_own_reading_is_shut(store: Store) -> None:
    client = InProcess(create_app(store))
    assert refusal(client.get("/events", key="")) == (401, "reading_shut")
    client.close()


def test_reading_while_the_database_is_away_is_503(unreachable: tuple[Unreachable, InProcess]) -> None:
    assert refusal(unreachable[1].get("/events")) == (503, "not_read")


# Health, figures, the rest


def test_healthz_fails_while_the_database_takes_no_writes_and_recovers(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("event_receiver.database.LOCK_SECONDS", 0.1)
    client = InProcess(create_app(Store(database)))
    assert client.get("/healthz", key=None).json() == {"status": "ok"}
    with closing(sqlite3.connect(tmp_path / "events.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # as a program that never ends its transaction
        assert client.get("/healthz", key=None).status_code == 503
        other.execute("ROLLBACK")
    assert client.get("/healthz", key=None).status_code == 200
    client.close()


def test_metrics_count_kept_repeated_and_refused(receiver: InProcess) -> None:
    receiver.post(EVENT)
    receiver.post(EVENT)
    receiver.post("hello")
    lines = receiver.get("/metrics", key=None).text.splitlines()
    assert {
        'event_receiver_events_kept_total{kind="call"} 1.0',
        'event_receiver_events_repeated_total{kind="call"} 1.0',
        'event_receiver_requests_refused_total{reason="not_json"} 1.0',
        "event_receiver_answer_seconds_count 3.0",
        "event_receiver_commit_seconds_count 2.0",
        "event_receiver_store_errors_total 0.0",
    } <= set(lines)


def test_another_route_is_refused_with_a_reason(receiver: InProcess) -> None:
    refused = {
        ("GET", "/"): (404, "not_found"),
        ("POST", "/event"): (404, "not_found"),
        ("POST", "/events//"): (404, "not_found"),
        ("POST", "/events%2f"): (404, "not_found"),
        ("POST", "/event%73"): (404, "not_found"),
        ("GET", "/events%2f"): (404, "not_found"),
        ("GET", "/healthz/"): (404, "not_found"),
        ("POST", "/events/email"): (404, "unknown_kind"),
        ("POST", "/events/sms/5"): (404, "not_found"),
        ("GET", "/events?kind=email"): (404, "unknown_kind"),
        ("DELETE", "/events"): (405, "method_not_allowed"),
        ("GET", "/events/sms"): (405, "method_not_allowed"),
        ("POST", "/healthz"): (405, "method_not_allowed"),
    }
    key = {"authorization": f"Bearer {READ_KEY}"}
    answers = {
        (method, path): refusal(receiver.runner.run(receiver._client.request(method, path, headers=key)))
        for method, path in refused
    }
    assert answers == refused


def test_a_method_that_is_not_allowed_is_answered_with_those_that_are(receiver: InProcess) -> None:
    allowed = {path: receiver.request("PUT", path).headers["allow"] for path in ("/events", "/events/", "/events/sms")}
    assert allowed == {"/events": "GET, HEAD, POST", "/events/": "GET, HEAD, POST", "/events/sms": "POST"}


def test_the_log_has_no_numbers_names_or_secrets(database: str) -> None:
    stream = io.StringIO()
    logs.configure("debug", stream=stream)
    store = Unreachable(database)
    client = InProcess(create_app(store, secrets=[SECRET], read_key=READ_KEY))
    event = {"external_number": "+12025550102", "contact": {"name": "Example caller"}}
    bodies = [jwt.encode(event, SECRET, "HS256"), json.dumps(event), jwt.encode(event, SECRET[::-1], "HS256")]
    for store.away in (True, False):
        for body in bodies:
            client.post(body)
        client.get("/events")
        client.get("/events", key=SECRET)
    client.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {"refused", "events not stored", "event kept", "events not read"} <= {line["message"] for line in lines}
    for private in ("2025550102", "Example caller", SECRET, READ_KEY, bodies[0][-20:]):
        assert private not in stream.getvalue()
