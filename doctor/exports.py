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
from doctor.doubts import Answers, Doubt
from doctor.finding import Cost
from doctor.reach import declared_streams, rows_of
from source_dialpad.errors import transient_error
from source_dialpad.source import resolved_manifest
from source_dialpad.stats.files import GZIP_MAGIC
from source_dialpad.stats.jobs import ATTEMPTS, ExportJob, ExportJobs, JobStatus
from source_dialpad.stats.quota import export_quota
from source_dialpad.sync.windows import DAY, DayWindow, local_day, midnight
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.times import milliseconds, zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from doctor.finding import Finding
    from doctor.reach import Reach

SECTION: Final = "stats"
PATIENCE: Final = 600.0  # seconds for which exports are waited for
NOT_READY: Final = f"The export is still being prepared after {PATIENCE / 60:.0f} minutes."
NOT_STARTED: Final = (
    "Dialpad refuses to start the export (429); the exports of this hour are used up. Run it again later."
)
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

RANGE: Final = "how long a range may be"
COUNTED: Final = "whether the 200 POSTs are counted by key or by company"
TOO_MANY: Final = "what a 429 says"
ENFORCED: Final = "whether limits are enforced"
FAILED: Final = "why an export failed"
WRITTEN: Final = "compression and encoding of the file"
BOOLEANS: Final = "true or True"
EMPTY: Final = "what an empty export looks like"
DOWNLOAD: Final = "whether the download wants the key"
TEXTS: Final = "whether a text between two lines comes once or twice"
GRADED: Final = "whether exports of scorecards are cached, and their words for today"
HEADERS: Final = "headers of scorecards, csat, screenshare, by user, by group and the other aggregates"
BY_USER: Final = "whether stats by user have a row a day"
LATE: Final = {
    "day": "how late the tables of history are",
    "today": "how late the tables of today are",
}
DOUBTS: Final = {  # the rows of docs/stats.md, and the variants of the fake
    RANGE: Doubt(
        "dialpad.export_window_days sets it; a refusal or a time-out names that setting.",
        "a sync with a large dialpad.export_window_days, since the doctor asks for single days",
    ),
    COUNTED: Doubt("It counts 195 in its process, and waits after refusals.", "two keys of one company"),
    TOO_MANY: Doubt("It obeys Retry-After; without it waits 30 s and longer.", "a 429, and none is provoked"),
    ENFORCED: Doubt("It stays below the documented limits.", "a 429, and none is provoked"),
    FAILED: Doubt("It tries three times, then fails the window.", "an export that fails"),
    WRITTEN: Doubt("It takes plain and gzip, with and without a byte order mark.", "a file"),
    BOOLEANS: Doubt("It takes both.", "a file with booleans"),
    EMPTY: Doubt("It takes a header alone and no bytes at all for no rows.", "a kind of which the day had nothing"),
    DOWNLOAD: Doubt("It sends none.", "a file"),
    TEXTS: Doubt(
        "It keeps both: target_id is in the key.", "a text between two lines on the day, and the scope for texts"
    ),
    GRADED: Doubt("It asks up to yesterday, in the same words at any hour.", "an answer to 0 to 0 days ago"),
    HEADERS: Doubt("They pass through; in typed tables they are in other_columns.", "a file of each"),
    BY_USER: Doubt("A row stands for the window that was asked for.", "calls on the day"),
    LATE["day"]: Doubt("It reads lookback_days again in each sync.", "calls on the day, and the scope calls:list"),
    LATE["today"]: Doubt("It reads today again in each sync.", "calls of today, and the scope calls:list"),
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
        if by_grading:
            words = {"graded_days_ago_start": 0, "graded_days_ago_end": 0}
            self.today_of_scorecards.append(ask(retriever["requester"], body={**body, **words}))

    def finish(self) -> Iterator[int]:
        """Waits for the exports and reads their files; how many are still awaited, from time to time."""
        began = time.monotonic()
        while waiting := [pair for pair in self.jobs.values() if not pair[1].has_ended]:
            if time.monotonic() - began > PATIENCE:
                for _, job in waiting:
                    job.fail(NOT_STARTED if job.status is JobStatus.QUEUED else NOT_READY)
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
            columns = max((file.header for file in files.values()), key=len, default=None)
            rows = [row for file in files.values() for row in file.rows]
            counts = {
                f"rows_of_{'a_closed_' if when == 'day' else ''}{when}": len(file.rows) for when, file in files.items()
            }
            self.reach.note(name, replies, rows, columns=columns, **counts)

    def findings(self) -> Iterator[Finding]:
        """What the files and the answers tell."""
        self.answers = Answers(SECTION, DOUBTS)
        seen, files = self.answers.seen, list(self.files.values())
        if refused := self.reach.ask.too_many:
            said = f"{sum(refused)} of {len(refused)} said how long to wait (Retry-After)"
            seen(TOO_MANY, said, once=len(refused) == 1)
            seen(ENFORCED, f"{len(refused)} requests were refused (429)", once=len(refused) == 1)
        failures = [job.error.message or "" for _, job in self.jobs.values() if job.error]
        if failed := [message for message in failures if "status failed" in message]:
            reasons = sum("without a reason" not in message for message in failed)
            seen(FAILED, f"{len(failed)} failed, {reasons} of them with a reason", once=len(failed) == 1)
        if files:
            written = f"gzip: {sum(file.is_gzip for file in files)} of {len(files)} files; byte order mark: "
            written += f"{sum(file.has_mark for file in files)}; UTF-8: {sum(file.is_utf8 for file in files)}"
            seen(WRITTEN, written, once=len(files) == 1)
            seen(DOWNLOAD, f"no: {len(files)} files came without it", once=len(files) == 1)
            self._cells(files)
            self._headers()
            self._lags()
        if taken := [reply for reply in self.today_of_scorecards if reply.refusal is None]:
            seen(GRADED, f"0 to 0 days ago is accepted for today, {len(taken)} times; whether cached was not tried")
        return iter(self.answers)

    def _headers(self) -> None:
        reports = [self.reach.reports[name] for name in UNPUBLISHED]
        if seen := [report for report in reports if "columns_seen" in report]:
            columns, unknown = sum(one["columns_seen"] for one in seen), sum(len(one["unknown"]) for one in seen)
            text = f"{len(seen)} of {len(UNPUBLISHED)} came, with {columns} columns, {unknown} of them in no schema"
            self.answers.seen(HEADERS, text)

    def _cells(self, files: Sequence[File]) -> None:
        """What the cells of some columns tell; of their texts nothing but counts leaves here."""
        kinds = Counter(shape.kind(cell) for file in files for row in file.rows for cell in row.values())
        lower, title = kinds["true or false"], kinds["True or False"]
        if lower or title:
            self.answers.seen(BOOLEANS, f"true or false in {lower} cells, True or False in {title}")
        if empty := [file for file in files if not file.rows]:
            bare = sum(not file.size for file in empty)
            text = f"a header alone: {len(empty) - bare} files; no bytes at all: {bare}"
            self.answers.seen(EMPTY, text, once=len(empty) == 1)
        rows = [row for (name, _), file in self.files.items() for row in file.rows if name == "records_texts"]
        if texts := Counter(row.get("message_id") for row in rows if row.get("direction") == "internal"):
            both = sum(count > 1 for count in texts.values())
            self.answers.seen(TEXTS, f"twice: {both} texts; once: {len(texts) - both}", once=len(texts) == 1)
        by_user = [file for (name, _), file in self.files.items() if name == "stats_calls_by_user" and file.rows]
        if by_user:
            dated = any("date" in file.header for file in by_user)
            self.answers.seen(BY_USER, "yes, with a column date" if dated else "no", once=len(by_user) == 1)

    def _lags(self) -> None:
        """How far the newest leg of an export lies behind the newest one in the list of calls."""
        zone = zone_of(self.reach.config["timezone"])
        ends = {"today": datetime.now(UTC), "day": midnight(self.closed_day + DAY, zone)}
        for when, question in LATE.items():
            if file := self.files.get(("records_calls", when)):
                since, until = milliseconds(ends[when] - DAY), milliseconds(ends[when])
                params = {"started_after": since, "started_before": until, "limit": 1}
                listed = rows_of(self.reach.ask("dialpad_lists_requester", path="call", params=params), {})
                newest, exported = (
                    max((_milliseconds(row.get("date_started"), zone) for row in rows), default=0.0)
                    for rows in (listed, file.rows)
                )
                if newest:
                    self.answers.seen(question, _lateness((newest - exported) / 60_000), once=True)


def findings(reach: Reach) -> Iterator[Finding]:
    """One finding for each of `DOUBTS`, once every export has come or been given up."""
    exports = Exports(reach)
    exports.start()
    for _ in exports.finish():
        pass
    return exports.findings()


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


def cost(config: Mapping[str, Any]) -> Cost:
    """Two lists, a POST and a download for each file, and a look at the newest calls of both days."""
    if "dialpad" not in config:
        return Cost()
    graded = sum("scorecards_type" in stream["retriever"] for stream in exported_streams().values())
    posts = 2 * len(exported_streams())
    return Cost(2 + posts + posts - graded + len(LATE), posts, 25.0)
