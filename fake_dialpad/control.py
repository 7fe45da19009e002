"""The routes below `/_fake/`: what a test or a demonstration needs and Dialpad does not have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import orjson

from fake_dialpad.faults import BODY as FAULT
from fake_dialpad.faults import KINDS
from fake_dialpad.truth import truth
from fake_dialpad.variants import CHOICES
from fake_dialpad.wire import JSON, Refused, Request, Response, answer, dispatch, route, schema

if TYPE_CHECKING:
    from collections.abc import MutableSequence

    from fake_dialpad.apis import Apis
    from fake_dialpad.faults import Faults

CLOCK = schema(
    {
        "advance": {"type": "number", "minimum": 0},
        "server_offset": {"type": "number"},
        "horizon": {"anyOf": [{"type": ["number", "null"]}, {"const": "now"}]},
    }
)
VARIANTS = schema({name: {"type": "string"} for name in CHOICES})


class Control:
    """Faults, the request log, variants, the clock, the truth."""

    def __init__(self, apis: Apis, faults: Faults, log: MutableSequence[dict[str, Any]]) -> None:
        self.apis = apis
        self.asked_faults = faults
        self.log = log
        self.routes = [
            route("GET", "/_fake/health", self.health),
            route("GET", "/_fake/faults", self.faults),
            route("POST", "/_fake/faults", self.add_fault),
            route("DELETE", "/_fake/faults", self.clear_faults),
            route("GET", "/_fake/requests", self.requests),
            route("DELETE", "/_fake/requests", self.clear_requests),
            route("GET", "/_fake/variants", self.variants),
            route("POST", "/_fake/variants", self.choose),
            route("GET", "/_fake/clock", self.clock),
            route("POST", "/_fake/clock", self.set_clock),
            *apis.events.control_routes,
            route("GET", "/_fake/truth/{stream}", self.truth),
        ]

    def handle(self, request: Request) -> Response:
        """Answer a control request; a refusal names the fault in `error`."""
        try:
            return dispatch(self.routes, request, f"no control route {request.path}")
        except Refused as refused:
            return Response(refused.status, orjson.dumps({"error": refused.message}), dict(JSON))

    def truth(self, request: Request, stream: str) -> Response:
        """Return the rows a stream should have."""
        try:
            return answer(truth(self.apis, stream, **request.parameters))
        except (TypeError, ValueError) as error:
            raise Refused(400, str(error)) from error

    def health(self, _: Request) -> Response:
        """Answer what is served, so that a client can wait for it."""
        world = self.apis.world
        return answer(
            {
                "status": "ok",
                "company": world.name,
                "seed": world.seed,
                "first_day": world.first_day.isoformat(),
                "calls_per_day": world.calls_per_day,
                "messages_per_day": world.messages_per_day,
                "now": self.apis.now(),
            }
        )

    def faults(self, _: Request) -> Response:
        """List the faults and what they have done, and the kinds there are."""
        return answer({"faults": self.asked_faults.listed(), "kinds": KINDS})

    def add_fault(self, request: Request) -> Response:
        """Add a fault."""
        try:
            fault = self.asked_faults.add(request.valid(FAULT))
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return answer(
            {"added": fault.fault, "path_regex": fault.path_regex, "times": fault.times, "after": fault.after}
        )

    def clear_faults(self, _: Request) -> Response:
        """Remove all faults."""
        self.asked_faults.clear()
        return answer({"faults": []})

    def requests(self, request: Request) -> Response:
        """Return the request log, the oldest first; `count=1` only its length."""
        if request.parameters.get("count"):
            return answer({"count": len(self.log)})
        return answer({"requests": list(self.log)})

    def clear_requests(self, _: Request) -> Response:
        """Empty the request log."""
        self.log.clear()
        return answer({"requests": []})

    def variants(self, _: Request) -> Response:
        """Return the variants and the values each can have."""
        return answer({"variants": dict(self.apis.variants), "choices": CHOICES})

    def choose(self, request: Request) -> Response:
        """Set some variants."""
        try:
            self.apis.variants.choose(request.valid(VARIANTS))
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return answer({"variants": dict(self.apis.variants)})

    def clock(self, _: Request) -> Response:
        """Return the time, the servers' time, and the instant after which nothing happens (null: there is none)."""
        apis = self.apis
        horizon = None if math.isinf(apis.horizon) else apis.horizon
        return answer({"now": apis.time(), "server_now": apis.server_now(), "horizon": horizon})

    def set_clock(self, request: Request) -> Response:
        """Advance time by `advance` seconds; put the servers' clocks `server_offset` seconds off it; set a horizon.

        With a `horizon` (epoch seconds, or `now`) nothing happens after it while exports and caches still age, so that
        what is read and the truth can be compared at leisure; null takes it away.
        """
        body = request.valid(CLOCK)
        self.apis.advanced += body.get("advance", 0)
        self.apis.server_offset = body.get("server_offset", self.apis.server_offset)
        if "horizon" in body:
            given = body["horizon"]
            self.apis.horizon = math.inf if given is None else self.apis.time() if given == "now" else float(given)
        return self.clock(request)
