"""Answers that are nearly right: a sample of the real thing, bent in a few places, and then perhaps in its bytes."""

from __future__ import annotations

import copy
import gzip
import json
import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""How many examples a test runs; unset, as in `make test`: a few, the same ones every time."""


def examples(few: int) -> settings:
    """The run of one test: `few` examples, or as many as `make fuzz` asks for."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )


ODD = [
    *("9999-12-31T23:59:59.999999Z", "2026-13-45T99:99", "2026-09-01T10:00:00Z[GMT]", "2026-09-01", "0001-01-01", "T"),
    *("1e999", "-0", "nan", "12.10", "true", "null", "[]", "..", "../..", "//evil", "https://evil.example", "%00"),
    *("'\"\\", "", " ", "\x00", "\ud83c", "\udf89", "\ufeff", "{{ 1 }}", "9" * 30, "2026-09-01 10:00:00"),
]

LETTERS = st.text(max_size=12) | st.text(st.characters(codec=None), max_size=6) | st.sampled_from(ODD)

NUMBERS = (
    st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.sampled_from([0, -1, 2**31, 2**53 + 1, 2**63, 2**64, 253402300800000, 10**16, 1e308, 1788300000000])
)

SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | NUMBERS | LETTERS
NESTED = st.lists(SCALARS, max_size=3) | st.dictionaries(LETTERS, SCALARS, max_size=3)
JUNK: st.SearchStrategy[Any] = (
    SCALARS
    | NESTED
    | st.lists(NESTED, max_size=2)
    | st.dictionaries(LETTERS, NESTED, max_size=2)
    | st.sampled_from([[], {}, [[]], [{}], [None], {"items": {}}, {"value": [{}]}])
)


@st.composite
def bent(draw: st.DrawFn, sample: Any, most: int = 3) -> Any:
    """The sample with up to `most` of its parts replaced by something else, left out, or there twice."""
    value = copy.deepcopy(sample)
    for _ in range(draw(st.integers(0, most))):
        value = _bent_once(draw, value)
    return value


def _bent_once(draw: st.DrawFn, value: Any) -> Any:
    holder: Any = None
    place: Any = None
    at = value
    while isinstance(at, dict | list) and at and draw(st.integers(0, 5)):
        holder = at
        place = draw(st.sampled_from(sorted(at))) if isinstance(at, dict) else draw(st.integers(0, len(at) - 1))
        at = holder[place]
    if holder is None:
        return copy.deepcopy(draw(JUNK)) if draw(st.integers(0, 3)) == 0 else value
    action = draw(st.sampled_from(["replace", "replace", "drop", "twice"]))
    if action == "replace":
        holder[place] = copy.deepcopy(draw(JUNK))  # samples are shared
    elif action == "drop":
        del holder[place]
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(at))
    else:
        holder[draw(LETTERS)] = at
    return value


@st.composite
def spoilt(draw: st.DrawFn, whole: bytes) -> bytes:
    """The bytes as they are, mostly; or cut, with some others in them, or none of them."""
    how = draw(st.sampled_from(["whole"] * 6 + ["cut", "spliced", "other", "folded", "twice"]))
    if how == "cut":
        return whole[: draw(st.integers(0, len(whole)))]
    if how == "spliced":
        place = draw(st.integers(0, len(whole)))
        return whole[:place] + draw(st.binary(max_size=6)) + whole[place + draw(st.integers(0, 4)) :]
    if how == "other":
        return draw(st.binary(max_size=60))
    if how == "folded":
        return gzip.compress(whole)
    return whole * 2 if how == "twice" else whole


@st.composite
def json_bytes(draw: st.DrawFn, sample: Any) -> bytes:
    """The text of a bent sample."""
    value = draw(bent(sample))
    text = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if "Infinity" in text and draw(st.booleans()):
        text = text.replace("Infinity", "1e999")
    return draw(spoilt(text.encode("utf-8", "surrogatepass")))


@st.composite
def csv_bytes(draw: st.DrawFn, columns: list[str]) -> bytes:
    """A file of these and other columns, its cells quoted or not, its rows of one width or not."""
    header = draw(st.lists(st.sampled_from(columns) | LETTERS, min_size=1, max_size=12))
    cells = LETTERS | st.sampled_from(
        ["2026-09-01 10:00:00.123456", "1", "America/Los_Angeles", "Etc/Nowhere", "../etc", "True"]
    )
    rows = draw(st.lists(st.lists(cells, min_size=len(header), max_size=len(header)), max_size=4))
    if draw(st.integers(0, 5)) == 0:
        rows.append(draw(st.lists(cells, max_size=15)))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoted = draw(st.booleans())

    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if quoted else text

    text = end.join(",".join(cell(each) for each in row) for row in [header, *rows]) + draw(st.sampled_from([end, ""]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return draw(spoilt(mark + text.encode("utf-8", "surrogatepass")))
