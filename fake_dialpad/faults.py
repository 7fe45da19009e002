"""Faults on demand: what a network, a proxy or a broken release does to an answer.

A fault says which requests it hits (method, pattern of the path), how many of them it leaves alone first (`after`), how
many it then breaks (`times`, -1 for all), and what it does to them (`fault`, see :data:`KINDS`).
"""

from __future__ import annotations

import base64
import gzip
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from fake_dialpad.wire import JSON, Refused, Request, Response, schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dialpad.exports import Exports

#: Name of a fault: what it does. `<x>` stands for an argument after a colon; one in brackets may be left out.
KINDS: Final[dict[str, str]] = {
    "status:<code>": "answers this status, with `headers` and `body` of the fault if given",
    "retry_after:<seconds>": "answers 429 with Retry-After",
    "hang:<seconds>": "waits before the first byte",
    "drop": "closes the connection before any byte",
    "reset": "resets the connection in the middle of the body",
    "cut": "promises the whole length and ends the body halfway",
    "truncated": "ends the body halfway and promises no more than that",
    "html": "answers 200 with a page that wants a login",
    "broken_json": "answers 200 with JSON that breaks off",
    "other_shape": "answers 200 with JSON of another shape",
    "empty": "answers 200 without a body",
    "body": "answers 200 with `body` (or the bytes of `body_base64`) and `headers` of the fault",
    "redirect:<url>": "answers 302 to a URL",
    "gzip_bomb[:<megabytes>]": "answers 200 with a small gzip body that unpacks to 512 megabytes, or as many as said",
    "deep_json": "answers 200 with arrays in arrays, 100,000 deep",
    "export_failed": "the export failed: status `failed`, and a new POST is processed",
    "export_forgotten": "the export is gone: 404 from now on",
    "stuck": "the export says `processing`",
    "unknown_status": "the export says `on_hold`",
    "no_download_url": "the export is complete and has no URL",
    "foreign_download[:<url>]": "the export is complete and its URL is on another host",
    "no_request_id": "the POST is accepted and gives no id",
    "download_expired[:<code>]": "the file is gone: 403, or the code given",
}
_EXPORT: Final = r"^/api/v2/(stats|scorecards/export)/"
_PLACES: Final = {
    "export_failed": ("GET", _EXPORT),
    "export_forgotten": ("GET", _EXPORT),
    "stuck": ("GET", _EXPORT),
    "unknown_status": ("GET", _EXPORT),
    "no_download_url": ("GET", _EXPORT),
    "foreign_download": ("GET", _EXPORT),
    "no_request_id": ("POST", r"^/api/v2/(stats|scorecards/export)$"),
    "download_expired": ("GET", r"^/_storage/"),
}
_ARGUMENT: Final = {
    "status": True,
    "retry_after": True,
    "hang": True,
    "redirect": True,
    "gzip_bomb": False,
    "foreign_download": False,
    "download_expired": False,
}
_NUMBERS: Final = {"status", "retry_after", "hang", "gzip_bomb", "download_expired"}
BODY: Final = schema(
    {
        "fault": {"type": "string"},
        "method": {"type": ["string", "null"]},
        "path_regex": {"type": "string"},
        "times": {"type": "integer", "minimum": -1},
        "after": {"type": "integer", "minimum": 0},
        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        "body": {"type": "string"},
        "body_base64": {"type": "string"},
    },
    required=("fault",),
)


@dataclass(slots=True)
class Fault:
    """One fault that waits for its requests; `seen` of them matched, `done` were broken."""

    fault: str
    method: str | None = None
    path_regex: str = ""
    times: int = 1
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    body_base64: str | None = None
    seen: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        name, _, argument = self.fault.partition(":")
        if name not in {kind.partition(":")[0].partition("[")[0] for kind in KINDS}:
            message = f"unknown fault {self.fault!r}; known: {', '.join(KINDS)}"
            raise ValueError(message)
        needed = _ARGUMENT.get(name)
        if (needed is None and argument) or (needed and not argument):
            message = f"fault {self.fault!r} is not of the form of any of {', '.join(KINDS)}"
            raise ValueError(message)
        if argument and name in _NUMBERS:
            float(argument)
        base64.b64decode(self.body_base64 or "", validate=True)
        method, path = _PLACES.get(name, (None, ""))
        self.method = (self.method or method or "").upper() or None
        self.path_regex = self.path_regex or path
        re.compile(self.path_regex)

    @property
    def name(self) -> str:
        """The fault without its argument."""
        return self.fault.partition(":")[0]

    @property
    def argument(self) -> str:
        """What stands after the colon."""
        return self.fault.partition(":")[2]

    def hits(self, request: Request) -> bool:
        """Count a request that matches; whether the fault hits it."""
        if (self.method and self.method != request.method) or not re.search(self.path_regex, request.path):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times >= 0 and self.done >= self.times):
            return False
        self.done += 1
        return True


class Faults(list[Fault]):
    """The faults that were asked for; the first that hits a request breaks it."""

    def add(self, asked: dict[str, Any]) -> Fault:
        """Add a fault from a request body."""
        fault = Fault(**asked)
        self.append(fault)
        return fault

    def hit(self, request: Request) -> Fault | None:
        """Return the fault that hits a request."""
        return next((fault for fault in self if fault.hits(request)), None)

    def listed(self) -> list[dict[str, Any]]:
        """Return the faults with what they have done so far."""
        return [asdict(fault) for fault in self]


def faulty(fault: Fault, request: Request, proceed: Callable[[], Response], exports: Exports) -> Response:
    """Return the broken response to a request; `proceed` gives the true one where the fault needs it."""
    if fault.name in _WITHOUT_ANSWER:
        return _WITHOUT_ANSWER[fault.name](fault)
    if fault.name in _OTHER_BODIES:
        return _other_body(fault)
    if fault.name in _PLACES:
        return _export(fault, request, proceed, exports)
    response = proceed()
    if fault.name == "hang":
        response.delay = float(fault.argument)
        return response
    content = response.content()
    if fault.name == "truncated":
        response.body = content[: len(content) // 2]
    else:  # cut, reset
        response.breaks = fault.name
    return response


def _plain(fault: Fault, status: int, text: str) -> Response:
    return Response(
        status,
        text.encode(),
        {"content-type": "text/plain", **{key.lower(): value for key, value in fault.headers.items()}},
    )


#: The faults that need no true response.
_WITHOUT_ANSWER: Final[dict[str, Callable[[Fault], Response]]] = {
    "status": lambda fault: _plain(
        fault, int(fault.argument), fault.body if fault.body is not None else f"injected {fault.argument}"
    ),
    "retry_after": lambda fault: Response(
        429, (fault.body or "").encode(), {"retry-after": fault.argument, **fault.headers}
    ),
    "redirect": lambda fault: Response(302, b"", {"location": fault.argument, **fault.headers}),
    "drop": lambda _: Response(breaks="drop"),
}
_OTHER_BODIES: Final = {"html", "broken_json", "other_shape", "empty", "body", "gzip_bomb", "deep_json"}


def _other_body(fault: Fault) -> Response:
    headers = {key.lower(): value for key, value in fault.headers.items()}
    if fault.name == "html":
        page = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Your session has expired.</body></html>"
        return Response(200, page, {"content-type": "text/html", **headers})
    if fault.name == "gzip_bomb":
        block = b'[{"messages": [' + b" " * 1_048_576
        packed = gzip.compress(block * int(fault.argument or 512), compresslevel=1)
        return Response(200, packed, {**JSON, "content-encoding": "gzip", **headers})
    body = {
        "broken_json": b'{"items": [{"id": "5000000000000001", "na',
        "other_shape": orjson.dumps({"result": {"rows": []}, "ok": True}),
        "empty": b"",
        "deep_json": b"[" * 100_000 + b"]" * 100_000,
        "body": base64.b64decode(fault.body_base64 or "") or (fault.body or "").encode(),
    }[fault.name]
    return Response(200, body, {**JSON, **headers})


def _export(fault: Fault, request: Request, proceed: Callable[[], Response], exports: Exports) -> Response:
    key = request.path.rsplit("/", 1)[-1]
    export = exports.get(key)
    if fault.name == "export_failed" and export is not None:
        export.failed = True
        return proceed()
    if fault.name == "export_forgotten":
        if export is not None:
            export.forgotten = True
        raise Refused(404, f"Request with id {key} not found")
    if fault.name == "download_expired":
        for known in exports.values():
            known.forgotten = known.forgotten or f"{known.token}.csv" == key
        return _plain(fault, int(fault.argument or 403), "Request has expired")
    values: dict[str, dict[str, object]] = {
        "stuck": {"status": "processing"},
        "unknown_status": {"status": "on_hold"},
        "no_download_url": {"status": "complete", "file_type": "csv"},
        "foreign_download": {
            "status": "complete",
            "file_type": "csv",
            "download_url": fault.argument or "https://storage.foreign.example/export.csv",
        },
        "no_request_id": {"already_started": False},
    }
    return Response(200, orjson.dumps(values.get(fault.name, {"status": "failed"})), {**JSON, **fault.headers})
