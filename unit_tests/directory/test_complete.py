"""What exists, complete: members that a list leaves out unasked, and every GET of the API read or left out."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import requests
import requests_mock

from fake_dialpad.lists import no_rows
from fake_dialpad.server import FakeDialpad, in_process
from fake_dialpad.truth import STREAMS, truth, unknown_stream
from fake_dialpad.world import World
from unit_tests import coverage_table, stream_tables
from unit_tests.core.fixtures import KEY, URL, dialpad
from unit_tests.core.reading import Read, read
from unit_tests.directory.streams import KEYS, SCHEMAS
from unit_tests.directory.test_lists import asked

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_every_stream_gets_rows_from_the_fake(synced: tuple[Read, FakeDialpad]) -> None:
    out, _ = synced
    assert [unknown_stream(stream) for stream in KEYS if stream not in STREAMS] == []
    silent = [no_rows(stream) for stream in KEYS if stream not in out.of]
    assert [*(str(error.message) for error in out.errors), *silent] == []


def test_calls_of_erased_persons_come_too_without_their_contact() -> None:
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=3), today - timedelta(days=1)
    world = World(seed=7, days=5, calls_per_day=400, messages_per_day=1, today=today)
    fake = FakeDialpad(world)
    fake.variants.choose({"rates": "off"})
    fake.advanced = 35 * 86_400  # a call is erased after thirty days
    with requests_mock.Mocker() as fetch:
        in_process(fake, fetch)
        rows = read(dialpad(start_date=first.isoformat()), "calls").records
        assert {query["include_anonymized"][0] for query in asked(fetch, "call")} == {"true"}
    held = {row["call_id"]: row.get("contact") for row in rows if row["date_started"] < today.isoformat()}
    wanted = {
        row["call_id"]: row.get("contact")
        for row in truth(fake, "calls", start=first.isoformat(), end=last.isoformat())["rows"]
    }
    assert held.keys() == wanted.keys()
    erased = {call_id for call_id, contact in wanted.items() if contact is None}
    assert erased
    assert {call_id for call_id, contact in held.items() if contact is None} == erased


def test_local_contacts_are_among_the_contacts(synced: tuple[Read, FakeDialpad]) -> None:
    local = {str(row["id"]) for row in synced[1].directory.people.local_contacts()}
    assert local
    assert local <= {row["id"] for row in synced[0].of["contacts"]}


def test_one_office_is_the_primary_one_and_it_is_the_one_that_dialpad_says(
    synced: tuple[Read, FakeDialpad], fetch: requests_mock.Mocker
) -> None:
    answer = requests.get(f"{URL}/api/v2/offices/primary", headers={"Authorization": f"Bearer {KEY}"}, timeout=5)
    offices = {row["id"]: row["is_primary"] for row in synced[0].of["offices"]}
    assert [key for key, primary in offices.items() if primary] == [str(answer.json()["id"])]
    assert set(offices.values()) == {True, False}


def test_the_members_that_live_answers_carry_are_columns() -> None:
    live = {"admin_recording_urls", "voicemail_link", "voicemail_recording_id", "talk_time"}
    shared = {"company_call_review_share_link", "public_call_review_share_link"}
    assert live | shared <= SCHEMAS["calls"]["properties"].keys()


# --- every GET of the API -----------------------------------------------------------------------------------------


def paths_behind(requested: Iterable[str]) -> set[str]:
    """The paths of the API's document that requests went to; one that is in none of them as it is."""
    forms = {path: re.sub(r"\{[^}]+\}", "[^/]+", path) for path in coverage_table.DOCUMENT["gets"]}
    # a path without placeholders goes first: offices/primary is no office's id
    ordered = sorted(forms, key=lambda path: path.count("{"))
    return {next((path for path in ordered if re.fullmatch(forms[path], one)), one) for one in requested}


def test_each_get_of_the_api_is_in_the_table_once() -> None:
    by_hand = [*coverage_table.SAME, *coverage_table.LEFT_OUT]
    twice = [path for path in coverage_table.read_paths() if path in by_hand]
    assert twice == [], "read by a stream now: delete the line in SAME or LEFT_OUT of unit_tests/coverage_table.py"
    listed = [*coverage_table.read_paths(), *coverage_table.same_objects(), *coverage_table.LEFT_OUT]
    doubled = [path for path, often in Counter(listed).items() if often > 1]
    assert doubled == [], "leave one line of each in SAME, LEFT_OUT or ODD of unit_tests/coverage_table.py"
    unknown = [path for path in listed if path not in coverage_table.DOCUMENT["gets"]]
    assert unknown == [], "mend the line in unit_tests/coverage_table.py, or add the path to unit_tests/api_v2.json"
    names = {one["name"] for streams in stream_tables.streams_by_api().values() for one in streams}
    to_come = {path for name, paths in coverage_table.ODD.items() if name not in names for path in paths}
    assert coverage_table.not_read_yet() == to_come, "add each path to LEFT_OUT of unit_tests/coverage_table.py"


def test_every_stream_of_the_api_is_in_the_table() -> None:
    named = {name for streams in coverage_table.read_paths().values() for name in streams}
    streams = stream_tables.streams_by_api()
    missing = {one["name"] for api in ("stats", "conversations", "directory") for one in streams[api]} - named
    assert missing == set(), "their paths are not in unit_tests/api_v2.json, or not spelled out: add them to ODD"
    assert set(coverage_table.same_objects().values()) <= named | coverage_table.ODD.keys()


def test_the_table_says_what_a_sync_asks_for(synced: tuple[Read, FakeDialpad]) -> None:
    requested = paths_behind(entry["path"].removeprefix("/api/v2/") for entry in synced[1].log)
    read_by_lists = {path for path, streams in coverage_table.read_paths().items() if KEYS.keys() & set(streams)}
    silent = read_by_lists - requested
    assert silent == set(), "no stream asked for it: is its function in fake_dialpad empty, or its parent's?"
    assert requested == read_by_lists, "the manifest asks for paths that unit_tests/api_v2.json does not have"


def test_a_reason_is_a_sentence() -> None:
    assert [reason for reason in coverage_table.LEFT_OUT.values() if not re.fullmatch(r"[A-Z].+\.", reason)] == []


def test_a_reason_that_is_that_of_another_path_names_one_that_is_left_out() -> None:
    others = {path: re.findall(r"^As `([^`]+)`", reason) for path, reason in coverage_table.LEFT_OUT.items()}
    gone = [path for path, named in others.items() if not set(named) <= coverage_table.LEFT_OUT.keys()]
    assert gone == [], "the path they name is in LEFT_OUT no more: give each its own reason, or delete it"


def test_the_page_is_the_table() -> None:
    assert coverage_table.PAGE.read_text(encoding="utf-8") == coverage_table.renewed(), "run make tables"
