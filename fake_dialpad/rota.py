"""Who of an office is on duty on a day, and who is free when: planned by the load that the lines expect.

Guarantee: nobody is given two calls at once. Agents take calls of a queue in their turns only, without the breaks in
them; people who answer for no call center work office hours and have no turns.
"""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from fake_dialpad import seasons
from fake_dialpad.model import HOUR, MINUTE, Break, Party, Turn

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterable
    from datetime import date

    from fake_dialpad.company import Company

_TURN: Final = 2 * HOUR
SPARE: Final = 1.4  # more agents than the load asks for
_BREAKS: Final = ("", "Team meeting, room 2", "Coaching", "Writing to a customer", "Training")


class Traits(NamedTuple):
    """What makes an agent unlike the others: factors of talk and wrap-up, points of satisfaction, odds to miss."""

    talk: float
    wrapup: float
    charm: float
    misses: float


def traits(company: Company, user: Party) -> Traits:
    """Return what makes an agent unlike the others."""
    rng = company.rng(f"traits:{user.id}")
    return Traits(
        rng.lognormvariate(0, 0.2), rng.lognormvariate(0, 0.3), rng.gauss(0, 0.3), rng.choice([0.01, 0.02, 0.04, 0.1])
    )


class Rota:
    """The turns of an office's agents on one day, and until when each of its people is taken."""

    def __init__(self, company: Company, rng: random.Random, office: Party, day: date, calls_per_day: float) -> None:
        self.rng = rng
        self.day = day
        self.office = office
        self.people = [user for user in company.users if user.office_id == office.id] or company.users
        self.agents = [user for user in self.people if company.answers_for_queue(user)]
        self.turns: dict[str, list[Turn]] = {user.id: [] for user in self.agents}
        self._free: dict[str, int] = {}
        self._office_hours = seasons.open_span(office, company.countries[office.id], day)
        bad = seasons.is_bad_week(company.seed, day)
        here = [user for user in self.agents if rng.random() > (0.28 if bad else 0.07)] or self.agents
        self._plan(company, here, calls_per_day)
        self._windows = {key: _windows(turns) for key, turns in self.turns.items()}

    def _plan(self, company: Company, here: list[Party], calls_per_day: float) -> None:
        """Give the turns of the day: one agent at least for each line that is open, more where more is expected."""
        country, order = company.countries[self.office.id], self.rng.sample(here, len(here))
        lines = [line for line in company.call_centers if line.office_id == self.office.id]
        spans = {line.id: seasons.open_span(line, country, self.day) for line in lines}
        opened = [span for span in spans.values() if span is not None]
        for start in range(
            min((one for one, _ in opened), default=0), max((one for _, one in opened), default=0), _TURN
        ):
            end = min(start + _TURN, max(one for _, one in opened))
            on: list[Party] = []
            wanted = SPARE
            for line in lines:
                span, own = spans[line.id], seasons.profile(line)
                if span is None or span[0] >= end or span[1] <= start:
                    continue
                # planned without the outage: nobody knew
                expected = company.share(line) * calls_per_day * seasons.usual(line, country, self.day)
                rate = _rate(own.opens + (start + end - 2 * span[0]) / 2 / HOUR)
                wanted += expected * rate * (own.talk * 1.35 + own.wrapup) / 3600 / own.load
                on += [] if any(line.id in user.groups for user in on) else self._next(order, on, line.id)
            while len(on) < int(wanted) and (more := self._next(order, on)):
                on += more
            for user in on:
                self._give(user, start, end)

    def _next(self, order: list[Party], on: list[Party], line_id: str = "") -> list[Party]:
        """Return who is next on duty, of those who answer for a line: who had the fewest turns; nobody if all are."""
        off = [user for user in order if user not in on and (not line_id or line_id in user.groups)]
        return sorted(off, key=lambda user: len(self.turns[user.id]))[:1]

    def _give(self, user: Party, start: int, end: int) -> None:
        rng = self.rng
        breaks: tuple[Break, ...] = ()
        if rng.random() < 0.45 and end - start > HOUR:
            at = start + int((0.15 + rng.random() * 0.6) * (end - start))
            breaks = (Break(at, at + int((4 + rng.random() * 14) * MINUTE), rng.choice(_BREAKS)),)
        self.turns[user.id].append(Turn(start, end, breaks))
        self.turns[user.id].sort(key=lambda turn: turn.start_us)

    # -- who is free -------------------------------------------------------------------------------

    def when(self, user: Party, at: int) -> int | None:
        """Return the first instant from `at` on at which a user may take a call; None if there is none that day."""
        at = max(at, self._free.get(user.id, 0))
        if user.id not in self._windows:
            hours = self._office_hours
            return None if hours is None or at >= hours[1] else max(at, hours[0])
        return next((max(at, start) for start, end in self._windows[user.id] if at < end), None)

    def first(self, users: Iterable[Party], at: int, without: Collection[str] = ()) -> tuple[int, Party] | None:
        """Return who of some users is free first, and when; of those who are free already, who has waited longest."""
        best: tuple[int, int, str, Party] | None = None
        for user in users:
            moment = None if user.id in without else self.when(user, at)
            if moment is not None:
                candidate = (moment, self._free.get(user.id, 0), user.id, user)
                best = candidate if best is None or candidate[:3] < best[:3] else best
        return None if best is None else (best[0], best[3])

    def is_free(self, user: Party, at: int) -> bool:
        """Whether a user may take a call at an instant."""
        return self.when(user, at) == at

    def take(self, user: Party, until_us: int) -> None:
        """Give a user something to do until an instant."""
        self._free[user.id] = max(until_us, self._free.get(user.id, 0))


def _rate(hour: float) -> float:
    """Return the share of a day's calls that comes in an hour around the middle of a turn."""
    return 0.49 * _bell(hour, 10.3, 1.7) + 0.35 * _bell(hour, 14.4, 1.8) + 0.012


def _bell(at: float, middle: float, width: float) -> float:
    return math.exp(-(((at - middle) / width) ** 2) / 2) / (width * 2.507)


def _windows(turns: list[Turn]) -> list[tuple[int, int]]:
    windows = []
    for turn in turns:
        start = turn.start_us
        for pause in turn.breaks:
            windows.append((start, pause.start_us))
            start = pause.end_us
        windows.append((start, turn.end_us))
    return windows
