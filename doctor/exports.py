"""The exports of stats and of scorecards: one closed day and today of each kind, by the connector's own jobs.

The files are looked at as they came: no cell is typed, no column looked for but where a question is about it.
"""

from __future__ import annotations

import csv
import io
import re
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import urllib3
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from doctor import shape
from doctor.ask import Reply
from doctor.finding import Certainty, Cost, Finding
from doctor.reach import declared_streams, rows_of
from source_dialpad.errors import refuses_the_key, transient_error
from source_dialpad.source import resolved_manifest
from source_dialpad.stats.files import GZIP_MAGIC
from source_dialpad.stats.jobs import ATTEMPTS, ExportJob, ExportJobs, JobStatus
from source_dialpad.stats.quota import export_quota
from source_dialpad.sync.windows import DAY, DayWindow, local_day, midnight
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.times import milliseconds, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo

    from doctor.reach import Reach

SECTION: Final = "stats"
PATIENCE: Final = 600.0  # seconds for which exports are waited for
LARGEST_FILE: Final = 64 << 20  # bytes that are read of one; a day is far smaller
MOST_ROWS: Final = 2000  # of a file, that are described
UNREADABLE: Final = (OSError, EOFError, zlib.error, csv.Error, urllib3.exceptions.HTTPError)
MARK: Final = b"\xef\xbb\xbf"
WEEKEND: Final = 5  # Saturday
UNPUBLISHED: Final = (  # whose header nobody has published
    *("scorecard_grades", "scorecard_answers", "records_csat", "records_screenshare", "stats_calls_by_user"),
    *(
        "stats_calls_by_group",
        "stats_onduty",
        "stats_texts",
        "stats_voicemails",
        "stats_recordings",
        "stats_screenshare",
    ),
)

QUESTIONS: Final = {
    "how long a range may be": "dialpad.export_window_days sets it; a refusal or a time-out names that setting.",
    "whether the 200 POSTs are counted by key or by company": "Counts 195 in its process, waits after refusals.",
    "what a 429 says": "Obeys Retry-After; without it waits 30 s and longer.",
    "whether limits are enforced": "Stays below them.",
    "why an export failed": "Tries three times, then fails the window.",
    "compression and encoding of the file": "Takes plain and gzip, with and without a byte order mark.",
    "true or True": "Takes both.",
    "what an empty export looks like": "Takes a header alone and no bytes at all for no rows.",
    "whether the download wants the key": "Sends none.",
    "whether a text between two lines comes once or twice": "Keeps both: target_id is in the key.",
    "whether exports of scorecards are cached, and their words for today": "Asks up to yesterday, in the same words.",
    "headers of scorecards, csat, screenshare, by user, by group and the other aggregates": "Passes them through.",
    "whether stats by user have a row a day": "A row stands for the window that was asked for.",
    "how late the tables of history are": "Reads lookback_days again in each sync.",
    "how late the tables of today are": "Reads today again in each sync, and again when it is over.",
}
OPEN: Final = {  # what one key and one day cannot tell
    "how long a range may be": "Only single days are asked for. A sync with a large dialpad.export_window_days tells.",
    "whether the 200 POSTs are counted by key or by company": "One key cannot tell; a second key of the company could.",
    "whether limits are enforced": "No limit was reached, and none is provoked.",
}


@dataclass
class File:
    """One download: how it was written, its header and its rows as text."""

    size: int
    is_gzip: bool
    has_mark: bool
    is_utf8: bool
    header: list[str]
    rows: list[dict[str, str]]


@dataclass
class Exports:
    """The exports of a run: `start` them, do something else, then `finish` them."""

    reach: Reach
    jobs: dict[tuple[str, str], tuple[ExportJobs, ExportJob]] = field(default_factory=dict)
    files: dict[tuple[str, str], File] = field(default_factory=dict)
    today_of_scorecards: list[Reply] = field(default_factory=list)

    def start(self) -> None:
        """Sends the POSTs."""
        config, ask = self.reach.config, self.reach.ask
        self.today = local_day(datetime.now(UTC), zone_of(config["timezone"]))
        self.closed_day = closed_day(self.today)
        lists = {name: ask("dialpad_lists_requester", path=name) for name in ("offices", "callcenters")}
        scopes = {name: _scope(config["dialpad"], reply, name) for name, reply in lists.items()}
        for name, stream in exported_streams().items():
            of = stream["retriever"].get("partition_router", {}).get("of")
            scope = (
                scopes["offices" if of == "offices" else "callcenters"] if of else _office(config["dialpad"], stream)
            )
            if scope is not None and "dialpad" not in ask.closed:
                self._start(name, stream, scope)

    def _start(self, name: str, stream: Mapping[str, Any], scope: Mapping[str, Any]) -> None:
        retriever, config, ask = stream["retriever"], self.reach.config, self.reach.ask
        members = ("export_type", "stat_type", "group_by", "scorecards_type")
        body = {member: retriever[member] for member in members if retriever.get(member)}
        body |= {"timezone": config["timezone"], **scope}
        by_grading = "scorecards_type" in body
        account = config["dialpad"]["base_url"], config["dialpad"]["api_key"]
        post, poll = (ask.calls(retriever[each]) for each in ("requester", "polling_requester"))
        zone = zone_of(config["timezone"])
        jobs = ExportJobs(name, export_quota(*account, of_scorecards=by_grading), post, poll, zone, by_grading)
        for day in (self.closed_day,) if by_grading else (self.closed_day, self.today):
            job = ExportJob(DayWindow(day, day), body, "", StreamSlice(partition={}, cursor_slice={}))
            job.attempts = ATTEMPTS - 1  # one export of each is enough
            self.jobs[name, "today" if day == self.today else "day"] = jobs, job
            jobs.step(job)
            if job.error is not None and refuses_the_key(job.error):
                ask.closed.setdefault("exports", job.error.message or "")
        if by_grading:
            words = {"graded_days_ago_start": 0, "graded_days_ago_end": 0}
            self.today_of_scorecards.append(ask(retriever["requester"], body={**body, **words}))

    def finish(self) -> Iterator[int]:
        """Waits for the exports and reads their files; how many are still awaited, from time to time."""
        began = time.monotonic()
        while waiting := [pair for pair in self.jobs.values() if not pair[1].has_ended]:
            if time.monotonic() - began > PATIENCE:
                for _, job in waiting:
                    job.fail(f"the export is still being prepared after {PATIENCE / 60:.0f} minutes")
                break
            for jobs, job in waiting:
                jobs.step(job)
            yield len(waiting)
            time.sleep(0.5)
        for key, (_, job) in self.jobs.items():
            if job.status is JobStatus.COMPLETED:
                try:
                    self.files[key] = self._download(job.download_url)
                except AirbyteTracedException as error:
                    job.fail(error)
                except UNREADABLE:
                    job.fail("the file of the export cannot be read")
        self._report()

    def _download(self, url: str) -> File:
        definition = resolved_manifest()["definitions"]["export_download_requester"]
        calls = self.reach.ask.calls(definition, FileGuard(self.reach.config["dialpad"]["base_url"]))
        place = StreamSlice(partition={}, cursor_slice={}, extra_fields={"download_url": url})
        with calls.raw("", stream_slice=place) as response:
            if not response.ok:
                raise transient_error(f"The host of the files answered {response.status_code}.")
            return file_of(response.raw.read(LARGEST_FILE, decode_content=False))

    def _report(self) -> None:
        """A report for each stream: outcome, columns of the header, and what stands in them."""
        for name in exported_streams():
            jobs = {when: self.jobs[name, when][1] for when in ("day", "today") if (name, when) in self.jobs}
            files = {when: self.files[name, when] for when in jobs if (name, when) in self.files}
            replies = [_reply(job) for job in jobs.values()]
            if not jobs and "dialpad" in self.reach.ask.closed:
                replies = [Reply(0, {}, None, b"", 0.0, self.reach.ask.closed["dialpad"])]
            columns = max((file.header for file in files.values()), key=len, default=None)
            rows = [row for file in files.values() for row in file.rows]
            counts = {
                f"rows_of_{'a_closed_' if when == 'day' else ''}{when}": len(file.rows) for when, file in files.items()
            }
            self.reach.note(name, replies, rows, columns=columns, **counts)

    def findings(self) -> Iterator[Finding]:
        """What the files and the answers tell."""
        files = list(self.files.values())
        for question, why in OPEN.items():
            yield _finding(question, why, None)
        refused = self.reach.ask.too_many
        said = f"{sum(refused)} of {len(refused)} said how long to wait (Retry-After)"
        yield _finding("what a 429 says", said if refused else "None came.", len(refused) or None)
        failed = [
            job.error.message or "" for _, job in self.jobs.values() if job.error and "status failed" in str(job.error)
        ]
        reasons = sum("without a reason" not in message for message in failed)
        text = f"{len(failed)} failed, {reasons} of them with a reason" if failed else "None failed."
        yield _finding("why an export failed", text, len(failed) or None)
        if files:
            sound = f"gzip: {sum(file.is_gzip for file in files)} of {len(files)} files; byte order mark: "
            sound += f"{sum(file.has_mark for file in files)}; UTF-8: {sum(file.is_utf8 for file in files)}"
            yield _finding("compression and encoding of the file", sound, len(files))
            yield _finding("whether the download wants the key", f"no: {len(files)} files came without it", len(files))
            yield self._headers()
        yield from self._cells()
        yield from self._lags()
        if self.today_of_scorecards:
            taken = sum(reply.refusal is None for reply in self.today_of_scorecards)
            words = f"0 to 0 days ago: accepted {taken} of {len(self.today_of_scorecards)} times; no cache was tried"
            yield _finding("whether exports of scorecards are cached, and their words for today", words, taken or None)

    def _headers(self) -> Finding:
        seen = [name for name in UNPUBLISHED if any((name, when) in self.files for when in ("day", "today"))]
        texts = []
        for name in seen:
            report = self.reach.reports[name]
            texts.append(f"{name}: {report.get('columns_seen', 0)} columns, {len(report.get('unknown', []))} unknown")
        question = "headers of scorecards, csat, screenshare, by user, by group and the other aggregates"
        return _finding(question, "; ".join(texts), len(seen) or None)

    def _cells(self) -> Iterator[Finding]:
        """What the cells of some columns tell; of their texts nothing but counts leaves here."""
        files = self.files.values()
        written = Counter(shape.kind(cell) for file in files for row in file.rows for cell in row.values())
        lower, title = written["true or false"], written["True or False"]
        yield _finding("true or True", f"true or false: {lower} cells; True or False: {title}", lower + title or None)
        empty = [file for file in files if not file.rows]
        bare = sum(not file.size for file in empty)
        text = f"a header alone: {len(empty) - bare} files; no bytes at all: {bare}"
        yield _finding("what an empty export looks like", text, len(empty) or None)
        texts = Counter(
            row.get("message_id")
            for (name, _), file in self.files.items()
            for row in file.rows
            if name == "records_texts" and row.get("direction") == "internal"
        )
        both = sum(count > 1 for count in texts.values())
        text = f"twice: {both} texts; once: {len(texts) - both}" if texts else "No text between two lines came."
        yield _finding("whether a text between two lines comes once or twice", text, len(texts) or None)
        by_user = [
            file.header for (name, _), file in self.files.items() if name == "stats_calls_by_user" and file.header
        ]
        dated = any("date" in header for header in by_user)
        yield _finding(
            "whether stats by user have a row a day", "yes, with a column date" if dated else "no", len(by_user) or None
        )

    def _lags(self) -> Iterator[Finding]:
        """How far the newest leg of an export lies behind the newest one in the list of calls."""
        zone = zone_of(self.reach.config["timezone"])
        ends = {"today": datetime.now(UTC), "day": midnight(self.closed_day + DAY, zone)}
        for when, tables in (("day", "history"), ("today", "today")):
            file, question = self.files.get(("records_calls", when)), f"how late the tables of {tables} are"
            params = {
                "started_after": milliseconds(ends[when] - DAY),
                "started_before": milliseconds(ends[when]),
                "limit": 1,
            }
            listed = rows_of(self.reach.ask("dialpad_lists_requester", path="call", params=params), {}) if file else []
            newest = max((_milliseconds(row.get("date_started"), zone) for row in listed), default=0.0)
            if not file or not newest:
                yield _finding(question, "No call to compare with.", None)
                continue
            exported = max((_milliseconds(row.get("date_started"), zone) for row in file.rows), default=0.0)
            minutes = (newest - exported) / 60_000
            yield _finding(question, _lateness(minutes) if exported else "more than the day asked for", 1)


def exported_streams() -> dict[str, dict[str, Any]]:
    """The streams of exports."""
    named = declared_streams().items()
    return {name: stream for name, stream in named if "polling_requester" in stream["retriever"]}


def closed_day(today: date) -> date:
    """The last closed day that is no weekend: most companies have calls on it."""
    day = today - DAY
    while day.weekday() >= WEEKEND:
        day -= DAY
    return day


def file_of(content: bytes) -> File:
    """A file as it was downloaded."""
    is_gzip = content.startswith(GZIP_MAGIC)
    plain = zlib.decompressobj(31).decompress(content, LARGEST_FILE) if is_gzip else content
    text = plain.removeprefix(MARK)
    try:
        decoded, is_utf8 = text.decode(), True
    except UnicodeDecodeError:
        decoded, is_utf8 = text.decode("utf-8", "replace"), False
    lines = csv.reader(io.StringIO(decoded, newline=""))
    header = next(lines, [])
    rows = [dict(zip(header, cells, strict=False)) for cells, _ in zip(lines, range(MOST_ROWS), strict=False) if cells]
    return File(len(plain), is_gzip, plain.startswith(MARK), is_utf8, header, rows)


def _scope(dialpad: Mapping[str, Any], reply: Reply, of: str) -> dict[str, Any] | None:
    """The members of a POST that name the first office or target; None where there is none."""
    identities = [row["id"] for row in rows_of(reply, {}) if str(row.get("id", "")).isdigit()]
    if of == "offices":
        office = dialpad.get("office_id") or next(iter(identities), None)
        return {"office_id": int(office)} if office else None
    for target in dialpad["targets"]:
        return {"target_type": target["type"], "target_id": int(target["id"])}
    return {"target_type": "callcenter", "target_id": int(identities[0])} if identities else None


def _office(dialpad: Mapping[str, Any], stream: Mapping[str, Any]) -> dict[str, Any]:
    office = dialpad.get("office_id")
    if not office:
        return {}
    by_grading = "scorecards_type" in stream["retriever"]
    return {"target_type": "office", "target_id": int(office)} if by_grading else {"office_id": int(office)}


def _reply(job: ExportJob) -> Reply:
    message = (job.error.message or "").removeprefix(": ") if job.error else None
    status = re.search(r"\((\d{3})\b", message or "")
    return Reply(int(status[1]) if status else 200, {}, None, b"", 0.0, message)


def _milliseconds(value: Any, zone: tzinfo) -> float:
    """The instant of a cell or a member in milliseconds; 0 where it has none."""
    try:
        if str(value).isdigit():
            return float(value)
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000
    except (TypeError, ValueError):
        return 0.0


def _lateness(minutes: float) -> str:
    bounds = {
        15: "not late: less than a quarter of an hour",
        120: "less than two hours late",
        1440: "less than a day late",
    }
    return next((text for most, text in bounds.items() if minutes < most), "a day late, or more")


def _finding(question: str, answer: str, seen: int | None) -> Finding:
    sure = Certainty.UNDECIDED if not seen else Certainty.SEEN if seen > 1 else Certainty.SEEN_ONCE
    return Finding(SECTION, question, answer, sure, QUESTIONS[question])


def cost(config: Mapping[str, Any]) -> Cost:
    """A POST, some polls and a download for each file."""
    if "dialpad" not in config:
        return Cost()
    files = sum(1 if "scorecards_type" in stream["retriever"] else 2 for stream in exported_streams().values())
    return Cost(6 + 6 * files, files + 2, 45.0)
