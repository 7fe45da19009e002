"""The invented company: the same from the same seed, alive, and full of what makes a reader stumble."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from fake_dialpad.model import DAY, midnight
from fake_dialpad.world import World

DAYS = [date(2026, 11, 9) + timedelta(days=number) for number in range(11)]


def small(seed: int = 7, today: date = date(2026, 11, 20)) -> World:
    return World(seed, 30, 50, messages_per_day=150, agents=24, call_centers=3, today=today)


def test_the_same_seed_gives_the_same_calls() -> None:
    assert small().calls(DAYS[3]).legs.rows == small().calls(DAYS[3]).legs.rows


def test_another_seed_gives_other_calls() -> None:
    assert small(8).calls(DAYS[3]).legs.rows != small().calls(DAYS[3]).legs.rows


def test_a_day_does_not_depend_on_the_day_of_the_start() -> None:
    assert small(today=date(2026, 11, 25)).calls(DAYS[5]).legs.rows == small().calls(DAYS[5]).legs.rows


def test_a_day_does_not_depend_on_the_days_asked_for_before() -> None:
    one, other = small(), small()
    other.digital(DAYS[1])
    assert one.digital(DAYS[4]).messages.rows == other.digital(DAYS[4]).messages.rows


def test_nothing_happens_before_history_begins(world: World) -> None:
    assert world.calls(world.first_day - timedelta(days=1)).legs.rows == []


def test_a_day_that_was_forgotten_is_made_again_the_same() -> None:
    world = small()
    before = list(world.calls(DAYS[0]).legs.rows)
    world._kept.clear()
    assert world.calls(DAYS[0]).legs.rows == before


def test_offices_lie_in_four_time_zones(world: World) -> None:
    assert len({office.timezone for office in world.offices}) == 4


def test_every_call_center_has_an_operator(world: World) -> None:
    assert all(world.operators[center.id] for center in world.call_centers)


def test_call_ids_are_unique(world: World) -> None:
    ids = [leg.call_id for day in DAYS for leg in world.calls(day).legs.rows]
    assert len(ids) == len(set(ids))


def test_a_call_stands_on_the_first_and_on_the_last_microsecond_of_a_day(world: World) -> None:
    starts = {leg.at_us for leg in world.calls(DAYS[0]).legs.rows}
    assert {midnight(DAYS[0]), midnight(DAYS[0]) + DAY - 1} <= starts


def test_agent_legs_name_the_leg_at_the_entry(world: World) -> None:
    legs = {leg.call_id: leg for leg in world.calls(DAYS[2]).legs.rows}
    assert all(leg.entry_call_id in legs for leg in legs.values() if leg.entry_call_id is not None)


@pytest.mark.parametrize("category", ["incoming", "outgoing", "missed", "abandoned", "cancelled"])
def test_calls_of_every_outcome_happen(world: World, category: str) -> None:
    assert any(leg.category == category for day in DAYS for leg in world.calls(day).legs.rows)


def test_several_recordings_share_a_call(world: World) -> None:
    ids = [row.call_id for day in DAYS for row in world.calls(day).recordings.rows]
    assert len(set(ids)) < len(ids)


def test_some_recordings_have_no_url(world: World) -> None:
    assert any(not row.url for day in DAYS for row in world.calls(day).recordings.rows)


def test_dispositions_are_set_after_the_call(world: World) -> None:
    rows = [row for day in DAYS for row in world.calls(day).dispositions.rows]
    assert all(row.set_us > row.entry.ended_us for row in rows)


def test_an_internal_text_is_seen_by_two_lines(world: World) -> None:
    rows = [row for day in DAYS for row in world.texts(day).rows if row.direction == "internal"]
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row.message_id, set()).add(row.target.id)
    assert {len(targets) for targets in sides.values()} == {2}


def test_a_group_text_lists_its_receivers(world: World) -> None:
    assert any("," in row.to_phone for day in DAYS for row in world.texts(day).rows)


def test_two_equal_bubbles_stand_in_one_millisecond(world: World) -> None:
    rows = [row for day in DAYS for row in world.digital(day).messages.rows]
    assert any(one.ts == other.ts and one.fields == other.fields for one, other in pairwise(rows))


def test_conversations_have_a_tenth_segment(world: World) -> None:
    assert any(row.session.endswith(".10") for row in world.digital(DAYS[2]).messages.rows)


def test_conversation_ids_reach_nineteen_digits(world: World) -> None:
    assert {len(row.session.split(".")[0]) for row in world.digital(DAYS[2]).messages.rows} >= {19}


def test_customer_sessions_come_with_and_without_a_sign(world: World) -> None:
    assert {row.customer_session[0] == "-" for row in world.digital(DAYS[2]).messages.rows} == {True, False}


def test_a_conversation_goes_from_bot_to_agent_to_survey(world: World) -> None:
    first: dict[str, dict[str, str]] = {}
    for row in world.digital(DAYS[2]).sessions.rows:
        conversation, segment = row.session.rsplit(".", 1)
        first.setdefault(conversation, {})[segment] = row.chat_type
    assert {"1": "bot", "2": "agent", "3": "bot"} in first.values()


def test_analytics_rows_twin_now_and_then(world: World) -> None:
    from fake_dialpad.catalogue import RECORDS  # noqa: PLC0415 - only this test looks at the catalogue

    rows = [repr(row) for day in DAYS for row in RECORDS["conversation_assignments"].rows(world, day)]
    assert len(set(rows)) < len(rows)
