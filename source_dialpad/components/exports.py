"""Stats exports: POST, wait, poll, download; many at once, within Dialpad's limits, never an empty file for a failed one.

Stats API page: a POST starts an export (200 an hour, counted even when answered from the cache), the result can be
asked for 15-20 seconds later and then every 5 or 10, and is kept for 3 hours (30 minutes when it is of today). Ranges are
given as days back from today of the requested zone, so they are computed at the moment of the POST.

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

from source_dialpad.components.backoff import retry_after
from source_dialpad.batches import batched
from source_dialpad.components.api import Answer, JsonCalls, object_of
from source_dialpad.components.errors import config_error, excerpt, system_error, transient_error
from source_dialpad.components.export_rows import ExportColumns, ExportFile, NotAnExport
from source_dialpad.components.retrieval import SliceRetriever, reading_slot
from source_dialpad.components.windows import DAY, DayWindow, local_day, midnight, zone_of

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

POLL_ERRORS = 5
"""Polls in a row that may go wrong (each already retried by the requester) before the window fails."""

RATE_LIMIT_PATIENCE = 75 * 60.0
"""Seconds for which refused POSTs (429) are tried again: the budget is shared with everybody in the company."""

IN_FLIGHT = POSTS_AN_HOUR
"""Windows of this process whose exports are started and not yet read: a result is not kept for long."""

POST_ERRORS = 5
"""POSTs in a row that may go wrong before the window fails. The requester does not repeat them: each one is counted."""

BELIEVED_OFFSET = timedelta(hours=6)
"""A server whose clock is further off than this tells no time."""

MIDNIGHT_MARGIN = timedelta(seconds=5)
"""A POST this near before midnight waits for it: the server may cut the days on either side."""

SAY_EVERY = 30.0
"""Seconds between two log lines while something is waited for; the platform ends silent connectors."""


# --- what all streams share -------------------------------------------------------------------------------------------


class PostBudget:
    """Never more than `limit` POSTs in any hour, all streams of a key together; says how long it waits, and for what."""

    def __init__(self, limit: int = POSTS_AN_HOUR) -> None:
        """An empty hour."""
        self._limit = limit
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()
        self.used = 0

    def wait_seconds(self) -> float:
        """Seconds until a POST may be sent; 0 when one may be sent now."""
        with self._lock:
            return self._wait(time.monotonic())

    def _wait(self, now: float) -> float:
        while self._sent and now - self._sent[0] >= HOUR:
            self._sent.popleft()
        return 0.0 if len(self._sent) < self._limit else self._sent[0] + HOUR - now

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
        believed = timedelta(seconds=30) < abs(offset) < BELIEVED_OFFSET
        self._offset = offset if believed else timedelta(0)

    def now(self) -> datetime:
        """The server's time."""
        return datetime.now(UTC) + self._offset


@dataclass
class ExportDesk:
    """What all streams of one key share: the POST budget, the server's clock and the places for exports in flight."""

    budget: PostBudget = field(default_factory=PostBudget)
    clock: ServerClock = field(default_factory=ServerClock)
    places: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(IN_FLIGHT))
    polls: int = 0


@lru_cache(maxsize=32)
def export_desk(base_url: str, api_key: str) -> ExportDesk:
    """The desk of a key; limits are counted a company, so two sources of one process share it."""
    return ExportDesk()


# --- one export -------------------------------------------------------------------------------------------------------


class Stage(Enum):
    """Where an export stands."""

    TO_POST = "to be started"
    PREPARING = "being prepared"
    READY = "ready"
    FAILED = "failed"


WAITING = (Stage.TO_POST, Stage.PREPARING)


@dataclass
class Export:
    """One export of one window, from the POST to the download URL."""

    window: DayWindow
    body: Mapping[str, Any]
    where: str
    stream_slice: StreamSlice
    stage: Stage = Stage.TO_POST
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

    def fail(self, error: AirbyteTracedException) -> None:
        """Ends the export with an error that names stream and window."""
        self.stage, self.error = Stage.FAILED, error

    def expired(self) -> None:
        """Asks for the export once more, since its file is gone: a fresh URL may be had without another POST."""
        self.stage, self.expired_url, self.due = Stage.PREPARING, self.download_url, time.monotonic()

    def again(self, reason: AirbyteTracedException, pause: float) -> None:
        """Starts over with a new POST after `pause` seconds, or fails for `reason` when all attempts are used."""
        self.request_id = self.download_url = self.expired_url = ""
        if self.attempts >= ATTEMPTS:
            self.fail(reason)
            return
        logger.warning("%s Started again in %d s (attempt %d of %d).", reason.message, pause, self.attempts + 1, ATTEMPTS)
        self.stage, self.due = Stage.TO_POST, time.monotonic() + pause


@dataclass
class ExportProtocol:
    """Takes exports through their stages; each step sends at most one request and never waits.

    Errors end the export, not the others: 401, 403 and 400 at once, a failed, forgotten or expired export after
    `ATTEMPTS`, unreadable answers and time-outs after theirs.
    """

    desk: ExportDesk
    post: JsonCalls
    poll: JsonCalls
    zone: tzinfo

    def step(self, export: Export) -> None:
        """The next request of an export that is due."""
        try:
            if export.stage is Stage.TO_POST:
                self._post(export)
            elif export.stage is Stage.PREPARING:
                self._poll(export)
        except AirbyteTracedException as error:
            self._went_wrong(export, error)

    def _went_wrong(self, export: Export, error: AirbyteTracedException) -> None:
        if error.failure_type == FailureType.config_error:
            export.fail(error)
        elif export.stage is Stage.TO_POST:
            export.post_errors += 1
            export.due = time.monotonic() + 2.0**export.post_errors
            if export.post_errors >= POST_ERRORS:
                export.fail(error)
        else:
            export.poll_errors += 1
            export.due = time.monotonic() + POLL_EVERY_LATER
            if export.poll_errors >= POLL_ERRORS:
                export.fail(error)

    def _post(self, export: Export) -> None:
        today = local_day(self.desk.clock.now(), self.zone)
        before_midnight = midnight(today + DAY, self.zone) - self.desk.clock.now()
        if before_midnight < MIDNIGHT_MARGIN:
            export.due = time.monotonic() + before_midnight.total_seconds() + 1
            return
        wait = self.desk.budget.take()
        if wait > 0:
            export.due = time.monotonic() + wait
            return
        response = self.post.raw(
            export.where, stream_slice=export.stream_slice, body={**export.body, **days_ago(export.window, today)}
        )
        self.desk.clock.learn(response)
        if response.status_code == requests.codes.too_many_requests:
            self._refused(export, response)
            return
        answer = _json_answer(response, export.where)
        request_id = object_of(answer, export.where).get("request_id")
        now = time.monotonic()
        export.attempts += 1
        if not request_id:
            export.again(
                transient_error(f"{export.where}: Dialpad took the export without a request id: {excerpt(answer.content)}."),
                PAUSE_AFTER_FAILURE,
            )
            return
        if local_day(self.desk.clock.now(), self.zone) != today:
            export.attempts -= 1  # the day turned, or the server's clock is not ours: other days were asked for
            export.due = now
            return
        export.stage, export.request_id, export.started = Stage.PREPARING, str(request_id), now
        export.due, export.post_errors, export.poll_errors = now + FIRST_POLL, 0, 0
        export.refused_since = None

    def _refused(self, export: Export, response: requests.Response) -> None:
        now = time.monotonic()
        export.refused_since = export.refused_since or now
        wait = retry_after(response)
        if wait is None:
            wait = min(30.0 + (now - export.refused_since), 600.0)
        if now + wait - export.refused_since > RATE_LIMIT_PATIENCE:
            export.fail(
                transient_error(
                    f"{export.where}: Dialpad refused to start the export (429) for {RATE_LIMIT_PATIENCE / 60:.0f} minutes. The "
                    "200 export requests an hour are shared by everything the company runs; run the sync again later, or "
                    "with a larger dialpad.export_window_days."
                )
            )
            return
        logger.info("%s: Dialpad refused to start the export (429); tried again in %d s.", export.where, wait)
        export.due = now + wait

    def _poll(self, export: Export) -> None:
        now = time.monotonic()
        if now - export.started > TIME_LIMIT:
            export.fail(
                transient_error(
                    f"{export.where}: the export is still being prepared after {TIME_LIMIT / 60:.0f} minutes. Run the sync again "
                    "later, or with a smaller dialpad.export_window_days."
                )
            )
            return
        self.desk.polls += 1
        export.due = now + (POLL_EVERY if now - export.started < PATIENT_AFTER else POLL_EVERY_LATER)
        answer = self.poll(export.where, stream_slice=export.stream_slice, path=export.request_id, accept=(404, 410))
        if answer.status in (404, 410):
            export.again(
                transient_error(f"{export.where}: Dialpad has forgotten the export ({answer.status}) {ATTEMPTS} times."), 0.0
            )
            return
        status = object_of(answer, export.where).get("status")
        url = answer.value.get("download_url")
        if status == "complete" and url and url == export.expired_url:
            export.again(transient_error(f"{export.where}: the file of the export is gone, {ATTEMPTS} times."), 0.0)
        elif status == "complete" and url:
            export.stage, export.download_url = Stage.READY, url
        elif status == "failed":
            export.again(
                transient_error(
                    f"{export.where}: Dialpad could not prepare the export (status failed; it gives no reason). Run the sync "
                    "again later; if it keeps failing, a smaller dialpad.export_window_days may help."
                ),
                PAUSE_AFTER_FAILURE,
            )
        elif status == "complete":
            raise system_error(f"{export.where}: the export is complete but has no download URL.")
        elif status != "processing":
            raise system_error(f"{export.where}: the export has the unknown status {status!r}.")
        else:
            export.poll_errors = 0


def days_ago(window: DayWindow, today: date) -> dict[str, Any]:
    """The range members of a POST for whole days of the requested zone, both ends inclusive.

    `days_ago_start` is the newer day: reversed, the totals come back as zeros. Today is asked for by `is_today`, which
    overrides the other two and reads other tables; a window may not mix it with older days.
    """
    if window.last >= today:
        return {"is_today": True}
    return {"days_ago_start": (today - window.last).days, "days_ago_end": (today - window.first).days}


def parts(window: DayWindow, today: date) -> list[DayWindow]:
    """The window, cut where closed days end and today begins: the two are separate exports."""
    if window.first < today <= window.last:
        return [DayWindow(window.first, today - DAY), DayWindow(today, today)]
    return [window]


def _json_answer(response: requests.Response, where: str) -> Answer:
    try:
        return Answer(response.status_code, response.json(), response.content)
    except requests.exceptions.JSONDecodeError:
        raise transient_error(
            f"{where}: Dialpad answered {response.status_code} with something that is not JSON: {excerpt(response.content)}"
        ) from None


# --- the retriever ----------------------------------------------------------------------------------------------------

EXPORTS = "exports"
"""Where a slice carries its exports, outside its identity."""


@dataclass
class ExportRetriever(SliceRetriever):
    """The streams `records_X` and `stats_X`: one export a window and scope.

    `requester` starts exports, `polling_requester` asks for them, `download_requester` fetches the file and carries no
    key, since the URL points at a storage host. `export` is the body of the POST without scope and days; `row_key`
    names how a row is told from the others (see `export_rows`).
    """

    polling_requester: Requester | None = None
    download_requester: Requester | None = None
    export: Mapping[str, Any] | None = None
    row_key: str = ""

    def __post_init__(self) -> None:
        """Takes over the preparation of the slices."""
        super().__post_init__()
        dialpad = self.config["dialpad"]
        self.timezone: str = self.config["timezone"]
        self.zone = zone_of(self.timezone)
        self.desk = export_desk(dialpad["base_url"], dialpad["api_key"])
        self.download_requester.stream_response = True  # type: ignore[union-attr]  # a year in one file
        self._download = JsonCalls(self.download_requester)  # type: ignore[arg-type]
        self._protocol = ExportProtocol(
            self.desk, self.ask, JsonCalls(self.polling_requester), self.zone  # type: ignore[arg-type]
        )
        self._columns: ExportColumns | None = None
        office = dialpad.get("office_id")
        self._scope = f"office:{office}" if office else "company"
        self._office = {"office_id": int(office)} if office else {}
        self.cursor.prepare_with(self._ready)  # type: ignore[attr-defined]

    # waiting -------------------------------------------------------------------------------------------------------

    def _ready(self, slices: Iterable[StreamSlice]) -> Iterator[StreamSlice]:
        """Each slice when its exports are ready, or have failed; many are prepared at once."""
        planned = iter(slices)
        open_slices: list[tuple[StreamSlice, list[Export]]] = []
        said = time.monotonic()
        exhausted = False
        held = 0
        try:
            while open_slices or not exhausted:
                while not exhausted and self.desk.places.acquire(blocking=False):
                    held += 1
                    following = next(planned, None)
                    exhausted = following is None
                    if following is not None:
                        open_slices.append((following, self._exports(following)))
                now = time.monotonic()
                for export in _of(open_slices):
                    if export.stage in WAITING and export.due <= now:
                        self._protocol.step(export)
                done = [each for each in open_slices if not any(export.stage in WAITING for export in each[1])]
                open_slices = [each for each in open_slices if each not in done]
                for stream_slice, exports in done:
                    held -= 1  # its place is given back when it was read
                    yield StreamSlice(
                        partition=stream_slice.partition,
                        cursor_slice=stream_slice.cursor_slice,
                        extra_fields={**stream_slice.extra_fields, EXPORTS: exports},
                    )
                if not done and (open_slices or not exhausted):
                    said = self._say(_of(open_slices), said)
                    time.sleep(_pause(_of(open_slices)))
        finally:
            for _ in range(held):
                self.desk.places.release()
        if self.desk.budget.used:
            logger.info(
                "%s: all exports are prepared; this sync has used %d export POSTs and %d polls so far.",
                self.name,
                self.desk.budget.used,
                self.desk.polls,
            )

    def _say(self, waiting: list[Export], said: float) -> float:
        now = time.monotonic()
        budget = self.desk.budget.wait_seconds()
        if now - said < SAY_EVERY:
            return said
        to_post = sum(export.stage is Stage.TO_POST for export in waiting)
        if to_post and budget > 0:
            until = datetime.now(UTC) + timedelta(seconds=budget)
            logger.info(
                "%s: %d exports wait for the budget of %d POSTs an hour; the next one starts at %s UTC, in %d min %d s.",
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
            logger.info("%s: waits until exports of other streams are read (%d at a time).", self.name, IN_FLIGHT)
        return now

    def _exports(self, stream_slice: StreamSlice) -> list[Export]:
        window = stream_slice.cursor_slice
        days = DayWindow(date.fromisoformat(window["first_day"]), date.fromisoformat(window["last_day"]))
        today = local_day(self.desk.clock.now(), self.zone)
        body = {**(self.export or {}), "timezone": self.timezone, **stream_slice.extra_fields.get("scope_body", self._office)}
        where = self.where(stream_slice)
        return [Export(part, body, where, stream_slice) for part in parts(days, today)]

    # reading -------------------------------------------------------------------------------------------------------

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The rows of one window's exports."""
        assert stream_slice is not None  # noqa: S101  # the cursor always gives one
        if self._columns is None:
            self._columns = ExportColumns(self.name, records_schema, self.timezone, self.row_key)
        try:
            for export in stream_slice.extra_fields[EXPORTS]:
                yield from batched(self.name, stream_slice, self._rows(export, self._columns))
        finally:
            self.desk.places.release()

    def _rows(self, export: Export, columns: ExportColumns) -> Iterator[dict[str, Any]]:
        """The rows of an export; a file that is gone or cut off is asked for again, which repeats rows under their keys."""
        scope = export.stream_slice.extra_fields.get("scope", self._scope)
        edge = export.stream_slice.cursor_slice.get("edge")
        window = DayWindow(export.window.first, date.fromisoformat(edge)) if edge else export.window
        downloads = 0
        while True:
            self._wait_for(export)
            downloads += 1
            try:
                with reading_slot(self.config["num_workers"]):
                    response = self._download.raw(
                        export.where, stream_slice=_with_url(export.stream_slice, export.download_url)
                    )
                    if response.status_code in (403, 404, 410):
                        raise _Gone
                    with ExportFile(response, export.where) as lines:
                        yield from columns.rows(lines, scope=scope, window=window, where=export.where)
            except _Gone:
                export.expired()
            except NotAnExport as found:
                export.expired()
                if downloads >= ATTEMPTS:
                    raise found.error from None
            except (requests.RequestException, OSError) as broken:
                if downloads >= ATTEMPTS:
                    raise transient_error(
                        f"{export.where}: the file of the export broke off {downloads} times "
                        f"({type(broken).__name__}); run the sync again later."
                    ) from broken
                logger.warning("%s: the file of the export broke off; it is fetched again.", export.where)
                time.sleep(downloads)
            else:
                return

    def _wait_for(self, export: Export) -> None:
        said = time.monotonic()
        while export.stage in WAITING:
            if export.due <= time.monotonic():
                self._protocol.step(export)
            else:
                said = self._say([export], said)
                time.sleep(_pause([export]))
        if export.error is not None:
            raise export.error


class _Gone(Exception):
    """The download URL has expired."""


def _with_url(stream_slice: StreamSlice, url: str) -> StreamSlice:
    return StreamSlice(
        partition=stream_slice.partition,
        cursor_slice=stream_slice.cursor_slice,
        extra_fields={"download_url": url},
    )


def _of(open_slices: list[tuple[StreamSlice, list[Export]]]) -> list[Export]:
    return [export for _, exports in open_slices for export in exports]


def _pause(waiting: list[Export]) -> float:
    """Seconds until the next export is due, at least a blink and at most a second, so that nothing loops hot."""
    now = time.monotonic()
    return min(max(min((export.due for export in waiting), default=now + 1.0) - now, 0.05), 1.0)
