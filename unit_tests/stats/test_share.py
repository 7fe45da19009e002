"""The exports of one sync: what is new first, then history in turns, and never more than the share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from airbyte_cdk.sources.types import StreamSlice

from source_dialpad.stats.quota import ExportQuota, ExportShare, Wish, export_quota, granted, wishes
from source_dialpad.sync.cursor import PLANNED
from source_dialpad.sync.planner import PlannedWindow

if TYPE_CHECKING:
    from unit_tests.stats.one_stream import Clock, Sync


def plan(stream: str, recent: int, history: int, *, parts: int = 1, read_at: str = "") -> list[Wish]:
    slices = [
        StreamSlice(
            partition={"scope": str(part)},
            cursor_slice={},
            extra_fields={PLANNED: PlannedWindow({}, None, history=number >= recent, read_at=read_at)},
        )
        for part in range(parts)
        for number in range(recent + history)
    ]
    return wishes(stream, slices, aggregates=stream.startswith("stats"))


def counts(read: set[Wish]) -> dict[tuple[str, bool], int]:
    keys = {(wish.stream, wish.is_history) for wish in read}
    return {key: sum((wish.stream, wish.is_history) == key for wish in read) for key in keys}


def test_what_is_new_comes_before_all_history() -> None:
    wanted = [*plan("records", 2, 50), *plan("stats", 2, 300)]
    assert counts(granted(wanted, 4)) == {("records", False): 2, ("stats", False): 2}


def test_a_fifth_is_kept_for_history_where_what_is_new_does_not_fit() -> None:
    wanted = [*plan("csat", 4, 20, parts=100), *plan("calls", 2, 10)]
    assert counts(granted(wanted, 195)) == {
        ("csat", False): 154,
        ("calls", False): 2,
        ("csat", True): 38,
        ("calls", True): 1,
    }


def test_history_is_read_in_turns_by_every_partition_of_every_stream() -> None:
    wanted = [*plan("calls", 1, 9), *plan("csat", 1, 9, parts=3), *plan("stats", 1, 300)]
    assert counts(granted(wanted, 5 + 20)) == {
        ("calls", False): 1,
        ("calls", True): 4,
        ("csat", False): 3,
        ("csat", True): 12,
        ("stats", False): 1,
        ("stats", True): 4,
    }


def test_records_come_before_aggregates_where_the_share_does_not_reach() -> None:
    wanted = [*plan("stats", 0, 5), *plan("records", 0, 5)]
    assert {wish.stream for wish in granted(wanted, 1)} == {"records"}


def test_what_was_read_longest_ago_comes_first() -> None:
    wanted = [
        *plan("a", 2, 0, read_at="2026-11-20T10:00:00+00:00"),
        *plan("b", 2, 0, read_at="2026-11-20T09:00:00+00:00"),
    ]
    assert {wish.stream for wish in granted(wanted, 2)} == {"b"}


def test_the_newest_windows_of_a_plan_are_started_first() -> None:
    assert [(wish.is_history, wish.number) for wish in plan("a", 1, 1, parts=2)] == [
        (False, 0),
        (False, 2),
        (True, 1),
        (True, 3),
    ]


def test_no_stream_starts_before_all_have_planned() -> None:
    share = ExportShare(3)
    for stream in ("a", "b"):
        share.expect(stream)
    read: dict[str, list[Wish]] = {}
    first = threading.Thread(target=lambda: read.update(a=share.divide("a", plan("a", 1, 5))))
    first.start()
    first.join(0.05)
    assert first.is_alive()
    read["b"] = share.divide("b", plan("b", 2, 5))
    first.join(5)
    assert {stream: len(wanted) for stream, wanted in read.items()} == {"a": 1, "b": 2}


def test_repeats_count_and_no_more_are_started_than_the_share() -> None:
    share, quota = ExportShare(2), ExportQuota()
    assert [share.take(quota) for _ in range(4)] == [0.0, 0.0, None, None]
    assert quota.used == 2


def test_what_waits_for_the_quota_takes_nothing_of_the_share() -> None:
    share, quota = ExportShare(2), ExportQuota()
    quota.pause(60.0)
    assert all(share.take(quota) for _ in range(4))
    quota = ExportQuota()
    assert [share.take(quota) for _ in range(3)] == [0.0, 0.0, None]


def test_a_sync_whose_share_went_on_refusals_ends_and_leaves_the_rest(sync: Sync, clock: Clock) -> None:
    sync.configured({"exports_per_sync": 4, "export_window_days": 1})
    settings = sync.config["dialpad"]
    export_quota(settings["base_url"], settings["api_key"]).limit = 4  # as 195 is both by default
    sync.fault("retry_after:1", method="POST", path_regex="^/api/v2/stats$", times=2)
    result = sync.read("records_calls")
    assert result.errors == []
    assert len(sync.posts) == 4
    assert sum(clock.slept) < 600
    assert len({row["window_start"] for row in result.rows}) == 2
