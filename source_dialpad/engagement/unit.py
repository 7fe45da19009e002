"""The unit of `start` and `end`: the article that is all there is about this API does not say which one it takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from source_dialpad.errors import config_error, system_error
from source_dialpad.sync.halving import TimeRange

logger = logging.getLogger("airbyte")

Unit = Literal["milliseconds", "seconds"]
Message = dict[str, Any]
FetchPage = Callable[..., list[Message]]
"""Fetches a page of messages with checked timestamps: unit, time range and offset (0 unless given) in."""

TICK_MS: Mapping[Unit, int] = {"milliseconds": 1, "seconds": 1000}
DAY_MS = 86_400_000


class RequestRefused(Exception):  # noqa: N818  # a question of the unit, not yet an error
    """The API answered 400: it does not accept the range, its unit or the provider."""


class EpochUnit:
    """Which unit a provider's API takes for `start` and `end`; found out once and kept for the run.

    `auto`: milliseconds first, since they are the only unit the article states (for `ts`); after a refusal, seconds.
    Messages that lie in their range prove the unit. An empty answer proves nothing: a server of seconds that refuses
    nothing answers every range in milliseconds with nothing at all, and the other way round. So as long as nothing has
    come back each empty range is asked for in both units, and milliseconds are given up for an empty answer only when
    it is the length of the range that was refused.
    """

    def __init__(self, setting: str = "auto") -> None:
        self.unit = None if setting == "auto" else cast("Unit", setting)

    def first_page(self, fetch: FetchPage, time_range: TimeRange, context: str) -> tuple[Unit, list[Message]]:
        """The first page of a range and the unit it was asked for in."""
        if self.unit is None:
            return self._find(fetch, time_range, context)
        try:
            return self.unit, fetch(self.unit, time_range)
        except RequestRefused as refusal:
            raise refused(context, {self.unit: refusal}) from None

    def halves(self, time_range: TimeRange) -> tuple[TimeRange, ...]:
        """The two halves of a range, cut where the API can be asked for them."""
        return time_range.halves(TICK_MS[self.unit or "milliseconds"])

    def _find(self, fetch: FetchPage, time_range: TimeRange, context: str) -> tuple[Unit, list[Message]]:
        refusals: dict[Unit, RequestRefused] = {}
        for unit in TICK_MS:
            try:
                page = fetch(unit, time_range)
            except RequestRefused as refusal:
                refusals[unit] = refusal
                continue
            if page or ("milliseconds" in refusals and self._too_long(fetch, time_range)):
                logger.info("Digital Engagement takes start and end in %s.", unit)
                self.unit = unit
                return unit, page
        if "milliseconds" in refusals:
            raise refused(context, refusals)
        return "milliseconds", []

    def _too_long(self, fetch: FetchPage, time_range: TimeRange) -> bool:
        """Whether milliseconds are refused for their length: five minutes of them are accepted, the range is not.

        Five minutes are three and a half days to a server of seconds; a day is nearly three years.
        """
        minutes = TimeRange(time_range.start, min(time_range.end, time_range.start + 5 * 60_000))
        for part in (minutes, time_range):
            try:
                fetch("milliseconds", part)
            except RequestRefused:
                return part is time_range
        return False


def refused(context: str, refusals: Mapping[Unit, RequestRefused]) -> Exception:
    """The config error for a request that was refused in each unit that was tried."""
    reasons = "; ".join(f"in {unit}: {refusal}" for unit, refusal in refusals.items())
    nothing = " In seconds nothing came back, which proves nothing." if list(refusals) == ["milliseconds"] else ""
    return config_error(
        f"{context}: Digital Engagement refused the request (400) ({reasons}).{nothing} Check engagement.provider_id, "
        "and set engagement.epoch_unit if you know the unit."
    )


def requested_bounds(time_range: TimeRange, unit: Unit) -> tuple[int, int]:
    """Start and end to ask for: from a tick earlier, so that a server that excludes the start loses nothing."""
    tick = TICK_MS[unit]
    return (time_range.start - 1) // tick, -(-time_range.end // tick)


def check_timestamps(page: list[Message], time_range: TimeRange, unit: Unit, context: str) -> list[Message]:
    """The page, in which every `ts` is a whole number of milliseconds, in the range or at most a day beside it."""
    earliest, latest = time_range.start - DAY_MS, time_range.end + DAY_MS
    for message in page:
        ts: Any = message.get("ts")
        if ts.__class__ is not int:
            try:
                message["ts"] = ts = int(ts)
            except (TypeError, ValueError, OverflowError):
                raise system_error(
                    f"{context}: a message came without a readable ts ({ts!r}), so the time it belongs to is unknown."
                ) from None
        if not earliest <= ts <= latest:
            raise config_error(
                f"{context}: a message of ts {ts} came back, which lies outside the window that was asked for in "
                f"{unit}. The unit of start and end is wrong: set engagement.epoch_unit to the other one."
            )
    return page
