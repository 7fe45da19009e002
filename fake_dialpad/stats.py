"""The Stats API: `POST /api/v2/stats`, `GET /api/v2/stats/{id}`, then a plain download of a CSV.

What it keeps to (Stats API page): both ends of a range of days are in it, days are those of the requested timezone at
the moment of the POST, identical requests are answered from a cache for 3 hours (history) or 30 minutes (today) and
still count against 200 POSTs an hour, csat and dispositions want a target, group figures want an office.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfoNotFoundError

import orjson

from fake_dialpad.aggregates import Aggregates, aggregate_columns
from fake_dialpad.local_time import Days, LocalTime, days_between
from fake_dialpad.model import DAY, SECOND, day_of, midnight
from fake_dialpad.records import TABLES, Scope, Style, Table, selected
from fake_dialpad.wire import Refused, Request, Response, Window, answer, route, schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fake_dialpad.context import Context
    from fake_dialpad.exports import Export, Exports
    from fake_dialpad.people import People

HISTORY_CACHE: Final = 3 * 3600
TODAY_CACHE: Final = 30 * 60
RENDERED_BYTES: Final = 96_000_000
TARGET_TYPES: Final = (
    "callcenter",
    "coachinggroup",
    "coachingteam",
    "department",
    "office",
    "room",
    "staffgroup",
    "unknown",
    "user",
)
STAT_TYPES: Final = ("calls", "csat", "dispositions", "onduty", "recordings", "screenshare", "texts", "voicemails")
INT64: Final = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+$"}]}
DAYS_AGO: Final = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": 99_999}, {"type": "string", "pattern": r"^\d{1,5}$"}]
}
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What an export of the Stats API is about, as it was when it was asked for."""

    body: dict[str, Any]
    scope: Scope
    timezone: str
    days: Days | None
    frozen_us: int
    style: Style


class Stats:
    """The routes of the Stats API, their limits and their cache."""

    def __init__(self, context: Context, people: People, exports: Exports) -> None:
        self.context = context
        self.people = people
        self.exports = exports
        self.routes = [
            route("POST", "/api/v2/stats", self.start),
            route("GET", "/api/v2/stats/{request_id}", self.poll),
        ]
        self.posts = Window(200, 3600)
        self.polls = Window(20, 1)
        self.cached: dict[bytes, Export] = {}
        self.rendered: dict[tuple[object, ...], bytes] = {}
        self.rendered_bytes = 0

    def start(self, request: Request) -> Response:
        """Accept an export, or answer an identical one from the cache."""
        now = self.context.server_now()
        if self.context.limited and not self.posts.admits(now):
            raise self.context.too_many("Rate limit exceeded: 200 stats requests per hour", self.posts.wait(now))
        body: dict[str, Any] = request.valid(BODY)
        days, scope, timezone = self._parsed(body)
        user = self.context.user_of(request)
        key = orjson.dumps([body, user.id if user else None], option=orjson.OPT_SORT_KEYS)
        known = self.cached.get(key)
        if known is not None and known.expires > now and not known.failed and not known.forgotten:
            return answer({"request_id": known.id, "already_started": True})
        today = self._today(body)
        lag = float(self.context.variants["today_lag" if today else "history_lag"])
        asked = Asked(
            body=body,
            scope=scope if user is None else Scope(target_id=user.id, target_type="user"),
            timezone=timezone,
            days=days,
            frozen_us=int((self.context.now() - lag) * SECOND),
            style=self.style(),
        )
        export = self.exports.start(key, TODAY_CACHE if today else HISTORY_CACHE, lambda: self.file(asked))
        self.cached[key] = export
        return answer({"request_id": export.id, "already_started": False})

    def style(self) -> Style:
        """Return how cells are written now."""
        return Style(
            title_booleans=self.context.variants["booleans"] == "title",
            with_texts=self.context.has_scope("message_content_export"),
            with_recordings=self.context.has_scope("recordings_export"),
        )

    @staticmethod
    def _today(body: dict[str, Any]) -> bool:
        if body.get("is_today"):
            return True
        return int(body.get("days_ago_start", 1)) == 0 and int(body.get("days_ago_end", 30)) == 0

    def _parsed(self, body: dict[str, Any]) -> tuple[Days | None, Scope, str]:
        timezone = body.get("timezone", "UTC")
        try:
            clock = self.context.local(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused(400, "Invalid timezone name") from error
        today = clock.day(int(self.context.server_now() * SECOND))
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
        world = self.context.world
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
            team = self.people.team(key)
            if team is None:
                raise Refused(404, f"Target {kind} {key} not found")
            return Scope(members=frozenset(team), target_type=kind, text=text)
        if kind == "room" and key in self.people.room_ids():
            return Scope(target_id=key, target_type=kind, text=text)
        party = world.parties.get(key)
        if party is None or party.type.replace("_", "") != kind:
            raise Refused(404, f"Target {kind} {key} not found")
        return Scope(target_id=key, target_type=kind, text=text)

    def poll(self, request: Request, request_id: str) -> Response:
        """Say how far an export is."""
        now = self.context.server_now()
        if self.context.limited and not self.polls.admits(now):
            raise self.context.too_many("Rate limit exceeded", self.polls.wait(now))
        export = self.exports.known(request_id)
        if export.failed:
            return answer({"status": "failed"})
        if now < export.ready:
            return answer({"status": "processing"})
        return answer({"status": "complete", "download_url": self.exports.url(request, export), "file_type": "csv"})

    def file(self, export: Asked) -> Iterator[bytes]:
        """Yield the CSV of an export, a day of rows at a time."""
        body = export.body
        clock = self.context.local(export.timezone)
        if body["export_type"] == "stats":
            per_day = self.context.variants["by_user"] == "per_day"
            columns = aggregate_columns(body["stat_type"], body.get("group_by"), per_day=per_day)
            aggregates = Aggregates(
                self.context.world, export.frozen_us, clock, self.context.variants["texts"] == "both_sides"
            )
            rows = aggregates.rows(body["stat_type"], body.get("group_by"), export.days, export.scope, per_day=per_day)
            chunks: Iterator[bytes] = iter(
                [csv_text((tuple(row[name] for name in columns) for row in rows), "\r\n")] if rows else []
            )
            yield from self._framed(columns, chunks, bom=False, newline="\r\n")
            return
        table = TABLES[body["stat_type"]]
        yield from self._framed(
            table.columns,
            self._days(table, body["stat_type"], export, clock),
            bom=table.bom,
            newline=table.newline,
            quote_all=table.quote_all,
        )

    def _framed(
        self, columns: Sequence[str], chunks: Iterator[bytes], *, bom: bool, newline: str, quote_all: bool = False
    ) -> Iterator[bytes]:
        mark = {"some": bom, "all": True, "none": False}[self.context.variants["bom"]]
        first = next((chunk for chunk in chunks if chunk), None)
        if first is None and self.context.variants["no_rows"] == "empty_file":
            return
        yield (b"\xef\xbb\xbf" if mark else b"") + csv_text([columns], newline, quote_all=quote_all)
        if first is not None:
            yield first
            yield from chunks

    def _remember(self, key: tuple[object, ...], chunk: bytes) -> None:
        self.rendered_bytes += len(chunk)
        if self.rendered_bytes > RENDERED_BYTES:
            self.rendered.clear()
            self.rendered_bytes = len(chunk)
        self.rendered[key] = chunk

    def _days(self, table: Table, stat_type: str, export: Asked, clock: LocalTime) -> Iterator[bytes]:
        days = export.days
        if days is None:
            return
        world, now = self.context.world, export.frozen_us
        one_row = stat_type == "texts" and self.context.variants["texts"] == "one_row"
        day = day_of(days.start_us)
        while (start := midnight(day)) < days.end_us:
            part = Days(day, day, max(start, days.start_us), min(start + DAY, days.end_us))
            phase = (table.day(world, day - timedelta(days=1)).phase(now), table.day(world, day).phase(now))
            style = (export.style.title_booleans, export.style.with_texts, export.style.with_recordings)
            key = (stat_type, day, part.start_us, part.end_us, export.timezone, export.scope, phase, style, one_row)
            chunk = self.rendered.get(key)
            if chunk is None:
                rows = selected(world, table, part, export.scope, now)
                if one_row:
                    rows = (row for row in rows if row.first_side)
                chunk = csv_text(
                    (table.cells(row, now, clock, export.style) for row in rows),
                    table.newline,
                    quote_all=table.quote_all,
                )
                self._remember(key, chunk)
            yield chunk
            day += timedelta(days=1)


def csv_text(rows: Iterable[Sequence[str]], newline: str, *, quote_all: bool = False) -> bytes:
    """Return rows as CSV in UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL).writerows(rows)
    return text.getvalue().encode()
