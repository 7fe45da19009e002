"""The doctor's table of docs/variants.md: what it says of an account in each variant of the API, over real HTTP.

`python -m integration_tests.doctor.table` writes it anew between its two marks; a test holds the page to it. The right
answers stand here, by the variant's own values.
"""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import time_machine
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget

from doctor import analytics, engagement
from doctor.ask import Ask
from doctor.finding import Certainty, Finding
from fake_dialpad.server import FakeDialpad, serve
from fake_dialpad.variants import Variants
from fake_dialpad.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = Path(__file__).parents[2] / "docs" / "variants.md"
MARKS: Final = ("<!-- what the doctor says begins -->\n", "<!-- what the doctor says ends -->\n")
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
PARALLEL: Final = 4


class Variant(NamedTuple):
    """Who is asked what about a variant, and how the right answer to each of its values begins; None: undecidable."""

    probe: Any
    question: str
    answers: Mapping[str, str | None]


VARIANTS: Final[dict[str, Variant]] = {
    "epoch_unit": Variant(engagement, engagement.UNIT, {"milliseconds": "milliseconds", "seconds": "seconds"}),
    "epoch_unit_enforced": Variant(
        engagement, engagement.EIGHT_DAYS, {"yes": "yes", "no": "no, they are answered with nothing"}
    ),
    "envelope": Variant(
        engagement,
        "the envelope",
        {"list_of_envelopes": "a list of one envelope;", "flat": "a plain list;", "one_envelope": "one envelope;"},
    ),
    "limit": Variant(
        engagement,
        "what `limit` does",
        {
            "honoured": "honored, as seen up to",
            "ignored": "ignored",
            "capped:7": "honored, no answer has more than 7 messages",
        },
    ),
    "offset": Variant(
        engagement,
        "what `offset` does",
        {"honoured": "counts messages", "ignored": "ignored", "pages": "counts pages"},
    ),
    "ends": Variant(
        engagement,
        "whether the ends are included",
        {
            "[a,b]": "both are included",
            "[a,b)": "the start is included, the end is not",
            "(a,b]": "the end is included, the start is not",
        },
    ),
    "order": Variant(
        engagement,
        engagement.ORDER,
        {
            "ascending": "ascending by time",
            "descending": "descending by time",
            "by_session": "session by session",
            "random": "it changes from answer to answer",
        },
    ),
    "status": Variant(engagement, "the status of an answer", {"200": "200", "201": "201"}),
    "ids": Variant(
        engagement,
        "identifiers as numbers",
        {"string": "as text", "number": "sessionid and customersessionid as numbers"},
    ),
    "interval_end": Variant(
        analytics,
        "whether intervals include their ends",
        {"out": "the start is included, the end is not", "in": "both are included"},
    ),
    "link": Variant(
        analytics,
        analytics.LINK,
        {
            "relative": "a path without a host",
            "absolute": "an address of the configured host",
            "pagekey": "a pageKey beside the data",
            "foreign": "to another host",
        },
    ),
    "filters": Variant(analytics, analytics.FILTERS, {"optional": "not required", "required": "required"}),
}


class Verdict(NamedTuple):
    """What the doctor said of one account, and how many requests it took."""

    findings: Mapping[str, Finding]
    requests: int


def verdict(world: World, probe: Any, messages: int | None = None, **chosen: str) -> Verdict:
    """What a part of the doctor says of an account that stands still; `messages` are all that it has, if any number."""
    fake = FakeDialpad(world, clock=NOW.timestamp, variants=Variants(rates="off", **chosen))
    fake.horizon = (NOW - timedelta(minutes=11)).timestamp()
    if messages is not None:
        yesterday = (NOW - timedelta(days=1)).date()
        few = list(islice(fake.engagement.visible(yesterday, yesterday), 100, 100 + messages))
        fake.engagement.visible = lambda *_: few  # type: ignore[method-assign]
    with serve(fake) as url:
        config = {
            "start_date": "2026-11-12",
            "timezone": "UTC",
            "engagement": {"base_url": url, "api_key": fake.keys.engagement, "provider_id": fake.keys.provider_id},
            "analytics": {"base_url": url, "api_key": fake.keys.analytics, "auth_scheme": "raw"},
        }
        findings = {finding.question: finding for finding in probe.findings(Ask(config), config)}
    return Verdict(findings, len(fake.log))


def is_right(finding: Finding, answer: str | None) -> bool:
    """Whether a finding is the right answer, or says that there is none where it cannot be found."""
    decided = finding.certainty is not Certainty.UNDECIDED
    return decided and finding.answer.startswith(answer) if answer else not decided


@contextmanager
def account() -> Iterator[World]:
    """An invented company at a fixed hour; nothing waits for the limits of an API."""
    acquire: Any = HttpAPIBudget.acquire_call
    HttpAPIBudget.acquire_call = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        with time_machine.travel(NOW, tick=True):
            yield World(5, 8, 10, messages_per_day=300, agents=12, call_centers=2, today=NOW.date(), edge_cases=True)
    finally:
        HttpAPIBudget.acquire_call = acquire  # type: ignore[method-assign]


def lines(wrong: list[str]) -> Iterator[str]:
    """The table, line by line; `wrong` receives what the doctor did not name rightly."""
    cases = [(name, value) for name, variant in VARIANTS.items() for value in variant.answers]
    yield "| variant | question | the doctor's answer | how sure | requests |"
    yield "|---|---|---|---|---|"
    with account() as world, ThreadPoolExecutor(PARALLEL) as pool:
        verdicts = pool.map(lambda case: verdict(world, VARIANTS[case[0]].probe, **dict([case])), cases)
        for (name, value), (findings, requests) in zip(cases, verdicts, strict=True):
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
        verdicts = pool.map(lambda variants: verdict(world, engagement, messages, **variants), chosen)
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
