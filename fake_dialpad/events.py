"""Events: the sending of call events to the webhooks that subscribe to them.

How an event is delivered stands in :mod:`fake_dialpad.deliveries`.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fake_dialpad.call_parts import Item, contact_item, group_id, numbered_party, recording_item
from fake_dialpad.deliveries import Delivery, post
from fake_dialpad.model import DAY, MINUTE, SECOND, Leg, Recording, Voicemail, day_of, midnight
from fake_dialpad.wire import Refused, Request, Response, answer, route, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.context import Context
    from fake_dialpad.subscriptions import Subscriptions

SEND: Final = schema(
    {
        "count": {"type": "integer", "minimum": 0},
        "from": {"type": "string"},
        "wait": {"type": "boolean"},
        "shuffle": {"type": "boolean"},
        "duplicates": {"type": "integer", "minimum": 0},
        "retry_scale": {"type": "number", "minimum": 0},
    }
)


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(400, f"from is not a date or date-time: {text}") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()) * SECOND


def _ms(us: int | None) -> int | None:
    return None if us is None else us // 1000


class Events:
    """What is sent to the webhooks of this account; `post` and `sleep` may be replaced in tests."""

    def __init__(self, context: Context, subscriptions: Subscriptions) -> None:
        self.context = context
        self.webhooks = subscriptions.webhooks
        self.subscriptions = subscriptions.of_kind["call"]
        self.post: Callable[[str, bytes, dict[str, str], float], int] = post
        self.sleep: Callable[[float], None] = time.sleep
        self.deliveries: list[Item] = []
        self.position: int | None = None
        self.control_routes = [
            route("POST", "/_fake/webhooks/send", self.send),
            route("GET", "/_fake/webhooks/deliveries", self.list_deliveries),
        ]

    # -- events ------------------------------------------------------------------------------------

    def events(self, leg: Leg, recordings: list[Recording], voicemail: Voicemail | None) -> list[Item]:
        """Return the events of a leg in the order in which they happen; each repeats the call as far as it is known."""
        moments: list[tuple[str, int]] = []
        if leg.direction == "outbound":
            moments.append(("calling", leg.at_us))
        elif leg.entry_call_id is None and leg.target.type != "user":
            moments.append(("preanswer", leg.at_us))
        if leg.queued_us is not None:
            moments.append(("queued", leg.queued_us))
        if leg.rang_us is not None:
            moments.append(("ringing", max(leg.rang_us, leg.at_us)))
        if leg.connected_us is not None:
            moments.append(("connected", leg.connected_us))
            if leg.hold_us:
                moments.append(("hold", (leg.connected_us + leg.ended_us - leg.hold_us) // 2))
        if leg.category == "missed":
            moments.append(("missed", leg.ended_us))
        if voicemail is not None:
            moments += [("voicemail", leg.ended_us), ("voicemail_uploaded", leg.ended_us + MINUTE)]
        moments.append(("hangup", leg.ended_us + 2 * SECOND))
        if recordings:
            moments.append(("recording", max(row.visible_us for row in recordings)))
        return [self._event(leg, state, at, recordings) for state, at in moments]

    def _event(self, leg: Leg, state: str, at_us: int, recordings: list[Recording]) -> Item:
        def known(us: int | None) -> int | None:
            return _ms(us) if us is not None and us <= at_us else None

        ended = at_us >= leg.ended_us
        talk = leg.ended_us - leg.connected_us - leg.hold_us if leg.connected_us is not None else 0
        urls = [row for row in recordings if row.visible_us <= at_us]
        return {
            "call_id": int(leg.call_id),
            "state": state,
            "direction": leg.direction,
            "event_timestamp": at_us // 1000,
            "date_started": leg.at_us // 1000,
            "date_first_rang": known(leg.first_rang_us),
            "date_queued": known(leg.queued_us),
            "date_rang": known(leg.rang_us),
            "date_connected": known(leg.connected_us),
            "date_ended": known(leg.ended_us),
            "duration": (leg.ended_us - leg.connected_us) / 1000
            if ended and leg.connected_us is not None
            else (0 if ended else None),
            "total_duration": (leg.ended_us - leg.at_us) / 1000 if ended else None,
            "talk_time": talk / 1000 if ended else 0,
            "hold_time": leg.hold_us / 1000 if ended else 0,
            "internal_number": leg.internal if leg.target.type == "user" else leg.internal.lstrip("+"),
            "external_number": leg.external,
            "contact": {**contact_item(leg), "id": int(leg.contact[0])},
            "target": numbered_party(leg.target),
            "proxy_target": numbered_party(leg.proxy),
            "entry_point_target": numbered_party(leg.entry_target),
            "entry_point_call_id": int(leg.entry_call_id) if leg.entry_call_id else None,
            "operator_call_id": int(leg.operator_call_id)
            if leg.operator_call_id and leg.connected_us and at_us >= leg.connected_us
            else None,
            "master_call_id": int(leg.master_id) if leg.master_id != leg.call_id else None,
            "group_id": group_id(leg),
            "is_transferred": bool(leg.transferred_to or leg.transferred_from),
            "was_recorded": leg.recorded and ended,
            "call_recording_ids": [int(row.id) for row in urls],
            "recording_details": [
                {
                    **recording_item(row, with_url=self.context.has_scope("recordings_export")),
                    "id": row.id,
                    "duration": row.duration_us // 1000,
                    "start_time": row.at_us // 1000,
                }
                for row in urls
            ],
            "voicemail_link": f"https://dialpad.com/voicemail/{leg.call_id}" if leg.voicemail and ended else None,
            "transcription_text": None,
            "labels": list(leg.labels),
            "mos_score": 4.41 if ended else None,
            "csat_score": None,
            "custom_data": None,
            "routing_breadcrumbs": [],
            "callback_requested": None,
            "target_availability_status": leg.availability,
        }

    def history(self, start_us: int) -> Iterator[Item]:
        """Yield the events that happened after an instant and up to now, oldest first, a day at a time."""
        now = self.context.now_us()
        day = max(day_of(start_us), self.context.world.first_day)
        while day <= day_of(now):
            after, until = max(start_us, midnight(day) - 1), min(now, midnight(day) + DAY - 1)
            events = (*self._events_of(day - timedelta(days=1)), *self._events_of(day))
            yield from sorted(
                (event for event in events if after < event["event_timestamp"] * 1000 <= until),
                key=lambda event: int(event["event_timestamp"]),
            )
            day += timedelta(days=1)

    def _events_of(self, day: date) -> Iterator[Item]:
        calls = self.context.world.calls(day)
        recordings: dict[str, list[Recording]] = {}
        for row in calls.recordings.rows:
            recordings.setdefault(row.leg.call_id, []).append(row)
        voicemails = {row.leg.call_id: row for row in calls.voicemails.rows}
        for leg in calls.legs.rows:
            yield from self.events(leg, recordings.get(leg.call_id, []), voicemails.get(leg.call_id))

    def send(self, request: Request) -> Response:
        """Send the next `count` events to the webhooks that subscribe to them, oldest first, and say how it went.

        The first time they begin at yesterday's midnight, or at `from` (a date or date-time, UTC unless it has an
        offset); each further call goes on where the last ended.
        `wait` (default true) answers when all are delivered or given up; `shuffle` sends them in no order; `duplicates`
        sends so many of them twice; `retry_scale` shortens the waits between attempts.
        """
        asked = request.valid(SEND) if request.body else {}
        if "from" in asked:
            self.position = _instant(asked["from"]) - 1
        if self.position is None:
            self.position = midnight(day_of(self.context.now_us()) - timedelta(days=1)) - 1
        chosen: list[Item] = []
        for event in self.history(self.position):
            if len(chosen) >= asked.get("count", 10):
                break
            chosen.append(event)
        if chosen:
            self.position = max(event["event_timestamp"] for event in chosen) * 1000
        order = random.Random(len(self.deliveries))
        chosen += chosen[: asked.get("duplicates", 0)]
        if asked.get("shuffle"):
            order.shuffle(chosen)
        scale = float(asked.get("retry_scale", 1.0))
        planned = [(webhook, event) for event in chosen for webhook in self._receivers(event)]

        def deliver() -> Response:
            deliveries = [self._deliver(webhook, event, scale) for webhook, event in planned]
            return answer(
                {
                    "events": len(chosen),
                    "sent": len(deliveries),
                    "delivered": sum(one["delivered"] for one in deliveries),
                }
            )

        if asked.get("wait", True):
            return Response(work=deliver)
        self.context.background(deliver)
        return answer({"events": len(chosen), "sent": len(planned)})

    def _receivers(self, event: Item) -> Iterator[Item]:
        for one in self.subscriptions.values():
            states = one["call_states"]
            if not one["enabled"] or not ("all" in states or event["state"] in states):
                continue
            if one["group_calls_only"] and event["group_id"] is None:
                continue
            parties = {str(event[name].get("id")) for name in ("target", "entry_point_target")}
            if "target_id" in one and one["target_id"] not in parties:
                continue
            yield self.webhooks[one["endpoint_id"]]

    def _deliver(self, webhook: Item, event: Item, scale: float) -> Item:
        delivery = Delivery("call", event, webhook["hook_url"], webhook.get("signature", {}).get("secret"))
        while (wait := delivery.attempt(self.post)) is not None:
            self.sleep(wait * scale)
        report = delivery.report()
        self.deliveries.append(report)
        return report

    def list_deliveries(self, _: Request) -> Response:
        """Answer what became of every event sent so far."""
        return answer({"deliveries": self.deliveries})
