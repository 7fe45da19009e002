"""Export jobs: POST, wait, poll; many at once, within Dialpad's limits, and a failed export is never an empty one.

Stats API page: a POST starts an export, the result can be asked for 15-20 seconds later and then every 5 or 10, and is
kept for 3 hours (30 minutes when it is of today). Ranges are given as days back from today of the requested zone, so
they are computed at the moment of the POST. Nothing here knows a stream's rows: another endpoint that works in this way
needs its two requesters and a quota.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import snippet, system_error, transient_error
from source_dialpad.stats.quota import ExportQuota
from source_dialpad.sync.windows import DAY, DayWindow, local_day, midnight
from source_dialpad.transport.backoff import retry_after
from source_dialpad.transport.requester import Answer, JsonCalls, loaded, object_of
from source_dialpad.transport.secrets import mask_signature

logger = logging.getLogger("airbyte")

FIRST_POLL = 15.0
"""Stats API page: "wait 15-20 seconds before hitting the GET API"."""

POLL_EVERY = 5.0
POLL_EVERY_LATER = 10.0
POLL_LATER_AFTER = 60.0
"""Stats API page: "retry every 5 or 10 seconds"; after a minute the longer pause does. It counts from the answer."""

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

POST_ERRORS = 5
"""POSTs in a row that may go wrong before the window fails. The requester does not repeat them: each one is counted."""

PAUSE_AFTER_ERROR = 5.0
"""Seconds before a POST that went wrong is sent again; each further time twice as many."""

AFTER_MIDNIGHT = timedelta(hours=4)
"""Hours in which Dialpad may still answer a POST with the export of the evening before, of other days.

Stats API page: an identical POST is answered from a cache for 3 hours. Should they count from when the file was ready,
that is up to `TIME_LIMIT` later.
"""

MIDNIGHT_MARGIN = timedelta(seconds=5)
"""A POST this near before midnight waits for it: the server may cut the days on either side."""

LOG_EVERY = 30.0
"""Seconds between two log lines while something is waited for; the platform ends silent connectors."""

ALL = "all partitions"

LATER = "Run the sync again later."
REPORT = "Run the sync again later, and report it if it stays: Dialpad's answers may have changed."


class JobStatus(Enum):
    """Where an export stands."""

    QUEUED = "to be started"
    RUNNING = "being prepared"
    COMPLETED = "ready"
    FAILED = "failed"
    LEFT = "left to the next sync"


@dataclass
class ExportJob:
    """One export of one window, from the POST to the download URL; `includes_today` when its last day is not over."""

    window: DayWindow
    includes_today: bool
    body: Mapping[str, Any]
    context: str
    stream_slice: StreamSlice
    status: JobStatus = JobStatus.QUEUED
    next_attempt_at: float = 0.0
    attempts: int = 0
    request_id: str = ""
    started_at: float = 0.0
    post_errors: int = 0
    poll_errors: int = 0
    download_url: str = ""
    expired_url: str = ""
    refused_since: float | None = None
    error: AirbyteTracedException | None = None
    dooms_others: bool = False

    @property
    def has_ended(self) -> bool:
        """Whether there is a file or an error, or no export left for it."""
        return self.status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.LEFT)

    @property
    def partition(self) -> str:
        """The part of the stream that the job belongs to."""
        return str(self.stream_slice.partition)

    def fail(self, error: AirbyteTracedException) -> None:
        """Ends the job with an error that names stream and window."""
        self.status, self.error = JobStatus.FAILED, error

    def repoll(self, pause: float) -> None:
        """Asks for the URL of the same export once more."""
        self.status, self.next_attempt_at = JobStatus.RUNNING, time.monotonic() + pause

    def on_download_expired(self) -> None:
        """Asks once for a fresh URL of the same export, which needs no POST; if that is gone too, starts over."""
        if not self.expired_url:
            self.expired_url = self.download_url
            self.repoll(0.0)
            return
        gone = f"{self.context}: the file of the export is gone, {ATTEMPTS} times. {LATER}"
        self.restart(transient_error(gone), POLL_EVERY)

    def restart(self, reason: AirbyteTracedException, pause: float) -> None:
        """Starts over with a new POST after `pause` seconds, or fails for `reason` when all attempts are used."""
        self.request_id = self.download_url = self.expired_url = ""
        if self.attempts >= ATTEMPTS:
            self.fail(reason)
            return
        logger.warning(
            "%s Started again in %d s (attempt %d of %d).", reason.message, pause, self.attempts + 1, ATTEMPTS
        )
        self.status, self.next_attempt_at = JobStatus.QUEUED, time.monotonic() + pause


def days_ago(window: DayWindow, today: date, *, after_midnight: bool = False) -> dict[str, Any]:
    """The range members of a POST for whole days of the requested zone, both ends inclusive.

    `days_ago_start` is the newer day: reversed, the totals come back as zeros. Today is asked for by `is_today`, which
    overrides the other two and reads other tables; a window that mixes it with older days raises ValueError.

    Days are counted back from today, so `after_midnight` the words of the evening before mean other days, and a cache
    still answers them. Then the same is said in other words: Stats API page, 0 to 0 is today; `is_today` is optional.
    """
    if window == (today, today):
        return {"days_ago_start": 0, "days_ago_end": 0} if after_midnight else {"is_today": True}
    if not window.first <= window.last < today:
        raise ValueError(f"{window.label} cannot be asked for in one export on {today}")
    days = {"days_ago_start": (today - window.last).days, "days_ago_end": (today - window.first).days}
    return {**days, "is_today": False} if after_midnight else days


def graded_days_ago(window: DayWindow, today: date, **_: Any) -> dict[str, Any]:
    """The same for the export of scorecards, by the days of grading; it has no words of its own after midnight."""
    return {f"graded_{name}": days for name, days in days_ago(window, today).items()}


@dataclass
class ExportProtocol:
    """Takes jobs from status to status; a step sends at most one request and never waits.

    An error ends its own job and no other: 401, 403 and 400 at once, a failed, forgotten or expired export after
    `ATTEMPTS`, unreadable answers and time-outs after theirs.
    """

    quota: ExportQuota
    post: JsonCalls
    poll: JsonCalls
    zone: tzinfo
    range_of: Callable[..., dict[str, Any]] = days_ago
    """The members of a POST that say which days; see `days_ago`."""

    take_share: Callable[[], bool] = lambda: True
    """Counts a POST of this sync; False when it may send no more."""

    def step(self, job: ExportJob) -> None:
        """The next request of a job, if it is time for it."""
        if job.has_ended or job.next_attempt_at > time.monotonic():
            return
        try:
            if job.status is JobStatus.QUEUED:
                self._post(job)
            else:
                self._poll(job)
        except AirbyteTracedException as error:
            self._went_wrong(job, error)

    @staticmethod
    def _went_wrong(job: ExportJob, error: AirbyteTracedException) -> None:
        if job.status is JobStatus.QUEUED:
            job.post_errors += 1
            pause, too_many = PAUSE_AFTER_ERROR * 2.0 ** (job.post_errors - 1), job.post_errors >= POST_ERRORS
        else:
            job.poll_errors += 1
            pause, too_many = POLL_EVERY_LATER, job.poll_errors >= POLL_ERRORS
        if too_many or error.failure_type == FailureType.config_error:
            job.fail(error)
        else:
            job.next_attempt_at = time.monotonic() + pause

    # POST ----------------------------------------------------------------------------------------------------------

    def _post(self, job: ExportJob) -> None:
        today = local_day(self.quota.clock.now(), self.zone)
        wait = self._wait_for_the_day(job, today) or self.quota.budget.take()
        if wait > 0:
            job.next_attempt_at = time.monotonic() + wait
            return
        if not self.take_share():
            self.quota.budget.give_back()
            job.status = JobStatus.LEFT
            return
        since_midnight = self.quota.clock.now() - midnight(today, self.zone)
        days = self.range_of(job.window, today, after_midnight=since_midnight < AFTER_MIDNIGHT)
        response = self.post.raw(job.context, stream_slice=job.stream_slice, body={**job.body, **days})
        if wrong := self.quota.clock.learn(response):
            job.fail(transient_error(f"{job.context}: {wrong}"))
            job.dooms_others = True
            return
        if response.status_code == requests.codes.too_many_requests:
            self._too_many(job, response)
            return
        answer = _json_answer(response, job.context)
        request_id = object_of(answer, job.context).get("request_id")
        job.attempts += 1
        job.post_errors, job.refused_since = 0, None
        if not request_id:
            seen = snippet(answer.content)
            reason = f"{job.context}: Dialpad accepted the export without a request id: {seen}. {LATER}"
            job.restart(transient_error(reason), PAUSE_AFTER_FAILURE)
        elif local_day(self.quota.clock.now(), self.zone) != today:
            # midnight passed on the way, or the server's clock is not ours: it counted the days from another one
            reason = f"{job.context}: the clock of Dialpad stands on another day than {today}. {LATER}"
            job.restart(transient_error(reason), 1.0)
        else:
            job.status, job.request_id, job.started_at = JobStatus.RUNNING, str(request_id), time.monotonic()
            job.next_attempt_at, job.poll_errors = job.started_at + FIRST_POLL, 0

    def _wait_for_the_day(self, job: ExportJob, today: date) -> float:
        """Seconds until the server may be asked for the window; 0 when it may be asked now.

        Where its clock is behind ours, a day that is closed for us still runs there, and a running one has not begun.
        """
        now = self.quota.clock.now()
        until_midnight = midnight(today + DAY, self.zone) - now
        if until_midnight < MIDNIGHT_MARGIN:
            return until_midnight.total_seconds() + 1
        begins = midnight(job.window.last if job.includes_today else job.window.last + DAY, self.zone)
        if begins <= now:
            return 0.0
        wait = (begins - now).total_seconds() + 1
        logger.info("%s: waiting %d s, since it is still %s at Dialpad.", job.context, wait, today)
        return wait

    def _too_many(self, job: ExportJob, response: requests.Response) -> None:
        now = time.monotonic()
        job.refused_since = job.refused_since or now
        wait = retry_after(response)
        if wait is None:
            wait = min(30.0 + (now - job.refused_since), 600.0)
        wait = max(wait, LEAST_REFUSAL)
        if now + wait - job.refused_since > RATE_LIMIT_PATIENCE:
            refused = (
                f"{job.context}: Dialpad refuses to start the export (429), and would for more than "
                f"{RATE_LIMIT_PATIENCE / 60:.0f} minutes. The limit ({self.quota.budget.limit_text}) is shared by "
                "everything the company runs; run the sync again later, or with a larger dialpad.export_window_days."
            )
            job.fail(transient_error(refused))
            return
        logger.info("%s: Dialpad refused to start the export (429); no export is started for %d s.", job.context, wait)
        self.quota.budget.pause(wait)
        job.next_attempt_at = now + wait

    # poll ----------------------------------------------------------------------------------------------------------

    def _poll(self, job: ExportJob) -> None:
        self.quota.polls += 1
        response = self.poll.raw(job.context, stream_slice=job.stream_slice, path=job.request_id)
        now = time.monotonic()
        job.next_attempt_at = now + (POLL_EVERY if now - job.started_at < POLL_LATER_AFTER else POLL_EVERY_LATER)
        if response.status_code in (requests.codes.not_found, requests.codes.gone):
            forgotten = f"{job.context}: Dialpad has forgotten the export ({response.status_code}) {ATTEMPTS} times."
            job.restart(transient_error(f"{forgotten} {LATER}"), 0.0)
        elif response.status_code == requests.codes.too_many_requests:
            job.next_attempt_at = now + max(retry_after(response) or 0.0, POLL_EVERY_LATER)
            self._check_time_limit(job, now)
        else:
            self._take_status(job, _json_answer(response, job.context))

    def _take_status(self, job: ExportJob, answer: Answer) -> None:
        status = object_of(answer, job.context).get("status")
        if status == "complete":
            self._complete(job, answer.value.get("download_url"))
        elif status == "processing":
            job.poll_errors = 0
            self._check_time_limit(job, time.monotonic())
        elif status == "failed":
            reason = answer.value.get("reason")  # the Stats API gives none
            failed = (
                f"{job.context}: Dialpad could not prepare the export (status failed, "
                f"{f'reason: {snippet(str(reason))}' if reason else 'without a reason'}). Run the sync again later; if "
                "it keeps failing, a smaller dialpad.export_window_days may help."
            )
            job.restart(transient_error(failed), PAUSE_AFTER_FAILURE)
        else:
            raise system_error(f"{job.context}: the export has the unknown status {status!r}. {REPORT}")

    @staticmethod
    def _complete(job: ExportJob, url: Any) -> None:
        if not url:
            raise system_error(f"{job.context}: the export is complete but has no download URL. {REPORT}")
        if url == job.expired_url:
            job.on_download_expired()
            return
        job.status, job.download_url, job.poll_errors = JobStatus.COMPLETED, str(url), 0
        mask_signature(job.download_url)

    @staticmethod
    def _check_time_limit(job: ExportJob, now: float) -> None:
        if now - job.started_at > TIME_LIMIT:
            too_long = (
                f"{job.context}: the export is still being prepared after {TIME_LIMIT / 60:.0f} minutes. Run the sync "
                "again later, or with a smaller dialpad.export_window_days."
            )
            job.fail(transient_error(too_long))


def _json_answer(response: requests.Response, context: str) -> Answer:
    try:
        return Answer(response.status_code, loaded(response.content), response.content)
    except ValueError:
        raise transient_error(
            f"{context}: Dialpad answered {response.status_code} with something that is not JSON: "
            f"{snippet(response.content) or '(an empty body)'}. Check that no proxy or sign-in page stands in front of "
            "dialpad.base_url, and run the sync again later."
        ) from None


@dataclass
class ExportJobs:
    """The jobs of one stream, taken to their ends side by side; the one place where exports are waited for.

    `slots` bounds how many are started and not yet read: a result is not kept for long. A slot is taken here and
    released by whoever has read the file.
    """

    stream: str
    protocol: ExportProtocol
    slots: threading.Semaphore

    def ended(self, waiting: list[ExportJob], planned: Iterator[ExportJob]) -> Iterator[ExportJob]:
        """Each job when it has ended: those of `waiting`, and those of `planned` as slots become free.

        What the user has to mend is not tried again for every window of the partition, nor a wrong clock for any: those
        jobs are not started.
        """
        refused: set[str] = set()
        logged_at = time.monotonic()
        all_planned = False
        while waiting or not all_planned:
            all_planned = all_planned or self._start_more(waiting, planned, refused)
            for job in list(waiting):
                if job.status is JobStatus.QUEUED and not refused.isdisjoint((job.partition, ALL)):
                    waiting.remove(job)
                    self.slots.release()
                    continue
                self.protocol.step(job)
                if job.error is not None and job.error.failure_type == FailureType.config_error:
                    refused.add(job.partition)
                if job.dooms_others:
                    refused.add(ALL)
            ended = [job for job in waiting if job.has_ended]
            waiting[:] = [job for job in waiting if not job.has_ended]
            yield from ended
            if not ended and (waiting or not all_planned):
                if time.monotonic() - logged_at >= LOG_EVERY:
                    self._log(waiting)
                    logged_at = time.monotonic()
                time.sleep(_pause(waiting))

    def _start_more(self, waiting: list[ExportJob], planned: Iterator[ExportJob], refused: set[str]) -> bool:
        """Takes planned jobs while there are free slots; whether there are no more."""
        while self.slots.acquire(blocking=False):
            job = next((job for job in planned if refused.isdisjoint((job.partition, ALL))), None)
            if job is None:
                self.slots.release()
                return True
            waiting.append(job)
        return False

    def _log(self, waiting: list[ExportJob]) -> None:
        quota_wait = self.protocol.quota.budget.wait_seconds()
        queued = sum(job.status is JobStatus.QUEUED for job in waiting)
        if queued and quota_wait > 0:
            logger.info(
                "%s: %d exports wait for the quota (%s, none after a 429); the next at %s UTC, in %d min %d s.",
                self.stream,
                queued,
                self.protocol.quota.budget.limit_text,
                (datetime.now(UTC) + timedelta(seconds=quota_wait)).strftime("%H:%M:%S"),
                *divmod(int(quota_wait), 60),
            )
        elif waiting:
            oldest = min((job.started_at for job in waiting if job.started_at), default=time.monotonic())
            logger.info(
                "%s: Dialpad is preparing %d exports, the oldest for %d s; each is given up after %d s.",
                self.stream,
                len(waiting),
                time.monotonic() - oldest,
                TIME_LIMIT,
            )
        else:
            logger.info("%s: waiting until exports that are ready have been read.", self.stream)


def _pause(waiting: list[ExportJob]) -> float:
    """Seconds until the next job is due, at least a blink and at most a second, so that nothing loops hot."""
    now = time.monotonic()
    return min(max(min((job.next_attempt_at for job in waiting), default=now + 1.0) - now, 0.05), 1.0)
