"""Requests and responses as the fake's logic sees them: plain values that know nothing of sockets.

Shapes: :class:`Request` in, :class:`Response` out. A route raises :class:`Refused` to refuse; the API it belongs to
puts the refusal into that API's own error shape.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import orjson
from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

JSON: Final = {"content-type": "application/json"}


class Refused(Exception):  # noqa: N818 - an answer of the API and no error of the fake
    """The request is refused with `status`; `message` is worded as the API words it where that is known."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


@dataclass(slots=True)
class Request:
    """One HTTP request: header names in lower case, `query` still encoded, `base_url` as the client wrote it."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    base_url: str = "http://localhost"

    @property
    def parameters(self) -> dict[str, str]:
        """Decoded query parameters; of a repeated name the last."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def bearer(self) -> str | None:
        """The bearer token of the Authorization header."""
        kind, _, key = self.headers.get("authorization", "").partition(" ")
        return key if kind.lower() == "bearer" else None

    def json(self) -> Any:
        """Return the decoded body; a body that is not JSON is refused with 400."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refused(400, f"The request body is not JSON: {error}") from error

    def valid(self, validator: Draft202012Validator) -> Any:
        """Return the decoded body if `validator` accepts it; else refuse with 400 and the path of the first error."""
        body = self.json()
        first = next(iter(sorted(validator.iter_errors(body), key=lambda error: list(map(str, error.path)))), None)
        if first is not None:
            path = ".".join(str(step) for step in first.path) or "body"
            raise Refused(400, f"Invalid value for {path}: {first.message}")
        return body


@dataclass(slots=True)
class Response:
    """One HTTP response. The fields after `headers` say how the transport misbehaves while it delivers the response.

    `delay`: seconds before the first byte. `breaks`: `cut` ends the body early with an orderly close, `reset` resets
    the connection in the middle of the body, `drop` closes it before any byte. `work`, where given, makes the real
    response and may block, so the HTTP server runs it outside its event loop.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    breaks: str | None = None
    work: Callable[[], Response] | None = None

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces, whatever form it has."""
        if isinstance(self.body, bytes):
            yield self.body
        else:
            yield from self.body

    def content(self) -> bytes:
        """Return the whole body, and keep it, so that it can be read again."""
        if not isinstance(self.body, bytes):
            self.body = b"".join(self.body)
        return self.body


def answer(value: object, status: int = 200) -> Response:
    """Return `value` as a JSON answer."""
    return Response(status, orjson.dumps(value), dict(JSON))


def schema(
    properties: Mapping[str, object], *, required: Iterable[str] = (), closed: bool = True
) -> Draft202012Validator:
    """Return a validator of JSON objects with these properties; a `closed` one refuses any other property."""
    return Draft202012Validator(
        {
            "type": "object",
            "properties": dict(properties),
            "required": list(required),
            "additionalProperties": not closed,
        }
    )


@dataclass(slots=True)
class Route:
    """A method and a path pattern, and what answers it; named groups of the pattern reach `handler` as keywords.

    `scope` is the scope a Dialpad key needs, `admin` whether a company admin's key is needed.
    """

    method: str
    pattern: re.Pattern[str]
    handler: Callable[..., Response]
    scope: str | None = None
    admin: bool = False


def route(
    method: str, pattern: str, handler: Callable[..., Response], *, scope: str | None = None, admin: bool = False
) -> Route:
    """Return a route; `{name}` in the pattern stands for one path segment."""
    expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    return Route(method, re.compile(f"{expression}/?$"), handler, scope, admin)


def dispatch(
    routes: Iterable[Route], request: Request, unknown: str, admit: Callable[[Route], None] = lambda _: None
) -> Response:
    """Answer a request by the first route that fits; refuse it with 404, or with 405 if only the method is wrong.

    `admit` refuses a key that lacks a right; it sees every route of the path.
    """
    other_method = False
    for one in routes:
        match = one.pattern.match(request.path)
        if match is None:
            continue
        admit(one)
        if one.method == request.method:
            return one.handler(request, **match.groupdict())
        other_method = True
    raise Refused(405, f"Method {request.method} is not allowed") if other_method else Refused(404, unknown)


class Window:
    """At most `limit` requests in any `seconds`; the oldest fall out of the count as time passes."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self._times: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Count a request at `now` (epoch seconds); false, and not counted, if it is one too many."""
        while self._times and self._times[0] <= now - self.seconds:
            self._times.popleft()
        if len(self._times) >= self.limit:
            return False
        self._times.append(now)
        return True

    def wait(self, now: float) -> float:
        """Return the seconds until a request would be admitted."""
        return max(0.0, self._times[0] + self.seconds - now) if len(self._times) >= self.limit else 0.0


class Bucket:
    """`rate` requests a second with bursts of `burst`; lenient by less than one request, for jitter on the way."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = 0.0

    def admits(self, now: float) -> bool:
        """Count a request at `now` (epoch seconds); false, and not counted, if it is one too many."""
        self._tokens = min(float(self.burst), self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._tokens <= 0:
            return False
        self._tokens -= 1
        return True
