"""Conversations: concluded calls and digital sessions.

What it keeps to (API specification): only calls that have ended are listed, newest first, between two exclusive bounds;
digital sessions come in windows under 7 days; fields that are null are left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.call_parts import Item, contact_item, group_id, party_item, recording_item
from fake_dialpad.model import SECOND, Leg, Recording, Session, call_day, day_of, midnight
from fake_dialpad.paging import PAGE, Pages, cursor_of, place_of
from fake_dialpad.records import TABLES, rows_on
from fake_dialpad.stats import TARGET_TYPES
from fake_dialpad.wire import Refused, Request, Response, Window, answer, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_dialpad.context import Context

#: Sessions on a page; the specification says nothing of it.
SESSIONS_PAGE: Final = 50


def _bound(query: dict[str, str], name: str, absent: int) -> int:
    try:
        return int(query.get(name, absent))
    except ValueError as error:
        raise Refused(400, f"Invalid value for {name}: {query[name]}") from error


def _text(us: int | None) -> str | None:
    return None if us is None else str(us // 1000)


class Conversations:
    """The list of concluded calls and that of digital sessions."""

    def __init__(self, context: Context, pages: Pages) -> None:
        self.context = context
        self.pages = pages
        self._session_window = Window(100, 60)
        self.routes = [
            route("GET", "/api/v2/call", self.calls, scope="calls:list", admin=True),
            route("GET", "/api/v2/digital/sessionsdata", self.digital_sessions, scope="digital_sessions"),
        ]

    # -- the list of calls -------------------------------------------------------------------------

    def calls(self, request: Request) -> Response:
        """Answer concluded calls, newest first."""
        query = request.parameters
        wanted = self._wanted(query)
        size = self.pages.size(request) if "limit" in query else PAGE
        before = (1 << 62, "")
        if query.get("cursor"):
            ms, _, key = place_of(query["cursor"]).partition(":")
            before = (int(ms), key)
        after = _bound(query, "started_after", -1)
        until = min(_bound(query, "started_before", 1 << 62), before[0] + 1)
        legs: list[Leg] = []
        for leg in self.concluded(after, until):
            if (leg.at_us // 1000, leg.call_id) < before and wanted(leg):
                legs.append(leg)
                if len(legs) > size:
                    break
        value: Item = {"items": [self.call_item(leg) for leg in legs[:size]]}
        if len(legs) > size:
            last = legs[size - 1]
            value["cursor"] = cursor_of(f"{last.at_us // 1000}:{last.call_id}")
        elif not legs:
            value = {"items": None, "cursor": ""}
        return answer(value)

    def _wanted(self, query: dict[str, str]) -> Callable[[Leg], bool]:
        """Return what says whether a leg is of the target asked for and may be shown."""
        if ("target_id" in query) != ("target_type" in query):
            raise Refused(400, "target_id and target_type must be given together")
        if query.get("target_type", TARGET_TYPES[0]) not in (*TARGET_TYPES, "callrouter", "channel"):
            raise Refused(400, f"Invalid value for target_type: {query['target_type']}")
        target = query.get("target_id")
        erased_too = query.get("include_anonymized", "").lower() == "true"
        now = self.context.now_us()
        return lambda leg: (
            (target is None or target in leg.targets)
            and (erased_too or leg.anonymized_us is None or leg.anonymized_us > now)
        )

    def concluded(self, after_ms: int, before_ms: int) -> Iterator[Leg]:
        """Yield the legs that started between two exclusive instants and have ended, newest first."""
        now = self.context.now_us()
        day = day_of(min(now, max(0, before_ms) * 1000))
        while day >= self.context.world.first_day and midnight(day + timedelta(days=1)) > after_ms * 1000:
            legs = [
                leg
                for leg in rows_on(self.context.world, TABLES["calls"], day)
                if leg.ended_us <= now and after_ms < leg.at_us // 1000 < before_ms
            ]
            yield from sorted(legs, key=lambda leg: (leg.at_us // 1000, leg.call_id), reverse=True)
            day -= timedelta(days=1)

    def call_item(self, leg: Leg) -> Item:
        """Return a concluded leg as the list gives it: int64 as text, null members left out."""
        now = self.context.now_us()
        erased = leg.anonymized_us is not None and leg.anonymized_us <= now
        recordings = [] if erased else [row for row in self._recordings(leg) if row.visible_us <= now]
        item: Item = {
            "call_id": leg.call_id,
            "contact": None if erased else contact_item(leg),
            "target": party_item(leg.target),
            "proxy_target": party_item(leg.proxy),
            "entry_point_target": party_item(leg.entry_target),
            "entry_point_call_id": leg.entry_call_id,
            "operator_call_id": leg.operator_call_id,
            "master_call_id": leg.master_id,
            "date_started": _text(leg.at_us),
            "date_rang": _text(leg.rang_us),
            "date_connected": _text(leg.connected_us),
            "date_ended": _text(leg.ended_us),
            "event_timestamp": _text(leg.ended_us),
            "direction": leg.direction,
            "duration": (leg.ended_us - leg.connected_us) / 1000 if leg.connected_us is not None else None,
            "total_duration": (leg.ended_us - leg.at_us) / 1000,
            "external_number": None if erased else leg.external,
            "internal_number": leg.internal,
            "group_id": group_id(leg),
            "is_transferred": bool(leg.transferred_to or leg.transferred_from),
            "labels": list(leg.labels),
            "mos_score": 4.41 if leg.connected_us is not None else None,
            "csat_score": next((row.response for row in self._answers(leg) if row.visible_us <= now), None),
            "recording_details": [
                recording_item(row, with_url=self.context.has_scope("recordings_export")) for row in recordings
            ],
            "call_recording_share_links": [f"https://dialpad.com/shared/call/{row.id}" for row in recordings],
            "routing_breadcrumbs": [],
            "state": "hangup",
            "was_recorded": leg.recorded,
            "voicemail_share_link": f"https://dialpad.com/shared/voicemail/{leg.call_id}"
            if leg.voicemail and not erased
            else None,
        }
        return {name: value for name, value in item.items() if value is not None}

    def _recordings(self, leg: Leg) -> list[Recording]:
        return (
            [row for row in self.context.world.calls(call_day(leg.master_id)).recordings.rows if row.leg is leg]
            if leg.recorded
            else []
        )

    def _answers(self, leg: Leg) -> list[Any]:
        if leg.entry_call_id is not None or leg.connected_us is None:
            return []
        return [
            row
            for row in self.context.world.calls(call_day(leg.master_id)).answers.rows
            if row.entry is leg and row.response.isdigit()
        ]

    # -- digital sessions --------------------------------------------------------------------------

    def digital_sessions(self, request: Request) -> Response:
        """Answer the sessions that started or ended in a period of less than 7 days."""
        now = self.context.server_now()
        if self.context.limited and not self._session_window.admits(now):
            raise self.context.too_many("Rate limit exceeded", self._session_window.wait(now))
        query = request.parameters
        moments = []
        for name in ("start_date", "end_date"):
            try:
                moment = datetime.fromisoformat(query.get(name, ""))
            except ValueError as error:
                raise Refused(400, f"{name} must be an RFC 3339 date-time") from error
            if moment.tzinfo is None:
                raise Refused(400, f"{name} must have Z or an offset")
            moments.append(moment)
        start, end = moments
        if end < start:
            raise Refused(400, "end_date is before start_date")
        if end - start >= timedelta(days=7):
            raise Refused(400, "The period must be less than 7 days")
        if ("target_id" in query) != ("target_type" in query):
            raise Refused(400, "target_id and target_type must be given together")
        rows = [
            row
            for row in self.sessions(int(start.timestamp() * SECOND), int(end.timestamp() * SECOND))
            if "target_id" not in query or query["target_id"] in (row.group.id, row.group.office_id)
        ]
        return self.pages.page(request, [self.session_item(row) for row in rows], usual=SESSIONS_PAGE)

    def sessions(self, start_us: int, end_us: int) -> list[Session]:
        """Return the sessions that started or ended between two instants (the end not included) and exist now."""
        world, now = self.context.world, self.context.now_us()
        rows: list[Session] = []
        day = max(day_of(start_us) - timedelta(days=2), world.first_day)
        while day <= day_of(min(end_us, now)):
            for row in world.digital(day).sessions.rows:
                ended = row.ended_us <= now and start_us <= row.ended_us < end_us
                if row.visible_us <= now and (start_us <= row.at_us < end_us or ended):
                    rows.append(row)
            day += timedelta(days=1)
        return rows

    def session_item(self, row: Session) -> Item:
        """Return a session as the API gives it now: without what is null, three durations as text."""
        ended = row.ended_us <= self.context.now_us()
        agent, group, office = row.agent, row.group, self.context.world.parties[row.group.office_id]
        item: dict[str, Any] = {
            "session_id": row.session,
            "customer_session_id": row.customer_session,
            "agent_group_id": [group.id] if agent else None,
            "agent_group_name": [group.name] if agent else None,
            "agent_handled": row.agent_handled,
            "agent_message_count": row.agent_messages,
            "agent_transfer": row.transferred,
            "aicsat_score": 3.5 if ended and agent else None,
            "skill": "general" if agent else None,
            "queued_status": "queued" if agent else None,
            "bot_time": str(row.bot_ms),
            "cause": "customer_left" if ended else None,
            "chat_type": row.chat_type,
            "created_at": self._moment(row.at_us),
            "ended_at": self._moment(row.ended_us) if ended else None,
            "customer": row.customer,
            "customer_channel_info": row.customer,
            "customer_csat_score": row.score if ended else None,
            "direction": "inbound",
            "disposition": ["Resolved" if row.wrapup_seconds % 5 else "Call back, later"] if ended and agent else None,
            "duration": (row.ended_us - row.at_us) // 1000 if ended else None,
            "office": {"id": office.id, "name": office.name},
            "queue_time": str(row.queue_ms),
            "session_account": {"id": group.id, "name": group.name, "phone": group.phone},
            "session_channel": row.channel,
            "survey_status": ("sent" if row.score is None else "answered") if row.surveyed and ended else None,
            "target": {"id": group.id, "name": group.name, "type": "callcenter"},
            "user": {"id": agent.id, "display_name": agent.name, "primary_email": agent.email} if agent else None,
            "wrap_up_time": str(row.wrapup_seconds),
        }
        return {name: value for name, value in item.items() if value is not None}

    def _moment(self, us: int) -> str:
        moment = datetime.fromtimestamp(us // SECOND, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}" + ("Z" if self.context.variants["session_times"] == "zone" else "")
