"""The doctor's table of docs/variants.md: what it says of an account in each variant of the API, over real HTTP.

`python -m integration_tests.doctor.table` writes it anew between its two marks; a test holds the page to it. The right
answers stand here, by the variant's own values.
"""

from __future__ import annotations

import io
import logging
import re
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
import time_machine

from doctor import analytics, engagement
from doctor.__main__ import Doctor
from doctor.finding import Certainty, Finding
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import CHOICES, Variants
from fake_dialpad.world import World
from integration_tests.doctor.examining import config_of, in_a_hurry
from source_dialpad.config import CheckedConfig
from source_dialpad.source import resolved_manifest
from source_dialpad.transport.shared import forget_findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = Path(__file__).parents[2] / "docs" / "variants.md"
MARKS: Final = ("<!-- what the doctor says begins -->\n", "<!-- what the doctor says ends -->\n")
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
PARALLEL: Final = 4


class Variant(NamedTuple):
    """The section that is asked, the question, and how the right answer to each value begins (None: open)."""

    section: str
    question: str
    answers: Mapping[str, str | None]


FILES: Final = "compression and encoding of the file"
VARIANTS: Final[dict[str, Variant]] = {
    "epoch_unit": Variant("engagement", engagement.UNIT, {"milliseconds": "milliseconds", "seconds": "seconds"}),
    "epoch_unit_enforced": Variant(
        "engagement", engagement.EIGHT_DAYS, {"yes": "yes", "no": "no, they are answered with nothing"}
    ),
    "envelope": Variant(
        "engagement",
        "the envelope",
        {"list_of_envelopes": "a list of one envelope;", "flat": "a plain list;", "one_envelope": "one envelope;"},
    ),
    "limit": Variant(
        "engagement",
        "what `limit` does",
        {
            "honoured": "honored, as seen up to",
            "ignored": "ignored",
            "capped:7": "honored, no answer has more than 7 messages",
        },
    ),
    "offset": Variant(
        "engagement",
        "what `offset` does",
        {"honoured": "counts messages", "ignored": "ignored", "pages": "counts pages"},
    ),
    "ends": Variant(
        "engagement",
        "whether the ends are included",
        {
            "[a,b]": "both are included",
            "[a,b)": "the start is included, the end is not",
            "(a,b]": "the end is included, the start is not",
        },
    ),
    "order": Variant(
        "engagement",
        engagement.ORDER,
        {
            "ascending": "ascending by time",
            "descending": "descending by time",
            "by_session": "session by session",
            "random": "it changes from answer to answer",
        },
    ),
    "status": Variant("engagement", "the status of an answer", {"200": "200", "201": "201"}),
    "ids": Variant(
        "engagement",
        "identifiers as numbers",
        {"string": "as text", "number": "sessionid and customersessionid as numbers"},
    ),
    "interval_end": Variant(
        "analytics",
        "whether intervals include their ends",
        {"out": "the start is included, the end is not", "in": "both are included"},
    ),
    "link": Variant(
        "analytics",
        analytics.LINK,
        {
            "relative": "a path without a host",
            "absolute": "an address of the configured host",
            "pagekey": "a pageKey beside the data",
            "foreign": "to another host",
        },
    ),
    "filters": Variant("analytics", analytics.FILTERS, {"optional": "not required", "required": "required"}),
    "booleans": Variant(
        "dialpad",
        "true or True",
        {
            "lower": r"true or false in [1-9]\d* cells, True or False in 0",
            "title": "true or false in 0 cells, True or False in [1-9]",
        },
    ),
    "no_rows": Variant(
        "dialpad",
        "what an empty export looks like",
        {
            "header_only": r"a header alone: [1-9]\d* files; no bytes at all: 0",
            "empty_file": "a header alone: 0 files; no bytes at all: [1-9]",
        },
    ),
    "by_user": Variant("dialpad", "whether stats by user have a row a day", {"per_range": "no", "per_day": "yes"}),
    "texts": Variant(
        "dialpad",
        "whether a text between two lines comes once or twice",
        {"both_sides": r"twice: [1-9]\d* texts; once: 0", "one_row": "twice: 0 texts; once: [1-9]"},
    ),
    "bom": Variant(
        "dialpad",
        FILES,  # scorecards have never a mark: 2 of the files
        {"some": r".* mark: [1-9];", "all": ".* of 34 files; .* mark: 32;", "none": ".* mark: 0;"},
    ),
    "compression": Variant(
        "dialpad", FILES, {"none": r"gzip: 0 of [1-9]\d* files", "gzip": r"gzip: ([1-9]\d*) of \1 files"}
    ),
    "history_lag": Variant(
        "dialpad", "how late the tables of history are", {"0": "not late", "36000": "less than a day late"}
    ),
    "today_lag": Variant(
        "dialpad", "how late the tables of today are", {"0": "not late", "18000": "less than a day late"}
    ),
    "retry_after": Variant("dialpad", "what a 429 says", {"absent": "0 of 1 said", "present": "1 of 1 said"}),
    "rates": Variant("dialpad", "whether limits are enforced", {"on": "1 requests were refused", "off": None}),
    "transcript_legs": Variant(
        "dialpad",
        "which legs have a transcript",
        {
            "operators": r"legs of agents have one; \d legs of groups have none",
            "all": "legs of agents have one; legs of groups have one",
        },
    ),
    "wfm": Variant(
        "dialpad",
        "whether the company has workforce metrics",
        {"on": "yes", "403": "no: they are refused with 403", "404": "no: they are refused with 404"},
    ),
    "session_times": Variant(
        "dialpad", "whether `created_at` of a session carries a zone", {"zone": "yes", "naive": "no"}
    ),
}


MET: Final = {  # the doctor stays below the limits: a fault refuses a request
    ("retry_after", "absent"): "status:429",
    ("retry_after", "present"): "retry_after:1",
    ("rates", "on"): "status:429",
}


class Verdict(NamedTuple):
    """What the doctor said of one account, and how many requests it took."""

    findings: Mapping[str, Finding]
    requests: int


def verdict(world: World, section: str, messages: int | None = None, fault: str = "", **chosen: str) -> Verdict:
    """What the doctor says of a section of an account that stands still; of all its messages, or as many of them."""
    fake = FakeDialpad(world, clock=NOW.timestamp, export_seconds=0.0, variants=Variants(**{"rates": "off", **chosen}))
    fake.horizon = (NOW - timedelta(minutes=11)).timestamp()
    if messages is not None:
        yesterday = (NOW - timedelta(days=1)).date()
        few = list(islice(fake.engagement.visible(yesterday, yesterday), 100, 100 + messages))
        fake.engagement.visible = lambda *_: few  # type: ignore[method-assign]
    if fault:
        fake.faults.add({"fault": fault, "path_regex": "/users$"})
    with serve(fake) as url:
        config = {"timezone": "America/New_York", **config_of(url, section)}
        properties = resolved_manifest()["spec"]["connection_specification"]["properties"]
        CheckedConfig({"properties": properties}).transform(config)
        outcome = Doctor(config, io.StringIO()).run()
    return Verdict({finding.question: finding for finding in outcome.findings}, outcome.requests)


def is_right(finding: Finding, answer: str | None) -> bool:
    """Whether a finding has the right answer, a pattern, or says that there is none where it cannot be found."""
    decided = finding.certainty is not Certainty.UNDECIDED
    return not decided if answer is None else decided and re.match(answer, finding.answer) is not None


@contextmanager
def account() -> Iterator[World]:
    """An invented company at a fixed hour; nothing waits for the limits of an API."""
    patched = pytest.MonkeyPatch()
    with in_a_hurry(patched), time_machine.travel(NOW, tick=True), redirect_stdout(io.StringIO()):
        forget_findings(lasting=True)
        yield World(5, 8, 40, messages_per_day=300, agents=12, call_centers=2, today=NOW.date(), edge_cases=True)


def lines(wrong: list[str]) -> Iterator[str]:
    """The table, line by line; `wrong` receives what the doctor did not name rightly."""
    cases = [(name, value) for name, variant in VARIANTS.items() for value in variant.answers]
    runs: dict[tuple[str, str], str] = {}
    yield "| variant | question | the doctor's answer | how sure | requests |"
    yield "|---|---|---|---|---|"
    with account() as world, ThreadPoolExecutor(PARALLEL) as pool:
        pending: dict[str, Future[Verdict]] = {}
        for name, value in cases:
            section, is_default = VARIANTS[name].section, value in (CHOICES[name][0], "off")
            fault = MET.get((name, value))
            chosen: dict[str, Any] = {"fault": fault} if fault else {} if is_default else {name: value}
            run = f"{section} {chosen}"
            runs[name, value] = run
            if run not in pending:
                pending[run] = pool.submit(verdict, world, section, **chosen)
        for name, value in cases:
            findings, requests = pending[runs[name, value]].result()
            finding = findings[VARIANTS[name].question]
            if not is_right(finding, VARIANTS[name].answers[value]):
                wrong.append(f"{name}={value}: {finding.answer} ({finding.certainty})")
            yield f"| {name} `{value}` | {finding.question} | {finding.answer} | {finding.certainty} | {requests} |"


def combinations(messages: int | None = None) -> list[str]:
    """Wrong answers about messages, in each combination of unit, limit, offset and order.

    What is undecided is wrong unless there are few `messages`, or answers of few: those show an order less often.
    """
    names = ("epoch_unit", "limit", "offset", "order")
    chosen = [dict(zip(names, case, strict=True)) for case in product(*(VARIANTS[name].answers for name in names))]
    wrong = []
    with account() as world, ThreadPoolExecutor(PARALLEL) as pool:
        verdicts = pool.map(lambda variants: verdict(world, "engagement", messages, **variants), chosen)
        for variants, (findings, _) in zip(chosen, verdicts, strict=True):
            for name, value in variants.items():
                finding, right = findings[VARIANTS[name].question], VARIANTS[name].answers[value]
                may_be_open = messages is not None or (name == "order" and variants["limit"] == "capped:7")
                if finding.certainty is Certainty.UNDECIDED and may_be_open:
                    continue
                if value == "capped:7" and messages is not None and messages <= 7:
                    right = VARIANTS[name].answers["honoured"]  # as far as can be seen
                if not is_right(finding, right):
                    wrong.append(f"{variants}: {finding.answer} ({finding.certainty})")
    return wrong


def written() -> str:
    """What stands between the marks now."""
    return PAGE.read_text(encoding="utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]


def main() -> int:
    """Writes the page anew."""
    logging.disable()
    text, wrong = PAGE.read_text(encoding="utf-8"), list[str]()
    table = "".join(f"{line}\n" for line in lines(wrong))
    head, rest = text.partition(MARKS[0])[0], text.partition(MARKS[1])[2]
    PAGE.write_text(head + MARKS[0] + table + MARKS[1] + rest, encoding="utf-8")
    sys.stderr.writelines(f"wrong: {each}\n" for each in wrong)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
