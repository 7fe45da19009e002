"""Whatever an account holds, what is shown of it are fixed words, counts and lengths."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor import shape
from doctor.reach import schema_of

MARK = "Qx7ZwKv9Jp"
USERS = schema_of("users")
TEXTS = st.text(max_size=30).map(lambda text: f"{text}{MARK}") | st.sampled_from(
    [MARK, f"https://{MARK}.example/{MARK}"]
)
NAMES = (
    st.sampled_from([*USERS["properties"], "a_new_one", MARK, f"{MARK} name", f"x_{MARK.lower()}_1234", "Grüße"])
    | TEXTS
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(NAMES, parts, max_size=3),
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=6), min_size=1, max_size=4))
def test_no_value_and_no_strange_name_is_in_the_description_of_rows(rows: list[dict[str, Any]]) -> None:
    shown, others = shape.names((name for row in rows for name in row), USERS)
    assert MARK.lower() not in json.dumps(shape.members(rows, USERS, shown)).lower()
    assert len(shown) + others == len({name for row in rows for name in row})


@given(
    st.lists(
        TEXTS | st.sampled_from(["401", "(404)", "Dialpad", "dialpad.api_key", "refused", '"the', "key"]), max_size=20
    )
)
def test_no_word_that_is_not_ours_is_in_the_words_of_a_refusal(words: list[str]) -> None:
    shown = shape.words(" ".join(words))
    assert MARK not in shown
    assert not re.search(r"\d{4}", shown)


@given(st.text())
def test_the_words_of_any_refusal_are_of_the_vocabulary(text: str) -> None:
    tokens = [re.sub(r"^\W+|\W+$", "", token).lower() for token in shape.words(text).replace("…", " ").split()]
    assert not [token for token in tokens if token not in shape.vocabulary() and not re.fullmatch(r"[45]\d\d|", token)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2026-11-20T10:15:30.123456Z", "a time, YYYY-MM-DDThh:mm:ss.ffffffZ"),
        ("2021-12-01T12:46:36.581Z[GMT]", "a time, YYYY-MM-DDThh:mm:ss.fffZ[zone]"),
        ("2026-11-20 10:15:30", "a time, YYYY-MM-DD hh:mm:ss, no zone"),
        ("2026-11-20T10:15:30+01:00", "a time, YYYY-MM-DDThh:mm:ss+hh:mm"),
        ("2026-11-20", "a date, YYYY-MM-DD"),
        ("1795211445980", "digits, as milliseconds since 1970"),
        (1795211445980, "a number, as milliseconds since 1970"),
        ("5000000000001001", "digits"),
        (5000000000001001, "a whole number"),
        ("True", "True or False"),
        (True, "true or false, no text"),
        ("", "empty"),
        (None, "null"),
        ("Anna", "text"),
    ],
)
def test_the_kind_of_a_value_is_named(value: Any, kind: str) -> None:
    assert shape.kind(value) == kind


def test_a_value_is_shown_where_the_description_of_its_member_lists_it_and_others_are_counted() -> None:
    rows: list[dict[str, Any]] = [
        {"state": "active"},
        {"state": "active"},
        {"state": MARK},
        {"state": None},
        {"display_name": "active"},
    ]
    described = shape.members(rows, USERS, ["state", "display_name"])
    assert described["state"]["values"] == {"active": 2, "another value": 1}
    assert "values" not in described["display_name"]
    assert described["state"]["empty_percent"] == 40


def test_a_file_without_a_header_shows_none_of_its_first_row() -> None:
    assert shape.header(["anna", "maier", "2026-11-20", ""], USERS) == ([], 4)
    assert shape.header(["id", "anna", "Maier"], USERS) == (["id"], 2)
    assert shape.header(["id", "a_new_one"], USERS) == (["id", "a_new_one"], 0)
