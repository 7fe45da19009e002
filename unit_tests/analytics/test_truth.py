"""All nine streams hold what the account holds, wherever days begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from unit_tests.analytics.reading import URL, figures, records, true_records
from unit_tests.engagement.reading import canonical, held

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from unit_tests.analytics.reading import Account


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_the_figures_are_the_account_s(account: Account, zone: str, grain: str) -> None:
    account.timezone, account.settings = zone, {"grain": grain}
    assert figures(account.rows("analytics_metric_data")) == figures(
        account.truth("analytics_metric_data", grain=grain)
    )


def test_the_records_are_the_account_s(account: Account, zone: str) -> None:
    account.timezone = zone
    assert records(account.rows("analytics_record_data")) == true_records(account.truth("analytics_record_data"))


@pytest.mark.parametrize("stream", ["analytics_metrics", "analytics_records"])
def test_the_catalogues_and_their_descriptions_are_the_account_s(account: Account, stream: str) -> None:
    described = stream.removesuffix("s") + "_descriptions"
    entries = [row["id"] for row in account.truth(stream)]
    assert [row["id"] for row in account.rows(stream)] == entries
    assert sorted(row["id"] for row in account.rows(described)) == sorted(entries)


def test_every_attribute_of_both_catalogues_has_its_values_once(account: Account) -> None:
    rows = account.rows("analytics_filter_values")
    found = [(row["filter_attribute"], row["value"], row.get("label")) for row in rows]
    truth = account.truth("analytics_filter_values")
    assert sorted(map(str, found)) == sorted(
        str((row["filter_attribute"], row["value"], row.get("label"))) for row in truth
    )


@pytest.mark.parametrize("stream", ["messages", "customer_session_messages"])
def test_the_messages_are_the_account_s(account: Account, zone: str, stream: str, fake: FakeDialpad) -> None:
    section: dict[str, Any] = {"base_url": URL, "api_key": fake.keys.engagement, "provider_id": "1020"}
    account.timezone, account.more = zone, {"engagement": section}
    assert identities(held(account.rows(stream))) == identities(account.truth(stream))


def identities(rows: list[dict[str, Any]]) -> list[str]:
    """Messages by every column the API gives and the schema names as text."""
    names = ("sessionid", "ts", "customersessionid", "text", "sendertype", "workflownodeid", "sendername", "topic")
    return canonical({name: row.get(name) or None for name in names} for row in rows)


@pytest.mark.parametrize("end", ["in", "out"])
@pytest.mark.parametrize("link", ["relative", "absolute", "pagekey"])
def test_no_reading_of_intervals_and_links_changes_a_row(
    account: Account, small_pages: None, link: str, end: str
) -> None:
    account.fake.variants.choose({"link": link, "interval_end": end})
    outcome = account.read("analytics_metric_data", "analytics_record_data")
    assert figures(outcome.of["analytics_metric_data"]) == figures(account.truth("analytics_metric_data"))
    assert records(outcome.of["analytics_record_data"]) == true_records(account.truth("analytics_record_data"))
