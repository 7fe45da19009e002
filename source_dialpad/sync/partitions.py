"""Partitions: the parts of a stream that have a state of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from airbyte_cdk.sources.declarative.partition_routers.partition_router import PartitionRouter
from airbyte_cdk.sources.types import StreamSlice, StreamState


class Partitions(PartitionRouter):
    """A partition router that adds nothing to requests: what a partition means stands in its slices."""

    @abstractmethod
    def stream_slices(self) -> Iterable[StreamSlice]:
        """The partitions, each once."""

    def get_stream_state(self) -> Mapping[str, StreamState] | None:
        """No parent's state is kept."""
        return None

    def get_request_params(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def get_request_headers(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def get_request_body_data(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def get_request_body_json(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}
