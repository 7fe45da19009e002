"""The fault matrix: every kind of request the connector sends, against everything that can happen to it.

A cell is one read of one stream in process, with a fault that begins at the second request of its kind. It has one of
four outcomes: `same` (the rows of an undisturbed read), or a failure: a `transient`, a `config` or a `system` error.
An error is accepted only if it names stream, window and cure, and if a second, undisturbed read from the last state
brings the rest. `python -m integration_tests.faults` writes the table to docs/faults.md, which the test holds it to.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

import orjson

from fake_dialpad.server import FakeDialpad
from fake_dialpad.wire import JSON, Request, Response
from fake_dialpad.world import World
from integration_tests.faults.reading import Outcome, Row, catalogue, last_states, read, table
from integration_tests.faults.still_clock import NOON, still_clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST: Final = "https://dialpad.example"
SECTIONS: Final[Row] = {
    "engagement": {"base_url": HOST, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
    "dialpad": {"base_url": HOST, "api_key": "dialpad-key-0123456789", "export_window_days": 1},
    "analytics": {"base_url": HOST, "api_key": "analytics-key-0123456789"},
    "event_receiver": {"base_url": f"{HOST}/receiver", "api_key": "receiver-key-0123456789abcdef"},
}
FIRST_DAY: Final = (NOON - timedelta(days=2)).date()


# --- the kinds of requests --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Endpoint:
    """A kind of request: of which stream, and how it is known among the others."""

    name: str
    stream: str
    section: str
    method: str
    path: str
    windows: bool = True


def _export_endpoints(family: str, stream: str) -> list[Endpoint]:
    return [
        Endpoint(f"{family}: start", stream, "dialpad", "POST", r"^/api/v2/stats$"),
        Endpoint(f"{family}: poll", stream, "dialpad", "GET", r"^/api/v2/stats/"),
        Endpoint(f"{family}: file", stream, "dialpad", "GET", r"^/_storage/"),
    ]


ENDPOINTS: Final = [
    Endpoint("messages", "messages", "engagement", "POST", r"/Dashboard/Messages$"),
    Endpoint("session messages", "customer_session_messages", "engagement", "GET", r"/RedactedMessages$"),
    *_export_endpoints("records export", "records_calls"),
    *_export_endpoints("aggregated export", "stats_calls_by_user"),
    Endpoint("metric data", "analytics_metric_data", "analytics", "POST", r"^/v1/analytics/metrics$"),
    Endpoint("record data", "analytics_record_data", "analytics", "POST", r"^/v1/analytics/records"),
    Endpoint("filter values", "analytics_filter_values", "analytics", "GET", r"^/v1/analytics/filter/", windows=False),
    Endpoint("directory list", "users", "dialpad", "GET", r"^/api/v2/users$", windows=False),
    Endpoint("calls", "calls", "dialpad", "GET", r"^/api/v2/call$"),
    Endpoint("call events", "call_events", "event_receiver", "GET", r"^/receiver/events$"),
]


# --- what happens to them ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """What happens from the second request on: faults of the fake, one after the other, and the server's clock."""

    name: str
    faults: tuple[str, ...] = ()
    times: int = 1
    endpoints: str = ""
    server_offset: float = 0.0
    start: float = 0.0

    def happens_to(self, endpoint: Endpoint) -> bool:
        """Whether this can happen to a kind of request."""
        if self.server_offset:
            return not endpoint.name.endswith((": poll", ": file"))
        return bool(re.search(self.endpoints, endpoint.name))


EVER: Final = -1

TROUBLES: Final = [
    Trouble("429 with Retry-After, three times", ("retry_after:30",), 3),
    Trouble("429 without Retry-After, three times", ("status:429",), 3),
    Trouble("429 with Retry-After of an hour", ("retry_after:3600",), EVER),
    Trouble("429 for ever", ("status:429",), EVER),
    Trouble("500, 502, 503, 504 in a row", ("status:500", "status:502", "status:503", "status:504")),
    Trouble("503 for ever", ("status:503",), EVER),
    Trouble("connection refused, three times", ("drop",), 3),
    Trouble("connection refused for ever", ("drop",), EVER),
    Trouble("reset in the middle of a body", ("reset",)),
    Trouble("reset in the middle of each body", ("reset",), EVER),
    Trouble("body cut short", ("cut",)),
    Trouble("each body cut short", ("cut",), EVER),
    Trouble("no answer within the time-out", ("hang:3600",)),
    Trouble("no answer ever", ("hang:3600",), EVER),
    Trouble("HTML with 200", ("html",)),
    Trouble("HTML with 200 for ever", ("html",), EVER),
    Trouble("broken JSON with 200", ("broken_json",)),
    Trouble("broken JSON with 200 for ever", ("broken_json",), EVER),
    Trouble("JSON of another shape", ("other_shape",)),
    Trouble("JSON of another shape for ever", ("other_shape",), EVER),
    # an empty file is an export without rows, as real exports are: it cannot be told from a body that was lost whole
    Trouble("empty body with 200 for ever", ("empty",), EVER, endpoints="^(?!.*file$)"),
    Trouble("401 in the middle of the sync", ("status:401",), EVER),
    Trouble("403 in the middle of the sync", ("status:403",), EVER),
    Trouble("404 in the middle of the sync", ("status:404",), EVER),
    Trouble("export fails once", ("export_failed",), endpoints="export: poll"),
    Trouble("export fails for ever", ("export_failed",), EVER, endpoints="export: poll"),
    Trouble("export is forgotten once", ("export_forgotten",), endpoints="export: poll"),
    Trouble("export is forgotten for ever", ("export_forgotten",), EVER, endpoints="export: poll"),
    Trouble("export is prepared for ever", ("stuck",), EVER, endpoints="export: poll"),
    Trouble("export has an unknown status", ("unknown_status",), EVER, endpoints="export: poll"),
    Trouble("export has no download URL", ("no_download_url",), EVER, endpoints="export: poll"),
    Trouble("export has no id", ("no_request_id",), EVER, endpoints="export: start"),
    Trouble("download URL has expired once", ("download_expired",), endpoints="export: file"),
    Trouble("download URL has expired for ever", ("download_expired",), EVER, endpoints="export: file"),
    Trouble("server's clock an hour ahead", server_offset=3600),
    Trouble("server's clock an hour behind", server_offset=-3600),
    Trouble("server's clock an hour ahead, before midnight", server_offset=3600, start=11.5 * 3600),
    Trouble("server's clock an hour behind, after midnight", server_offset=-3600, start=12.5 * 3600),
]

CELLS: Final = [(trouble, endpoint) for trouble in TROUBLES for endpoint in ENDPOINTS if trouble.happens_to(endpoint)]


# --- the account ------------------------------------------------------------------------------------------------------


class Account(FakeDialpad):
    """The fake, and beside it what the connector sees of an event receiver: 2,500 events, in pages as long as asked."""

    def _answer(self, request: Request) -> Response:
        if not request.path.startswith("/receiver/"):
            return super()._answer(request)
        query = dict(pair.partition("=")[::2] for pair in request.query.split("&"))
        since = unquote_plus(query.get("received_after", ""))
        after = int(query["after"]) if "after" in query else sum(time < since for time in EVENT_TIMES)
        events = [
            {
                "event_id": f"event-{number:04d}",
                "received_at": EVENT_TIMES[number],
                "event": {"call_id": str(5000 + number), "state": "hangup"},
            }
            for number in range(after, min(after + int(query["limit"]), len(EVENT_TIMES)))
        ]
        return Response(200, orjson.dumps({"items": events, "next_cursor": str(after + len(events))}), dict(JSON))


EVENT_TIMES: Final = [f"{FIRST_DAY}T08:{number // 60:02d}:{number % 60:02d}.000000+00:00" for number in range(2500)]


@cache
def _world() -> World:
    return World(seed=11, days=6, calls_per_day=60, messages_per_day=30, agents=120, call_centers=2, today=NOON.date())


@cache
def _streams() -> dict[str, Row]:
    return catalogue({"start_date": FIRST_DAY.isoformat(), **SECTIONS})


def account(kind: type[Account] = Account) -> Account:
    """An account as it is now; nothing new happens in it from two hours ago on."""
    made = kind(_world(), export_seconds=10)
    made.horizon = made.time() - 2 * 3600
    return made


def config(section: str) -> Row:
    """One section, and no look-back: it would hide a hole."""
    return {"start_date": FIRST_DAY.isoformat(), "lookback_days": 0, section: SECTIONS[section]}


def stream(name: str) -> Row:
    """A stream of the catalogue."""
    return _streams()[name]


@contextmanager
def _clock(start: float) -> Iterator[None]:
    with still_clock(NOON + timedelta(seconds=start)):
        yield


# --- a cell -----------------------------------------------------------------------------------------------------------


@cache
def undisturbed(name: str, start: float = 0.0) -> Mapping[tuple[Any, ...], Row]:
    """The rows of a read to which nothing happens."""
    endpoint = next(endpoint for endpoint in ENDPOINTS if endpoint.stream == name)
    with _clock(start):
        quiet = read(account(), config(endpoint.section), [stream(name)])
    assert quiet.ended_by is None, quiet.ended_by
    rows = table(quiet.rows(name), stream(name))
    assert rows
    return rows


CURES: Final = re.compile(
    r"\b(check|run the sync again|set|reset|is made|needs?|has to be|smaller|wants to be left alone)\b", re.IGNORECASE
)
KINDS: Final = {"transient_error": "transient", "config_error": "config", "system_error": "system"}


@dataclass
class Cell:
    """One read with its fault, and what is wrong with how it ended."""

    trouble: Trouble
    endpoint: Endpoint
    outcome: str = ""
    problems: list[str] = field(default_factory=list)
    message: str = ""

    def run(self) -> Cell:
        """Reads with the fault, and again without it where that failed."""
        name, read_stream = self.endpoint.stream, stream(self.endpoint.stream)
        expected = undisturbed(name, self.trouble.start)
        with _clock(self.trouble.start):
            served = account()
            served.server_offset = self.trouble.server_offset
            for number, fault in enumerate(self.trouble.faults):
                asked: Row = {
                    "method": self.endpoint.method,
                    "path_regex": self.endpoint.path,
                    "times": self.trouble.times,
                }
                served.faults.add({**asked, "fault": fault, "after": 1 if number == 0 else 0})
            first = read(served, config(self.endpoint.section), [read_stream])
            if any(not fault.done for fault in served.faults):
                self.problems.append("the fault never happened")
            rows = first.rows(name)
            if first.ended_by is None:
                self.outcome = "same"
                if first.errors:
                    self.problems.append(f"ended well, with errors: {first.errors}")
            else:
                self._judge(first)
                served.faults.clear()
                again = read(served, config(self.endpoint.section), [read_stream], last_states(first.messages))
                if again.ended_by is not None:
                    self.problems.append(f"the next sync fails as well: {again.ended_by.message}")
                rows += again.rows(name)
        self._compare(table(rows, read_stream), expected)
        return self

    def _judge(self, failed: Outcome) -> None:
        assert failed.ended_by is not None
        told = [each for each in failed.errors if each.get("stream_descriptor", {}).get("name") == self.endpoint.stream]
        if not told:
            self.problems.append("no error trace names the stream")
            return
        self.message = message = told[0]["message"]
        self.outcome = KINDS[failed.ended_by.failure_type.value]
        if KINDS[told[0]["failure_type"]] != self.outcome:
            self.problems.append(f"the trace says {told[0]['failure_type']}, the end {self.outcome}")
        if not message.startswith(self.endpoint.stream):
            self.problems.append("the error does not begin with the stream")
        if self.endpoint.windows and not re.search(r"2026-09-1\d", message):
            self.problems.append("the error does not name the window")
        if not CURES.search(message):
            self.problems.append("the error names no cure")

    def _compare(self, rows: Mapping[tuple[Any, ...], Row], expected: Mapping[tuple[Any, ...], Row]) -> None:
        if missing := expected.keys() - rows.keys():
            self.problems.append(f"{len(missing)} of {len(expected)} rows are missing")
        if invented := rows.keys() - expected.keys():
            self.problems.append(f"{len(invented)} rows are invented: {min(map(str, invented))}")
        if other := [key for key in expected.keys() & rows.keys() if expected[key] != rows[key]]:
            self.problems.append(f"{len(other)} rows are other rows: {expected[other[0]]} is {rows[other[0]]}")


# --- the table --------------------------------------------------------------------------------------------------------

NOTHING: Final = "n/a"
"""Stands in the table where a fault cannot happen to a kind of request."""


PAGE: Final = Path(__file__).parents[2] / "docs" / "faults.md"


def rendered(outcomes: Mapping[tuple[str, str], str]) -> str:
    """The table as docs/faults.md holds it: `outcomes` by fault and kind of request."""
    lines = [
        "| what happens | " + " | ".join(endpoint.name for endpoint in ENDPOINTS) + " |",
        "|---" * (len(ENDPOINTS) + 1) + "|",
    ]
    for trouble in TROUBLES:
        cells = (outcomes.get((trouble.name, endpoint.name), NOTHING) for endpoint in ENDPOINTS)
        lines.append(f"| {trouble.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def parsed(text: str) -> dict[tuple[str, str], str]:
    """The outcomes of a rendered table, found in a page."""
    rows = [
        [cell.strip() for cell in line.strip("|\n").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    (head, *body) = rows
    return {(row[0], name): cell for row in body for name, cell in zip(head[1:], row[1:], strict=True)}
