"""What retrievers and partition routers share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from airbyte_cdk.sources.declarative.incremental.concurrent_partition_cursor import ConcurrentPerPartitionCursor
from airbyte_cdk.sources.declarative.partition_routers.partition_router import PartitionRouter
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from airbyte_cdk.sources.declarative.retrievers import Retriever, SimpleRetriever
from airbyte_cdk.sources.streams.concurrent.cursor import ConcurrentCursor, Cursor
from airbyte_cdk.sources.streams.core import StreamData
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState

from source_dialpad.errors import config_error, slice_context
from source_dialpad.sync.batches import batched
from source_dialpad.sync.cursor import Preparation
from source_dialpad.transport.requester import JsonCalls
from source_dialpad.transport.types import RowTyper


class Partitions(PartitionRouter):
    """A partition router that adds nothing to requests: what a partition means stands in its slices."""

    def get_stream_state(self) -> Mapping[str, StreamState] | None:
        """No parent's state is kept."""
        return None

    def get_request_params(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    get_request_headers = get_request_body_data = get_request_body_json = get_request_params


@dataclass
class SliceRetriever(Retriever):
    """Reads slices; subclasses say only where the rows of a slice come from."""

    derived: ClassVar[frozenset[str]] = frozenset()
    """Columns that `rows` writes in their types whatever came, so that they need no second look."""

    name: str
    config: Config
    cursor: Cursor
    requester: Requester

    def __post_init__(self) -> None:
        self.ask = JsonCalls(self.requester)
        self._typer: RowTyper | None = None

    def prepare_slices(self, prepare: Preparation) -> None:
        """Passes all planned slices through `prepare`."""
        self.cursor.prepare = prepare  # type: ignore[attr-defined]  # of a WindowCursor; others do not look at it

    def check_cursor(self) -> None:
        """Raises a config error in a runner that reads this manifest without our source, and so without its windows."""
        if isinstance(self.cursor, ConcurrentCursor | ConcurrentPerPartitionCursor):
            raise config_error(
                f"{self.name}: this stream is read by source-dialpad alone; other runners of its manifest read the "
                "lists. Use the connector's own image or command for it."
            )

    @abstractmethod
    def rows(self, stream_slice: StreamSlice, context: str) -> Iterable[dict[str, Any]]:
        """The rows of a slice as the API gave them, our own columns added; `context` leads the errors."""

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The typed rows of one slice."""
        self.check_cursor()
        stream_slice = stream_slice or StreamSlice(partition={}, cursor_slice={})
        self._typer = self._typer or RowTyper(self.name, records_schema, self.derived)  # compiled once
        rows = self.rows(stream_slice, self.context(stream_slice))
        yield from batched(self.name, stream_slice, map(self._typer, rows))

    def context(self, stream_slice: StreamSlice) -> str:
        """The stream, its partition and its window, as errors name them."""
        return slice_context(self.name, stream_slice)


@dataclass
class BatchingRetriever(Retriever):
    """The CDK's own retriever, its rows passed on in batches."""

    retriever: SimpleRetriever

    def read_records(
        self, records_schema: Mapping[str, Any], stream_slice: StreamSlice | None = None
    ) -> Iterable[StreamData]:
        """The rows of one slice."""
        stream_slice = stream_slice or StreamSlice(partition={}, cursor_slice={})
        records = self.retriever.read_records(records_schema, stream_slice)
        return batched(self.retriever.name, stream_slice, (record.data for record in records))  # type: ignore[union-attr]


def batching(create: Callable[..., SimpleRetriever]) -> Callable[..., BatchingRetriever]:
    """A constructor of the CDK's factory, for retrievers whose rows travel in batches."""
    return lambda **parts: BatchingRetriever(create(**parts))
