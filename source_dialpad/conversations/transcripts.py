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
from itertools import count
from typing import Any, Final
from urllib.parse import quote

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.errors import snippet, system_error
from source_dialpad.identity import IDENTITIES
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.sync.windows import DAY
from source_dialpad.transport.declared import MAX_ITEMS, listed
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.times import milliseconds, rfc3339
from source_dialpad.transport.types import text

logger = logging.getLogger("airbyte")

Row = dict[str, Any]

NOT_READY: Final = 400
ABSENT: Final = 404
MEMBERS: Final = ("position", "time", "type", "name", "content", "user_id", "contact_id")
"""The members of a line, each of which every line has, null where the API gives none."""


@dataclass
class TranscriptsRetriever(SliceRetriever):
    """The stream `call_transcripts`: the legs of a window are listed, and each that was connected is asked for.

    `requester` lists the legs; `leg_requester` asks for what belongs to one of them.
    """

    leg_requester: Requester | None = None

    def __post_init__(self) -> None:
        """Counts the windows, so that the transcripts that are not ready are logged once, after the last one."""
        super().__post_init__()
        self.ask_leg = JsonCalls(self.leg_requester)  # type: ignore[arg-type]  # the manifest names one
        self._identity = IDENTITIES[self.config["dialpad"]["speaker_identity"]]
        self._reread = timedelta(days=self.config["lookback_days"]) + DAY
        self._not_ready: list[bool] = []
        self._planned: list[StreamSlice] = []
        self._ended = count(1)
        self.prepare_slices(self.prepared)

    def prepared(self, slices: Iterable[StreamSlice]) -> Iterable[StreamSlice]:
        """The slices, of which it is now known how many there are."""
        self._planned = list(slices)
        return self._planned

    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[Row]:
        """The transcripts of the slice's window."""
        start, end = (datetime.fromisoformat(stream_slice.cursor_slice[edge]) for edge in ("start_time", "end_time"))
        yield from self.transcripts(start, end, context)
        if next(self._ended) == len(self._planned):
            self.log_not_ready()

    def transcripts(self, start: datetime, end: datetime, context: str) -> Iterator[Row]:
        """The transcripts of the connected legs that began in a window, newest first, a page of legs at a time."""
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
                raise system_error(
                    f"{context}: a call came without its call_id, so its transcript cannot be asked for."
                )
            call_id = text(leg["call_id"])
            answer = self.ask_leg(
                f"{context}, call {call_id}", path=f"transcripts/{quote(call_id, safe='')}", accept=(NOT_READY, ABSENT)
            )
            if answer.status == NOT_READY:
                self._not_ready.append(end > datetime.now(UTC) - self._reread)
            elif answer.status != ABSENT:
                target = leg.get("target")
                yield {
                    "date_started": leg.get("date_started") or rfc3339(start),
                    "target_id": target.get("id") if isinstance(target, dict) else None,
                    **self._transcript(answer.value, answer.content, f"{context}, call {call_id}"),
                    "call_id": call_id,
                }

    def _transcript(self, transcript: Any, content: bytes, context: str) -> Row:
        """The columns of a transcript."""
        lines = transcript.get("lines") or [] if isinstance(transcript, dict) and "call_id" in transcript else None
        if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
            raise system_error(f"{context}: Dialpad answered with another shape than a transcript: {snippet(content)}.")
        if self._identity:
            lines = [
                {**line, "name": self._identity(text(line["name"]))} if line.get("name") else line for line in lines
            ]
        spoken = [line for line in lines if line.get("type") == "transcript" and line.get("content")]
        moments = Counter(text(line.get("content")) for line in lines if line.get("type") != "transcript")
        return {
            **transcript,
            "line_count": len(lines),
            "text": "\n".join(
                ": ".join(text(line[name]) for name in ("name", "content") if line.get(name)) for line in spoken
            ),
            "lines": [{**dict.fromkeys(MEMBERS), **line, "position": place} for place, line in enumerate(lines, 1)],
            "moments": dict(moments),
        }

    def log_not_ready(self) -> None:
        """Logs how many transcripts were refused as not ready, if any were."""
        if self._not_ready:
            total, again = len(self._not_ready), sum(self._not_ready)
            told = (
                "%s: %d transcripts are not ready yet (400); the look-back of the next sync asks for %d of them again."
            )
            logger.info(told, self.name, total, again)
