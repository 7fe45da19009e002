"""Partitions: the parts of a stream that have a state of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airbyte_cdk.sources.declarative.partition_routers.partition_router import PartitionRouter
from airbyte_cdk.sources.types import StreamState


class Partitions(PartitionRouter):
    """A partition router that adds nothing to requests: what a partition means stands in its slices."""

    def get_stream_state(self) -> Mapping[str, StreamState] | None:
        """No parent's state is kept."""
        return None

    def get_request_params(self, **_: Any) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    get_request_headers = get_request_body_data = get_request_body_json = get_request_params
