"""A test of many cases lists those that fail, and lets through what ends or skips a run."""

from __future__ import annotations

import pytest

from unit_tests.cases import every


def test_each_case_that_fails_is_listed() -> None:
    @every("number", [1, 2, 3])
    def check(number: int) -> None:
        if number == 3:
            pytest.fail("three")
        assert number != 1, "one"

    with pytest.raises(AssertionError, match=r"(?s)2 of 3:.*'number': 1.*one.*'number': 3.*three"):
        check()


@pytest.mark.parametrize("end", [SystemExit, KeyboardInterrupt, pytest.skip.Exception])
def test_what_ends_or_skips_a_run_passes_through(end: type[BaseException]) -> None:
    @every("number", [1])
    def check(number: int) -> None:
        raise end

    with pytest.raises(end):
        check()
