"""The aggregated exports (export_type stats): what is counted, and in which column."""
# ruff: noqa: SIM905 - a list of words is read, compared and searched as a line of words, not as a column of quotes

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.local_time import Days, LocalTime, days_between
from fake_dialpad.model import DAY, MINUTE, SECOND, Leg, Party
from fake_dialpad.records import TABLES, Scope, minutes, selected

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
AGGREGATE_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
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
AGGREGATE_KEYS: Final = {
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
#: What may become of a callback that was placed.
PLACED: Final = ("connected", "cancelled", "unconnected")
SHORT: Final = 6 * SECOND


def _mean(total: int, count: int) -> str:
    return f"{total / MINUTE / count:.2f}" if count else "0.00"


class CallTotals:
    """Adds up the legs of calls; `listened_to` says whether a leg's voicemail has been listened to."""

    def __init__(self, legs: Iterable[Leg], listened_to: Callable[[Leg], bool]) -> None:
        self.counts: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()  # microseconds
        for leg in legs:
            self._add(leg)
            if leg.connected_us is not None:
                self._add_connected(leg, leg.connected_us)
            if leg.voicemail:
                self.counts["voicemails"] += 1
                self.counts["resolved_voicemails"] += listened_to(leg)

    def _add(self, leg: Leg) -> None:
        counts, spent = self.counts, self.spent
        inbound = leg.direction == "inbound"
        counts["all_calls"] += 1
        counts["inbound_calls" if inbound else "outbound_calls"] += 1
        counts["open_inbound_calls"] += inbound and leg.open_hours
        counts[leg.category] += 1
        counts["spam"] += leg.spam
        counts["internal_calls"] += leg.internal_call
        spent["in_system"] += leg.ended_us - leg.at_us
        counts["transferred_out"] += bool(leg.transferred_to)
        counts["transferred_in"] += bool(leg.transferred_from)
        if leg.category == "missed":
            counts["open_missed_calls"] += leg.open_hours
            counts["ring_no_answer"] += not leg.voicemail
        if leg.category == "abandoned":
            counts["open_abandoned_calls"] += leg.open_hours
            counts["short_abandoned"] += leg.ended_us - leg.at_us < SHORT
        if leg.rang_us is not None:
            counts["rung"] += 1
            spent["ringing"] += (leg.connected_us or leg.ended_us) - leg.rang_us
        if leg.queued_us is not None:
            counts["queued"] += 1
            spent["queued"] += (leg.first_rang_us or leg.ended_us) - leg.queued_us

    def _add_connected(self, leg: Leg, connected_us: int) -> None:
        counts, spent = self.counts, self.spent
        length = leg.ended_us - connected_us
        spent["minutes"] += length
        spent["inbound_minutes" if leg.direction == "inbound" else "outbound_minutes"] += length
        counts["handled"] += 1
        spent["handle"] += length + leg.wrapup_us
        spent["hold"] += leg.hold_us
        spent["talk"] += length - leg.hold_us
        spent["wrapup"] += leg.wrapup_us
        if leg.device:
            counts[f"{leg.device}_calls"] += 1
            spent[f"{leg.device}_minutes"] += length
        if leg.direction != "inbound":
            counts["outbound_connected"] += 1
            return
        counts["answered"] += 1
        waited = connected_us - (leg.queued_us or leg.first_rang_us or leg.at_us)
        spent["asa"] += waited
        counts["service_level"] += waited <= SERVICE_LEVEL and leg.open_hours
        counts["answered_transferred"] += bool(leg.transferred_to)

    def cells(self) -> dict[str, str]:
        """Return the cell of every column of calls by date, user and group."""
        n, us = self.counts, self.spent
        row = {name: str(n[name]) for name in (*DATE_COLUMNS[1:], *USER_COLUMNS[4:])}
        row |= {name: minutes(us[name]) for name in row if name.endswith("minutes") and name != "minutes"}
        row |= {
            "minutes": minutes(us["minutes"]),
            "acd": _mean(us["minutes"], n["handled"]),
            "aht": _mean(us["handle"], n["handled"]),
            "asa": _mean(us["asa"], n["answered"]),
            "time_in_system": _mean(us["in_system"], n["all_calls"]),
            "missed_voicemails": str(n["voicemails"]),
            **{f"callbacks_{state}": str(n[f"callback_{state}"]) for state in ("requested", *PLACED)},
            "callbacks_completed": str(sum(n[f"callback_{state}"] for state in PLACED)),
            "total_voicemails": str(n["voicemails"]),
            "unresolved_voicemails": str(n["voicemails"] - n["resolved_voicemails"]),
            "avg_voicemail_handle_time_minutes": "0.00",
            "avg_voicemail_assignment_time_minutes": "0.00",
            "avg_time_open_minutes": "0.00",
        }
        counted = {"ringing": "rung", "hold": "handled", "talk": "handled", "queued": "queued", "wrapup": "handled"}
        for name, of in counted.items():
            row[f"{name}_duration"] = minutes(us[name])
            row[f"avg_{name}_duration"] = _mean(us[name], n[of])
        return row


def _who(party: Party, key: str) -> dict[str, str]:
    return {key: party.id, "name": party.name, "email": party.email, "type": party.type}


@dataclass(slots=True)
class Aggregates:
    """Counts for the aggregated exports: one world, seen at one instant, in one zone."""

    world: World
    now: int
    clock: LocalTime
    texts_both_sides: bool = True

    def rows(
        self, stat_type: str, group_by: str | None, days: Days | None, scope: Scope, *, per_day: bool = False
    ) -> list[dict[str, str]]:
        """Return the rows of one aggregated export, each a dict of column and cell."""
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

    def _voicemails_listened_to(self, days: Days) -> Callable[[Leg], bool]:
        listened_to = {
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
        return lambda leg: leg.call_id in listened_to

    def _by_date(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        by_key: dict[date, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            if leg.entry_call_id is None or scope.target_type == "user":
                by_key.setdefault(self.clock.day(leg.at_us), []).append(leg)
        listened_to = self._voicemails_listened_to(days)
        rows = []
        day = days.first
        while day <= days.last:
            rows.append(
                {
                    **CallTotals(by_key.get(day, ()), listened_to).cells(),
                    "date": day.isoformat(),
                    "timezone": self.clock.timezone,
                }
            )
            day += timedelta(days=1)
        return rows

    def _by_user(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        by_key: dict[str, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            if leg.target.type == "user":
                by_key.setdefault(leg.target.id, []).append(leg)
        listened_to = self._voicemails_listened_to(days)
        users = [user for user in self.world.users if user.id in by_key or self._belongs(user, scope)]
        return [
            {
                **CallTotals(by_key.get(user.id, ()), listened_to).cells(),
                **_who(user, "user_id"),
                "timezone": self.clock.timezone,
            }
            for user in users
        ]

    def _by_group(self, days: Days, scope: Scope) -> list[dict[str, str]]:
        by_key: dict[str, list[Leg]] = {}
        for leg in selected(self.world, TABLES["calls"], days, scope, self.now):
            by_key.setdefault(leg.target.id, []).append(leg)
        listened_to = self._voicemails_listened_to(days)
        parties = [*self.world.call_centers, *self.world.departments, *self.world.users]
        seen: set[tuple[str, str]] = set()
        rows = []
        for party in parties:
            if party.office_id != scope.office_id:
                continue
            # a row has a name and no id, so two people of one name in one office share a row
            if (party.name, party.type) in seen:
                continue
            seen.add((party.name, party.type))
            legs = [
                leg
                for other in parties
                if other.office_id == scope.office_id and (other.name, other.type) == (party.name, party.type)
                for leg in by_key.get(other.id, ())
            ]
            rows.append(
                {
                    **CallTotals(legs, listened_to).cells(),
                    "name": party.name,
                    "type": party.type,
                    "timezone": self.clock.timezone,
                }
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
        by_key: dict[str, tuple[Party, Counter[str]]] = {}
        for row in selected(self.world, TABLES[stat_type], days, scope, self.now):
            if stat_type == "texts" and not self.texts_both_sides and not row.first_side:
                continue
            party, add = self._add(stat_type, row)
            by_key.setdefault(party.id, (party, Counter()))[1].update(add)
        columns = AGGREGATE_COLUMNS[stat_type]
        durations = {name for name in columns if name.endswith(("_duration", "minutes"))}
        return [
            {
                **{name: minutes(n[name]) if name in durations else str(n[name]) for name in columns[4:]},
                **_who(party, columns[0]),
                "timezone": self.clock.timezone,
            }
            for party, n in (by_key[key] for key in sorted(by_key))
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
            listened_to = row.listened_us is not None and row.listened_us <= self.now
            return row.leg.target, {
                "total_voicemails": 1,
                "listened_voicemails": int(listened_to),
                "unlistened_voicemails": int(not listened_to),
            }
        if stat_type == "recordings":
            return row.leg.entry_target or row.leg.target, {"recordings": 1, "recorded_minutes": row.duration_us}
        return row.host, {"sessions": 1, "minutes": row.ended_us - row.at_us, "participants": row.viewers}


def aggregate_columns(stat_type: str, group_by: str | None, *, per_day: bool) -> tuple[str, ...]:
    """Return the header of an aggregated export."""
    if stat_type != "calls":
        return AGGREGATE_COLUMNS[stat_type]
    if group_by == "date":
        return DATE_COLUMNS
    if group_by == "group":
        return GROUP_COLUMNS
    return ("date", *USER_COLUMNS) if per_day else USER_COLUMNS
