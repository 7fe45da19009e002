"""Pages of API v2: `{items, cursor}`, 25 items or as many as `limit` says up to 100."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.wire import Refused, Request, Response, answer

if TYPE_CHECKING:
    from collections.abc import Sequence

PAGE: Final = 25
LARGEST_PAGE: Final = 100


def cursor_of(place: object) -> str:
    """Return a cursor that stands for a place in a list."""
    return base64.urlsafe_b64encode(f"place:{place}".encode()).decode().rstrip("=")


def place_of(cursor: str) -> str:
    """Return the place a cursor stands for; refuse one that the fake did not make."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused(400, "Invalid cursor") from error
    if not text.startswith("place:"):
        raise Refused(400, "Invalid cursor")
    return text[len("place:") :]


class Pages:
    """Cuts lists into pages; one for all lists, since it counts the requests for pages that are too large."""

    def __init__(self) -> None:
        self._large_pages = 0

    def page(
        self, request: Request, items: Sequence[Any], last_cursor: str | None = None, usual: int = PAGE
    ) -> Response:
        """Answer one page of a list; `last_cursor` is the cursor of the last page, None for no cursor.

        `usual` is how many items a page has where the request does not say.
        """
        start = int(place_of(request.parameters["cursor"])) if request.parameters.get("cursor") else 0
        size = self.size(request) if "limit" in request.parameters else usual
        value: dict[str, Any] = {"items": list(items[start : start + size])}
        if start + size < len(items):
            value["cursor"] = cursor_of(start + size)
        elif last_cursor is not None:
            value["cursor"] = last_cursor
        return answer(value)

    def size(self, request: Request) -> int:
        """Return the page size; above 100 it is 100, and one such request in five is refused (API specification)."""
        text = request.parameters.get("limit")
        if text is None:
            return PAGE
        if not text.isdigit() or int(text) < 1:
            raise Refused(400, f"Invalid value for limit: {text}")
        if int(text) > LARGEST_PAGE:
            self._large_pages += 1
            if self._large_pages % 5 == 0:
                raise Refused(400, "limit must not be over 100")
        return min(int(text), LARGEST_PAGE)
