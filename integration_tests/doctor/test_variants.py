"""The doctor names each variant of the API rightly, or says that the account does not tell; never a wrong one."""

from __future__ import annotations

import re

import pytest

from fake_dialpad.variants import CHOICES
from integration_tests.doctor.table import VARIANTS, combinations, lines, written


def test_the_page_shows_what_the_doctor_says_of_each_variant() -> None:
    wrong: list[str] = []
    table = "".join(f"{line}\n" for line in lines(wrong))
    assert wrong == []
    assert written() == table, "run: make tables"


def test_every_value_of_every_variant_has_a_right_answer() -> None:
    missing = [
        f"{name}={value}"
        for name, values in CHOICES.items()
        for value in values
        if not any(re.fullmatch(re.escape(value).replace("<n>", r"\d+"), each) for each in VARIANTS[name].answers)
    ]
    assert missing == []


@pytest.mark.parametrize("messages", [None, 2, 13])
def test_no_combination_of_what_messages_leave_open_is_named_wrongly(messages: int | None) -> None:
    assert combinations(messages) == []
