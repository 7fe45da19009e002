"""One sync of all the lists, for the tests that look at what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from unit_tests.core.fixtures import dialpad, fake, fetch, no_waiting, world
from unit_tests.core.reading import Read, read
from unit_tests.directory.streams import KEYS

if TYPE_CHECKING:
    import requests_mock

    from fake_dialpad.server import FakeDialpad

__all__ = ["fake", "fetch", "no_waiting", "world"]


@pytest.fixture(scope="session")
def everything() -> dict[str, Any]:
    return {}


@pytest.fixture
def synced(everything: dict[str, Any], fake: FakeDialpad, fetch: requests_mock.Mocker) -> tuple[Read, FakeDialpad]:
    """One sync of all these streams, and the account it was read from."""
    if not everything:
        everything["fake"], everything["read"] = fake, read(dialpad(), *KEYS)
    return everything["read"], everything["fake"]
