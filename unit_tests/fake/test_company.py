"""The company that people look at: nobody does two things at once, and its figures are those of a company."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from fake_dialpad.seasons import is_bad_week, is_holiday
from fake_dialpad.world import World

if TYPE_CHECKING:
    from fake_dialpad.model import DutyChange, Leg, Session

DAYS = [date(2026, 9, 7) + timedelta(days=number) for number in range(42)]


@pytest.fixture(scope="module")
def company() -> World:
    return World(7, 60, 150, messages_per_day=190, agents=24, today=date(2026, 11, 1))


@pytest.fixture(scope="module")
def legs(company: World) -> list[Leg]:
    return [leg for day in DAYS for leg in company.calls(day).legs.rows]


@pytest.fixture(scope="module")
def entries(legs: list[Leg]) -> list[Leg]:
    return [leg for leg in legs if leg.entry_call_id is None]


@pytest.fixture(scope="module")
def duty(company: World) -> list[DutyChange]:
    return [row for day in DAYS for row in company.duty(day).rows]


@pytest.fixture(scope="module")
def sessions(company: World) -> list[Session]:
    return [row for day in DAYS for row in company.digital(day).sessions.rows]


def test_nobody_is_in_two_calls_at_once(legs: list[Leg]) -> None:
    by_agent: dict[str, list[tuple[int, int, str]]] = {}
    for leg in legs:
        if leg.target.type == "user" and leg.connected_us is not None:
            span = (leg.connected_us, leg.ended_us + leg.wrapup_us, leg.call_id)
            by_agent.setdefault(leg.target.id, []).append(span)
    assert [pair for spans in by_agent.values() for pair in pairwise(sorted(spans)) if pair[1][0] < pair[0][1]] == []


def test_time_in_calls_is_the_time_that_the_duty_log_says(
    company: World, legs: list[Leg], duty: list[DutyChange]
) -> None:
    agents = {user.id for user in company.users if company.answers_for_queue(user)}
    by_calls: Counter[str] = Counter()
    for leg in legs:
        if leg.target.id in agents and leg.connected_us is not None:
            by_calls[leg.target.id] += leg.ended_us - leg.connected_us + leg.wrapup_us
    by_status: Counter[str] = Counter()
    for row in duty:
        by_status[row.agent.id] += row.until_us - row.at_us if row.status in {"occupied", "wrapup"} else 0
    assert by_calls == by_status
    assert len(by_calls) > 10


def test_no_line_answers_while_it_is_closed(entries: list[Leg]) -> None:
    of_lines = [leg for leg in entries if leg.target.type != "user" and leg.direction == "inbound"]
    assert {leg.category for leg in of_lines if not leg.open_hours} == {"missed"}
    assert {leg.availability for leg in of_lines} == {"open", "closed", "holiday_open", "holiday_closed"}


def test_callbacks_end_in_each_of_four_ways(entries: list[Leg]) -> None:
    ways = Counter(leg.category for leg in entries if leg.callback_id)
    assert set(ways) == {f"callback_{way}" for way in ("requested", "connected", "cancelled", "unconnected")}
    placed = {
        leg.callback_id for leg in entries if leg.category.startswith("callback_") and leg.direction == "outbound"
    }
    assert placed < {leg.callback_id for leg in entries if leg.category == "callback_requested"}


def test_some_agents_are_rung_and_do_not_answer(legs: list[Leg]) -> None:
    rung = [leg for leg in legs if leg.entry_call_id is not None and leg.category == "missed"]
    answered = {leg.call_id for leg in legs if leg.entry_call_id is None and leg.category == "incoming"}
    assert {leg.entry_call_id in answered for leg in rung} == {True, False}


def test_some_calls_go_on_to_another_line(entries: list[Leg]) -> None:
    lines: dict[str, set[str]] = {}
    for leg in entries:
        if leg.target.type != "user":
            lines.setdefault(leg.master_id, set()).add(leg.target.id)
    assert sum(len(touched) > 1 for touched in lines.values()) > 20


def test_lines_call_out(entries: list[Leg]) -> None:
    out = Counter(leg.category for leg in entries if leg.target.type != "user" and leg.direction == "outbound")
    assert {"outgoing", "cancelled"} < set(out)


def test_some_hang_up_within_six_seconds(entries: list[Leg]) -> None:
    length = [leg.ended_us - leg.at_us for leg in entries if leg.category == "abandoned"]
    assert 0.03 < sum(us < 6_000_000 for us in length) / len(length) < 0.4


def test_mondays_are_busier_than_fridays_and_nights_are_quiet(entries: list[Leg]) -> None:
    local = [datetime.fromtimestamp(leg.at_us / 1e6, UTC).astimezone(ZoneInfo(leg.target.timezone)) for leg in entries]
    weekdays, hours = Counter(at.weekday() for at in local), Counter(at.hour for at in local)
    assert weekdays[0] > 1.25 * weekdays[4] > 2 * weekdays[5] > 2 * weekdays[6]
    assert sum(hours[hour] for hour in (22, 23, 0, 1, 2, 3, 4, 5, 6)) < 0.01 * len(entries)


def test_one_week_in_thirteen_is_bad(company: World) -> None:
    weeks = [date(2026, 1, 5) + timedelta(weeks=number) for number in range(26)]
    assert sum(is_bad_week(company.seed, monday) for monday in weeks) == 2


def test_a_bad_week_has_more_calls_than_the_week_before(company: World) -> None:
    bad = next(day for day in DAYS[7:] if is_bad_week(company.seed, day))
    this, before = (
        sum(len(company.calls(bad - timedelta(days=back + 7 * weeks)).legs.rows) for back in range(-4, 1))
        for weeks in (0, 1)
    )
    assert this > 1.15 * before


def test_each_country_has_its_own_holidays() -> None:
    easter_monday, thanksgiving, diwali = date(2026, 4, 6), date(2026, 11, 26), date(2026, 11, 8)
    found = {
        country: [is_holiday(country, day) for day in (easter_monday, thanksgiving, diwali)]
        for country in ("de", "us", "in")
    }
    assert found == {"de": [True, False, False], "us": [False, True, False], "in": [False, False, True]}


def test_lines_differ_in_wait_and_satisfaction(company: World, entries: list[Leg]) -> None:
    kept: dict[str, list[bool]] = {}
    for leg in entries:
        if leg.target.type == "call_center" and leg.category == "incoming":
            kept.setdefault(leg.target.name, []).append((leg.connected_us or 0) - (leg.queued_us or 0) <= 60_000_000)
    scores: dict[str, list[int]] = {}
    for day in DAYS:
        for row in company.calls(day).answers.rows:
            if row.response.isdigit():
                scores.setdefault(row.entry.target.name, []).append(int(row.response))
    levels = [sum(one) / len(one) for one in kept.values()]
    means = [sum(one) / len(one) for one in scores.values()]
    assert max(levels) - min(levels) > 0.04
    assert max(means) - min(means) > 0.4


def test_the_bot_contains_a_believable_share(sessions: list[Session]) -> None:
    by_customer: dict[str, list[Session]] = {}
    for row in sessions:
        by_customer.setdefault(row.customer_session, []).append(row)
    contained = [not any(row.agent for row in rows) for rows in by_customer.values()]
    assert 12 < len(by_customer) / len(DAYS) < 28
    assert 0.3 < sum(contained) / len(contained) < 0.6
    assert max(len(rows) for rows in by_customer.values()) <= 4


def test_a_bots_session_is_agent_handled_where_it_was_passed_on(sessions: list[Session]) -> None:
    by_customer: dict[str, list[Session]] = {}
    for row in sessions:
        by_customer.setdefault(row.customer_session, []).append(row)
    for rows in by_customer.values():
        passed_on = any(row.agent for row in rows)
        assert [row.agent_handled for row in rows if row.agent is None and not row.surveyed] == [passed_on]
        assert not any(row.agent_handled for row in rows if row.surveyed)
        with_bot = sum((row.ended_us - row.at_us) // 1000 for row in rows if row.agent is None)
        assert {row.bot_ms for row in rows} == {with_bot}


def test_without_edge_cases_nothing_stands_on_the_edge_of_a_day(legs: list[Leg]) -> None:
    assert max(leg.ended_us - leg.at_us for leg in legs) < 3 * 3_600_000_000
