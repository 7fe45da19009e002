"""What the specification leaves open about calls, transcripts, recaps and digital sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from doctor import shape
from doctor.doubts import Answers, Doubt
from doctor.finding import Cost
from doctor.reach import rows_of, schema_of
from source_dialpad.source import resolved_manifest
from source_dialpad.transport.times import milliseconds
from source_dialpad.transport.types import UNREADABLE, rfc3339_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from doctor.ask import Reply
    from doctor.finding import Finding
    from doctor.reach import Reach

LEGS: Final = 3  # of a kind, whose transcript is asked for until one has any
RECAPS: Final = 2
READY: Final = timedelta(minutes=30)  # after which a transcript is there, if ever
NOT_READY: Final = 400
FULL_PAGE: Final = 100
AGES: Final = {730: "two years", 365: "a year", 90: "90 days", 30: "30 days"}
SCOPE: Final = "calls, and the scope calls:list"
KEPT: Final = "how long calls are kept"
LARGEST: Final = "the largest page"
LEGS_WITH: Final = "which legs have a transcript"
MEANING: Final = "what 400 means for a transcript"
ZONE: Final = "the zone of a line's `time`"
FORMAT: Final = "the format of a summary"
SESSIONS: Final = "whether `created_at` of a session carries a zone"
DOUBTS: Final = {  # the rows of docs/conversations.md
    KEPT: Doubt("It asks for the whole range from start_date.", SCOPE),
    LARGEST: Doubt("It asks for 100 calls.", "a hundred calls in six days, and the scope calls:list"),
    LEGS_WITH: Doubt("It asks for every connected one.", f"connected {SCOPE}, and Dialpad's AI"),
    MEANING: Doubt("It takes it for not ready, and asks again in the next sync.", "a transcript that is not ready"),
    ZONE: Doubt("It reads it as UTC.", "a transcript"),
    FORMAT: Doubt("It asks for none; summary_format is what came.", "a recap, and the scope ai_recap"),
    SESSIONS: Doubt("Without one it is UTC.", "a digital session, and the scope digital_sessions"),
}


def cost(config: Mapping[str, Any]) -> Cost:
    """Transcripts of two kinds of legs, recaps, and calls of four ages."""
    return Cost(2 * LEGS + RECAPS + len(AGES), 0, 8.0) if "dialpad" in config else Cost()


def findings(reach: Reach) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`, from the lists that were read and a handful of requests more."""
    probe = Probe(reach)
    probe.calls()
    probe.transcripts()
    probe.recaps()
    probe.sessions()
    return iter(probe.answers)


@dataclass
class Probe:
    """The questions, asked in turn."""

    reach: Reach
    answers: Answers = field(default_factory=lambda: Answers("conversations", DOUBTS))
    told: list[tuple[Mapping[str, Any], Reply]] = field(default_factory=list)  # legs with their transcripts

    def calls(self) -> None:
        """Looks for a call of each age, the oldest first."""
        rows = self.reach.reports.get("calls", {}).get("rows", 0)
        if rows >= FULL_PAGE:
            self.answers.seen(LARGEST, f"{rows} came when {FULL_PAGE} were asked for; more was not tried", once=True)
        elif rows:
            self.answers.undecided(LARGEST, f"{rows} calls came when {FULL_PAGE} were asked for")
        for days, age in AGES.items() if rows else ():
            before = milliseconds(datetime.now(UTC) - timedelta(days=days))
            reply = self.reach.ask(
                "dialpad_lists_requester", path="call", params={"started_before": before, "limit": 1}
            )
            if rows_of(reply, {}):
                self.answers.seen(KEPT, f"a call that is older than {age} is listed", once=True)
                break

    def transcripts(self) -> None:
        """Asks for transcripts of agents' legs and of groups' legs, until each kind has one."""
        legs = [row for reply in self.reach.replies.get("calls", []) for row in rows_of(reply, {})]
        texts, replies = [], []
        for kind, of_users in ("agents", True), ("groups", False):
            ready = (leg for leg in legs if _is_ready(leg) and (_target(leg).get("type") == "user") is of_users)
            chosen = list(islice(ready, LEGS))
            for leg in chosen:
                path = f"transcripts/{quote(str(leg['call_id']), safe='')}"
                replies.append(reply := self.reach.ask(_leg_requester(), path=path))
                if reply.refusal is None and isinstance(reply.value, dict):
                    self.told.append((leg, reply))
                    texts.append(f"legs of {kind} have one")
                    break
            else:
                texts += [f"{len(chosen)} legs of {kind} have none"] if chosen else []
        refused = [reply for reply in replies if reply.status == NOT_READY]
        if refused:
            self.answers.undecided(
                MEANING, f"{len(refused)} of {len(replies)} answered 400, half an hour after the call"
            )
        if self.told:
            self.answers.seen(LEGS_WITH, "; ".join(texts), once=True)
            self._zone()
        absent = [reply._replace(refusal=None) if reply.status in (NOT_READY, 404) else reply for reply in replies]
        self.reach.note("call_transcripts", absent, [reply.value for _, reply in self.told])

    def _zone(self) -> None:
        """Compares the first line of a transcript with the time at which its leg was connected."""
        for leg, reply in self.told:
            lines = reply.value.get("lines")
            try:
                spoken, connected = (
                    datetime.fromisoformat(rfc3339_of(value) or "")
                    for value in (lines[0]["time"], leg["date_connected"])
                )
            except (IndexError, KeyError, *UNREADABLE):
                continue
            hours = round((spoken - connected).total_seconds() / 3600)
            carried = "carries a zone" if shape.kind(lines[0]["time"]).endswith(("Z", "hh:mm")) else "has no zone"
            seconds = abs((spoken - connected).total_seconds()) < 600  # noqa: PLR2004  # ten minutes
            text = "is that of the call in UTC" if seconds else f"is {hours:+} hours beside that of the call in UTC"
            self.answers.seen(ZONE, f"it {carried}, and {text}", once=True)
            return

    def recaps(self) -> None:
        """Asks for the recap of a leg that has a transcript."""
        replies: list[Reply] = []
        for leg, _ in self.told[:RECAPS]:
            reply = self.reach.ask(_leg_requester(), path=f"call/{quote(str(leg['call_id']), safe='')}/ai_recap")
            replies.append(reply)
            if reply.refusal is None and isinstance(reply.value, dict):
                summary = reply.value.get("summary")
                written = summary.get("format") if isinstance(summary, dict) else None
                known = shape.listed_values(schema_of("call_recaps")["properties"]["summary_format"])
                named = written if written in known else "not one of the documented ones"
                self.answers.seen(FORMAT, f"{named}; the summary is {shape.kind(summary)}", once=True)
                break
        absent = [reply._replace(refusal=None) if reply.status in (NOT_READY, 404) else reply for reply in replies]
        self.reach.note("call_recaps", absent, [reply.value for reply in replies if reply.refusal is None])

    def sessions(self) -> None:
        """Looks at the times of digital sessions."""
        member = self.reach.reports.get("digital_sessions", {}).get("members", {}).get("created_at", {})
        if kinds := [kind for kind in member.get("kinds", {}) if kind.startswith("a time")]:
            naive = sum(kind.endswith("no zone") for kind in kinds)
            text = f"{'no' if naive == len(kinds) else 'some do' if naive else 'yes'}: {'; '.join(kinds)}"
            self.answers.seen(SESSIONS, text, once=sum(member["kinds"].values()) == 1)


def _leg_requester() -> Mapping[str, Any]:
    requester: Mapping[str, Any] = resolved_manifest()["definitions"]["leg_requester"]
    return requester


def _target(leg: Mapping[str, Any]) -> Mapping[str, Any]:
    target = leg.get("target")
    return target if isinstance(target, dict) else {}


def _is_ready(leg: Mapping[str, Any]) -> bool:
    """Whether a leg was connected, for some time, and has ended long enough ago to have a transcript."""
    try:
        started, ended = (
            datetime.fromisoformat(rfc3339_of(leg[name]) or "") for name in ("date_connected", "date_ended")
        )
    except (KeyError, *UNREADABLE):
        return False
    return bool(leg.get("call_id")) and ended - started > timedelta(minutes=1) and ended < datetime.now(UTC) - READY
