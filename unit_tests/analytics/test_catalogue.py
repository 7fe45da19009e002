"""Ids, filters and pages: what the API lists is followed, what it does not know is refused."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from unit_tests.analytics.reading import URL, figures
from unit_tests.cases import every

if TYPE_CHECKING:
    import requests_mock

    from unit_tests.analytics.reading import Account


@every(
    ("settings", "stream", "said"),
    [
        ({"metric_ids": ["csta"]}, "analytics_metric_data", "analytics.metric_ids names 'csta'.*nearest: 'csat'"),
        ({"record_ids": ["rating"]}, "analytics_record_data", "analytics.record_ids names 'rating'.*'ratings'"),
        (
            {"filters": [{"attribute": "chanel", "values": ["EMAIL"]}]},
            "analytics_metric_data",
            r"analytics.filters\[0\].attribute names .* 'chanel'.*'channel'",
        ),
        (
            {"filters": [{"attribute": "channel", "values": ["EMIAL"]}]},
            "analytics_record_data",
            r"analytics.filters\[0\].values names 'EMIAL'.*'EMAIL'",
        ),
        ({"break_down_by": "chanel"}, "analytics_metric_data", "analytics.break_down_by names .*'channel'"),
    ],
)
def test_what_the_catalogue_does_not_know_names_the_nearest(
    account: Account, settings: dict[str, Any], stream: str, said: str
) -> None:
    account.settings = settings
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(account.error(stream))


def test_a_filter_is_sent_in_the_catalogue_s_spelling(account: Account) -> None:
    account.settings = {"filters": [{"attribute": "channel", "values": ["email"]}], "metric_ids": ["csat_responses"]}
    account.rows("analytics_metric_data")
    assert account.bodies()[0]["filters"] == [{"attribute": "channel", "values": ["EMAIL"]}]


def test_filtered_figures_are_the_account_s(account: Account) -> None:
    account.settings = {"filters": [{"attribute": "channel", "values": ["email"]}], "grain": "week"}
    filters = '[{"attribute": "channel", "values": ["EMAIL"]}]'
    truth = account.truth("analytics_metric_data", grain="week", filters=filters)
    assert figures(account.rows("analytics_metric_data")) == figures(truth)


def test_a_break_down_gives_one_figure_a_value(account: Account) -> None:
    account.settings = {"break_down_by": "channel", "grain": "month"}
    truth = account.truth("analytics_metric_data", grain="month", break_down_by="channel")
    rows = account.rows("analytics_metric_data")
    whole = [row for row in rows if row["breakdown_attribute"] is None]
    assert figures(row for row in rows if row["breakdown_attribute"]) == figures(truth)
    assert {row["metric_id"] for row in whole} == {"agent_presence_duration"}


def test_a_break_down_by_a_filtered_attribute_keeps_to_the_filter(account: Account) -> None:
    account.settings = {
        "break_down_by": "channel",
        "grain": "month",
        "metric_ids": ["closed_conversations"],
        "filters": [{"attribute": "channel", "values": ["EMAIL"]}],
    }
    rows = account.rows("analytics_metric_data")
    assert {row["breakdown_value"] for row in rows} == {"EMAIL"}
    assert all(body["filters"] == [{"attribute": "channel", "values": ["EMAIL"]}] for body in account.bodies())


def test_two_filters_of_the_attribute_that_is_broken_down_are_refused(account: Account) -> None:
    filters = [{"attribute": "channel", "values": [value]} for value in ("EMAIL", "CALLBACK")]
    account.settings = {"break_down_by": "channel", "grain": "month", "filters": filters}
    assert "analytics.filters[1] names 'channel' again" in account.error("analytics_metric_data")


def test_an_answer_of_another_shape_that_comes_once_is_asked_for_again(
    account: Account, fetch: requests_mock.Mocker
) -> None:
    once = iter([True])
    fetch.get(f"{URL}/v1/analytics/metrics", json={"status": "ok"}, additional_matcher=lambda _: next(once, False))
    assert account.rows("analytics_metrics")


def test_a_filter_that_is_wanted_is_asked_of_the_user(account: Account) -> None:
    account.fake.variants.choose({"filters": "required"})
    assert "Set analytics.filters" in account.error("analytics_record_data")


def test_with_a_filter_the_same_api_is_read(account: Account) -> None:
    account.fake.variants.choose({"filters": "required"})
    account.settings = {"filters": [{"attribute": "initial_direction", "values": ["INBOUND"]}], "grain": "month"}
    assert account.rows("analytics_metric_data")


@every("link", ["relative", "absolute"])
def test_the_link_of_the_next_page_is_followed_byte_for_byte(account: Account, small_pages: None, link: str) -> None:
    account.fake.variants.choose({"link": link})
    account.rows("analytics_record_data")
    followed = {entry["query"] for entry in account.fake.log if "pageKey" in entry["query"]}
    assert followed
    assert all(query.startswith("pageKey=") and query.endswith("%3D%3D") for query in followed)


def test_a_top_level_page_key_is_followed(account: Account, small_pages: None) -> None:
    account.fake.variants.choose({"link": "pagekey"})
    account.rows("analytics_record_data")
    followed = [parse_qs(entry["query"]) for entry in account.fake.log if "pageKey" in entry["query"]]
    assert followed
    assert all(query["pageKey"][0].endswith("==") for query in followed)


def test_a_link_to_another_host_is_refused_and_the_key_stays(account: Account, small_pages: None) -> None:
    account.fake.variants.choose({"link": "foreign"})
    assert "another host (https://analytics.foreign.example)" in account.error("analytics_record_data")
    assert {entry["host"] for entry in account.fake.log} == {"analytics.example"}


@every("link", ["//foreign.example/x?pageKey=1", "http://analytics.example/v1/x", "https://a@b/x"])
def test_a_disguised_link_is_refused(account: Account, fetch: requests_mock.Mocker, link: str) -> None:
    fetch.get(f"{URL}/v1/analytics/metrics", json={"data": [], "meta": {"next": link}})
    assert "another host" in account.error("analytics_metrics")


def test_a_page_that_names_itself_is_an_error(account: Account, fetch: requests_mock.Mocker) -> None:
    fetch.get(f"{URL}/v1/analytics/metrics", json={"data": [], "meta": {"next": "/v1/analytics/metrics?pageKey=a"}})
    assert "the same next page again" in account.error("analytics_metrics")


def test_pages_that_go_round_in_a_circle_are_an_error(account: Account, fetch: requests_mock.Mocker) -> None:
    keys = itertools.cycle("abc")
    path = "/v1/analytics/metrics"
    fetch.get(f"{URL}{path}", json=lambda *_: {"data": [], "meta": {"next": f"{path}?pageKey={next(keys)}"}})
    assert "the same next page again" in account.error("analytics_metrics")


def test_pages_are_as_large_as_the_api_takes(account: Account) -> None:
    account.rows("analytics_record_data")
    assert {parse_qs(entry["query"]).get("pageLimit", ["300"])[0] for entry in account.fake.log} == {"300"}


@every("answer", [{}, {"data": None}, {"data": {}}, {"data": [1]}, [], {"error": "busy"}, {"data": "x"}])
def test_another_shape_is_an_error_and_not_no_entries(
    account: Account, fetch: requests_mock.Mocker, answer: object
) -> None:
    fetch.get(f"{URL}/v1/analytics/metrics", json=answer)
    assert "another shape" in account.error("analytics_metrics")


def test_the_key_stands_alone_or_behind_bearer(account: Account, fetch: requests_mock.Mocker) -> None:
    account.rows("analytics_metrics")
    account.settings = {"auth_scheme": "bearer"}
    account.rows("analytics_metrics")
    key = account.fake.keys.analytics
    assert [sent.headers["Authorization"] for sent in fetch.request_history] == [key, f"Bearer {key}"]
