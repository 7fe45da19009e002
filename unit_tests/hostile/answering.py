"""Answers as a hostile server would give them, to the manifest's own requesters, without a socket."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airbyte_cdk.sources.declarative.models.declarative_component_schema import HttpRequester as HttpRequesterModel
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from source_dialpad.source import SourceDialpad, resolved_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests
    from airbyte_cdk.sources.declarative.requesters import HttpRequester

KEYS = {
    "engagement": "engagement-key+0cc175b9c0f1b6a831c399e269772661/A==",
    "dialpad": "dialpad-key+92eb5ffee6ae2fec3ad71c777531578f/B==",
    "analytics": "analytics-key+4a8a08f09d37b73795649038408b5f33/C==",
    "event_receiver": "receiver-key+8277e0910d750195b448797616e091ad/D==",
}
HOSTS = {
    "engagement": "engagement.example.com",
    "dialpad": "dialpad.example.com",
    "analytics": "analytics.example.com",
    "event_receiver": "calls.example.com",
}
CONFIG: dict[str, Any] = {
    "start_date": "2026-09-01",
    **{section: {"base_url": f"https://{HOSTS[section]}", "api_key": key} for section, key in KEYS.items()},
}
CONFIG["engagement"]["provider_id"] = "1020"

REQUESTERS = {
    "messages_requester": "engagement",
    "session_requester": "engagement",
    "dialpad_lists_requester": "dialpad",
    "export_post_requester": "dialpad",
    "export_poll_requester": "dialpad",
    "analytics_requester": "analytics",
    "analytics_query_requester": "analytics",
    "event_receiver_requester": "event_receiver",
}
"""Every requester that carries a key, and the section the key stands in."""


@dataclass
class Reply:
    """One answer; a body of pieces is streamed and never held whole."""

    body: bytes | Callable[[], Iterator[bytes]] = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Hostile(HTTPAdapter):
    """Gives the replies in turn, the last one for ever, and keeps what it was asked and how much was taken of it."""

    def __init__(self, *replies: Reply | Callable[[requests.PreparedRequest], Reply]) -> None:
        super().__init__()
        self._replies = list(replies)
        self.asked: list[requests.PreparedRequest] = []
        self.sent = 0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.asked.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if callable(reply):
            reply = reply(request)
        pieces = iter([reply.body]) if isinstance(reply.body, bytes) else reply.body()
        raw = HTTPResponse(
            io.BufferedReader(_Pieces(pieces, self), 1 << 16),
            headers=dict(reply.headers),
            status=reply.status,
            preload_content=False,
            request_method=request.method,
        )
        return self.build_response(request, raw)

    @property
    def hosts(self) -> list[str]:
        """The host of every request."""
        return [urlsplit(request.url or "").hostname or "" for request in self.asked]


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes], counts: Hostile) -> None:
        self._pieces = pieces
        self._rest = b""
        self._counts = counts

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._counts.sent += size
        return size


def definitions() -> dict[str, Any]:
    """The manifest's definitions, references resolved."""
    found: dict[str, Any] = resolved_manifest()["definitions"]
    return found


@cache
def completed() -> Mapping[str, Any]:
    """The configuration as the streams see it."""
    return dict(SourceDialpad(config=CONFIG)._config)


def requester(name: str, hostile: Hostile, **config: Any) -> HttpRequester:
    """A requester of the manifest that asks `hostile`, once a request."""
    factory = ModelToComponentFactory(disable_retries=True)
    definition = {**definitions()[name], "name": "hostile"}
    built: Any = factory.create_component(HttpRequesterModel, definition, {**completed(), **config}, name="hostile")
    over(built, hostile)
    return built  # type: ignore[no-any-return]


def over(built: Any, hostile: Hostile) -> None:
    """Lets a requester ask `hostile`."""
    for scheme in ("https://", "http://"):
        built._http_client._session.mount(scheme, hostile)
