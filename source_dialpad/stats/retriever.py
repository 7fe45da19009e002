"""The streams of exports: a window's job is started ahead, and its file is read when the job has ended."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any

from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.errors import counted
from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.jobs import ATTEMPTS, LATER, POLL_EVERY, ExportJob, ExportJobs, JobStatus
from source_dialpad.stats.quota import ExportShare, export_quota, wishes
from source_dialpad.stats.rows import DAY_COLUMNS, ExportColumns
from source_dialpad.sync.batches import batched
from source_dialpad.sync.retriever import SliceRetriever
from source_dialpad.sync.windows import DayWindow
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.shared import shared
from source_dialpad.transport.times import zone_of

logger = logging.getLogger("airbyte")

GONE = (400, 401, 403, 404, 410)  # how hosts of files answer an expired URL; 400 is Google's ExpiredToken
JOB = "export_job"  # where a slice carries its `ExportJob`, outside its identity


@dataclass
class ExportRetriever(SliceRetriever):
    """The streams `records_X`, `stats_X`, `scorecard_grades` and `scorecard_answers`: one export a window and scope.

    `requester` starts exports, `polling_requester` asks for them, `download_requester` fetches the file and carries no
    key, since the URL points at a storage host. `export_type`, `stat_type`, `group_by` and `scorecards_type` are
    members of the POST; an export of scorecards is by the days of grading, and counts against a limit of its own.
    `row_key` names how a row gets its key (see `FileKeys`).
    """

    polling_requester: Requester
    download_requester: Requester
    export_type: str | None = None
    stat_type: str | None = None
    group_by: str | None = None
    scorecards_type: str | None = None
    row_key: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        dialpad, of_scorecards = self.config["dialpad"], self.scorecards_type is not None
        self.timezone: str = self.config["timezone"]
        account = dialpad["base_url"], dialpad["api_key"]
        self.quota = export_quota(*account, of_scorecards=of_scorecards)
        self.download_requester.stream_response = True  # type: ignore[attr-defined]  # a year in one file
        self._download = JsonCalls(self.download_requester, FileGuard(dialpad["base_url"]))
        polls, zone = JsonCalls(self.polling_requester), zone_of(self.timezone)
        self._jobs = ExportJobs(self.name, self.quota, self.ask, polls, zone, of_scorecards)
        self._columns: ExportColumns | None = None
        self._scope, self._office = "company", dict[str, Any]()
        if office := dialpad.get("office_id"):
            of_target = {"target_type": "office", "target_id": int(office)}
            self._scope, self._office = f"office:{office}", of_target if of_scorecards else {"office_id": int(office)}
        limit = 0 if getattr(self.cursor, "full_refresh", False) else dialpad["exports_per_sync"]
        if limit and not of_scorecards:
            self._jobs.share = shared(ExportShare, *account, arguments=(limit,))
            self._jobs.share.expect(self.name)
        self.prepare_slices(self._completed_slices)

    def _completed_slices(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        """Each slice when its job has ended; many are prepared at once."""
        planned: list[StreamSlice] = []
        share = self._jobs.share
        try:
            planned = list(slices)
        finally:  # a stream that cannot plan keeps no other waiting
            wanted = wishes(self.name, planned, aggregates=self.export_type == "stats")
            read = share.divide(self.name, wanted) if share else wanted
        left = len(wanted) - len(read)
        for job in self._jobs.ended(self._job(planned[wish.number]) for wish in read):
            if job.status is JobStatus.LEFT:
                left += 1
            else:
                given = job.stream_slice
                fields = {**given.extra_fields, JOB: job}
                yield StreamSlice(partition=given.partition, cursor_slice=given.cursor_slice, extra_fields=fields)
        if left:
            syncs = ceil(left / max(sum(wish.is_history for wish in read), 1))  # at the pace of this one
            logger.info("%s: %s left to read, about %s.", self.name, counted(left, "export"), counted(syncs, "sync"))
        if used := self.quota.used:
            message = "%s: all exports have been prepared; this sync has used %s and %s so far."
            logger.info(message, self.name, counted(used, "export POST"), counted(self.quota.polls, "poll"))

    def _job(self, stream_slice: StreamSlice) -> ExportJob:
        window = DayWindow(*(date.fromisoformat(stream_slice.cursor_slice[edge]) for edge in ("first_day", "last_day")))
        names = ("export_type", "stat_type", "group_by", "scorecards_type", "timezone")
        exported = {name: value for name in names if (value := getattr(self, name))}
        body = {**exported, **stream_slice.extra_fields.get("scope_body", self._office)}
        return ExportJob(window, body, self.context(stream_slice), stream_slice)

    def _rows(self, job: ExportJob, columns: ExportColumns) -> Iterator[dict[str, Any]]:
        """The rows of an export; a file that is gone or cut is asked for again, which repeats rows under their keys."""
        context, scope = job.context, job.stream_slice.extra_fields.get("scope", self._scope)
        calendar_end = job.stream_slice.cursor_slice.get("calendar_end")
        window = DayWindow(job.window.first, date.fromisoformat(calendar_end)) if calendar_end else job.window
        broken, is_lost = 0, False
        while True:
            if not job.has_ended:
                next(self._jobs.ended([job]))
            if job.error is not None:
                raise job.error
            place = StreamSlice(partition={}, cursor_slice={}, extra_fields={"download_url": job.download_url})
            response = self._download.raw(context, stream_slice=place)
            if response.status_code in GONE:
                response.close()
                job.on_download_expired()
                continue
            try:
                with ExportFile(response, context) as file:
                    if not file.may_be_lost or is_lost:
                        yield from columns.rows(file, scope=scope, window=window, asked=job.window, context=context)
                        return
                is_lost = True
            except BrokenFileError as error:
                broken += 1
                if broken >= ATTEMPTS:
                    cure = "Check that no proxy or sign-in page stands in front of the host that keeps the files."
                    message = f"{error.message} It was fetched {broken} times. {cure} {LATER}"
                    raise BrokenFileError(message, error.failure_type) from None
                logger.warning("%s: the file of the export is broken or is none; it is fetched again.", context)
            job.repoll(POLL_EVERY)  # an expired URL may answer with a page: the export gives a fresh one

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The rows of one window's export, typed as the file is read."""
        self.check_cursor()
        assert stream_slice is not None  # noqa: S101  # the cursor always gives one
        if self._columns is None:
            days = () if self.scorecards_type else DAY_COLUMNS  # a row's own date may be that of the call
            self._columns = ExportColumns(self.name, records_schema, self.timezone, self.row_key, days)
        rows = self._rows(stream_slice.extra_fields[JOB], self._columns)
        return batched(self.name, stream_slice, rows)
