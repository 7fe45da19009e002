from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit_tests.core.fixtures import fake, fetch, no_waiting, world
from unit_tests.events.receiving import Receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests_mock

__all__ = ["fake", "fetch", "no_waiting", "world"]


@pytest.fixture
def receiver(tmp_path: Path, fetch: requests_mock.Mocker) -> Iterator[Receiver]:
    made = Receiver(f"sqlite:///{tmp_path}/events.db", fetch)
    yield made
    made.close()
