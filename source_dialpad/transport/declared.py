"""What the CDK's own retriever needs to lose nothing: strict answers, pages that come to an end, values as typed."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Mapping, MutableMapping
from dataclasses import InitVar, dataclass, field
from typing import Any, Final

import requests
from airbyte_cdk.sources.declarative.decoders import Decoder, JsonDecoder
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor
from airbyte_cdk.sources.declarative.extractors.type_transformer import TypeTransformer
from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.paginators.strategies.pagination_strategy import PaginationStrategy
from airbyte_cdk.sources.declarative.requesters.request_options import InterpolatedRequestOptionsProvider
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.errors import slice_context, snippet, system_error
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.types import RowTyper

logger = logging.getLogger("airbyte")

MAX_ITEMS: Final = 100  # spec: a larger `limit` gives 100 all the same, and a 400 for one request in five, on purpose
IGNORED: Final = (403, 404)  # a filter of the manifest may take them for an empty list, whatever their body is
PLAIN_LIST: Final = {"items": "objects"}


@dataclass
class StrictRequester(HttpRequester):
    """An `HttpRequester` whose answers are JSON objects of the expected shape; anything else is an error.

    The stock decoder takes a page of HTML, broken JSON and an answer of another shape for zero rows and success.
    `answer` and `may_be_empty` are as in `check_shape`. `subject` is added to the stream's name in errors. Where the
    manifest ignores a refusal, `refusal` is logged.
    """

    request_parameters: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, str] = field(default_factory=lambda: PLAIN_LIST)
    may_be_empty: bool = True
    subject: str = ""
    refusal: str = ""

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config, parameters=parameters, request_parameters=dict(self.request_parameters)
        )
        super().__post_init__(parameters)
        self._ask = JsonCalls(self, send=super().send_request)
        self._context = _stream_context(self.name, self.subject, parameters)
        self._refusal = InterpolatedString.create(self.refusal, parameters=parameters)

    def send_request(  # type: ignore[override]  # the CDK calls it with names alone
        self,
        stream_slice: StreamSlice | None = None,
        path: str | None = None,
        request_params: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> requests.Response | None:
        """The response with its value, checked, as `parsed`."""
        context = slice_context(self._context, stream_slice)
        answer: Answer = self._ask(context, accept=IGNORED, stream_slice=stream_slice, params=request_params, path=path)
        if answer.status not in IGNORED:
            check_shape(answer, context, self.answer, may_be_empty=self.may_be_empty)
        elif self.refusal:
            logger.warning("%s: %s", context, self._refusal.eval(self.config, stream_slice=stream_slice))
        answer.response.parsed = {} if answer.status in IGNORED else answer.value  # type: ignore[union-attr]
        return answer.response


def check_shape(answer: Answer, context: str, members: Mapping[str, str], *, may_be_empty: bool = True) -> None:
    """Raises a system error for an answer that is no object with some of the `members`, each of its kind.

    The kinds are `objects` or `texts` (a list of them), `object`, and `value` (anything that is not null). Where it
    `may_be_empty` lists may be null, and missing if nothing else is there.
    """
    value = answer.value
    if isinstance(value, dict):
        present = {name: value[name] for name in members if value.get(name) is not None}
        empty = may_be_empty and (value.keys() <= {"cursor"} or not value.keys().isdisjoint(members))
        if (present or empty) and all(_is_a(members[name], member) for name, member in present.items()):
            return
    seen = f"{answer.status} with another shape than {' and '.join(members)}: {snippet(answer.content)}"
    raise system_error(f"{context}: the API answered {seen}. Check the base URL.")


def _is_a(kind: str, member: Any) -> bool:
    if kind in ("object", "value"):
        return kind == "value" or isinstance(member, dict)
    types = (dict, str) if kind == "texts" else (dict,)
    return isinstance(member, list) and all(isinstance(item, types) for item in member)


def _stream_context(name: str, subject: str, parameters: Mapping[str, Any]) -> str:
    evaluated = InterpolatedString.create(subject, parameters=parameters).eval({})
    return f"{name} ({evaluated})" if evaluated else name


def parsed(response: requests.Response) -> Any:
    """The value of an answer to a `StrictRequester`."""
    return response.parsed  # type: ignore[attr-defined]  # set by `send_request`


class ParsedJson(JsonDecoder):
    """The value that `StrictRequester` has parsed and checked."""

    def __init__(self, parameters: Mapping[str, Any] | None = None) -> None:
        super().__init__(parameters or {})

    def decode(self, response: requests.Response) -> Generator[MutableMapping[str, Any], None, None]:
        """One value an answer."""
        yield parsed(response)


class Items(RecordExtractor):
    """The list under `items`, for very many rows: `DpathExtractor` walks through every value of an answer."""

    def extract_records(self, response: requests.Response) -> list[Any]:
        """The list as it is."""
        return parsed(response).get("items") or []


def next_cursor(value: Mapping[str, Any], earlier: set[str], context: str) -> str | None:
    """The cursor of the next page, byte for byte; one of the `earlier` ones is an error: the list would never end."""
    cursor = str(value.get("cursor") or "")
    if cursor in earlier:
        problem = "Dialpad gives the same page cursor again and again; the list cannot be read to its end."
        raise system_error(f"{context}: {problem}")
    if cursor:
        earlier.add(cursor)
    return cursor or None


def listed(ask: JsonCalls, context: str, *, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All items of a list, for those who look something up in one; streams of lists are declared."""
    cursor: str | None = ""
    earlier: set[str] = set()
    while cursor is not None:
        answer = ask(context, path=path, params={**params, "cursor": cursor} if cursor else params)
        check_shape(answer, context, PLAIN_LIST)
        yield from answer.value.get("items") or []
        cursor = next_cursor(answer.value, earlier, context)


@dataclass
class CursorPages(PaginationStrategy):
    """The next page by the member `cursor` of an answer.

    Where it is not known whether a list takes cursors (`repeated: end`), one that comes again is its end.
    """

    decoder: Decoder
    config: Config
    name: str = ""
    repeated: str = "error"
    initial_token = None

    def __post_init__(self) -> None:
        self._earlier: dict[str, set[str]] = {}

    def next_page_token(  # type: ignore[override]  # the CDK calls it with names alone
        self,
        response: requests.Response,
        last_page_token_value: str | None = None,
        stream_slice: StreamSlice | None = None,
        **_: Any,
    ) -> str | None:
        """The cursor of the next page."""
        value, last, context = parsed(response), last_page_token_value, slice_context(self.name, stream_slice)
        earlier = self._earlier.pop(context, set()) if last else set()
        if self.repeated == "end" and last and value.get("cursor") == last:
            return None
        cursor = next_cursor(value, earlier, context)
        if cursor:
            self._earlier[context] = earlier
        return cursor

    def get_page_size(self) -> None:
        """The page's size is a request parameter."""


@dataclass
class SchemaTypes(TypeTransformer):
    """Rows with the values that their schema types; see `RowTyper`. A row without its key is an error."""

    config: Config
    parameters: InitVar[Mapping[str, Any]]
    name: str = ""
    subject: str = ""

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._context = _stream_context(self.name, self.subject, parameters)
        self._typer: RowTyper | None = None

    def transform(self, record: dict[str, Any], schema: Mapping[str, Any]) -> None:
        """Converts the record in place."""
        if self._typer is None:
            self._typer = RowTyper(self._context, schema)
        for name in self._typer.required:
            if record.get(name) == "":
                record[name] = None  # an empty key is none
        self._typer(record)
