"""Exports of scorecards: the jobs of stats against another endpoint, by the day of grading."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airbyte_cdk.models import FailureType

from unit_tests.stats.one_stream import rows
from unit_tests.stats.test_truth import assert_true, settled

if TYPE_CHECKING:
    import pytest

    from unit_tests.stats.one_stream import Clock, Sync

PATH = "/api/v2/scorecards/export"
STREAMS = ("scorecard_grades", "scorecard_answers")


def test_rows_equal_the_truth_up_to_yesterday(sync: Sync, clock: Clock) -> None:
    clock.set(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))  # in one of the zones, the hours after midnight
    settled(sync.fake)
    sync.configured({"export_window_days": 4})
    for stream in STREAMS:
        for zone in ("UTC", "America/Los_Angeles"):
            found = assert_true(sync.configured(timezone=zone), stream, zone, start="2026-11-14")
            keys = {row["record_key"] for row in found}
            assert len(keys) == len(found)
            assert found[0]["other_columns"].keys() == {
                name for name, cell in found[0].items() if cell is not None and name not in OURS
            }
            edges = {(row["window_start"], row["window_end"]) for row in found}
            assert edges == {("2026-11-14", "2026-11-15"), ("2026-11-16", "2026-11-19")}


OURS = ("record_key", "scope", "window_start", "window_end", "timezone", "other_columns")


def test_a_post_names_days_of_grading_and_nobody_to_send_the_file_to(sync: Sync) -> None:
    office = sync.fake.world.offices[0].id
    found = sync.configured({"office_id": office}).read("scorecard_grades")
    assert not found.errors
    (post,) = sync.asked("POST", PATH)
    assert post["body"] == {
        "scorecards_type": "scorecard_export_calls",
        "timezone": "UTC",
        "target_type": "office",
        "target_id": int(office),
        "graded_days_ago_start": 1,
        "graded_days_ago_end": 6,
    }
    assert {row["scope"] for row in found.rows} == {f"office:{office}"}
    assert found.state["window_start"] == "2026-11-19"


def test_they_count_against_a_limit_of_their_own(sync: Sync, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    began = clock()
    sync.configured({"export_window_days": 1, "exports_per_sync": 2}, start_date="2026-01-01")
    sync.read("scorecard_grades")
    times = [post["time"] for post in sync.asked("POST", PATH)]
    assert len(times) > 300
    assert all(later - earlier > 60 for earlier, later in zip(times, times[240:], strict=False))
    assert "waiting for the quota (240 POSTs a minute, none after a 429)" in caplog.text
    assert clock() - began < 900
    sync.read("records_voicemails")
    assert len(sync.posts) == 2, "the share of stats is whole"


def test_a_failure_is_an_error_with_dialpads_reason(sync: Sync) -> None:
    sync.fault("export_failed", times=-1)
    error = sync.read("scorecard_answers").error
    assert "scorecard_answers (2026-11-14 to 2026-11-19): Dialpad could not prepare the export" in error
    assert "The report could not be generated" in error


def test_a_refusal_is_one_clear_sentence(sync: Sync) -> None:
    sync.fault("status:403", times=-1, method="POST", path_regex=PATH)
    found = sync.configured({"export_window_days": 1}).read("scorecard_grades")
    assert [error.failure_type for error in found.errors] == [FailureType.config_error]
    assert found.error.endswith(": Dialpad refuses exports to dialpad.api_key (403). They need a company key.")


def test_a_date_of_the_call_moves_no_row_to_another_window() -> None:
    body = "date,call_id,score\r\n2025-01-01,1,5\r\n"
    (row,) = rows(body, "scorecard_grades", key="content", days=())
    assert (row["window_start"], row["other_columns"]["date"]) == ("2026-11-01", "2025-01-01")
