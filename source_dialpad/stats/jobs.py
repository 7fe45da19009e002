"""Export jobs: POST, wait, poll; many at once, within Dialpad's limits, and a failed export is never an empty one.

Stats API page: results are kept for 3 hours (30 minutes when they are of today).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import Enum
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import counted, snippet, system_error, transient_error
from source_dialpad.stats.quota import ExportQuota, ExportShare
from source_dialpad.sync.windows import DAY, DayWindow, local_day, midnight
from source_dialpad.transport.requester import JsonCalls, answer_of, object_of, retry_after
from source_dialpad.transport.secrets import mask_signature

logger = logging.getLogger("airbyte")

FIRST_POLL = 15.0  # Stats API page: "wait 15-20 seconds before hitting the GET API"
POLL_EVERY = 5.0  # Stats API page: "retry every 5 or 10 seconds"; it counts from the answer
POLL_EVERY_LATER = 10.0
POLL_LATER_AFTER = 60.0
POLL_ERRORS = 12  # polls in a row that may go wrong before the window fails; the requester repeats none
POST_ERRORS = 5  # POSTs in a row; the requester does not repeat them either, since each one is counted
PAUSE_AFTER_ERROR = 5.0  # before a POST that went wrong is sent again; each further time twice as many
TIME_LIMIT = 3600.0  # seconds until an export that is still processing is given up
ATTEMPTS = 3  # exports started for one window before it fails: `failed`, forgotten ids and expired files
PAUSE_AFTER_FAILURE = 60.0  # before a failed export is started again; Stats gives no reason for a failure
RATE_LIMIT_PATIENCE = 75 * 60.0  # seconds for which POSTs are tried again that got a 429
LEAST_REFUSAL = 10.0  # seconds that a 429 stops all POSTs at least, also when Retry-After says 0
LOG_EVERY = 30.0  # seconds between two log lines while something is waited for
MIDNIGHT_MARGIN = timedelta(seconds=5)  # before midnight, in which the server may cut the days on either side
AFTER_MIDNIGHT = timedelta(hours=4)
"""In which a POST may be answered with the export of the evening before: Stats API page: results are cached for 3
hours, which may count from when the file was ready, up to `TIME_LIMIT` later."""

ALL = "all partitions"
LATER = "Run the sync again later."


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


JobStatus = Enum("JobStatus", ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "LEFT"])
"""Where an export stands; `LEFT` to the next sync, since this one may start no more."""


@dataclass
class ExportJob:
    """One export of one window, from the POST to the download URL."""

    window: DayWindow
    body: Mapping[str, Any]
    context: str
    stream_slice: StreamSlice
    status: JobStatus = JobStatus.QUEUED
    next_attempt_at: float = 0.0
    attempts: int = 0
    request_id: str = ""
    started_at: float = 0.0
    errors_in_a_row: int = 0
    download_url: str = ""
    has_expired: bool = False
    refused_since: float | None = None
    error: AirbyteTracedException | None = None
    dooms: str = ""
    """The partition, or `ALL`, whose other jobs would fare no better: a refused key, a wrong clock."""

    @property
    def has_ended(self) -> bool:
        """Whether there is a file or an error."""
        return self.status not in (JobStatus.QUEUED, JobStatus.RUNNING)

    def fail(self, error: AirbyteTracedException | str, dooms: str = "") -> None:
        """Ends the job with an error that names stream and window; a text is the reason of a transient one."""
        self.error = transient_error(f"{self.context}: {error}") if isinstance(error, str) else error
        self.status, self.dooms = JobStatus.FAILED, dooms

    def repoll(self, pause: float) -> None:
        """Asks for the URL of the same export once more."""
        self.status, self.next_attempt_at = JobStatus.RUNNING, time.monotonic() + pause

    def on_download_expired(self) -> None:
        """Asks once for a fresh URL of the same export, which needs no POST; if that is gone too, starts over."""
        if self.has_expired:
            self.restart(f"the file of the export is gone, {ATTEMPTS} times. {LATER}", POLL_EVERY)
        else:
            self.has_expired = True
            self.repoll(0.0)

    def restart(self, reason: str, pause: float) -> None:
        """Starts over with a new POST after `pause` seconds, or fails for `reason` when all attempts are used."""
        self.has_expired, self.errors_in_a_row = False, 0
        if self.attempts >= ATTEMPTS:
            self.fail(reason)
        else:
            message = "%s: %s Started again in %d s (attempt %d of %d)."
            logger.warning(message, self.context, reason, pause, self.attempts + 1, ATTEMPTS)
            self.status, self.next_attempt_at = JobStatus.QUEUED, time.monotonic() + pause


@dataclass
class ExportJobs:
    """The jobs of one stream, taken to their ends side by side; the one place where exports are waited for.

    An error ends its own job and no other: 401, 403 and 400 at once, a failed, forgotten or expired export after
    `ATTEMPTS`, unreadable answers and time-outs after theirs. Exports of scorecards are `by_grading`: their days are
    those of grading. `share` ends the POSTs of this sync (None: the quota alone does).
    """

    stream: str
    quota: ExportQuota
    post: JsonCalls
    poll: JsonCalls
    zone: tzinfo
    by_grading: bool = False
    share: ExportShare | None = None

    def ended(self, jobs: Iterable[ExportJob]) -> Iterator[ExportJob]:
        """Each job when it has ended; those are not started that would fare no better than one that has failed."""
        waiting, doomed = list(jobs), {""}

        def is_doomed(job: ExportJob) -> bool:
            return job.status is JobStatus.QUEUED and not doomed.isdisjoint((str(job.stream_slice.partition), ALL))

        logged_at = time.monotonic()
        while waiting:
            for job in waiting:
                if not is_doomed(job):
                    self.step(job)
                    doomed.add(job.dooms)
            ended = [job for job in waiting if job.has_ended]
            waiting = [job for job in waiting if not job.has_ended and not is_doomed(job)]
            yield from ended
            if waiting and not ended:
                now = time.monotonic()
                if now - logged_at >= LOG_EVERY:
                    self._log(waiting)
                    logged_at = now
                pause = min(job.next_attempt_at for job in waiting) - now
                time.sleep(min(max(pause, 0.05), 1.0))  # a blink at least, so that nothing loops hot

    def step(self, job: ExportJob) -> None:
        """The next request of a job, if it is time for it; never waits."""
        if job.next_attempt_at > time.monotonic():
            return
        is_post = job.status is JobStatus.QUEUED
        try:
            (self._post if is_post else self._poll)(job)
        except AirbyteTracedException as error:
            job.errors_in_a_row += 1
            if error.failure_type == FailureType.config_error:
                job.fail(error, dooms=str(job.stream_slice.partition))
            elif job.errors_in_a_row >= (POST_ERRORS if is_post else POLL_ERRORS):
                job.fail(error)
            else:
                pause = PAUSE_AFTER_ERROR * 2.0 ** (job.errors_in_a_row - 1) if is_post else POLL_EVERY_LATER
                job.next_attempt_at = time.monotonic() + pause

    def _post(self, job: ExportJob) -> None:
        today = local_day(self.quota.now(), self.zone)
        wait: float | None = self._wait_for_the_day(job, today)
        if not wait:
            wait = self.share.take(self.quota) if self.share else self.quota.take()
        if wait is None:
            job.fail("this sync may start no more exports (dialpad.exports_per_sync); the next sync reads this window.")
            job.status = JobStatus.LEFT
            return
        if wait:
            job.next_attempt_at = time.monotonic() + wait
            return
        after_midnight = self.quota.now() - midnight(today, self.zone) < AFTER_MIDNIGHT
        days = days_ago(job.window, today, after_midnight=after_midnight and not self.by_grading)
        if self.by_grading:
            days = {f"graded_{name}": value for name, value in days.items()}
        response = self.post.raw(job.context, stream_slice=job.stream_slice, body={**job.body, **days})
        if wrong := self.quota.learn_time(response):
            job.fail(wrong, dooms=ALL)
            return
        if response.status_code == requests.codes.too_many_requests:
            self._too_many(job, response)
            return
        answer = _object(response, job.context)
        job.attempts += 1
        job.errors_in_a_row, job.refused_since = 0, None
        if not answer.get("request_id"):
            seen = f"Dialpad accepted the export without a request id: {snippet(str(answer))}. {LATER}"
            job.restart(seen, PAUSE_AFTER_FAILURE)
        elif local_day(self.quota.now(), self.zone) != today:
            # midnight passed on the way, or the server's clock is not ours: it counted the days from another one
            job.restart(f"the clock of Dialpad stands on another day than {today}. {LATER}", 1.0)
        else:
            job.request_id, job.started_at = str(answer["request_id"]), time.monotonic()
            job.repoll(FIRST_POLL)

    def _wait_for_the_day(self, job: ExportJob, today: date) -> float:
        """Seconds until the server may be asked for the window; 0 when it may be asked now.

        Where its clock is behind ours, a day that is closed for us still runs there, and a running one has not begun.
        """
        now = self.quota.now()
        until_midnight = midnight(today + DAY, self.zone) - now
        if until_midnight < MIDNIGHT_MARGIN:
            return until_midnight.total_seconds() + 1
        includes_today = job.window.last >= local_day(datetime.now(UTC), self.zone)
        begins = midnight(job.window.last if includes_today else job.window.last + DAY, self.zone)
        if begins <= now:
            return 0.0
        wait = (begins - now).total_seconds() + 1
        logger.info("%s: waiting %d s, since it is still %s at Dialpad.", job.context, wait, today)
        return wait

    def _too_many(self, job: ExportJob, response: requests.Response) -> None:
        now = time.monotonic()
        job.refused_since = job.refused_since or now
        asked = retry_after(response)
        wait = min(30.0 + now - job.refused_since, 600.0) if asked is None else max(asked, LEAST_REFUSAL)
        if now + wait - job.refused_since > RATE_LIMIT_PATIENCE:
            job.fail(
                "Dialpad refuses to start the export (429), and would for more than "
                f"{RATE_LIMIT_PATIENCE / 60:.0f} minutes. The limit ({self.quota.limit_text}) is shared by "
                "everything the company runs; run the sync again later, or with a larger dialpad.export_window_days."
            )
            return
        logger.info("%s: Dialpad refused to start the export (429); no export is started for %d s.", job.context, wait)
        self.quota.pause(wait)
        job.next_attempt_at = now + wait

    def _poll(self, job: ExportJob) -> None:
        self.quota.polls += 1
        response = self.poll.raw(job.context, stream_slice=job.stream_slice, path=job.request_id)
        running_for = time.monotonic() - job.started_at
        pause = POLL_EVERY if running_for < POLL_LATER_AFTER else POLL_EVERY_LATER
        if response.status_code in (requests.codes.not_found, requests.codes.gone):
            job.restart(f"Dialpad has forgotten the export ({response.status_code}) {ATTEMPTS} times. {LATER}", 0.0)
            return
        if response.status_code == requests.codes.too_many_requests:
            pause = max(retry_after(response) or 0.0, POLL_EVERY_LATER)
            answer: dict[str, Any] = {"status": "processing"}
        else:
            answer = _object(response, job.context)
        status, url = answer.get("status"), answer.get("download_url")
        if status == "complete" and url:
            job.status, job.errors_in_a_row, job.download_url = JobStatus.COMPLETED, 0, str(url)
            mask_signature(job.download_url)
        elif status == "failed":
            given = answer.get("reason")  # the Stats API gives none
            reason = f"reason: {snippet(str(given))}" if given else "without a reason"
            cure = "Run the sync again later; if it keeps failing, a smaller dialpad.export_window_days may help."
            failed = f"Dialpad could not prepare the export (status failed, {reason}). {cure}"
            job.restart(failed, PAUSE_AFTER_FAILURE)
        elif status != "processing":
            wrong = "no download URL, though complete" if status == "complete" else f"the unknown status {status!r}"
            cure = f"{LATER} If it stays, report it: Dialpad's answers may have changed."
            raise system_error(f"{job.context}: the export has {wrong}. {cure}")
        elif running_for > TIME_LIMIT:
            cure = "Run the sync again later, or with a smaller dialpad.export_window_days."
            job.fail(f"the export is still being prepared after {TIME_LIMIT / 60:.0f} minutes. {cure}")
        else:
            job.errors_in_a_row = 0
            job.repoll(pause)

    def _log(self, waiting: list[ExportJob]) -> None:
        queued = sum(job.status is JobStatus.QUEUED for job in waiting)
        if queued and (wait := self.quota.wait_seconds()) > 0:
            next_at = f"{datetime.now(UTC) + timedelta(seconds=wait):%H:%M:%S}"
            text = "%s: %s waiting for the quota (%s, none after a 429); the next at %s UTC, in %d min."
            logger.info(text, self.stream, counted(queued, "export"), self.quota.limit_text, next_at, wait // 60 + 1)
        else:
            now = time.monotonic()
            oldest = now - min((job.started_at for job in waiting if job.started_at), default=now)
            message = "%s: Dialpad is preparing %s, the oldest for %d s; each is given up after %d s."
            logger.info(message, self.stream, counted(len(waiting), "export"), oldest, TIME_LIMIT)


def _object(response: requests.Response, context: str) -> dict[str, Any]:
    """The answer's object; one that is not JSON, as a page of a proxy, is a transient error."""
    try:
        answer = answer_of(response, context)
    except AirbyteTracedException as error:
        raise transient_error(f"{error.message} {LATER}") from None
    return object_of(answer, context)
