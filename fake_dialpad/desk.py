"""An office on one day: its people, their turns, and the legs of its calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fake_dialpad import seasons
from fake_dialpad.aftermath import Aftermath
from fake_dialpad.model import SECOND, Leg, Party
from fake_dialpad.rota import Rota, traits

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.company import Company

TO_CALL_CENTERS: Final = 0.72
"""The share of the company's calls that call centers get."""
Caller = tuple[str, str, str]


class Desk:
    """One office on one day: what all kinds of its calls need."""

    def __init__(self, company: Company, rng: random.Random, office: Party, day: date, calls_per_day: float) -> None:
        self.company = company
        self.rng = rng
        self.office = office
        self.day = day
        self.country = company.countries[office.id]
        self.bad = seasons.is_bad_week(company.seed, day)
        self.rota = Rota(company, rng, office, day, calls_per_day * TO_CALL_CENTERS)
        self.after = Aftermath(company, rng, day)
        self.legs: list[Leg] = []
        self.spans = {
            party.id: seasons.open_span(party, self.country, day)
            for party in (*company.call_centers, *company.departments, *company.offices)
            if party.office_id == office.id
        }

    def talk(self, median: float, agent: Party) -> int:
        """Draw how long a call lasts, in microseconds."""
        seconds = (
            self.rng.lognormvariate(0, 0.7) * median * traits(self.company, agent).talk * (1.15 if self.bad else 1)
        )
        return int(min(max(seconds, 6.0), 75 * 60.0) * SECOND)

    def leg(self, key: str, at: int, target: Party, caller: Caller, **more: Any) -> Leg:
        """Add a leg."""
        entry_target = more.get("entry_target")
        leg = Leg(
            at_us=at,
            visible_us=more["ended_us"],
            office_id=target.office_id,
            targets=(target.id,) if entry_target is None else (target.id, entry_target.id),
            call_id=key,
            master_id=more.pop("master_id", key),
            entry_call_id=more.pop("entry_call_id", None),
            entry_target=more.pop("entry_target", None),
            target=target,
            operator=more.pop("operator", None),
            external=more.pop("external", caller[2]),
            internal=target.phone,
            contact=(caller[0], caller[1]),
            **more,
        )
        self.legs.append(leg)
        return leg

    def operators(self, line: Party) -> list[Party]:
        """Return who answers for a line."""
        operators = self.company.operators.get(line.id, [])
        if line.type == "call_center":
            return operators or self.rota.people
        # agents take calls of a queue first: where only they answer for a department, the whole office does
        return operators if any(user.id not in self.rota.turns for user in operators) else self.rota.people
