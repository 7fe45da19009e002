"""A backfill over many syncs: every day is read whole, and none again but for the look-back and for what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from source_dialpad.sync.backfill import SETTLED, ExportWindows
from source_dialpad.sync.windows import DAY, Grain, day_windows, local_day, midnight
from source_dialpad.transport.times import zone_of
from unit_tests.core.test_cursor import Sync, days_between

BEGIN = datetime(2026, 3, 20, 12, tzinfo=UTC)  # the clocks change in the weeks around it
ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati", "Australia/Lord_Howe"]


@dataclass
class Circumstances:
    """What happens to one sync."""

    pause: timedelta
    budget: int
    """Windows of history that it may read."""

    failing: set[int]
    order: Random
    killed_after: int | None
    """Windows read when it is killed."""

    unsaved: int
    """Of these, how many came after the last state that was saved."""


QUIET = Circumstances(timedelta(hours=1), 5, set(), Random(1), None, 0)  # noqa: S311  # the order of windows

circumstances = st.builds(
    Circumstances,
    st.integers(1, 60).map(lambda hours: timedelta(hours=hours)),
    st.integers(0, 6),
    st.sets(st.integers(0, 12), max_size=3),
    st.randoms(use_true_random=False),
    st.none() | st.integers(0, 8),
    st.integers(0, 2),
)


@dataclass
class Account:
    """A stream that is synced again and again."""

    zone: str
    lookback: int
    size: int | Grain
    state: dict[str, Any] = field(default_factory=dict)
    now: datetime = BEGIN
    read_whole: set[date] = field(default_factory=set)
    """Days read `SETTLED` after their end, or later."""

    read: set[date] = field(default_factory=set)
    lost: set[date] = field(default_factory=set)
    """Days that were read, and that no saved state tells of."""

    def planner(self, start: date) -> ExportWindows:
        return ExportWindows("s", "day", start.isoformat(), self.zone, self.lookback, size=self.size)

    def saved_days(self) -> set[date]:
        """The days that the state says were read."""
        if not self.state:
            return set()
        first = self.window_of(date.fromisoformat(self.state.get("backfilled_to") or self.state["since"]))
        return days_between(first.isoformat(), self.state["day"])

    def window_of(self, day: date) -> date:
        """The first day of the calendar window that holds a day."""
        return next(day_windows(day, day, self.size)).first

    def sync(self, start: date, what: Circumstances) -> int:
        """Syncs from the last saved state; how many windows of history are left."""
        self.now += what.pause
        with time_machine.travel(self.now, tick=False):
            sync = Sync(self.planner(start), self.state)
            today = local_day(datetime.now(UTC), zone_of(self.zone))
            planned = [one.extra_fields["planned"] for one in sync.slices]
            history = [number for number, window in enumerate(planned) if window.history]
            chosen = [number for number, window in enumerate(planned) if not window.history] + history[: what.budget]
            what.order.shuffle(chosen)
            completed = [number for number in chosen if number not in what.failing][: what.killed_after]
            saved = len(completed) - (what.unsaved if what.killed_after is not None else 0)
            read_now: set[date] = set()
            for done, number in enumerate(completed):
                cut = sync.slices[number].cursor_slice
                read_now |= self._read(days_between(cut["first_day"], cut["last_day"]) - {today})
                sync.close(number)
                if done < saved:
                    self.state = sync.state
        if len(completed) == len(chosen) == saved:
            settled = local_day(self.now - SETTLED, zone_of(self.zone)) - DAY
            assert {day for day in read_now if day <= settled} <= self.saved_days(), "a quiet sync saves what it read"
        self.lost = (self.lost | read_now) - self.saved_days()
        return len(history) - len({*history} & {*completed})

    def _read(self, found: set[date]) -> set[date]:
        if self.state:
            looked_back = self.window_of(date.fromisoformat(self.state["day"]) + DAY - timedelta(days=self.lookback))
            again = {day for day in found & self.read if day < looked_back}
            assert again <= self.lost, "read again for no reason"
        zone = zone_of(self.zone)
        self.read_whole |= {day for day in found if midnight(day + DAY, zone) + SETTLED <= self.now}
        self.read |= found
        return found


@settings(deadline=None, max_examples=150)
@given(
    zone=st.sampled_from(ZONES),
    lookback=st.integers(0, 5),
    size=st.integers(1, 9) | st.sampled_from(["day", "week", "month"]),
    age=st.integers(0, 70),
    earlier=st.integers(0, 20),
    happened=st.lists(circumstances, max_size=6),
)
def test_every_day_is_read_whole_and_none_again_for_no_reason(  # noqa: PLR0913, PLR0917  # what may differ
    zone: str, lookback: int, size: int | Grain, age: int, earlier: int, happened: list[Circumstances]
) -> None:
    account = Account(zone, lookback, size)
    start = BEGIN.date() - timedelta(days=age)
    for what in happened:
        account.sync(start, what)
    start -= timedelta(days=earlier)  # start_date is moved back
    left = [account.sync(start, QUIET)]
    while left[-1]:
        left.append(account.sync(start, QUIET))
        assert left[-1] < left[-2], "a quiet sync that may read history brings its end nearer"
    account.sync(start, replace(QUIET, pause=timedelta(hours=40)))
    wanted = days_between(min(account.saved_days()).isoformat(), account.state["day"])
    assert min(wanted) <= start, "everything since the start"
    assert max(wanted) >= local_day(account.now - SETTLED, zone_of(zone)) - DAY, "up to the last day that is settled"
    assert wanted <= account.read_whole
