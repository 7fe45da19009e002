"""What event_receiver kept: the members of each kind of events, of which two are published nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from doctor.doubts import Answers, Doubt
from doctor.finding import Cost
from doctor.reach import declared_streams
from source_dialpad.transport.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from doctor.finding import Finding
    from doctor.reach import Reach

NEWEST: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))  # how far back, until something comes
ROWS: Final = 50
PAYLOAD: Final = {kind: f"what an event of {kind} holds" for kind in ("channel", "fax")}
DOUBTS: Final = {
    question: Doubt("It passes the payload on, whole in `event` too.", f"an event of {kind} of the last 30 days")
    for kind, question in PAYLOAD.items()
}


def cost(config: Mapping[str, Any]) -> Cost:
    """A few requests a kind."""
    return Cost(7 * len(NEWEST), 0, 2.0) if "event_receiver" in config else Cost()


def findings(reach: Reach) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`; the reports of the streams of events beside."""
    answers = Answers("events", DOUBTS)
    for name, stream in declared_streams().items():
        if stream["section"] == "event_receiver":
            kind = stream.get("kind") or stream["retriever"].get("kind", "call")
            rows = _newest(reach, name, kind)
            if rows and kind in PAYLOAD:
                members = reach.reports[name]["columns_seen"]
                answers.seen(PAYLOAD[kind], f"{members} members, named in doctor.json", once=len(rows) == 1)
    return iter(answers)


def _newest(reach: Reach, stream: str, kind: str) -> list[dict[str, Any]]:
    """The payloads of some events of a kind, of the shortest time back that has any."""
    replies, rows = [], list[dict[str, Any]]()
    for back in NEWEST:
        since = rfc3339(datetime.now(UTC) - back)
        params = {"received_after": since, "limit": ROWS, **({} if kind == "call" else {"kind": kind})}
        replies.append(reply := reach.ask("event_receiver_requester", params=params))
        items = reply.value.get("items") if reply.refusal is None and isinstance(reply.value, dict) else None
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and isinstance(item.get("event"), dict):
                rows.append(item["event"])
        if rows or reply.refusal is not None:
            break
    reach.note(stream, replies, rows)
    return rows
