"""Transcripts of calls and their AI recaps.

What it keeps to (API specification, and what real transcripts look like): `time` is UTC without a zone and ascends, a
line has exactly one of `user_id` and `contact_id`, all ids are text, the content of a moment is its name, and lines may
repeat. A call without a transcript is 404; between the end of a call and its transcript the answer is 400. A recap
wants the scope `ai_recap`, one request in 5 seconds, and is 404 where the transcript has no moment
`whole_call_summary`, and for a few where it has.
Times of being ready and the share of calls with AI are invented.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.dialogue import Story, dialogue, story
from fake_dialpad.model import DAY, MINUTE, SECOND, Leg, call_day
from fake_dialpad.wire import Refused, Request, Response, Window, answer, route

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from fake_dialpad.context import Context

Item = dict[str, Any]
SHORTEST: Final = 15 * SECOND  # no transcript of a call that was shorter
DRAWN: Final = 1000  # so many transcripts are kept; one that was dropped is drawn again, the same
MOST_SPOKEN: Final = 280
FORMATS: Final = ("short", "medium", "long", "bullet")
MODELS: Final = ("dialpad-gpt-2", "dialpad-gpt-3")
SUMMARY: Final = "whole_call_summary"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript; a moment's content is its name."""

    at_us: int
    type: str
    content: str
    by_agent: bool


@dataclass(frozen=True, slots=True)
class Transcript:
    """The transcript of one leg, there from `ready_us` on; `recap_us` is None where there is no recap."""

    leg: Leg
    story: Story
    lines: tuple[Line, ...]
    ready_us: int
    recap_us: int | None


class Transcripts:
    """The routes of transcripts and recaps."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._drawn: dict[str, Transcript | None] = {}
        self._recaps = Window(1, 4.9)  # one in 5 seconds, with a little for jitter on the way
        self.routes = [
            route("GET", "/api/v2/transcripts/{call_id}", self.transcript),
            route("GET", "/api/v2/call/{call_id}/ai_recap", self.recap, scope="ai_recap"),
        ]

    # -- routes ------------------------------------------------------------------------------------

    def transcript(self, _: Request, call_id: str) -> Response:
        """Answer the transcript of a leg."""
        transcript = self.of(self._leg(call_id))
        if transcript is None:
            raise Refused(404, f"Transcript for call {call_id} not found")
        if transcript.ready_us > self.context.now_us():
            raise Refused(400, f"Transcript for call {call_id} is not ready")
        return answer(self.item(transcript))

    def recap(self, request: Request, call_id: str) -> Response:
        """Answer the recap of a leg, its summary in the format asked for (default: medium)."""
        now = self.context.server_now()
        if self.context.limited and not self._recaps.admits(now):
            raise self.context.too_many("Rate limit exceeded: 12 requests per minute", self._recaps.wait(now))
        wanted = request.parameters.get("summary_format", "medium")
        if wanted not in FORMATS:
            raise Refused(400, f"Invalid value for summary_format: {wanted}")
        transcript = self.of(self._leg(call_id))
        if transcript is None or transcript.recap_us is None or transcript.recap_us > self.context.now_us():
            raise Refused(404, f"AI recap for call {call_id} not found")
        return answer(self.recap_item(transcript, transcript.recap_us, wanted))

    def _leg(self, call_id: str) -> Leg | None:
        try:
            day = call_day(call_id)
        except (ValueError, OverflowError):
            return None
        if not self.context.world.first_day <= day <= self.context.today():
            return None
        return next((leg for leg in self.context.world.calls(day).legs.rows if leg.call_id == call_id), None)

    # -- what there is -----------------------------------------------------------------------------

    def of(self, leg: Leg | None) -> Transcript | None:
        """Return the transcript of a leg that has ended; None where there never is one, or none any more."""
        now = self.context.now_us()
        if leg is None or leg.connected_us is None or leg.ended_us > now:
            return None
        if leg.anonymized_us is not None and leg.anonymized_us <= now:
            return None
        if leg.ended_us - leg.connected_us < SHORTEST:
            return None
        if leg.target.type != "user" and self.context.variants["transcript_legs"] == "operators":
            return None
        if leg.call_id not in self._drawn:
            if len(self._drawn) >= DRAWN:
                self._drawn.clear()
            self._drawn[leg.call_id] = self._draw(leg, leg.connected_us)
        return self._drawn[leg.call_id]

    def _draw(self, leg: Leg, connected_us: int) -> Transcript | None:
        rng = self.context.world.rng(f"transcript:{leg.call_id}")
        if rng.random() < 0.07:  # the agent had switched the AI off
            return None
        ready = leg.ended_us + MINUTE + int(rng.random() * 11 * MINUTE)
        summarized = leg.ended_us - connected_us > 30 * SECOND and rng.random() < 0.97
        recap = ready + int((20 + rng.random() * 70) * SECOND) if summarized and rng.random() < 0.99 else None
        agent = leg.operator or leg.target
        call = story(rng, agent.name, leg.contact[1], self._disposition(leg))
        lines = _lines(rng, leg, connected_us, call, summarized=summarized)
        return Transcript(leg, call, lines, ready, recap)

    def _disposition(self, leg: Leg) -> str:
        rows = self.context.world.calls(call_day(leg.call_id)).dispositions.rows
        return next((row.value for row in rows if row.leg is leg), "")

    def existing(self, legs: Iterable[Leg]) -> Iterator[Transcript]:
        """Yield the transcripts of legs that are ready now."""
        now = self.context.now_us()
        for leg in legs:
            transcript = self.of(leg)
            if transcript is not None and transcript.ready_us <= now:
                yield transcript

    # -- how it is written -------------------------------------------------------------------------

    def item(self, transcript: Transcript) -> Item:
        """Return a transcript as the API gives it."""
        leg = transcript.leg
        agent = leg.operator or leg.target
        users = {"user_id": agent.id}, {"user_id" if leg.internal_call else "contact_id": leg.contact[0]}
        names = agent.name, leg.contact[1]
        lines = [
            {
                "time": _naive(line.at_us),
                "type": line.type,
                "name": names[not line.by_agent],
                "content": line.content,
                **users[not line.by_agent],
            }
            for line in transcript.lines
        ]
        return {"call_id": leg.call_id, "lines": lines}

    def recap_item(self, transcript: Transcript, recap_us: int, summary_format: str = "medium") -> Item:
        """Return a recap as the API gives it; one in twenty is edited by hand later, which changes its summary."""
        leg, call = transcript.leg, transcript.story
        rng = self.context.world.rng(f"recap:{leg.call_id}")
        model, short_key = rng.choice(MODELS), f"{rng.getrandbits(40):010x}"
        edited_us = recap_us + int(rng.random() * 2 * DAY) if rng.random() < 0.05 else None
        edited = edited_us is not None and edited_us <= self.context.now_us()
        text = _summary(call, summary_format) + (" (checked by the agent)" if edited else "")

        def part(kind: str, content: str, **more: Any) -> Item:
            key = {"id": f"{kind}-{leg.call_id}", "target_short_key": short_key}
            return {**key, "content": content, "edited": False, "format": "text", **more}

        tasks = call.topic.tasks if not call.solved else call.topic.tasks[:1]
        item: Item = {
            "call_id": leg.call_id,
            "date_created": str(recap_us // 1000),
            "date_modified": str((edited_us if edited and edited_us is not None else recap_us) // 1000),
            "is_internal_call": leg.internal_call,
            "source": model,
            "summary": part("summary", text, edited=edited, format=summary_format),
            "action_items": [part(f"action{i}", call.with_details(task)) for i, task in enumerate(tasks, 1)],
            "purposes": [part("purpose", call.topic.purpose, category=call.topic.category)],
        }
        if call.disposition:
            item["disposition"] = part("disposition", call.disposition.replace("~", ": "))
        return item


def _summary(call: Story, summary_format: str) -> str:
    topic = call.topic
    outcome = call.with_details((topic.solved if call.solved else topic.open_end)[1])
    why = f"{call.customer} called about: {topic.purpose.lower()}."
    state = "The matter was settled in the call." if call.solved else "The matter is still open."
    tasks = [call.with_details(task) for task in topic.tasks]
    if summary_format == "short":
        return outcome
    if summary_format == "bullet":
        return "\n".join(f"- {line}" for line in (why, outcome, state))
    if summary_format == "long":
        return f"{why} {outcome} {state} Agreed next steps: {'; '.join(tasks)}."
    return f"{why} {outcome} {state}"


def _naive(us: int) -> str:
    second, micro = divmod(us, SECOND)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{micro:06d}"


def _lines(rng: random.Random, leg: Leg, connected_us: int, call: Story, *, summarized: bool) -> tuple[Line, ...]:
    """Return the lines of a call: the first some seconds after it began, the last shortly before its end."""
    length = leg.ended_us - connected_us
    spoken = dialogue(rng, call, max(4, min(MOST_SPOKEN, length // int(3.4 * SECOND))))
    first = min(int((4 + rng.random() * 8) * SECOND), length // 4)
    step = (length - first) / (len(spoken) + 1)
    lines: list[Line] = []
    for place, (by_agent, text) in enumerate(spoken):
        at = connected_us + first + int((place + rng.random() * 0.8) * step)
        lines.append(Line(at, "transcript", text, by_agent))
        for kind, name in _moments(rng, text, place):
            lines.append(Line(at, kind, name, by_agent))
    end = lines[-1].at_us
    last = ["call_disposition"] if call.disposition else []
    last += ["support_issue_resolved"] if call.solved and call.topic.category == "Technical support" else []
    last += ["ai_scorecard_llm_v2", rng.choice(["ai_scorecard_llm_v2_no", "ai_scorecard_llm_v2_na"])]
    last += [SUMMARY] if summarized else []
    return (*lines, *(Line(end, "moment", name, by_agent=True) for name in last))


#: Name of a moment: the words that set it off.
_TRIGGERS: Final = {
    "question": re.compile(r"\?$"),
    "ner": re.compile(r"\d|order|number|name|address|monday|october|newsletter", re.IGNORECASE),
    "currency": re.compile(r"\$"),
    "positive_sentiment": re.compile("thank|great|helpful|perfect|good to know|fair", re.IGNORECASE),
    "negative_sentiment": re.compile("sorry|disappointed|annoying|can't|drops|dead|nobody", re.IGNORECASE),
    "action_item_v2": re.compile("^i will|i have just", re.IGNORECASE),
}


def _moments(rng: random.Random, text: str, place: int) -> list[tuple[str, str]]:
    """Return the type and name of the moments that a spoken line sets off; named entities may do it twice."""
    names = [name for name, words in _TRIGGERS.items() if words.search(text)]
    if "ner" in names and rng.random() < 0.15:
        names.append("ner")
    if place == 1:
        names.append("call_purpose")
    if len(text) > 140 and rng.random() < 0.3:
        names.append("monologuing")
    moments = [("moment", name) for name in names]
    if "competitor" in text:
        moments.append(("custom_moment", "Competitor mentioned"))
    if "disappointed" in text:
        moments.append(("real_time_moment", "Unhappy customer"))
    return moments
