"""The Digital Engagement API: the messages of a provider (POST) and those of one customer session (GET).

What it keeps to (Digital Engagement help article): a window is at most 7 days, an unknown customer session is an empty
array, messages are kept for a year. What the article leaves open is a variant (see variants.py).
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from fake_dialpad.model import EPOCH, Message, day_of
from fake_dialpad.wire import JSON, Refused, Request, Response, route, schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fake_dialpad.context import Context

ROOT: Final = "/KoopidPartnerServer/api/APIEndpoint/Dashboard"
WEEK_MS: Final = 7 * 86_400_000
KEPT_MS: Final = 365 * 86_400_000
LONGEST: Final = timedelta(days=2)  # no conversation reaches further into the next days
BODY: Final = schema(
    {
        "providerId": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+$"}]},
        "start": {"type": "integer"},
        "end": {"type": "integer"},
        "limit": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
        "interval": {"type": "string"},
    },
    required=("providerId", "start", "end"),
)


class Engagement:
    """The two endpoints that serve messages."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._shuffles = random.Random(context.world.seed)
        self.routes = [
            route("POST", f"{ROOT}/Messages", self.messages),
            route("GET", f"{ROOT}/{{provider}}/RedactedMessages", self.session),
        ]

    def messages(self, request: Request) -> Response:
        """Answer the messages of a window, of all sessions."""
        body: dict[str, Any] = request.valid(BODY)
        for given in (body["providerId"], request.parameters.get("providerid", body["providerId"])):
            if str(given) != self.context.keys.provider_id:
                raise Refused(400, f"Invalid providerId {given}")
        window = self._window(body["start"], body["end"])
        rows = [] if window is None else self.between(*window)
        return self._page(rows, body.get("limit", 0), body.get("offset", 0))

    def session(self, request: Request, provider: str) -> Response:
        """Answer the messages of one customer session."""
        query = request.parameters
        if provider != self.context.keys.provider_id or query.get("providerid", provider) != provider:
            raise Refused(404, f"Unknown provider {provider}")
        numbers: dict[str, int] = {}
        for name in ("limit", "offset", "start", "end"):
            try:
                if query.get(name):
                    numbers[name] = int(query[name])
            except ValueError as error:
                raise Refused(400, f"{name} is not a number: {query[name]}") from error
        if "customersessionid" not in query:
            raise Refused(400, "customersessionid is required")
        rows = self.of_session(query["customersessionid"])
        if ("start" in numbers) != ("end" in numbers):
            raise Refused(400, "start and end must be given together")
        if "start" in numbers:
            window = self._window(numbers["start"], numbers["end"])
            rows = [] if window is None else [row for row in rows if self._inside(row.ts, *window)]
        return self._page(rows, numbers.get("limit", 0), numbers.get("offset", 0))

    def _window(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the window in milliseconds; None where one that is too long is answered with nothing."""
        if self.context.variants["epoch_unit"] == "seconds":
            start, end = start * 1000, end * 1000
        if end < start:
            raise Refused(400, "end is before start")
        if end - start > WEEK_MS:
            if self.context.variants["epoch_unit_enforced"] == "no":
                return None
            raise Refused(400, "The difference between start and end can not be more than 7 days")
        return start, end

    def _inside(self, ts: int, start: int, end: int) -> bool:
        ends = self.context.variants["ends"]
        return (start <= ts if ends[0] == "[" else start < ts) and (ts <= end if ends[-1] == "]" else ts < end)

    def visible(self, first: date, last: date) -> Iterable[Message]:
        """Yield the messages of the conversations that began from first to last and that exist now."""
        now = self.context.now_us()
        oldest = int(self.context.now() * 1000) - KEPT_MS
        day = max(first, self.context.world.first_day)
        while day <= min(last, day_of(now)):
            for message in self.context.world.digital(day).messages.rows:
                if message.visible_us <= now and message.ts >= oldest:
                    yield message
            day += timedelta(days=1)

    def between(self, start_ms: int, end_ms: int) -> list[Message]:
        """Return the messages of a window, oldest first."""
        low, high = _day(start_ms), _day(end_ms)
        if low is None or high is None:
            return []
        rows = [row for row in self.visible(low - LONGEST, high) if self._inside(row.ts, start_ms, end_ms)]
        return sorted(rows, key=lambda row: row.ts)

    def of_session(self, customer_session: str) -> list[Message]:
        """Return the messages of one customer session, oldest first; none of an unknown one."""
        digits = customer_session.lstrip("-").split(".")[0]
        if not digits.isdigit():
            return []
        number = (int(digits) - 4_000_000_000_000_000_000) // 1_000_000
        if not 0 <= number <= (date(9999, 12, 31) - EPOCH).days:
            return []
        day = EPOCH + timedelta(days=number)
        return [row for row in self.visible(day, day) if row.customer_session == customer_session]

    def _page(self, rows: list[Message], limit: int, offset: int) -> Response:
        variants = self.context.variants
        if variants["order"] == "descending":
            rows.reverse()
        elif variants["order"] == "by_session":
            rows = sorted(rows, key=lambda row: (row.session, row.order))
        elif variants["order"] == "random":
            self._shuffles.shuffle(rows)
        kind, _, most = variants["limit"].partition(":")
        if kind == "capped":
            limit = min(limit or int(most), int(most))
        if variants["offset"] == "honoured":
            rows = rows[offset:]
        elif variants["offset"] == "pages":  # of what a page holds: all of it where the limit is ignored
            rows = rows[offset * (limit if kind != "ignored" and limit > 0 else len(rows)) :]
        if kind != "ignored" and limit > 0:
            rows = rows[:limit]
        messages = [self.message_item(row) for row in rows]
        value: object = messages
        if variants["envelope"] == "list_of_envelopes":
            value = [{"messages": messages}] if messages else []
        elif variants["envelope"] == "one_envelope":
            value = {"messages": messages}
        return Response(int(variants["status"]), orjson.dumps(value), dict(JSON))

    def message_item(self, row: Message) -> dict[str, Any]:
        """Return a message as the API gives it now."""
        numeric = self.context.variants["ids"] == "number"
        moment = datetime.fromtimestamp(row.ts / 1000, UTC)
        item = dict(row.fields)
        if row.redacted is not None and row.redacted_us <= self.context.now_us():
            item["text"] = row.redacted
        # a bare JSON number keeps its digits (12.10) on the wire, whatever the reader makes of it
        item["sessionid"] = orjson.Fragment(row.session) if numeric else row.session
        item["customersessionid"] = orjson.Fragment(row.customer_session) if numeric else row.customer_session
        item["timestamp"] = f"{moment:%b} {moment.day}, {moment:%Y %I:%M:%S %p}"
        return item


def _day(ms: int) -> date | None:
    try:
        return EPOCH + timedelta(milliseconds=ms)
    except OverflowError:
        return None
