"""Stats exports: POST, wait, poll, download; many at once, within Dialpad's limits, no empty file for a failed one.

Stats API page: a POST starts an export (200 an hour, counted even when answered from the cache), the result can be
asked for 15-20 seconds later and then every 5 or 10, and is kept for 3 hours (30 minutes when it is of today). Ranges
are given as days back from today of the requested zone, so they are computed at the moment of the POST.

`ExportDesk` holds what all streams of one key share: the POST budget and the server's clock. `ExportRetriever` starts
the exports of a stream's windows ahead, hands each window on when its export is there, and reads it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import snippet, system_error, transient_error
from source_dialpad.stats.rows import ExportColumns, ExportFile, NotAnExport
from source_dialpad.sync.batches import batched
from source_dialpad.sync.fair_executor import release_slot
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.sync.windows import DAY, DayWindow, local_day, midnight, zone_of
from source_dialpad.transport.backoff import retry_after
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.requester import Answer, JsonCalls, loaded, object_of
from source_dialpad.transport.secrets import mask_signature

logger = logging.getLogger("airbyte")

POSTS_AN_HOUR = 195
"""Stats API page: 200 an hour; five are left to people and to other programs of the company."""

HOUR = 3601.0
"""Seconds a POST counts: an hour, and one for the way to the server."""

FIRST_POLL = 15.0
"""Stats API page: "wait 15-20 seconds before hitting the GET API"."""

POLL_EVERY = 5.0
POLL_EVERY_LATER = 10.0
PATIENT_AFTER = 60.0
"""Stats API page: "retry every 5 or 10 seconds"; after a minute the longer pause does."""

TIME_LIMIT = 3600.0
"""Seconds until an export that is still processing is given up."""

ATTEMPTS = 3
"""Exports started for one window before it fails: `failed`, forgotten ids and expired files."""

PAUSE_AFTER_FAILURE = 60.0
"""Seconds before a failed export is started again; no reason is ever given for a failure."""

POLL_ERRORS = 12
"""Polls in a row that may go wrong, two minutes of them, before the window fails; the requester repeats none."""

RATE_LIMIT_PATIENCE = 75 * 60.0
"""Seconds for which refused POSTs (429) are tried again: the budget is shared with everybody in the company."""

LEAST_REFUSAL = 10.0
"""Seconds that a 429 stops all POSTs at least, also when Retry-After says 0."""

IN_FLIGHT = POSTS_AN_HOUR
"""Windows of a stream whose exports are started and not yet read: a result is not kept for long."""

POST_ERRORS = 5
"""POSTs in a row that may go wrong before the window fails. The requester does not repeat them: each one is counted."""

PAUSE_AFTER_ERROR = 5.0
"""Seconds before a POST that went wrong is sent again; each further time twice as many."""

CACHED = timedelta(hours=3)
CACHED_TODAY = timedelta(minutes=30)
"""Stats API page: so long is an identical POST answered with the earlier export, of closed days and of today."""

BELIEVED_OFFSET = timedelta(hours=6)
"""A server whose clock is further off than this tells no time."""

HEADER_GRAIN = timedelta(seconds=2)
"""How exact a `Date` header is: whole seconds, and the way of the answer."""

MIDNIGHT_MARGIN = timedelta(seconds=5)
"""A POST this near before midnight waits for it: the server may cut the days on either side."""

GONE = (400, 401, 403, 404, 410)
"""How hosts of files answer an expired URL: 403, Google's 400 (ExpiredToken), and 404 when the file is gone."""

LATER = "Run the sync again later."
REPORT = "Run the sync again later, and report it if it stays: Dialpad's answers may have changed."

SAY_EVERY = 30.0
"""Seconds between two log lines while something is waited for; the platform ends silent connectors."""


# --- what all streams share -------------------------------------------------------------------------------------------


class PostBudget:
    """Never more than `limit` POSTs in any hour, all streams of a key together."""

    def __init__(self, limit: int = POSTS_AN_HOUR) -> None:
        """An empty hour."""
        self._limit = limit
        self._sent: deque[float] = deque()
        self._not_before = 0.0
        self._lock = threading.Lock()
        self.used = 0

    def wait_seconds(self) -> float:
        """Seconds until a POST may be sent; 0 or less when one may be sent now."""
        with self._lock:
            return self._wait(time.monotonic())

    def _wait(self, now: float) -> float:
        while self._sent and now - self._sent[0] >= HOUR:
            self._sent.popleft()
        full = 0.0 if len(self._sent) < self._limit else self._sent[0] + HOUR - now
        return max(full, self._not_before - now)

    def pause(self, seconds: float) -> None:
        """Lets nobody send a POST for some time, since Dialpad has just refused one."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def take(self) -> float:
        """Counts a POST and returns 0, or returns the seconds to wait and counts nothing."""
        with self._lock:
            now = time.monotonic()
            wait = self._wait(now)
            if wait <= 0:
                self._sent.append(now)
                self.used += 1
                return 0.0
            return wait


class ServerClock:
    """Which day it is for the server, as far as its `Date` headers tell; our own clock until then."""

    def __init__(self) -> None:
        """No answer seen yet."""
        self._offset = timedelta(0)

    def learn(self, response: requests.Response) -> None:
        """Takes the server's time from an answer."""
        try:
            told = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, TypeError, ValueError):
            return
        offset = told - datetime.now(UTC)
        believed = HEADER_GRAIN < abs(offset) < BELIEVED_OFFSET
        self._offset = offset if believed else timedelta(0)

    def now(self) -> datetime:
        """The server's time."""
        return datetime.now(UTC) + self._offset


@dataclass
class ExportQuota:
    """What all streams of one key share: the POST budget, the server's clock, the exports begun, a count of polls."""

    budget: PostBudget = field(default_factory=PostBudget)
    clock: ServerClock = field(default_factory=ServerClock)
    polls: int = 0
    begun: dict[str, date] = field(default_factory=dict)
    """The exports that this process has begun, and the server's day at that moment."""


@lru_cache(maxsize=32)
def export_quota(base_url: str, api_key: str) -> ExportQuota:  # noqa: ARG001  # they tell desks apart
    """The desk of a key; limits are counted a company, so two sources of one process share it."""
    return ExportQuota()


# --- one export -------------------------------------------------------------------------------------------------------


class JobStatus(Enum):
    """Where an export stands."""

    QUEUED = "to be started"
    RUNNING = "being prepared"
    COMPLETED = "ready"
    FAILED = "failed"


WAITING = (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass
class ExportJob:
    """One export of one window, from the POST to the download URL; `running` when its day is not over."""

    window: DayWindow
    running: bool
    body: Mapping[str, Any]
    context: str
    stream_slice: StreamSlice
    stage: JobStatus = JobStatus.QUEUED
    due: float = 0.0
    attempts: int = 0
    request_id: str = ""
    started: float = 0.0
    post_errors: int = 0
    poll_errors: int = 0
    download_url: str = ""
    expired_url: str = ""
    error: AirbyteTracedException | None = None
    refused_since: float | None = None
    doubted: str = ""

    def fail(self, error: AirbyteTracedException) -> None:
        """Ends the export with an error that names stream and window."""
        self.stage, self.error = JobStatus.FAILED, error

    def on_download_expired(self) -> None:
        """Asks once for a fresh URL of the same export, which needs no POST; if that is gone too, starts over."""
        if self.expired_url:
            self.again(
                transient_error(f"{self.context}: the file of the export is gone, {ATTEMPTS} times. {LATER}"),
                POLL_EVERY,
            )
            return
        self.expired_url = self.download_url
        self.ask_again(0.0)

    def ask_again(self, pause: float) -> None:
        """Asks for the URL of the same export once more."""
        self.stage, self.due = JobStatus.RUNNING, time.monotonic() + pause

    def again(self, reason: AirbyteTracedException, pause: float) -> None:
        """Starts over with a new POST after `pause` seconds, or fails for `reason` when all attempts are used."""
        self.request_id = self.download_url = self.expired_url = ""
        if self.attempts >= ATTEMPTS:
            self.fail(reason)
            return
        logger.warning(
            "%s Started again in %d s (attempt %d of %d).", reason.message, pause, self.attempts + 1, ATTEMPTS
        )
        self.stage, self.due = JobStatus.QUEUED, time.monotonic() + pause


@dataclass
class ExportProtocol:
    """Takes exports through their stages; each step sends at most one request and never waits.

    Errors end the export, not the others: 401, 403 and 400 at once, a failed, forgotten or expired export after
    `ATTEMPTS`, unreadable answers and time-outs after theirs.
    """

    desk: ExportQuota
    post: JsonCalls
    poll: JsonCalls
    zone: tzinfo

    def step(self, export: ExportJob) -> None:
        """The next request of an export that is due."""
        try:
            if export.stage is JobStatus.QUEUED:
                self._post(export)
            elif export.stage is JobStatus.RUNNING:
                self._poll(export)
        except AirbyteTracedException as error:
            self._went_wrong(export, error)

    def _went_wrong(self, export: ExportJob, error: AirbyteTracedException) -> None:
        if error.failure_type == FailureType.config_error:
            export.fail(error)
        elif export.stage is JobStatus.QUEUED:
            export.post_errors += 1
            export.due = time.monotonic() + PAUSE_AFTER_ERROR * 2.0 ** (export.post_errors - 1)
            if export.post_errors >= POST_ERRORS:
                export.fail(error)
        else:
            export.poll_errors += 1
            export.due = time.monotonic() + POLL_EVERY_LATER
            if export.poll_errors >= POLL_ERRORS:
                export.fail(error)

    def _post(self, export: ExportJob) -> None:
        today = local_day(self.desk.clock.now(), self.zone)
        wait = self._wait_for_the_day(export, today) or self.desk.budget.take()
        if wait > 0:
            export.due = time.monotonic() + wait
            return
        days = days_ago(export.window, today, reworded=bool(export.doubted))
        response = self.post.raw(export.context, stream_slice=export.stream_slice, body={**export.body, **days})
        self.desk.clock.learn(response)
        if response.status_code == requests.codes.too_many_requests:
            self._refused(export, response)
            return
        answer = _json_answer(response, export.context)
        request_id = object_of(answer, export.context).get("request_id")
        now = time.monotonic()
        export.attempts += 1
        export.post_errors, export.refused_since = 0, None
        if not request_id:
            export.again(
                transient_error(
                    f"{export.context}: Dialpad took the export without a request id: {snippet(answer.content)}. "
                    f"{LATER}"
                ),
                PAUSE_AFTER_FAILURE,
            )
        elif local_day(self.desk.clock.now(), self.zone) != today:
            # the day turned on the way, or the server's clock is not ours: other days were asked for than we mean
            export.again(
                transient_error(f"{export.context}: the clock of Dialpad stands on another day than {today}. {LATER}"),
                1.0,
            )
        elif answer.value.get("already_started") and self._is_doubtful(export, str(request_id), today):
            export.attempts -= 1
        else:
            self.desk.begun.setdefault(str(request_id), today)
            export.stage, export.request_id, export.started = JobStatus.RUNNING, str(request_id), now
            export.due, export.poll_errors = now + FIRST_POLL, 0

    def _is_doubtful(self, export: ExportJob, request_id: str, today: date) -> bool:
        """Whether an answer from the cache may be that of yesterday's question; if so, the question is put again later.

        Days are counted back from today, so after midnight the same words mean other days, and Dialpad still answers
        them with the days of the evening before. Other words for the same question are a question of their own; should
        the server know them for the same, its cache is waited for.
        """
        midnight_ago = self.desk.clock.now() - midnight(today, self.zone)
        kept = (CACHED_TODAY if export.window.last >= today else CACHED) - midnight_ago
        if kept <= timedelta(0) or self.desk.begun.get(request_id) == today:
            return False
        if export.doubted and export.doubted != request_id:
            return False
        export.due = time.monotonic()
        if export.doubted:
            export.due += kept.total_seconds() + 1
            logger.info(
                "%s: Dialpad still gives the export of the days before midnight; a new one is started in %d min.",
                export.context,
                kept.total_seconds() / 60,
            )
        export.doubted = request_id
        return True

    def _wait_for_the_day(self, export: ExportJob, today: date) -> float:
        """Seconds until the server may be asked for the window; 0 when it may be asked now.

        Where its clock is behind ours, a day that is closed for us still runs there, and a running one has not begun.
        """
        now = self.desk.clock.now()
        before_midnight = midnight(today + DAY, self.zone) - now
        if before_midnight < MIDNIGHT_MARGIN:
            return before_midnight.total_seconds() + 1
        begins = midnight(export.window.last if export.running else export.window.last + DAY, self.zone)
        if begins <= now:
            return 0.0
        wait = (begins - now).total_seconds() + 1
        logger.info("%s: waits %d s, since the clock of Dialpad still stands on %s.", export.context, wait, today)
        return wait

    def _refused(self, export: ExportJob, response: requests.Response) -> None:
        now = time.monotonic()
        export.refused_since = export.refused_since or now
        wait = retry_after(response)
        if wait is None:
            wait = min(30.0 + (now - export.refused_since), 600.0)
        wait = max(wait, LEAST_REFUSAL)
        if now + wait - export.refused_since > RATE_LIMIT_PATIENCE:
            export.fail(
                transient_error(
                    f"{export.context}: Dialpad refuses to start the export (429), and would for more than "
                    f"{RATE_LIMIT_PATIENCE / 60:.0f} minutes. The 200 export requests an hour are shared by everything "
                    "the company runs; run the sync again later, or with a larger dialpad.export_window_days."
                )
            )
            return
        logger.info(
            "%s: Dialpad refused to start the export (429); no export is started for %d s.", export.context, wait
        )
        self.desk.budget.pause(wait)
        export.due = now + wait

    def _poll(self, export: ExportJob) -> None:
        now = time.monotonic()
        self.desk.polls += 1
        export.due = now + (POLL_EVERY if now - export.started < PATIENT_AFTER else POLL_EVERY_LATER)
        response = self.poll.raw(export.context, stream_slice=export.stream_slice, path=export.request_id)
        if response.status_code in (404, 410):
            forgotten = f"{export.context}: Dialpad has forgotten the export ({response.status_code}) {ATTEMPTS} times."
            export.again(transient_error(f"{forgotten} {LATER}"), 0.0)
            return
        if response.status_code == requests.codes.too_many_requests:
            export.due = now + max(retry_after(response) or 0.0, POLL_EVERY_LATER)
            self._too_long(export, now)
            return
        answer = _json_answer(response, export.context)
        status = object_of(answer, export.context).get("status")
        url = answer.value.get("download_url")
        if status == "complete" and url and url == export.expired_url:
            export.on_download_expired()
        elif status == "complete" and url:
            export.stage, export.download_url, export.poll_errors = JobStatus.COMPLETED, str(url), 0
            mask_signature(export.download_url)
        elif status == "failed":
            export.again(
                transient_error(
                    f"{export.context}: Dialpad could not prepare the export (status failed, without a reason). Run "
                    "the "
                    "sync again later; if it keeps failing, a smaller dialpad.export_window_days may help."
                ),
                PAUSE_AFTER_FAILURE,
            )
        elif status == "complete":
            raise system_error(f"{export.context}: the export is complete but has no download URL. {REPORT}")
        elif status != "processing":
            raise system_error(f"{export.context}: the export has the unknown status {status!r}. {REPORT}")
        else:
            export.poll_errors = 0
            self._too_long(export, now)

    @staticmethod
    def _too_long(export: ExportJob, now: float) -> None:
        if now - export.started > TIME_LIMIT:
            export.fail(
                transient_error(
                    f"{export.context}: the export is still being prepared after {TIME_LIMIT / 60:.0f} minutes. Run "
                    "the "
                    "sync again later, or with a smaller dialpad.export_window_days."
                )
            )


def days_ago(window: DayWindow, today: date, *, reworded: bool = False) -> dict[str, Any]:
    """The range members of a POST for whole days of the requested zone, both ends inclusive.

    `days_ago_start` is the newer day: reversed, the totals come back as zeros. Today is asked for by `is_today`, which
    overrides the other two and reads other tables; a window that mixes it with older days raises ValueError.
    `reworded` says the same in other words, by naming what is the default.
    """
    if window == (today, today):
        return {"is_today": True, **({"days_ago_start": 0, "days_ago_end": 0} if reworded else {})}
    if not window.first <= window.last < today:
        raise ValueError(f"{window.label} cannot be asked for in one export on {today}")
    days = {"days_ago_start": (today - window.last).days, "days_ago_end": (today - window.first).days}
    return {**days, **({"is_today": False} if reworded else {})}


def _json_answer(response: requests.Response, context: str) -> Answer:
    try:
        return Answer(response.status_code, *loaded(response.content))
    except ValueError:
        raise transient_error(
            f"{context}: Dialpad answered {response.status_code} with something that is not JSON: "
            f"{snippet(response.content) or '(an empty body)'}. Check that no proxy or sign-in page stands in front of "
            "dialpad.base_url, and run the sync again later."
        ) from None


# --- the retriever ----------------------------------------------------------------------------------------------------

EXPORT = "export"
"""Where a slice carries its export, outside its identity."""


@dataclass
class ExportRetriever(SliceRetriever):
    """The streams `records_X` and `stats_X`: one export a window and scope.

    `requester` starts exports, `polling_requester` asks for them, `download_requester` fetches the file and carries no
    key, since the URL points at a storage host. `export_type`, `stat_type` and `group_by` are members of the POST;
    `row_key` names how a row is told from the others (see `export_rows`).
    """

    polling_requester: Requester | None = None
    download_requester: Requester | None = None
    export_type: str = "records"
    stat_type: str = "calls"
    group_by: str | None = None
    row_key: str = ""

    def __post_init__(self) -> None:
        """Takes over the preparation of the slices."""
        super().__post_init__()
        dialpad = self.config["dialpad"]
        self.timezone: str = self.config["timezone"]
        self.zone = zone_of(self.timezone)
        self.desk = export_quota(dialpad["base_url"], dialpad["api_key"])
        self.download_requester.stream_response = True  # type: ignore[union-attr]  # a year in one file
        self._download = JsonCalls(self.download_requester, FileGuard(dialpad["base_url"]))  # type: ignore[arg-type]
        polls = JsonCalls(self.polling_requester)  # type: ignore[arg-type]
        self._protocol = ExportProtocol(self.desk, self.ask, polls, self.zone)
        self._columns: ExportColumns | None = None
        self._places = threading.BoundedSemaphore(IN_FLIGHT)
        office = dialpad.get("office_id")
        self._scope = f"office:{office}" if office else "company"
        self._office = {"office_id": int(office)} if office else {}
        self.cursor.prepare_with(self._ready)  # type: ignore[attr-defined]

    # waiting -------------------------------------------------------------------------------------------------------

    def _ready(  # noqa: C901  # one loop over all that waits
        self, slices: Iterable[StreamSlice]
    ) -> Iterator[StreamSlice]:
        """Each slice when its export is ready, or has failed; many are prepared at once.

        What the user has to mend is not tried again for every window of the partition: their exports are not started.
        """
        planned = iter(slices)
        waiting: list[ExportJob] = []
        refused: set[str] = set()
        said = time.monotonic()
        exhausted = False
        while waiting or not exhausted:
            while not exhausted and self._places.acquire(blocking=False):
                following = next(planned, None)
                exhausted = following is None
                if following is None or str(following.partition) in refused:
                    self._places.release()
                else:
                    waiting.append(self._export(following))
            done: list[ExportJob] = []
            still: list[ExportJob] = []
            for export in waiting:
                partition = str(export.stream_slice.partition)
                if export.stage is JobStatus.QUEUED and partition in refused:
                    self._places.release()
                    continue
                if export.due <= time.monotonic():
                    self._protocol.step(export)
                if export.error is not None and export.error.failure_type == FailureType.config_error:
                    refused.add(partition)
                (still if export.stage in WAITING else done).append(export)
            waiting = still
            for export in done:
                yield _with(export.stream_slice, {**export.stream_slice.extra_fields, EXPORT: export})
            if not done and (waiting or not exhausted):
                said = self._say(waiting, said)
                time.sleep(_pause(waiting))
        if self.desk.budget.used:
            logger.info(
                "%s: all exports are prepared; this sync has used %d export POSTs and %d polls so far.",
                self.name,
                self.desk.budget.used,
                self.desk.polls,
            )

    def _say(self, waiting: list[ExportJob], said: float) -> float:
        now = time.monotonic()
        budget = self.desk.budget.wait_seconds()
        if now - said < SAY_EVERY:
            return said
        to_post = sum(export.stage is JobStatus.QUEUED for export in waiting)
        if to_post and budget > 0:
            until = datetime.now(UTC) + timedelta(seconds=budget)
            logger.info(
                "%s: %d exports wait for their turn (%d POSTs an hour, none after a 429); the next at %s UTC, "
                "in %d min %d s.",
                self.name,
                to_post,
                POSTS_AN_HOUR,
                until.strftime("%H:%M:%S"),
                *divmod(int(budget), 60),
            )
        elif waiting:
            logger.info(
                "%s: %d exports are being prepared by Dialpad; the oldest since %d s, given up after %d s.",
                self.name,
                len(waiting),
                max((now - export.started for export in waiting if export.started), default=0),
                TIME_LIMIT,
            )
        else:
            logger.info("%s: waits until %d exports that are ready are read.", self.name, IN_FLIGHT)
        return now

    def _export(self, stream_slice: StreamSlice) -> ExportJob:
        window = stream_slice.cursor_slice
        days = DayWindow(date.fromisoformat(window["first_day"]), date.fromisoformat(window["last_day"]))
        running = days.last >= local_day(datetime.now(UTC), self.zone)
        body = {
            "export_type": self.export_type,
            "stat_type": self.stat_type,
            **({"group_by": self.group_by} if self.group_by else {}),
            "timezone": self.timezone,
            **stream_slice.extra_fields.get("scope_body", self._office),
        }
        return ExportJob(days, running, body, self.context(stream_slice), stream_slice)

    # reading -------------------------------------------------------------------------------------------------------

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The rows of one window's export."""
        assert stream_slice is not None  # noqa: S101  # the cursor always gives one
        if self._columns is None:
            self._columns = ExportColumns(self.name, records_schema, self.timezone, self.row_key)
        try:
            yield from batched(self.name, stream_slice, self._rows(stream_slice.extra_fields[EXPORT], self._columns))
        finally:
            self._places.release()

    def _rows(self, export: ExportJob, columns: ExportColumns) -> Iterator[dict[str, Any]]:
        """The rows of an export; a file that is gone or cut is asked for again, which repeats rows under their keys."""
        scope = export.stream_slice.extra_fields.get("scope", self._scope)
        edge = export.stream_slice.cursor_slice.get("edge")
        window = DayWindow(export.window.first, date.fromisoformat(edge)) if edge else export.window
        spoilt = 0
        while True:
            self._wait_for(export)
            try:
                response = self._download.raw(
                    export.context, stream_slice=_with(export.stream_slice, {"download_url": export.download_url})
                )
                if response.status_code in GONE:
                    response.close()
                    raise _Gone  # noqa: TRY301  # below is what to do about it
                with ExportFile(response, export.context) as file:
                    yield from columns.rows(
                        file, scope=scope, window=window, asked=export.window, context=export.context
                    )
            except _Gone:
                export.on_download_expired()
            except (NotAnExport, requests.RequestException, OSError) as broken:
                spoilt += 1
                if spoilt >= ATTEMPTS:
                    raise _spoilt(broken, export.context, spoilt) from None
                logger.warning("%s: the file of the export broke off or is none; it is fetched again.", export.context)
                export.ask_again(POLL_EVERY)  # an expired URL may answer with a page: the export tells a fresh one
            else:
                return

    def _wait_for(self, export: ExportJob) -> None:
        """Returns when the export is ready; one that is made anew gives its turn to other slices meanwhile."""
        if export.stage in WAITING:
            with release_slot():
                self._until_ready(export)
        if export.error is not None:
            raise export.error

    def _until_ready(self, export: ExportJob) -> None:
        said = time.monotonic()
        while export.stage in WAITING:
            if export.due <= time.monotonic():
                self._protocol.step(export)
            else:
                said = self._say([export], said)
                time.sleep(_pause([export]))


class _Gone(Exception):  # noqa: N818  # what the file is
    """The download URL has expired."""


def _spoilt(broken: Exception, context: str, times: int) -> AirbyteTracedException:
    if isinstance(broken, NotAnExport):
        text = (
            f"{broken.error.message} It was fetched {times} times. Check that no proxy or sign-in page stands in front "
            "of the host that keeps the files, and run the sync again later."
        )
        return AirbyteTracedException(
            message=text, internal_message=text, failure_type=broken.error.failure_type or FailureType.system_error
        )
    return transient_error(
        f"{context}: the file of the export broke off {times} times ({type(broken).__name__}); run the sync again "
        "later."
    )


def _with(stream_slice: StreamSlice, extra_fields: Mapping[str, Any]) -> StreamSlice:
    return StreamSlice(
        partition=stream_slice.partition, cursor_slice=stream_slice.cursor_slice, extra_fields=extra_fields
    )


def _pause(waiting: list[ExportJob]) -> float:
    """Seconds until the next export is due, at least a blink and at most a second, so that nothing loops hot."""
    now = time.monotonic()
    return min(max(min((export.due for export in waiting), default=now + 1.0) - now, 0.05), 1.0)
