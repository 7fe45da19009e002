"""The records exports: what rows each has, how a cell is written, and which rows a scope and a range of days hold."""
# ruff: noqa: SIM905 - a list of words is read, compared and searched as a line of words, not as a column of quotes

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.local_time import Days, LocalTime
from fake_dialpad.model import (
    COMPANY_ID,
    DAY,
    MINUTE,
    Day,
    Disposition,
    DutyChange,
    Event,
    Leg,
    Recording,
    ScreenShare,
    SurveyAnswer,
    Text,
    Voicemail,
    day_of,
    midnight,
)

if TYPE_CHECKING:
    from fake_dialpad.world import World


@dataclass(slots=True)
class Style:
    """How cells are written: whether booleans are `True` or `true`, whether texts and recordings may be seen."""

    title_booleans: bool = False
    with_texts: bool = True
    with_recordings: bool = True

    def boolean(self, value: bool) -> str:  # noqa: FBT001 - what is written is the value
        """Return a boolean cell."""
        text = str(value)
        return text if self.title_booleans else text.lower()


def minutes(us: int | None) -> str:
    """Return microseconds as minutes with two decimals."""
    return "" if us is None else f"{us / MINUTE:.2f}"


CALL_COLUMNS: Final = tuple(
    (
        "date_started call_id category direction external_number internal_number date_first_rang date_queued "
        "date_rang date_connected date_ended target_id target_kind target_type name email was_recorded "
        "entry_point_call_id entry_point_target_id entry_point_target_kind proxy_target_id voicemail transferred_to "
        "transferred_to_contact_id transferred_from_target_id office_id company_id device salesforce_activity_id "
        "timezone availability time_in_system callback_type callback_id master_call_id time_to_answer "
        "date_callback_connected date_callback_ended date_anonymized categories ringing_duration ringing_occurrences "
        "hold_duration hold_occurrences talk_duration queued_duration queued_occurrences wrapup_duration "
        "participant_type percent_ai_talk_time percent_ai_listen_time percent_ai_silent_time campaign_id is_internal"
    ).split()
)


def bare(number: str) -> str:
    """Return a number without its plus, as some cells have it."""
    return number.lstrip("+")


def call_cells(leg: Leg, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 54 cells of one call leg."""
    erased = leg.anonymized_us is not None and leg.anonymized_us <= now
    group_entry = leg.entry_call_id is None and leg.target.kind != "UserProfile"
    times = _call_durations(leg)
    return [
        *_call_party_cells(leg, clock, style, erased=erased),
        leg.device,
        "",
        clock.timezone,
        leg.availability,
        minutes(leg.ended_us - leg.at_us) if group_entry else "",
        "queue" if leg.callback_id else "",
        leg.callback_id,
        leg.master_id,
        times["time_to_answer"],
        clock.text(leg.callback_connected_us),
        clock.text(leg.callback_ended_us),
        clock.text(leg.anonymized_us) if erased else "",
        leg.categories,
        times["ringing"],
        str(leg.rings) if leg.rings else "",
        times["hold"],
        times["holds"],
        times["talk"],
        times["queued"],
        "1" if leg.queued_us is not None else "",
        minutes(leg.wrapup_us) if leg.wrapup_us else "",
        "" if group_entry else "operator",
        times["ai_talk"],
        times["ai_listen"],
        times["ai_silent"],
        "",
        style.boolean(leg.internal_call),
    ]


def _call_party_cells(leg: Leg, clock: LocalTime, style: Style, *, erased: bool) -> list[str]:
    """Return the cells before the column device: when the call was and whose it was."""
    text = clock.text
    group_entry = leg.entry_call_id is None and leg.target.kind != "UserProfile"
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
    ]


def _call_durations(leg: Leg) -> dict[str, str]:
    """Return the cells that depend on whether the call was answered, by a short name."""
    connected, entry = leg.connected_us, leg.entry_call_id is None
    first = leg.queued_us or leg.first_rang_us
    ringing = (connected or leg.ended_us) - leg.rang_us if leg.rang_us is not None else None
    queued = (leg.first_rang_us or leg.ended_us) - leg.queued_us if leg.queued_us is not None else None
    cells = {"ringing": minutes(ringing), "queued": minutes(queued)}
    if connected is None:
        return defaultdict(str, cells)
    of_agent = {} if entry else {"ai_talk": f"{leg.talk_share}.0", "ai_listen": f"{100 - leg.talk_share}.0"}
    return defaultdict(
        str,
        cells,
        time_to_answer=minutes(connected - first) if entry and first is not None and leg.direction == "inbound" else "",
        hold=minutes(leg.hold_us),
        holds=str(leg.holds),
        talk=minutes(leg.ended_us - connected - leg.hold_us),
        ai_silent="" if entry else "0.0",
        **of_agent,
    )


TEXT_COLUMNS: Final = tuple(
    "date message_id name email target_type target_id sender_id direction to_phone from_phone encrypted_text "
    "encrypted_aes_text mms timezone".split()
)


def text_cells(row: Text, _: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 14 cells of one text message as one line sees it."""
    target = row.target
    return [
        clock.text(row.at_us),
        row.message_id,
        target.name,
        target.email,
        target.type,
        target.id,
        row.sender_id,
        row.direction,
        row.to_phone,
        row.from_phone,
        "",
        row.text if style.with_texts else "",
        row.mms,
        clock.timezone,
    ]


VOICEMAIL_COLUMNS: Final = tuple(
    "call_id target_id name email external_number internal_number date date_listened listened_by_target_id "
    "listened_by_name listened_by_email recording_url transcription_text timezone".split()
)


def voicemail_cells(row: Voicemail, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 14 cells of one voicemail."""
    listened = row.listened_us is not None and row.listened_us <= now
    listener = row.listener if listened else None
    target = row.leg.target
    url = f"https://dialpad.com/blob/voicemail/{row.leg.call_id}.mp3" if style.with_recordings else ""
    return [
        row.leg.call_id,
        target.id,
        target.name,
        target.email,
        row.leg.external,
        row.leg.internal,
        clock.text(row.at_us),
        clock.text(row.listened_us, fraction=False) if listened else "",
        listener.id if listener else "",
        listener.name if listener else "",
        listener.email if listener else "",
        url,
        " ".join([row.text] * row.repeats),
        clock.timezone,
    ]


RECORDING_COLUMNS: Final = tuple(
    "call_id target_id name email operator_id operator_name operator_email external_number internal_number date "
    "recording_url duration timezone".split()
)


def recording_cells(row: Recording, _: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 13 cells of one recording."""
    line = row.leg.entry_target or row.leg.target
    operator = row.leg.operator
    return [
        row.call_id,
        line.id,
        line.name,
        line.email,
        operator.id if operator else "",
        operator.name if operator else "",
        operator.email if operator else "",
        row.leg.external,
        row.leg.internal,
        clock.text(row.at_us, fraction=False),
        row.url if style.with_recordings else "",
        minutes(row.duration_us),
        clock.timezone,
    ]


DUTY_COLUMNS: Final = tuple(
    "date record_id target_id availability_status on_duty_status reason name email target_type call_center_id "
    "setter_name setter_email setter_role timezone".split()
)


def duty_cells(row: DutyChange, _: int, clock: LocalTime, _style: Style) -> list[str]:
    """Return the 14 cells of one duty change."""
    agent = row.agent
    return [
        clock.text(row.at_us),
        row.record_id,
        agent.id,
        "unavailable" if row.status == "unavailable" else "available",
        row.status,
        row.reason,
        agent.name,
        agent.email,
        agent.type,
        row.call_center_id,
        *row.setter,
        clock.timezone,
    ]


DISPOSITION_COLUMNS: Final = tuple(
    "date_started call_id operator_id operator_name operator_email disposition direction external_number "
    "internal_number date_rang date_queued date_connected date_ended target_id target_kind office_id company_id "
    "salesforce_activity_id recording_url note timezone".split()
)


def disposition_cells(row: Disposition, now: int, clock: LocalTime, style: Style) -> list[str]:
    """Return the 21 cells of one disposition; it is empty until the agent has set it."""
    entry, operator = row.entry, row.operator
    done = row.set_us <= now
    recording = (
        f"https://dialpad.com/blob/adminrecording/{entry.call_id}0.mp3"
        if entry.recorded and style.with_recordings
        else ""
    )
    return [
        clock.text(row.at_us),
        row.call_id,
        operator.id if operator else "",
        operator.name if operator else "",
        operator.email if operator else "",
        row.value if done else "",
        entry.direction,
        entry.external,
        bare(entry.internal),
        clock.text(entry.rang_us, fraction=False),
        clock.text(entry.queued_us),
        clock.text(entry.connected_us),
        clock.text(entry.ended_us),
        entry.target.id,
        entry.target.kind,
        entry.office_id,
        COMPANY_ID,
        "",
        recording,
        row.note if done else "",
        clock.timezone,
    ]


# Only call_id and response are known of this export; the other headers are invented.
CSAT_COLUMNS: Final = tuple(
    "call_id survey_id question response date_answered target_id target_type name operator_id operator_name "
    "operator_email external_number timezone".split()
)


def csat_cells(row: SurveyAnswer, _: int, clock: LocalTime, _style: Style) -> list[str]:
    """Return the cells of one survey answer."""
    target, operator = row.entry.target, row.operator
    return [
        row.entry.call_id,
        f"survey-{target.id[-4:]}",
        row.question,
        row.response,
        clock.text(row.at_us, fraction=False),
        target.id,
        target.type,
        target.name,
        operator.id if operator else "",
        operator.name if operator else "",
        operator.email if operator else "",
        row.entry.external,
        clock.timezone,
    ]


# No header of this export is known; all are invented.
SHARE_COLUMNS: Final = tuple(
    "date_started date_ended host_id name email target_type participants duration office_id company_id timezone".split()
)


def share_cells(row: ScreenShare, _: int, clock: LocalTime, _style: Style) -> list[str]:
    """Return the cells of one screen share."""
    host = row.host
    return [
        clock.text(row.at_us),
        clock.text(row.ended_us),
        host.id,
        host.name,
        host.email,
        host.type,
        str(row.viewers),
        minutes(row.ended_us - row.at_us),
        host.office_id,
        COMPANY_ID,
        clock.timezone,
    ]


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
    "texts": Table(
        TEXT_COLUMNS,
        lambda world, day: world.texts(day),
        text_cells,
        ("message_id", "target_id"),
        quote_all=True,
        bom=True,
    ),
    "voicemails": Table(
        VOICEMAIL_COLUMNS, lambda world, day: world.calls(day).voicemails, voicemail_cells, ("call_id",), bom=True
    ),
    "recordings": Table(
        RECORDING_COLUMNS,
        lambda world, day: world.calls(day).recordings,
        recording_cells,
        ("call_id", "recording_url", "date"),
        newline="\n",
    ),
    "onduty": Table(DUTY_COLUMNS, lambda world, day: world.duty(day), duty_cells, ("record_id",), newline="\n"),
    "dispositions": Table(
        DISPOSITION_COLUMNS,
        lambda world, day: world.calls(day).dispositions,
        disposition_cells,
        ("call_id", "operator_id", "date_started"),
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


def rows_on(world: World, table: Table, day: date) -> list[Any]:
    """Return the rows whose time falls on a UTC day, oldest first; some follow from a call of the day before."""
    start, end = midnight(day), midnight(day) + DAY
    late = [row for row in table.day(world, day - timedelta(days=1)).rows if row.at_us >= start]
    rows = late + [row for row in table.day(world, day).rows if row.at_us < end]
    return sorted(rows, key=lambda row: row.at_us) if late else rows


def selected(world: World, table: Table, days: Days | None, scope: Scope, now: int) -> Iterator[Any]:
    """Yield the rows of `days` and `scope` that exist at `now`, oldest first."""
    if days is None:
        return
    day = day_of(days.start_us)
    while midnight(day) < days.end_us:
        for row in rows_on(world, table, day):
            inside = days.start_us <= row.at_us < days.end_us
            if inside and row.visible_us <= now and (scope.whole or scope.holds(row)):
                yield row
        day += timedelta(days=1)
