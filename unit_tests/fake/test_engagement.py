"""The Digital Engagement API: both doors, what they refuse, and each way a doubt can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from unit_tests.fake.conftest import MESSAGES, NOON, SESSION

if TYPE_CHECKING:
    import requests

    from fake_dialpad.server import FakeDialpad
    from fake_dialpad.world import World
    from unit_tests.fake.conftest import Client, Clock

DAY = 86_400_000
END = int(NOON) * 1000
START = END - 2 * DAY


def ask(client: Client, start: int = START, end: int = END, **more: Any) -> requests.Response:
    body = {"providerId": 1020, "start": start, "end": end, "limit": 0, "offset": 0, "interval": "1d", **more}
    return client.post(f"{MESSAGES}?providerid=1020", body)


def rows(answer: requests.Response) -> list[dict[str, Any]]:
    envelopes = orjson.loads(answer.content)
    return [message for envelope in envelopes for message in envelope["messages"]]


def test_a_window_gives_the_messages_in_it(client: Client) -> None:
    found = rows(ask(client))
    assert found
    assert all(START <= row["ts"] <= END for row in found)


def test_touching_days_hold_every_message_of_the_truth(client: Client) -> None:
    first = int(datetime(2026, 11, 8, tzinfo=UTC).timestamp()) * 1000
    found = [
        (row["sessionid"], row["ts"], row["text"])
        for number in range(12)
        for row in rows(ask(client, first + number * DAY, first + (number + 1) * DAY - 1))
    ]
    truth = client.truth("messages", start="2026-11-08", end="2026-11-19")
    assert sorted(found) == sorted((row["sessionid"], row["ts"], row["text"]) for row in truth)


def test_seven_days_are_allowed(client: Client) -> None:
    assert ask(client, END - 7 * DAY).status_code == 200


def test_a_millisecond_more_than_seven_days_is_refused(client: Client) -> None:
    assert ask(client, END - 7 * DAY - 1).status_code == 400


def test_a_company_key_is_refused(client: Client, fake: FakeDialpad) -> None:
    assert client.ask("POST", MESSAGES, key=f"Bearer {fake.keys.dialpad}", json={}).status_code == 401


def test_a_provider_id_may_be_text(client: Client) -> None:
    assert ask(client, providerId="1020").status_code == 200


def test_another_provider_is_refused(client: Client) -> None:
    assert ask(client, providerId=1021).status_code == 400


def test_text_in_place_of_an_epoch_is_refused(client: Client) -> None:
    assert client.post(MESSAGES, {"providerId": 1020, "start": str(START), "end": str(END)}).status_code == 400


def test_nothing_found_is_an_empty_array(client: Client) -> None:
    assert ask(client, 0, DAY).json() == []


def test_seconds_at_a_server_of_milliseconds_find_nothing(client: Client) -> None:
    assert ask(client, START // 1000, END // 1000).json() == []


def test_milliseconds_at_a_server_of_seconds_are_refused(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"epoch_unit": "seconds"})
    assert ask(client).status_code == 400


def test_milliseconds_at_a_lax_server_of_seconds_find_nothing(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"epoch_unit": "seconds", "epoch_unit_enforced": "no"})
    assert ask(client).json() == []


def test_a_server_of_seconds_reads_seconds(client: Client, fake: FakeDialpad) -> None:
    expected = rows(ask(client))
    fake.variants.choose({"epoch_unit": "seconds"})
    assert rows(ask(client, START // 1000, END // 1000)) == expected


@pytest.mark.parametrize(("variant", "kind"), [("list_of_envelopes", list), ("flat", list), ("one_envelope", dict)])
def test_the_envelope_is_a_variant(client: Client, fake: FakeDialpad, variant: str, kind: type) -> None:
    count = len(rows(ask(client)))
    fake.variants.choose({"envelope": variant})
    answer = ask(client).json()
    shapes = {
        "list_of_envelopes": lambda: answer[0]["messages"],
        "flat": lambda: answer,
        "one_envelope": lambda: answer["messages"],
    }
    assert (type(answer), len(shapes[variant]())) == (kind, count)


def test_limit_and_offset_page_through_the_window(client: Client) -> None:
    whole = rows(ask(client))
    pages = [rows(ask(client, limit=100, offset=offset)) for offset in range(0, len(whole), 100)]
    assert [row for page in pages for row in page] == whole


@pytest.mark.parametrize(("variant", "expected"), [("ignored", None), ("capped:30", 30), ("honoured", 100)])
def test_the_limit_is_a_variant(client: Client, fake: FakeDialpad, variant: str, expected: int | None) -> None:
    whole = len(rows(ask(client)))
    fake.variants.choose({"limit": variant})
    assert len(rows(ask(client, limit=100))) == (expected or whole)


def test_a_cap_holds_also_without_a_limit(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"limit": "capped:30"})
    assert len(rows(ask(client))) == 30


def test_an_ignored_offset_repeats_the_first_page(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"offset": "ignored"})
    assert rows(ask(client, limit=10, offset=10)) == rows(ask(client, limit=10))


@pytest.mark.parametrize(
    ("variant", "found"), [("[a,b]", (True, True)), ("[a,b)", (True, False)), ("(a,b]", (False, True))]
)
def test_the_ends_are_a_variant(client: Client, fake: FakeDialpad, variant: str, found: tuple[bool, bool]) -> None:
    stamps = sorted({row["ts"] for row in rows(ask(client))})
    fake.variants.choose({"ends": variant})
    seen = {row["ts"] for row in rows(ask(client, stamps[3], stamps[-3]))}
    assert (stamps[3] in seen, stamps[-3] in seen) == found


@pytest.mark.parametrize("variant", ["descending", "by_session"])
def test_the_order_is_a_variant(client: Client, fake: FakeDialpad, variant: str) -> None:
    ascending = [row["ts"] for row in rows(ask(client))]
    fake.variants.choose({"order": variant})
    other = [row["ts"] for row in rows(ask(client))]
    assert (other != ascending, sorted(other)) == (True, ascending)


def test_the_status_is_a_variant(client: Client, fake: FakeDialpad) -> None:
    fake.variants.choose({"status": "201"})
    assert ask(client).status_code == 201


def test_numeric_ids_keep_their_digits_on_the_wire(client: Client, fake: FakeDialpad) -> None:
    texts = {row["sessionid"] for row in rows(ask(client))}
    fake.variants.choose({"ids": "number"})
    content = ask(client).text
    assert all(f'"sessionid":{text},' in content for text in texts)


def test_a_message_that_came_late_is_not_served_before(client: Client, world: World, clock: Clock) -> None:
    late = next(
        row
        for row in world.digital(datetime.fromtimestamp(NOON, UTC).date() - timedelta(days=1)).messages.rows
        if row.visible_us > row.at_us
    )
    clock.now = late.at_us / 1_000_000 + 0.001
    before = len(rows(ask(client, late.ts, late.ts)))
    clock.now = late.visible_us / 1_000_000 + 0.001
    assert len(rows(ask(client, late.ts, late.ts))) == before + 1


def test_a_text_may_be_redacted_again_a_day_later(client: Client, world: World, clock: Clock) -> None:
    day = datetime.fromtimestamp(NOON, UTC).date() - timedelta(days=1)
    again = next(
        row
        for row in world.digital(day).messages.rows
        if row.redacted is not None and row.redacted != row.fields["text"]
    )
    clock.now = again.redacted_us / 1_000_000 - 1
    before = {row["text"] for row in rows(ask(client, again.ts, again.ts))}
    clock.now += 2
    assert {row["text"] for row in rows(ask(client, again.ts, again.ts))} != before


def test_a_year_is_kept(world: World, client: Client, clock: Clock) -> None:
    first = rows(ask(client))[0]["ts"]
    clock.now = first / 1000 + 365 * 86400 + 1
    assert first not in {row["ts"] for row in rows(ask(client))}


def test_a_customer_session_gives_all_its_messages(client: Client) -> None:
    found = rows(ask(client, END - 6 * DAY))
    key = found[10]["customersessionid"]
    answer = client.get(SESSION, providerid="1020", customersessionid=key)
    assert {row["sessionid"] for row in rows(answer)} >= {
        row["sessionid"] for row in found if row["customersessionid"] == key
    }


@pytest.mark.parametrize("key", ["nobody", "-1.1", "4000000020777000050.10500", "12.10"])
def test_an_unknown_customer_session_is_an_empty_array(client: Client, key: str) -> None:
    answer = client.get(SESSION, providerid="1020", customersessionid=key)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_customer_session_too_has_windows_of_seven_days(client: Client) -> None:
    answer = client.get(SESSION, customersessionid="1.1", start=END - 8 * DAY, end=END)
    assert answer.status_code == 400


def test_an_unknown_provider_in_the_path_is_not_found(client: Client) -> None:
    assert client.get(SESSION.replace("1020", "7"), customersessionid="1.1").status_code == 404
