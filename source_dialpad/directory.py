"""Lists of Dialpad API v2: what they need beside the CDK's own retriever.

spec: an answer is `{"items": [...], "cursor": "..."}`; `items` may be null or missing when there is nothing, the last
page has no cursor or an empty one. Four lists are not like that: company (one object), call labels (text), operators
(two lists), and the members of a coaching team, whose cursor is answered but not listed among the parameters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import requests
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.transport.declared import parsed
from source_dialpad.transport.types import text

Item = dict[str, Any]


@dataclass
class Texts(RecordExtractor):
    """Each text of the first of `members` that is there, as a row with `column`; an object is a row as it is."""

    members: Sequence[str]
    column: str

    def extract_records(self, response: requests.Response) -> Iterable[Item]:
        """The texts."""
        value = parsed(response)
        texts: list[Any] = next((value[name] for name in self.members if value.get(name)), [])
        return (each if isinstance(each, dict) else {self.column: each} for each in texts)


class Operators(RecordExtractor):
    """`{"users": […], "rooms": […]}` as one list, each operator with its `operator_type`."""

    def extract_records(self, response: requests.Response) -> Iterable[Item]:
        """The users, then the rooms."""
        value = parsed(response)
        for kind in ("user", "room"):
            yield from ({**operator, "operator_type": kind} for operator in value.get(f"{kind}s") or [])


class ParentIds(RecordTransformation):
    """Each row with what its slice stands for: the parents it belongs to, their type, the day of a snapshot."""

    def transform(self, record: Item, *_: Any, stream_slice: StreamSlice, **__: Any) -> None:  # type: ignore[override]
        """Adds them in place."""
        record.update(stream_slice.cursor_slice)
        record.update({name: value for name, value in stream_slice.extra_fields.items() if isinstance(value, str)})
        partition: Mapping[str, Any] = stream_slice.partition
        while partition:
            record.update({name: value for name, value in partition.items() if name != "parent_slice"})
            partition = partition.get("parent_slice") or {}


class ActivityKeys(RecordTransformation):
    """Each row of workforce metrics by activity with its `row_key`: type and name of the activity, interval, a number.

    spec: a row names no agent, so rows about the same are numbered as they come. The interval's end is left out of the
    key, as that of a running day moves.
    """

    def __init__(self) -> None:
        self._ordinals: defaultdict[str, count[int]] = defaultdict(partial(count, 1))  # both steps of it are atomic

    def transform(self, record: Item, *_: Any, **__: Any) -> None:
        """Adds it in place."""
        activity = record.get("activity") or {}
        key = f"{activity.get('type') or ''}|{activity.get('name') or ''}|{record['interval_start']}"
        ordinal = next(self._ordinals[key])
        record["row_key"] = key if ordinal == 1 else f"{key}#{ordinal}"


class FirstOfEachId:
    """Each id once in a slice: a parent listed on two pages is read once, and a page that came again adds nothing."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    def filter_records(self, records: Iterable[Item], stream_slice: StreamSlice, **_: Any) -> Iterable[Item]:
        """The records whose id did not come before; those without one pass, for the schema to refuse."""
        place = str(stream_slice.partition)
        for record in records:
            seen = (place, text(record.get("id")))
            if record.get("id") is None or seen not in self._seen:
                self._seen.add(seen)
                yield record
