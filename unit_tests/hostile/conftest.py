from __future__ import annotations

import logging
import time

import pytest
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits end at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    monkeypatch.setattr(HttpAPIBudget, "acquire_call", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def nothing_masked() -> None:
    """No secret is known of another test."""
    update_secrets([])
    logging.getLogger("airbyte").setLevel(logging.INFO)
