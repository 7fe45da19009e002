"""What the articles about Digital Engagement leave open, found out with some twenty requests for a handful of messages.

Windows that grow from five minutes to six days are asked for in both units until one holds some messages. All other
questions are asked of a window that holds few of them and fits into one answer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from doctor.doubts import Answers, Doubt, note_ends
from doctor.finding import Cost
from source_dialpad.engagement.messages import of_provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from doctor.ask import Ask, Reply
    from doctor.finding import Finding

Message = dict[str, Any]

LIMIT: Final = 100
ENOUGH: Final = 12  # messages that show an order
TICKS: Final = {"milliseconds": 1, "seconds": 1000}
MINUTE: Final = 60_000
DAY: Final = 1440 * MINUTE
LADDER: Final = (5 * MINUTE, 60 * MINUTE, DAY, 6 * DAY)
LAG: Final = 10 * MINUTE  # newer messages may still be filed
IDENTIFIERS: Final = ("sessionid", "customersessionid", "workflownodeid")
LIMIT_HEADERS: Final = re.compile(r"retry-after|(x-)?rate-?limit.*", re.IGNORECASE)
OPEN_MEMBERS: Final = ("topmatches", "sessionchannelinfo")
OTHER_SHAPE: Final = "another shape"
OK: Final = range(200, 300)
REFUSED: Final = 400
TOO_MANY: Final = 429
FORMS: Final = {  # of a timestamp; %Z is a zone by name, which is not read
    "ISO 8601 with a zone": "%Y-%m-%dT%H:%M:%S%z",
    "ISO 8601 with a zone and parts of seconds": "%Y-%m-%dT%H:%M:%S.%f%z",
    "ISO 8601 without a zone": "%Y-%m-%dT%H:%M:%S",
    "ISO 8601 without a zone, with parts of seconds": "%Y-%m-%dT%H:%M:%S.%f",
    "date and time without a zone": "%Y-%m-%d %H:%M:%S",
    "month in letters, day, year, twelve hours, without a zone": "%b %d, %Y %I:%M:%S %p",
    "month/day/year, 24 hours, without a zone": "%m/%d/%Y %H:%M:%S",
    "month/day/year, twelve hours, without a zone": "%m/%d/%Y %I:%M:%S %p",
    "day/month/year, 24 hours, without a zone": "%d/%m/%Y %H:%M:%S",
}

MESSAGES: Final = "messages of the last six days"
UNIT: Final = "the unit of start and end"
EIGHT_DAYS: Final = "whether more than 7 days are refused"
EMPTY: Final = "whether `[]` means that there was nothing"
ARRIVING: Final = "rows that arrive while paging"
ORDER: Final = "the order of rows"
SESSION: Final = "whether one customer session gives the same messages"
DOUBTS: Final = {  # the rows of docs/engagement.md
    "the host": Doubt("It is that of engagement.base_url.", "an answer of Digital Engagement"),
    UNIT: Doubt(
        "With epoch_unit auto it finds the unit out in every sync; set, it saves those requests.",
        f"{MESSAGES}, or an API that refuses more than seven days",
    ),
    EIGHT_DAYS: Doubt("It never asks for more.", "an answer to a window of eight days"),
    EMPTY: Doubt(
        "It believes one for a window of the right unit and at most seven days.", "an answer to a window of eight days"
    ),
    "the envelope": Doubt("It takes a list of envelopes, one envelope, and a plain list.", MESSAGES),
    "the status of an answer": Doubt("It takes every 2xx.", "an answer"),
    "what `limit` does": Doubt("It asks for 1,000 and pages on, whatever comes.", f"two {MESSAGES}"),
    "what `offset` does": Doubt(
        "It pages where offset counts messages, and reads windows in halves where it does not.", f"two {MESSAGES}"
    ),
    ARRIVING: Doubt("It notices them by the overlap of pages, and reads the window in halves.", f"some {MESSAGES}"),
    "whether the ends are included": Doubt(
        "It asks for a tick more on both sides and keeps what lies in the window.",
        "a message at a full tick of the unit: a full second where the unit is seconds",
    ),
    ORDER: Doubt(
        "It relies on none; where the order changes from answer to answer, it reads windows in halves.",
        "messages of sessions that overlap",
    ),
    "identifiers as numbers": Doubt("It reads them as the text they are written as.", MESSAGES),
    "the limit of requests": Doubt(
        "It sends at most 10 a second and obeys Retry-After.",
        "a refusal for too many requests, which the doctor does not provoke",
    ),
    "the form and zone of `timestamp`": Doubt("It passes it on as text and takes times from ts.", MESSAGES),
    "`topmatches`, `sessionchannelinfo`": Doubt("It passes them on as they come.", MESSAGES),
    SESSION: Doubt("It takes both for the same, and reads this endpoint by windows too.", f"{MESSAGES} that name one"),
}


class Window(NamedTuple):
    """A part of time in milliseconds, from start to end."""

    start: int
    end: int

    def has(self, message: Message) -> bool:
        """Whether a message lies in it, or a second beside it."""
        return bool(self.start - 1000 <= message["ts"] <= self.end + 1000)


class Page(NamedTuple):
    """An answer: its messages in their order, each with a whole number in `ts`, and what wraps them."""

    reply: Reply
    messages: list[Message]
    envelope: str

    def has_time(self, time: int) -> bool:
        """Whether a message of this very time is in it."""
        return any(message["ts"] == time for message in self.messages)


def cost(_: Mapping[str, Any]) -> Cost:
    """The most that this section asks for."""
    return Cost(requests=32, seconds=10)


def findings(ask: Ask, config: Mapping[str, Any]) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`."""
    probe = Probe(ask, str(config["engagement"]["provider_id"]))
    probe.run()
    return iter(probe.answers)


@dataclass
class Probe:
    """The questions, asked in turn."""

    ask: Ask
    provider_id: str
    unit: str = ""
    honors_limit: bool = True
    answers: Answers = field(default_factory=lambda: Answers("engagement", DOUBTS))
    replies: list[Reply] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)  # of the right unit and full length, with messages
    taken: dict[str, set[int]] = field(default_factory=lambda: {unit: set() for unit in TICKS})  # lengths, by unit

    def run(self) -> None:
        """Asks everything that the answers so far allow."""
        now = int(datetime.now(UTC).timestamp())
        window, first = self.look(now * 1000 - LAG)
        if not self.reached:
            return
        self.answers.seen("the host", "the configured one answers")
        whole, page = self.fitting(window, first) if first else (window, None)
        if page is not None:
            self.limit(whole, page)
            self.offset(whole, page)
            self.order(whole, page)
            self.ends()
            self.session(whole, page)
        elif first:
            for question in ("what `limit` does", "what `offset` does", ORDER, "whether the ends are included"):
                self.answers.undecided(question, "no window was found whose messages fit into one answer")
        self.eight_days(window, first)
        self.shapes()
        self.members()

    def get(self, window: Window, *, unit: str = "", limit: int = LIMIT, offset: int = 0) -> Page:
        """The messages of all sessions in a window; what is no request for a full page is not kept in `pages`."""
        tick = TICKS[unit or self.unit]
        times = {"start": window.start // tick, "end": -(-window.end // tick)}
        body = {**of_provider(self.provider_id)["body"], **times, "limit": limit, "offset": offset}
        page = self.read(self.ask("messages_requester", body=body))
        if page.messages and unit in ("", self.unit) and (limit, offset) == (LIMIT, 0):
            self.pages.append(page)
        return page

    def read(self, reply: Reply) -> Page:
        """An answer and its messages."""
        self.replies.append(reply)
        messages, envelope = unwrapped(reply.value) if reply.status in OK else ([], "")
        times = [_whole(message.get("ts")) for message in messages]
        timed = [{**message, "ts": ts} for message, ts in zip(messages, times, strict=True) if ts is not None]
        return Page(reply, timed, envelope)

    # -- unit and length of windows ------------------------------------------------------------------

    @property
    def reached(self) -> bool:
        """Whether any answer was one to the question."""
        return any(reply.status in OK or reply.status == REFUSED for reply in self.replies)

    def look(self, end: int) -> tuple[Window, Page | None]:
        """The shortest window with enough messages, or the longest, and its page if it has any; finds the unit."""
        longest = Window(end - LADDER[-1], end)
        best: tuple[Window, Page | None] = (longest, None)
        for length in LADDER:
            window = Window(end - length, end)
            pages = {unit: self.get(window, unit=unit) for unit in ([self.unit] if self.unit else TICKS)}
            for unit, page in pages.items():
                if page.reply.status in OK:
                    self.taken[unit].add(length)
            answering = [unit for unit, page in pages.items() if page.messages]
            if len(answering) > 1 or not all(window.has(one) for page in pages.values() for one in page.messages):
                self.answers.undecided(UNIT, "neither: messages came that lie outside the window")
                return longest, None
            for unit in answering:
                if not self.unit:
                    self.unit = unit
                    self.pages.append(pages[unit])
                best, count = (window, pages[unit]), len(pages[unit].messages)
                self.answers.seen(UNIT, unit, once=count == 1, setting={"epoch_unit": unit})
                if count >= ENOUGH:
                    return best
            if not self.reached:
                break
        return best

    def eight_days(self, window: Window, page: Page | None) -> None:
        """Asks for more than is allowed: what comes tells what an empty answer means and, without messages, the unit.

        Where limit is ignored, the eight days begin with the window and end in the future, since nothing is there.
        """
        past, future = Window(window.end - 8 * DAY, window.end), Window(window.start, window.start + 8 * DAY)
        long = {
            unit: self.get(past if self.honors_limit else future, unit=unit, limit=1)
            for unit in ([self.unit] if self.unit else TICKS)
        }
        refused = [unit for unit, answer in long.items() if answer.reply.status == REFUSED]
        firm = [unit for unit in refused if self.taken[unit] == set(LADDER)]
        if not self.unit and len(firm) == 1:  # the other one takes eight days, or refuses an hour
            self.unit = firm[0]
            text = f"{self.unit}: six days of them are taken and eight are refused"
            self.answers.seen(UNIT, text, once=True, setting={"epoch_unit": self.unit})
        if self.unit in refused:
            self.answers.seen(EIGHT_DAYS, "yes (400)", once=True)
            self.answers.seen(EMPTY, "yes: what does not fit is refused", once=True)
        elif self.unit and long[self.unit].messages:
            self.answers.seen(EIGHT_DAYS, "no, they are answered with messages", once=True)
            self.answers.seen(EMPTY, "yes: every window is answered", once=True)
        elif page is not None and long[self.unit].reply.status in OK:
            self.answers.seen(
                EIGHT_DAYS, "no, they are answered with nothing, although messages lie in them", once=True
            )
            text = "not always: eight days came back empty, although messages lie in them"
            self.answers.seen(EMPTY, text, once=True)

    # -- pages ---------------------------------------------------------------------------------------

    def fitting(self, window: Window, page: Page) -> tuple[Window, Page | None]:
        """A window whose messages are known to fit into one answer, and that answer; None where it is not found."""
        if not self._is_cut(window, page):
            return window, page
        longest, tick = len(page.messages), TICKS[self.unit]
        for part in (4, 8, 8, 8, 8, 8):  # half of them, if in order of time; else ever fewer
            times = sorted(message["ts"] for message in page.messages)
            middle, some = len(times) // 2, max(1, len(times) // part)
            if len(times) <= 2 * some:
                break
            window = Window(times[middle - some] - tick, times[middle + some] + tick)
            page = self.get(window)
            if 2 < len(page.messages) < longest:  # noqa: PLR2004  # a shorter answer is whole
                return window, page
        return window, None

    def _is_cut(self, window: Window, page: Page) -> bool:
        """Whether the window holds messages, before or after the middle one of its answer, that the answer lacks."""
        middle = sorted(message["ts"] for message in page.messages)[len(page.messages) // 2]
        halves = Window(middle, window.end), Window(window.start, middle)
        return any(one not in page.messages for half in halves for one in self.get(half).messages)

    def limit(self, window: Window, page: Page) -> None:
        """Asks for two messages, or one, of a window that holds more."""
        count, longest = len(page.messages), max(len(page.messages) for page in self.pages)
        few = min(2, count - 1)
        got = len(self.get(window, limit=few).messages) if few else 0
        self.honors_limit = 0 < got == few
        cut = sum(len(page.messages) == longest for page in self.pages) > 1 and longest not in (count, LIMIT)
        if self.honors_limit:
            most = f"no answer has more than {longest} messages" if cut else f"as seen up to {longest} messages"
            self.answers.seen("what `limit` does", f"honored, {most}", once=count < ENOUGH and not cut)
        elif got == count > 1:
            self.answers.seen("what `limit` does", "ignored")
        else:
            self.answers.undecided("what `limit` does", f"of {count} messages, {got} came when {few} were asked for")

    def offset(self, window: Window, page: Page) -> None:
        """Asks for the messages of a window from the second one on."""
        count = len(page.messages)
        rest = self.get(window, offset=1).messages
        if any(message not in page.messages for message in rest):
            self.answers.undecided("what `offset` does", "more messages than one answer holds came up")
        elif len(rest) == count:
            self.answers.seen("what `offset` does", "ignored", once=count == 1)
        elif count > 1 and len(rest) == count - 1:
            self.answers.seen("what `offset` does", "counts messages", once=rest != page.messages[1:])
        elif count > 1 and not rest:  # what comes after a page of 100
            few = min(2, count // 2)
            next_page = self.get(window, limit=few, offset=1).messages if self.honors_limit else []
            self.answers.seen("what `offset` does", "counts pages", once=len(next_page) != few)
        else:
            self.answers.undecided(
                "what `offset` does", f"of {count} messages, {len(rest)} came from the second one on"
            )

    def order(self, window: Window, page: Page) -> None:
        """Asks for the same window twice more, and looks at the order of every answer so far."""
        again = [self.get(window).messages for _ in range(2)]
        if all(sorted(map(repr, answer)) == sorted(map(repr, page.messages)) for answer in again):
            self.answers.seen(ARRIVING, "none: a window that ended ten minutes ago holds the same in three answers")
        else:
            self.answers.seen(ARRIVING, "some: a window that ended ten minutes ago changed between three answers")
        if any(answer != page.messages for answer in again):
            self.answers.seen(ORDER, "it changes from answer to answer")
            return
        fits = [name for name, has_order in ORDERS.items() if all(has_order(page.messages) for page in self.pages)]
        if len(fits) == 1:
            self.answers.seen(ORDER, fits[0], once=len(page.messages) < 4)  # noqa: PLR2004
        elif fits:
            self.answers.undecided(ORDER, f"the same in three answers: {' or '.join(fits)}")
        else:
            self.answers.seen(ORDER, "the same in three answers, and neither by time nor by session")

    def ends(self) -> None:
        """Asks for windows that begin, and end, at the very time of a message."""
        tick = TICKS[self.unit]
        times = sorted({one["ts"] for page in self.pages for one in page.messages if one["ts"] % tick == 0})
        seen = []
        for time in times[:2]:
            after, before = self.get(Window(time, time + tick)), self.get(Window(time - tick, time))
            seen.append((after.has_time(time), before.has_time(time)))
        note_ends(self.answers, "whether the ends are included", seen)

    def session(self, window: Window, page: Page) -> None:
        """Asks the other endpoint for the messages of a customer session, which are known."""
        try:
            exact, _ = unwrapped(json.loads(page.reply.content, parse_float=str, strict=False))
        except (ValueError, RecursionError):  # it had to be repaired
            exact = page.messages
        named = [
            name for name in (message.get("customersessionid") for message in exact) if isinstance(name, str | int)
        ]
        if not named:
            return
        name = max(named, key=named.count)
        tick = TICKS[self.unit]
        times = {"start": window.start // tick, "end": -(-window.end // tick)}
        params = {"customersessionid": name, "limit": LIMIT, "offset": 0, **times}
        answer = self.read(self.ask("session_requester", params=params))
        if answer.reply.status not in OK:
            self.answers.undecided(SESSION, f"the endpoint answered {answer.reply.status}")
            return
        count, same = named.count(name), sum(message in page.messages for message in answer.messages)
        text = "the same messages as in the window of all sessions"
        if not count == same == len(answer.messages):
            text = f"other messages: {len(answer.messages)} came, {same} of them known, where {count} are known"
        self.answers.seen(SESSION, text, once=True)

    # -- shapes --------------------------------------------------------------------------------------

    def shapes(self) -> None:
        """What wraps messages, what nothing looks like, the statuses, and what is said of limits."""
        replies = [reply for reply in self.replies if reply.status in OK]
        envelopes = [unwrapped(reply.value) for reply in replies]
        full = sorted({envelope for messages, envelope in envelopes if messages or envelope == OTHER_SHAPE})
        empty = sorted({envelope for messages, envelope in envelopes if not messages} - {OTHER_SHAPE})
        nothing = f"; nothing is {' or '.join(empty)}" if empty else ""
        if full:
            self.answers.seen("the envelope", f"{' or '.join(full)}{nothing}", once=len(replies) == 1)
        elif nothing:
            self.answers.undecided("the envelope", nothing.removeprefix("; "))
        statuses = sorted({reply.status for reply in replies})
        if statuses:
            self.answers.seen("the status of an answer", " or ".join(map(str, statuses)), once=len(replies) == 1)
        refused = sum(reply.status == TOO_MANY for reply in self.replies)
        headers = any(LIMIT_HEADERS.fullmatch(name) for reply in self.replies for name in reply.headers)
        text = f"{refused} of {len(self.replies)} requests were refused for it"
        text += f", {'a' if headers else 'no'} header tells of a limit"
        if refused:
            self.answers.seen("the limit of requests", text, once=refused == 1)
        else:
            self.answers.undecided("the limit of requests", text)

    def members(self) -> None:
        """The JSON types and forms of members that the articles leave open."""
        messages = [message for page in self.pages for message in page.messages]
        once = len(messages) == 1
        kinds = {name: kinds_of(messages, name) - {"nothing"} for name in IDENTIFIERS}
        numbers = [name for name, seen in kinds.items() if seen - {"text"}]
        if any(kinds.values()):
            text = f"{' and '.join(numbers)} as numbers" if numbers else "as text"
            self.answers.seen("identifiers as numbers", text, once=once)
        printed = [(message["timestamp"], message["ts"]) for message in messages if message.get("timestamp")]
        if printed:
            note_timestamps(self.answers, printed)
        seen = [f"{name}: {' or '.join(sorted(kinds_of(messages, name)))}" for name in OPEN_MEMBERS]
        if messages:
            self.answers.seen("`topmatches`, `sessionchannelinfo`", "; ".join(seen), once=once)


def unwrapped(value: Any) -> tuple[list[Message], str]:
    """The messages of an answer, and the name of what wraps them."""
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        parts, envelope = value["messages"], "one envelope"
    elif isinstance(value, list) and all(isinstance(part, dict) for part in value):
        parts, envelope = value, "a plain list" if value else "an empty list"
        if value and all(isinstance(part.get("messages"), list) for part in value):
            parts = [message for part in value for message in part["messages"]]
            envelope = "a list of one envelope" if len(value) == 1 else "a list of several envelopes"
    else:
        return [], OTHER_SHAPE
    return [part for part in parts if isinstance(part, dict)], envelope


def _whole(ts: Any) -> int | None:
    try:
        return int(ts)
    except (TypeError, ValueError, OverflowError):
        return None


def kinds_of(messages: list[Message], name: str) -> set[str]:
    """The JSON types a member comes in."""
    return {kind_of(message.get(name)) for message in messages}


def kind_of(value: Any) -> str:
    """The JSON type of a value in plain words; of a list, that of its first part too."""
    if isinstance(value, list):
        return f"a list of {kind_of(value[0])}s" if value else "an empty list"
    kinds = {str: "text", bool: "boolean", int: "number", float: "number", dict: "object"}
    return kinds.get(type(value), "nothing")


def note_timestamps(answers: Answers, printed: list[tuple[Any, int]]) -> None:
    """Notes how `timestamp` is written, and whether it is the UTC time of `ts`."""
    for words, form in FORMS.items():
        try:
            times = [datetime.strptime(text, form) for text, _ in printed]  # noqa: DTZ007  # some have no zone
        except (TypeError, ValueError):
            continue
        instants = [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
        minutes = {
            round((instant.timestamp() - ts / 1000) / 60) for instant, (_, ts) in zip(instants, printed, strict=True)
        }
        is_local = all(minute % 15 == 0 for minute in minutes)  # what zones are apart
        zone = "in UTC" if minutes == {0} else "in a local time" if is_local else "another time than ts"
        answers.seen("the form and zone of `timestamp`", f"{words}; {zone}", once=len(printed) == 1)
        return
    answers.undecided("the form and zone of `timestamp`", "in a form that the doctor does not know")


def _sessions(messages: list[Message]) -> bool:
    """Whether messages come session by session, by time in each."""
    order = list(dict.fromkeys(str(message.get("sessionid")) for message in messages))
    return messages == sorted(messages, key=lambda message: (order.index(str(message.get("sessionid"))), message["ts"]))


ORDERS: Final[dict[str, Callable[[list[Message]], bool]]] = {
    "ascending by time": lambda messages: messages == sorted(messages, key=lambda message: message["ts"]),
    "descending by time": lambda messages: all(one["ts"] >= next_["ts"] for one, next_ in pairwise(messages)),
    "session by session": _sessions,
}
