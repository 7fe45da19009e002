"""What follows from a call: its voicemail, its recordings, dispositions and the answers to its survey."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fake_dialpad.model import (
    MINUTE,
    SECOND,
    Disposition,
    Leg,
    Party,
    Recording,
    SurveyAnswer,
    Voicemail,
    sentence,
)
from fake_dialpad.rota import traits
from fake_dialpad.seasons import is_bad_week, profile

if TYPE_CHECKING:
    import random
    from datetime import date

    from fake_dialpad.company import Company

DISPOSITIONS: Final = (
    "Billing~Refund",
    "Billing~Invoice",
    "Technical~Router",
    "Technical~Line down",
    "Sales~New plan",
    "Sales~Upgrade",
    "Resolved",
    "Wrong number",
    "Call back, later",
    'Other~"see note"',
)


class Aftermath:
    """Collects what follows from the calls of a day."""

    def __init__(self, company: Company, rng: random.Random, day: date) -> None:
        self.company = company
        self.rng = rng
        self.bad = is_bad_week(company.seed, day)
        self.voicemails: list[Voicemail] = []
        self.recordings: list[Recording] = []
        self.dispositions: list[Disposition] = []
        self.answers: list[SurveyAnswer] = []

    def voicemail(self, leg: Leg, owners: list[Party]) -> None:
        """Leave a voicemail on a leg, which one of its owners listens to hours later, or nobody."""
        rng = self.rng
        listener = owners[int(rng.random() * len(owners))]
        listened = leg.ended_us + int(rng.expovariate(1 / (5 * 3600)) * SECOND) if rng.random() < 0.8 else None
        text = sentence(rng)
        if rng.random() < 0.1:
            text += f'\n{sentence(rng)}, "{sentence(rng)}"'
        # one in a thousand is longer than the 131,072 characters Python's csv module reads by default
        long = self.company.edge_cases and rng.random() < 0.001
        repeats = 140_000 // (len(text) + 1) + 1 if long else 1
        of_leg = (leg.ended_us, leg.ended_us, leg.office_id, leg.targets, leg)
        self.voicemails.append(Voicemail(*of_leg, listened, listener if listened else None, text, repeats))

    def record(self, entry: Leg, served: list[Leg]) -> None:
        """Record the legs in which a call was answered."""
        rng = self.rng
        for place, leg in enumerate(served):
            if leg.connected_us is None:
                continue
            ready = leg.ended_us + MINUTE + int(rng.random() * 10 * MINUTE)
            parts = 2 if rng.random() < 0.1 else 1  # paused and resumed: two recordings of one leg
            for part in range(parts):
                start = (leg.connected_us + part * (leg.ended_us - leg.connected_us) // 2) // SECOND * SECOND
                key = f"{int(entry.call_id) * 10 + place * 2 + part}"
                kind = "adminrecording" if rng.random() < 0.7 else "callrecording"
                url = "" if rng.random() < 0.02 else f"https://dialpad.com/blob/{kind}/{key}.mp3"
                self.recordings.append(
                    Recording(
                        start,
                        ready,
                        entry.office_id,
                        (*leg.targets, entry.target.id),
                        leg,
                        entry.call_id,
                        url,
                        (leg.ended_us - leg.connected_us) // parts,
                        kind,
                        key,
                    )
                )

    def dispose(self, entry: Leg, served: list[Leg]) -> None:
        """Let each agent of a call set a disposition, likelier one that fits the line."""
        rng = self.rng
        reasons = profile(entry.target).reasons
        weights = [1.0 + reasons.get(value, 0) + 2 * (value == "Resolved") for value in DISPOSITIONS]
        for leg in {leg.target.id: leg for leg in served}.values():
            if rng.random() < 0.05:
                continue
            late = int(min(rng.lognormvariate(7.0, 1.8), 2.5 * 86400) * SECOND)
            value = rng.choices(DISPOSITIONS, weights)[0] if rng.random() < 0.95 else ""
            draw = rng.random()
            self.dispositions.append(
                Disposition(
                    entry.at_us,
                    entry.ended_us,
                    entry.office_id,
                    (entry.target.id, leg.target.id),
                    entry,
                    leg,
                    "" if draw < 0.004 else entry.call_id,
                    None if 0.004 <= draw < 0.03 else leg.target,
                    value,
                    entry.ended_us + late,
                    sentence(rng) if value and rng.random() < 0.2 else "",
                )
            )

    def survey(self, entry: Leg, served: list[Leg], waited_us: int) -> None:
        """Let one caller in six answer a survey: the longer the wait, the worse, and not every agent pleases alike."""
        rng = self.rng
        if rng.random() > 0.18:
            return
        agent = served[-1].target
        at = entry.ended_us + MINUTE + int(min(rng.expovariate(1 / 1800), 5 * 3600) * SECOND)
        at = at // SECOND * SECOND
        mean = profile(entry.target).satisfaction + traits(self.company, agent).charm
        mean -= min(1.5, waited_us / SECOND / 240) + 0.4 * (len(served) > 1) + 0.5 * self.bad
        score = str(min(5, max(1, round(rng.gauss(mean + 0.35, 1.15)))))
        targets = (entry.target.id, agent.id)
        responses = [("How satisfied were you, 1 to 5?", score)]
        if rng.random() < 0.4:
            responses.append(("What could we do better?", f"{sentence(rng)}\n{sentence(rng)}"))
        for question, response in responses:
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, question, response))
        if rng.random() < 0.02:  # the key was pressed twice: two rows, the same in everything
            self.answers.append(SurveyAnswer(at, at, entry.office_id, targets, entry, agent, *responses[0]))
