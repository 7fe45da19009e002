"""What every test stands on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import hypothesis
import pytest
from airbyte_cdk.sources.declarative import concurrent_declarative_source
from pyrate_limiter.abstracts.bucket import BucketFactory

if TYPE_CHECKING:
    from collections.abc import Iterator

# How fast a machine is, and what else it does, is no property of the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def _component_schema_read_once() -> Iterator[None]:
    """Keeps the CDK from parsing its own component schema, most of a second of YAML, for every source a test builds."""
    with pytest.MonkeyPatch.context() as patch:
        read_once = cache(concurrent_declarative_source.get_declarative_component_schema)
        patch.setattr(concurrent_declarative_source, "get_declarative_component_schema", read_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_leaking_threads() -> Iterator[None]:
    """Keeps the CDK's rate limits from starting a thread each, which nothing ever ends.

    A process of the connector builds one source and has a handful of them; a test run builds thousands, and where a
    test lets `time.sleep` return at once they all run hot. They only tidy: limits are kept without them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BucketFactory, "schedule_leak", lambda *_: None)
        yield
