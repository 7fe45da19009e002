"""The scorecards of the company and the gradings of calls by their supervisors, day by day."""
# ruff: noqa: PLR2004 - the numbers are the odds of the dice

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fake_dialpad.model import HOUR, SECOND, Leg, Party, midnight

if TYPE_CHECKING:
    import random

    from fake_dialpad.world import World

Item = dict[str, Any]
_QUALITY: Final = ("Very poor", "Poor", "Fair", "Good", "Excellent")
_FREQUENCY: Final = ("Never", "Rarely", "Sometimes", "Often", "Always")
_YES_NO: Final = ("No", "Yes")
_PHRASES: Final = (
    "Friendly from the first second, keep that.",
    "Ask for the order number earlier.",
    "The summary at the end was missing.",
    "Good handling of a difficult customer, see 02:10.",
    'Please say "my name is", not "it is".',
    "Hold time was announced,\nbut not the reason for it.",
    "",
    "",
    "",
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a scorecard; an answer is worth its place among the options."""

    id: str
    text: str
    type: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """A form by which calls are graded."""

    id: str
    name: str
    state: str
    category: tuple[str, ...]
    with_ai: bool
    questions: tuple[Question, ...]

    def item(self, place: int) -> Item:
        """Return the scorecard as the API gives it; `place` is its place in the list."""
        created = datetime(2025, 4, 1, 8, tzinfo=UTC) + timedelta(days=place * 37, minutes=place * 11)
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "category": list(self.category),
            "has_ai_question": self.with_ai,
            "date_created": f"{created:%Y-%m-%dT%H:%M:%S}",
            "date_modified": f"{created + timedelta(days=12, hours=3):%Y-%m-%dT%H:%M:%S}",
            "questions": [
                {
                    "id": one.id,
                    "text": one.text,
                    "type": one.type,
                    **({} if one.type == "yesNo" else {"options": {str(i): o for i, o in enumerate(one.options)}}),
                }
                for one in self.questions
            ],
        }


def _scorecard(
    number: int, name: str, state: str, category: str, *questions: tuple[str, str, tuple[str, ...]]
) -> Scorecard:
    return Scorecard(
        f"500000000001{6000 + number}",
        name,
        state,
        (category,),
        number == 1,
        tuple(
            Question(f"50000000001{6000 + number}{i:02d}", text, kind, options)
            for i, (text, kind, options) in enumerate(questions, 1)
        ),
    )


SCORECARDS: Final = (
    _scorecard(
        1,
        "Support quality",
        "active",
        "Support",
        ("Did the agent introduce themselves?", "yesNo", _YES_NO),
        ("How well did the agent understand the problem?", "likertQuality", _QUALITY),
        ("How often did the agent interrupt the customer?", "likertFrequency", _FREQUENCY[::-1]),
        ("Was the problem solved in this call?", "multipleChoice", ("No", "In part", "Yes, completely")),
    ),
    _scorecard(
        2,
        "Sales call",
        "active",
        "Sales",
        ("Were the needs of the customer asked for?", "yesNo", _YES_NO),
        ("How clear was the offer?", "likertQuality", _QUALITY),
        ("Next step agreed on?", "multipleChoice", ("No", "Email", "Appointment")),
    ),
    _scorecard(
        3,
        'Compliance, "short form"',
        "active",
        "Compliance",
        ("Was the recording announced?", "yesNo", _YES_NO),
        ("Was the identity checked?", "yesNo", _YES_NO),
    ),
    _scorecard(
        4,
        "Support quality 2024",
        "archived",
        "Support",
        ("Did the agent introduce themselves?", "yesNo", _YES_NO),
        ("Overall impression", "likertQuality", _QUALITY),
    ),
    _scorecard(5, "Retention (draft)", "draft", "Sales", ("Was an offer made?", "yesNo", _YES_NO)),
)


@dataclass(slots=True)
class Grading:
    """One grading of one leg: `answers` is the place of the chosen option of each question."""

    at_us: int
    visible_us: int
    office_id: str
    targets: tuple[str, ...]
    leg: Leg
    scorecard: Scorecard
    grader: Party
    answers: tuple[int, ...]
    notes: tuple[str, ...]
    comment: str

    def edits(self) -> tuple[int, ...]:
        """Return nothing: a grading does not change."""
        return ()

    @property
    def points(self) -> int:
        """The sum of all answers."""
        return sum(self.answers)

    @property
    def most_points(self) -> int:
        """The most points this scorecard can give."""
        return sum(len(question.options) - 1 for question in self.scorecard.questions)


def scorecards(_: object) -> list[Item]:
    """Return the scorecards in every state, as the API lists them."""
    return [one.item(place) for place, one in enumerate(SCORECARDS)]


def graders(world: World) -> list[Party]:
    """Return the users who grade calls: the coaches."""
    return world.users[:15:5] or world.users[:1]


def gradings(world: World, day: date) -> list[Grading]:
    """Return the gradings made on a UTC day, oldest first, of calls of the seven days before it."""
    rng = world.rng("gradings", day)
    if day < world.first_day:
        return []
    rows: list[Grading] = []
    for _ in range(max(3, int(world.calls_per_day * (0.05 if day.weekday() < 5 else 0.01)))):
        called = day - timedelta(days=1 + rng.randrange(7))
        legs = [
            leg for leg in world.calls(called).legs.rows if leg.connected_us is not None and leg.operator is not None
        ]
        if legs:
            rows.append(_grading(rng, world, day, legs[int(rng.random() * len(legs))]))
    rows += rows[:1] if rng.random() < 0.1 else []  # graded twice in one second: two identical rows
    return sorted(rows, key=lambda row: row.at_us)


def _grading(rng: random.Random, world: World, day: date, leg: Leg) -> Grading:
    scorecard = SCORECARDS[int(rng.random() * 3)]
    at = midnight(day) + (8 * HOUR + int(rng.random() * 10 * HOUR)) // SECOND * SECOND
    answers, notes = [], []
    for question in scorecard.questions:
        best = len(question.options) - 1
        answers.append(best if rng.random() < 0.55 else rng.randrange(best + 1))
        notes.append(rng.choice(_PHRASES) if rng.random() < 0.2 else "")
    grader = graders(world)[int(rng.random() * len(graders(world)))]
    comment = rng.choice(_PHRASES)
    return Grading(at, at, leg.office_id, leg.targets, leg, scorecard, grader, tuple(answers), tuple(notes), comment)
