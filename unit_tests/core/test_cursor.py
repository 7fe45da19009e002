"""The state: contiguous progress whatever the order, and the same table from every state ever emitted."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
import time_machine
from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given, settings
from hypothesis import strategies as st

from source_dialpad.sync import cursor as cursor_module
from source_dialpad.sync.backfill import ExportWindows
from source_dialpad.sync.cursor import PLANNED, WindowCursor
from source_dialpad.sync.planner import DatetimeWindows, LogTail, WindowPlanner
from unit_tests.cases import every

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airbyte_cdk.sources.message import MessageRepository
    from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
    from airbyte_cdk.sources.streams.concurrent.partitions.stream_slicer import StreamSlicer

NOW = "2026-11-20T12:00:00Z"
TODAY = date(2026, 11, 20)
START = "2026-11-01"


@dataclass
class Emitted:
    """Takes the states that a cursor emits."""

    states: list[dict[str, Any]] = field(default_factory=list)

    def emit_message(self, message: AirbyteMessage) -> None:
        assert message.state
        assert message.state.stream
        self.states.append(json.loads(json.dumps(vars(message.state.stream.stream_state))))


@dataclass
class Parts:
    """The partitions of a stream."""

    names: list[str]

    def stream_slices(self) -> Iterable[StreamSlice]:
        for name in self.names:
            yield StreamSlice(partition={"part": name}, cursor_slice={}, extra_fields={"part": name})


@dataclass
class ReadSlice:
    """A slice as the CDK hands it back."""

    slice: StreamSlice

    def to_slice(self) -> StreamSlice:
        return self.slice


class Sync:
    """One sync: a cursor, its slices, and what it emits."""

    def __init__(
        self,
        planner: WindowPlanner,
        state: Mapping[str, Any] | None = None,
        parts: list[str] | None = None,
    ) -> None:
        self.emitted = Emitted()
        self.cursor = WindowCursor(
            planner=planner,
            partitions=cast("StreamSlicer", Parts(parts)) if parts is not None else None,
            given_state=state or {},
            message_repository=cast("MessageRepository", self.emitted),
            state_manager=ConnectorStateManager([]),
        )
        self.slices = list(self.cursor.stream_slices())

    def close(self, number: int) -> None:
        self.cursor.close_partition(cast("Partition", ReadSlice(self.slices[number])))

    def close_all(self) -> Sync:
        for number in range(len(self.slices)):
            self.close(number)
        self.cursor.ensure_at_least_one_state_emitted()
        return self

    @property
    def state(self) -> dict[str, Any]:
        return self.emitted.states[-1]

    def windows(self, part: str | None = None) -> list[tuple[str, str]]:
        return [
            (one.cursor_slice["first_day"], one.cursor_slice["last_day"])
            for one in self.slices
            if part is None or one.partition["part"] == part
        ]

    def first(self, part: str | None = None) -> str:
        """The first day that is read."""
        return min(window[0] for window in self.windows(part))


def days(**more: Any) -> ExportWindows:
    settings = {"start": START, "size": 5, "lookback_days": 2, **more}
    return ExportWindows(stream="s", cursor_field="day", **settings)


def instants(**more: Any) -> DatetimeWindows:
    return DatetimeWindows(stream="s", cursor_field="at", **{"start": START, "step_days": 4, **more})


@pytest.fixture(autouse=True)
def now() -> Iterable[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def test_what_is_new_comes_first_and_then_history_from_the_newest_window_back() -> None:
    expected = ["2026-11-20", "2026-11-15", "2026-11-10", "2026-11-05", START]
    assert [window[0] for window in Sync(days()).windows()] == expected


def test_history_waits_for_what_is_new_and_for_the_windows_before_it() -> None:
    sync = Sync(days())
    sync.close(2)
    assert sync.state == {}
    sync.close(1)
    assert (sync.state["day"], sync.state["backfilled_to"]) == ("2026-11-19", "2026-11-10")
    sync.close(4)
    assert sync.state["backfilled_to"] == "2026-11-10"
    sync.close(3)
    assert sync.state["since"] == START
    assert "backfilled_to" not in sync.state


def test_a_failed_window_is_asked_again_and_nothing_newer() -> None:
    sync = Sync(days())
    for number in (0, 1, 2, 4):
        sync.close(number)
    sync.cursor.ensure_at_least_one_state_emitted()
    assert (sync.state["day"], sync.state["backfilled_to"]) == ("2026-11-19", "2026-11-10")
    assert [window[0] for window in Sync(days(), sync.state).windows()][-2:] == ["2026-11-05", START]


def test_an_earlier_start_date_only_extends_the_backfill() -> None:
    state = Sync(days()).close_all().state
    again = Sync(days(start="2026-10-25"), state)
    assert again.windows()[2:] == [("2026-10-27", "2026-10-31"), ("2026-10-25", "2026-10-26")]


def test_a_start_that_nobody_set_does_not_touch_a_state() -> None:
    saved = {"day": "2026-10-01", "since": "2025-09-01"}
    assert Sync(days(start_is_default=True), saved).first() == "2026-09-30"
    instant = {"at": "2026-10-01T00:00:00+00:00", "since": "2025-09-01"}
    first = Sync(instants(start_is_default=True), instant).slices[0]
    assert first.cursor_slice["start_time"] == "2026-10-01T00:00:00+00:00"
    zone = Sync(instants(start="2025-08-31", start_is_default=True), instant).slices[0]
    assert zone.cursor_slice["start_time"] == "2026-10-01T00:00:00+00:00"


def test_days_between_the_state_and_a_later_start_count_as_unread() -> None:
    state = Sync(days(start="2026-11-15"), {"day": "2026-11-05", "since": START}).close_all().state
    assert state["since"] == "2026-11-15"
    assert Sync(days(), state).first() == START


@every("lookback", [0, 2])
def test_a_day_moves_the_state_when_it_ended_nine_hours_ago(lookback: int) -> None:
    with time_machine.travel(datetime(2026, 11, 20, 0, 10, tzinfo=UTC), tick=False):
        state = Sync(days(lookback_days=lookback), {"day": "2026-11-18", "since": START}).close_all().state
        assert state["day"] == "2026-11-18"
    with time_machine.travel(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), tick=False):
        sync = Sync(days(lookback_days=lookback), state).close_all()
        assert ("2026-11-19" in {day for window in sync.windows() for day in window}, sync.state["day"]) == (
            True,
            "2026-11-19",
        )


def test_the_state_says_when_a_partition_was_last_read() -> None:
    sync = Sync(days(), {"day": "2026-11-18", "since": START})
    sync.close(1)
    assert sync.state["read_at"] == datetime.now(UTC).isoformat(timespec="seconds")


def test_the_look_back_never_moves_the_state_back() -> None:
    sync = Sync(days(size=1, lookback_days=5), {"day": "2026-11-18", "since": START})
    assert sync.windows()[1] == ("2026-11-14", "2026-11-14")
    reached = []
    for number in range(len(sync.slices)):
        sync.close(number)
        reached.append(sync.state["day"])
    assert reached == ["2026-11-18"] * 6 + ["2026-11-19"]


def test_the_window_of_today_is_read_and_moves_nothing() -> None:
    sync = Sync(days(), {"day": "2026-11-19"}).close_all()
    assert sync.windows()[0] == ("2026-11-20", "2026-11-20")
    assert sync.state["day"] == "2026-11-19"


def test_a_new_partition_begins_at_the_start_and_the_others_go_on() -> None:
    first = Sync(days(), parts=["a"]).close_all()
    second = Sync(days(), first.state, parts=["a", "b"])
    assert (second.first("a"), second.first("b")) == ("2026-11-18", START)


def test_a_partition_that_is_gone_keeps_its_entry_and_goes_on_when_it_comes_back() -> None:
    first = Sync(days(), parts=["a", "b"]).close_all()
    second = Sync(days(), first.state, parts=["a"]).close_all()
    third = Sync(days(), second.state, parts=["b"])
    assert third.first("b") == "2026-11-18"


def test_a_partition_listed_twice_is_read_once() -> None:
    assert Sync(days(), parts=["a", "a"]).windows() == Sync(days(), parts=["a"]).windows()


def test_states_of_partitions_are_throttled_and_the_last_is_always_emitted() -> None:
    sync = Sync(days(size=1), parts=["a", "b"])
    for number in range(len(sync.slices)):
        sync.close(number)
    assert len(sync.emitted.states) == 1
    sync.cursor.ensure_at_least_one_state_emitted()
    assert {entry["cursor"]["day"] for entry in sync.state["states"]} == {"2026-11-19"}


def test_a_stream_without_windows_to_read_still_emits_its_state() -> None:
    sync = Sync(days(), {"day": "2026-12-24"})
    assert sync.slices == []
    sync.cursor.ensure_at_least_one_state_emitted()
    assert sync.state == {"day": "2026-12-24"}


# --- shapes of the state ------------------------------------------------------------------------------------------


def test_a_plain_cursor_stands_for_every_partition() -> None:
    sync = Sync(days(), {"day": "2026-11-10"}, parts=["a", "b"])
    assert (sync.first("a"), sync.first("b")) == ("2026-11-09", "2026-11-09")


def test_a_plain_cursor_is_written_out_for_each_partition_so_that_later_ones_begin_at_the_start() -> None:
    sync = Sync(days(), {"day": "2026-11-10"}, parts=["a", "b"])
    sync.cursor.ensure_at_least_one_state_emitted()
    assert sync.state == {
        "states": [{"partition": {"part": part}, "cursor": {"day": "2026-11-10"}} for part in ("a", "b")]
    }
    assert Sync(days(), sync.state, parts=["a", "c"]).first("c") == START


def test_a_plain_cursor_is_kept_while_not_all_partitions_are_known() -> None:
    sync = Sync(days(), parts=["a"])
    cursor = WindowCursor(
        planner=days(),
        partitions=cast("StreamSlicer", Parts(["a", "b"])),
        given_state={"day": "2026-11-10"},
        message_repository=cast("MessageRepository", sync.emitted),
        state_manager=ConnectorStateManager([]),
    )
    next(iter(cursor.stream_slices()))
    cursor.ensure_at_least_one_state_emitted()
    assert Sync(days(), sync.state, parts=["a", "b"]).first("b") == "2026-11-09"


@every(
    ("state", "a", "b"),
    [
        (
            {"use_global_cursor": False, "states": [{"partition": {"part": "a"}, "cursor": {"day": "2026-11-10"}}]},
            "2026-11-09",
            START,
        ),
        (
            {
                "use_global_cursor": False,
                "state": {"day": "2026-11-15"},
                "lookback_window": 3,
                "states": [{"partition": {"part": "a", "parent_slice": {}}, "cursor": {"day": "2026-11-10"}}],
            },
            "2026-11-09",
            START,
        ),
        ({"use_global_cursor": True, "states": [], "state": {"day": "2026-11-15"}}, "2026-11-14", "2026-11-14"),
        ({"use_global_cursor": True, "state": {"day": "2026-11-15"}}, "2026-11-14", "2026-11-14"),
        (
            {
                "use_global_cursor": True,
                "state": {"day": "2026-11-15"},
                "states": [{"partition": {"part": "a"}, "cursor": {"day": "2026-11-10"}}],
            },
            "2026-11-09",
            "2026-11-14",
        ),
    ],
)
def test_the_cdks_own_states_of_partitions_are_taken(state: dict[str, Any], a: str, b: str) -> None:
    sync = Sync(days(), state, parts=["a", "b"])
    assert (sync.first("a"), sync.first("b")) == (a, b)


@every("parts", [None, ["a"]])
def test_a_state_the_cdk_writes_of_streams_without_a_cursor_is_none(parts: list[str] | None) -> None:
    assert Sync(days(), {"__ab_no_cursor_state_message": True}, parts).first() == START


WRONG: list[tuple[dict[str, Any], list[str] | None]] = [
    ({"other": "2026-11-10"}, None),
    ({"states": []}, None),
    ({"other": "2026-11-10"}, ["a"]),
    ({"states": {"a": "2026-11-10"}}, ["a"]),
    ({"states": ["2026-11-10"]}, ["a"]),
    ({"states": [{"cursor": {"day": "2026-11-10"}}]}, ["a"]),
    ({"states": [{"partition": {"part": "a"}}]}, ["a"]),
    ({"states": [{"partition": {"part": "a"}, "cursor": "2026-11-10"}]}, ["a"]),
    ({"states": [{"partition": "a", "cursor": {"day": "2026-11-10"}}]}, ["a"]),
    ({"use_global_cursor": True, "states": []}, ["a"]),
    ({"use_global_cursor": True, "state": "2026-11-10"}, ["a"]),
]


@every(("state", "parts"), WRONG)
def test_a_state_of_another_shape_is_a_config_error_with_the_cure(
    state: dict[str, Any], parts: list[str] | None
) -> None:
    with pytest.raises(AirbyteTracedException, match=r"^s: .*another shape.*Reset the state of this stream") as caught:
        Sync(days(), state, parts)
    assert caught.value.failure_type == FailureType.config_error


BROKEN: list[Any] = [
    "yesterday", "2026-13-01", "2026-02-30", "0", "2026", True, [], {"a": 1}, 1e300, "9" * 30, "2026-11-10T25:00:00Z"
]  # fmt: skip


@every("value", BROKEN)
@every("kind", [days, instants])
def test_a_cursor_that_is_no_time_is_a_config_error_or_read_as_one_of_long_ago(kind: Any, value: Any) -> None:
    slicing = kind()
    if isinstance(slicing, DatetimeWindows) and value in ("0", "2026"):
        assert len(Sync(slicing, {"at": value}).slices) == len(Sync(slicing).slices)
        return
    with pytest.raises(AirbyteTracedException, match="neither a date nor a time"):
        Sync(slicing, {slicing.cursor_field: value})


@every("zone", ["Mars/Olympus", 7, ["UTC"]])
def test_a_saved_zone_that_is_none_is_a_config_error(zone: Any) -> None:
    with pytest.raises(AirbyteTracedException, match="Reset the state of this stream"):
        Sync(days(), {"day": "2026-11-10", "timezone": zone})


@every("value", [None, ""])
@every("parts", [None, ["a"]])
def test_a_state_without_a_value_begins_at_the_start_and_says_so(
    value: Any, parts: list[str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert Sync(days(), {"day": value}, parts).first() == START
    assert "s: the saved state holds no day" in caplog.text


def test_a_state_whose_partitions_are_all_gone_says_so(caplog: pytest.LogCaptureFixture) -> None:
    first = Sync(days(), parts=["a", "b"]).close_all()
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        Sync(days(), first.state, parts=["c"])
    assert "of the saved state, none of 2 partitions is there any more" in caplog.text


@every("value", ["2026-11-23", "2999-12-31", "9999-12-31"])
@every("timezone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
@every("written", [{}, {"timezone": "Pacific/Auckland"}])
def test_a_day_in_the_future_leaves_nothing_to_read_and_says_so(
    value: str, timezone: str, written: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert Sync(days(timezone=timezone), {"day": value, **written}).slices == []
    assert "lies in the future" in caplog.text


@every("value", ["2026-11-23", "2999-12-31T00:00:00Z", "9999-12-31T23:59:59Z", "253402300799000"])
def test_an_instant_in_the_future_leaves_nothing_to_read_and_says_so(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert Sync(instants(), {"at": value}).slices == []
    assert "lies in the future" in caplog.text


def test_a_log_is_followed_though_its_clock_was_once_ahead_of_ours() -> None:
    (window,) = Sync(following(), {"at": "2026-11-23T08:00:00+00:00"}).slices
    assert window.cursor_slice["start_time"] == "2026-11-23T08:00:00+00:00"


# --- properties ---------------------------------------------------------------------------------------------------


def days_between(first: str, last: str) -> set[date]:
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return {begin + timedelta(days=count) for count in range((end - begin).days + 1)}


ALL_DAYS = days_between(START, TODAY.isoformat())
Rows = set[tuple[str | None, date]]


def rows_of(one: StreamSlice) -> Rows:
    found = days_between(one.cursor_slice["first_day"], one.cursor_slice["last_day"])
    return {(one.partition.get("part"), day) for day in found}


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(1, 8),
    lookback=st.integers(0, 4),
    parts=st.sampled_from([None, ["a"], ["a", "b", "c"]]),
    choices=st.randoms(use_true_random=False),
    failing=st.sets(st.integers(0, 60), max_size=4),
    saved=st.sampled_from([None, "2026-11-04", "2026-11-19"]),
)
def test_from_every_state_ever_emitted_the_same_table_comes(  # noqa: PLR0913, PLR0917  # what a sync can be like
    length: int, lookback: int, parts: list[str] | None, choices: Any, failing: set[int], saved: str | None
) -> None:
    names: list[str | None] = [*parts] if parts else [None]
    wanted = {(part, day) for part in names for day in ALL_DAYS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor_module, "STATE_EVERY_SECONDS", 0.0)
        given_state = {"day": saved} if saved else {}
        sync = Sync(days(size=length, lookback_days=lookback), given_state, parts)
    # what the table held when a plain state was written: every row up to it, of every partition
    table: Rows = {row for row in wanted if saved and row[1] <= date.fromisoformat(saved)}
    order = [number for number in range(len(sync.slices)) if number not in failing]
    choices.shuffle(order)
    seen = [(given_state, set(table))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cursor_module, "STATE_EVERY_SECONDS", 0.0)
        for number in order:
            table |= rows_of(sync.slices[number])
            sync.close(number)
            seen.append((sync.state, set(table)))
    sync.cursor.ensure_at_least_one_state_emitted()
    seen.append((sync.state, set(table)))
    for state, held in seen:
        again = Sync(days(size=length, lookback_days=lookback), state, parts)
        assert held.union(*map(rows_of, again.slices)) == wanted


@settings(deadline=None, max_examples=60)
@given(order=st.permutations(range(5)), count=st.integers(0, 5))
def test_the_state_is_the_end_of_the_unbroken_run_of_windows(order: list[int], count: int) -> None:
    sync = Sync(instants())
    assert len(sync.slices) == 5
    for number in order[:count]:
        sync.close(number)
    sync.cursor.ensure_at_least_one_state_emitted()
    closed = set(order[:count])
    unbroken = next(number for number in range(6) if number not in closed)
    ends = [one.cursor_slice["end_time"] for one in sync.slices]
    assert sync.state.get("at") == (ends[unbroken - 1] if unbroken else None)


# --- a log that is followed ---------------------------------------------------------------------------------------


def record(one: StreamSlice, received_at: str) -> Record:
    return Record(data={"at": received_at}, stream_name="s", associated_slice=one)


def following() -> LogTail:
    return LogTail(stream="s", cursor_field="at", start=START)


def test_a_log_is_followed_up_to_the_greatest_record() -> None:
    sync = Sync(following())
    for at in (
        "2026-11-19T08:00:00.000001+00:00",
        "2026-11-19T08:00:00.000003+00:00",
        "2026-11-19T08:00:00.000002+00:00",
    ):
        sync.cursor.observe(record(sync.slices[0], at))
    sync.close(0)
    assert sync.state["at"] == "2026-11-19T08:00:00.000003+00:00"


def test_a_log_is_read_on_from_its_state_to_the_microsecond() -> None:
    sync = Sync(following(), {"at": "2026-11-19T08:00:00.000003+00:00"})
    assert [one.cursor_slice["start_time"] for one in sync.slices] == ["2026-11-19T08:00:00.000003+00:00"]


def test_a_log_without_new_records_keeps_its_state() -> None:
    saved = {"at": "2026-11-19T08:00:00.000003+00:00", "since": START}
    assert Sync(following(), saved).close_all().state == saved


def test_slices_carry_their_window_outside_their_identity() -> None:
    one = Sync(days(), parts=["a"]).slices[0]
    assert PLANNED in one.extra_fields
    assert PLANNED not in dict(one)
