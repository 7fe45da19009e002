"""The HTTP side, drivable in process like any ASGI app; its contract stands in docs/events.md."""

import asyncio
import hmac
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from anyio import to_thread
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0 as CONTENT_TYPE
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from event_receiver.batching import BatchWriter
from event_receiver.delivery import Deliveries
from event_receiver.errors import RefusedError, SettingError
from event_receiver.kinds import KINDS
from event_receiver.logs import log
from event_receiver.metrics import Metrics
from event_receiver.positions import Position, check_position, parse_position, parse_time, pruned_through, time_text
from event_receiver.store import Store

MAX_BODY_BYTES: Final = 1_000_000
"""The longest body of a delivery; a longer one is refused with 413."""

ANSWER_SECONDS: Final = 4.5
"""Dialpad waits 5 s (page on webhook delivery failures); whatever is not done by then is answered with 503."""

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1000

READERS: Final = 4
"""How many requests read at once, so that readers cannot take every connection to the database from the writer."""


def create_app(
    store: Store,
    *,
    secrets: Iterable[str] = (),
    read_key: str | None = None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """Return the ASGI app over a store.

    `secrets` are the webhook's shared secrets (empty: plain JSON is accepted), `read_key` opens GET /events (None: it
    stays closed). The app must be started (lifespan) before it accepts events.
    """
    receiver = Receiver(store, Deliveries(secrets, clock=clock), read_key)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = READERS
        receiver.writer.start()
        yield
        await receiver.writer.stop()
        store.close()

    app = Starlette(
        routes=[
            # With a slash behind it too: a delivery that is answered with 404 or a redirect is lost.
            *(Route(f"/events{end}", receiver.read, methods=["GET"]) for end in ("", "/")),
            *(Route(f"/events{end}", receiver.deliver, methods=["POST"]) for end in ("", "/", "/{kind}", "/{kind}/")),
            Route("/healthz", receiver.health, methods=["GET"]),
            Route("/metrics", receiver.show_metrics, methods=["GET"]),
        ],
        exception_handlers=dict.fromkeys((RefusedError, HTTPException, SQLAlchemyError, SettingError), receiver.refuse),
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
        self.writer = BatchWriter(store, self._metrics)

    async def deliver(self, request: Request) -> Response:
        """POST /events/<kind>: 200 when the event is on disk, else a refusal, always within ANSWER_SECONDS."""
        body = None
        try:
            with self._metrics.answers.time():
                kind = _kind(request, request.path_params.get("kind", "call"))
                async with asyncio.timeout(ANSWER_SECONDS):
                    body = await _body(request)
                    event = self._deliveries.event(body, kind)
                    receipt = await self.writer.write(event)
        except RefusedError:
            raise
        except ClientDisconnect as error:
            raise RefusedError(400, "gone", "The sender closed the connection.") from error
        except TimeoutError as error:
            late = f"within {ANSWER_SECONDS} s. Deliver it again."
            if body is None:
                raise RefusedError(503, "body_too_slow", f"The body did not arrive {late}") from error
            raise RefusedError(503, "not_kept", f"The event could not be stored {late}") from error
        except Exception as error:  # a fault of ours must be a 5xx, which is delivered again
            log(logging.ERROR, "fault while taking an event", error=error)
            raise RefusedError(503, "fault", "The receiver has a fault. Deliver it again.") from error
        status = "kept" if receipt.new else "repeated"
        log(logging.DEBUG, f"event {status}", event_id=receipt.event_id, kind=kind)
        return JSONResponse({"event_id": receipt.event_id, "status": status})

    def read(self, request: Request) -> Response:
        """GET /events: a page of the events of a kind in their order."""
        self._check_key(request)
        query = request.query_params
        kind = _kind(request, query.get("kind") or "call")
        limit = _limit(query.get("limit") or str(DEFAULT_LIMIT))
        store_id = self._store.prepare()
        start = parse_position(query["after"], store_id, kind) if query.get("after") else None
        if since := query.get("received_after"):
            position = self._store.position_before(parse_time(since))
            if start is None or position > start.position:
                start = Position(store_id, kind, position)
        page = self._store.read(kind, after=start.position if start else 0, limit=limit)
        if start:
            check_position(start, page)
        # Without `after`, reading goes on behind what was pruned.
        end = start or Position(store_id, kind, page.pruned)
        items = []
        for event in page.events:
            end = Position(store_id, kind, event.position, event.received_at)
            # The payload goes out as the text that came in: no number or escape is rewritten.
            items.append(
                f'{{"event_id":"{event.event_id}","received_at":"{time_text(event.received_at)}",'
                f'"position":"{end}","event":{event.payload}}}'
            )
        pruned = json.dumps(pruned_through(page))
        text = f'{{"items":[{",".join(items)}],"next_cursor":"{end}","pruned_through":{pruned}}}'
        return Response(text, media_type="application/json")

    def health(self, _request: Request) -> Response:
        """GET /healthz: 200 if the database answers and takes a write."""
        try:
            self._store.check()
        except (SQLAlchemyError, SettingError):
            return JSONResponse({"status": "failing", "message": "The database does not answer or refuses."}, 503)
        return JSONResponse({"status": "ok"})

    async def show_metrics(self, _request: Request) -> Response:
        """GET /metrics."""
        return PlainTextResponse(self._metrics.text(), media_type=CONTENT_TYPE)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer what was raised in place of an answer, count it and log it."""
        headers: Mapping[str, str] | None = None
        if isinstance(error, HTTPException):  # the router's
            headers = error.headers
            if headers and request.url.path.rstrip("/") == "/events":  # the router names one of its two routes
                headers = {"allow": "GET, HEAD, POST"}
            reason = "method_not_allowed" if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else "not_found"
            error = RefusedError(error.status_code, reason, _ROUTES)
        elif not isinstance(error, RefusedError):
            self._metrics.store_errors.inc()
            log(logging.ERROR, "events not read", error=error)
            error = RefusedError(503, "not_read", "The database does not answer. Ask again with the same cursor.")
        if error.status == HTTPStatus.UNAUTHORIZED:
            headers = {"www-authenticate": "Bearer"}
        self._metrics.refused.labels(error.reason).inc()
        log(logging.WARNING, "refused", status=error.status, reason=error.reason)
        answer = {"error": error.reason, "message": error.text, **error.members}
        return JSONResponse(answer, error.status, headers)

    def _check_key(self, request: Request) -> None:
        if not self._read_key:
            text = "Reading is closed: start the receiver with EVENT_RECEIVER_READ_KEY set."
            raise RefusedError(401, "reading_shut", text)
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(key.strip().encode("latin-1", "replace"), self._read_key.encode())
        if scheme.lower() != "bearer" or not same:
            text = "Reading needs the header Authorization: Bearer <key>, with the receiver's EVENT_RECEIVER_READ_KEY."
            raise RefusedError(401, "read_key_wrong", text)


_ROUTES: Final = "The routes are POST /events/<kind>, GET /events, GET /healthz and GET /metrics."


async def _body(request: Request) -> bytes:
    """Return the body; one that is too long is read to its end, so that its sender is there to read the refusal."""
    body = bytearray()
    async for chunk in request.stream():
        if len(body) <= MAX_BODY_BYTES:
            body += chunk
    if len(body) > MAX_BODY_BYTES:
        raise RefusedError(413, "body_too_long", f"The body is longer than {MAX_BODY_BYTES} bytes.")
    return bytes(body)


def _kind(request: Request, name: str) -> str:
    if b"%" in request.scope["raw_path"]:  # no path has one; a proxy's rule for the plain path would not cover it
        raise RefusedError(404, "not_found", _ROUTES)
    if name not in KINDS:
        text = f"There is no such kind of event: it must be one of {', '.join(KINDS)}."
        raise RefusedError(404, "unknown_kind", text)
    return name


def _limit(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,3}", text) or int(text) > MAX_LIMIT:
        raise RefusedError(400, "limit_out_of_range", f"limit must be a whole number from 1 to {MAX_LIMIT}.")
    return int(text)
