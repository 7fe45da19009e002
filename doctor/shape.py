"""The only way from an account's values to what is shown: types, lengths, shares, forms of times; never a value.

Words of a refusal are shown where this project's own texts have them, names of members where a schema has them or they
look like one, values where a schema's description lists them. Everything else is counted, or becomes "…".
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from source_dialpad.manifest import PACKAGE, composed_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST_NAME: Final = 40
LONGEST_REFUSAL: Final = 300
NAME: Final = re.compile(r"(?!.*\d{4})[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
WORD: Final = re.compile(r"[a-z]+(?:[._':-][a-z]+)*")
LISTED: Final = re.compile(
    r": ((?:\w+, )*\w+ or \w+)\."
)  # of a description: "Direction of the call: inbound or outbound."
TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:(?P<between>[T ])\d\d:\d\d(?P<seconds>:\d\d)?(?P<decimals>\.\d+)?"
    r" ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?(?P<named>\[\w+\])?)?",
    re.ASCII,
)
KINDS: Final = {  # of a text
    "empty": re.compile(""),
    "true or false": re.compile("true|false"),
    "True or False": re.compile("True|False"),
    "digits, as milliseconds since 1970": re.compile(r"1\d{12}"),
    "digits": re.compile(r"-?\d+"),
    "a decimal number": re.compile(r"-?\d*\.\d+"),
    "a date with slashes": re.compile(r"\d{1,4}/\d{1,2}/\d{1,4}(?: .*)?"),
    "a URL": re.compile(r"https?://.*", re.DOTALL),
}
REFUSING: Final = """
    a access access_denied account administrator admin after again allowed an and api are authentication authenticated
    authorization authorized bad bearer be been before body by call calls can cannot company credential credentials day
    days denied disabled does enabled end endpoint error exceeded exist expected expired export exports feature field
    filter for forbidden found from gateway has have hour id in insufficient internal invalid is it key later license
    limit many maximum method minimum minute minutes missing more must no not of office on only or parameter parameters
    per permission permissions plan please product provider query quota range rate request requests required requires
    retry scope scopes seconds server service since sorry start support supported target temporarily than that the this
    time timeout timezone to token too try unauthenticated unauthorized unavailable unknown unsupported url user valid
    value wait was while with without wrong you your
"""  # words of refusals as any HTTP API writes them


@cache
def vocabulary() -> frozenset[str]:
    """Words that any reader of this project may read: those of its manifest, its form, its schemas and its errors."""
    files = sorted((*PACKAGE.rglob("*.py"), *PACKAGE.glob("*.yaml"), *Path(__file__).parent.glob("*.py")))
    schemas = str(
        [[schema.get("description"), schema["properties"]] for schema in composed_manifest()["schemas"].values()]
    )
    texts = (REFUSING, schemas, *(path.read_text(encoding="utf-8") for path in files))
    return frozenset(core for text in texts for token in text.split() if WORD.fullmatch(core := _core(token)))


def words(text: str) -> str:
    """A refusal in words of the vocabulary, and with codes of HTTP; whatever else it says is "…"."""

    def shown(token: str) -> str:
        core = _core(token)
        known = core in vocabulary() or re.fullmatch(r"[45]\d\d", core)
        return token if known and _is_plain(token) else "…"

    seen = " ".join(shown(token) for token in text.split())
    return re.sub(r"…(?: …)+", "…", seen)[:LONGEST_REFUSAL]


def _core(token: str) -> str:
    return re.sub(r"^[^\w]+|[^\w]+$", "", token).lower()


def _is_plain(token: str) -> bool:
    return len(token) - len(_core(token)) <= 4  # noqa: PLR2004  # quotation marks and brackets, and nothing drawn of them


def kind(value: Any) -> str:
    """What a value is, in fixed words."""
    if not isinstance(value, str):
        if value.__class__ is int and 10**12 <= value < 2 * 10**12:
            return "a number, as milliseconds since 1970"
        names = {bool: "true or false, no text", int: "a whole number", float: "a decimal number, no text"}
        return names.get(
            type(value), "a list" if isinstance(value, list) else "an object" if value is not None else "null"
        )
    if time := TIME.fullmatch(value):
        return _time(time)
    return next((name for name, form in KINDS.items() if form.fullmatch(value)), "text")


def _time(match: re.Match[str]) -> str:
    if not match["between"]:
        return "a date, YYYY-MM-DD"
    seconds = ":ss" if match["seconds"] else ""
    decimals = f".{'f' * min(len(match['decimals']) - 1, 9)}" if match["decimals"] else ""
    zone = {None: ", no zone", "Z": "Z", "UTC": " UTC"}.get(match["zone"], "+hh:mm")
    named = "[zone]" if match["named"] else ""
    return f"a time, YYYY-MM-DD{match['between']}hh:mm{seconds}{decimals}{zone}{named}"


def listed_values(schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The values that the description of a schema's member lists."""
    listed = LISTED.search(schema.get("description", ""))
    return tuple(re.split(", | or ", listed[1])) if listed else ()


def names(seen: Iterable[str], schema: Mapping[str, Any]) -> tuple[list[str], int]:
    """The names of members or columns that may be shown, and how many others there are."""
    every = list(dict.fromkeys(seen))
    known = schema.get("properties", {})
    shown = [name for name in every if name in known or (len(name) <= LONGEST_NAME and NAME.fullmatch(name))]
    return shown, len(every) - len(shown)


def header(cells: Sequence[str], schema: Mapping[str, Any]) -> tuple[list[str], int]:
    """As `names`, for the first line of a file, which may be a row: it is none if all of it looks like names."""
    shown, others = names(cells, schema)
    known = [name for name in shown if name in schema.get("properties", {})]
    return (known, len(cells) - len(known)) if others else (shown, 0)


def members(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any], shown: Sequence[str]) -> dict[str, Any]:
    """The members whose names may be `shown`: kinds with their counts, lengths, share of empty ones, listed values."""
    properties = schema.get("properties", {})
    return {name: _member([row.get(name) for row in rows], properties.get(name, {})) for name in shown}


def _member(values: list[Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    kinds = Counter(kind(value) for value in values)
    empty = kinds.pop("null", 0) + kinds.pop("empty", 0)
    described: dict[str, Any] = {
        "kinds": dict(kinds.most_common()),
        "empty_percent": round(100 * empty / (len(values) or 1)),
    }
    if lengths := [len(value) for value in values if isinstance(value, str) and value]:
        described["lengths"] = [min(lengths), max(lengths)]
    if listed := listed_values(schema):
        known = Counter(
            value if value in listed else "another value" for value in values if isinstance(value, str) and value
        )
        described["values"] = dict(known.most_common())
    return described
