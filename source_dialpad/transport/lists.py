"""The lists of Dialpad API v2, for those who look something up in one; streams of lists are declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from source_dialpad.errors import snippet, system_error
from source_dialpad.transport.requester import JsonCalls

MAX_ITEMS: Final = 100
"""spec: a larger `limit` gives 100 all the same, and a 400 for one request in five, on purpose."""


def listed(ask: JsonCalls, context: str, *, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All items of a list, page after page, until no cursor comes.

    A cursor that comes a second time is an error, since the rest of the list could not be had.
    """
    sent: set[str] = set()
    cursor: str | None = None
    while True:
        answer = ask(context, path=path, params={**params, **({"cursor": cursor} if cursor else {})})
        value = answer.value
        items = (value.get("items") or []) if isinstance(value, dict) else None
        known = isinstance(value, dict) and ("items" in value or value.keys() <= {"cursor"})
        if not known or not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise system_error(
                f"{context}: the API answered {answer.status} with another shape than items: "
                f"{snippet(answer.content)}. Check the base URL."
            )
        yield from items
        cursor = str(value.get("cursor") or "")
        if not cursor:
            return
        if cursor in sent:
            raise system_error(
                f"{context}: Dialpad gives the same page cursor again and again; the list cannot be read to its end."
            )
        sent.add(cursor)
