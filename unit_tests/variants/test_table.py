"""docs/variants.md says what each variant of the API leads to, and none gives other rows."""

from __future__ import annotations

import pytest

from unit_tests.variants.table import table, written


@pytest.fixture(scope="module")
def made() -> str:
    return table()


def test_the_page_shows_what_comes_of_each_variant(made: str) -> None:
    assert written() == made


def test_no_variant_gives_other_rows_than_the_account_s(made: str) -> None:
    assert "OTHER ROWS" not in made


def test_no_sync_fails_without_a_reason(made: str) -> None:
    assert "WITHOUT A REASON" not in made
