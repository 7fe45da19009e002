"""Digital Engagement: the messages of a provider, window by window, and of single customer sessions.

The two editions of the vendor's help article are the only source, and leave much open: the unit of `start` and `end`,
the envelope of the answer, whether `limit` and `offset` are honoured, whether the ends of a window are included. The
classes here find out, or fail loudly; none of them takes an empty answer for a proof. The reasons stand in
docs/engagement.md.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import orjson
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.errors import config_error, snippet, system_error
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.shared import shared
from source_dialpad.transport.times import milliseconds, second_of_milliseconds
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

Unit = Literal["milliseconds", "seconds"]
Message = dict[str, Any]

PAGE = 1000
"""Messages asked for at once: memory stays bounded, and a page longer than this shows that `limit` is ignored."""

TOLERANCE_MS = 86_400_000
"""How far outside its window a message may lie before the unit of the window is believed to be wrong."""

NUMERIC_ID = re.compile(rb'"(sessionid|customersessionid|workflownodeid)"\s*:\s*(-?[0-9][-+.0-9eE]*)')
"""An identifier that came as a bare number: "12.10" is segment 10 and not 12.1, and 19 digits do not fit a float.

Inside a text its quotes would be escaped.
"""

NUMBER = re.compile(r"[1-9][0-9]{0,17}")
LONGEST_SEGMENT = 18
"""Digits of a whole number that any warehouse takes."""

FIVE_MINUTES_MS = 300_000

FEW = 20
"""Messages of one smallest stretch that are believed to be all: no server cuts its pages shorter than this."""

UNITS: tuple[Unit, Unit] = ("milliseconds", "seconds")
TICK_MS: Mapping[Unit, int] = {"milliseconds": 1, "seconds": 1000}

REDACTED = re.compile(r"\*{2,4}([A-Z][A-Z0-9_]*)\*{2,4}")
"""A redaction token: printed with four stars, which may be two stars and the residue of page formatting."""


class Refused(Exception):  # noqa: N818  # a question of the unit, not yet an error
    """The API answered 400: the window, its unit or the provider is not to its liking."""


class TimeRange(NamedTuple):
    """What one request asks for, in milliseconds; the messages wanted are `start <= ts < end`."""

    start: int
    end: int


FirstPage = Callable[[Unit, TimeRange], list[Message]]
"""The first page of a stretch, asked for in a unit."""


# --- the answer -------------------------------------------------------------------------------------------------------


def messages_of(answer: Answer, context: str) -> list[Message]:
    """The messages of an answer: a list of envelopes, one envelope, a flat list, or nothing found.

    Everything else with a 2xx is a system error that shows its first 200 characters: it is not "no messages".
    """
    found = _messages(answer.value)
    if found is None:
        raise system_error(
            f"{context}: Digital Engagement answered {answer.status} with another shape than messages: "
            f"{snippet(answer.content)}. Check engagement.base_url."
        )
    if any(_has_numeric_id(message.get) for message in found):
        quoted = NUMERIC_ID.sub(rb'"\1":"\2"', answer.content)
        return _messages(orjson.loads(quoted)) or []
    return found


def _has_numeric_id(get: Callable[[str], Any]) -> bool:
    kinds = (int, float)
    return (
        get("sessionid").__class__ in kinds
        or get("customersessionid").__class__ in kinds
        or get("workflownodeid").__class__ in kinds
    )


def _messages(value: Any) -> list[Message] | None:
    """The messages, or None where the shape is none of those we know."""
    envelopes = [value] if isinstance(value, dict) else value
    if not isinstance(envelopes, list) or not all(isinstance(each, dict) for each in envelopes):
        return None
    found: list[Message]
    if all("messages" in each for each in envelopes):
        if any(each.get("error") or each.get("errors") for each in envelopes):
            return None
        lists = [each["messages"] for each in envelopes]
        if not all(isinstance(each, list) for each in lists):
            return None
        found = [message for each in lists for message in each]
    elif isinstance(value, list) and all("ts" in each for each in value):
        found = value
    else:
        return None
    return found if all(isinstance(message, dict) for message in found) else None


# --- the unit of start and end ----------------------------------------------------------------------------------------


class EpochUnit:
    """Which unit the provider's API takes for `start` and `end`; found out once and kept for the run.

    `auto`: milliseconds first, since they are the only unit the article states (for `ts`). A refusal leads to seconds,
    once. Messages that lie in their window prove the unit; an empty answer proves nothing: a server of seconds that
    refuses nothing answers every window of milliseconds with nothing at all, a server of milliseconds those of seconds.
    So as long as nothing has come back each empty window is asked for in both, and milliseconds are given up for
    an empty answer only when it is their length that was refused.
    """

    def __init__(self, setting: str) -> None:
        """`setting` is `auto`, `milliseconds` or `seconds`."""
        self.found: Unit | None = None if setting == "auto" else setting  # type: ignore[assignment]
        self._accepted = self.found is not None
        self._lock = threading.Lock()

    def first_page(self, ask: FirstPage, stretch: TimeRange, context: str) -> tuple[Unit, list[Message]]:
        """The first page of a stretch and the unit it was asked for in."""
        if not self._accepted:
            with self._lock:  # one window finds out, the others wait for it
                if not self._accepted:
                    answer = self._find(ask, stretch, context)
                    self._accepted = True
                    return answer
        if self.found is None:
            return self._find(ask, stretch, context)
        try:
            return self.found, ask(self.found, stretch)
        except Refused as refusal:
            raise _refused(context, {self.found: refusal}) from None

    def _find(self, ask: FirstPage, stretch: TimeRange, context: str) -> tuple[Unit, list[Message]]:
        refusals: dict[str, Refused] = {}
        for unit in UNITS:
            try:
                page = ask(unit, stretch)
            except Refused as refusal:
                refusals[unit] = refusal
                continue
            if page:
                return self._take(unit), page
        if "milliseconds" not in refusals:
            return "milliseconds", []
        if "seconds" not in refusals and self._too_long(ask, stretch):
            return self._take("seconds"), []
        raise _refused(context, refusals)

    def _too_long(self, ask: FirstPage, stretch: TimeRange) -> bool:
        """Whether milliseconds are refused for their length: five minutes of them are taken, the stretch is not.

        Five minutes are three and a half days to a server of seconds; a day is nearly three years.
        """
        try:
            ask("milliseconds", TimeRange(stretch.start, min(stretch.end, stretch.start + FIVE_MINUTES_MS)))
        except Refused:
            return False
        try:
            ask("milliseconds", stretch)
        except Refused:
            return True
        return False

    def _take(self, unit: Unit) -> Unit:
        if self.found is None:
            logger.info("Digital Engagement takes start and end in %s.", unit)
        self.found = unit
        return unit


def _refused(context: str, refusals: Mapping[str, Refused]) -> Exception:
    tried = "; ".join(f"in {unit}: {refusal}" for unit, refusal in refusals.items())
    nothing = " In seconds nothing came back, which proves nothing." if list(refusals) == ["milliseconds"] else ""
    return config_error(
        f"{context}: Digital Engagement refused the request (400) ({tried}).{nothing} Check engagement.provider_id, "
        "and "
        "set engagement.epoch_unit if you know the unit."
    )


def epoch_unit(base_url: str, provider_id: str, setting: str) -> EpochUnit:
    """The unit of a provider's API, shared by all its streams."""
    return shared(EpochUnit, base_url, provider_id, setting, arguments=(setting,))


# --- pages ------------------------------------------------------------------------------------------------------------


class InconsistentPages(Exception):  # noqa: N818  # nothing went wrong yet
    """Offsets do not lead through these messages: the stretch can only be had by shorter ones."""


class OverlapPaginator:
    """Leads through the pages of a stretch, and knows what was found out about `offset` at one door; kept for the run.

    Each page is asked for from the last message of the page before, with which it has to begin. So the end of the
    messages is an answer of one message and never an empty one, and messages that come or go while paging are noticed.
    Where that fails (`offset` is ignored, or counts pages; the order changes from answer to answer; messages arrived)
    `Astray` is raised, and the stretch is read in halves: one answer is one moment and needs no paging.

    A page is handed on when the one behind it is there; where pages have followed each other before it is handed on at
    once, unless it may be a whole of any order, so that no more than one of them is in memory.
    """

    def __init__(self) -> None:
        """Nothing found out: `offset` is believed."""
        self._useless = self._followed = False
        self._longest = 0
        self._lock = threading.Lock()

    def pages(
        self, fetch: Callable[[int], list[Message]], first: list[Message], *, known: int | None, smallest: bool
    ) -> Iterator[list[Message]]:
        """The pages of a stretch, each message once; `fetch` takes an offset, `first` is the page at 0.

        `known` is how many messages there are at least, where that is known: a first page that is not full and holds
        them all is the whole. `smallest`: the stretch cannot be halved.
        """
        if not first or (known is not None and known <= len(first) < PAGE):
            yield first
            return
        page, read, is_first, handed_on, duplicates = first, len(first), True, False, 0
        del first  # a page is freed as its rows are written
        while not self._useless:
            handed_on = self._followed and not (is_first and read < PAGE)
            last = dict(page[-1])  # whoever it is handed on to adds to it
            if handed_on:
                yield page
            following = fetch(max(read - 1, 1))
            # an offset that is ignored gives a page of nothing but twins for ever
            duplicates += len(following) > 1 and following[0] == following[-1]
            endless = duplicates > FEW or (duplicates == 1 and is_first and not self._followed and following == page)
            if read == 1:  # there is no message before the last to begin with
                astray = bool(following)
            else:
                # in one page that is the whole, any order will do
                whole = is_first and not handed_on and len(following) == 1 and following[0] in page
                astray = endless or (following[:1] != [last] and not whole)
            if astray:
                self._followed = False
                self._useless = self._useless or endless or not following or (not handed_on and following == page)
                break
            if not handed_on:
                yield page
            if len(following) <= 1:
                return
            self._followed = True
            del following[0]
            page, read, is_first = following, read + len(following), False
        if handed_on or not self._useless or not is_first or not self._is_whole(page, smallest=smallest):
            raise InconsistentPages
        yield page

    def _is_whole(self, page: list[Message], *, smallest: bool) -> bool:
        """Whether nothing was cut off a page: it is shorter than another that was given.

        A server may cut pages wherever it likes; what it cuts has one length, and nothing is longer.
        """
        with self._lock:
            if len(page) < self._longest:
                return True
            self._longest = len(page)
            return smallest and len(page) < FEW


# --- rows -------------------------------------------------------------------------------------------------------------


class MessageRows:
    """Turns the messages of one stretch into rows: key, derived columns, sender identity.

    `message_key` is a hash of session, time, sender type and workflow node, which stay the same when the text is
    redacted again, and of an ordinal among the messages that are equal in these within the stretch: two bubbles of
    one millisecond are two rows. Equal messages have one `ts`, so they always fall into the same stretch.
    """

    def __init__(self, provider_id: str, sender_identity: str) -> None:
        """One instance a stretch: it counts twins."""
        self._provider_id = provider_id
        self._identity = {"keep": None, "hash": _hashed, "drop": _dropped}[sender_identity]
        self._page = 0
        self._pages: dict[str, int] = {}
        self._ordinals: dict[str, int] = {}
        self._anchor = self._latest = ""

    def page(self, messages: list[Message], stretch: TimeRange, neighbours: tuple[range, range]) -> Iterator[Message]:
        """The rows of one page, in place, without those whose `ts` lies in a neighbouring stretch; empties the page.

        Raises `Astray` for a message that an earlier page held: twins come in one answer, a message that comes again
        was pushed along by others. The answer that holds a page begins with the last message of the page before.
        """
        (start, end), (before, after) = stretch, neighbours
        provider_id, identity, pages, number = self._provider_id, self._identity, self._pages, self._page + 1
        self._page, self._anchor = number, self._latest
        messages.reverse()
        while messages:
            message = messages.pop()
            get, ts = message.get, message["ts"]
            if not start <= ts < end and (ts in before or ts in after):
                self._latest = ""
                continue
            session = get("sessionid") or ""
            if session.__class__ is not str:
                message["sessionid"] = session = text(session)
            digest = blake2b(
                f"{session}\x1f{ts}\x1f{get('sendertype') or ''}\x1f{get('workflownodeid') or ''}".encode(
                    "utf-8", "surrogatepass"
                ),
                digest_size=16,
            )
            key = self._latest = digest.hexdigest()
            if key in pages:
                digest.update(f"\x1f{self._ordinal(key)}".encode())
                key = digest.hexdigest()
            else:
                pages[key] = number
            message["message_key"] = key
            message["created_at"] = f"{second_of_milliseconds(ts)}.{ts % 1000:03d}+00:00"
            conversation, dot, segment = session.rpartition(".")
            message["conversation_id"] = (conversation if dot else session) or None
            numbered = dot and segment.isdecimal() and len(segment) <= LONGEST_SEGMENT
            message["segment"] = int(segment) if numbered else None
            message["provider_id"] = provider_id
            said = get("text")
            message["redacted_entities"] = (
                list(dict.fromkeys(REDACTED.findall(said))) if said.__class__ is str and "**" in said else []
            )
            if identity:
                for name in ("sendername", "senderemail"):
                    if get(name):
                        message[name] = identity(text(message[name]))
            yield message

    def _ordinal(self, key: str) -> int:
        """How many messages of this key came before; all in this answer, otherwise `Astray`."""
        if self._pages[key] != self._page and key != self._anchor:
            raise InconsistentPages
        self._pages[key] = self._page
        ordinal = self._ordinals[key] = self._ordinals.get(key, 0) + 1
        return ordinal


def _hashed(value: str) -> str | None:
    return hashlib.sha256(value.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def _dropped(value: str) -> str | None:  # noqa: ARG001  # stands beside its siblings
    return None


# --- retrievers -------------------------------------------------------------------------------------------------------

FetchPage = Callable[[Unit, TimeRange, int], list[Message]]
"""One page of a stretch: unit, stretch and offset in, messages out."""


def fetch_page(
    ask: JsonCalls, provider_id: str, stream_slice: StreamSlice | None, context: str, *, limit: int | None = None
) -> FetchPage:
    """The door to all messages of a provider; `limit` is how many are asked for at once, a page unless given."""
    provider = int(provider_id) if NUMBER.fullmatch(provider_id) else provider_id  # the article's sample has no quotes

    def fetch(unit: Unit, stretch: TimeRange, offset: int) -> list[Message]:
        start, end = _sent(stretch, unit)
        body = {"providerId": provider, "start": start, "end": end, "limit": limit or PAGE, "offset": offset}
        body["interval"] = "1d"  # not used, says the article, and sends it
        return _taken(ask(context, stream_slice=stream_slice, body=body, accept=(400,)), context)

    return fetch


@dataclass
class MessageDoor(SliceRetriever):
    """What both doors share: the unit, the pages of a stretch, and the proof that its messages belong to it."""

    derived = frozenset(
        ("message_key", "ts", "created_at", "provider_id", "conversation_id", "segment", "redacted_entities")
    )

    def __post_init__(self) -> None:
        """Reads the section's settings."""
        super().__post_init__()
        settings = self.config["engagement"]
        self.provider_id: str = settings["provider_id"]
        self._sender_identity: str = settings["sender_identity"]
        self._unit = epoch_unit(settings["base_url"], self.provider_id, settings["epoch_unit"])
        self._offsets = OverlapPaginator()

    def read(
        self,
        fetch: FetchPage,
        stretch: TimeRange,
        context: str,
        *,
        offsets: OverlapPaginator | None = None,
        known: int | None = None,
    ) -> Iterator[Message]:
        """All messages of a stretch through a door, as rows; `known` is how many there are at least.

        Where offsets lead astray the stretch is read in halves; what came before comes again, under the same keys.
        """

        def page(unit: Unit, part: TimeRange, offset: int = 0) -> list[Message]:
            return check_timestamps(fetch(unit, part, offset), part, unit, context)

        unit, first = self._unit.first_page(page, stretch, context)
        halves, in_first = _halves(stretch, unit), len(first)
        rows, neighbours = MessageRows(self.provider_id, self._sender_identity), _neighbours(stretch, unit)
        offsets = offsets or self._offsets
        pages = offsets.pages(lambda offset: page(unit, stretch, offset), first, known=known, smallest=not halves)
        del first
        try:
            for messages in pages:
                yield from rows.page(messages, stretch, neighbours)
        except Refused as refusal:
            raise _refused(context, {unit: refusal}) from None
        except InconsistentPages:
            if not halves:
                raise system_error(
                    f"{context}: Digital Engagement pages through {in_first} messages of one moment ({stretch.start} "
                    f"to {stretch.end}) in a way that cannot be followed, and a smaller window cannot be asked for."
                ) from None
        else:
            return
        for half in halves:
            yield from self.read(fetch, half, context, offsets=offsets)


@dataclass
class MessagesRetriever(MessageDoor):
    """The stream `messages`: every message of the provider, a window at a time."""

    def __post_init__(self) -> None:
        """Counts the windows, to say so when not one of them held a message."""
        super().__post_init__()
        self._windows = self._read = 0
        self._found = False
        self._counting = threading.Lock()
        self.cursor.prepare_with(self._counted)  # type: ignore[attr-defined]

    def _counted(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        planned = list(slices)
        self._windows = len(planned)
        yield from planned

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Message]:
        """The messages of the slice's window."""
        fetch = fetch_page(self.ask, self.provider_id, stream_slice, context)
        found = False
        for row in self.read(fetch, _stretch(stream_slice), context):
            found = True
            yield row
        with self._counting:
            self._found = self._found or found
            self._read += 1
            if self._read == self._windows and not self._found:
                logger.warning(
                    "%s: no message came back, in any of %s windows. That proves nothing: check "
                    "engagement.provider_id, engagement.epoch_unit, and whether there were any messages.",
                    self.name,
                    self._windows,
                )


@dataclass
class Session:
    """A customer session of a run: the stretch its messages lie in, and how many of them are known."""

    stretch: TimeRange
    known: int | None = None

    def add(self, ts: int) -> None:
        """Takes in one more message."""
        self.stretch = TimeRange(min(self.stretch.start, ts), max(self.stretch.end, ts + 1))
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
        self._bulk_offsets = OverlapPaginator()
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
            context = self.context(stream_slice)
            fetch = fetch_page(ask, self.provider_id, stream_slice, context)
            for stretch in _days(_stretch(stream_slice)):
                for message in self.read(fetch, stretch, context, offsets=self._bulk_offsets):
                    session = message.get("customersessionid")
                    if session:
                        session = text(session)
                        found, ts = named[owner.setdefault(session, number)], message["ts"]
                        found.setdefault(session, Session(TimeRange(ts, ts + 1), 0)).add(ts)

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Message]:
        """The messages of the slice's sessions."""
        for name, session in stream_slice.extra_fields["sessions"].items():
            fetch = self._session_door(name, stream_slice, f"{context}, session {name}")
            stretches = list(_days(session.stretch, most=6))
            known = session.known if len(stretches) == 1 else None
            for stretch in stretches:
                yield from self.read(fetch, stretch, f"{context}, session {name}", known=known)

    def _session_door(self, session: str, stream_slice: StreamSlice, context: str) -> FetchPage:
        def fetch(unit: Unit, stretch: TimeRange, offset: int) -> list[Message]:
            start, end = _sent(stretch, unit)
            params = {"customersessionid": session, "start": start, "end": end, "limit": PAGE, "offset": offset}
            return _taken(self.ask(context, stream_slice=stream_slice, params=params, accept=(400,)), context)

        return fetch


def _stretch(stream_slice: StreamSlice) -> TimeRange:
    window = stream_slice.cursor_slice
    start, end = (milliseconds(datetime.fromisoformat(window[name])) for name in ("start_time", "end_time"))
    return TimeRange(start, end)


def _days(stretch: TimeRange, most: int = 1) -> Iterator[TimeRange]:
    step = most * timedelta(days=1) // timedelta(milliseconds=1)
    for start in range(stretch.start, stretch.end, step):
        yield TimeRange(start, min(start + step, stretch.end))


def _halves(stretch: TimeRange, unit: Unit) -> tuple[TimeRange, ...]:
    """The two halves of a stretch, cut at a whole tick of the unit; none where it cannot be cut."""
    tick = TICK_MS[unit]
    middle = (stretch.start + stretch.end) // 2 // tick * tick
    if middle <= stretch.start:
        middle += tick
    if not stretch.start < middle < stretch.end:
        return ()
    return TimeRange(stretch.start, middle), TimeRange(middle, stretch.end)


def _sent(stretch: TimeRange, unit: Unit) -> tuple[int, int]:
    """Start and end of the request: a tick earlier, so that a server that excludes the start loses nothing."""
    tick = TICK_MS[unit]
    return (stretch.start - 1) // tick, -(-stretch.end // tick)


def _neighbours(stretch: TimeRange, unit: Unit) -> tuple[range, range]:
    """What is asked for beside the stretch, before and behind it: messages there are the neighbours'."""
    tick = TICK_MS[unit]
    start, end = _sent(stretch, unit)
    return range(start * tick, stretch.start), range(stretch.end, end * tick + 1)


def _taken(answer: Answer, context: str) -> list[Message]:
    if answer.status == 400:  # noqa: PLR2004
        raise Refused(snippet(answer.content) or "no reason given")
    return messages_of(answer, context)


def check_timestamps(page: list[Message], stretch: TimeRange, unit: Unit, context: str) -> list[Message]:
    """The page, every `ts` a whole number of milliseconds that lies in the stretch or a day around it."""
    earliest, latest = stretch.start - TOLERANCE_MS, stretch.end + TOLERANCE_MS
    for message in page:
        ts: Any = message.get("ts")
        if ts.__class__ is not int:
            try:
                message["ts"] = ts = int(ts)
            except (TypeError, ValueError, OverflowError):
                raise system_error(
                    f"{context}: a message came without a readable ts ({ts!r}); it cannot be placed in time."
                ) from None
        if not earliest <= ts <= latest:
            raise config_error(
                f"{context}: a message of ts {ts} came back, which lies outside the window that was asked for in "
                f"{unit}. "
                "The unit of start and end is wrong: set engagement.epoch_unit to the other one."
            )
    return page
