"""Calls of a JSON API through a requester of the manifest: the answer, or an error with stream, window and cure."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack

import orjson
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import snippet, system_error, with_context
from source_dialpad.transport.guard import Guard, KeyGuard, join_url, redact_url
from source_dialpad.transport.types import lenient_json

logger = logging.getLogger("airbyte")

Value = TypeVar("Value")

UNREADABLE_TRIES = 3
"""How often an unreadable answer is asked for before it is believed: proxies answer 200 with their own pages."""


class Answer(NamedTuple):
    """An answer whose body is JSON: its status, the value, and the bytes it was read from."""

    status: int
    value: Any
    content: bytes


class RequestParts(TypedDict, total=False):
    """What a request adds to its requester: the slice for templates, the body, parameters, and a path."""

    stream_slice: StreamSlice | None
    body: Mapping[str, Any] | None
    params: Mapping[str, Any] | None
    path: str | None


@dataclass
class JsonCalls:
    """Sends the requests of one stream; URL, key, limits, retries and refusals stand in the manifest's requester.

    `guard` says where its requests may go, and how much is read of an answer; `send` is how the requester sends one.
    """

    requester: Requester
    guard: Guard = field(default_factory=KeyGuard)
    send: Callable[..., requests.Response | None] | None = None

    def __post_init__(self) -> None:
        """Puts the guard in place."""
        self.guard.over(self.requester)

    def __call__(self, context: str, *, accept: tuple[int, ...] = (), **parts: Unpack[RequestParts]) -> Answer:
        """The answer, with a 2xx status or one of `accept`, and a body that is JSON (`accept`: None where it is not).

        `context` leads every error: the stream and its window. Raises a system error that shows the first characters
        when the body is no JSON, and whatever the requester's error handler says for other statuses.
        """
        response, value, content = self.fetch(context, accept=accept, **parts)
        return Answer(response.status_code, value, content)

    def fetch(
        self, context: str, *, accept: tuple[int, ...] = (), **parts: Unpack[RequestParts]
    ) -> tuple[requests.Response, Any, bytes]:
        """The answer, emptied, with the value of its body and the bytes it was read from."""
        for left in reversed(range(UNREADABLE_TRIES)):
            response = self.raw(context, **parts)
            try:
                return (response, *_taken_from(response))
            except ValueError:
                if response.status_code in accept:
                    return response, None, response.content
                if left:
                    time.sleep(UNREADABLE_TRIES - left)
        raise system_error(
            f"{context}: the API answered {response.status_code} with something that is not JSON: "
            f"{snippet(response.content) or '(an empty body)'}. Check that the base URL is that of the API and that no "
            "proxy or sign-in page stands in front of it."
        )

    def raw(
        self,
        context: str,
        *,
        stream_slice: StreamSlice | None = None,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        path: str | None = None,
    ) -> requests.Response:
        """The answer as it came; errors of the requester are led by `context`."""
        try:
            base = self._url(stream_slice)
            self.guard.check_request(join_url(base if base.endswith("/") else f"{base}/", path) if path else base, base)
            response = (self.send or self.requester.send_request)(
                stream_slice=stream_slice, request_body_json=body, request_params=params, path=path
            )
        except AirbyteTracedException as error:
            raise with_context(context, error, redact_url(self._url(stream_slice))) from error
        except Exception as error:  # the CDK's handling of an answer raises whatever its parsers and templates do
            raise system_error(
                f"{context}: {redact_url(base)} gave an answer that cannot be handled ({type(error).__name__}); run "
                "the "
                "sync again, and report it if it stays."
            ) from error
        if response is None:
            raise system_error(f"{context}: the API gave no answer.")
        return response

    def _url(self, stream_slice: StreamSlice | None) -> str:
        return self.requester.get_url(stream_state=None, stream_slice=stream_slice, next_page_token=None)


def _taken_from(response: requests.Response) -> tuple[Any, bytes]:
    """What `loaded` makes of the body, and the body, which the response then holds no longer.

    Where the CDK's limiter has waited, the frames of the call live on until the collector comes, and the response too.
    """
    content = response.content
    value = loaded(content)
    response._content = b""  # noqa: SLF001  # where `content` keeps what it has read
    return value, content


_repairing = threading.Event()

DIGITS = 20
"""Characters of the longest whole numbers of 64 bits."""


def loaded(content: bytes) -> Any:
    """The value of a JSON text.

    Text that is JSON but for some characters is repaired, since one emoji cut in half must not stop a sync for good:
    halves of surrogate pairs and bytes that are not UTF-8 become U+FFFD, NaN and infinities null; raw control
    characters and a byte order mark are accepted. Everything else that is no JSON raises ValueError.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        value = _repaired(content)
    if not _repairing.is_set():
        _repairing.set()
        logger.warning(
            "An answer has characters or numbers that JSON in UTF-8 does not allow; they become U+FFFD or null. Logged "
            "once per sync."
        )
    return value


def _repaired(content: bytes) -> Any:
    text = content.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)
        return orjson.loads(lenient_json(value))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(number: str) -> float | None:
    """1e999 is a number of JSON, but none that a double can hold."""
    value = float(number)
    return value if math.isfinite(value) else None


def _whole(number: str) -> int | float | None:
    """As orjson has it: beyond 64 bits a whole number is a double."""
    whole = int(number) if len(number) <= DIGITS else None
    return whole if whole is not None and -(2**63) <= whole < 2**64 else _finite(number)


def in_known_shape(request: Callable[[], Answer], read: Callable[[Answer], Value]) -> Value:
    """What `read` makes of an answer; one whose shape it refuses is asked for again, as one that is not JSON is."""
    for pause in range(1, UNREADABLE_TRIES):
        answer = request()
        try:
            return read(answer)
        except AirbyteTracedException as error:
            if error.failure_type != FailureType.system_error:
                raise
        time.sleep(pause)
    return read(request())


def object_of(answer: Answer, context: str, *required: str) -> dict[str, Any]:
    """The answer's JSON object, in which the `required` members are there; anything else is an error, never empty."""
    if isinstance(answer.value, dict) and all(name in answer.value for name in required):
        return answer.value
    expected = f"an object with {' and '.join(required)}" if required else "an object"
    raise system_error(f"{context}: the API answered with another shape than {expected}: {snippet(answer.content)}")
