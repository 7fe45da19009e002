"""Loads event_receiver over loopback, and says how long answers took and whether every acknowledged event is there.

    python benchmarks/receiver_load.py                                  500 events of mixed kinds a second for 60 s
    python benchmarks/receiver_load.py --receivers 2 --database URL     two receivers on one Postgres
    python benchmarks/receiver_load.py --kill-after 5 --seconds 10      kill -9 on the way, then look
    python benchmarks/receiver_load.py --idle 500 --slow 50 --bad 200   among silent, slow and forging senders

Events are signed before the clock starts and sent on a fixed schedule; an answer's time counts from the moment its
event was due, so that a receiver that stalls cannot hide it by slowing the sender down. Meanwhile a reader of each kind
follows GET /events. Where the sender's own share of a core nears 1, it measures itself: ask for a lower rate.
The exit status is 1 if an event with a 2xx is missing, one was read twice, or one was read out of order.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import queue
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import jwt
import requests

from event_receiver.kinds import KINDS

SECRET = "load-secret-b1946ac92492d2347c6235b4d2611184"  # noqa: S105 - of this program's own receiver
READ_KEY = "load-reader-591785b794601e212b260e25925636fd"
LONGEST_SECONDS = 120
FIRST_CALL = 5_000_000_000_000_000


@dataclass
class Outcome:
    """What came of the load; times in seconds."""

    answers: list[float] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    refused: int = 0
    broken: int = 0
    bad_answers: int = 0


class Receiver:
    """A receiver in a process of its own, on a free port."""

    def __init__(self, database: str) -> None:
        environment = {**os.environ, "EVENT_RECEIVER_SECRET": SECRET, "EVENT_RECEIVER_READ_KEY": READ_KEY}
        command = [sys.executable, "-m", "event_receiver", "--port", "0", "--database", database]
        self.process = subprocess.Popen(  # noqa: S603 - the receiver itself
            command, env=environment, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent
        )
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._drain, args=(lines,), daemon=True).start()
        while not (running := re.search(r"running on \S+://\S+:(\d+)", lines.get(timeout=30))):
            pass
        self.port = int(running[1])
        self.url = f"http://localhost:{self.port}"

    def _drain(self, lines: "queue.SimpleQueue[str]") -> None:
        assert self.process.stderr is not None  # noqa: S101 - it was asked for
        for line in self.process.stderr:
            lines.put(line)

    def kill(self) -> None:
        """End it as a power switch would end the process."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as a supervisor would."""
        self.process.terminate()
        self.process.wait(timeout=30)


class Reader:
    """Follows GET /events and notes every event in the order read."""

    def __init__(self, url: str, kind: str) -> None:
        self.kind = kind
        self.read: list[str] = []
        self.times: list[str] = []
        self._url = url
        self._cursor = ""
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {READ_KEY}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def finish(self) -> None:
        """Stop following, and read the rest."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()
        while self.page():
            pass

    def page(self) -> int:
        """Read one page; return how many events it had."""
        answer = self._session.get(
            f"{self._url}/events", params={"kind": self.kind, "after": self._cursor, "limit": "1000"}, timeout=30
        )
        answer.raise_for_status()
        page = answer.json()
        self.read += [item["event_id"] for item in page["items"]]
        self.times += [item["received_at"] for item in page["items"]]
        self._cursor = page["next_cursor"]
        return len(page["items"])

    def _follow(self) -> None:
        with contextlib.suppress(requests.RequestException):  # the receiver may be killed
            while not self._end.wait(0.2):
                self.page()


def call_event(number: int) -> dict[str, Any]:
    """Return an invented call event of usual size."""
    started = 1_793_577_639_404 + number
    party = {
        "email": "",
        "id": 5_000_000_000_000_300,
        "name": "Example caller",
        "phone": "+12025550102",
        "type": "local",
    }
    target = {**party, "id": 5_000_000_000_000_100, "office_id": 5_000_000_000_000_100, "type": "office"}
    empty = ("date_rang", "date_connected", "operator_call_id", "master_call_id", "csat_score", "transcription_text")
    return {
        "call_id": FIRST_CALL + number,
        "state": "hangup",
        "direction": "inbound",
        "event_timestamp": started + 10_590,
        "date_started": started,
        "date_ended": started + 8951,
        "duration": 0,
        "total_duration": 8951.03,
        "internal_number": "+12025550101",
        "external_number": "+12025550102",
        "group_id": "Office:5000000000000100",
        "contact": party,
        "target": target,
        "proxy_target": {},
        "entry_point_target": {},
        "labels": [],
        "routing_breadcrumbs": [{"breadcrumb_type": "callrouter", "date": started, "target_id": 1, "url": "x" * 300}],
        **dict.fromkeys(empty),
    }


def request(kind: str, body: bytes) -> bytes:
    """Return a whole POST /events/<kind>."""
    head = f"POST /events/{kind} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whole: bytes) -> tuple[int, bytes]:
    """Send one request and read its answer; return the status and the body."""
    writer.write(whole)
    head = await reader.readuntil(b"\r\n\r\n")
    status, _, fields = head.partition(b"\r\n")
    length = next(int(line[15:]) for line in fields.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(status.split()[1]), await reader.readexactly(length)


async def send(port: int, work: Iterator[tuple[float, bytes]], outcome: Outcome) -> None:
    """Send events when they are due, over one connection after another, until none is left."""
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for due, whole in work:
        await asyncio.sleep(due - time.perf_counter())
        try:
            streams = streams or await asyncio.open_connection("localhost", port)
            status, body = await post(*streams, whole)
        except (OSError, asyncio.IncompleteReadError):
            outcome.broken += 1
            streams = None
            continue
        outcome.answers.append(time.perf_counter() - due)
        if status == requests.codes.ok:
            outcome.acknowledged.add(json.loads(body)["event_id"])
        else:
            outcome.refused += 1
    if streams:
        streams[1].close()


async def forge(port: int, rate: float, end: float, outcome: Outcome) -> None:
    """Send forged events at a rate; each must be refused."""
    forged = request("call", jwt.encode(call_event(0), SECRET[::-1], "HS256").encode())
    due = time.perf_counter()
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        streams = await asyncio.open_connection("localhost", port)
        while due < end:
            await asyncio.sleep(due - time.perf_counter())
            status, _ = await post(*streams, forged)
            outcome.bad_answers += status == requests.codes.unauthorized
            due += 1 / rate


async def dawdle(port: int, end: float, *, slow: bool) -> None:
    """Hold connections: open one and send nothing, or a byte a second; when it is closed, open the next."""
    while time.perf_counter() < end:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("localhost", port)
            while time.perf_counter() < end and not reader.at_eof():
                if slow:
                    writer.write(b"P")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 1)
            writer.close()


async def load(ports: list[int], options: argparse.Namespace, events: list[bytes], kill: Any) -> Outcome:
    """Send everything on schedule, among the noise that was asked for."""
    outcome = Outcome()
    begin = time.perf_counter() + 1
    end = begin + options.seconds
    work = ((begin + number / options.rate, event) for number, event in enumerate(events))
    port = ports[0]
    noise = [asyncio.create_task(dawdle(port, end, slow=False)) for _ in range(options.idle)]
    noise += [asyncio.create_task(dawdle(port, end, slow=True)) for _ in range(options.slow)]
    noise += [asyncio.create_task(forge(port, options.bad / 4, end, outcome)) for _ in range(4 if options.bad else 0)]
    killing = asyncio.get_running_loop().call_later(1 + options.kill_after, kill) if options.kill_after else None
    senders = (send(ports[number % len(ports)], work, outcome) for number in range(options.connections))
    await asyncio.gather(*senders)
    for task in noise:
        task.cancel()
    await asyncio.gather(*noise, return_exceptions=True)
    if killing:
        killing.cancel()
    return outcome


def main() -> int:
    """Run the load and print its figures, or one JSON object with --json."""
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    kinds = [[*KINDS][number % len(KINDS)] for number in range(int(options.rate * options.seconds))]
    payloads = ((kind, jwt.encode(call_event(number), SECRET, "HS256")) for number, kind in enumerate(kinds))
    events = [request(kind, payload.encode()) for kind, payload in payloads]
    gc.disable()  # a pause of the sender would look like one of the receiver
    with tempfile.TemporaryDirectory() as folder:
        database = options.database or f"sqlite:///{folder}/events.db"
        receivers = [Receiver(database) for _ in range(options.receivers)]
        followers = [Reader(receivers[0].url, kind) for kind in KINDS]
        for follower in followers:
            follower.start()
        used = time.process_time()
        outcome = asyncio.run(load([one.port for one in receivers], options, events, receivers[0].kill))
        figures: dict[str, Any] = {"sender_cpu_share": round((time.process_time() - used) / options.seconds, 2)}
        if options.kill_after:
            receivers = [Receiver(database)]
            followers = [Reader(receivers[0].url, kind) for kind in KINDS]
        else:
            status = Path(f"/proc/{receivers[0].process.pid}/status")
            if status.exists():
                figures["memory_mb"] = int(status.read_text().partition("VmHWM:")[2].split()[0]) // 1024
        for follower in followers:
            follower.finish()
        for receiver in receivers:
            receiver.stop()
    if not options.kill_after:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures["receiver_cpu_share"] = round((ended.ru_utime + ended.ru_stime) / options.seconds, 2)
    read = [identity for follower in followers for identity in follower.read]
    answers = sorted(outcome.answers) or [0.0]
    figures |= {
        "sent": len(events),
        "acknowledged": len(outcome.acknowledged),
        "refused": outcome.refused,
        "broken": outcome.broken,
        "forged_and_refused": outcome.bad_answers,
        "acknowledged_a_second": round(len(outcome.acknowledged) / options.seconds, 1),
        **{f"p{share}_ms": round(answers[len(answers) * share // 100] * 1000, 1) for share in (50, 95, 99)},
        "max_ms": round(answers[-1] * 1000, 1),
        "read": len(read),
        **{f"read_{follower.kind}": len(follower.read) for follower in followers},
        "lost": len(outcome.acknowledged - set(read)),
        "read_twice": len(read) - len(set(read)),
        "out_of_order": sum(one >= other for follower in followers for one, other in pairwise(follower.times)),
    }
    print(json.dumps(figures) if options.json else "\n".join(f"{name:24}{value}" for name, value in figures.items()))
    return 1 if figures["lost"] or figures["read_twice"] or figures["out_of_order"] else 0


def arguments() -> argparse.Namespace:
    """Return the options, bounded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=500, help="events a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--database", help="default: a new SQLite file")
    parser.add_argument("--receivers", type=int, default=1, help="how many on that database; the sender takes turns")
    parser.add_argument("--kill-after", type=float, default=0, metavar="SECONDS", help="kill -9 the receiver then")
    parser.add_argument("--idle", type=int, default=0, help="connections that send nothing")
    parser.add_argument("--slow", type=int, default=0, help="connections that send a byte a second")
    parser.add_argument("--bad", type=float, default=0, help="forged events a second")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.seconds = min(options.seconds, LONGEST_SECONDS)
    return options


if __name__ == "__main__":
    raise SystemExit(main())
