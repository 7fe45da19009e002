"""Calls of a JSON API through a requester of the manifest: the answer, or an error with stream, window and cure."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, NamedTuple

import orjson
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import refuses_the_key, snippet, system_error, transient_error, with_context
from source_dialpad.transport.guard import Guard, join_url, redact_url
from source_dialpad.transport.types import lenient_json

logger = logging.getLogger("airbyte")

UNREADABLE_TRIES = 3  # so often an unreadable answer is asked for before it is believed
LONGEST_WAIT = 600.0  # seconds; the next sync comes back to an API that wants more


class Answer(NamedTuple):
    """An answer whose body is JSON: its status, the value, the bytes it was read from, and the emptied response."""

    status: int
    value: Any
    content: bytes
    response: requests.Response | None = None


@dataclass
class JsonCalls:
    """Sends the requests of one stream; URL, key, limits, retries and refusals are the manifest's requester's."""

    requester: Requester
    guard: Guard = field(default_factory=Guard)
    send: Callable[..., requests.Response | None] | None = None  # in place of the requester's own

    def __post_init__(self) -> None:
        self._refused: AirbyteTracedException | None = None
        self.guard.install(self.requester)

    def __call__(
        self, context: str, *, accept: tuple[int, ...] = (), read: Callable[[Answer], Any] | None = None, **request: Any
    ) -> Any:
        """What `read` makes of the answer, or the answer itself; its status is 2xx or one of `accept`.

        `context` leads every error: the stream and its window. `request` is as in `raw`. An answer that is not JSON, or
        whose shape `read` refuses by a system error, is asked for again: proxies answer 200 with pages of their own.
        """
        tries = 0
        while True:
            tries += 1
            response = self.raw(context, **request)
            try:
                answer = answer_of(response, context, accept)
                return read(answer) if read else answer
            except AirbyteTracedException as error:
                if tries == UNREADABLE_TRIES or error.failure_type != FailureType.system_error:
                    raise
            time.sleep(tries)

    def raw(
        self,
        context: str,
        *,
        stream_slice: StreamSlice | None = None,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        path: str | None = None,
    ) -> requests.Response:
        """The answer as it came; once the key was refused, every other request fails the same way, unsent."""
        if self._refused is not None:
            raise self._refused
        base = self.requester.get_url(stream_state=None, stream_slice=stream_slice, next_page_token=None)
        try:
            self.guard.check_request(join_url(base if base.endswith("/") else f"{base}/", path) if path else base, base)
            send = self.send or self.requester.send_request
            response = send(stream_slice=stream_slice, request_body_json=body, request_params=params, path=path)
        except AirbyteTracedException as error:
            led = with_context(context, error, redact_url(base))
            if refuses_the_key(led):
                self._refused = led
            raise led from error
        except Exception as error:  # the CDK's handling of an answer raises whatever its parsers and templates do
            answer = f"{redact_url(base)} gave an answer that cannot be handled ({type(error).__name__})"
            raise system_error(f"{context}: {answer}; run the sync again, and report it if it stays.") from error
        if response is None:
            raise system_error(f"{context}: the API gave no answer.")
        return response


def answer_of(response: requests.Response, context: str, accept: tuple[int, ...] = ()) -> Answer:
    """The answer, its response emptied; a body that is not JSON is an error, or None with a status of `accept`."""
    content = response.content
    try:
        value = loaded(content)
    except ValueError:
        if response.status_code in accept:
            return Answer(response.status_code, None, content, response)
        seen = f"{response.status_code} with something that is not JSON: {snippet(content) or '(an empty body)'}"
        cure = "Check that the base URL is that of the API and that no proxy or sign-in page stands in front of it."
        raise system_error(f"{context}: the API answered {seen}. {cure}") from None
    # where the CDK's limiter has waited, the frames of the call keep the response until the next collection
    response._content = b""  # noqa: SLF001  # where `content` keeps what it has read
    return Answer(response.status_code, value, content, response)


def retry_after(response: requests.Response) -> float | None:
    """Seconds of a Retry-After header, given as a number or as a date; None without a readable one."""
    header = response.headers.get("Retry-After", "").strip()
    try:
        if header[-1:].isalpha():
            return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
        seconds = float(header)
    except (TypeError, ValueError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


class RetryAfter(BackoffStrategy):
    """Obeys Retry-After in both of its forms, up to `LONGEST_WAIT`; the CDK's `WaitTimeFromHeader` reads no dates."""

    def backoff_time(
        self, response_or_exception: requests.Response | requests.RequestException | None, *_: Any, **__: Any
    ) -> float | None:
        """Seconds to wait before the next try; None where the answer does not say."""
        if not isinstance(response_or_exception, requests.Response):
            return None
        wait, address = retry_after(response_or_exception), redact_url(response_or_exception.url)
        if wait is not None and wait > LONGEST_WAIT:
            asked = f"wants to be left alone for {wait:.0f} s (Retry-After)"
            raise transient_error(f"{address} {asked}; run the sync again after that.")
        return wait


def loaded(content: bytes) -> Any:
    """The value of a JSON text.

    Text that is JSON but for some characters is repaired, since one emoji cut in half must not stop a sync for good:
    halves of surrogate pairs and bytes that are not UTF-8 become U+FFFD, NaN and infinities null; raw control
    characters and a byte order mark are accepted. Everything else that is not JSON raises ValueError.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        text = content.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=lambda _: None)
        value = orjson.loads(lenient_json(value))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _log_repair()
    return value


@cache
def _log_repair() -> None:
    repair = "An answer has characters or numbers that JSON does not allow; they become U+FFFD or null. Logged once."
    logger.warning(repair)


def object_of(answer: Answer, context: str, *required: str) -> dict[str, Any]:
    """The answer's JSON object, in which the `required` members are there; anything else is an error, never empty."""
    if isinstance(answer.value, dict) and all(name in answer.value for name in required):
        return answer.value
    expected = f"an object with {' and '.join(required)}" if required else "an object"
    raise system_error(f"{context}: the API answered with another shape than {expected}: {snippet(answer.content)}")
