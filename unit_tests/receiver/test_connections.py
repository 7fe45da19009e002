import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn.server import ServerState

from event_receiver.metrics import Metrics
from event_receiver.server import Limits, limited_protocol

HEAD = b"POST /events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n"


class Timer:
    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self.seconds, self.action = seconds, action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """An event loop that only notes what it is asked for."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        self.timers.append(Timer(seconds, action))
        return self.timers[-1]

    def create_task(self, work: Coroutine[Any, Any, None]) -> Mock:
        work.close()
        return Mock()

    def pass_time(self, seconds: float) -> None:
        """Let every timer ring that is not longer than that."""
        for timer in self.timers:
            if not timer.cancelled and timer.seconds <= seconds:
                timer.action()


class Transport(Mock):
    """A connection's other side."""

    def get_extra_info(self, name: str) -> Any:
        return {"sockname": ("localhost", 1), "peername": ("localhost", 2)}.get(name)


class Connections:
    def __init__(self, limit: int) -> None:
        async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...

        self.loop = Loop()
        self.figures = Metrics()
        self._protocol = limited_protocol(Limits(limit, self.figures, head_seconds=10, unread_seconds=30))
        self._config = uvicorn.Config(app, http=self._protocol, log_config=None, ws="none", timeout_keep_alive=75)
        self._config.load()
        self._state = ServerState()

    def open(self) -> tuple[Any, Transport]:
        protocol = cast("Any", self._protocol)(self._config, self._state, {}, self.loop)
        transport = Transport()
        transport.is_closing.return_value = False
        transport.abort.side_effect = lambda: protocol.connection_lost(None)
        protocol.connection_made(transport)
        return protocol, transport


def answered(protocol: Any) -> None:
    """Let the app answer the request of a connection."""

    async def answer() -> None:
        await protocol.cycle.send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
        )
        await protocol.cycle.send({"type": "http.response.body", "body": b""})

    asyncio.run(answer())


@pytest.fixture
def connections() -> Connections:
    return Connections(limit=2)


def test_a_connection_that_sends_nothing_is_closed(connections: Connections) -> None:
    _, transport = connections.open()
    connections.loop.pass_time(9)
    transport.abort.assert_not_called()
    connections.loop.pass_time(10)
    transport.abort.assert_called_once()


def test_a_head_that_comes_byte_by_byte_has_no_more_time_than_another(connections: Connections) -> None:
    protocol, transport = connections.open()
    for byte in HEAD[:-1]:
        protocol.data_received(bytes([byte]))
    connections.loop.pass_time(10)
    transport.abort.assert_called_once()


def test_the_second_head_of_a_connection_has_its_time_too(connections: Connections) -> None:
    protocol, transport = connections.open()
    protocol.data_received(HEAD + b"{}")
    answered(protocol)
    connections.loop.pass_time(10)
    transport.abort.assert_not_called()
    protocol.data_received(b"P")
    protocol.data_received(b"O")
    connections.loop.pass_time(10)
    transport.abort.assert_called_once()


def test_a_connection_in_a_request_is_not_timed(connections: Connections) -> None:
    protocol, transport = connections.open()
    protocol.data_received(HEAD + b"{}")
    connections.loop.pass_time(60)
    transport.abort.assert_not_called()


def test_an_answer_nobody_reads_ends_the_connection(connections: Connections) -> None:
    protocol, transport = connections.open()
    protocol.data_received(HEAD + b"{}")
    protocol.pause_writing()
    connections.loop.pass_time(30)
    transport.abort.assert_called_once()


def test_an_answer_that_is_read_after_a_while_does_not(connections: Connections) -> None:
    protocol, transport = connections.open()
    protocol.data_received(HEAD + b"{}")
    protocol.pause_writing()
    protocol.resume_writing()
    connections.loop.pass_time(30)
    transport.abort.assert_not_called()


def test_over_the_limit_the_one_that_has_kept_us_waiting_longest_goes(connections: Connections) -> None:
    transports = [connections.open()[1] for _ in range(4)]
    assert [transport.abort.called for transport in transports] == [True, True, False, False]


def test_over_the_limit_a_request_in_progress_stays(connections: Connections) -> None:
    busy, busy_transport = connections.open()
    busy.data_received(HEAD + b"{}")
    transports = [connections.open()[1] for _ in range(3)]
    assert [transport.abort.called for transport in (busy_transport, *transports)] == [False, True, True, False]


def test_over_the_limit_a_body_that_does_not_come_goes(connections: Connections) -> None:
    slow, slow_transport = connections.open()
    slow.data_received(HEAD + b"{")
    transports = [connections.open()[1] for _ in range(2)]
    assert [transport.abort.called for transport in (slow_transport, *transports)] == [True, False, False]


def test_over_the_limit_an_answer_nobody_reads_goes(connections: Connections) -> None:
    deaf, deaf_transport = connections.open()
    deaf.data_received(HEAD + b"{}")
    deaf.pause_writing()
    busy, busy_transport = connections.open()
    busy.data_received(HEAD + b"{}")
    _, last = connections.open()
    assert [transport.abort.called for transport in (deaf_transport, busy_transport, last)] == [True, False, False]


def test_when_all_are_in_requests_the_new_one_goes(connections: Connections) -> None:
    for _ in range(2):
        connections.open()[0].data_received(HEAD + b"{}")
    assert connections.open()[1].abort.called


def test_the_figures_count_open_connections(connections: Connections) -> None:
    connections.open()
    protocol, _ = connections.open()
    assert connections.figures.connections == 2
    protocol.connection_lost(None)
    assert connections.figures.connections == 1
