"""The streams of exports: a window's job is started ahead, and its file is read when the job has ended."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import transient_error
from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.jobs import (
    ATTEMPTS,
    POLL_EVERY,
    ExportJob,
    ExportJobs,
    ExportProtocol,
    JobStatus,
    days_ago,
    graded_days_ago,
)
from source_dialpad.stats.quota import POSTS_AN_HOUR, export_quota, scorecard_quota
from source_dialpad.stats.rows import DAY_COLUMNS, ExportColumns
from source_dialpad.stats.share import ExportShare, Wish, export_share, wishes
from source_dialpad.sync.batches import batched
from source_dialpad.sync.fair_executor import release_slot
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.sync.windows import DayWindow, local_day
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.times import zone_of

logger = logging.getLogger("airbyte")

IN_FLIGHT = POSTS_AN_HOUR
"""Exports of a stream that are started and not yet read: a result is not kept for long."""

GONE = (400, 401, 403, 404, 410)
"""How hosts of files answer an expired URL: 403, Google's 400 (ExpiredToken), and 404 when the file is gone."""

JOB = "export_job"
"""Where a slice carries its `ExportJob`, outside its identity."""


@dataclass
class ExportRetriever(SliceRetriever):
    """The streams `records_X`, `stats_X`, `scorecard_grades` and `scorecard_answers`: one export a window and scope.

    `requester` starts exports, `polling_requester` asks for them, `download_requester` fetches the file and carries no
    key, since the URL points at a storage host. `export_type`, `stat_type`, `group_by` and `scorecards_type` are
    members of the POST; an export of scorecards is by the days of grading, and counts against a limit of its own.
    `row_key` names how a row gets its key (see `keys`).
    """

    polling_requester: Requester | None = None
    download_requester: Requester | None = None
    export_type: str | None = None
    stat_type: str | None = None
    group_by: str | None = None
    scorecards_type: str | None = None
    row_key: str = ""

    def __post_init__(self) -> None:
        """Takes over the preparation of the slices."""
        super().__post_init__()
        dialpad = self.config["dialpad"]
        self.timezone: str = self.config["timezone"]
        self.zone = zone_of(self.timezone)
        of_scorecards = self.scorecards_type is not None
        quota = scorecard_quota if of_scorecards else export_quota
        self.quota = quota(dialpad["base_url"], dialpad["api_key"])
        self.download_requester.stream_response = True  # type: ignore[union-attr]  # a year in one file
        self._download = JsonCalls(self.download_requester, FileGuard(dialpad["base_url"]))  # type: ignore[arg-type]
        polls = JsonCalls(self.polling_requester)  # type: ignore[arg-type]
        self._slots = threading.BoundedSemaphore(IN_FLIGHT)
        range_of = graded_days_ago if of_scorecards else days_ago
        protocol = ExportProtocol(self.quota, self.ask, polls, self.zone, range_of)
        self._jobs = ExportJobs(self.name, protocol, self._slots)
        self._columns: ExportColumns | None = None
        office = dialpad.get("office_id")
        self._scope = f"office:{office}" if office else "company"
        self._office: dict[str, Any] = {}
        if office:
            by_target = {"target_type": "office", "target_id": int(office)}
            self._office = by_target if of_scorecards else {"office_id": int(office)}
        unlimited = of_scorecards or getattr(self.cursor, "full_refresh", False)
        limit = 0 if unlimited else dialpad["exports_per_sync"]
        self._share = export_share(dialpad["base_url"], dialpad["api_key"], limit) if limit else None
        if self._share:
            self._share.expect(self.name)
            self._jobs.protocol.take_share = self._share.take
        self.prepare_slices(self.completed_slices)

    def completed_slices(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        """Each slice when its job has ended; many are prepared at once."""
        planned, wanted = self._plan(slices)
        read = self._share.divide(self.name, wanted) if self._share else wanted
        left = len(wanted) - len(read)
        for job in self._jobs.ended([], (self._job(planned[wish.number]) for wish in read)):
            if job.status is JobStatus.LEFT:
                left += 1
                self._slots.release()
            else:
                yield _with(job.stream_slice, {**job.stream_slice.extra_fields, JOB: job})
        if left:
            logger.info("%s: %d exports are left, about %d syncs.", self.name, left, ExportShare.syncs_left(left, read))
        if self.quota.budget.used:
            logger.info(
                "%s: all exports have been prepared; this sync has used %d export POSTs and %d polls so far.",
                self.name,
                self.quota.budget.used,
                self.quota.polls,
            )

    def _plan(self, slices: Iterable[StreamSlice]) -> tuple[list[StreamSlice], list[Wish]]:
        """All slices, and the order in which they are wanted; a stream that cannot plan keeps no other waiting."""
        try:
            planned = list(slices)
        except Exception:
            if self._share:
                self._share.divide(self.name, [])
            raise
        return planned, wishes(self.name, planned, aggregates=self.export_type == "stats")

    def _job(self, stream_slice: StreamSlice) -> ExportJob:
        window = stream_slice.cursor_slice
        days = DayWindow(date.fromisoformat(window["first_day"]), date.fromisoformat(window["last_day"]))
        includes_today = days.last >= local_day(datetime.now(UTC), self.zone)
        exported = {
            "export_type": self.export_type,
            "stat_type": self.stat_type,
            "group_by": self.group_by,
            "scorecards_type": self.scorecards_type,
        }
        body = {
            **{name: value for name, value in exported.items() if value},
            "timezone": self.timezone,
            **stream_slice.extra_fields.get("scope_body", self._office),
        }
        return ExportJob(days, includes_today, body, self.context(stream_slice), stream_slice)

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The rows of one window's export, typed as the file is read."""
        self.check_cursor()
        assert stream_slice is not None  # noqa: S101  # the cursor always gives one
        if self._columns is None:
            days = () if self.scorecards_type else DAY_COLUMNS  # a row's own date may be that of the call
            self._columns = ExportColumns(self.name, records_schema, self.timezone, self.row_key, days)
        try:
            yield from batched(self.name, stream_slice, self._rows(stream_slice.extra_fields[JOB], self._columns))
        finally:
            self._slots.release()

    def _rows(self, job: ExportJob, columns: ExportColumns) -> Iterator[dict[str, Any]]:
        """The rows of an export; a file that is gone or cut is asked for again, which repeats rows under their keys."""
        scope = job.stream_slice.extra_fields.get("scope", self._scope)
        calendar_end = job.stream_slice.cursor_slice.get("calendar_end")
        window = DayWindow(job.window.first, date.fromisoformat(calendar_end)) if calendar_end else job.window
        broken, is_lost = 0, False
        while True:
            self._wait_for(job)
            try:
                with self._file(job) as file:
                    if file.may_be_lost and not is_lost:
                        is_lost = True
                        job.repoll(POLL_EVERY)
                        continue
                    yield from columns.rows(file, scope=scope, window=window, asked=job.window, context=job.context)
            except _ExpiredError:
                job.on_download_expired()
            except (BrokenFileError, requests.RequestException) as error:
                broken += 1
                if broken >= ATTEMPTS:
                    raise _broken(error, job.context, broken) from None
                logger.warning("%s: the file of the export is broken or is none; it is fetched again.", job.context)
                job.repoll(POLL_EVERY)  # an expired URL may answer with a page: the export gives a fresh one
            else:
                return

    def _wait_for(self, job: ExportJob) -> None:
        """Returns when the job has ended well; one that was started again lets other slices be read meanwhile."""
        if not job.has_ended:
            with release_slot():
                next(self._jobs.ended([job], iter(())))
        if job.status is JobStatus.LEFT:
            raise transient_error(
                f"{job.context}: the file of the export is gone, and this sync may start no more exports "
                "(dialpad.exports_per_sync); the next sync reads this window."
            )
        if job.error is not None:
            raise job.error

    def _file(self, job: ExportJob) -> ExportFile:
        place = _with(job.stream_slice, {"download_url": job.download_url})
        response = self._download.raw(job.context, stream_slice=place)
        if response.status_code in GONE:
            response.close()
            raise _ExpiredError
        return ExportFile(response, job.context)


class _ExpiredError(Exception):
    """The download URL has expired."""


def _broken(error: Exception, context: str, times: int) -> AirbyteTracedException:
    if isinstance(error, BrokenFileError):
        text = (
            f"{error.error.message} It was fetched {times} times. Check that no proxy or sign-in page stands in front "
            "of the host that keeps the files, and run the sync again later."
        )
        return AirbyteTracedException(
            message=text, internal_message=text, failure_type=error.error.failure_type or FailureType.system_error
        )
    return transient_error(
        f"{context}: the file of the export broke off {times} times ({type(error).__name__}); run the sync again later."
    )


def _with(stream_slice: StreamSlice, extra_fields: Mapping[str, Any]) -> StreamSlice:
    return StreamSlice(
        partition=stream_slice.partition, cursor_slice=stream_slice.cursor_slice, extra_fields=extra_fields
    )
