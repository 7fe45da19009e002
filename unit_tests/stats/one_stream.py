"""One stream of exports against a fake in process, and one file of an export by itself."""

from __future__ import annotations

import gzip
import io
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
import requests_mock
from airbyte_cdk.models import AirbyteStateMessage, AirbyteStateType, AirbyteStreamState, StreamDescriptor
from airbyte_cdk.models.airbyte_protocol import AirbyteStateBlob
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.declarative.models.declarative_component_schema import DeclarativeStream
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from urllib3.response import HTTPResponse

from fake_dialpad.server import FakeDialpad, in_process
from source_dialpad.config import CheckedConfig
from source_dialpad.source import SourceDialpad
from source_dialpad.stats.files import ExportFile
from source_dialpad.stats.rows import DAY_COLUMNS, ExportColumns
from source_dialpad.sync.windows import DayWindow
from source_dialpad.transport.shared import forget_findings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import time_machine

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SCHEMAS = Path(__file__).parents[2] / "schemas"
CONFIG: Mapping[str, Any] = {
    "start_date": "2026-11-14",
    "dialpad": {"api_key": "dialpad-key-0123456789", "base_url": "https://dialpad.com"},
}


class Clock:
    """The time of everything: the connector sleeps on it, the fake reads it."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self._traveller = traveller
        self.slept: list[float] = []

    def __call__(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._traveller.shift(seconds)

    def set(self, moment: datetime) -> None:
        self._traveller.move_to(moment, tick=False)


@dataclass
class Result:
    """What one reading of a stream gave."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    errors: list[AirbyteTracedException] = field(default_factory=list)

    @property
    def error(self) -> str:
        assert self.errors
        return str(self.errors[0].message)


@cache
def built_once() -> SourceDialpad:
    return SourceDialpad(config=dict(CONFIG))


class Sync:
    """Reads one stream of a fake, window after window, in this thread."""

    def __init__(self, fake: FakeDialpad, clock: Clock) -> None:
        self.fake = fake
        self.clock = clock
        self.config: dict[str, Any] = json.loads(json.dumps(CONFIG))

    def configured(self, dialpad: Mapping[str, Any] | None = None, **top: Any) -> Sync:
        self.config = {**self.config, **top, "dialpad": {**self.config["dialpad"], **(dialpad or {})}}
        return self

    def again(self) -> Sync:
        """The same question to an account that nobody has asked yet, in a process of its own."""
        forget_findings(lasting=True)
        other = Sync(FakeDialpad(self.fake.world, clock=self.clock), self.clock)
        other.fake.horizon = self.fake.horizon
        other.config = self.config
        return other

    def stream(self, name: str, state: Mapping[str, Any] | None = None) -> Any:
        """The stream alone, as the source builds it: to build all of them takes seconds."""
        given = AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(
                stream_descriptor=StreamDescriptor(name=name), stream_state=AirbyteStateBlob(**(state or {}))
            ),
        )
        source, config = built_once(), json.loads(json.dumps(self.config))
        properties = source._source_config["spec"]["connection_specification"]["properties"]
        CheckedConfig({"properties": properties}).transform(config)
        forget_findings()  # as a new source does
        source._connector_state_manager = ConnectorStateManager([given] if state else [])
        groups = (group.get("streams", [group]) for group in source._source_config["streams"])
        definition = next(stream for streams in groups for stream in streams if stream["name"] == name)
        return source._constructor.create_component(DeclarativeStream, definition, config)

    def read(self, name: str, state: Mapping[str, Any] | None = None, *, windows: int | None = None) -> Result:
        """All rows, or those of the first `windows`, as if the connector was killed then."""
        found = Result()
        with requests_mock.Mocker() as mocker:
            in_process(self.fake, mocker)
            stream = self.stream(name, state)
            try:
                for number, partition in enumerate(stream.generate_partitions()):
                    if number == windows:
                        break
                    try:
                        found.rows += [dict(record.data) for record in partition.read()]
                    except AirbyteTracedException as error:
                        found.errors.append(error)
                    else:
                        stream.cursor.close_partition(partition)
            except AirbyteTracedException as error:
                found.errors.append(error)
            found.state = json.loads(json.dumps(stream.cursor.state))
        return found

    def asked(self, method: str, path: str) -> list[dict[str, Any]]:
        """The requests whose path begins so, with their bodies read."""
        return [
            {**each, "body": json.loads(each["body"]) if each["body"] else None}
            for each in self.fake.log
            if each["method"] == method and each["path"].startswith(path)
        ]

    @property
    def posts(self) -> list[dict[str, Any]]:
        return self.asked("POST", "/api/v2/stats")

    @property
    def polls(self) -> list[dict[str, Any]]:
        return self.asked("GET", "/api/v2/stats/")

    @property
    def downloads(self) -> list[dict[str, Any]]:
        return self.asked("GET", "/_storage/")

    def fault(self, fault: str, **more: Any) -> None:
        self.fake.faults.add({"fault": fault, **more})


# -- one file ------------------------------------------------------------------------------------------------------

WINDOW = DayWindow(date(2026, 11, 1), date(2026, 11, 10))


def answer(body: bytes, headers: Mapping[str, str] | None = None, promised: int | None = None) -> requests.Response:
    """A streamed answer with this body."""
    sent = {"content-length": str(len(body) if promised is None else promised), **(headers or {})}
    response = requests.Response()
    response.status_code = 200
    response.headers.update(sent)
    response.raw = HTTPResponse(io.BytesIO(body), headers=sent, preload_content=False)
    return response


def schema(stream: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SCHEMAS / f"{stream}.json").read_text(encoding="utf-8"))
    return loaded


def rows(  # noqa: PLR0913
    body: bytes | str,
    stream: str = "records_voicemails",
    timezone: str = "UTC",
    *,
    key: str = "",
    scope: str = "company",
    window: DayWindow = WINDOW,
    headers: Mapping[str, str] | None = None,
    promised: int | None = None,
    packed: bool = False,
    days: Sequence[str] = DAY_COLUMNS,
) -> list[dict[str, Any]]:
    """The rows of a file of a stream."""
    body = body.encode() if isinstance(body, str) else body
    body = gzip.compress(body) if packed else body
    columns = ExportColumns(stream, schema(stream), timezone, key, days)
    with ExportFile(answer(body, headers, promised), "here") as file:
        return list(columns.rows(file, scope=scope, window=window, asked=window, context="here"))
