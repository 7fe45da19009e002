"""Digital Engagement: the messages of a provider, window by window, and of single customer sessions.

The two editions of the vendor's help article are the only source, and leave much open: the unit of `start` and `end`,
the envelope of the answer, whether `limit` and `offset` are honored, whether the ends of a window are included. The
modules here find out, or fail; none takes an empty answer for a proof. The reasons stand in docs/engagement.md.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import Config, StreamSlice

from source_dialpad.engagement import paging
from source_dialpad.engagement.unit import (
    DAY_MS,
    TICK_MS,
    EpochUnit,
    FetchPage,
    Message,
    RequestRefused,
    Unit,
    check_timestamps,
    refused,
    requested_bounds,
)
from source_dialpad.errors import counted, snippet, system_error
from source_dialpad.identity import IDENTITIES
from source_dialpad.sync.halving import PageDuplicates, TimeRange, read_in_halves
from source_dialpad.sync.planner import LAG
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.requester import Answer, JsonCalls, loaded
from source_dialpad.transport.shared import shared
from source_dialpad.transport.times import milliseconds, second_of_milliseconds
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

IDENTIFIERS = ("sessionid", "customersessionid", "workflownodeid")
NUMERIC_ID = re.compile(rf'"({"|".join(IDENTIFIERS)})"\s*:\s*(-?[0-9][-+.0-9eE]*)'.encode())  # no text: those escape "
"""An identifier that came as a bare number: "12.10" is segment 10 and not 12.1, and 19 digits do not fit a float."""

WHOLE_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
LONGEST_SEGMENT = 18
"""Digits of a whole number that any warehouse takes."""

REDACTED = re.compile(r"\*{2,4}([A-Z][A-Z0-9_]*)\*{2,4}")
"""A redaction token: printed with four stars, which may be two stars and the residue of page formatting."""

NOTHING_CAME = (
    "%s: no message came back %s. That proves nothing: check engagement.provider_id, engagement.epoch_unit, and "
    "whether there were any messages."
)


def of_provider(provider_id: str) -> dict[str, Any]:
    """Asks for all messages of a provider."""
    provider = int(provider_id) if WHOLE_NUMBER.fullmatch(provider_id) else provider_id  # in the sample without quotes
    return {"body": {"providerId": provider, "interval": "1d"}}  # not used, says the article, and sends it


def fetch_page(
    ask: JsonCalls, question: dict[str, Any], stream_slice: StreamSlice | None, context: str, *, limit: int = 0
) -> FetchPage:
    """Pages of the messages that `question` asks for by members of `body` or `params`; of `limit`, or full ones."""

    def fetch(unit: Unit, time_range: TimeRange, offset: int = 0) -> list[Message]:
        start, end = requested_bounds(time_range, unit)
        page = {"start": start, "end": end, "limit": limit or paging.PAGE, "offset": offset}
        request = {place: {**members, **page} for place, members in question.items()}
        read = partial(messages_of, context=context)
        messages = ask(context, stream_slice=stream_slice, accept=(400,), read=read, **request)
        return check_timestamps(messages, time_range, unit, context)

    return fetch


def messages_of(answer: Answer, context: str) -> list[Message]:
    """The messages of an answer: a list of envelopes, one envelope, a flat list, or nothing found.

    Raises `RequestRefused` for a 400; every other answer is a system error, and not "no messages".
    """
    if answer.status == 400:  # noqa: PLR2004
        raise RequestRefused(snippet(answer.content) or "no reason given")
    messages = _messages(answer.value)
    if messages is None:
        raise system_error(
            f"{context}: Digital Engagement answered {answer.status} with another shape than messages: "
            f"{snippet(answer.content)}. Check engagement.base_url."
        )
    if any(message.get(name).__class__ in (int, float) for message in messages for name in IDENTIFIERS):
        quoted = NUMERIC_ID.sub(rb'"\1":"\2"', answer.content)
        return _messages(loaded(quoted)) or []
    return messages


def _messages(value: Any) -> list[Message] | None:
    envelopes = [value] if isinstance(value, dict) else value
    if not isinstance(envelopes, list) or not all(isinstance(envelope, dict) for envelope in envelopes):
        return None
    if not all("messages" in envelope for envelope in envelopes):
        return envelopes if envelopes is value and all("ts" in message for message in envelopes) else None
    if any(envelope.get("error") or envelope.get("errors") for envelope in envelopes):
        return None
    if not all(isinstance(envelope["messages"], list) for envelope in envelopes):
        return None
    flat = [message for envelope in envelopes for message in envelope["messages"]]
    return flat if all(isinstance(message, dict) for message in flat) else None


class MessageRows:
    """Turns the messages of one time range into rows: key, derived columns, sender identity.

    `message_key` is a hash of session, time, sender type and workflow node, which stay the same when the text is
    redacted again, and of an ordinal among the messages that are equal in these within the range: two bubbles of
    one millisecond are two rows. Equal messages have one `ts`, so they always fall into the same range.
    """

    def __init__(self, provider_id: str, sender_identity: str, time_range: TimeRange, unit: Unit) -> None:
        """`sender_identity` is `keep`, `hash` or `drop`; `unit` that in which the range was asked for."""
        self._provider_id = provider_id
        self._identity = IDENTITIES[sender_identity]
        self._range = time_range
        start, end = (bound * TICK_MS[unit] for bound in requested_bounds(time_range, unit))
        self._neighbors = range(start, time_range.start), range(time_range.end, end + 1)
        self._duplicates = PageDuplicates()
        self._last_key = ""

    def page(self, messages: list[Message]) -> Iterator[Message]:
        """The rows of one page, in place, without those that belong to a neighboring range; empties the page.

        Raises `InconsistentPages` for a message of an earlier page, but for the last one before this page.
        """
        (start, end), (before, after) = self._range, self._neighbors
        provider_id, identity, duplicates = self._provider_id, self._identity, self._duplicates
        duplicates.next_page(self._last_key)
        messages.reverse()
        while messages:
            message = messages.pop()
            get, ts = message.get, message["ts"]
            if not start <= ts < end and (ts in before or ts in after):
                self._last_key = ""
                continue
            session = get("sessionid") or ""
            if session.__class__ is not str:
                message["sessionid"] = session = text(session)
            hashed = f"{session}\x1f{ts}\x1f{get('sendertype') or ''}\x1f{get('workflownodeid') or ''}"
            digest = blake2b(hashed.encode("utf-8", "surrogatepass"), digest_size=16)
            key = self._last_key = digest.hexdigest()
            ordinal = duplicates.ordinal(key)
            if ordinal:
                digest.update(f"\x1f{ordinal}".encode())
                key = digest.hexdigest()
            message["message_key"] = key
            message["created_at"] = f"{second_of_milliseconds(ts)}.{ts % 1000:03d}+00:00"
            conversation, dot, segment = session.rpartition(".")
            message["conversation_id"] = (conversation if dot else session) or None
            numbered = dot and segment.isdecimal() and len(segment) <= LONGEST_SEGMENT
            message["segment"] = int(segment) if numbered else None
            message["provider_id"] = provider_id
            words = get("text")
            message["redacted_entities"] = (
                list(dict.fromkeys(REDACTED.findall(words))) if words.__class__ is str and "**" in words else []
            )
            if identity:
                for name in ("sendername", "senderemail"):
                    if get(name):
                        message[name] = identity(text(message[name]))
            yield message


@dataclass
class MessagesRetriever(SliceRetriever):
    """The stream `messages`: every message of the provider, a window at a time."""

    derived = frozenset(
        ("message_key", "ts", "created_at", "provider_id", "conversation_id", "segment", "redacted_entities")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        settings = self.config["engagement"]
        setting, self.provider_id = settings["epoch_unit"], settings["provider_id"]
        self._sender_identity: str = settings["sender_identity"]
        self._unit = shared(EpochUnit, settings["base_url"], self.provider_id, setting, arguments=(setting,))
        self._paginator = paging.OverlapPaginator()
        self._planned: list[StreamSlice] = []
        self._empty: list[StreamSlice] = []
        self.prepare_slices(self._prepared)

    def _prepared(self, slices: Iterable[StreamSlice]) -> Iterable[StreamSlice]:
        self._planned = list(slices)
        return self._planned

    def read(
        self, fetch: FetchPage, paginator: paging.OverlapPaginator, time_range: TimeRange, context: str, known: int = 0
    ) -> Iterator[Message]:
        """All messages of a range as rows; `known` is how many there are at least."""

        def read_pages(part: TimeRange) -> Iterator[Message]:
            unit, first = self._unit.first_page(fetch, part, context)
            rows = MessageRows(self.provider_id, self._sender_identity, part, unit)
            if 0 < known <= len(first) < paging.PAGE:
                yield from rows.page(first)  # not full, and all that are known: there are no others
                return
            try:
                for page in paginator.pages(partial(fetch, unit, part), first, smallest=not self._unit.halves(part)):
                    yield from rows.page(page)
            except RequestRefused as refusal:
                raise refused(context, {unit: refusal}) from None

        return read_in_halves(read_pages, time_range, self._unit.halves, context)

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Message]:
        """The messages of the slice's window."""
        fetch = fetch_page(self.ask, of_provider(self.provider_id), stream_slice, context)
        is_empty = True
        for row in self.read(fetch, self._paginator, _window(stream_slice), context):
            is_empty = False
            yield row
        if is_empty:
            self._empty.append(stream_slice)
            if len(self._empty) == len(self._planned):
                logger.warning(NOTHING_CAME, self.name, f"in {counted(len(self._planned), 'window')}")


@dataclass
class Session:
    """A customer session of a sync: the time its messages lie in, and how many of them are known."""

    start: int
    end: int
    known: int = 0


@dataclass
class CustomerSessionRetriever(MessagesRetriever):
    """The stream `customer_session_messages`: the configured sessions in every window, or those that messages name.

    For the latter, the provider's messages of all windows are read first. A session is asked for once a sync, from its
    first to its last message, by the first window that names it: the state may pass that when its sessions are done.
    """

    messages_requester: Requester | None = None

    def _prepared(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        planned = list(slices)
        configured = self.config["engagement"]["customer_session_ids"]
        if configured:
            named = [{name: Session(*_window(window)) for name in configured} for window in planned]
        else:
            named = self._sessions_of(planned)
        for each, sessions in zip(planned, named, strict=True):
            extra = {**each.extra_fields, "sessions": sessions}
            yield StreamSlice(partition=each.partition, cursor_slice=each.cursor_slice, extra_fields=extra)

    def _sessions_of(self, planned: list[StreamSlice]) -> list[dict[str, Session]]:
        """The sessions that the messages of all windows name, each in the first window that names it."""
        ask, paginator = JsonCalls(self.messages_requester), paging.OverlapPaginator()  # type: ignore[arg-type]
        sessions: dict[str, Session] = {}
        named: list[dict[str, Session]] = [{} for _ in planned]
        for stream_slice, first_named in zip(planned, named, strict=True):
            context = self.context(stream_slice)
            fetch = fetch_page(ask, of_provider(self.provider_id), stream_slice, context)
            for day in _cut(_window(stream_slice), days=1):
                for message in self.read(fetch, paginator, day, context):
                    if message.get("customersessionid"):
                        name, ts = text(message["customersessionid"]), message["ts"]
                        if name not in sessions:
                            first_named[name] = sessions[name] = Session(ts, ts + 1)
                        session = sessions[name]
                        session.start, session.end = min(session.start, ts), max(session.end, ts + 1)
                        session.known += 1
        return named

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Message]:
        """The messages of the slice's sessions."""
        for name, session in stream_slice.extra_fields["sessions"].items():
            session_context = f"{context}, session {name}"
            question = {"params": {"customersessionid": name}}
            fetch = fetch_page(self.ask, question, stream_slice, session_context)
            parts = list(_cut(TimeRange(session.start, session.end), days=6))  # seven are allowed
            known = session.known if len(parts) == 1 else 0
            for part in parts:
                yield from self.read(fetch, self._paginator, part, session_context, known)


def _window(stream_slice: StreamSlice) -> TimeRange:
    window = stream_slice.cursor_slice
    start, end = (milliseconds(datetime.fromisoformat(window[name])) for name in ("start_time", "end_time"))
    return TimeRange(start, end)


def _cut(time_range: TimeRange, days: int) -> Iterator[TimeRange]:
    for start in range(time_range.start, time_range.end, days * DAY_MS):
        yield TimeRange(start, min(start + days * DAY_MS, time_range.end))


def check_section(ask: Callable[[str], JsonCalls], config: Config, logger: logging.Logger) -> None:
    """Asks for one message of the last week."""
    settings, end = config["engagement"], datetime.now(UTC) - LAG
    start = end - timedelta(days=7) + timedelta(seconds=1)  # the longest window the API allows, short of its edge
    week = TimeRange(milliseconds(start), milliseconds(end))
    fetch = fetch_page(ask("messages_requester"), of_provider(settings["provider_id"]), None, "engagement", limit=1)
    unit, page = EpochUnit(settings["epoch_unit"]).first_page(fetch, week, "engagement")
    if not page:
        logger.warning(NOTHING_CAME, "engagement", f"for the last 7 days (asked for in {unit})")
