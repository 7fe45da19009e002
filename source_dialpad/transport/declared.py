"""What the CDK's own retriever needs to lose nothing: strict answers, pages that come to an end, values as typed.

The stock JSON decoder takes a page of HTML, broken JSON and an answer of another shape for zero rows and success.
`StrictRequester` refuses all three before the decoder sees them, holds its requests to the key guard, and names the
stream and its slice in every error.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping, MutableMapping
from dataclasses import InitVar, dataclass, field
from typing import Any

import requests
from airbyte_cdk.sources.declarative.decoders import Decoder, JsonDecoder
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor
from airbyte_cdk.sources.declarative.extractors.type_transformer import TypeTransformer
from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.paginators.strategies.pagination_strategy import PaginationStrategy
from airbyte_cdk.sources.declarative.requesters.request_options import InterpolatedRequestOptionsProvider
from airbyte_cdk.sources.types import Config, StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import refuses_the_key, slice_context, snippet, system_error
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.types import RowTyper

logger = logging.getLogger("airbyte")

IGNORED = (403, 404)
"""Statuses that a filter of the manifest may take for an empty list, whatever their body is."""

PARSED = "_parsed_json"
"""The attribute of a response that holds its value, so that a page is parsed once."""


@dataclass
class StrictRequester(HttpRequester):
    """An `HttpRequester` whose answers are JSON objects of the expected shape; anything else is an error.

    `answer` names the members that hold rows and what they are: `objects` or `texts` (a list of them), `object` (one),
    or `value` (anything that is not null). Where `may_be_empty`, lists may be null, and missing if nothing else is
    there. `subject` is added to the stream's name in errors. Where the manifest ignores a refusal, `refusal` is logged.
    """

    request_parameters: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, str] = field(default_factory=lambda: {"items": "objects"})
    may_be_empty: bool = True
    subject: str = ""
    refusal: str = ""

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """Puts the guard in place."""
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config, parameters=parameters, request_parameters=dict(self.request_parameters)
        )
        super().__post_init__(parameters)
        self._calls = JsonCalls(self, send=super().send_request)
        self._refused: AirbyteTracedException | None = None
        subject = InterpolatedString.create(self.subject, parameters=parameters).eval(self.config)
        self._context = f"{self.name} ({subject})" if subject else self.name
        self._refusal = InterpolatedString.create(self.refusal, parameters=parameters)

    def send_request(  # type: ignore[override]  # the CDK calls it with names alone
        self,
        stream_slice: StreamSlice | None = None,
        path: str | None = None,
        request_params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> requests.Response:
        """The answer, parsed; once the key was refused, every other request fails the same way, unsent."""
        if self._refused is not None:
            raise self._refused
        context = slice_context(self._context, stream_slice)
        try:
            response, value, content = self._calls.fetch(
                context, stream_slice=stream_slice, params=request_params, path=path, accept=IGNORED
            )
        except AirbyteTracedException as error:
            if refuses_the_key(error):
                self._refused = error
            raise
        if not response.ok:  # a filter of the manifest takes it for an empty list
            value = {}
            if self.refusal:
                logger.warning("%s: %s", context, self._refusal.eval(self.config, stream_slice=stream_slice))
        elif not self._has_expected_shape(value):
            raise system_error(
                f"{context}: the API answered {response.status_code} with another shape than "
                f"{' and '.join(self.answer)}: {snippet(content)}. Check the base URL."
            )
        setattr(response, PARSED, value)
        return response

    def _has_expected_shape(self, value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        held = {name: value[name] for name in self.answer if value.get(name) is not None}
        if not all(_is_a(self.answer[name], member) for name, member in held.items()):
            return False
        known = value.keys() <= {"cursor"} or not value.keys().isdisjoint(self.answer)
        return bool(held) or (self.may_be_empty and known)


def _is_a(kind: str, member: Any) -> bool:
    if kind == "object":
        return isinstance(member, dict)
    if kind == "value":
        return True
    types = (dict, str) if kind == "texts" else (dict,)
    return isinstance(member, list) and all(isinstance(item, types) for item in member)


def parsed(response: requests.Response) -> Any:
    """The value of an answer to a `StrictRequester`."""
    return getattr(response, PARSED)


class ParsedJson(JsonDecoder):
    """The value that `StrictRequester` has parsed and checked."""

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        """Takes no settings."""
        super().__init__(parameters or {})

    def decode(self, response: requests.Response) -> Generator[MutableMapping[str, Any], None, None]:
        """One value an answer."""
        yield parsed(response)


@dataclass
class Items(RecordExtractor):
    """The list under `items`, for very many rows: `DpathExtractor` walks through every value of an answer."""

    def extract_records(self, response: requests.Response) -> list[Any]:
        """The list as it is."""
        return parsed(response).get("items") or []


class PageCursor(str):
    """A page's cursor, with those that were sent before it for the same list."""

    __slots__ = ("sent",)

    sent: set[str]


@dataclass
class CursorPages(PaginationStrategy):
    """The next page by the member `cursor` of an answer, byte for byte; an empty one ends the list.

    A cursor that comes a second time is an error, since the rest of the list could not be had; where it is not known
    whether the list takes cursors (`repeated: end`), it is the end.
    """

    decoder: Decoder
    config: Config
    name: str = ""
    repeated: str = "error"

    @property
    def initial_token(self) -> None:
        """The first page has no cursor."""
        return

    def next_page_token(  # type: ignore[override]  # the CDK calls it with names alone
        self,
        response: requests.Response,
        last_page_token_value: PageCursor | None = None,
        stream_slice: StreamSlice | None = None,
        **_: Any,
    ) -> PageCursor | None:
        """The cursor of the next page."""
        cursor = next(iter(self.decoder.decode(response))).get("cursor")
        if not cursor:
            return None
        following = PageCursor(cursor)
        following.sent = last_page_token_value.sent if last_page_token_value else set()
        if following in following.sent:
            if self.repeated == "end":
                return None
            raise system_error(
                f"{slice_context(self.name, stream_slice)}: Dialpad gives the same page cursor again and again; "
                "the list cannot be read to its end."
            )
        following.sent.add(str(following))
        return following

    def get_page_size(self) -> None:
        """The page's size is a request parameter."""
        return


@dataclass
class SchemaTypes(TypeTransformer):
    """Rows with the values that their schema types; see `RowTyper`."""

    config: Config
    parameters: InitVar[Mapping[str, Any]]
    name: str = ""
    subject: str = ""

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        """The stream's name, as errors and logs have it."""
        subject = InterpolatedString.create(self.subject, parameters=parameters).eval(self.config)
        self._context = f"{self.name} ({subject})" if subject else self.name
        self._typer: RowTyper | None = None
        self._required: list[str] = []

    def transform(self, record: dict[str, Any], schema: Mapping[str, Any]) -> None:
        """Converts the record in place; a row without its key is an error."""
        if self._typer is None:
            properties = schema.get("properties", {}).items()
            self._required = [name for name, column in properties if "null" not in column.get("type", ["null"])]
            self._typer = RowTyper(self._context, schema)
        for name in self._required:
            if record.get(name) == "":
                record[name] = None  # an empty key is none
        self._typer(record)
