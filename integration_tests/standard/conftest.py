"""The account, for every test here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration_tests.standard.account import account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_dialpad.server import FakeDialpad


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeDialpad]:
    with account(tmp_path) as served:
        yield served
