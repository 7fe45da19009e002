"""What a run found: the table on the screen, doctor.json for `--compare`, and doctor.md to paste into an issue."""

from __future__ import annotations

import json
import platform
import textwrap
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from doctor.finding import Certainty, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FORMAT: Final = 1  # of doctor.json
COLUMNS: Final = ("question", "answer", "how sure", "what the connector does")
WIDTHS: Final = (26, 34, 16, 36)  # in hundredths and a bit of a screen: the rest is the gaps
GAP: Final = 2


@dataclass
class Outcome:
    """Everything a run shows; nothing else of it is kept."""

    settings: list[str]
    findings: list[Finding]
    streams: dict[str, dict[str, Any]]
    limits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    posts: int = 0
    polls: int = 0
    seconds: float = 0.0

    @property
    def sent(self) -> str:
        """What was sent, and how long it took."""
        exports = f", of which {self.posts} started exports and {self.polls} polled them" if self.posts else ""
        return f"{self.requests} requests in {self.seconds:.0f} s{exports}"

    def as_json(self) -> str:
        """The file that `--compare` reads."""
        document = {
            "format": FORMAT,
            "versions": versions(),
            "settings": self.settings,
            "cost": {
                "requests": self.requests,
                "export_posts": self.posts,
                "export_polls": self.polls,
                "seconds": round(self.seconds),
            },
            "notes": self.notes,
            "headers_about_limits": self.limits,
            "findings": [finding._asdict() for finding in self.findings],
            "streams": self.streams,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def versions() -> dict[str, str]:
    """Of everything whose version may matter to a reader."""
    named = {name: version(name) for name in ("airbyte-source-dialpad", "airbyte-cdk", "requests")}
    return {**named, "python": platform.python_version()}


def table(rows: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """Rows with wrapped cells; the first is the heading."""
    for number, row in enumerate(rows):
        cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            parts = [cell[line] if line < len(cell) else "" for cell in cells]
            yield (" " * GAP).join(part.ljust(width) for part, width in zip(parts, widths, strict=True)).rstrip()
        if number == 0:
            yield (" " * GAP).join("─" * width for width in widths)


def screen(outcome: Outcome, width: int) -> Iterator[str]:
    """The closing lines on the screen."""
    shares = [max(12, (width - GAP * 3) * share // sum(WIDTHS)) for share in WIDTHS]
    for section in dict.fromkeys(finding.section for finding in outcome.findings):
        rows = [row(finding) for finding in outcome.findings if finding.section == section]
        yield f"\n{section.upper()}"
        yield from table([COLUMNS, *rows], shares)
    yield "\nSTREAMS"
    yield from streams_in_short(outcome.streams, width)
    yield from (f"\n{note}" for note in outcome.notes)
    if lines := list(settings_of(outcome.findings)):
        yield "\nFor the configuration:"
        yield from (f"  {line}" for line in lines)


def row(finding: Finding) -> tuple[str, str, str, str]:
    """A finding as cells of the table."""
    return finding.question, finding.answer, str(finding.certainty), finding.connector


def streams_in_short(streams: Mapping[str, Mapping[str, Any]], width: int) -> Iterator[str]:
    """How many streams answered in which way, and each that was refused, with the words of the refusal."""
    outcomes = list(dict.fromkeys(report["outcome"] for report in streams.values()))
    for outcome in sorted(outcomes, key=lambda one: (not one.startswith("reachable"), one)):
        names = [name for name, report in streams.items() if report["outcome"] == outcome]
        line = f"{len(names)} {outcome}" + ("" if outcome == "reachable" else f": {', '.join(names)}")
        yield from textwrap.wrap(line, width, subsequent_indent="    ")
    refusals: dict[str, list[str]] = {}
    for name, report in streams.items():
        if "words" in report:
            refusals.setdefault(report["words"], []).append(name)
    for words, names in refusals.items():
        yield from textwrap.wrap(f"Refused ({', '.join(names)}): {words}", width, subsequent_indent="    ")
    if unknown := [name for name, report in streams.items() if report.get("unknown")]:
        line = f"{len(unknown)} have columns that their schema lacks, named in doctor.md: {', '.join(unknown)}"
        yield from textwrap.wrap(line, width, subsequent_indent="    ")


def settings_of(findings: Sequence[Finding]) -> Iterator[str]:
    """The lines that a user may put into the configuration."""
    for finding in findings:
        for section, members in finding.setting.items():
            yield f'"{section}": {json.dumps(members)}   # {finding.question}'


def markdown(outcome: Outcome) -> str:
    """The short page."""
    named = ", ".join(f"{name} {number}" for name, number in versions().items())
    lines = [
        "# What the doctor found",
        "",
        f"{named}. {outcome.sent}. Settings given: {', '.join(outcome.settings)}.",
        "",
    ]
    lines += [f"- {note}" for note in outcome.notes]
    lines += [f"- Headers about limits: {', '.join(outcome.limits) or 'none came'}.", ""]
    lines += ["| API | question | answer | how sure |", "|---|---|---|---|"]
    for finding in outcome.findings:
        sure = f"**{finding.certainty}**" if finding.certainty is not Certainty.UNDECIDED else str(finding.certainty)
        lines.append(f"| {finding.section} | {finding.question} | {finding.answer} | {sure} |")
    if settings := list(settings_of(outcome.findings)):
        lines += ["", "For the configuration:", "", *(f"    {line}" for line in settings)]
    lines += ["", "| stream | outcome | rows | columns | unknown | not seen |", "|---|---|---|---|---|---|"]
    for name, report in outcome.streams.items():
        counts = [str(report.get(member, "")) for member in ("rows", "columns_seen")]
        unknown = ", ".join(report.get("unknown", []))
        not_seen = str(len(report["not_seen"])) if report.get("not_seen") else ""
        told = f"{report['outcome']}: {report['words']}" if "words" in report else report["outcome"]
        lines.append(f"| {name} | {told} | {' | '.join(counts)} | {unknown} | {not_seen} |")
    lines += [
        "",
        "Not seen: columns of the schema that no row had; doctor.json names them, and says more of each column.",
    ]
    return "\n".join(lines) + "\n"
