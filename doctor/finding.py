"""What the doctor finds, and what finding it costs."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Certainty(StrEnum):
    """How sure an answer is."""

    SEEN = "seen"
    SEEN_ONCE = "seen once"
    UNDECIDED = "not decidable with this account"


class Finding(NamedTuple):
    """The answer to one of the questions that the documents leave open.

    `answer` and `connector` are made of fixed words and of counts of the doctor's own, never of a value of the account.
    `setting` is the part of the configuration that can use the answer: `{"engagement": {"epoch_unit": "seconds"}}`.
    """

    section: str
    question: str
    answer: str
    certainty: Certainty
    connector: str
    setting: Mapping[str, Any] = {}


class Cost(NamedTuple):
    """What a part sends at most, but for polls of exports: `posts` start them, `seconds` are the usual time."""

    requests: int = 0
    posts: int = 0
    seconds: float = 0.0
