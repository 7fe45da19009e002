"""The fake as a whole, over HTTP on a loopback port or in process.

The port is opened by :func:`asgi`, :class:`Server` or :func:`serve`; :class:`InProcessAdapter` and :func:`in_process`
need none. Guarantee: both hand the same :class:`~fake_dialpad.wire.Request` to :meth:`FakeDialpad.handle` and
deliver what it returns, misbehaviour included. In process nothing ever waits: a delay beyond the client's time-out is
a time-out, a shorter one is no delay.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import socket
import struct
import threading
import time
from collections import deque
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict, Unpack
from urllib.parse import urlsplit

import orjson
import requests
import uvicorn
from requests.adapters import BaseAdapter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response as StarletteResponse
from urllib3.response import HTTPResponse

from fake_dialpad.apis import Apis
from fake_dialpad.control import Control
from fake_dialpad.faults import Faults, faulty
from fake_dialpad.wire import JSON, Refused, Request, Response, dispatch
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping

    import requests_mock
    from starlette.types import ASGIApp, Receive, Scope, Send

    from fake_dialpad.context import Keys
    from fake_dialpad.variants import Variants


class Options(TypedDict, total=False):
    """What may be chosen beside the company; see :class:`~fake_dialpad.context.Context`."""

    clock: Callable[[], float]
    export_seconds: float
    keys: Keys
    variants: Variants
    missing_scopes: Collection[str]


class FakeDialpad(Apis):
    """A Dialpad of an invented company: its APIs behind their keys, faults on demand, a log, control routes."""

    def __init__(self, world: World | None = None, **options: Unpack[Options]) -> None:
        if world is None:
            world = World(today=datetime.fromtimestamp(options.get("clock", time.time)(), UTC).date())
        super().__init__(world, **options)
        self.log: deque[dict[str, Any]] = deque(maxlen=100_000)
        self.faults = Faults()
        self.control = Control(self, self.faults, self.log)

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
                    else faulty(fault, request, lambda: self._without_fault(request), self.exports)
                )
            except Refused as refused:
                response = error(refused)
            entry["status"] = 0 if response.breaks == "drop" else response.status
            response.headers.setdefault(
                "date", format_datetime(datetime.fromtimestamp(self.server_now(), UTC), usegmt=True)
            )
            return response

    def _without_fault(self, request: Request) -> Response:
        try:
            return self._answer(request)
        except Refused as refused:
            return self._error(request.path)(refused)

    def _answer(self, request: Request) -> Response:
        path = request.path
        if path.startswith("/_storage/"):
            return dispatch(self.exports.routes, request, "Not found")
        if path.startswith("/api/v2/"):
            return dispatch(self.api_v2, request, f"Requested URL {path} not found", self.admit(request))
        if path.startswith("/KoopidPartnerServer/"):
            if request.bearer != self.keys.engagement:
                raise Refused(401, "Unauthorized")
            return dispatch(self.engagement.routes, request, "Not found")
        if re.match(r"/(v1|beta)/", path):
            key = request.headers.get("authorization", "")
            if self.keys.analytics not in (key, key.removeprefix("Bearer ")):
                raise Refused(401, "Unauthorized")
            self.analytics.admit()
            return dispatch(self.analytics.routes, request, "Not found")
        raise Refused(404, f"Requested URL {path} not found")

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


# -- over HTTP -------------------------------------------------------------------------------------


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
    """Deliver nothing, or half of what is promised, and then close or reset the connection."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if response.breaks != "drop":
        content = response.content()
        headers: Mapping[str, str] = {**response.headers, "content-length": str(max(1, len(content)))}
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        await send({"type": "http.response.body", "body": content[: len(content) // 2], "more_body": True})
        await asyncio.sleep(0.05)  # so that what was sent arrives before the reset
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


# -- in process ------------------------------------------------------------------------------------


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

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> requests.Response:
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
        timeout = options.get("timeout")
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
        built: requests.Response = requests.adapters.HTTPAdapter().build_response(request, raw)
        return built

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def in_process(fake: FakeDialpad, mocker: requests_mock.Mocker) -> None:
    """Answer every request that `mocker` sees from `fake`, whatever its host."""
    adapter = InProcessAdapter(fake)

    def matcher(request: Any) -> requests.Response:
        return adapter.send(request._request, timeout=request.timeout)  # noqa: SLF001 - the only way to the prepared request

    mocker.add_matcher(matcher)
