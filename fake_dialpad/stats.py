"""The Stats API: `POST /api/v2/stats`, `GET /api/v2/stats/{id}`, then a plain download of a CSV.

What it keeps to (Stats API page): both ends of a range of days are in it, days are those of the requested timezone at
the moment of the POST, identical requests are answered from a cache for 3 hours (history) or 30 minutes (today) and
still count against 200 POSTs an hour, csat and dispositions want a target, group figures want an office.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from fake_dialpad.wire import Refused, Request, Response, Window, answer, route, schema
from fake_dialpad.world import (
    COMPANY_ID,
    DAY,
    MINUTE,
    SECOND,
    Day,
    Disposition,
    DutyChange,
    Event,
    Leg,
    Party,
    Recording,
    ScreenShare,
    SurveyAnswer,
    Text,
    Voicemail,
    World,
    day_of,
)

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad

HISTORY_CACHE: Final = 3 * 3600
TODAY_CACHE: Final = 30 * 60
RENDERED_BYTES: Final = 96_000_000
TARGET_TYPES: Final = (
    "callcenter", "coachinggroup", "coachingteam", "department", "office", "room", "staffgroup", "unknown", "user",
)  # fmt: skip
STAT_TYPES: Final = ("calls", "csat", "dispositions", "onduty", "recordings", "screenshare", "texts", "voicemails")
INT64: Final = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+$"}]}
DAYS_AGO: Final = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+$"}]}
BODY: Final = schema(
    {
        "export_type": {"enum": ["records", "stats"]},
        "stat_type": {"enum": list(STAT_TYPES)},
        "days_ago_start": DAYS_AGO,
        "days_ago_end": DAYS_AGO,
        "is_today": {"type": "boolean"},
        "group_by": {"enum": ["date", "group", "user"]},
        "office_id": INT64,
        "target_id": INT64,
        "target_type": {"enum": list(TARGET_TYPES)},
        "coaching_group": {"type": "boolean"},
        "coaching_team": {"type": "boolean"},
        "timezone": {"type": "string"},
    },
    required=("export_type", "stat_type"),
)


class LocalTime:
    """Writes instants as naive local times of one zone, quickly: the minute's text is kept."""

    def __init__(self, timezone: str) -> None:
        self.timezone = timezone
        self.zone = ZoneInfo(timezone)
        self._minutes: dict[int, str] = {}

    def text(self, instant_us: int | None, *, fraction: bool = True) -> str:
        """Return `YYYY-MM-DD HH:MM:SS` with or without `.ffffff`; an absent instant is an empty cell."""
        if instant_us is None:
            return ""
        minute, rest = divmod(instant_us, MINUTE)
        head = self._minutes.get(minute)
        if head is None:
            local = datetime.fromtimestamp(minute * 60, UTC).astimezone(self.zone)
            # zones with seconds in their offset ended before 1970; minutes stay whole
            head = self._minutes[minute] = f"{local:%Y-%m-%d %H:%M:}"
        second, micro = divmod(rest, SECOND)
        return f"{head}{second:02d}.{micro:06d}" if fraction else f"{head}{second:02d}"

    def day(self, instant_us: int) -> date:
        """Return the local day of an instant."""
        return date.fromisoformat(self.text(instant_us // MINUTE * MINUTE)[:10])

    def midnight(self, day: date) -> int:
        """Return the first instant of a local day, in microseconds."""
        start = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return int(start.timestamp()) * SECOND


@dataclass(slots=True)
class Style:
    """How cells are written: whether booleans are `True` or `true`, whether texts and recordings may be seen."""

    title_booleans: bool = False
    with_texts: bool = True
    with_recordings: bool = True

    def boolean(self, value: bool) -> str:  # noqa: FBT001
        """Return a boolean cell."""
        text = str(value)
        return text if self.title_booleans else text.lower()


def minutes(us: int | None) -> str:
    """Return microseconds as minutes with two decimals."""
    return "" if us is None else f"{us / MINUTE:.2f}"


# -- records: one table an export ----------------------------------------------------------------------------------

CALL_COLUMNS: Final = tuple(
    "date_started call_id category direction external_number internal_number date_first_rang date_queued date_rang "
    "date_connected date_ended target_id target_kind target_type name email was_recorded entry_point_call_id "
    "entry_point_target_id entry_point_target_kind proxy_target_id voicemail transferred_to transferred_to_contact_id "
    "transferred_from_target_id office_id company_id device salesforce_activity_id timezone availability time_in_system "
    "callback_type callback_id master_call_id time_to_answer date_callback_connected date_callback_ended date_anonymized "
    "categories ringing_duration ringing_occurrences hold_duration hold_occurrences talk_duration queued_duration "
    "queued_occurrences wrapup_duration participant_type percent_ai_talk_time percent_ai_listen_time "
    "percent_ai_silent_time campaign_id is_internal".split()
)


def bare(number: str) -> str:
    """Return a number without its plus, as some cells have it."""
    return number.lstrip("+")


def call_cells(leg: Leg, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 54 cells of one call leg."""
    text = clock.text
    entry = leg.entry_call_id is None
    group_entry = entry and leg.target.kind != "UserProfile"
    answered = leg.connected_us is not None
    first = leg.queued_us or leg.first_rang_us
    ringing = (leg.connected_us or leg.ended_us) - leg.rang_us if leg.rang_us is not None else None
    erased = leg.anonymized_us is not None and leg.anonymized_us <= now
    person = leg.target.type == "user"
    return [
        text(leg.at_us),
        leg.call_id,
        leg.category,
        leg.direction,
        "" if erased else leg.external,
        bare(leg.internal) if group_entry else leg.internal,
        text(leg.first_rang_us),
        text(leg.queued_us),
        text(leg.rang_us, fraction=False),
        text(leg.connected_us),
        text(leg.ended_us),
        leg.target.id,
        leg.target.kind,
        leg.target.type,
        "" if erased and person else leg.target.name,
        "" if erased else leg.target.email,
        style.boolean(leg.recorded),
        leg.entry_call_id or "",
        leg.entry_target.id if leg.entry_target else "",
        leg.entry_target.kind if leg.entry_target else "",
        leg.proxy.id if leg.proxy else "",
        style.boolean(leg.voicemail),
        leg.transferred_to,
        "",
        leg.transferred_from,
        leg.office_id,
        COMPANY_ID,
        leg.device,
        "",
        clock.timezone,
        "open" if leg.open_hours else "closed",
        minutes(leg.ended_us - leg.at_us) if group_entry else "",
        "",
        "",
        leg.master_id,
        minutes(leg.connected_us - first) if entry and answered and first is not None and leg.connected_us is not None else "",
        "",
        "",
        text(leg.anonymized_us) if erased else "",
        leg.categories,
        minutes(ringing),
        str(leg.rings) if leg.rings else "",
        minutes(leg.hold_us) if answered else "",
        str(leg.holds) if answered else "",
        minutes(leg.ended_us - leg.connected_us - leg.hold_us) if leg.connected_us is not None else "",
        minutes((leg.first_rang_us or leg.ended_us) - leg.queued_us) if leg.queued_us is not None else "",
        "1" if leg.queued_us is not None else "",
        minutes(leg.wrapup_us) if leg.wrapup_us else "",
        "" if group_entry else "operator",
        f"{leg.talk_share}.0" if not entry and answered else "",
        f"{100 - leg.talk_share}.0" if not entry and answered else "",
        "0.0" if not entry and answered else "",
        "",
        style.boolean(leg.internal_call),
    ]


TEXT_COLUMNS: Final = tuple(
    "date message_id name email target_type target_id sender_id direction to_phone from_phone encrypted_text "
    "encrypted_aes_text mms timezone".split()
)


def text_cells(row: Text, _: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 14 cells of one text message as one line sees it."""
    target = row.target
    return [
        clock.text(row.at_us), row.message_id, target.name, target.email, target.type, target.id, row.sender_id,
        row.direction, row.to_phone, row.from_phone, "", row.text if style.with_texts else "", row.mms, clock.timezone,
    ]  # fmt: skip


VOICEMAIL_COLUMNS: Final = tuple(
    "call_id target_id name email external_number internal_number date date_listened listened_by_target_id "
    "listened_by_name listened_by_email recording_url transcription_text timezone".split()
)


def voicemail_cells(row: Voicemail, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 14 cells of one voicemail."""
    heard = row.listened_us is not None and row.listened_us <= now
    listener = row.listener if heard else None
    target = row.leg.target
    url = f"https://dialpad.com/blob/voicemail/{row.leg.call_id}.mp3" if style.with_recordings else ""
    return [
        row.leg.call_id, target.id, target.name, target.email, row.leg.external, row.leg.internal,
        clock.text(row.at_us), clock.text(row.listened_us, fraction=False) if heard else "",
        listener.id if listener else "", listener.name if listener else "", listener.email if listener else "",
        url, " ".join([row.text] * row.repeats), clock.timezone,
    ]  # fmt: skip


RECORDING_COLUMNS: Final = tuple(
    "call_id target_id name email operator_id operator_name operator_email external_number internal_number date "
    "recording_url duration timezone".split()
)


def recording_cells(row: Recording, _: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 13 cells of one recording."""
    line = row.leg.entry_target or row.leg.target
    operator = row.leg.operator
    return [
        row.call_id, line.id, line.name, line.email, operator.id if operator else "", operator.name if operator else "",
        operator.email if operator else "", row.leg.external, row.leg.internal, clock.text(row.at_us, fraction=False),
        row.url if style.with_recordings else "", minutes(row.duration_us), clock.timezone,
    ]  # fmt: skip


DUTY_COLUMNS: Final = tuple(
    "date record_id target_id availability_status on_duty_status reason name email target_type call_center_id "
    "setter_name setter_email setter_role timezone".split()
)


def duty_cells(row: DutyChange, _: int, clock: LocalTime, style: Style) -> list[str]:  # noqa: ARG001 - one form for all
    """Return the 14 cells of one duty change."""
    agent = row.agent
    return [
        clock.text(row.at_us), row.record_id, agent.id, "unavailable" if row.status == "unavailable" else "available",
        row.status, row.reason, agent.name, agent.email, agent.type, row.call_center_id, *row.setter, clock.timezone,
    ]  # fmt: skip


DISPOSITION_COLUMNS: Final = tuple(
    "date_started call_id operator_id operator_name operator_email disposition direction external_number "
    "internal_number date_rang date_queued date_connected date_ended target_id target_kind office_id company_id "
    "salesforce_activity_id recording_url note timezone".split()
)


def disposition_cells(row: Disposition, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 21 cells of one disposition; it is empty until the agent has set it."""
    entry, operator = row.entry, row.operator
    done = row.set_us <= now
    recording = f"https://dialpad.com/blob/adminrecording/{entry.call_id}0.mp3" if entry.recorded and style.with_recordings else ""
    return [
        clock.text(row.at_us), row.call_id, operator.id if operator else "", operator.name if operator else "",
        operator.email if operator else "", row.value if done else "", entry.direction, entry.external,
        bare(entry.internal), clock.text(entry.rang_us, fraction=False), clock.text(entry.queued_us),
        clock.text(entry.connected_us), clock.text(entry.ended_us), entry.target.id, entry.target.kind, entry.office_id,
        COMPANY_ID, "", recording, row.note if done else "", clock.timezone,
    ]  # fmt: skip


# Only call_id and response are known of this export; the other headers are invented.
CSAT_COLUMNS: Final = tuple(
    "call_id survey_id question response date_answered target_id target_type name operator_id operator_name "
    "operator_email external_number timezone".split()
)


def csat_cells(row: SurveyAnswer, _: int, clock: LocalTime, style: Style) -> list[str]:  # noqa: ARG001 - one form for all
    """Return the cells of one survey answer."""
    target, operator = row.entry.target, row.operator
    return [
        row.entry.call_id, f"survey-{target.id[-4:]}", row.question, row.response, clock.text(row.at_us, fraction=False),
        target.id, target.type, target.name, operator.id if operator else "", operator.name if operator else "",
        operator.email if operator else "", row.entry.external, clock.timezone,
    ]  # fmt: skip


# No header of this export is known; all are invented.
SHARE_COLUMNS: Final = tuple(
    "date_started date_ended host_id name email target_type participants duration office_id company_id timezone".split()
)


def share_cells(row: ScreenShare, _: int, clock: LocalTime, style: Style) -> list[str]:  # noqa: ARG001 - one form for all
    """Return the cells of one screen share."""
    host = row.host
    return [
        clock.text(row.at_us), clock.text(row.ended_us), host.id, host.name, host.email, host.type, str(row.viewers),
        minutes(row.ended_us - row.at_us), host.office_id, COMPANY_ID, clock.timezone,
    ]  # fmt: skip


Cells = Callable[[Any, int, LocalTime, Style], list[str]]


@dataclass(frozen=True, slots=True)
class Table:
    """One records export: its header, where a day's rows are, how a row is written, the names of its natural key."""

    columns: tuple[str, ...]
    day: Callable[[World, date], Day[Any]]
    cells: Cells
    key: tuple[str, ...]
    quote_all: bool = False
    bom: bool = False
    newline: str = "\r\n"


TABLES: Final[dict[str, Table]] = {
    "calls": Table(CALL_COLUMNS, lambda world, day: world.calls(day).legs, call_cells, ("call_id",)),
    "texts": Table(TEXT_COLUMNS, lambda world, day: world.texts(day), text_cells, ("message_id", "target_id"), quote_all=True, bom=True),
    "voicemails": Table(VOICEMAIL_COLUMNS, lambda world, day: world.calls(day).voicemails, voicemail_cells, ("call_id",), bom=True),
    "recordings": Table(
        RECORDING_COLUMNS, lambda world, day: world.calls(day).recordings, recording_cells, ("call_id", "recording_url", "date"), newline="\n"
    ),
    "onduty": Table(DUTY_COLUMNS, lambda world, day: world.duty(day), duty_cells, ("record_id",), newline="\n"),
    "dispositions": Table(
        DISPOSITION_COLUMNS, lambda world, day: world.calls(day).dispositions, disposition_cells, ("call_id", "operator_id", "date_started")
    ),
    "csat": Table(CSAT_COLUMNS, lambda world, day: world.calls(day).answers, csat_cells, CSAT_COLUMNS, newline="\n"),
    "screenshare": Table(SHARE_COLUMNS, lambda world, day: world.shares(day), share_cells, SHARE_COLUMNS),
}


# -- scope and days ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows an export has: the company's, an office's, a target's, or those of several targets."""

    office_id: str | None = None
    target_id: str | None = None
    target_type: str | None = None
    members: frozenset[str] = frozenset()
    text: str = "company"

    @property
    def whole(self) -> bool:
        """Whether it is the whole company."""
        return self.office_id is None and self.target_id is None and not self.members

    def holds(self, row: Event) -> bool:
        """Whether a row is in the scope."""
        if self.members:
            return any(target in self.members for target in row.targets)
        if self.target_id is not None:
            return self.target_id in row.targets
        return self.office_id is None or row.office_id == self.office_id


@dataclass(frozen=True, slots=True)
class Days:
    """The local days an export covers, both ends included; `start_us` is in, `end_us` is not."""

    first: date
    last: date
    start_us: int
    end_us: int


def days_between(first: date, last: date, clock: LocalTime) -> Days | None:
    """Return the local days from first to last; nothing if last is before first."""
    if last < first:
        return None
    return Days(first, last, clock.midnight(first), clock.midnight(last + timedelta(days=1)))


def selected(world: World, table: Table, days: Days | None, scope: Scope, now: int) -> Iterator[Any]:
    """Yield the rows of `days` and `scope` that exist at `now`, oldest first."""
    if days is None:
        return
    day = day_of(days.start_us)
    while (midnight := (day - date(1970, 1, 1)).days * DAY) < days.end_us:
        rows = table.day(world, day).rows
        inside = days.start_us <= midnight and midnight + DAY <= days.end_us
        for row in rows:
            if row.visible_us <= now and (inside or days.start_us <= row.at_us < days.end_us) and (scope.whole or scope.holds(row)):
                yield row
        day += timedelta(days=1)


# -- stats: figures ----------------------------------------------------------------------------------------------

DATE_COLUMNS: Final = tuple(
    "date all_calls inbound_calls outbound_calls voicemails missed abandoned forwarded cancelled minutes acd aht "
    "inbound_minutes outbound_minutes time_in_system service_level callbacks_requested callbacks_completed "
    "callbacks_cancelled open_inbound_calls open_missed_calls open_abandoned_calls callbacks_connected "
    "callbacks_unconnected missed_voicemails other_voicemails missed_transferred asa open_transferred short_abandoned "
    "handled answered answered_transferred message spam in_queue_voicemail dtmf_voicemail direct_to_voicemail "
    "transfer_voicemail outbound_connected connected_transferred transferred_out transferred_in dtmf_transfer "
    "auto_transfer router_transfer forward_transfer timezone ringing_duration avg_ringing_duration hold_duration "
    "avg_hold_duration talk_duration avg_talk_duration queued_duration avg_queued_duration wrapup_duration "
    "avg_wrapup_duration callback_agent_missed_rejected direct_callback_agent_missed_rejected direct_callback_cancelled "
    "scripted_ivr_transfer total_voicemails unresolved_voicemails resolved_voicemails "
    "avg_voicemail_handle_time_minutes avg_voicemail_assignment_time_minutes avg_time_open_minutes".split()
)
GROUP_COLUMNS: Final = ("name", "type", *DATE_COLUMNS[1:])
# 55, of which the first seven are known by name; the device columns are invented.
USER_COLUMNS: Final = tuple(
    "user_id name email type internal_calls rejected ring_no_answer all_calls inbound_calls outbound_calls voicemails "
    "missed abandoned cancelled minutes acd aht inbound_minutes outbound_minutes open_inbound_calls open_missed_calls "
    "missed_voicemails missed_transferred asa handled answered answered_transferred spam transfer_voicemail "
    "outbound_connected connected_transferred transferred_out transferred_in timezone ringing_duration "
    "avg_ringing_duration hold_duration avg_hold_duration talk_duration avg_talk_duration wrapup_duration "
    "avg_wrapup_duration callbacks_connected callbacks_unconnected total_voicemails unresolved_voicemails "
    "resolved_voicemails android_calls android_minutes desktop_app_calls desktop_app_minutes web_app_calls "
    "web_app_minutes desk_phone_calls desk_phone_minutes".split()
)
FIGURE_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "onduty": tuple(
        "user_id name email type on_duty_duration available_duration occupied_duration wrapup_duration busy_duration "
        "unavailable_duration status_changes timezone".split()
    ),
    "texts": tuple("target_id name email type texts_sent texts_received internal_texts group_texts mms_count timezone".split()),
    "voicemails": tuple("target_id name email type total_voicemails listened_voicemails unlistened_voicemails timezone".split()),
    "recordings": tuple("target_id name email type recordings recorded_minutes timezone".split()),
    "screenshare": tuple("user_id name email type sessions minutes participants timezone".split()),
}
FIGURE_KEYS: Final = {
    "calls_by_date": ("date",),
    "calls_by_user": ("user_id",),
    "calls_by_group": ("name", "type"),
    "onduty": ("user_id",),
    "texts": ("target_id",),
    "voicemails": ("target_id",),
    "recordings": ("target_id",),
    "screenshare": ("user_id",),
}
SERVICE_LEVEL: Final = MINUTE
SHORT: Final = 5 * SECOND


def _mean(total: int, count: int) -> str:
    return f"{total / MINUTE / count:.2f}" if count else "0.00"


def call_figures(legs: Iterable[Leg], heard: Callable[[Leg], bool]) -> dict[str, str]:
    """Return the call figures of some legs; `heard` says whether a leg's voicemail has been listened to."""
    n: Counter[str] = Counter()
    us: Counter[str] = Counter()
    for leg in legs:
        inbound = leg.direction == "inbound"
        connected = leg.connected_us is not None
        length = leg.ended_us - leg.connected_us if leg.connected_us is not None else 0
        n["all_calls"] += 1
        n["inbound_calls" if inbound else "outbound_calls"] += 1
        n["open_inbound_calls"] += inbound and leg.open_hours
        n[leg.category] += 1
        n["spam"] += leg.spam
        n["internal_calls"] += leg.internal_call
        us["minutes"] += length
        us["inbound_minutes" if inbound else "outbound_minutes"] += length
        us["in_system"] += leg.ended_us - leg.at_us
        if connected:
            n["handled"] += 1
            us["handle"] += length + leg.wrapup_us
            us["hold"] += leg.hold_us
            us["talk"] += length - leg.hold_us
            us["wrapup"] += leg.wrapup_us
            if leg.device:
                n[f"{leg.device}_calls"] += 1
                us[f"{leg.device}_minutes"] += length
            if inbound:
                n["answered"] += 1
                begun = leg.queued_us or leg.first_rang_us or leg.at_us
                speed = (leg.connected_us or begun) - begun
                us["asa"] += speed
                n["service_level"] += speed <= SERVICE_LEVEL and leg.open_hours
                n["answered_transferred"] += bool(leg.transferred_to)
            else:
                n["outbound_connected"] += 1
        if leg.transferred_to:
            n["transferred_out"] += 1
        if leg.transferred_from:
            n["transferred_in"] += 1
        if leg.category == "missed":
            n["open_missed_calls"] += leg.open_hours
            n["ring_no_answer"] += not leg.voicemail
        if leg.category == "abandoned":
            n["open_abandoned_calls"] += leg.open_hours
            n["short_abandoned"] += leg.ended_us - leg.at_us < SHORT
        if leg.voicemail:
            n["voicemails"] += 1
            n["resolved_voicemails"] += heard(leg)
        if leg.rang_us is not None:
            n["rung"] += 1
            us["ringing"] += (leg.connected_us or leg.ended_us) - leg.rang_us
        if leg.queued_us is not None:
            n["queued"] += 1
            us["queued"] += (leg.first_rang_us or leg.ended_us) - leg.queued_us
    row = {name: str(n[name]) for name in DATE_COLUMNS[1:]} | {name: str(n[name]) for name in USER_COLUMNS[4:]}
    row |= {name: minutes(us[name]) for name in ("minutes", "inbound_minutes", "outbound_minutes")}
    row |= {f"{device}_minutes": minutes(us[f"{device}_minutes"]) for device in ("android", "desktop_app", "web_app", "desk_phone")}
    row |= {
        "acd": _mean(us["minutes"], n["handled"]),
        "aht": _mean(us["handle"], n["handled"]),
        "asa": _mean(us["asa"], n["answered"]),
        "time_in_system": _mean(us["in_system"], n["all_calls"]),
        "missed_voicemails": str(n["voicemails"]),
        "total_voicemails": str(n["voicemails"]),
        "unresolved_voicemails": str(n["voicemails"] - n["resolved_voicemails"]),
        "avg_voicemail_handle_time_minutes": "0.00",
        "avg_voicemail_assignment_time_minutes": "0.00",
        "avg_time_open_minutes": "0.00",
    }
    for name, of in (("ringing", "rung"), ("hold", "handled"), ("talk", "handled"), ("queued", "queued"), ("wrapup", "handled")):
        row[f"{name}_duration"] = minutes(us[name])
        row[f"avg_{name}_duration"] = _mean(us[name], n[of])
    return row


def _who(party: Party, key: str) -> dict[str, str]:
    return {key: party.id, "name": party.name, "email": party.email, "type": party.type}


@dataclass(slots=True)
class Figures:
    """Counts for the exports of figures: one world, seen at one instant, in one zone."""

    world: World
    now: int
    clock: LocalTime
    texts_both_sides: bool = True

    def rows(self, stat_type: str, group_by: str | None, days: Days | None, scope: Scope, *, per_day: bool = False) -> list[dict[str, str]]:
        """Return the rows of one export of figures, each a dict of column and cell."""
        if days is None:
            return []
        if stat_type != "calls":
            return self._others(stat_type, days, scope)
        if group_by == "date":
            return self._by_date(days, scope)
        if group_by == "group":
            return self._by_group(days, scope)
        if not per_day:
            return self._by_user(days, scope)
        rows = []
        day = days.first
        while day <= days.last:
            one = days_between(day, day, self.clock)
            rows += [{"date": day.isoformat(), **row} for row in (self._by_user(one, scope) if one else [])]
            day += timedelta(days=1)
        return rows

    def _heard(self, days: Days) -> Callable[[Leg], bool]:
        heard = {
            row.leg.call_id
            for row in selected(self.world, TABLES["voicemails"], Days(days.first, days.last, days.start_us, days.end_us + DAY), Scope(), self.now)
            if row.listened_us is not None and row.listened_us <= self.now
        }
        return lambda leg: leg.call_id in heard

    def _by_date(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        found: dict[date, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            if leg.entry_call_id is None or scope.target_type == "user":
                found.setdefault(self.clock.day(leg.at_us), []).append(leg)
        heard = self._heard(days)
        rows = []
        day = days.first
        while day <= days.last:
            rows.append({**call_figures(found.get(day, ()), heard), "date": day.isoformat(), "timezone": self.clock.timezone})
            day += timedelta(days=1)
        return rows

    def _by_user(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        found: dict[str, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            if leg.target.type == "user":
                found.setdefault(leg.target.id, []).append(leg)
        heard = self._heard(days)
        users = [user for user in self.world.users if user.id in found or self._belongs(user, scope)]
        return [
            {**call_figures(found.get(user.id, ()), heard), **_who(user, "user_id"), "timezone": self.clock.timezone} for user in users
        ]

    def _by_group(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        found: dict[str, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            found.setdefault(leg.target.id, []).append(leg)
        heard = self._heard(days)
        parties = [*self.world.call_centers, *self.world.departments, *self.world.users]
        seen: set[tuple[str, str]] = set()
        rows = []
        for party in parties:
            if party.office_id != scope.office_id:
                continue
            # a row has a name and no id, so two people of one name in one office fall together
            if (party.name, party.type) in seen:
                continue
            seen.add((party.name, party.type))
            legs = [leg for other in parties if other.office_id == scope.office_id and (other.name, other.type) == (party.name, party.type)
                    for leg in found.get(other.id, ())]  # fmt: skip
            rows.append({**call_figures(legs, heard), "name": party.name, "type": party.type, "timezone": self.clock.timezone})
        return rows

    def _belongs(self, user: Party, scope: Scope) -> bool:
        if scope.whole:
            return True
        if scope.members:
            return user.id in scope.members
        if scope.target_id is not None:
            return scope.target_id in (user.id, *user.groups)
        return user.office_id == scope.office_id

    def _others(self, stat_type: str, days: Days, scope: Scope) -> list[dict[str, str]]:
        found: dict[str, tuple[Party, Counter[str]]] = {}
        for row in selected(self.world, TABLES[stat_type], days, scope, self.now):
            if stat_type == "texts" and not self.texts_both_sides and not row.first_side:
                continue
            party, add = self._add(stat_type, row)
            found.setdefault(party.id, (party, Counter()))[1].update(add)
        columns = FIGURE_COLUMNS[stat_type]
        durations = {name for name in columns if name.endswith(("_duration", "minutes"))}
        return [
            {
                **{name: minutes(n[name]) if name in durations else str(n[name]) for name in columns[4:]},
                **_who(party, columns[0]),
                "timezone": self.clock.timezone,
            }
            for party, n in (found[key] for key in sorted(found))
        ]

    def _add(self, stat_type: str, row: Any) -> tuple[Party, dict[str, int]]:  # noqa: ANN401 - a row of any table
        if stat_type == "onduty":
            spent = min(row.until_us, self.now) - row.at_us
            on = {} if row.status == "unavailable" else {"on_duty_duration": spent}
            return row.agent, {f"{row.status}_duration": spent, "status_changes": 1, **on}
        if stat_type == "texts":
            way = {"inbound": "texts_received", "outbound": "texts_sent", "internal": "internal_texts"}[row.direction]
            return row.target, {way: 1, "group_texts": int("," in row.to_phone), "mms_count": int(bool(row.mms))}
        if stat_type == "voicemails":
            heard = row.listened_us is not None and row.listened_us <= self.now
            return row.leg.target, {"total_voicemails": 1, "listened_voicemails": int(heard), "unlistened_voicemails": int(not heard)}
        if stat_type == "recordings":
            return row.leg.entry_target or row.leg.target, {"recordings": 1, "recorded_minutes": row.duration_us}
        return row.host, {"sessions": 1, "minutes": row.ended_us - row.at_us, "participants": row.viewers}


def figure_columns(stat_type: str, group_by: str | None, *, per_day: bool) -> tuple[str, ...]:
    """Return the header of an export of figures."""
    if stat_type != "calls":
        return FIGURE_COLUMNS[stat_type]
    if group_by == "date":
        return DATE_COLUMNS
    if group_by == "group":
        return GROUP_COLUMNS
    return ("date", *USER_COLUMNS) if per_day else USER_COLUMNS


# -- the API -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Export:
    """One accepted export: what was asked, when, and what became of it."""

    id: str
    token: str
    body: dict[str, Any]
    scope: Scope
    timezone: str
    days: Days | None
    frozen_us: int
    made: float
    ready: float
    expires: float
    failed: bool = False
    forgotten: bool = False
    style: Style = field(default_factory=Style)


class Stats:
    """The three routes of the Stats API, their limits and their cache."""

    def __init__(self, fake: FakeDialpad) -> None:
        self.fake = fake
        self.routes = [
            route("POST", "/api/v2/stats", self.start),
            route("GET", "/api/v2/stats/{request_id}", self.poll),
        ]
        self.downloads = [route("GET", "/_storage/{name}", self.download)]
        self.posts = Window(200, 3600)
        self.polls = Window(20, 1)
        self.exports: dict[str, Export] = {}
        self.cached: dict[bytes, Export] = {}
        self.rendered: dict[tuple[object, ...], bytes] = {}
        self.held = 0

    def start(self, request: Request) -> Response:
        """Accept an export, or answer an identical one from the cache."""
        now = self.fake.server_now()
        if self.fake.limited and not self.posts.admits(now):
            raise self.fake.too_many("Rate limit exceeded: 200 stats requests per hour", self.posts.wait(now))
        body: dict[str, Any] = request.valid(BODY)
        days, scope, timezone = self._understood(body)
        user = self.fake.user_of(request)
        key = orjson.dumps([body, user.id if user else None], option=orjson.OPT_SORT_KEYS)
        known = self.cached.get(key)
        if known is not None and known.expires > now and not known.failed and not known.forgotten:
            return answer({"request_id": known.id, "already_started": True})
        today = self._today(body)
        lag = float(self.fake.readings["today_lag" if today else "history_lag"])
        digest = hashlib.sha256(key + str((len(self.exports), self.fake.world.seed, now)).encode()).hexdigest()
        export = Export(
            id=digest[:32],
            token=digest[32:],
            body=body,
            scope=scope if user is None else Scope(target_id=user.id, target_type="user"),
            timezone=timezone,
            days=days,
            frozen_us=int((self.fake.now() - lag) * SECOND),
            made=now,
            ready=now + self.fake.export_seconds,
            expires=now + (TODAY_CACHE if today else HISTORY_CACHE),
            style=Style(
                title_booleans=self.fake.readings["booleans"] == "title",
                with_texts=self.fake.has_scope("message_content_export"),
                with_recordings=self.fake.has_scope("recordings_export"),
            ),
        )
        self.exports[export.id] = self.cached[key] = export
        return answer({"request_id": export.id, "already_started": False})

    @staticmethod
    def _today(body: dict[str, Any]) -> bool:
        if body.get("is_today"):
            return True
        return int(body.get("days_ago_start", 1)) == 0 and int(body.get("days_ago_end", 30)) == 0

    def _understood(self, body: dict[str, Any]) -> tuple[Days | None, Scope, str]:
        timezone = body.get("timezone", "UTC")
        try:
            clock = self.fake.local(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused(400, "Invalid timezone name") from error
        today = clock.day(int(self.fake.server_now() * SECOND))
        if self._today(body):
            days = days_between(today, today, clock)
        else:
            newer, older = int(body.get("days_ago_start", 1)), int(body.get("days_ago_end", 30))
            if newer == 0 and older > 0:
                newer = 1  # today and history cannot be mixed: only the older days come
            days = days_between(today - timedelta(days=older), today - timedelta(days=newer), clock)
        scope = self.scope(body)
        if body["stat_type"] in {"csat", "dispositions"}:
            if body["export_type"] == "stats":
                raise Refused(400, f"export_type stats is not available for stat_type {body['stat_type']}")
            if scope.target_id is None and not scope.members:
                raise Refused(400, f"target_id and target_type are required for stat_type {body['stat_type']}")
        if body.get("group_by") and body["stat_type"] != "calls":
            raise Refused(400, "group_by is only available for stat_type calls")
        if body.get("group_by") == "group" and (scope.office_id is None or scope.target_id is not None):
            raise Refused(400, "group_by group is only available for an office")
        return days, scope, timezone

    def scope(self, body: dict[str, Any]) -> Scope:
        """Return the scope of a request; a target wins over an office."""
        world = self.fake.world
        if ("target_id" in body) != ("target_type" in body):
            raise Refused(400, "target_id and target_type must be given together")
        if "target_id" not in body:
            if "office_id" not in body:
                return Scope()
            office = str(body["office_id"])
            if office not in {party.id for party in world.offices}:
                raise Refused(404, f"Office {office} not found")
            return Scope(office_id=office, text=f"office:{office}")
        key, kind = str(body["target_id"]), body["target_type"]
        text = f"{kind}:{key}"
        if kind in {"coachingteam", "coachinggroup"}:
            team = self.fake.directory.team(key)
            if team is None:
                raise Refused(404, f"Target {kind} {key} not found")
            return Scope(members=frozenset(team), target_type=kind, text=text)
        if kind == "room" and key in self.fake.directory.room_ids():
            return Scope(target_id=key, target_type=kind, text=text)
        party = world.parties.get(key)
        if party is None or party.type.replace("_", "") != kind:
            raise Refused(404, f"Target {kind} {key} not found")
        return Scope(target_id=key, target_type=kind, text=text)

    def poll(self, request: Request, request_id: str) -> Response:
        """Say how far an export is."""
        now = self.fake.server_now()
        if self.fake.limited and not self.polls.admits(now):
            raise self.fake.too_many("Rate limit exceeded", self.polls.wait(now))
        export = self.exports.get(request_id)
        if export is None or export.forgotten or export.expires <= now:
            raise Refused(404, f"Request with id {request_id} not found")
        if export.failed:
            return answer({"status": "failed"})
        if now < export.ready:
            return answer({"status": "processing"})
        url = f"{request.base_url}/_storage/{export.token}.csv"
        return answer({"status": "complete", "download_url": url, "file_type": "csv"})

    def download(self, request: Request, name: str) -> Response:
        """Serve the file of an export to whoever has its URL; no key is asked for, and none should come."""
        now = self.fake.server_now()
        export = next((export for export in self.exports.values() if f"{export.token}.csv" == name), None)
        if export is None or export.expires <= now or now < export.ready:
            return Response(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", {"content-type": "application/xml"})
        body: Iterable[bytes] = self.file(export)
        headers = {"content-type": "text/csv"}
        if self.fake.readings["compression"] == "gzip" and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            body = gzip.compress(b"".join(body), compresslevel=1, mtime=0)
        return Response(200, body, headers)

    def file(self, export: Export) -> Iterator[bytes]:
        """Yield the CSV of an export, a day of rows at a time."""
        body = export.body
        clock = self.fake.local(export.timezone)
        if body["export_type"] == "stats":
            per_day = self.fake.readings["by_user"] == "per_day"
            columns = figure_columns(body["stat_type"], body.get("group_by"), per_day=per_day)
            figures = Figures(self.fake.world, export.frozen_us, clock, self.fake.readings["texts"] == "both_sides")
            rows = figures.rows(body["stat_type"], body.get("group_by"), export.days, export.scope, per_day=per_day)
            chunks: Iterator[bytes] = iter([csv_text((tuple(row[name] for name in columns) for row in rows), "\r\n")] if rows else [])
            yield from self._framed(columns, chunks, bom=False, newline="\r\n")
            return
        table = TABLES[body["stat_type"]]
        yield from self._framed(
            table.columns, self._days(table, body["stat_type"], export, clock), bom=table.bom, newline=table.newline, quote_all=table.quote_all
        )

    def _framed(
        self, columns: Sequence[str], chunks: Iterator[bytes], *, bom: bool, newline: str, quote_all: bool = False
    ) -> Iterator[bytes]:
        mark = {"some": bom, "all": True, "none": False}[self.fake.readings["bom"]]
        first = next((chunk for chunk in chunks if chunk), None)
        if first is None and self.fake.readings["no_rows"] == "empty_file":
            return
        yield (b"\xef\xbb\xbf" if mark else b"") + csv_text([columns], newline, quote_all=quote_all)
        if first is not None:
            yield first
            yield from chunks

    def _remember(self, key: tuple[object, ...], chunk: bytes) -> None:
        self.held += len(chunk)
        if self.held > RENDERED_BYTES:
            self.rendered.clear()
            self.held = len(chunk)
        self.rendered[key] = chunk

    def _days(self, table: Table, stat_type: str, export: Export, clock: LocalTime) -> Iterator[bytes]:
        days = export.days
        if days is None:
            return
        world, now = self.fake.world, export.frozen_us
        one_row = stat_type == "texts" and self.fake.readings["texts"] == "one_row"
        day = day_of(days.start_us)
        while (start := (day - date(1970, 1, 1)).days * DAY) < days.end_us:
            part = Days(day, day, max(start, days.start_us), min(start + DAY, days.end_us))
            phase = table.day(world, day).phase(now)
            style = (export.style.title_booleans, export.style.with_texts, export.style.with_recordings)
            key = (stat_type, day, part.start_us, part.end_us, export.timezone, export.scope, phase, style, one_row)
            chunk = self.rendered.get(key)
            if chunk is None:
                rows = selected(world, table, part, export.scope, now)
                if one_row:
                    rows = (row for row in rows if row.first_side)
                chunk = csv_text((table.cells(row, now, clock, export.style) for row in rows), table.newline, quote_all=table.quote_all)
                self._remember(key, chunk)
            yield chunk
            day += timedelta(days=1)


def csv_text(rows: Iterable[Sequence[str]], newline: str, *, quote_all: bool = False) -> bytes:
    """Return rows as CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue().encode()
