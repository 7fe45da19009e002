"""The Stats API: the export protocol, its refusals, its days and the dialect of its files."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fake_dialpad.aggregates import USER_COLUMNS
from fake_dialpad.context import Keys
from fake_dialpad.model import call_day, day_of
from fake_dialpad.records import CALL_COLUMNS

if TYPE_CHECKING:
    from fake_dialpad.server import FakeDialpad
    from fake_dialpad.world import World
    from unit_tests.fake.conftest import Client, Clock

CENTER = {"target_type": "callcenter", "target_id": "5000000000002001"}
OFFICE = "5000000000001001"


def test_an_export_is_accepted_with_an_id(client: Client) -> None:
    answer = client.start()
    assert (answer.status_code, answer.json()["already_started"]) == (200, False)


def test_an_export_is_processing_until_its_time_has_passed(client: Client, clock: Clock) -> None:
    key = client.start().json()["request_id"]
    clock.now += 17
    assert client.get(f"/api/v2/stats/{key}").json() == {"status": "processing"}


def test_an_export_is_complete_after_its_time(client: Client, clock: Clock) -> None:
    key = client.start().json()["request_id"]
    clock.now += 18
    answer = client.get(f"/api/v2/stats/{key}").json()
    assert (answer["status"], answer["file_type"]) == ("complete", "csv")


def test_the_file_is_on_another_path_and_wants_no_key(client: Client) -> None:
    answer = client.download()
    assert (answer.status_code, "/_storage/" in answer.url) == (200, True)


def test_a_key_sent_to_the_storage_shows_in_the_log(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    key = client.start().json()["request_id"]
    clock.now += 18
    url = client.get(f"/api/v2/stats/{key}").json()["download_url"]
    client.session.get(url, headers={"Authorization": "Bearer leaked"}, timeout=5)
    assert fake.log[-1]["authorization"] is True


def test_an_identical_post_is_answered_from_the_cache(client: Client) -> None:
    first = client.start(days_ago_start=1, days_ago_end=2).json()
    again = client.start(days_ago_end=2, days_ago_start=1).json()
    assert again == {"request_id": first["request_id"], "already_started": True}


@pytest.mark.parametrize(
    ("body", "seconds"), [({"is_today": True}, 1800), ({"days_ago_start": 1, "days_ago_end": 1}, 10800)]
)
def test_the_cache_lasts_half_an_hour_for_today_and_three_hours_for_history(
    client: Client, clock: Clock, body: dict[str, Any], seconds: int
) -> None:
    client.start(**body)
    clock.now += seconds - 1
    kept = client.start(**body).json()["already_started"]
    clock.now += 2
    assert (kept, client.start(**body).json()["already_started"]) == (True, False)


def test_an_export_is_forgotten_when_its_cache_ends(client: Client, clock: Clock) -> None:
    key = client.start(is_today=True).json()["request_id"]
    clock.now += 1801
    answer = client.get(f"/api/v2/stats/{key}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, f"Request with id {key} not found")


def test_the_result_is_frozen_when_the_post_is_taken(client: Client, clock: Clock) -> None:
    key = client.start(is_today=True).json()["request_id"]
    expected = len(client.truth("records_calls", start="2026-11-20"))
    clock.now += 1500
    url = client.get(f"/api/v2/stats/{key}").json()["download_url"]
    lines = client.session.get(url, timeout=5).text.splitlines()
    assert len(lines) - 1 == expected


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"export_type": "records", "stat_type": "ai_csat"}, 400),
        ({"export_type": "rows", "stat_type": "calls"}, 400),
        ({"stat_type": "calls"}, 400),
        ({"export_type": "records", "stat_type": "csat"}, 400),
        ({"export_type": "records", "stat_type": "dispositions"}, 400),
        ({"export_type": "stats", "stat_type": "csat", **CENTER}, 400),
        ({"export_type": "records", "stat_type": "calls", "target_id": 5}, 400),
        ({"export_type": "records", "stat_type": "calls", "target_type": "company", "target_id": 5}, 400),
        ({"export_type": "records", "stat_type": "calls", "target_type": "user", "target_id": 5}, 404),
        ({"export_type": "records", "stat_type": "calls", "office_id": 5}, 404),
        ({"export_type": "records", "stat_type": "calls", "days_ago_start": -1}, 400),
        ({"export_type": "stats", "stat_type": "calls", "group_by": "group"}, 400),
        ({"export_type": "stats", "stat_type": "calls", "group_by": "group", **CENTER}, 400),
        ({"export_type": "stats", "stat_type": "texts", "group_by": "date"}, 400),
        ({"export_type": "records", "stat_type": "calls", "start_date": "2026-11-01"}, 400),
    ],
)
def test_a_request_outside_the_documents_is_refused(client: Client, body: dict[str, Any], status: int) -> None:
    answer = client.post("/api/v2/stats", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)


def test_a_bad_timezone_is_refused_in_the_words_of_the_api(client: Client) -> None:
    assert client.start(timezone="Mars/Olympus").json()["error"]["message"] == "Invalid timezone name"


def test_the_post_after_two_hundred_in_an_hour_is_refused(world: World, clock: Clock, client: Client) -> None:
    client.fake.variants.choose({"rates": "on"})
    statuses = []
    for number in range(201):
        clock.now += 1
        statuses.append(client.start(days_ago_start=1, days_ago_end=number + 1).status_code)
    assert (set(statuses[:200]), statuses[200]) == ({200}, 429)


def test_a_cached_post_counts_against_the_rate(client: Client, clock: Clock) -> None:
    client.fake.variants.choose({"rates": "on"})
    statuses = []
    for _ in range(201):
        clock.now += 1
        statuses.append(client.start().status_code)
    assert statuses[-1] == 429


def test_both_ends_of_a_range_are_in_it(client: Client) -> None:
    days = {row["date_started"][:10] for row in client.export(days_ago_start=1, days_ago_end=2)}
    assert days == {"2026-11-18", "2026-11-19"}


def test_days_are_those_of_the_requested_timezone(client: Client) -> None:
    rows = client.export(days_ago_start=1, days_ago_end=1, timezone="Asia/Kolkata")
    assert {(row["date_started"][:10], row["timezone"]) for row in rows} == {("2026-11-19", "Asia/Kolkata")}


def test_today_overrides_days_ago(client: Client) -> None:
    rows = client.export(is_today=True, days_ago_start=1, days_ago_end=5)
    assert {row["date_started"][:10] for row in rows} == {"2026-11-20"}


def test_zero_to_zero_is_today(client: Client) -> None:
    assert {row["date_started"][:10] for row in client.export(days_ago_start=0, days_ago_end=0)} == {"2026-11-20"}


def test_today_mixed_with_history_gives_only_history(client: Client) -> None:
    assert {row["date_started"][:10] for row in client.export(days_ago_start=0, days_ago_end=1)} == {"2026-11-19"}


def test_a_reversed_range_gives_no_rows(client: Client) -> None:
    assert client.export(days_ago_start=5, days_ago_end=1) == []


def test_a_server_whose_clock_is_a_day_off_cuts_other_days(client: Client) -> None:
    client.post("/_fake/clock", {"server_offset": -86400})
    assert {row["date_started"][:10] for row in client.export(days_ago_start=1, days_ago_end=1)} == {"2026-11-18"}


def test_a_call_appears_when_it_has_ended(client: Client, fake: FakeDialpad) -> None:
    now = datetime.fromtimestamp(fake.now(), UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    assert all(row["date_ended"] <= now for row in client.export(is_today=True))


def test_calls_have_the_54_columns_in_the_known_order(client: Client) -> None:
    assert (tuple(client.export()[0]), len(CALL_COLUMNS)) == (CALL_COLUMNS, 54)


def test_one_row_has_times_with_and_without_a_fraction(client: Client) -> None:
    row = next(row for row in client.export() if row["date_rang"])
    assert ("." in row["date_started"], "." in row["date_rang"]) == (True, False)


def test_a_target_sees_its_calls_and_the_legs_of_its_agents(client: Client) -> None:
    rows = client.export(**CENTER)
    assert all(CENTER["target_id"] in (row["target_id"], row["entry_point_target_id"]) for row in rows)
    assert {row["target_kind"] for row in rows} == {"CallCenter", "UserProfile"}


def test_an_office_sees_its_rows_only(client: Client) -> None:
    assert {row["office_id"] for row in client.export(office_id=OFFICE)} == {OFFICE}


def test_a_target_wins_over_an_office(client: Client) -> None:
    assert client.export(office_id=5000000000001002, **CENTER) == client.export(**CENTER)


@pytest.mark.parametrize("stat_type", ["texts", "voicemails", "recordings", "onduty", "screenshare"])
def test_a_records_export_equals_the_truth(client: Client, stat_type: str) -> None:
    rows = client.export(stat_type, days_ago_start=1, days_ago_end=12)
    expected = client.truth(f"records_{stat_type}", end="2026-11-19")
    assert rows == [{name: cell for name, cell in row.items() if name != "scope"} for row in expected]


def test_texts_have_a_byte_order_mark_and_quote_everything(client: Client) -> None:
    assert client.download("texts").content.startswith(b'\xef\xbb\xbf"date","message_id"')


@pytest.mark.parametrize(("variant", "start"), [("all", b"\xef\xbb\xbf"), ("none", b"dat")])
def test_the_byte_order_mark_is_a_variant(client: Client, fake: FakeDialpad, variant: str, start: bytes) -> None:
    fake.variants.choose({"bom": variant})
    assert client.download("onduty").content[:3] == start


@pytest.mark.parametrize(("variant", "word"), [("lower", "false"), ("title", "False")])
def test_the_case_of_booleans_is_a_variant(client: Client, fake: FakeDialpad, variant: str, word: str) -> None:
    fake.variants.choose({"booleans": variant})
    assert word in {row["is_internal"] for row in client.export()}


@pytest.mark.parametrize(("variant", "length"), [("header_only", 1), ("empty_file", 0)])
def test_a_file_without_rows_is_a_header_or_nothing(
    client: Client, fake: FakeDialpad, variant: str, length: int
) -> None:
    fake.variants.choose({"no_rows": variant})
    assert len(client.download(days_ago_start=300, days_ago_end=301).text.splitlines()) == length


def test_texts_once_a_message_is_a_variant(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"texts": "one_row"})
    ids = [row["message_id"] for row in client.export("texts")]
    assert len(ids) == len(set(ids))


def test_a_file_may_come_compressed(client: Client, fake: FakeDialpad) -> None:
    plain = client.download().content
    fake.variants.choose({"compression": "gzip"})
    packed = client.download()
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain)


def test_cells_hold_line_breaks_and_quotes(client: Client) -> None:
    texts = [row["encrypted_aes_text"] for row in client.export("texts")]
    assert any("\n" in text and '"' in text for text in texts)


def test_a_disposition_is_empty_until_it_is_set(client: Client, clock: Clock) -> None:
    clock.now += 8 * 3600
    early = {row["call_id"]: row["disposition"] for row in client.export("dispositions", is_today=True, **CENTER)}
    clock.now += 86400
    late = {
        row["call_id"]: row["disposition"]
        for row in client.export("dispositions", days_ago_start=1, days_ago_end=1, **CENTER)
    }
    assert any(not early[key] and late[key] for key in early)


def test_without_the_scope_for_texts_their_cells_are_empty(world: World, clock: Clock, client: Client) -> None:
    client.fake.missing_scopes = frozenset({"message_content_export"})
    assert {row["encrypted_aes_text"] for row in client.export("texts")} == {""}


def test_figures_by_date_have_68_columns_and_a_row_a_day(client: Client) -> None:
    rows = client.export("calls", "stats", group_by="date", days_ago_start=1, days_ago_end=3)
    assert ([row["date"] for row in rows], len(rows[0])) == (["2026-11-17", "2026-11-18", "2026-11-19"], 68)


def test_figures_by_date_count_the_calls_at_the_entry(client: Client) -> None:
    rows = client.export(days_ago_start=1, days_ago_end=1)
    figures = client.export("calls", "stats", group_by="date", days_ago_start=1, days_ago_end=1)[0]
    assert int(figures["all_calls"]) == sum(not row["entry_point_call_id"] for row in rows)


def test_figures_come_by_user_unless_asked_otherwise(client: Client, world: World) -> None:
    rows = client.export("calls", "stats", days_ago_start=1, days_ago_end=3)
    assert ({row["user_id"] for row in rows}, len(USER_COLUMNS)) == ({user.id for user in world.users}, 55)


def test_figures_by_user_may_come_a_day_each(client: Client, fake: FakeDialpad, world: World) -> None:
    fake.variants.choose({"by_user": "per_day"})
    rows = client.export("calls", "stats", days_ago_start=1, days_ago_end=3)
    assert len(rows) == 3 * len(world.users)


def test_figures_by_group_lead_with_name_and_type_and_have_no_date(client: Client) -> None:
    rows = client.export("calls", "stats", group_by="group", office_id=OFFICE)
    assert (list(rows[0])[:2], "date" in rows[0]) == (["name", "type"], False)


@pytest.mark.parametrize("stat_type", ["onduty", "texts", "voicemails", "recordings", "screenshare"])
def test_the_other_figures_have_a_row_a_line(client: Client, stat_type: str) -> None:
    rows = client.export(stat_type, "stats")
    identity = next(iter(rows[0]))
    assert len({row[identity] for row in rows}) == len(rows) > 0


def test_a_wrong_key_is_refused_in_the_shape_of_the_api(client: Client) -> None:
    answer = client.ask("POST", "/api/v2/stats", key="Bearer wrong", json={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401)


def test_the_key_of_one_user_sees_only_that_user(client: Client, fake: FakeDialpad, clock: Clock) -> None:
    key = f"Bearer {Keys().dialpad_user}"
    body = {"export_type": "records", "stat_type": "calls"}
    started = client.ask("POST", "/api/v2/stats", key=key, json=body).json()["request_id"]
    clock.now += 20
    url = client.get(f"/api/v2/stats/{started}").json()["download_url"]
    mine = fake.world.users[0].id
    lines = client.session.get(url, timeout=5).text.splitlines()[1:]
    assert lines
    assert all(mine in line for line in lines)


def test_a_file_expires_with_its_cache(client: Client, clock: Clock) -> None:
    key = client.start(is_today=True).json()["request_id"]
    clock.now += 20
    url = client.get(f"/api/v2/stats/{key}").json()["download_url"]
    clock.now += 1800
    assert client.session.get(url, timeout=5).status_code == 403


@pytest.mark.parametrize("timezone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
def test_single_days_add_up_to_the_range(client: Client, timezone: str) -> None:
    whole = [row["call_id"] for row in client.export(days_ago_start=1, days_ago_end=4, timezone=timezone)]
    days = [
        row["call_id"]
        for day in (4, 3, 2, 1)
        for row in client.export(days_ago_start=day, days_ago_end=day, timezone=timezone)
    ]
    assert days == whole


def test_every_ended_leg_of_history_is_in_the_export(client: Client, world: World, fake: FakeDialpad) -> None:
    exported = {row["call_id"] for row in client.export(days_ago_start=1, days_ago_end=20)}
    today = {row["call_id"] for row in client.export(is_today=True)}
    made = {
        leg.call_id
        for number in range(21)
        for leg in world.calls(date(2026, 11, 20) - timedelta(days=number)).legs.rows
        if leg.ended_us <= fake.now() * 1_000_000 - 60_000_000
    }
    assert made == exported | today


def test_a_call_over_midnight_has_legs_on_both_days(client: Client, world: World) -> None:
    legs = [
        leg for number in range(2, 11) for leg in world.calls(date(2026, 11, 20) - timedelta(days=number)).legs.rows
    ]
    late = next(leg for leg in legs if day_of(leg.at_us) != call_day(leg.call_id))
    ago = (date(2026, 11, 20) - day_of(late.at_us)).days
    assert late.call_id in {row["call_id"] for row in client.export(days_ago_start=ago, days_ago_end=ago)}
