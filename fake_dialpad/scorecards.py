"""The export of scorecards: what was graded, call by call and answer by answer. Their list is in lists.py.

What it keeps to (API specification): `POST /scorecards/export` (500 in 2 minutes), then `GET /scorecards/export/{id}`
until `complete` or `failed` with a reason, then a plain download. Both ends of a range of days are in it, and days are
those of the requested timezone. The headers of the files are published nowhere and are invented; leaderboards are not
served.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfoNotFoundError

from fake_dialpad.grading import Grading, gradings
from fake_dialpad.local_time import Days, LocalTime, days_between
from fake_dialpad.model import SECOND, day_of
from fake_dialpad.records import Scope
from fake_dialpad.stats import DAYS_AGO, INT64, Stats, csv_text
from fake_dialpad.wire import Refused, Request, Response, Window, answer, route, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_dialpad.context import Context
    from fake_dialpad.exports import Exports

KEPT: Final = 3 * 3600
TYPES: Final = (
    "scorecard_export_agent_leaderboard",
    "scorecard_export_calls",
    "scorecard_export_calls_questions",
    "scorecard_export_leaderboard",
    "scorecard_export_teamgroup_leaderboard",
)
BODY: Final = schema(
    {
        "scorecards_type": {"enum": list(TYPES)},
        "days_ago_start": DAYS_AGO,
        "days_ago_end": DAYS_AGO,
        "graded_days_ago_start": DAYS_AGO,
        "graded_days_ago_end": DAYS_AGO,
        "scorecard_ids": {"type": "array", "items": INT64},
        "scorecard_grader_id": INT64,
        "send_to": {"type": "string"},
        "target_id": INT64,
        "target_type": {"enum": ["callcenter", "coachingteam", "office", "unknown", "user"]},
        "timezone": {"type": "string"},
    },
    required=("scorecards_type",),
)
Cells = Callable[[Grading, LocalTime], list[list[str]]]


def _grade_cells(row: Grading, clock: LocalTime) -> list[list[str]]:
    return [
        [
            clock.text(row.at_us, fraction=False),
            *_of_call(row, clock),
            row.grader.id,
            row.grader.name,
            str(row.points),
            str(row.most_points),
            f"{100 * row.points / row.most_points:.1f}",
            row.comment,
            clock.timezone,
        ]
    ]


def _of_call(row: Grading, clock: LocalTime) -> list[str]:
    agent = row.leg.operator or row.leg.target
    return [
        row.leg.call_id,
        clock.text(row.leg.at_us, fraction=False),
        row.scorecard.id,
        row.scorecard.name,
        agent.id,
        agent.name,
        agent.email,
    ]


def _answer_cells(row: Grading, clock: LocalTime) -> list[list[str]]:
    return [
        [
            clock.text(row.at_us, fraction=False),
            *_of_call(row, clock),
            question.id,
            question.text,
            question.type,
            question.options[answered],
            str(answered),
            str(len(question.options) - 1),
            note,
            row.grader.name,
            clock.timezone,
        ]
        for question, answered, note in zip(row.scorecard.questions, row.answers, row.notes, strict=True)
    ]


_CALL: Final = ("call_id", "call_date", "scorecard_id", "scorecard_name", "agent_id", "agent_name", "agent_email")


@dataclass(frozen=True, slots=True)
class Table:
    """One export of scorecards: its header and the rows a grading gives."""

    columns: tuple[str, ...]
    cells: Cells


GRADES: Final = "scorecard_export_calls"
ANSWERS: Final = "scorecard_export_calls_questions"
TABLES: Final = {
    GRADES: Table(
        (
            "date_graded",
            *_CALL,
            "grader_id",
            "grader_name",
            "score",
            "max_score",
            "percent_score",
            "comments",
            "timezone",
        ),
        _grade_cells,
    ),
    ANSWERS: Table(
        (
            "date_graded",
            *_CALL,
            "question_id",
            "question",
            "question_type",
            "answer",
            "points",
            "max_points",
            "note",
            "grader_name",
            "timezone",
        ),
        _answer_cells,
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which gradings an export has; a range of days that was not given is None."""

    graded: Days | None
    called: Days | None
    now: int
    scope: Scope = field(default_factory=Scope)
    scorecard_ids: frozenset[str] | None = None
    grader_id: str | None = None

    def holds(self, row: Grading) -> bool:
        """Whether a grading is in the export."""
        return (
            row.visible_us <= self.now
            and _within(self.graded, row.at_us)
            and _within(self.called, row.leg.at_us)
            and self.scope.holds(row)
            and (self.scorecard_ids is None or row.scorecard.id in self.scorecard_ids)
            and (self.grader_id is None or row.grader.id == self.grader_id)
        )


def _within(days: Days | None, instant_us: int) -> bool:
    return days is None or days.start_us <= instant_us < days.end_us


class Scorecards:
    """The export of scorecards; their list is in lists.py."""

    def __init__(self, context: Context, stats: Stats, exports: Exports) -> None:
        self.context = context
        self.stats = stats
        self.exports = exports
        self._posts = Window(500, 120)
        self.routes = [
            route("POST", "/api/v2/scorecards/export", self.start),
            route("GET", "/api/v2/scorecards/export/{request_id}", self.poll),
        ]

    def start(self, request: Request) -> Response:
        """Accept an export."""
        now = self.context.server_now()
        if self.context.limited and not self._posts.admits(now):
            raise self.context.too_many("Rate limit exceeded", self._posts.wait(now))
        body: dict[str, Any] = request.valid(BODY)
        kind = body["scorecards_type"]
        if kind not in TABLES:
            raise Refused(400, f"Invalid value for scorecards_type: {kind} is not served by fake_dialpad")
        clock = self._clock(body.get("timezone", "UTC"))
        wanted = self._wanted(body, clock)
        export = self.exports.start(request.body, KEPT, lambda: self.file(kind, wanted, clock))
        return answer({"request_id": export.id, "status": "processing"})

    def _clock(self, timezone: str) -> LocalTime:
        try:
            return self.context.local(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise Refused(400, "Invalid timezone name") from error

    def _wanted(self, body: dict[str, Any], clock: LocalTime) -> Wanted:
        ranges = {prefix: self._days(body, prefix, clock) for prefix in ("graded_days_ago", "days_ago")}
        of_office = body.get("target_type") == "office" and "target_id" in body
        ids = body.get("scorecard_ids")
        return Wanted(
            graded=ranges["graded_days_ago"],
            called=ranges["days_ago"],
            scope=self.stats.scope({"office_id": body["target_id"]} if of_office else body),
            scorecard_ids=None if ids is None else frozenset(map(str, ids)),
            grader_id=str(body["scorecard_grader_id"]) if "scorecard_grader_id" in body else None,
            now=self.context.now_us(),
        )

    def _days(self, body: dict[str, Any], prefix: str, clock: LocalTime) -> Days | None:
        """Return the days of a range; without any range the last 30 days of calls."""
        names = (f"{prefix}_start", f"{prefix}_end")
        if not any(name in body for name in names) and (prefix != "days_ago" or "graded_days_ago_start" in body):
            return None
        newer, older = int(body.get(names[0], 1)), int(body.get(names[1], 30))
        if older < newer:
            raise Refused(400, f"{names[1]} is before {names[0]}")
        today = clock.day(int(self.context.server_now() * SECOND))
        return days_between(today - timedelta(days=older), today - timedelta(days=newer), clock)

    def poll(self, request: Request, request_id: str) -> Response:
        """Say how far an export is."""
        export = self.exports.known(request_id)
        if export.failed:
            return answer({"status": "failed", "reason": "The report could not be generated"})
        if self.context.server_now() < export.ready:
            return answer({"status": "processing"})
        return answer({"status": "complete", "download_url": self.exports.url(request, export), "file_type": "csv"})

    def file(self, kind: str, wanted: Wanted, clock: LocalTime) -> Iterator[bytes]:
        """Yield the CSV of an export, a day of gradings at a time."""
        yield csv_text([TABLES[kind].columns], "\r\n")
        for row in self.gradings(wanted):
            yield csv_text(TABLES[kind].cells(row, clock), "\r\n")

    def gradings(self, wanted: Wanted) -> Iterator[Grading]:
        """Yield the gradings of an export, oldest first."""
        world = self.context.world
        first = world.first_day if wanted.graded is None else max(world.first_day, day_of(wanted.graded.start_us))
        last = day_of(wanted.now) if wanted.graded is None else day_of(min(wanted.now, wanted.graded.end_us))
        while first <= last:
            yield from (row for row in gradings(world, first) if wanted.holds(row))
            first += timedelta(days=1)
