"""Lists of Dialpad API v2: the directory, its members, concluded calls, digital sessions.

spec: an answer is `{"items": [...], "cursor": "..."}`; `items` may be null or missing when there is nothing, the last
page has no cursor or an empty one. Four lists are not like that: company (one object), call labels (text), operators
(two lists), and the members of a coaching team, whose cursor is answered but not listed among the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.errors import snippet, system_error
from source_dialpad.sync.partitions import Partitions
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.types import rfc3339_of, text

Item = dict[str, Any]
Items = Callable[[Answer, str], list[Item]]

MOST_ITEMS = 100
"""spec: a larger `limit` gives 100 all the same, and a 400 for one request in five, on purpose."""


def items(answer: Answer, context: str) -> list[Item]:
    """The members of `{"items": […], "cursor": …}`; null or missing is nothing."""
    value = answer.value
    if isinstance(value, dict) and (value.keys() <= {"items", "cursor"} or "items" in value):
        found = value.get("items") or []
        if isinstance(found, list) and all(isinstance(item, dict) for item in found):
            return found
    raise _another_shape(answer, context, "a list of items")


def one_object(answer: Answer, context: str) -> list[Item]:
    """The answer itself, when it is an object with an id."""
    if isinstance(answer.value, dict) and answer.value.get("id") is not None:
        return [answer.value]
    raise _another_shape(answer, context, "one object with an id")


def labels(answer: Answer, context: str) -> list[Item]:
    """`{"labels": ["…"]}`, each label a row of its own."""
    if isinstance(answer.value, dict):
        found = answer.value.get("labels", answer.value.get("items")) or []
        known = answer.value.keys() <= {"cursor"} or "labels" in answer.value or "items" in answer.value
        if known and isinstance(found, list) and all(isinstance(each, (str, dict)) for each in found):
            return [each if isinstance(each, dict) else {"label": each} for each in found]
    raise _another_shape(answer, context, "a list of labels")


def operators(answer: Answer, context: str) -> list[Item]:
    """`{"users": […], "rooms": […]}` as one list, each operator with its `operator_type`."""
    value = answer.value
    if isinstance(value, dict) and (value.keys() <= {"cursor"} or "users" in value or "rooms" in value):
        users, rooms = value.get("users") or [], value.get("rooms") or []
        if all(isinstance(found, list) and all(isinstance(each, dict) for each in found) for found in (users, rooms)):
            return [
                {**each, "operator_type": kind} for kind, found in (("user", users), ("room", rooms)) for each in found
            ]
    raise _another_shape(answer, context, "users and rooms")


SHAPES: dict[str, Items] = {"items": items, "object": one_object, "labels": labels, "operators": operators}


def _another_shape(answer: Answer, context: str, wanted: str) -> Exception:
    return system_error(
        f"{context}: Dialpad answered {answer.status} with another shape than {wanted}: {snippet(answer.content)}. "
        "Check dialpad.base_url."
    )


def listed(  # noqa: PLR0913  # the parts of a request
    ask: JsonCalls,
    context: str,
    *,
    path: str | None = None,
    params: Mapping[str, Any] | None = None,
    stream_slice: StreamSlice | None = None,
    shape: Items = items,
    takes_cursor: bool = True,
) -> Iterator[Item]:
    """All items of a list, page after page, until no cursor comes.

    A cursor that comes a second time is an error, since the rest of the list could not be had. Where it is not known
    whether the list `takes_cursor`, a page that comes a second time is the end of the list.
    """
    sent: set[str] = set()
    cursor: str | None = None
    before = b""
    while True:
        page = {**(params or {}), **({"cursor": cursor} if cursor else {})}
        answer = ask(context, stream_slice=stream_slice, path=path, params=page)
        found = shape(answer, context)
        if not takes_cursor:
            here = orjson.dumps(found)
            if cursor and here == before:
                return
            before = here
        yield from found
        following = answer.value.get("cursor") if isinstance(answer.value, dict) else None
        if not following:
            return
        cursor = str(following)
        if cursor in sent:
            raise system_error(
                f"{context}: Dialpad gives the same page cursor again and again; the list cannot be read to its end."
            )
        sent.add(cursor)


@dataclass
class ListRetriever(SliceRetriever):
    """A stream of list items, typed by its schema.

    `shape` is how the answer holds its items, `key` the member that must be there, `page_size` the `limit` sent (0:
    none), `takes_cursor` whether the list is known to have pages, `drop` members that hold secrets, as dotted paths,
    `rename` members whose name a parent's id takes, and `begins` a time: an item that began in an earlier window of the
    same sync was read there.
    """

    shape: str = "items"
    key: str = "id"
    page_size: int = 0
    drop: list[str] = field(default_factory=list)
    rename: Mapping[str, str] = field(default_factory=dict)
    begins: str | None = None
    takes_cursor: bool = True

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Item]:
        """The items of the slice, with the parent's id where there is one."""
        params = {"limit": self.page_size} if self.page_size else {}
        shape = SHAPES[self.shape]
        pages = listed(
            self.ask, context, params=params, stream_slice=stream_slice, shape=shape, takes_cursor=self.takes_cursor
        )
        for item in pages:
            if item.get(self.key) in (None, ""):
                raise _without(self.key, context)
            if self.begins and _was_read_earlier(item.get(self.begins), stream_slice):
                continue
            yield self._row(item, stream_slice)

    def _row(self, item: Item, stream_slice: StreamSlice) -> Item:
        for old, new in self.rename.items():
            if old in item:
                item[new] = item.pop(old)
        for path in self.drop:
            *parents, leaf = path.split(".")
            holder: Any = item
            for parent in parents:
                holder = holder.get(parent) if isinstance(holder, dict) else None
            if isinstance(holder, dict):
                holder.pop(leaf, None)
        item.update(stream_slice.partition)
        return item


def _without(key: str, context: str) -> Exception:
    return system_error(f"{context}: Dialpad listed an item without {key}; it cannot be kept apart from others.")


def _was_read_earlier(began: Any, stream_slice: StreamSlice) -> bool:
    """Whether an item that ended in this window began in an earlier window of this sync."""
    try:
        moment = rfc3339_of(began)
    except (ValueError, OverflowError):
        return False
    window = stream_slice.cursor_slice
    first, here = (datetime.fromisoformat(window[edge]) for edge in ("sync_start", "start_time"))
    return moment is not None and first <= datetime.fromisoformat(moment) < here


@dataclass
class ParentRouter(Partitions):
    """One partition a parent object: its id under `partition_field`, each parent once."""

    requester: Requester
    listed: str
    partition_field: str
    parameters: Mapping[str, Any] | None = None

    def stream_slices(self) -> Iterable[StreamSlice]:
        """Every parent of the account."""
        context = f"{(self.parameters or {}).get('stream_name', 'dialpad')} (listing {self.listed})"
        seen: set[str] = set()
        for parent in listed(JsonCalls(self.requester), context, path=self.listed, params={"limit": MOST_ITEMS}):
            if parent.get("id") in (None, ""):
                raise _without("id", context)
            identity = text(parent["id"])
            if identity not in seen:
                seen.add(identity)
                yield StreamSlice(partition={self.partition_field: identity}, cursor_slice={})
