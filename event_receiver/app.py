"""The HTTP side, drivable in process like any ASGI app; its contract stands in docs/events.md."""

import asyncio
import hmac
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from event_receiver.batching import BatchWriter
from event_receiver.delivery import Deliveries, Event
from event_receiver.errors import RefusedError, SettingError
from event_receiver.kinds import KINDS
from event_receiver.logs import log
from event_receiver.metrics import CONTENT_TYPE, Metrics
from event_receiver.positions import Position, check_position, parse_position, parse_time, pruned_through, time_text
from event_receiver.store import KeptEvent, Page, Store

MAX_BODY_BYTES: Final = 1_000_000
"""The longest body of a delivery; a longer one is refused with 413."""

DRAINED_BYTES: Final = 8_000_000
"""How much of a body that is too long is read and dropped, so that its sender is there to read the refusal."""

SMALL_BODY_BYTES: Final = 65_536
LARGE_BODIES: Final = 32
"""So many bodies over SMALL_BODY_BYTES are read at once: memory stays bounded however many senders there are."""

ANSWER_SECONDS: Final = 4.5
"""Dialpad waits 5 s (page on webhook delivery failures); whatever is not done by then is answered with 503."""

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000
ROWS_AT_ONCE: Final = 50
"""Rows of GET /events that are held in memory at once; the answer is streamed."""

HEALTH_SECONDS: Final = 1.0
"""How long one look at the database answers GET /healthz, however often it is asked."""

_ROUTES: Final = "There is POST /events/<kind>, GET /events, GET /healthz and GET /metrics."
_T = TypeVar("_T")


def create_app(
    store: Store,
    *,
    secrets: Iterable[str] = (),
    read_key: str | None = None,
    max_token_age: float = 300.0,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """Return the ASGI app over a store.

    `secrets` are the webhook's shared secrets (empty: plain JSON is accepted), `read_key` opens GET /events (None: it
    stays closed), `max_token_age` is the age in seconds up to which a token with `iat` is accepted. The app must be
    started (lifespan) before it accepts events. SettingError if a secret or the key cannot be used.
    """
    if read_key is not None and not read_key.strip():
        raise SettingError(
            "The reading key is empty: set EVENT_RECEIVER_READ_KEY, or leave it unset to close GET /events."
        )
    receiver = Receiver(store, Deliveries(secrets, clock=clock, max_age=max_token_age), read_key)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        receiver.writer.start()
        yield
        await receiver.writer.stop()
        receiver.readers.shutdown()
        store.close()

    app = Starlette(
        routes=[
            # With a slash behind it too: a delivery that is answered with 404 or a redirect is lost.
            *(Route(f"/events{end}", receiver.read, methods=["GET"]) for end in ("", "/")),
            *(Route(f"/events{end}", receiver.deliver, methods=["POST"]) for end in ("", "/", "/{kind}", "/{kind}/")),
            Route("/healthz", receiver.health, methods=["GET"]),
            Route("/metrics", receiver.show_metrics, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _no_such_route},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class Receiver:
    """The routes over one store."""

    def __init__(self, store: Store, deliveries: Deliveries, read_key: str | None) -> None:
        self._store = store
        self._deliveries = deliveries
        self._read_key = read_key
        self._metrics = Metrics()
        self._large_bodies = 0
        self._misplaced: set[tuple[str, str]] = set()
        self._healthy_until = 0.0
        self._health_lock = asyncio.Lock()
        self.writer = BatchWriter(store, self._metrics)
        # Readers have threads of their own, so that they cannot keep a delivery waiting for one.
        self.readers = ThreadPoolExecutor(max_workers=4, thread_name_prefix="reader")

    async def deliver(self, request: Request) -> Response:
        """POST /events/<kind>: 200 when the event is on disk, else a refusal, always within ANSWER_SECONDS."""
        body = None
        try:
            with self._metrics.answers.time():
                _check_path(request)
                kind = _kind(request.path_params.get("kind", "call"))
                async with asyncio.timeout(ANSWER_SECONDS):
                    body = await self._body(request)
                    event = self._deliveries.event(body, kind)
                    receipt = await self.writer.write(event)
        except RefusedError as refusal:
            return self._refused(refusal)
        except TimeoutError:
            return self._refused(_not_in_time("body_too_slow" if body is None else "not_kept"))
        except ClientDisconnect:
            self._metrics.refused.labels("gone").inc()
            return Response(status_code=400)  # nobody reads it
        except Exception as error:  # noqa: BLE001 - a fault of ours must be a 5xx, which is delivered again
            log(logging.ERROR, "fault while taking an event", error=error)
            return self._refused(RefusedError(503, "fault", "The receiver has a fault. Deliver it again."))
        self._note_kind(event)
        log(logging.DEBUG, "event kept" if receipt.new else "event repeated", event_id=receipt.event_id, kind=kind)
        return _json({"event_id": receipt.event_id, "status": "kept" if receipt.new else "repeated"})

    async def read(self, request: Request) -> Response:
        """GET /events: a page of the events of a kind in the order kept."""
        try:
            _check_path(request)
            self._check_key(request)
            query = request.query_params
            kind = _kind(query.get("kind") or "call")
            limit = _limit(query.get("limit") or str(DEFAULT_LIMIT))
            store_id = await self._reading(self._store.prepare)
            start = parse_position(query["after"], store_id, kind) if query.get("after") else None
            if since := query.get("received_after"):
                moment = parse_time(since)
                place = await self._reading(lambda: self._store.position_before(moment))
                if start is None or place > start.position:
                    start = Position(store_id, kind, place)
            page = await self._page(kind, start.position if start else 0, min(limit, ROWS_AT_ONCE))
            if start:
                check_position(start, page)
        except RefusedError as refusal:
            return self._refused(refusal)
        # Without `after`, reading goes on behind what was pruned.
        rows = self._rows(page, start or Position(store_id, kind, page.pruned), limit)
        return StreamingResponse(rows, media_type="application/json", headers={"cache-control": "no-store"})

    async def health(self, _request: Request) -> Response:
        """GET /healthz: 200 if the database answers and, should a commit have failed before, has room for an event."""
        async with self._health_lock:
            if time.monotonic() >= self._healthy_until:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await self._reading(lambda: self._store.check(writing=self.writer.failing))
                except (RefusedError, TimeoutError):
                    return _json({"status": "failing", "message": "The database does not answer or refuses."}, 503)
                self.writer.failing = False
                self._healthy_until = time.monotonic() + HEALTH_SECONDS
        return _json({"status": "ok"})

    async def show_metrics(self, _request: Request) -> Response:
        """GET /metrics."""
        return PlainTextResponse(self._metrics.text(), media_type=CONTENT_TYPE)

    async def _body(self, request: Request) -> bytes:
        """Return the body, at most MAX_BODY_BYTES of it in memory."""
        body = bytearray()
        large = False
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    await _drain(request, len(body))
                    raise RefusedError(413, "body_too_long", f"The body is longer than {MAX_BODY_BYTES} bytes.")
                if not large and len(body) > SMALL_BODY_BYTES:
                    if self._large_bodies >= LARGE_BODIES:
                        raise RefusedError(503, "overloaded", "Too many long bodies at once. Deliver it again.")
                    large = True
                    self._large_bodies += 1
        finally:
            self._large_bodies -= large
        return bytes(body)

    def _note_kind(self, event: Event) -> None:
        """Count an event whose members point to another kind than its path; log it once for each pair of kinds."""
        if event.looks_like in (None, event.kind):
            return
        self._metrics.misplaced.labels(event.kind).inc()
        pair = (event.kind, str(event.looks_like))
        if pair not in self._misplaced:
            self._misplaced.add(pair)
            log(logging.WARNING, "event of another kind than its path", kind=event.kind, looks_like=event.looks_like)

    def _refused(self, refusal: RefusedError) -> Response:
        self._metrics.refused.labels(refusal.reason).inc()
        log(logging.WARNING, "refused", status=refusal.status, reason=refusal.reason)
        response = _json({"error": refusal.reason, "message": refusal.text, **refusal.members}, refusal.status)
        if refusal.status == 401:  # noqa: PLR2004 - RFC 9110 wants a challenge with it
            response.headers["www-authenticate"] = "Bearer"
        if refusal.reason in ("body_too_long", "body_too_slow", "overloaded"):
            response.headers["connection"] = "close"  # the rest of the body is not waited for
        return response

    def _check_key(self, request: Request) -> None:
        if self._read_key is None:
            raise RefusedError(
                401, "reading_shut", "Reading is closed: start the receiver with EVENT_RECEIVER_READ_KEY set."
            )
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(key.strip().encode("latin-1", "replace"), self._read_key.encode())
        if scheme.lower() != "bearer" or not right:
            text = "Reading needs the header Authorization: Bearer <key>, with the receiver's EVENT_RECEIVER_READ_KEY."
            raise RefusedError(401, "read_key_wrong", text)

    async def _page(self, kind: str, after: int, limit: int) -> Page:
        return await self._reading(lambda: self._store.read(kind, after=after, limit=limit))

    async def _reading(self, work: Callable[[], _T]) -> _T:
        """Run database work in a reader's thread; RefusedError 503 if the database fails."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self.readers, work)
        except (SQLAlchemyError, SettingError) as error:
            self._metrics.store_errors.inc()
            log(logging.ERROR, "not read", error=error)
            text = "The database does not answer. Ask again with the same cursor."
            raise RefusedError(503, "not_read", text) from error

    async def _rows(self, page: Page, place: Position, limit: int) -> AsyncIterator[str]:
        """Yield the answer's JSON in pieces; a failure on the way cuts it off, so that it cannot be taken for whole."""
        count = 0
        tail = json.dumps(pruned_through(page))
        yield '{"items":['
        while page.events:
            places = [Position(place.store_id, place.kind, event.position, event.received_at) for event in page.events]
            items = (_item(event, place) for event, place in zip(page.events, places, strict=True))
            yield ("," if count else "") + ",".join(items)
            count += len(places)
            place = places[-1]
            if count == limit:
                break
            page = await self._page(place.kind, place.position, min(limit - count, ROWS_AT_ONCE))
            check_position(place, page)
        yield f'],"next_cursor":"{place}","pruned_through":{tail}}}'


def _item(event: KeptEvent, place: Position) -> str:
    # The payload goes out as the text that came in: no number or escape is re-written.
    return (
        f'{{"event_id":"{event.event_id}","received_at":"{time_text(event.received_at)}",'
        f'"position":"{place}","event":{event.payload}}}'
    )


def _check_path(request: Request) -> None:
    if b"%" in request.scope["raw_path"]:  # no path has one; a proxy's rule for the plain path would not cover it
        raise RefusedError(404, "not_found", _ROUTES)


def _kind(name: str) -> str:
    if name not in KINDS:
        raise RefusedError(
            404, "unknown_kind", f"There is no such kind of event: it must be one of {', '.join(KINDS)}."
        )
    return name


def _limit(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > MAX_LIMIT:
        raise RefusedError(400, "limit_out_of_range", f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(text)


async def _drain(request: Request, count: int) -> None:
    async for chunk in request.stream():
        count += len(chunk)
        if count > DRAINED_BYTES:
            return


def _not_in_time(reason: str) -> RefusedError:
    part = "The body did not arrive" if reason == "body_too_slow" else "The event could not be kept"
    return RefusedError(503, reason, f"{part} within {ANSWER_SECONDS} s. Deliver it again.")


def _no_such_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    reason = "method_not_allowed" if status == 405 else "not_found"  # noqa: PLR2004 - the two the router knows
    return JSONResponse({"error": reason, "message": _ROUTES}, status, headers=headers)


def _json(content: Mapping[str, str | None], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"cache-control": "no-store"})
