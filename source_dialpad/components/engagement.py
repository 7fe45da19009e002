"""Digital Engagement: the messages of a provider, window by window, and of single customer sessions.

The two editions of the vendor's help article are the only source, and leave much open: the unit of `start` and `end`,
the envelope of the answer, whether `limit` and `offset` are honoured, whether the ends of a window are included. The
classes here find out, or fail loudly; none of them takes an empty answer for a proof. The reasons stand in
docs/engagement.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.components.api import Answer, JsonCalls
from source_dialpad.components.errors import config_error, excerpt, system_error
from source_dialpad.components.retrieval import SliceRetriever
from source_dialpad.components.rows import text
from source_dialpad.components.windows import from_milliseconds, milliseconds, rfc3339

logger = logging.getLogger("airbyte")

Unit = Literal["milliseconds", "seconds"]
Message = dict[str, Any]

PAGE = 1000
"""Messages asked for at once: memory stays bounded, and a page longer than this shows that `limit` is ignored."""

TOLERANCE_MS = 86_400_000
"""How far outside its window a message may lie before the unit of the window is believed to be wrong."""

TEXT_IDS = ("sessionid", "customersessionid", "workflownodeid")
"""Identifiers: "12.10" is segment 10 and not the number 12.1, and 19 digits do not fit a float."""

REDACTED = re.compile(r"\*{2,4}([A-Z][A-Z0-9_]*)\*{2,4}")
"""A redaction token: printed with four stars, which may be two stars and the residue of page formatting."""


class Refused(Exception):
    """The API answered 400: the window, its unit or the provider is not to its liking."""


class Stretch(NamedTuple):
    """What one request asks for, in milliseconds; the messages wanted are `start <= ts < end`."""

    start: int
    end: int


# --- the answer -------------------------------------------------------------------------------------------------------


def messages_of(answer: Answer, where: str) -> list[Message]:
    """The messages of an answer: a list of envelopes, one envelope, a flat list, or nothing found.

    Everything else with a 2xx is a system error that shows its first 200 characters: it is not "no messages".
    """
    value = answer.value
    envelopes = [value] if isinstance(value, dict) else value
    found: list[Message] | None = None
    if isinstance(envelopes, list) and all(isinstance(each, dict) for each in envelopes):
        if all("messages" in each and isinstance(each["messages"] or [], list) for each in envelopes):
            found = [message for each in envelopes for message in each["messages"] or []]
        elif isinstance(value, list) and all("ts" in each for each in value):
            found = value
    if found is None or not all(isinstance(message, dict) for message in found):
        raise system_error(
            f"{where}: Digital Engagement answered {answer.status} with another shape than messages: "
            f"{excerpt(answer.content)}. Check engagement.base_url."
        )
    if any(isinstance(message.get(name), float) for message in found for name in TEXT_IDS):
        exact = json.loads(answer.content, parse_float=_Decimal)
        return messages_of(Answer(answer.status, _with_text_ids(exact), answer.content), where)
    return found


class _Decimal(float):
    """A number that remembers how it was written."""

    def __new__(cls, written: str) -> _Decimal:
        made = super().__new__(cls, written)
        made.written = written
        return made

    written: str


def _with_text_ids(value: Any) -> Any:
    """The same JSON, numbers under the names of identifiers as the text they were written as, others as plain numbers."""
    if isinstance(value, list):
        return [_with_text_ids(item) for item in value]
    if isinstance(value, dict):
        return {
            name: item.written if name in TEXT_IDS and isinstance(item, _Decimal) else _with_text_ids(item)
            for name, item in value.items()
        }
    return float(value) if isinstance(value, _Decimal) else value


# --- the unit of start and end ----------------------------------------------------------------------------------------


class EpochUnit:
    """Which unit the provider's API takes for `start` and `end`; found out once and kept for the run.

    `auto`: milliseconds first, since they are the only unit the article states (for `ts`). A refusal leads to seconds,
    once. A server of seconds that refuses nothing would answer every window of milliseconds with nothing at all, so
    as long as nothing has come back each empty window is asked for in seconds as well.
    """

    def __init__(self, setting: str) -> None:
        """`setting` is `auto`, `milliseconds` or `seconds`."""
        self.found: Unit | None = None if setting == "auto" else setting  # type: ignore[assignment]
        self._accepted = self.found is not None
        self._lock = threading.Lock()

    def first_page(self, ask: Callable[[Unit], list[Message]], where: str) -> tuple[Unit, list[Message]]:
        """The first page of a window and the unit it was asked for in."""
        if not self._accepted:
            with self._lock:  # one window finds out, the others wait for it
                if not self._accepted:
                    answer = self._find(ask, where)
                    self._accepted = True
                    return answer
        if self.found is None:
            return self._find(ask, where)
        try:
            return self.found, ask(self.found)
        except Refused as refusal:
            raise _refused(where, {self.found: refusal}) from None

    def _find(self, ask: Callable[[Unit], list[Message]], where: str) -> tuple[Unit, list[Message]]:
        refusals: dict[str, Refused] = {}
        for unit in ("milliseconds", "seconds"):
            try:
                page = ask(unit)  # type: ignore[arg-type]
            except Refused as refusal:
                refusals[unit] = refusal
                continue
            if page or refusals:
                self.found = unit  # type: ignore[assignment]
                logger.info("Digital Engagement takes start and end in %s.", unit)
                return unit, page  # type: ignore[return-value]
        if "milliseconds" in refusals:
            raise _refused(where, refusals)
        if "seconds" in refusals:  # milliseconds were taken, seconds were not
            self.found = "milliseconds"
        return "milliseconds", []


def _refused(where: str, refusals: Mapping[str, Refused]) -> Exception:
    tried = "; ".join(f"in {unit}: {refusal}" for unit, refusal in refusals.items())
    return config_error(
        f"{where}: Digital Engagement refused the request (400) ({tried}). Check engagement.provider_id, and "
        "engagement.epoch_unit if it is set."
    )


@lru_cache(maxsize=32)
def epoch_unit(base_url: str, provider_id: str, setting: str) -> EpochUnit:
    """The unit of a provider's API, shared by all its streams."""
    return EpochUnit(setting)


# --- pages ------------------------------------------------------------------------------------------------------------


class Unreachable(Exception):
    """`offset` is ignored and the page is full: the rest can only be had by a shorter window."""


def pages(
    fetch: Callable[[int], list[Message]], first: list[Message], where: str, *, known: int | None = None
) -> Iterator[list[Message]]:
    """All rows of a window, each once, page by page; `fetch` takes an offset, `first` is the page at 0.

    `known` is how many rows there are at least, where that is known: a short first page that holds them all is the whole.
    Otherwise ends at an empty page (a short page may be a server's own cap and proves nothing), or when the server repeats
    itself. Rows that arrive while paging shift the others: the overlap is dropped. Raises `Unreachable` when the
    server ignores `offset` and the page was full.
    """
    page, offset = first, len(first)
    if page:
        yield page
    if known is not None and known <= offset < PAGE:
        return
    while page:
        following = fetch(offset)
        if not following:
            if offset == PAGE:
                following = _second_page(fetch, page, where)
            if not following:
                return
            yield from _numbered_pages(fetch, following, where)
            return
        if following == page:
            if len(page) == PAGE:
                raise Unreachable
            return  # offset is ignored, and this was all
        fresh = _without_overlap(fetch, page, following, offset)
        offset += len(fresh)
        if fresh:
            yield fresh
        page = following


def _second_page(fetch: Callable[[int], list[Message]], first: list[Message], where: str) -> list[Message]:
    """What a server that counts offsets in pages holds behind a full first page, which `offset=1000` cannot show."""
    probe = fetch(1)
    if not probe or probe[0] in first:
        return []
    logger.info("%s: Digital Engagement counts offset in pages.", where)
    return probe


def _numbered_pages(
    fetch: Callable[[int], list[Message]], second: list[Message], where: str
) -> Iterator[list[Message]]:
    page, number = second, 1
    while page:
        yield page
        number += 1
        following = fetch(number)
        if following == page:
            raise system_error(f"{where}: Digital Engagement repeats page {number} of a window; paging cannot go on.")
        page = following


def _without_overlap(
    fetch: Callable[[int], list[Message]], page: list[Message], following: list[Message], offset: int
) -> list[Message]:
    """The rows of `following` that `page` did not hold: rows that arrived in between push the old ones along."""
    if following[0] not in page:
        return following
    most = min(len(page), len(following))
    overlap = next((size for size in range(most, 0, -1) if page[-size:] == following[:size]), 0)
    if not overlap:
        return [row for row in following if row not in page]
    twins = all(row == page[-1] for row in following[:overlap])
    if twins and offset > overlap:
        anchored = fetch(offset - 1)  # a true twin follows its first self here; a pushed row does not
        if anchored[:1] == page[-1:] and anchored[1 : 1 + overlap] == following[:overlap]:
            return following
    return following[overlap:]


# --- rows -------------------------------------------------------------------------------------------------------------


class MessageRows:
    """Turns the messages of one window into rows: key, derived columns, sender identity.

    `message_key` is a hash of session, time, sender type and workflow node, which stay the same when the text is
    redacted again, and of an ordinal among the messages that are equal in these within the window: two bubbles of
    one millisecond are two rows. Equal messages have one `ts`, so they always fall into the same window.
    """

    def __init__(self, provider_id: str, sender_identity: str) -> None:
        """One instance a window: it counts twins."""
        self._provider_id = provider_id
        self._identity = {"keep": _kept, "hash": _hashed, "drop": _dropped}[sender_identity]
        self._twins: dict[bytes, int] = {}
        self._second: tuple[int, str] = (-1, "")

    def __call__(self, message: Message) -> Message:
        """The message with our columns; `ts` is a whole number of milliseconds."""
        for name in TEXT_IDS:
            if message.get(name) is not None:
                message[name] = text(message[name])
        session, ts = message.get("sessionid") or "", message["ts"]
        conversation, dot, segment = session.rpartition(".")
        message["message_key"] = self._key(
            "\x1f".join((session, str(ts), str(message.get("sendertype") or ""), message.get("workflownodeid") or ""))
        )
        message["created_at"] = self._time(ts)
        message["conversation_id"] = (conversation if dot else session) or None
        message["segment"] = int(segment) if dot and segment.isdecimal() else None
        message["provider_id"] = self._provider_id
        said = message.get("text")
        message["redacted_entities"] = (
            list(dict.fromkeys(REDACTED.findall(said))) if isinstance(said, str) and "**" in said else []
        )
        for name in ("sendername", "senderemail"):
            if message.get(name):
                message[name] = self._identity(text(message[name]))
        return message

    def _key(self, identity: str) -> str:
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16)
        ordinal = self._twins.get(digest.digest(), 0)
        self._twins[digest.digest()] = ordinal + 1
        if ordinal:
            digest.update(f"\x1f{ordinal}".encode())
        return digest.hexdigest()

    def _time(self, ts: int) -> str:
        second, rest = divmod(ts, 1000)
        if self._second[0] != second:
            self._second = (second, rfc3339(from_milliseconds(second * 1000))[:19])
        return f"{self._second[1]}.{rest:03d}+00:00"


def _kept(value: str) -> str | None:
    return value


def _hashed(value: str) -> str | None:
    return hashlib.sha256(value.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def _dropped(value: str) -> str | None:  # noqa: ARG001  # stands beside its siblings
    return None


# --- retrievers -------------------------------------------------------------------------------------------------------

Door = Callable[[Unit, Stretch, int], list[Message]]
"""One page of a stretch: unit, stretch and offset in, messages out."""


def bulk_door(
    ask: JsonCalls, provider_id: str, stream_slice: StreamSlice | None, where: str, *, limit: int = PAGE
) -> Door:
    """The door to all messages of a provider."""
    provider = int(provider_id) if provider_id.isdecimal() else provider_id  # the article's sample has no quotes

    def door(unit: Unit, stretch: Stretch, offset: int) -> list[Message]:
        start, end = _sent(stretch, unit)
        body = {"providerId": provider, "start": start, "end": end, "limit": limit, "offset": offset, "interval": "1d"}
        return _taken(ask(where, stream_slice=stream_slice, body=body, accept=(400,)), where)

    return door


@dataclass
class MessageDoor(SliceRetriever):
    """What both doors share: the unit, the pages of a stretch, and the proof that its messages belong to it."""

    def __post_init__(self) -> None:
        """Reads the section's settings."""
        super().__post_init__()
        settings = self.config["engagement"]
        self.provider_id: str = settings["provider_id"]
        self._sender_identity: str = settings["sender_identity"]
        self._unit = epoch_unit(settings["base_url"], self.provider_id, settings["epoch_unit"])

    def read(self, door: Door, stretch: Stretch, where: str, *, known: int | None = None) -> Iterator[Message]:
        """All messages of a stretch through a door, as rows; `known` is how many there are at least."""

        def page(unit: Unit, offset: int) -> list[Message]:
            return placed(door(unit, stretch, offset), stretch, unit, where)

        # asked for so that no reading of "start" and "end" loses a message; these two belong to the neighbours
        edges = (stretch.start - 1, stretch.end)
        unit, first = self._unit.first_page(lambda unit: page(unit, 0), where)
        rows = MessageRows(self.provider_id, self._sender_identity)
        try:
            for messages in pages(lambda offset: page(unit, offset), first, where, known=known):
                for message in messages:
                    if message["ts"] not in edges:
                        yield rows(dict(message))
        except Refused as refusal:
            raise _refused(where, {unit: refusal}) from None
        except Unreachable:
            # what came is repeated by the halves, under the same keys
            for half in _halves(stretch, where):
                yield from self.read(door, half, where)


@dataclass
class MessagesRetriever(MessageDoor):
    """The stream `messages`: every message of the provider, a window at a time."""

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Message]:
        """The messages of the slice's window."""
        return self.read(bulk_door(self.ask, self.provider_id, stream_slice, where), _stretch(stream_slice), where)


@dataclass
class Session:
    """A customer session of a run: the stretch its messages lie in, and how many of them are known."""

    stretch: Stretch
    known: int | None = None

    def add(self, ts: int) -> None:
        """Takes in one more message."""
        self.stretch = Stretch(min(self.stretch.start, ts), max(self.stretch.end, ts + 1))
        self.known = (self.known or 0) + 1


@dataclass
class CustomerSessionRetriever(MessageDoor):
    """The stream `customer_session_messages`: each customer session asked for once a run, however often it is named.

    The sessions are those configured, each in every window; or those that the window's messages name: the provider's
    messages of all windows are read first, and a session belongs to the first window that names it and is read from
    its first to its last message, so that the state may pass a window when its sessions are done.
    """

    messages_requester: Requester | None = None

    def __post_init__(self) -> None:
        """Takes over the preparation of the slices."""
        super().__post_init__()
        self._configured: list[str] = self.config["engagement"]["customer_session_ids"]
        self.cursor.prepare_with(self._with_sessions)  # type: ignore[attr-defined]

    def _with_sessions(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        planned = list(slices)
        named: list[dict[str, Session]] = [
            {session: Session(_stretch(each)) for session in self._configured} for each in planned
        ]
        if not self._configured:
            self._find_sessions(planned, named)
        for stream_slice, sessions in zip(planned, named, strict=True):
            extra = {**stream_slice.extra_fields, "sessions": sessions}
            yield StreamSlice(
                partition=stream_slice.partition, cursor_slice=stream_slice.cursor_slice, extra_fields=extra
            )

    def _find_sessions(self, planned: list[StreamSlice], named: list[dict[str, Session]]) -> None:
        ask = JsonCalls(self.messages_requester)  # type: ignore[arg-type]
        owner: dict[str, int] = {}
        for number, stream_slice in enumerate(planned):
            where = self.where(stream_slice)
            door = bulk_door(ask, self.provider_id, stream_slice, where)
            for stretch in _days(_stretch(stream_slice)):
                for message in self.read(door, stretch, where):
                    session = message.get("customersessionid")
                    if session:
                        found, ts = named[owner.setdefault(session, number)], message["ts"]
                        found.setdefault(session, Session(Stretch(ts, ts + 1), 0)).add(ts)

    def rows(self, stream_slice: StreamSlice, where: str) -> Iterable[Message]:
        """The messages of the slice's sessions."""
        for name, session in stream_slice.extra_fields["sessions"].items():
            door = self._session_door(name, stream_slice, f"{where}, session {name}")
            stretches = list(_days(session.stretch, most=6))
            known = session.known if len(stretches) == 1 else None
            for stretch in stretches:
                yield from self.read(door, stretch, f"{where}, session {name}", known=known)

    def _session_door(self, session: str, stream_slice: StreamSlice, where: str) -> Door:
        def door(unit: Unit, stretch: Stretch, offset: int) -> list[Message]:
            start, end = _sent(stretch, unit)
            params = {"customersessionid": session, "start": start, "end": end, "limit": PAGE, "offset": offset}
            return _taken(self.ask(where, stream_slice=stream_slice, params=params, accept=(400,)), where)

        return door


def _stretch(stream_slice: StreamSlice) -> Stretch:
    window = stream_slice.cursor_slice
    return Stretch(
        milliseconds(datetime.fromisoformat(window["start_time"])), milliseconds(datetime.fromisoformat(window["end_time"]))
    )


def _days(stretch: Stretch, most: int = 1) -> Iterator[Stretch]:
    step = most * timedelta(days=1) // timedelta(milliseconds=1)
    for start in range(stretch.start, stretch.end, step):
        yield Stretch(start, min(start + step, stretch.end))


def _halves(stretch: Stretch, where: str) -> tuple[Stretch, Stretch]:
    middle = (stretch.start + stretch.end) // 2
    middle -= middle % 1000
    if middle <= stretch.start:
        raise system_error(
            f"{where}: Digital Engagement ignores offset and holds {PAGE} messages or more within two seconds; smaller "
            "windows cannot tell them apart."
        )
    return Stretch(stretch.start, middle), Stretch(middle, stretch.end)


def _sent(stretch: Stretch, unit: Unit) -> tuple[int, int]:
    """Start and end of the request: a tick earlier than wanted, so that a server that excludes the start loses nothing."""
    if unit == "milliseconds":
        return stretch.start - 1, stretch.end
    return (stretch.start - 1) // 1000, -(-stretch.end // 1000)


def _taken(answer: Answer, where: str) -> list[Message]:
    if answer.status == 400:  # noqa: PLR2004
        raise Refused(excerpt(answer.content) or "no reason given")
    return messages_of(answer, where)


def placed(page: list[Message], stretch: Stretch, unit: Unit, where: str) -> list[Message]:
    """The page, every `ts` a whole number of milliseconds that lies in the stretch or a day around it."""
    for message in page:
        try:
            ts = int(message["ts"])
        except (KeyError, TypeError, ValueError):
            raise system_error(
                f"{where}: a message came without a readable ts ({message.get('ts')!r}); it cannot be placed in time."
            ) from None
        message["ts"] = ts
        if not stretch.start - TOLERANCE_MS <= ts <= stretch.end + TOLERANCE_MS:
            raise config_error(
                f"{where}: a message of ts {ts} came back, which lies outside the window that was asked for in {unit}. "
                "The unit of start and end is wrong: set engagement.epoch_unit to the other one."
            )
    return page
