"""Output: whatever a server says, and however it spells it, no line of it holds a key or a signed address."""

from __future__ import annotations

import html
import io
import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, urlsplit

import orjson
import pytest
import requests
from airbyte_cdk.logger import AirbyteLogFormatter
from airbyte_cdk.models import AirbyteMessageSerializer
from airbyte_cdk.test.entrypoint_wrapper import read
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from source_dialpad.source import SourceDialpad
from source_dialpad.transport.guard import quiet
from source_dialpad.transport.secrets import mask_keys
from unit_tests.core.reading import catalog_of
from unit_tests.hostile.answering import CONFIG, HOSTS, KEYS, Hostile, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMS = ("messages", "users", "analytics_metrics", "call_events")
"""One of each section."""

PERSON = "Ada Lovelace, +1 415 555 0100"


def spellings(key: str) -> list[str]:
    """The ways a server could echo a key."""
    return [key, quote(key, safe=""), quote_plus(key), key.replace("/", "\\/"), html.escape(key)]


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Reads streams with `--debug`; all that came out, messages, logs and traces, as it was written."""

    def go(*streams: str, reply: Callable[[requests.PreparedRequest], Reply], **config: Any) -> str:
        hostile = Hostile(reply)
        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda _, *args, **more: hostile.send(*args, **more))
        monkeypatch.setattr(
            logging.getLogger("airbyte"), "propagate", True
        )  # PyAirbyte, where it was imported, says no
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        handler.setFormatter(AirbyteLogFormatter())
        logging.root.addHandler(handler)
        whole = {**CONFIG, **config}
        try:
            source = SourceDialpad(catalog=catalog_of(*streams), config=whole, state=[])
            output = read(source, whole, catalog_of(*streams), debug=True)
        finally:
            logging.root.removeHandler(handler)
            for name in ("airbyte", "airbyte.SourceDialpad"):
                logging.getLogger(name).setLevel(logging.INFO)
        assert "Making outbound API request" in written.getvalue()
        messages = [AirbyteMessageSerializer.dump(message) for message in output._messages or []]
        return "\n".join([orjson.dumps(message).decode() for message in messages] + [written.getvalue()])

    return go


def section_of(request: requests.PreparedRequest) -> str:
    host = urlsplit(request.url or "").hostname
    return next(section for section, name in HOSTS.items() if name == host)


def echo(key: str, status: int) -> Reply:
    told = json.dumps({"error": {"message": " ".join(spellings(key))}, "message": spellings(key), "who": PERSON})
    headers = {
        "X-Echo": " ".join(spellings(key)),
        "Set-Cookie": f"session={key}; Path=/",
        "Location": f"/x?{quote(key)}",
    }
    return Reply(told.replace("\\\\/", "\\/").encode(), status, headers)


def redact_url(told: str) -> list[str]:
    """The keys that can be read in an output, in any spelling."""
    return [each for key in KEYS.values() for each in spellings(key) if each in told]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404])
def test_a_key_that_is_echoed_is_not_shown(status: int, reading: Callable[..., str]) -> None:
    told = reading(*STREAMS, reply=lambda request: echo(KEYS[section_of(request)], status))
    assert redact_url(told) == []
    assert "****" in told or status == 302


def test_a_key_in_spaces_is_not_shown(reading: Callable[..., str]) -> None:
    spaced = {section: {**CONFIG[section], "api_key": f"  {key}\n"} for section, key in KEYS.items()}
    assert redact_url(reading(*STREAMS, reply=lambda request: echo(KEYS[section_of(request)], 401), **spaced)) == []


def test_debug_shows_neither_bodies_nor_headers_of_weight(reading: Callable[..., str]) -> None:
    answer = Reply(
        json.dumps({"items": [], "next_cursor": "", "who": PERSON}).encode(), 200, {"Set-Cookie": "a=secret-cookie"}
    )
    told = reading("users", "call_events", reply=lambda _: answer)
    assert "Receiving response" in told
    assert [each for each in ("Authorization", "secret-cookie", PERSON) if each in told] == []


def test_the_signature_of_a_file_is_not_shown(reading: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    signature = "X-Goog-Signature=0f343b0931126a20f133d67c2b018a3b&X-Goog-Expires=3600"
    for wait in ("FIRST_POLL", "POLL_EVERY"):
        monkeypatch.setattr(f"source_dialpad.stats.jobs.{wait}", 0.0)

    def answer(request: requests.PreparedRequest) -> Reply:
        url = request.url or ""
        if request.method == "POST":
            return Reply(b'{"request_id": "1"}')
        if "/api/v2/stats/" in url:
            told = {"status": "complete", "download_url": f"https://storage.googleapis.com/a.csv?{signature}"}
            return Reply(json.dumps(told).encode())
        return Reply(f"<p>{url} {html.escape(url)}</p>".encode(), 401, {"X-Url": url})

    told = reading("records_calls", reply=answer)
    assert "storage.googleapis.com" in told
    assert "0f343b0931126a20f133d67c2b018a3b" not in told


def test_a_bad_answer_in_the_cdk_is_told_without_its_headers_and_not_endlessly() -> None:
    record = logging.LogRecord(
        "airbyte.HttpRequester.users", logging.ERROR, "", 0,
        "'GET' request to 'https://a.example.com/x?token=secret' failed. Response (body): '" + "x" * 100_000 + "'. "
        "Response (headers): '{'Set-Cookie': 'secret'}'.", None, None,
    )  # fmt: skip
    assert quiet(record)
    assert "secret" not in record.getMessage()
    assert len(record.getMessage()) < 2000


def test_masking_is_the_same_however_often_it_is_asked_for() -> None:
    begin = time.monotonic()
    for _ in range(100):
        mask_keys(CONFIG)
    assert filter_secrets(" ".join(KEYS.values())) == "**** **** **** ****"
    assert time.monotonic() - begin < 1
