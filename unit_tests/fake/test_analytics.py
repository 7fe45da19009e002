"""The Analytics API: catalogues, filters, numbers, records and the link to the next page."""

from __future__ import annotations

import base64
from datetime import date
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fake_dialpad.analytics import page_key
from fake_dialpad.catalogue import METRICS, RECORDS
from fake_dialpad.local_time import preset

if TYPE_CHECKING:
    import requests

    from fake_dialpad.server import FakeDialpad
    from unit_tests.fake.conftest import Client, Clock

DAY = {"_type": "Interval", "start": "2026-11-18T00:00:00Z", "end": "2026-11-19T00:00:00Z"}
METRIC = "/v1/analytics/metrics"
RECORD = "/v1/analytics/records"


def ask(client: Client, path: str, key: str, **more: Any) -> requests.Response:
    return client.post(path, {"id": key, "periodFilter": DAY, "filters": [], "timezone": "UTC", **more})


def number(client: Client, key: str, **more: Any) -> float:
    value: float = ask(client, METRIC, key, **more).json()["data"]["aggregates"][0]["value"]
    return value


def records(client: Client, key: str, limit: int = 300, **more: Any) -> list[dict[str, Any]]:
    found = []
    path = f"{RECORD}?pageLimit={limit}"
    while path:
        answer = ask(client, path, key, **more).json()
        found += answer["data"]
        path = answer.get("meta", {}).get("next", "")
    return found


def test_the_catalogues_list_what_can_be_asked(client: Client) -> None:
    listed = [{entry["id"] for entry in client.get(path).json()["data"]} for path in (METRIC, RECORD)]
    assert listed == [set(METRICS), set(RECORDS)]


def test_a_description_equals_the_entry_of_the_catalogue(client: Client) -> None:
    entry = next(entry for entry in client.get(METRIC).json()["data"] if entry["id"] == "csat")
    assert client.get(f"{METRIC}/csat").json()["data"] == entry


@pytest.mark.parametrize("path", [f"{METRIC}/nope", f"{RECORD}/nope", "/v1/analytics/filter/nope"])
def test_an_unknown_id_is_a_400_with_a_message(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])


@pytest.mark.parametrize(
    "body",
    [
        {"id": "nope"},
        {"id": "csat", "aggregations": ["Count"]},
        {"id": "csat", "aggregations": ["Median"]},
        {"id": "csat", "timezone": "Mars/Olympus"},
        {"id": "csat", "periodFilter": {"_type": "Interval", "value": {"start": "2026-11-18T00:00:00Z"}}},
        {"id": "csat", "periodFilter": {"_type": "Preset", "value": {"_type": "PreviousYear"}}},
        {"id": "csat", "periodFilter": {**DAY, "start": "2026-11-18"}},
        {"id": "csat", "periodFilter": {**DAY, "start": "2026-11-20T00:00:00Z"}},
        {"id": "csat", "csidFilter": [1]},
        {"id": "csat", "filters": {"attribute": "channel"}},
    ],
)
def test_a_body_outside_the_documents_is_a_400(client: Client, body: dict[str, Any]) -> None:
    answer = client.post(METRIC, {"periodFilter": DAY, "timezone": "UTC", **body})
    assert (answer.status_code, list(answer.json())) == (400, ["message"])


def test_records_take_no_aggregations(client: Client) -> None:
    assert ask(client, RECORD, "ratings", aggregations=["Count"]).status_code == 400


@pytest.mark.parametrize("key", ["analytics-key-0123456789", "Bearer analytics-key-0123456789"])
def test_the_key_stands_alone_or_behind_bearer(client: Client, key: str) -> None:
    assert client.ask("GET", METRIC, key=key).status_code == 200


@pytest.mark.parametrize("key", ["", "Bearer wrong", "dialpad-key-0123456789"])
def test_another_key_is_refused(client: Client, key: str) -> None:
    assert client.ask("GET", METRIC, key=key).status_code == 401


def test_a_count_equals_the_records_behind_it(client: Client) -> None:
    assert number(client, "closed_conversations") == len(records(client, "closed_conversations"))


def test_csat_is_the_share_of_fours_and_fives(client: Client) -> None:
    ratings = [row["value"]["value"] for row in records(client, "ratings")]
    share = 100 * sum(rating >= 4 for rating in ratings) / len(ratings)
    assert number(client, "csat") == pytest.approx(share, abs=1e-5)


def test_all_listed_measures_come_when_none_is_asked_for(client: Client) -> None:
    made = ask(client, METRIC, "first_response_time").json()["data"]["aggregates"]
    assert [one["measure"] for one in made] == ["Average", "Min", "Max", "StdDev"]


def test_per_agent_metrics_count_agents_and_sum_events(client: Client) -> None:
    made = ask(client, METRIC, "closed_conversations_per_agent").json()["data"]["aggregates"]
    rows = records(client, "closed_conversations")
    agents = [
        field["field"]["value"]
        for row in rows
        for field in row["fields"]
        if field["name"] == "agent" and "field" in field
    ]
    assert [one["value"] for one in made] == [len(set(agents)), len(agents)]


def test_presence_is_a_list_without_a_measure(client: Client) -> None:
    (made,) = ask(client, METRIC, "agent_presence_duration").json()["data"]["aggregates"]
    assert (made["_type"], "measure" in made, {"value", "status"}) == (
        "AgentPresenceDurationValue",
        False,
        set(made["value"][0]),
    )


def test_a_window_without_ratings_has_no_percentage(client: Client) -> None:
    empty = {"_type": "Interval", "start": "2025-01-01T00:00:00Z", "end": "2025-01-02T00:00:00Z"}
    assert ask(client, METRIC, "csat", periodFilter=empty).json()["data"]["aggregates"] == []


def test_a_filter_narrows(client: Client) -> None:
    values = [entry["value"] for entry in client.get("/v1/analytics/filter/channel").json()["data"]]
    parts = [
        number(client, "closed_conversations", filters=[{"attribute": "channel", "values": [value]}])
        for value in values
    ]
    assert (sum(parts), min(parts) > 0) == (number(client, "closed_conversations"), True)


def test_a_filter_value_is_compared_without_case(client: Client) -> None:
    upper, lower = ([{"attribute": "channel", "values": [value]}] for value in ("EMAIL", "email"))
    assert number(client, "closed_conversations", filters=upper) == number(
        client, "closed_conversations", filters=lower
    )


def test_an_unknown_filter_value_is_ignored_in_silence(client: Client) -> None:
    misspelt = [{"attribute": "channel", "values": ["E-MAIL"]}]
    assert number(client, "closed_conversations", filters=misspelt) == number(client, "closed_conversations")


def test_filters_may_be_required(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"filters": "required"})
    answer = ask(client, METRIC, "closed_conversations")
    assert (answer.status_code, "filters is required" in answer.json()["message"]) == (400, True)


def test_an_event_on_the_end_is_out(client: Client) -> None:
    stamps = [row["primaryTimestampField"]["timestamp"] for row in records(client, "closed_conversations")]
    assert "2026-11-18T00:00:00.000Z" in stamps
    assert "2026-11-19T00:00:00.000Z" not in stamps


def test_an_event_on_the_end_may_be_in(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"interval_end": "in"})
    stamps = [row["primaryTimestampField"]["timestamp"] for row in records(client, "closed_conversations")]
    assert "2026-11-19T00:00:00.000Z" in stamps


def test_pages_hold_each_record_once(client: Client) -> None:
    assert records(client, "closed_conversations", limit=7) == records(client, "closed_conversations")


def test_the_next_link_is_relative_and_its_key_is_percent_encoded(client: Client) -> None:
    link = client.get(METRIC, pageLimit=5).json()["meta"]["next"]
    assert (link.startswith("/v1/analytics/metrics?pageKey="), link.endswith("%3D%3D")) == (True, True)


@pytest.mark.parametrize("page", range(12))
def test_every_page_key_ends_in_two_equal_signs(page: int) -> None:
    assert page_key(page, 50).endswith("==")


def test_a_page_key_encoded_twice_is_refused(client: Client) -> None:
    link = client.get(METRIC, pageLimit=5).json()["meta"]["next"]
    assert client.get(link.replace("%3D", "%253D")).status_code == 400


def test_a_page_key_of_another_make_is_refused(client: Client) -> None:
    assert client.get(METRIC, pageKey=base64.b64encode(b"other=1").decode()).status_code == 400


@pytest.mark.parametrize("limit", ["0", "301", "many"])
def test_a_page_limit_outside_1_to_300_is_refused(client: Client, limit: str) -> None:
    assert client.get(METRIC, pageLimit=limit).status_code == 400


@pytest.mark.parametrize(("variant", "host"), [("absolute", "dialpad.com"), ("foreign", "analytics.foreign.example")])
def test_the_next_link_may_name_a_host(client: Client, fake: FakeDialpad, variant: str, host: str) -> None:
    fake.variants.choose({"link": variant})
    assert urlsplit(client.get(METRIC, pageLimit=5).json()["meta"]["next"]).netloc == host


def test_the_next_page_may_come_as_a_key_at_the_top(client: Client, fake: FakeDialpad) -> None:
    link = client.get(METRIC, pageLimit=5).json()["meta"]["next"]
    fake.variants.choose({"link": "pagekey"})
    answer = client.get(METRIC, pageLimit=5).json()
    assert ("meta" in answer, answer["pageKey"]) == (False, parse_qs(urlsplit(link).query)["pageKey"][0])


def test_a_field_that_is_null_is_absent(client: Client) -> None:
    fields = [field for row in records(client, "closed_conversations") for field in row["fields"]]
    assert any(field["name"] == "agent" and "field" not in field for field in fields)


def test_every_field_variant_occurs(client: Client) -> None:
    fields = [field for row in records(client, "closed_conversations") for field in row["fields"]]
    kinds = {field["field"]["_type"] for field in fields if "field" in field}
    assert kinds == {
        *("BooleanField", "IntField", "LongField", "DoubleField", "StringField"),
        *("UUIDField", "InstantField", "TimestampField", "ListField"),
    }


def test_the_fifth_request_of_a_burst_and_one_more_are_over_the_rate(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"rates": "on"})
    assert [client.get(METRIC).status_code for _ in range(6)][-1] == 429


def test_ten_requests_a_second_are_within_the_rate(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    fake.variants.choose({"rates": "on"})
    statuses = set()
    for _ in range(40):
        clock.now += 0.1
        statuses.add(client.get(METRIC).status_code)
    assert statuses == {200}


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Today", date(2026, 11, 20), date(2026, 11, 20)),
        ("PreviousWeek", date(2026, 11, 9), date(2026, 11, 15)),
        ("PreviousMonth", date(2026, 10, 1), date(2026, 10, 31)),
        ("PreviousQuarter", date(2026, 7, 1), date(2026, 9, 30)),
        ("ThisYear", date(2026, 1, 1), date(2026, 11, 20)),
    ],
)
def test_a_preset_is_whole_days(name: str, first: date, last: date) -> None:
    assert preset(name, date(2026, 11, 20)) == (first, last)


def test_conversations_can_be_asked_for_by_id(client: Client) -> None:
    ids = [
        field["field"]["value"]
        for row in records(client, "ratings")[:3]
        for field in row["fields"]
        if field["name"] == "csid"
    ]
    answer = client.post(RECORD, {"id": "ratings", "csidFilter": ids, "timezone": "UTC"})
    assert len(answer.json()["data"]) == len(ids)
