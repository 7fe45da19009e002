"""One polite request at a time, by a requester of the manifest: its host, key, guard, limits and texts; counted."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airbyte_cdk.sources.declarative.models.declarative_component_schema import HttpRequester
from airbyte_cdk.sources.declarative.parsers.manifest_component_transformer import ManifestComponentTransformer
from airbyte_cdk.sources.declarative.parsers.model_to_component_factory import ModelToComponentFactory
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from requests import RequestException, Response

from source_dialpad.source import resolved_manifest
from source_dialpad.transport.guard import Guard
from source_dialpad.transport.requester import JsonCalls, loaded, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airbyte_cdk.sources.types import StreamSlice

PAUSES: Final = (3.0, 10.0)  # seconds before an answer that may pass (429, 5xx) is asked for again
LIMITS: Final = re.compile(r"(?i:(x-)?rate-?limit(-(limit|remaining|reset|used|policy))?|retry-after)")
MOST_IN_A_ROW: Final = 5  # requests without an answer, after which an API is given up
POLLED: Final = re.compile(r"/(stats|scorecards/export)/[^/]+$")
LONGEST_PAUSE: Final = 60.0  # seconds; an API that wants more is not waited for
STRICT: Final = ("class_name", "answer", "may_be_empty", "subject", "refusal")  # of `StrictRequester`: its assumptions


class Reply(NamedTuple):
    """An answer as it came. `status` 0: there was none. `value` None: not JSON. `seconds` until it began to come.

    `refusal` is the connector's own error text where the status is no 2xx; it may quote the account.
    """

    status: int
    headers: Mapping[str, str]
    value: Any
    content: bytes
    seconds: float
    refusal: str | None


@dataclass
class Ask:
    """Sends the requests of one run with a checked configuration.

    A section whose key is refused at once, or whose API does not answer, is not asked again: `closed` has its answer.
    """

    config: Mapping[str, Any]
    requests: int = 0
    posts: int = 0
    polls: int = 0
    closed: dict[str, Reply] = field(default_factory=dict)
    limits: Counter[str] = field(default_factory=Counter)
    """Names of headers about rate limits that were seen."""
    too_many: list[bool] = field(default_factory=list)
    """For each 429 whether it said how long to wait."""
    answered: list[tuple[str, str, Reply]] = field(default_factory=list)
    """Requester, path and answer of what was asked by the name of a requester."""

    def __post_init__(self) -> None:
        self._factory = ModelToComponentFactory(disable_retries=True)
        self._factory.set_api_budget(resolved_manifest()["api_budget"], self.config)
        self._requesters: dict[str, Any] = {}
        self._responses: list[Response] = []
        self._open: set[str] = set()
        self._in_a_row: Counter[str] = Counter()

    def __call__(
        self,
        requester: str | Mapping[str, Any],
        *,
        path: str | None = None,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        slice: StreamSlice | None = None,  # noqa: A002  # the CDK's word
    ) -> Reply:
        """The answer to one request; what an API answers, or that it does not, is never an error.

        `requester` is a name among the manifest's definitions, or the definition of a stream's requester. A 429, a 5xx
        and no answer at all are asked for again, up to twice.
        """
        definition = resolved_manifest()["definitions"][requester] if isinstance(requester, str) else requester
        section = section_of(definition)
        if section in self.closed:
            return self.closed[section]
        for pause in (*PAUSES, None):
            reply = self._once(definition, path=path, params=params, body=body, stream_slice=slice)
            wait = _wait(reply, pause)
            if wait is None:
                break
            time.sleep(wait)
        self._in_a_row[section] = self._in_a_row[section] + 1 if _may_pass(reply) else 0
        if 200 <= reply.status < 300:  # noqa: PLR2004
            self._open.add(section)
        elif self._in_a_row[section] >= MOST_IN_A_ROW or (section not in self._open and _is_closed(section, reply)):
            self.closed[section] = reply
        if isinstance(requester, str):
            self.answered.append((requester, path or "", reply))
        return reply

    def calls(self, definition: Mapping[str, Any], guard: Guard | None = None) -> JsonCalls:
        """The connector's own way of calling, counted like every other request; a `guard` is that of a file."""
        requester = self._requester(definition)
        requester.stream_response = guard is not None
        return JsonCalls(requester, guard or Guard())

    def _count(self, response: Response, *_: Any, **__: Any) -> None:
        """A response hook, so that the requests of the connector's own code count too."""
        self.requests += 1
        path = response.request.path_url.partition("?")[0]
        self.posts += response.request.method == "POST" and path.endswith(("/stats", "/export"))
        self.polls += response.request.method == "GET" and POLLED.search(path) is not None
        self.limits.update(name for name in response.headers if LIMITS.fullmatch(name))
        if response.status_code == 429:  # noqa: PLR2004
            self.too_many.append("Retry-After" in response.headers)
        self._responses = [response]

    def _requester(self, definition: Mapping[str, Any]) -> Any:
        key = repr(definition)
        if key not in self._requesters:
            plain = {name: value for name, value in definition.items() if name not in STRICT}
            limits = {"connect_timeout_in_seconds": 10, "read_timeout_in_seconds": 30}
            plain |= {"type": "HttpRequester", **limits}
            declared = ManifestComponentTransformer().propagate_types_and_parameters("", plain, {})
            made = self._factory.create_component(HttpRequester, declared, self.config, name="doctor")
            session = made._http_client._session  # noqa: SLF001  # the CDK hands it out nowhere
            session.hooks["response"].append(self._count)
            self._requesters[key] = made
        return self._requesters[key]

    def _once(self, definition: Mapping[str, Any], **request: Any) -> Reply:
        self._responses, refusal, began = [], None, time.monotonic()
        try:
            JsonCalls(self._requester(definition)).raw("", **request)
        except AirbyteTracedException as error:
            refusal = (error.message or "no reason given").removeprefix(": ")
        if not self._responses:
            self.requests += 1
            return Reply(0, {}, None, b"", time.monotonic() - began, refusal)
        response = self._responses[-1]
        if not response.ok and refusal is None:
            refusal = f"The API answered {response.status_code}."
        try:
            content = response.content
        except (RuntimeError, RequestException):  # the guard stopped reading it
            content = b""
        try:
            value = loaded(content)
        except ValueError:
            value = None
        seconds = response.elapsed.total_seconds()
        return Reply(response.status_code, response.headers, value, content, seconds, refusal)


def section_of(definition: Mapping[str, Any]) -> str:
    """The section of the configuration whose key a requester sends."""
    named = re.search(r"config\['(\w+)'\]", definition["url"])
    return named[1] if named else ""


def _may_pass(reply: Reply) -> bool:
    """Whether the same request may be answered later."""
    return reply.status in (0, 429) or reply.status >= 500  # noqa: PLR2004


def _is_closed(section: str, reply: Reply) -> bool:
    """Whether an API that has answered nothing yet is there and takes the key; Dialpad's 403 may be of one list."""
    return reply.status == 401 or (reply.status == 403 and section != "dialpad") or _may_pass(reply)  # noqa: PLR2004


def _wait(reply: Reply, pause: float | None) -> float | None:
    """Seconds until a request is worth sending again; None where it is not."""
    if pause is None or not _may_pass(reply):
        return None
    wanted = _retry_after(reply)
    wait = pause if wanted is None else wanted
    return wait if wait <= LONGEST_PAUSE else None


def _retry_after(reply: Reply) -> float | None:
    response = Response()
    response.headers.update(reply.headers)
    return retry_after(response)
