"""Exports: what is accepted, when it is ready, and the plain download of its file.

Shared by the Stats API and the export of scorecards, whose routes differ; the faults of faults.py act on it.
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fake_dialpad.wire import Refused, Request, Response, route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fake_dialpad.context import Context


@dataclass(slots=True)
class Export:
    """One accepted export; `chunks` makes its file. Instants are those of the servers' clock, in seconds."""

    id: str
    token: str
    ready: float
    expires: float
    chunks: Callable[[], Iterator[bytes]]
    failed: bool = False
    forgotten: bool = False


class Exports(dict[str, Export]):
    """The exports by their id, and the route of their files."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.routes = [route("GET", "/_storage/{name}", self.download)]

    def start(self, key: bytes, seconds: float, chunks: Callable[[], Iterator[bytes]]) -> Export:
        """Accept an export that is kept for some seconds; `key` is what was asked."""
        now = self.context.server_now()
        digest = hashlib.sha256(key + str((len(self), self.context.world.seed, now)).encode()).hexdigest()
        ready = now + self.context.export_seconds
        export = self[digest[:32]] = Export(digest[:32], digest[32:], ready, now + seconds, chunks)
        return export

    def known(self, request_id: str) -> Export:
        """Return an export; refuse one that is unknown, expired or forgotten."""
        export = self.get(request_id)
        if export is None or export.forgotten or export.expires <= self.context.server_now():
            raise Refused(404, f"Request with id {request_id} not found")
        return export

    @staticmethod
    def url(request: Request, export: Export) -> str:
        """Return the URL of an export's file on the host that was asked."""
        return f"{request.base_url}/_storage/{export.token}.csv"

    def download(self, request: Request, name: str) -> Response:
        """Serve the file of an export to whoever has its URL; no key is asked for, and none should come."""
        now = self.context.server_now()
        export = next((export for export in self.values() if f"{export.token}.csv" == name), None)
        if export is None or export.expires <= now or now < export.ready:
            return Response(
                403,
                b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                {"content-type": "application/xml"},
            )
        body: Iterable[bytes] = self.context.locked(export.chunks())
        headers = {"content-type": "text/csv"}
        if self.context.variants["compression"] == "gzip" and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
            body = [gzip.compress(b"".join(body), compresslevel=1, mtime=0)]
        return Response(200, body, headers)
