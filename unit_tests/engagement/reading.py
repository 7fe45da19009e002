"""The two retrievers of Digital Engagement against the fake, in process: no source, no threads, no limits of rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import requests
from airbyte_cdk.sources.types import StreamSlice

from fake_dialpad.server import InProcessAdapter
from source_dialpad.engagement.messages import CustomerSessionRetriever, MessagesRetriever
from source_dialpad.sync.planner import DatetimeWindows
from source_dialpad.transport.shared import forget_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fake_dialpad.server import FakeDialpad

Row = dict[str, Any]

DERIVED = ("message_key", "created_at", "conversation_id", "segment", "provider_id", "redacted_entities")
ROOT = "https://engagement.example/KoopidPartnerServer/api/APIEndpoint/Dashboard"


@dataclass
class Asking:
    """A requester that knows one address of the fake; `before` is called ahead of each request."""

    fake: FakeDialpad
    method: str
    address: str
    before: Callable[[], object] = lambda: None
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.mount("https://", InProcessAdapter(self.fake))

    def send_request(self, **parts: Any) -> requests.Response:
        self.before()
        return self.session.request(
            self.method,
            self.address,
            params={"providerid": self.fake.keys.provider_id, **(parts["request_params"] or {})},
            json=parts["request_body_json"],
            headers={"Authorization": f"Bearer {self.fake.keys.engagement}"},
            timeout=30,
        )

    def get_url(self, **_: Any) -> str:
        return self.address


@dataclass
class Planned:
    """A cursor that hands out the windows it was given."""

    slices: list[StreamSlice]
    prepare: Callable[[Iterable[StreamSlice]], Iterable[StreamSlice]] = iter


@dataclass
class Account:
    """A fake, and how it is read."""

    fake: FakeDialpad
    start: str
    timezone: str = "UTC"
    settings: dict[str, Any] = field(default_factory=dict)
    before: Callable[[], object] = lambda: None

    def config(self) -> dict[str, Any]:
        section = {
            "base_url": "https://engagement.example",
            "api_key": self.fake.keys.engagement,
            "provider_id": self.fake.keys.provider_id,
            "epoch_unit": "auto",
            "sender_identity": "keep",
            "customer_session_ids": [],
            **self.settings,
        }
        return {"num_workers": 2, "timezone": self.timezone, "start_date": self.start, "engagement": section}

    def windows(self, step_days: int = 1) -> list[StreamSlice]:
        slicing = DatetimeWindows("messages", "ts", self.start, self.timezone, kept_days=365, step_days=step_days)
        return [StreamSlice(partition={}, cursor_slice=window.cursor_slice) for window in slicing.windows(None)]

    def messages(self) -> list[Row]:
        """The rows of the stream `messages`, as they are emitted."""
        forget_findings(lasting=True)
        cursor = Planned(self.windows())
        retriever = MessagesRetriever(
            name="messages",
            config=self.config(),
            cursor=cursor,  # type: ignore[arg-type]  # what it needs of one
            requester=Asking(self.fake, "POST", f"{ROOT}/Messages", self.before),  # type: ignore[arg-type]
        )
        return [row for each in cursor.prepare(cursor.slices) for row in retriever.rows(each, "messages")]

    def session_messages(self) -> list[Row]:
        """The rows of the stream `customer_session_messages`."""
        forget_findings(lasting=True)
        cursor = Planned(self.windows(step_days=6))
        address = f"{ROOT}/{self.fake.keys.provider_id}/RedactedMessages"
        retriever = CustomerSessionRetriever(
            name="customer_session_messages",
            config=self.config(),
            cursor=cursor,  # type: ignore[arg-type]
            requester=Asking(self.fake, "GET", address, self.before),  # type: ignore[arg-type]
            messages_requester=Asking(self.fake, "POST", f"{ROOT}/Messages", self.before),  # type: ignore[arg-type]
        )
        return [row for each in cursor.prepare(cursor.slices) for row in retriever.rows(each, "sessions")]

    def truth(self, stream: str = "messages") -> list[str]:
        """What the account holds since the start, in canonical text."""
        return canonical(self.true_rows(stream))

    def true_rows(self, stream: str = "messages") -> list[Row]:
        """What the account holds since the start."""
        address = f"https://engagement.example/_fake/truth/{stream}"
        session = Asking(self.fake, "GET", address).session
        answer = session.get(address, params={"start": self.start, "timezone": self.timezone}, timeout=30)
        rows: list[Row] = orjson.loads(answer.content)["rows"]
        return rows


def held(rows: Iterable[Row]) -> list[Row]:
    """What a destination holds: one row a key, the last one."""
    return list({row["message_key"]: row for row in rows}.values())


def canonical(rows: Iterable[Row]) -> list[str]:
    """Rows without our columns, as sorted text, each as often as it is there."""
    return sorted(_text({name: value for name, value in row.items() if name not in DERIVED}) for row in rows)


def _text(row: Row) -> str:
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS).decode()


def asked(fake: FakeDialpad, part: str = "Messages") -> Iterator[Row]:
    """The bodies, or the query, of the requests to one door."""
    for entry in fake.log:
        if entry["path"].endswith(f"/{part}"):
            yield orjson.loads(entry["body"]) if entry["method"] == "POST" else entry
