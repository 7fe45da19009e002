"""Lists of Dialpad API v2: the directory, its members, concluded calls, digital sessions.

spec: an answer is `{"items": [...], "cursor": "..."}`; `items` may be null or missing when there is nothing, and the last
page has no cursor or an empty one. Four lists are not like that: company (one object), call labels (text), operators
(two lists), and the members of a coaching team, whose cursor is answered but not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.components.api import Answer, JsonCalls
from source_dialpad.components.errors import excerpt, system_error
from source_dialpad.components.partitions import Partitions
from source_dialpad.components.retrieval import SliceRetriever
from source_dialpad.components.rows import Unreadable, rfc3339_of, text

Item = dict[str, Any]
Items = Callable[[Answer, str], list[Item]]

MOST_ITEMS = 100
"""spec: a larger `limit` gives 100 all the same, and a 400 for one request in five, on purpose."""


def items(answer: Answer, where: str) -> list[Item]:
    """The members of `{"items": […], "cursor": …}`; null or missing is nothing."""
    value = answer.value
    if isinstance(value, dict) and (value.keys() <= {"items", "cursor"} or "items" in value):
        found = value.get("items") or []
        if isinstance(found, list) and all(isinstance(item, dict) for item in found):
            return found
    raise _another_shape(answer, where, "a list of items")


def one_object(answer: Answer, where: str) -> list[Item]:
    """The answer itself, when it is an object with an id."""
    if isinstance(answer.value, dict) and answer.value.get("id") is not None:
        return [answer.value]
    raise _another_shape(answer, where, "one object with an id")


def labels(answer: Answer, where: str) -> list[Item]:
    """`{"labels": ["…"]}`, each label a row of its own."""
    if isinstance(answer.value, dict):
        found = answer.value.get("labels", answer.value.get("items")) or []
        if isinstance(found, list) and answer.value.keys() <= {"labels", "items", "cursor"}:
            return [each if isinstance(each, dict) else {"label": text(each)} for each in found]
    raise _another_shape(answer, where, "a list of labels")


def operators(answer: Answer, where: str) -> list[Item]:
    """`{"users": […], "rooms": […]}` as one list, each operator with its `operator_type`."""
    value = answer.value
    if isinstance(value, dict) and value.keys() <= {"users", "rooms", "cursor"}:
        users, rooms = value.get("users") or [], value.get("rooms") or []
        return [{**each, "operator_type": "user"} for each in users] + [{**each, "operator_type": "room"} for each in rooms]
    raise _another_shape(answer, where, "users and rooms")


SHAPES: dict[str, Items] = {"items": items, "object": one_object, "labels": labels, "operators": operators}


def _another_shape(answer: Answer, where: str, wanted: str) -> Exception:
    return system_error(
        f"{where}: Dialpad answered {answer.status} with another shape than {wanted}: {excerpt(answer.content)}. "
        "Check dialpad.base_url."
    )


def listed(  # noqa: PLR0913  # the parts of a request
    ask: JsonCalls,
    where: str,
    *,
    path: str | None = None,
    params: Mapping[str, Any] | None = None,
    stream_slice: StreamSlice | None = None,
    shape: Items = items,
) -> Iterator[Item]:
    """All items of a list, page after page; ends when no cursor comes, or when one comes that was sent before."""
    sent: set[str] = set()
    cursor: str | None = None
    while True:
        page = {**(params or {}), **({"cursor": cursor} if cursor else {})}
        answer = ask(where, stream_slice=stream_slice, path=path, params=page)
        yield from shape(answer, where)
        following = answer.value.get("cursor") if isinstance(answer.value, dict) else None
        if not following:
            return
        cursor = str(following)
        if cursor in sent:
            raise system_error(f"{where}: Dialpad gives the same page cursor again and again; the list cannot be read to its end.")
        sent.add(cursor)


@dataclass
class ListRetriever(SliceRetriever):
    """A stream of list items, typed by its schema.

    `shape` is how the answer holds its items, `key` the member that must be there, `page_size` the `limit` sent (0:
    none), `drop` members that hold secrets, as dotted paths, `rename` members whose name a parent's id takes, and
    `begins` a time: items that began before the window belong to an earlier one, unless it is the first.
    """

    shape: str = "items"
    key: str = "id"
    page_size: int = 0
    drop: list[str] = field(default_factory=list)
    rename: Mapping[str, str] = field(default_factory=dict)
    begins: str | None = None

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Item]:
        """The items of the slice, with the parent's id where there is one."""
        params = {"limit": self.page_size} if self.page_size else {}
        for item in listed(self.ask, where, params=params, stream_slice=stream_slice, shape=SHAPES[self.shape]):
            if item.get(self.key) in (None, ""):
                raise system_error(f"{where}: Dialpad listed an item without {self.key}; it cannot be kept apart from others.")
            if self.begins and _belongs_earlier(item.get(self.begins), stream_slice):
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


def _belongs_earlier(began: Any, stream_slice: StreamSlice) -> bool:
    window = stream_slice.cursor_slice
    if window.get("is_first", True):
        return False
    try:
        moment = rfc3339_of(began)
    except (Unreadable, ValueError, TypeError):
        return False
    return bool(moment) and datetime.fromisoformat(moment) < datetime.fromisoformat(window["start_time"])  # type: ignore[arg-type]


@dataclass
class ParentRouter(Partitions):
    """One partition a parent object: its id under `partition_field`, each parent once."""

    requester: Requester
    listed: str
    partition_field: str
    parameters: Mapping[str, Any] | None = None

    def stream_slices(self) -> Iterable[StreamSlice]:
        """Every parent of the account."""
        where = f"{(self.parameters or {}).get('stream_name', 'dialpad')} (listing {self.listed})"
        seen: set[str] = set()
        for parent in listed(JsonCalls(self.requester), where, path=self.listed, params={"limit": MOST_ITEMS}):
            identity = text(parent["id"]) if parent.get("id") is not None else ""
            if identity and identity not in seen:
                seen.add(identity)
                yield StreamSlice(partition={self.partition_field: identity}, cursor_slice={})
