"""The exports of figures: what is counted, and the columns it stands in."""
# ruff: noqa: SIM905 - a header is read, compared and searched as a line of words, not as a column of quotes

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.events import DAY, MINUTE, SECOND, Leg, Party
from fake_dialpad.records import TABLES, Days, LocalTime, Scope, days_between, minutes, selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fake_dialpad.world import World

DATE_COLUMNS: Final = tuple(
    "date all_calls inbound_calls outbound_calls voicemails missed abandoned forwarded cancelled minutes acd aht "
    "inbound_minutes outbound_minutes time_in_system service_level callbacks_requested callbacks_completed "
    "callbacks_cancelled open_inbound_calls open_missed_calls open_abandoned_calls callbacks_connected "
    "callbacks_unconnected missed_voicemails other_voicemails missed_transferred asa open_transferred short_abandoned "
    "handled answered answered_transferred message spam in_queue_voicemail dtmf_voicemail direct_to_voicemail "
    "transfer_voicemail outbound_connected connected_transferred transferred_out transferred_in dtmf_transfer "
    "auto_transfer router_transfer forward_transfer timezone ringing_duration avg_ringing_duration hold_duration "
    "avg_hold_duration talk_duration avg_talk_duration queued_duration avg_queued_duration wrapup_duration "
    "avg_wrapup_duration callback_agent_missed_rejected direct_callback_agent_missed_rejected "
    "direct_callback_cancelled scripted_ivr_transfer total_voicemails unresolved_voicemails resolved_voicemails "
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
    "texts": tuple(
        "target_id name email type texts_sent texts_received internal_texts group_texts mms_count timezone".split()
    ),
    "voicemails": tuple(
        "target_id name email type total_voicemails listened_voicemails unlistened_voicemails timezone".split()
    ),
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


def call_figures(  # noqa: C901, PLR0912, PLR0915 - one count after the other
    legs: Iterable[Leg], heard: Callable[[Leg], bool]
) -> dict[str, str]:
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
    row |= {
        f"{device}_minutes": minutes(us[f"{device}_minutes"])
        for device in ("android", "desktop_app", "web_app", "desk_phone")
    }
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
    for name, of in (
        ("ringing", "rung"),
        ("hold", "handled"),
        ("talk", "handled"),
        ("queued", "queued"),
        ("wrapup", "handled"),
    ):
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

    def rows(
        self, stat_type: str, group_by: str | None, days: Days | None, scope: Scope, *, per_day: bool = False
    ) -> list[dict[str, str]]:
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
            for row in selected(
                self.world,
                TABLES["voicemails"],
                Days(days.first, days.last, days.start_us, days.end_us + DAY),
                Scope(),
                self.now,
            )
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
            rows.append(
                {**call_figures(found.get(day, ()), heard), "date": day.isoformat(), "timezone": self.clock.timezone}
            )
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
            {**call_figures(found.get(user.id, ()), heard), **_who(user, "user_id"), "timezone": self.clock.timezone}
            for user in users
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
            legs = [
                leg
                for other in parties
                if other.office_id == scope.office_id and (other.name, other.type) == (party.name, party.type)
                for leg in found.get(other.id, ())
            ]
            rows.append(
                {**call_figures(legs, heard), "name": party.name, "type": party.type, "timezone": self.clock.timezone}
            )
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

    def _add(self, stat_type: str, row: Any) -> tuple[Party, dict[str, int]]:
        if stat_type == "onduty":
            spent = min(row.until_us, self.now) - row.at_us
            on = {} if row.status == "unavailable" else {"on_duty_duration": spent}
            return row.agent, {f"{row.status}_duration": spent, "status_changes": 1, **on}
        if stat_type == "texts":
            way = {"inbound": "texts_received", "outbound": "texts_sent", "internal": "internal_texts"}[row.direction]
            return row.target, {way: 1, "group_texts": int("," in row.to_phone), "mms_count": int(bool(row.mms))}
        if stat_type == "voicemails":
            heard = row.listened_us is not None and row.listened_us <= self.now
            return row.leg.target, {
                "total_voicemails": 1,
                "listened_voicemails": int(heard),
                "unlistened_voicemails": int(not heard),
            }
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
