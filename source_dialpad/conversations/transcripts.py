"""Transcripts: what was said on each connected leg of a window, a request a leg.

spec, and the form of real transcripts: 404 where a leg has none, 400 until it is ready; `time` is UTC without a zone; a
line may repeat in everything, so its position tells it apart; a line of another type than `transcript` is a moment, and
its content the moment's name.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.errors import counted, snippet, system_error
from source_dialpad.identity import IDENTITIES
from source_dialpad.sync.batches import Row
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.sync.windows import DAY
from source_dialpad.transport.declared import MAX_ITEMS, listed
from source_dialpad.transport.requester import Answer, JsonCalls
from source_dialpad.transport.times import milliseconds, rfc3339
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

NOT_READY: Final = 400
ABSENT: Final = 404
MEMBERS: Final = ("position", "time", "type", "name", "content", "user_id", "contact_id")  # of every line, null or not


@dataclass
class TranscriptsRetriever(SliceRetriever):
    """The stream `call_transcripts`: the legs of a window are listed, and each that was connected is asked for.

    `requester` lists the legs; `leg_requester` asks for what belongs to one of them.
    """

    leg_requester: Requester

    def __post_init__(self) -> None:
        super().__post_init__()
        self._ask_leg = JsonCalls(self.leg_requester)
        self._identity = IDENTITIES[self.config["dialpad"]["speaker_identity"]]

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Row]:
        """The transcripts of the slice's window."""
        start, end = (datetime.fromisoformat(stream_slice.cursor_slice[edge]) for edge in ("start_time", "end_time"))
        return self.transcripts(start, end, context)

    def transcripts(self, start: datetime, end: datetime, context: str) -> Iterator[Row]:
        """The transcripts of the connected legs that began in a window, newest first, a page of legs at a time."""
        not_ready = 0
        params = {
            "started_after": milliseconds(start) - 1,  # spec: "more recently than" and "prior to"
            "started_before": milliseconds(end),
            "include_anonymized": "true",
            "limit": MAX_ITEMS,
        }
        for leg in listed(self.ask, context, path="call", params=params):
            if not leg.get("date_connected"):
                continue
            if not leg.get("call_id"):
                raise system_error(f"{context}: a call came without its call_id; its transcript cannot be asked for.")
            call_id = text(leg["call_id"])
            call, path = f"{context}, call {call_id}", f"transcripts/{quote(call_id, safe='')}"
            answer = self._ask_leg(call, path=path, accept=(NOT_READY, ABSENT))
            not_ready += answer.status == NOT_READY
            if answer.status not in (NOT_READY, ABSENT):
                target = leg.get("target")
                yield {
                    "date_started": leg.get("date_started") or rfc3339(start),
                    "target_id": target.get("id") if isinstance(target, dict) else None,
                    **self._transcript(answer, call),
                    "call_id": call_id,
                }
        if not_ready:
            looks_back = end > datetime.now(UTC) - timedelta(days=self.config["lookback_days"]) - DAY
            message = "%s: %s not ready yet (400); the look-back of the next sync %s for them again."
            logger.info(message, context, counted(not_ready, "transcript"), "asks" if looks_back else "does not ask")

    def _transcript(self, answer: Answer, context: str) -> Row:
        transcript = answer.value
        lines = transcript.get("lines") or [] if isinstance(transcript, dict) and "call_id" in transcript else None
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            seen = snippet(answer.content)
            raise system_error(f"{context}: Dialpad answered with another shape than a transcript: {seen}.")
        for position, line in enumerate(lines, 1):
            line["position"] = position
            if self._identity and line.get("name"):
                line["name"] = self._identity(text(line["name"]))
        spoken = [line for line in lines if line.get("type") == "transcript" and line.get("content")]
        moments = Counter(text(line.get("content")) for line in lines if line.get("type") != "transcript")
        return {
            **transcript,
            "line_count": len(lines),
            "text": "\n".join(
                ": ".join(text(line[name]) for name in ("name", "content") if line.get(name)) for line in spoken
            ),
            "lines": [{**dict.fromkeys(MEMBERS), **line} for line in lines],
            "moments": dict(moments),
        }
