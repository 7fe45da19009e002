"""The table of docs/variants.md: what each variant of the API leads to.

`python -m unit_tests.variants.table` writes it anew between its two marks; a test holds the page to it.
"""

from __future__ import annotations

import itertools
import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests_mock
import time_machine
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.variants import CHOICES, Variants
from fake_dialpad.world import World
from source_dialpad.analytics import catalogue as analytics
from source_dialpad.engagement import paging as engagement
from unit_tests.analytics import reading as of_analytics
from unit_tests.engagement import reading as of_engagement
from unit_tests.engagement.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "variants.md"
MARKS = ("<!-- the table begins -->\n", "<!-- the table ends -->\n")
ORDERS = CHOICES["order"]


def _still(world: World, **chosen: str) -> FakeDialpad:
    fake = FakeDialpad(world, clock=NOW.timestamp, variants=Variants(rates="off", **chosen))
    fake.horizon = (NOW - timedelta(minutes=11)).timestamp()
    return fake


def messages(world: World, **chosen: str) -> str:
    """What comes of a sync of messages: the account's rows, and the requests it took; or the error."""
    account = of_engagement.Account(_still(world, **chosen), "2026-11-18")
    try:
        rows = of_engagement.held(account.messages())
    except AirbyteTracedException as error:
        return f"fails: {error.message}"
    requests = len(account.fake.log)
    return f"equal, {requests}" if of_engagement.canonical(rows) == account.truth() else "OTHER ROWS"


def figures_and_records(world: World, **chosen: str) -> str:
    """What comes of a sync of metric and record data: the account's rows, or the error."""
    account = of_analytics.Account(_still(world, **chosen), "2026-11-12")
    with requests_mock.Mocker() as mocker:
        in_process(account.fake, mocker)
        outcome = account.read("analytics_metric_data", "analytics_record_data")
        if outcome.errors or outcome.ended_by:
            told = [error.message or "" for error in outcome.errors if "(" in (error.message or "")]
            return f"fails: {told[0].split(': ', 1)[1]}" if told else "FAILS WITHOUT A REASON"
        rows = outcome.of
        same = of_analytics.figures(rows["analytics_metric_data"]) == of_analytics.figures(
            account.truth("analytics_metric_data")
        ) and of_analytics.records(rows["analytics_record_data"]) == of_analytics.true_records(
            account.truth("analytics_record_data")
        )
    return "equal" if same else "OTHER ROWS"


def lines() -> Iterator[str]:
    """The tables, line by line."""
    world = World(5, 8, 10, messages_per_day=70, agents=12, call_centers=2, today=NOW.date(), edge_cases=True)
    yield "Messages: pages of 25, three days of about 70. `equal, n`: the account's rows, in n requests."
    yield ""
    yield "| `limit` | `offset` | " + " | ".join(order.replace("_", " ") for order in ORDERS) + " |"
    yield "|---|---|" + "---|" * len(ORDERS)
    for limit, offset in itertools.product(("honoured", "ignored", "capped:7"), CHOICES["offset"]):
        cells = [messages(world, limit=limit, offset=offset, order=order) for order in ORDERS]
        yield f"| {limit} | {offset} | {' | '.join(cells)} |"
    yield ""
    yield "| messages | outcome |"
    yield "|---|---|"
    yield f"| start and end in seconds | {messages(world, epoch_unit='seconds')} |"
    lax = {"epoch_unit": "seconds", "epoch_unit_enforced": "no"}
    yield f"| start and end in seconds, and no refusal of milliseconds | {messages(world, **lax)} |"
    for name in ("envelope", "ends", "status", "ids"):
        for value in CHOICES[name]:
            yield f"| {name} `{value}` | {messages(world, **{name: value})} |"
    yield ""
    yield "| metric and record data, pages of 10 | outcome |"
    yield "|---|---|"
    for name in ("link", "interval_end", "filters"):
        for value in CHOICES[name]:
            yield f"| {name} `{value}` | {figures_and_records(world, **{name: value})} |"


def table() -> str:
    """The tables as they stand between the marks."""
    kept: Any = (engagement.PAGE, analytics.PAGE, HttpAPIBudget.acquire_call)
    engagement.PAGE, analytics.PAGE = 25, 10
    HttpAPIBudget.acquire_call = lambda *_, **__: None  # type: ignore[method-assign]
    try:
        with time_machine.travel(NOW, tick=True):
            return "\n".join(lines()) + "\n"
    finally:
        engagement.PAGE, analytics.PAGE, HttpAPIBudget.acquire_call = kept  # type: ignore[method-assign]


def written() -> str:
    """What stands between the marks now."""
    return PAGE.read_text(encoding="utf-8").partition(MARKS[0])[2].partition(MARKS[1])[0]


def main() -> int:
    """Writes the page anew."""
    logging.disable()
    text = PAGE.read_text(encoding="utf-8")
    head, rest = text.partition(MARKS[0])[0], text.partition(MARKS[1])[2]
    PAGE.write_text(head + MARKS[0] + table() + MARKS[1] + rest, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
