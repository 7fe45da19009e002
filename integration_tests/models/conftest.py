"""An environment with dbt in it, and an invented account in warehouses of both kinds."""

from __future__ import annotations

import pytest

from integration_tests.models.environment import make_environment


@pytest.fixture(scope="session")
def marts_environment() -> None:
    """The environment .marts."""
    make_environment()
