"""The HTTP face: POST /events, GET /events, GET /healthz, GET /metrics. Drivable in process, like any ASGI app."""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from event_receiver import metrics
from event_receiver.delivery import Deliveries
from event_receiver.keeping import Keeper
from event_receiver.logs import say
from event_receiver.refusals import RefusedError, SettingError
from event_receiver.store import KeptEvent, Page, Store

MAX_BODY_BYTES: Final = 1_000_000
"""The longest body of a delivery; a longer one is refused with 413."""

DRAINED_BYTES: Final = 8_000_000
"""How much of a body that is too long is read and dropped, so that its sender is there to hear the refusal."""

SMALL_BODY_BYTES: Final = 65_536
LARGE_BODIES: Final = 32
"""So many bodies over SMALL_BODY_BYTES are read at once: memory stays bounded however many senders there are."""

ANSWER_SECONDS: Final = 4.5
"""Dialpad waits 5 s (page on webhook delivery failures); whatever is not done by then is answered."""

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
ROWS_AT_ONCE: Final = 50
"""Rows of GET /events that are held in memory at once; the answer is streamed."""

HEALTH_SECONDS: Final = 1.0
"""How long one look at the database answers GET /healthz, however often it is asked."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_T = TypeVar("_T")


def create_app(  # noqa: PLR0913 - each is one setting
    store: Store,
    *,
    secrets: Iterable[str] = (),
    read_key: str | None = None,
    max_token_age: float = 300.0,
    clock: Callable[[], float] = time.time,
    figures: metrics.Metrics | None = None,
) -> Starlette:
    """Return the ASGI app over a store.

    `secrets` are the webhook's shared secrets (empty: plain JSON is taken), `read_key` opens GET /events (None: it
    stays shut), `max_token_age` is the age in seconds up to which a token with `iat` is taken. The app must be started
    (lifespan) before it takes events. SettingError if a secret or the key cannot be used.
    """
    if read_key is not None and not read_key.strip():
        raise SettingError(
            "The reading key is empty: set EVENT_RECEIVER_READ_KEY, or leave it unset to shut GET /events."
        )
    deliveries = Deliveries(secrets, clock=clock, max_age=max_token_age)
    receiver = Receiver(store, deliveries, read_key, figures or metrics.Metrics())

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        receiver.keeper.start()
        yield
        await receiver.keeper.stop()
        receiver.readers.shutdown()
        store.close()

    return Starlette(
        # Both spellings are routes: a redirect would turn a delivery away.
        routes=[
            *(Route(path, receiver.events, methods=["GET", "POST"]) for path in ("/events", "/events/")),
            Route("/healthz", receiver.health, methods=["GET"]),
            Route("/metrics", receiver.figures, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_such_route},
        lifespan=lifespan,
    )


class Receiver:
    """The four routes over one store."""

    def __init__(self, store: Store, deliveries: Deliveries, read_key: str | None, figures: metrics.Metrics) -> None:
        self._store = store
        self._deliveries = deliveries
        self._read_key = read_key
        self._metrics = figures
        self._large_bodies = 0
        self._healthy_until = 0.0
        self._health_lock = asyncio.Lock()
        self.keeper = Keeper(store, figures)
        # Readers have threads of their own, so that they cannot keep a delivery waiting for one.
        self.readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="reader")

    async def events(self, request: Request) -> Response:
        """POST or GET /events."""
        return await (self.take if request.method == "POST" else self.read)(request)

    async def take(self, request: Request) -> Response:
        """POST /events: 200 when the event is on disk, else a refusal; always an answer within ANSWER_SECONDS."""
        begin = time.perf_counter()
        body = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                body = await self._body(request)
                event = self._deliveries.event(body)
                fresh = await self.keeper.keep(event)
        except RefusedError as refusal:
            return self._refused(refusal, begin)
        except TimeoutError:
            return self._refused(_too_slow() if body is None else _not_in_time(), begin)
        except ClientDisconnect:
            self._metrics.refused["gone"] += 1
            return Response(status_code=400)  # nobody hears it
        except Exception as error:  # noqa: BLE001 - a fault of ours must be a 5xx, which is delivered again
            say(logging.ERROR, "fault while taking an event", error=error)
            return self._refused(RefusedError(503, "fault", "The receiver has a fault. Deliver it again."), begin)
        say(logging.DEBUG, "event kept" if fresh else "event repeated", event_id=event.event_id)
        self._metrics.answers.observe(time.perf_counter() - begin)
        return _json({"event_id": event.event_id, "status": "kept" if fresh else "repeated"})

    async def read(self, request: Request) -> Response:
        """GET /events: a page of the events in the order kept; see docs/events.md for the shape."""
        try:
            self._check_key(request)
            limit = _limit(request.query_params)
            after = await self._start(request.query_params)
            first = await self._page(after, min(limit, ROWS_AT_ONCE))
            _check_place(after, first)
            store_id = await self._reading(self._store.prepare)
        except RefusedError as refusal:
            return self._refused(refusal)
        # Without a cursor, the place is the one before the oldest event there is.
        rows = self._rows(first, first.pruned_through if after is None else after, limit, store_id)
        return StreamingResponse(rows, media_type="application/json", headers={"cache-control": "no-store"})

    async def health(self, _request: Request) -> Response:
        """GET /healthz: 200 if the database answers and, should keeping have failed before, takes writes again."""
        async with self._health_lock:
            if time.monotonic() >= self._healthy_until:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self._reading(lambda: self._store.check(writing=self.keeper.failing))
                except (RefusedError, TimeoutError):
                    return _json({"status": "failing", "message": "The database does not answer or refuses."}, 503)
                self.keeper.failing = False
                self._healthy_until = time.monotonic() + HEALTH_SECONDS
        return _json({"status": "ok"})

    async def figures(self, _request: Request) -> Response:
        """GET /metrics."""
        return PlainTextResponse(self._metrics.text(), media_type=metrics.CONTENT_TYPE)

    async def _body(self, request: Request) -> bytes:
        """Return the body, at most MAX_BODY_BYTES of it in memory."""
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            if request.headers.get("expect", "").lower() != "100-continue":
                await _drained(request, 0)
            raise _too_long()
        body = bytearray()
        large = False
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    await _drained(request, len(body))
                    raise _too_long()
                if not large and len(body) > SMALL_BODY_BYTES:
                    if self._large_bodies >= LARGE_BODIES:
                        raise RefusedError(503, "overloaded", "Too many long bodies at once. Deliver it again.")
                    large = True
                    self._large_bodies += 1
        finally:
            self._large_bodies -= large
        return bytes(body)

    def _refused(self, refusal: RefusedError, begin: float | None = None) -> Response:
        if begin is not None:
            self._metrics.answers.observe(time.perf_counter() - begin)
        self._metrics.refused[refusal.reason] += 1
        say(logging.WARNING, "refused", status=refusal.status, reason=refusal.reason)
        response = _json({"error": refusal.reason, "message": refusal.text}, refusal.status)
        if refusal.status == 401:  # noqa: PLR2004 - RFC 9110 wants a challenge with it
            response.headers["www-authenticate"] = "Bearer"
        if refusal.reason in ("body_too_long", "body_too_slow", "overloaded"):
            response.headers["connection"] = "close"  # the rest of the body is not waited for
        return response

    def _check_key(self, request: Request) -> None:
        if self._read_key is None:
            raise RefusedError(
                401, "reading_shut", "Reading is shut: start the receiver with EVENT_RECEIVER_READ_KEY set."
            )
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(key.strip().encode("latin-1", "replace"), self._read_key.encode())
        if scheme.lower() != "bearer" or not right:
            text = "Reading needs the header Authorization: Bearer <key>, with the receiver's EVENT_RECEIVER_READ_KEY."
            raise RefusedError(401, "read_key_wrong", text)

    async def _start(self, query: QueryParams) -> int | None:
        """Return the position to read after; None: from the first event there is."""
        after = None
        if cursor := query.get("after"):
            store_id, _, position = cursor.rpartition("-")
            if not store_id or not position.isdecimal() or not position.isascii() or len(position) > 18:  # noqa: PLR2004 - fits 64 bits
                text = "after must be a next_cursor or position of an earlier answer, unchanged."
                raise RefusedError(400, "cursor_malformed", text)
            if store_id != await self._reading(self._store.prepare):
                text = "The cursor comes from another database. Begin again without after."
                raise RefusedError(410, "cursor_of_another_store", text)
            after = int(position)
        if since := query.get("received_after"):
            place = await self._reading(lambda: self._store.position_before(_microseconds(since)))
            after = max(place, after or 0)
        return after

    async def _page(self, after: int | None, limit: int) -> Page:
        return await self._reading(lambda: self._store.read(after=after or 0, limit=limit))

    async def _reading(self, work: Callable[[], _T]) -> _T:
        """Run database work in a reader's thread; RefusedError 503 if the database fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.readers, work)
        except SQLAlchemyError as error:
            self._metrics.store_errors += 1
            say(logging.ERROR, "not read", error=error)
            text = "The database does not answer. Ask again with the same cursor."
            raise RefusedError(503, "not_read", text) from error

    async def _rows(self, page: Page, place: int, limit: int, store_id: str) -> AsyncIterator[str]:
        """Yield the answer's JSON in pieces; a failure on the way cuts it off, so that it cannot be taken for whole."""
        count = 0
        yield '{"items":['
        while page.events:
            yield ("," if count else "") + ",".join(_item(event, store_id) for event in page.events)
            count += len(page.events)
            place = page.events[-1].position
            if count == limit:
                break
            page = await self._page(place, min(limit - count, ROWS_AT_ONCE))
            _check_place(place, page)
        yield f'],"next_cursor":"{store_id}-{place}"}}'


def received_at_text(microseconds: int) -> str:
    """Return a `received_at` as RFC 3339 in UTC, always with six digits of the second: texts sort like times."""
    return (_EPOCH + timedelta(microseconds=microseconds)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _item(event: KeptEvent, store_id: str) -> str:
    # The payload goes out as the text that came in: no number or escape is re-written.
    return (
        f'{{"event_id":"{event.event_id}","received_at":"{received_at_text(event.received_at)}",'
        f'"position":"{store_id}-{event.position}","event":{event.payload}}}'
    )


def _check_place(after: int | None, page: Page) -> None:
    """Refuse to read on from a place whose successors are gone, or that never was: events would be left out unseen."""
    if after is None:
        return
    if after > page.last_position:
        text = (
            "The cursor is ahead of the database, which was perhaps restored from a backup. Begin again without after."
        )
        raise RefusedError(410, "cursor_ahead", text)
    if after < page.pruned_through:
        text = "Events after this cursor have been pruned. Begin again without after."
        raise RefusedError(410, "events_pruned", text)


def _limit(query: QueryParams) -> int:
    limit = query.get("limit") or str(DEFAULT_LIMIT)
    if not limit.isdecimal() or not 1 <= int(limit[:9]) <= MAX_LIMIT:
        raise RefusedError(400, "limit_out_of_range", f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(limit)


def _microseconds(time_text: str) -> int:
    try:
        moment = datetime.fromisoformat(time_text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        text = (
            "received_after must be a time with an offset (RFC 3339), such as 2026-05-01T00:00:00Z; "
            "in a URL, + must be written %2B."
        )
        raise RefusedError(400, "received_after_malformed", text)
    return (moment - _EPOCH) // timedelta(microseconds=1)


async def _drained(request: Request, count: int) -> None:
    async for chunk in request.stream():
        count += len(chunk)
        if count > DRAINED_BYTES:
            return


def _too_long() -> RefusedError:
    return RefusedError(413, "body_too_long", f"The body is longer than {MAX_BODY_BYTES} bytes.")


def _too_slow() -> RefusedError:
    return RefusedError(408, "body_too_slow", f"The body did not arrive within {ANSWER_SECONDS} s.")


def _not_in_time() -> RefusedError:
    return RefusedError(503, "not_kept", f"The event could not be kept within {ANSWER_SECONDS} s. Deliver it again.")


def _no_such_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    text = "There is POST /events, GET /events, GET /healthz and GET /metrics."
    reason = "method_not_allowed" if status == 405 else "not_found"  # noqa: PLR2004 - the two the router knows
    return JSONResponse({"error": reason, "message": text}, status, headers=headers)


def _json(content: dict[str, str], status: int = 200) -> Response:
    return Response(json.dumps(content), status, media_type="application/json", headers={"cache-control": "no-store"})
