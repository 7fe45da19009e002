"""The four APIs' reading routes with answers rendered beforehand: it looks them up and sends bytes.

    python -m benchmarks.server --calls 100000 --days 30

It says `listening <port> <JSON of the rows it holds>` on standard output once everything is rendered. Rows lie on the
days before today (UTC); today is empty. Stats exports are ready at the first poll. It knows no keys and no limits:
it is for the speed of reading. `benchmarks/waiting.py` uses fake_dialpad, which has both.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import sys
import threading
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import orjson

from benchmarks import invented

DAY = timedelta(days=1)
FIRST_CENTER = 5_000_000_000_002_000
MESSAGES_A_PAGE = 1000
RECORDS_A_PAGE = 300
EVENTS_A_PAGE = 1000
RANGE = re.compile(rb'"days_ago_start":\s*(\d+)')
TARGET = re.compile(rb'"target_id":\s*"?(\d+)')
RANGE_END = re.compile(rb'"days_ago_end":\s*(\d+)')

Parts = list[bytes]


class Answers:
    """Every answer as bytes, by what a request asks for."""

    def __init__(self, rows: argparse.Namespace) -> None:
        """Renders all rows; `rows` holds how many of each, and over how many days."""
        self.today = datetime.now(UTC).date()
        self.first = self.today - rows.days * DAY
        self.base = ""
        dice = random.Random(7)  # the same rows at every start  # noqa: S311
        self.calls = self._calls(rows.calls, rows.days, dice)
        self.messages, self.moments = self._messages(rows.messages, rows.days, dice)
        self.records, self.instants = self._records(rows.records, rows.days, dice)
        self.events = self._events(rows.events, dice)
        centers = [FIRST_CENTER + number for number in range(rows.call_centers)]
        self.dispositions = {each: invented.dispositions(self.first, rows.dispositions, each) for each in centers}

    def _calls(self, rows: int, days: int, dice: random.Random) -> dict[date, bytes]:
        return {
            self.first + number * DAY: invented.calls_of_day(
                self.first + number * DAY, share, rows * number // days, dice
            )
            for number, share in enumerate(_shares(rows, days))
        }

    def _messages(self, rows: int, days: int, dice: random.Random) -> tuple[list[bytes], list[int]]:
        rendered: list[bytes] = []
        moments: list[int] = []
        for number, share in enumerate(_shares(rows, days)):
            for message in invented.messages_of_day(_ms(self.first + number * DAY), share, dice):
                moments.append(message["ts"])
                rendered.append(orjson.dumps(message))
        return rendered, moments

    def _records(self, rows: int, days: int, dice: random.Random) -> tuple[list[bytes], list[str]]:
        start = datetime.combine(self.first, datetime.min.time(), UTC)
        entries = list(invented.records(start, days * DAY, rows, dice))
        return [orjson.dumps(entry) for entry in entries], [
            entry["primaryTimestampField"]["timestamp"] for entry in entries
        ]

    def _events(self, rows: int, dice: random.Random) -> list[bytes]:
        start = datetime.combine(self.first, datetime.min.time(), UTC)
        pages = []
        for first in range(0, rows, EVENTS_A_PAGE):
            size = min(EVENTS_A_PAGE, rows - first)
            items = [invented.event(number, start, dice) for number in range(first, first + size)]
            pages.append(orjson.dumps({"items": items, "next_cursor": f"bench-{first + size}"}))
        return pages

    def held(self) -> dict[str, int]:
        """How many rows the answers hold, counted in their bytes."""
        return {
            "calls": sum(text.count(b"\n") for text in self.calls.values()),
            "messages": len(self.messages),
            "records": len(self.records),
            "dispositions": sum(text.count(b"\n") for text in self.dispositions.values()),
            "events": sum(text.count(b'"received_at"') for text in self.events),
        }

    def answer(self, method: bytes, target: str, body: bytes) -> tuple[str, Parts]:  # one line a route  # noqa: C901, PLR0911
        """Content type and parts of the answer; unknown paths get an empty list."""
        path, _, query = target.partition("?")
        if path.startswith("/download/of-"):
            return "text/csv", [invented.DISPOSITION_HEADER, self.dispositions[int(path.rsplit("-", 1)[1])]]
        if path.startswith("/download/"):
            return "text/csv", [invented.CALL_HEADER, *self._range(path.rsplit("/", 1)[1])]
        if path == "/api/v2/stats" and method == b"POST":
            return _JSON, [b'{"request_id":"' + self._asked(body) + b'","already_started":false}']
        if path.startswith("/api/v2/stats/"):
            url = f"{self.base}/download/{path.rsplit('/', 1)[1]}"
            return _JSON, [orjson.dumps({"status": "complete", "download_url": url, "file_type": "csv"})]
        if path.endswith("/Dashboard/Messages"):
            return _JSON, [self._message_page(body)]
        if path == "/v1/analytics/records" and method == b"POST":
            return _JSON, [self._record_page(query, body)]
        if path == "/v1/analytics/records":
            return _JSON, [_CATALOGUE]
        if path.startswith("/v1/analytics/"):
            return _JSON, [b'{"data":[],"meta":{}}']
        if path == "/events":
            return _JSON, [self._event_page(query)]
        if path == "/api/v2/callcenters":
            items = [{"id": str(each), "name": f"Center {each}"} for each in self.dispositions]
            return _JSON, [orjson.dumps({"items": items})]
        if path == "/api/v2/company":
            return _JSON, [b'{"id":"5000000000000001","name":"Lantern"}']
        return _JSON, [b'{"items":[]}']

    def _asked(self, body: bytes) -> bytes:
        newest, oldest, target = RANGE.search(body), RANGE_END.search(body), TARGET.search(body)
        if b'"dispositions"' in body and newest is not None and target is not None:
            return b"of-" + target[1]
        if b'"calls"' not in body or b'"is_today"' in body or newest is None or oldest is None:
            return b"none"
        return newest[1] + b"-" + oldest[1]

    def _range(self, name: str) -> Parts:
        if name == "none":
            return []
        newest, oldest = map(int, name.split("-"))
        days = (self.today - back * DAY for back in range(oldest, newest - 1, -1))
        return [self.calls[day] for day in days if day in self.calls]

    def _message_page(self, body: bytes) -> bytes:
        asked = orjson.loads(body)
        first = bisect_left(self.moments, int(asked["start"])) + int(asked.get("offset") or 0)
        last = min(bisect_left(self.moments, int(asked["end"])), first + min(int(asked["limit"]), MESSAGES_A_PAGE))
        return b'[{"messages":[' + b",".join(self.messages[first:last]) + b"]}]" if first < last else b"[]"

    def _record_page(self, query: str, body: bytes) -> bytes:
        period = orjson.loads(body)["periodFilter"]
        offset = int(parse_qs(query).get("pageKey", ["0"])[0])
        first = bisect_left(self.instants, period["start"].rstrip("Z")) + offset
        end = bisect_left(self.instants, period["end"].rstrip("Z"))
        last = min(end, first + RECORDS_A_PAGE)
        link = f'"next":"/v1/analytics/records?pageLimit=300&pageKey={offset + RECORDS_A_PAGE}"' if last < end else ""
        return b'{"data":[' + b",".join(self.records[first:last]) + b'],"meta":{' + link.encode() + b"}}"

    def _event_page(self, query: str) -> bytes:
        asked = parse_qs(query)
        after = int(asked["after"][0].rpartition("-")[2]) if "after" in asked else 0
        if asked.get("limit") == ["1"]:
            return b'{"items":[],"next_cursor":"bench-0"}'
        number = after // EVENTS_A_PAGE
        if number < len(self.events) and after % EVENTS_A_PAGE == 0:
            return self.events[number]
        return b'{"items":[],"next_cursor":"bench-%d"}' % after


_JSON = "application/json"
_CATALOGUE = orjson.dumps(
    {"data": [{"id": "closed_conversations", "description": "Closed conversations", "filters": []}], "meta": {}}
)


def _shares(rows: int, parts: int) -> list[int]:
    return [rows * (part + 1) // parts - rows * part // parts for part in range(parts)]


def _ms(day: date) -> int:
    return int(datetime.combine(day, datetime.min.time(), UTC).timestamp()) * 1000


def serve(answers: Answers, listener: socket.socket) -> None:
    """Answers for ever."""
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_converse, args=(connection, answers), daemon=True).start()


def _converse(connection: socket.socket, answers: Answers) -> None:
    with connection, connection.makefile("rb", 1 << 16) as incoming:
        try:
            while request := incoming.readline():
                method, target, _ = request.split(b" ", 2)
                length = 0
                while (line := incoming.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                body = incoming.read(length) if length else b""
                parts = urlsplit(target.decode())
                kind, content = answers.answer(method, f"{parts.path}?{parts.query}", body)
                size = sum(map(len, content))
                head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode()
                if size < 1 << 16:
                    connection.sendall(head + b"".join(content))
                else:
                    connection.sendall(head)
                    for part in content:
                        connection.sendall(part)
        except (ConnectionError, OSError):
            return


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """How many rows, and over how many days."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--days", type=int, default=30)
    for name in ("calls", "messages", "records", "events"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--call-centers", type=int, default=1)
    parser.add_argument("--dispositions", type=int, default=0, help="rows of each call center")
    return parser.parse_args(given)


def main() -> None:
    """Renders, says where it listens, and serves."""
    asked = arguments()
    answers = Answers(asked)
    with socket.create_server(("localhost", asked.port), backlog=200) as listener:
        port = listener.getsockname()[1]
        answers.base = f"http://localhost:{port}"
        sys.stdout.write(f"listening {port} {json.dumps(answers.held())}\n")
        sys.stdout.flush()
        serve(answers, listener)


if __name__ == "__main__":
    main()
