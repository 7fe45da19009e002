"""The unit of start and end is found out, or the sync fails; no empty answer is taken for a proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.engagement.unit import EpochUnit, RequestRefused, Unit, check_timestamps
from source_dialpad.sync.halving import TimeRange
from unit_tests.engagement.reading import asked, canonical, held

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_dialpad.server import FakeDialpad
    from unit_tests.engagement.reading import Account

DAY = 86_400_000
DAY_RANGE = TimeRange(1_794_800_000_000, 1_794_800_000_000 + DAY)
FOUND: list[dict[str, Any]] = [{"ts": DAY_RANGE.start}]


def find(ask: Callable[[Unit, TimeRange], list[dict[str, Any]]], setting: str = "auto") -> tuple[Any, Any]:
    unit = EpochUnit(setting)
    page = unit.first_page(ask, DAY_RANGE, "messages")
    return unit.unit, page


def refuse(reason: str = "no") -> list[dict[str, Any]]:
    raise RequestRefused(reason)


def test_messages_in_their_window_prove_milliseconds() -> None:
    assert find(lambda unit, _: FOUND if unit == "milliseconds" else refuse())[0] == "milliseconds"


def test_a_refusal_leads_to_seconds() -> None:
    assert find(lambda unit, _: FOUND if unit == "seconds" else refuse())[0] == "seconds"


def test_a_quiet_day_at_a_server_of_seconds_leads_to_seconds() -> None:
    def ask(unit: Unit, time_range: TimeRange) -> list[dict[str, Any]]:
        length = (time_range.end - time_range.start) * (1 if unit == "milliseconds" else 0.001)
        return refuse("more than 7 days") if length > 7 * 86400 else []

    assert find(ask) == ("seconds", ("seconds", []))


def test_nothing_in_both_units_proves_neither() -> None:
    assert find(lambda unit, time_range: []) == (None, ("milliseconds", []))


def test_refused_seconds_do_not_prove_milliseconds() -> None:
    assert find(lambda unit, _: [] if unit == "milliseconds" else refuse())[0] is None


def test_milliseconds_refused_for_another_reason_are_not_given_up_for_nothing() -> None:
    with pytest.raises(AirbyteTracedException, match=r"proves nothing.*engagement\.epoch_unit"):
        find(lambda unit, _: refuse("no such provider") if unit == "milliseconds" else [])


def test_a_passing_refusal_is_no_reason_for_seconds() -> None:
    answers = iter([True])  # then the five minutes, and the window again, are taken

    def ask(unit: Unit, time_range: TimeRange) -> list[dict[str, Any]]:
        return refuse() if unit == "milliseconds" and next(answers, False) else []

    with pytest.raises(AirbyteTracedException, match="proves nothing"):
        find(ask)


def test_both_refused_names_both_reasons() -> None:
    with pytest.raises(AirbyteTracedException, match="milliseconds: no; in seconds: no"):
        find(lambda unit, _: refuse())


def test_a_setting_is_not_questioned() -> None:
    seen: list[Unit] = []
    find(lambda unit, _: seen.append(unit) or [], "seconds")  # type: ignore[func-returns-value]
    assert seen == ["seconds"]


def test_the_answer_is_kept_for_the_run(fake: FakeDialpad, account: Account) -> None:
    fake.variants.choose({"epoch_unit": "seconds"})
    account.messages()
    assert sum(body["start"] > 10**12 for body in asked(fake)) == 1


def test_quiet_days_before_the_first_message_are_asked_for_in_both_units(fake: FakeDialpad, account: Account) -> None:
    fake.variants.choose({"epoch_unit": "seconds", "epoch_unit_enforced": "no"})
    account.start = "2026-11-05"  # a week before the account's first day
    assert canonical(held(account.messages())) == account.truth()


def test_a_message_outside_its_window_fails_and_says_why() -> None:
    with pytest.raises(AirbyteTracedException, match=r"ts 5 .*outside the window .*engagement\.epoch_unit"):
        check_timestamps([{"ts": 5}], DAY_RANGE, "milliseconds", "messages")


def test_a_message_a_day_beside_its_window_is_taken() -> None:
    assert check_timestamps([{"ts": DAY_RANGE.end + DAY}], DAY_RANGE, "milliseconds", "messages")


def test_a_message_without_a_readable_time_fails() -> None:
    unreadable: list[Any] = [None, "soon", [], float("inf")]
    for ts in unreadable:
        with pytest.raises(AirbyteTracedException, match="without a readable ts"):
            pytest.fail(f"{ts} was taken: {check_timestamps([{'ts': ts}], DAY_RANGE, 'milliseconds', 'messages')}")


def test_a_time_is_a_whole_number_however_it_came() -> None:
    times = [DAY_RANGE.start, str(DAY_RANGE.start), float(DAY_RANGE.start)]
    checked = check_timestamps([{"ts": ts} for ts in times], DAY_RANGE, "milliseconds", "messages")
    assert checked == [{"ts": DAY_RANGE.start}] * len(times)


def test_a_provider_that_holds_nothing_is_said_to_prove_nothing(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    account.settings = {"provider_id": "1020"}
    account.fake.horizon = 0
    with caplog.at_level("WARNING", "airbyte"):
        assert account.messages() == []
    assert "That proves nothing: check engagement.provider_id" in caplog.text
