"""The socket and the process around the app.

Slow, silent or many connections are the business of the TLS proxy in front; here the process may hold as many as the
system allows it.
"""

import logging
import resource
import signal
import socket
import sys

import uvicorn
from starlette.types import ASGIApp

from event_receiver.logs import log


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve the app on a listening socket until SIGTERM or SIGINT; then finish what has begun, and return."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    config = uvicorn.Config(
        app,
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than the 60 s after which common load balancers stop using a connection
        timeout_graceful_shutdown=10,
    )
    # uvicorn finishes what has begun and then hands the signal on; the default would end the process as if by a fault.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda _number, _frame: sys.exit(0))
    uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one. OSError if the address is not available."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=256)
    # Accepted connections inherit it. asyncio sets it only on sockets that name their protocol, which this one does
    # not, and without it the body of an answer waits for the other side to acknowledge the head: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address, bound = listening.getsockname()[:2]
    log(logging.INFO, "listening", host=address, port=bound)
    return listening
