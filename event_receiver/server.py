"""The socket: uvicorn, with limits on senders that are slow, silent or many.

uvicorn itself bounds the time between two requests of one connection only. A connection that never finishes the head of
a request, or never reads its answer, would stay for good, and enough of them use up the process's file descriptors.
Here such a connection is closed after HEAD_SECONDS or UNREAD_SECONDS, and when too many are open, the one that has kept
us waiting longest makes room for the new one. (A body that comes too slowly is also ended by the app.)
"""

import asyncio
import gc
import logging
import resource
import signal
import socket
import sys
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import ClassVar, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from event_receiver.logs import say
from event_receiver.metrics import Metrics

HEAD_SECONDS: Final = 10.0
"""From the first byte of a request (or from connecting) to the end of its head."""

UNREAD_SECONDS: Final = 30.0
"""How long an answer may lie unread."""

KEEP_ALIVE_SECONDS: Final = 75
"""Between two requests; longer than the 60 s after which common load balancers stop using a connection."""

MAX_CONNECTIONS: Final = 2000
BACKLOG: Final = 256
"""Connections the system holds for us; the event loop accepts up to so many before it does anything else."""

OWN_DESCRIPTORS: Final = 100
"""File descriptors that connections must leave for the database, the log and the listening socket."""


def serve(app: ASGIApp, listening: socket.socket, figures: Metrics) -> None:
    """Serve the app on a listening socket until SIGTERM or SIGINT; then finish what has begun, and return."""
    config = uvicorn.Config(
        app,
        http=limited_protocol(Limits(connection_limit(), figures)),
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=10,
    )
    # What was imported stays for good: the collector need not walk it again and again, tens of milliseconds each time.
    gc.collect()
    gc.freeze()
    # uvicorn finishes what has begun and then hands the signal on; the default would end the process as if by a fault.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda _number, _frame: sys.exit(0))
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. OSError if the address is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Accepted connections inherit it. asyncio sets it only on sockets that name their protocol, which this one does
    # not, and without it the body of an answer waits for the other side to acknowledge the head: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address, bound = listening.getsockname()[:2]
    say(logging.INFO, "listening", host=address, port=bound)
    return listening


def connection_limit() -> int:
    """Return how many connections may be open, after raising the process's limit on descriptors if it can be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + OWN_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(10, min(MAX_CONNECTIONS, soft - OWN_DESCRIPTORS))


@dataclass
class Limits:
    """What all connections of one server share."""

    connections: int
    figures: Metrics
    head_seconds: float = HEAD_SECONDS
    unread_seconds: float = UNREAD_SECONDS
    waited_for: OrderedDict[H11Protocol, None] = field(default_factory=OrderedDict)
    """Connections where it is the client's turn; the one that has had it longest is first."""


def limited_protocol(limits: Limits) -> type[asyncio.Protocol]:
    """Return a protocol class whose connections share these limits."""
    return type("LimitedProtocol", (_LimitedProtocol,), {"limits": limits})


class _LimitedProtocol(H11Protocol):
    """One connection."""

    limits: ClassVar[Limits]
    head_timer: asyncio.TimerHandle | None = None
    unread_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.limits.waited_for[self] = None
        self.limits.figures.connections = len(self.connections)
        self._start_head_timer()
        if len(self.connections) > self.limits.connections:
            self.limits.waited_for.popitem(last=False)[0].transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.head_timer is None and not self._in_request():
            self._start_head_timer()
        super().data_received(data)
        self._note_request()

    def on_response_complete(self) -> None:
        self.limits.waited_for[self] = None
        super().on_response_complete()
        self._note_request()  # the next request may have come already

    def pause_writing(self) -> None:
        super().pause_writing()
        self.limits.waited_for[self] = None
        self.unread_timer = self.loop.call_later(self.limits.unread_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.limits.waited_for.pop(self, None)
        self.unread_timer = _stopped(self.unread_timer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.limits.waited_for.pop(self, None)
        self.head_timer = _stopped(self.head_timer)
        self.unread_timer = _stopped(self.unread_timer)
        super().connection_lost(exc)
        self.limits.figures.connections = len(self.connections)

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note_request(self) -> None:
        if not self._in_request():
            return
        self.head_timer = _stopped(self.head_timer)
        if not self.cycle.more_body and self.unread_timer is None:
            self.limits.waited_for.pop(self, None)

    def _start_head_timer(self) -> None:
        self.head_timer = self.loop.call_later(self.limits.head_seconds, self.transport.abort)


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Stop a timer, if there is one; None, to put in its place."""
    if timer is not None:
        timer.cancel()
    return None
