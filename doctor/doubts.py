"""The questions a section's documents leave open, each with what the connector does and what would answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from doctor.finding import Certainty, Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


class Doubt(NamedTuple):
    """What the connector does about a question, and what would answer it where an account does not."""

    connector: str
    needs: str


class Answers:
    """The answers found so far to a section's questions; iterated, one finding for each question, in their order."""

    def __init__(self, section: str, doubts: Mapping[str, Doubt]) -> None:
        self._section, self._doubts = section, doubts
        self._findings: dict[str, Finding] = {}

    def seen(self, question: str, answer: str, *, once: bool = False, setting: Mapping[str, Any] | None = None) -> None:
        """Notes an answer; `once` where a single observation shows it."""
        certainty = Certainty.SEEN_ONCE if once else Certainty.SEEN
        sections = {self._section: setting} if setting else {}
        doubt = self._doubts[question]
        self._findings[question] = Finding(self._section, question, answer, certainty, doubt.connector, sections)

    def undecided(self, question: str, answer: str = "") -> None:
        """Notes what was seen of a question that it does not answer, beside what would."""
        doubt = self._doubts[question]
        text = f"{answer}; it needs {doubt.needs}" if answer else f"open: it needs {doubt.needs}"
        self._findings[question] = Finding(self._section, question, text, Certainty.UNDECIDED, doubt.connector)

    def __iter__(self) -> Iterator[Finding]:
        for question in self._doubts:
            if question not in self._findings:
                self.undecided(question)
            yield self._findings[question]


ENDS: Final = {
    (True, True): "both are included",
    (True, False): "the start is included, the end is not",
    (False, True): "the end is included, the start is not",
    (False, False): "neither is included",
}


def note_ends(answers: Answers, question: str, seen: Collection[tuple[bool, bool]]) -> None:
    """Notes whether start and end of an interval are included, as the times of some records showed, each by itself."""
    if len(set(seen)) == 1:
        answers.seen(question, ENDS[next(iter(seen))], once=len(seen) == 1)
    elif seen:
        answers.undecided(question, "one record says this and another one that")
