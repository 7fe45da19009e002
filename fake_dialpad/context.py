"""What every API of the fake shares: the company, the time, the keys, the variants, the limits.

The API files take this object and never the server, so that each can be driven alone.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Final

from fake_dialpad.local_time import LocalTime
from fake_dialpad.model import day_of
from fake_dialpad.variants import Variants
from fake_dialpad.wire import Refused, Request, Route, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import date

    from fake_dialpad.model import Party
    from fake_dialpad.world import World

#: Scope of a Dialpad key: what it opens (API specification, prose of the routes).
SCOPES: Final = {
    "calls:list": "the list of concluded calls",
    "digital_sessions": "digital sessions",
    "company_admin": "the company and its numbers",
    "contacts": "contacts",
    "conference:read": "meeting rooms and meetings",
    "change_log": "subscriptions to the change log",
    "fax_message": "subscriptions to faxes",
    "ai_recap": "AI recaps of calls",
    "recordings_export": "recording URLs in exports and events",
    "message_content_export": "the text of texts",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys the fake accepts; `dialpad_user` is a key of one user, which sees only that user's own."""

    dialpad: str = "dialpad-key-0123456789"
    engagement: str = "engagement-key-0123456789"
    analytics: str = "analytics-key-0123456789"
    dialpad_user: str = "dialpad-user-key-0123456789"
    provider_id: str = "1020"


@dataclass(eq=False, repr=False)
class Context:
    """The company and the circumstances in which its APIs are asked.

    `clock` gives epoch seconds and may be anything callable, so that a test moves time without waiting.
    `export_seconds` is how long an export takes. `missing_scopes` (names of :data:`SCOPES`) are scopes the Dialpad key
    lacks; an unknown one raises ValueError.
    """

    world: World
    _: KW_ONLY
    clock: Callable[[], float] = time.time
    export_seconds: float = 18.0
    keys: Keys = field(default_factory=Keys)
    variants: Variants = field(default_factory=Variants)
    missing_scopes: Collection[str] = ()
    advanced: float = field(default=0.0, init=False)
    server_offset: float = field(default=0.0, init=False)
    horizon: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        if unknown := set(self.missing_scopes) - set(SCOPES):
            message = f"unknown scope {', '.join(sorted(unknown))}; known: {', '.join(SCOPES)}"
            raise ValueError(message)
        self.lock = threading.RLock()
        self.company_window = Window(20, 0.95)  # 20 a second, with a little for jitter on the way
        self._clocks: dict[str, LocalTime] = {}

    # -- time --------------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the true time, in epoch seconds."""
        return self.clock() + self.advanced

    def now(self) -> float:
        """Return the instant up to which things have happened: the true time, or the horizon where one is set."""
        return min(self.time(), self.horizon)

    def now_us(self) -> int:
        """Return the instant up to which things have happened, in microseconds."""
        return int(self.now() * 1_000_000)

    def today(self) -> date:
        """Return the UTC day of now."""
        return day_of(self.now_us())

    def server_now(self) -> float:
        """Return the time the servers' clocks show: it counts days, ages caches and appears in the Date header."""
        return self.time() + self.server_offset

    def local(self, timezone: str) -> LocalTime:
        """Return the writer of local times of a zone; ValueError or ZoneInfoNotFoundError if there is none."""
        if timezone not in self._clocks:
            self._clocks[timezone] = LocalTime(timezone)
        return self._clocks[timezone]

    # -- keys and limits ---------------------------------------------------------------------------

    @property
    def limited(self) -> bool:
        """Whether rate limits are enforced."""
        return self.variants["rates"] == "on"

    def has_scope(self, name: str) -> bool:
        """Whether the Dialpad key has a scope."""
        return name not in self.missing_scopes

    def too_many(self, message: str, wait: float) -> Refused:
        """Return the refusal of a request that is one too many."""
        headers = {"retry-after": str(max(1, int(wait) + 1))} if self.variants["retry_after"] == "present" else {}
        return Refused(429, message, headers)

    def user_of(self, request: Request) -> Party | None:
        """Return the user whose own key the request carries; None for a company key."""
        return self.world.users[0] if request.bearer == self.keys.dialpad_user else None

    def admit(self, request: Request) -> Callable[[Route], None]:
        """Check a request's Dialpad key and count it against the company's limit; return the check of a route."""
        if request.bearer not in (self.keys.dialpad, self.keys.dialpad_user):
            raise Refused(401, "Invalid or missing API key")
        if self.limited and not self.company_window.admits(self.server_now()):
            raise self.too_many("Rate limit exceeded: 20 requests per second", 1)

        def admit_to(route: Route) -> None:
            if route.admin and request.bearer == self.keys.dialpad_user:
                raise Refused(403, "This API requires a company admin API key")
            if route.scope is not None and not self.has_scope(route.scope):
                raise Refused(403, f"The API key lacks the scope {route.scope}")

        return admit_to

    # -- one request at a time ---------------------------------------------------------------------

    def locked(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a body, each made while no other request is answered."""
        while True:
            with self.lock:
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    @staticmethod
    def background(work: Callable[[], object]) -> None:
        """Do something beside the requests."""
        threading.Thread(target=work, daemon=True).start()
