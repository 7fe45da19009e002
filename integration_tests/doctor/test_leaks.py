"""Nothing of an account reaches the screen, the files or the log: every value of this one bears a mark."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests

from event_receiver.app import create_app
from event_receiver.store import Store
from fake_dialpad.context import Keys
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import Variants
from fake_dialpad.wire import Request, Response, answer
from fake_dialpad.world import World
from integration_tests.doctor.examining import Run, config_of, examined
from integration_tests.standard.account import AGENT, OTHER_EVENTS
from integration_tests.sync.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD, DIGITS = "Qx7ZwKv9Jp", "7391826045"
"""At the end of every text and of every number."""
LONGEST_PART = 5
KEYS = {
    section: f"{WORD}-{section}-key-{DIGITS}" for section in ("dialpad", "engagement", "analytics", "event_receiver")
}
TIME = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?|[A-Z][a-z]{2} \d\d?, \d{4}.*|1[67]\d{11}|true|false|", re.IGNORECASE)
MEANT = ("status", "_type", "type", "measure", "download_url", "next")  # without these nothing could be asked any more


def marked(value: Any, name: str = "") -> Any:
    """The same value, the mark in every text and number of it, and in the names of nested objects."""
    if isinstance(value, dict):
        members = {each: marked(member, each) for each, member in value.items()}
        return {**members, f"{WORD} {name}": WORD, "custom_field": {WORD: DIGITS}} if "id" in value else members
    if isinstance(value, list):
        return [marked(item, name) for item in value]
    if name in MEANT or value is None or isinstance(value, bool) or TIME.fullmatch(str(value)):
        return value
    return (
        type(value)(f"{value}{DIGITS}")
        if str(value).isdigit()
        else f"{value}{WORD}"
        if isinstance(value, str)
        else value
    )


def marked_file(content: bytes) -> bytes:
    """The same file, the mark in every cell and in the name of one more column."""
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[*header, f"Umsatz {WORD}"], *([*map(marked, row), DIGITS] for row in rows)])
    return mark + text.getvalue().encode()


def unmarked(text: str) -> str:
    return text.replace(WORD, "").replace(DIGITS, "")


class Marked(FakeDialpad):
    """An account whose every value bears the mark; `mode` is how it refuses, if it does."""

    mode = ""

    def handle(self, request: Request) -> Response:
        """Answers what is meant by a request that bears marks."""
        if self.mode and not request.path.startswith("/_"):
            return self.refusal(request)
        headers = {
            name: value if name == "authorization" else unmarked(value) for name, value in request.headers.items()
        }
        body = unmarked(request.body.decode()).encode()
        plain = Request(
            request.method, unmarked(request.path), unmarked(request.query), headers, body, request.base_url
        )
        response = super().handle(plain)
        content = response.content()
        limits = {"x-ratelimit-limit": DIGITS, f"x-ratelimit-{WORD}": "1", "set-cookie": f"{WORD}={DIGITS}"}
        if request.path.startswith("/_storage"):
            return Response(response.status, marked_file(content), {**response.headers, **limits})
        made = answer(marked(json.loads(content)), response.status)
        made.headers.update(limits)
        return made

    def refusal(self, request: Request) -> Response:
        said = f"Invalid value for user {WORD} {WORD}@{WORD}.example, number +{DIGITS}, at https://{WORD}.example/{DIGITS}?k={WORD}"
        said += f" {request.headers.get('authorization')} {request.path}?{request.query} (403)"
        if self.mode == "page":
            return Response(200, f"<html><title>{WORD}</title>{said}</html>".encode(), {"content-type": "text/html"})
        if self.mode == "redirect":
            return Response(302, said.encode(), {"location": f"https://{WORD}.example/{DIGITS}?{quote(said)}"})
        if self.mode == "shape":
            return answer([{WORD: said, "items": said, "data": said, "messages": said}, said])
        if self.mode == "cut":
            return Response(
                200, f'{{"items": [{{"id": "{WORD}", "{WORD}": {DIGITS}'.encode(), {"content-type": "text/json"}
            )
        headers = {"retry-after": DIGITS, "x-request-id": WORD}
        made = answer({"error": {"message": said, "code": DIGITS}, "message": said, "reason": said}, int(self.mode))
        made.headers.update(headers)
        return made


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[Marked, str]]:
    keys = Keys(KEYS["dialpad"], KEYS["engagement"], KEYS["analytics"])
    world = World(days=9, calls_per_day=40, messages_per_day=60)
    fake = Marked(world, export_seconds=0.0, keys=keys, variants=Variants(rates="off"))
    with serve(fake) as url:
        yield fake, url


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[str]:
    store = Store(f"sqlite:///{tmp_path}/events.db")
    with served(create_app(store, read_key=KEYS["event_receiver"])) as url:
        for kind, event in {**OTHER_EVENTS, "call": {"call_id": 1, "state": "hangup", "target": AGENT}}.items():
            requests.post(f"{url}/events/{kind}", json=marked({**event, "id": DIGITS}), timeout=10).raise_for_status()
        yield url


def parts(mark: str) -> Iterator[str]:
    size = LONGEST_PART + 1
    yield from (mark[start : start + size].lower() for start in range(len(mark) - size + 1))


def leaks(run: Run) -> list[str]:
    """Every part of a mark, and every time of the account, that a run put out, with what stands around it."""
    text = run.everything
    found = [
        match.start() for mark in (WORD, DIGITS) for part in parts(mark) for match in re.finditer(part, text.lower())
    ]
    found += [match.start() for match in re.finditer(r"1[67]\d{11}|20\d\d-\d\d-\d\dT|localhost", text)]
    return [text[max(0, start - 40) : start + 40] for start in found]


def test_nothing_of_an_account_is_shown(
    account: tuple[Marked, str],
    receiver: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake, url = account
    fake.mode = ""
    config = config_of(url, "dialpad", "engagement", "analytics", **KEYS)
    config |= config_of(receiver, "event_receiver", **KEYS)
    config["engagement"]["provider_id"] = f"1020{DIGITS}"
    run = examined(config, tmp_path, monkeypatch, capsys)
    assert not leaks(run)
    assert not [note for note in run.document["notes"] if "stopped" in note]
    reports = run.document["streams"].values()
    reached = [one for one in reports if one["outcome"] == "reachable"]
    assert run.outcomes("event_receiver") == {"reachable"}
    announced, cost = re.search(r"At\s+most\s+(\d+)\s+requests,\s+(\d+)\s+of\s+which", run.screen), run.document["cost"]
    assert announced
    assert cost["requests"] - cost["export_polls"] <= int(announced[1])
    assert cost["export_posts"] == int(announced[2])
    assert len(reached) > 65, "the marks keep the doctor from asking"
    assert sum(one.get("names_not_shown", 0) for one in reached) > 20
    assert sum(one["section"] == "dialpad" and one.get("rows", 0) for one in reports) > 1000


@pytest.mark.parametrize("mode", ["400", "401", "403", "404", "429", "500", "page", "redirect", "shape", "cut"])
def test_nothing_that_a_refusal_quotes_is_shown(
    account: tuple[Marked, str],
    mode: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake, url = account
    fake.mode = mode
    config = config_of(url, "dialpad", "engagement", "analytics", "event_receiver", **KEYS)
    run = examined(config, tmp_path, monkeypatch, capsys)
    assert not leaks(run)
    assert not [note for note in run.document["notes"] if "stopped" in note]
    if mode != "shape":
        assert "reachable" not in {one["outcome"] for one in run.document["streams"].values()}


def test_a_configuration_that_cannot_be_used_is_refused_without_its_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(f"https://{WORD}.example/{DIGITS}", "dialpad", dialpad=f"Bearer {WORD}")
    config["timezone"] = f"Mars/{WORD}"
    with pytest.raises(SystemExit) as stopped:
        examined(config, tmp_path, monkeypatch, capsys)
    assert "timezone is …" in str(stopped.value)
    assert not [part for mark in (WORD, DIGITS) for part in parts(mark) if part in str(stopped.value).lower()]
