"""The fake's logic and its two doors: a TCP port and in process.

The port is opened by :func:`asgi`, :class:`Server` or :func:`serve`; :class:`InProcessAdapter` and :func:`in_process`
need none. Guarantee: both doors hand the same :class:`~fake_dialpad.wire.Request` to :meth:`FakeDialpad.handle` and
deliver what it returns, misbehaviour included. In process nothing ever waits: a delay beyond the client's time-out is
a time-out, a shorter one is no delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import math
import re
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import orjson
import requests
import uvicorn
from requests.adapters import BaseAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from urllib3.response import HTTPResponse

from fake_dialpad.analytics import Analytics
from fake_dialpad.calls import Calls
from fake_dialpad.control import Control
from fake_dialpad.directory import Directory
from fake_dialpad.engagement import Engagement
from fake_dialpad.faults import Faults, spoilt
from fake_dialpad.readings import Readings
from fake_dialpad.records import LocalTime
from fake_dialpad.stats import Stats
from fake_dialpad.wire import JSON, Refused, Request, Response, Window, routed
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping

    import requests_mock
    from starlette.types import ASGIApp, Receive, Scope, Send

    from fake_dialpad.events import Party

#: Scope of a Dialpad key: the paths below /api/v2 it opens, or what it shows (API specification, prose of the routes).
SCOPES: Final = {
    "calls:list": r"call",
    "digital_sessions": r"digital/sessionsdata",
    "company_admin": r"(company|numbers)",
    "contacts": r"contacts",
    "recordings_export": None,  # recording URLs in exports and events
    "message_content_export": None,  # the text of texts
}
ADMIN_ONLY: Final = re.compile(r"/api/v2/(company|numbers|call|callrouters)/?$")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys the fake takes; `dialpad_user` is a key of one user, which sees only that user's own."""

    dialpad: str = "dialpad-key-0123456789"
    engagement: str = "engagement-key-0123456789"
    analytics: str = "analytics-key-0123456789"
    dialpad_user: str = "dialpad-user-key-0123456789"
    provider_id: str = "1020"


class FakeDialpad:
    """A Dialpad of an invented company.

    `clock` gives epoch seconds and may be anything callable, so that a test moves time without waiting.
    `export_seconds` is how long an export takes. `missing_scopes` (names of :data:`SCOPES`) are rights the Dialpad key
    lacks. Readings are in :mod:`fake_dialpad.readings`.
    """

    def __init__(  # noqa: PLR0913 - all but the world have defaults
        self,
        world: World | None = None,
        *,
        clock: Callable[[], float] = time.time,
        export_seconds: float = 18.0,
        keys: Keys | None = None,
        readings: Readings | None = None,
        missing_scopes: Iterable[str] = (),
    ) -> None:
        self.clock = clock
        self.world = world or World(today=datetime.fromtimestamp(clock(), UTC).date())
        self.export_seconds = export_seconds
        self.keys = keys or Keys()
        self.readings = readings or Readings()
        self.missing_scopes = frozenset(missing_scopes)
        if unknown := self.missing_scopes - set(SCOPES):
            message = f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}"
            raise ValueError(message)
        self.advanced = 0.0
        self.server_offset = 0.0
        self.horizon = math.inf
        self.log: deque[dict[str, Any]] = deque(maxlen=100_000)
        self.faults = Faults()
        self.lock = threading.RLock()
        self._clocks: dict[str, LocalTime] = {}
        self.company_window = Window(20, 0.95)  # 20 a second, with a little for jitter on the way
        self.stats: Stats = Stats(self)
        self.engagement: Engagement = Engagement(self)
        self.analytics: Analytics = Analytics(self)
        self.directory: Directory = Directory(self)
        self.calls: Calls = Calls(self)
        self.control: Control = Control(self)
        self._dialpad = [*self.stats.routes, *self.calls.routes, *self.directory.routes]

    # -- time --------------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the true time, in epoch seconds."""
        return self.clock() + self.advanced

    def now(self) -> float:
        """Return the instant up to which things have happened: the true time, or the horizon where one is set."""
        return min(self.time(), self.horizon)

    def server_now(self) -> float:
        """Return the time the servers' clocks show: it counts days, ages caches and stands in the Date header."""
        return self.time() + self.server_offset

    def local(self, timezone: str) -> LocalTime:
        """Return the writer of local times of a zone; ValueError or ZoneInfoNotFoundError if there is none."""
        if timezone not in self._clocks:
            self._clocks[timezone] = LocalTime(timezone)
        return self._clocks[timezone]

    # -- what the APIs ask -------------------------------------------------------------------------

    @property
    def limited(self) -> bool:
        """Whether rate limits are kept."""
        return self.readings["rates"] == "on"

    def has_scope(self, name: str) -> bool:
        """Whether the Dialpad key has a scope."""
        return name not in self.missing_scopes

    def too_many(self, message: str, wait: float) -> Refused:
        """Return the refusal of a request that is one too many."""
        headers = {"retry-after": str(max(1, int(wait) + 1))} if self.readings["retry_after"] == "present" else {}
        return Refused(429, message, headers)

    def guarded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a body, each made while no other request is answered."""
        while True:
            with self.lock:
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    @staticmethod
    def background(work: Callable[[], object]) -> None:
        """Do something beside the requests."""
        threading.Thread(target=work, daemon=True).start()

    def user_of(self, request: Request) -> Party | None:
        """Return the user whose own key the request carries; nothing for a company key."""
        return self.world.users[0] if _bearer(request) == self.keys.dialpad_user else None

    # -- one request -------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        with self.lock:
            if request.path.startswith("/_fake/"):
                return self.control.handle(request)
            fault = self.faults.hit(request)
            error = self._error(request.path)
            entry = {
                "time": self.time(),
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "host": urlsplit(request.base_url).netloc,
                "status": 0,
                "authorization": "authorization" in request.headers,
                "body": request.body[:20_000].decode("utf-8", "replace"),
                "fault": fault.fault if fault else None,
            }
            self.log.append(entry)
            try:
                response = (
                    self._answer(request)
                    if fault is None
                    else spoilt(fault, request, lambda: self._honest(request), self.stats)
                )
            except Refused as refused:
                response = error(refused)
            entry["status"] = 0 if response.breaks == "drop" else response.status
            response.headers.setdefault(
                "date", format_datetime(datetime.fromtimestamp(self.server_now(), UTC), usegmt=True)
            )
            return response

    def _honest(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Refused as refused:
            return self._error(request.path)(refused)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/_storage/"):
            return routed(self.stats.downloads, request, "Not found")
        if path.startswith("/api/v2/"):
            self._admit_dialpad(request)
            return routed(self._dialpad, request, f"Requested URL {path} not found")
        if path.startswith("/KoopidPartnerServer/"):
            if _bearer(request) != self.keys.engagement:
                raise Refused(401, "Unauthorized")
            return routed(self.engagement.routes, request, "Not found")
        if re.match(r"/(v1|beta)/", path):
            given = request.headers.get("authorization", "")
            if self.keys.analytics not in (given, given.removeprefix("Bearer ")):
                raise Refused(401, "Unauthorized")
            self.analytics.admit()
            return routed(self.analytics.routes, request, "Not found")
        raise Refused(404, f"Requested URL {path} not found")

    def _admit_dialpad(self, request: Request) -> None:
        key = _bearer(request)
        if key not in (self.keys.dialpad, self.keys.dialpad_user):
            raise Refused(401, "Invalid or missing API key")
        if self.limited and not self.company_window.admits(self.server_now()):
            raise self.too_many("Rate limit exceeded: 20 requests per second", 1)
        if key == self.keys.dialpad_user and ADMIN_ONLY.match(request.path):
            raise Refused(403, "This API requires a company admin API key")
        for scope in self.missing_scopes:
            pattern = SCOPES[scope]
            if pattern and re.match(rf"/api/v2/{pattern}(/|$)", request.path):
                raise Refused(403, f"The API key lacks the scope {scope}")

    @staticmethod
    def _error(path: str) -> Callable[[Refused], Response]:
        """Return how the API of a path writes a refusal."""
        if re.match(r"/(v1|beta)/", path):
            return lambda refused: _refusal({"message": refused.message}, refused)
        if path.startswith("/KoopidPartnerServer/"):
            return lambda refused: _refusal({"error": refused.message, "status": refused.status}, refused)
        return lambda refused: _refusal(
            {
                "error": {
                    "code": refused.status,
                    "message": refused.message,
                    "errors": [
                        {
                            "domain": "global",
                            "message": refused.message,
                            "reason": _REASONS.get(refused.status, "badRequest"),
                        }
                    ],
                }
            },
            refused,
        )


_REASONS: Final = {
    401: "required",
    403: "forbidden",
    404: "notFound",
    405: "methodNotAllowed",
    409: "conflict",
    429: "rateLimitExceeded",
}


def _refusal(value: object, refused: Refused) -> Response:
    return Response(refused.status, orjson.dumps(value), {**JSON, **refused.headers})


def _bearer(request: Request) -> str | None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    return key if kind.lower() == "bearer" else None


# -- the socket's door -----------------------------------------------------------------------------


def asgi(fake: FakeDialpad) -> ASGIApp:
    """Return the ASGI application that serves `fake`."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        asked = StarletteRequest(scope, receive)
        headers = {key.lower(): value for key, value in asked.headers.items()}
        request = Request(
            asked.method,
            scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            await asked.body(),
            f"{asked.url.scheme}://{headers.get('host', 'localhost')}",
        )
        response = fake.handle(request)
        if response.work is not None:
            response = await run_in_threadpool(response.work)
        if response.delay:
            await asyncio.sleep(response.delay)
        await _deliver(response, scope, receive, send)

    return application


async def _deliver(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    if response.breaks is not None:
        await _break(response, send)
        return
    if isinstance(response.body, bytes):
        await StarletteResponse(response.body, response.status, response.headers)(scope, receive, send)
        return
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": pairs})
    chunks = iter(response.body)
    while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
        for start in range(0, len(chunk), 262_144):
            await send({"type": "http.response.body", "body": chunk[start : start + 262_144], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _break(response: Response, send: Send) -> None:
    """Deliver nothing, or half of what is promised, and then end or reset the connection."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if response.breaks != "drop":
        content = response.content()
        headers: Mapping[str, str] = {**response.headers, "content-length": str(max(1, len(content)))}
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # what was sent shall arrive before the reset overtakes it
    if transport is None:
        message = "this server gives no access to its transport"
        raise RuntimeError(message)
    if response.breaks == "reset":
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()


class Server(uvicorn.Server):
    """A uvicorn server of a fake on one loopback port; `announce` is called once it accepts."""

    def __init__(self, fake: FakeDialpad, port: int = 0, announce: Callable[[str], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                asgi(fake),
                lifespan="off",
                log_level="critical",
                access_log=False,
                date_header=False,
                server_header=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=1,
            )
        )
        self.listener = socket.create_server(("localhost", port), backlog=512)
        self.url = f"http://localhost:{self.listener.getsockname()[1]}"
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, then announce it."""
        await super().startup(sockets)
        if self.announce is not None:
            self.announce(self.url)

    def go(self) -> None:
        """Serve until told to stop."""
        self.run(sockets=[self.listener])


@contextlib.contextmanager
def serve(fake: FakeDialpad, port: int = 0) -> Iterator[str]:
    """Serve `fake` from a thread; the value is the base URL, and the port is closed afterwards."""
    server = Server(fake, port)
    thread = threading.Thread(target=server.go, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.should_exit = True
        thread.join()
        server.listener.close()


# -- the door in process ---------------------------------------------------------------------------


class _Body(io.RawIOBase):
    """A body as `requests` reads it from a socket, broken where the fault says so."""

    def __init__(self, response: Response) -> None:
        self._breaks = response.breaks
        if response.breaks is not None:
            content = response.content()
            self._chunks = iter([content[: len(content) // 2]])
        else:
            self._chunks = response.chunks()
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                if self._breaks == "reset":
                    raise ConnectionResetError(104, "Connection reset by peer")
                return 0
            self._rest = chunk
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class InProcessAdapter(BaseAdapter):
    """A `requests` transport adapter that hands each request to a fake: `session.mount("https://", adapter)`."""

    def __init__(self, fake: FakeDialpad) -> None:
        super().__init__()
        self.fake = fake

    def send(  # noqa: PLR0913, PLR0917 - the signature is that of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002, ARG002
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002, ARG002
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """Return the fake's answer; its misbehaviour comes as the exception a socket would have led to."""
        parts = urlsplit(request.url or "")
        body = request.body or b""
        asked = Request(
            request.method or "GET",
            parts.path or "/",
            parts.query,
            {key.lower(): _text(value) for key, value in request.headers.items()},
            body.encode() if isinstance(body, str) else bytes(body),
            f"{parts.scheme}://{parts.netloc}",
        )
        response = self.fake.handle(asked)
        if response.work is not None:
            response = response.work()
        limit = timeout[1] if isinstance(timeout, tuple) else timeout
        if limit is not None and response.delay > limit:
            message = f"Read timed out. (read timeout={limit})"
            raise requests.exceptions.ReadTimeout(message, request=request)
        if response.breaks == "drop":
            message = "('Connection aborted.', RemoteDisconnected('Remote end closed connection without response'))"
            raise requests.exceptions.ConnectionError(message, request=request)
        headers: MutableMapping[str, str] = dict(response.headers)
        if response.breaks is not None:
            headers["content-length"] = str(max(1, len(response.content())))
        raw = HTTPResponse(
            io.BufferedReader(_Body(response)),
            headers=headers,
            status=response.status,
            preload_content=False,
            request_method=request.method,
        )
        made: requests.Response = requests.adapters.HTTPAdapter().build_response(request, raw)
        return made

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def in_process(fake: FakeDialpad, mocker: requests_mock.Mocker) -> None:
    """Answer every request that `mocker` sees from `fake`, whatever its host."""
    adapter = InProcessAdapter(fake)

    def matcher(request: Any) -> requests.Response:
        return adapter.send(request._request, timeout=request.timeout)  # noqa: SLF001 - it has no other way to the request

    mocker.add_matcher(matcher)
