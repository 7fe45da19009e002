"""The command line: python -m doctor --config FILE [--out DIR] | --compare doctor.json."""

from __future__ import annotations

import argparse
import io
import json
import logging
import shutil
import sys
import textwrap
import time
import traceback
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from doctor import analytics, compare, conversations, engagement, events, exports, lists, reach, report, shape
from doctor.ask import Ask
from doctor.finding import Cost, Finding
from source_dialpad.config import SECTIONS, CheckedConfig
from source_dialpad.source import resolved_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WIDEST: Final = 140  # columns of a screen that the table uses
SAY_EVERY: Final = 20.0  # seconds between two lines while exports are waited for
ORDER: Final = ("engagement", "stats", "analytics", "conversations", "directory", "events")  # of the pages
PROBED: Final = {  # by the section they ask
    "engagement": (engagement,),
    "dialpad": (exports, conversations),
    "analytics": (analytics,),
    "event_receiver": (events,),
}


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What the user asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m doctor",
        description="Ask an account what no document says. Nothing is changed, and nobody's data is shown or kept.",
    )
    parser.add_argument("--config", type=Path, help="the connector's configuration, a JSON file")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for doctor.json and doctor.md (default: here)")
    parser.add_argument("--compare", type=Path, help="a doctor.json: which schemas and documents does it contradict?")
    asked = parser.parse_args(words)
    if not asked.config and not asked.compare:
        parser.error("name the connector's configuration: --config secrets/config.json, or CONFIG=… with make")
    return asked


def configuration(path: Path) -> tuple[list[str], dict[str, Any]]:
    """The names of the settings in a file, and the checked configuration; its values are in no error."""
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        given = [f"{name}.{each}" for name in SECTIONS for each in config.get(name) or ()]
        properties = resolved_manifest()["spec"]["connection_specification"]["properties"]
        CheckedConfig({"properties": properties}).transform(config)
    except OSError as error:
        raise SystemExit(f"The configuration can't be read: {error.strerror}.") from None
    except (ValueError, TypeError, AttributeError):
        raise SystemExit("The configuration is no JSON object in UTF-8.") from None
    except AirbyteTracedException as error:
        raise SystemExit(
            f"{shape.words(error.message or '')}\n`source-dialpad check` says it with the values."
        ) from None
    return given, config


class Doctor:
    """One run: its parts one after the other; what goes wrong in one is noted, and the others go on."""

    def __init__(self, config: Mapping[str, Any], output: TextIO) -> None:
        self.config, self.output = config, output
        self.ask = Ask(config)
        self.reach = reach.Reach(self.ask, config)
        self.exports = exports.Exports(self.reach)
        self.findings: list[Finding] = []
        self.notes: list[str] = []

    def run(self) -> report.Outcome:
        """Asks everything; the outcome."""
        began = time.monotonic()
        find = self.findings.extend
        if "dialpad" in self.config:
            self._part("starting the exports", self.exports.start)
        if "engagement" in self.config:
            self._part("Digital Engagement", lambda: find(engagement.findings(self.ask, self.config)))
        if "analytics" in self.config:
            self._part("Analytics", lambda: find(analytics.findings(self.ask, self.config)))
            self._part("catalogs", self.reach.analytics)
        self.reach.probed()
        if "dialpad" in self.config:
            self._part("a page of every list", self._lists)
            self._part("calls and sessions", lambda: find(conversations.findings(self.reach)))
        if "event_receiver" in self.config:
            self._part("events", lambda: find(events.findings(self.reach)))
        if "dialpad" in self.config:
            self._part("waiting for the exports", self._wait)
            self._part("reading them", lambda: find(self.exports.findings()))
        for section, reply in self.ask.closed.items():
            words = shape.words(reply.refusal or "")
            self.notes.append(f"{section}: it was not asked any more. {words}")
        sections = [name for name in SECTIONS if name not in self.config]
        if sections:
            self.notes.append(f"Not configured, so not asked: {', '.join(sections)}.")
        streams = {name: self.reach.reports[name] for name in reach.declared_streams() if name in self.reach.reports}
        self.findings.sort(key=lambda finding: ORDER.index(finding.section))
        return report.Outcome(
            [],
            self.findings,
            streams,
            sorted(self.ask.limits),
            self.notes,
            self.ask.requests,
            self.ask.posts,
            self.ask.polls,
            time.monotonic() - began,
        )

    def _part(self, name: str, part: Callable[[], None]) -> None:
        before, began = self.ask.requests, time.monotonic()
        self._say(f"  {name:28}", end="")
        try:
            part()
        except Exception as error:  # noqa: BLE001  # one answer of a shape nobody thought of must not end the others
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.notes.append(
                f"{name} stopped ({type(error).__name__}, {Path(place.filename).name} line {place.lineno})."
            )
        self._say(f"{self.ask.requests - before:4} requests {time.monotonic() - began:6.1f} s")

    def _lists(self) -> None:
        self.reach.lists()
        self.findings.extend(lists.findings(self.reach))

    def _wait(self) -> None:
        said_at = time.monotonic()
        for left in self.exports.finish():
            if time.monotonic() - said_at >= SAY_EVERY:
                said_at = time.monotonic()
                self._say(
                    f"\n    {left} exports are awaited; those that are not there after 10 minutes are given up", end=""
                )

    def _say(self, text: str, end: str = "\n") -> None:
        self.output.write(f"{text}{end}")
        self.output.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Examine an account. 0: the files are written, whatever was found."""
    asked = arguments(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an old terminal is no reason to lose the table
    if asked.compare:
        return compare.main(asked.compare, sys.stdout)
    logging.disable(logging.CRITICAL)  # the connector's and the CDK's lines may quote the account
    warnings.simplefilter("ignore")
    settings, config = configuration(asked.config)
    try:
        asked.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"The folder for the two files can't be made: {error.strerror}.") from None
    width = min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)
    sys.stdout.write(f"{textwrap.fill(whole_cost(config), width)}\n\n")
    screen = sys.stdout
    with redirect_stdout(io.StringIO()):  # where the CDK writes messages for the platform
        outcome = Doctor(config, screen).run()
    outcome.settings = settings
    (asked.out / "doctor.json").write_text(outcome.as_json(), encoding="utf-8")
    (asked.out / "doctor.md").write_text(report.markdown(outcome), encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in report.screen(outcome, width))
    files = "doctor.md, to paste into an issue, and doctor.json"
    sys.stdout.write(f"\n{textwrap.fill(f'{outcome.sent}. Written: {files}.', width)}\n")
    return 0


def whole_cost(config: Mapping[str, Any]) -> str:
    """What a run sends at most, as the user reads it before it starts."""
    costs = [reach.cost(config)]
    costs += [part.cost(config) for section, parts in PROBED.items() if section in config for part in parts]
    whole = Cost(*(sum(values) for values in zip(*costs, strict=True)))
    minutes = max(1, round(whole.seconds / 60))
    sections = ", ".join(name for name in SECTIONS if name in config)
    said = f"The doctor asks {sections}. It only reads, and shows nobody's data. At most {whole.requests} requests"
    if whole.posts:
        said += (
            f", {whole.posts} of which start exports (Dialpad allows 200 an hour); beside them each export is polled "
        )
        said += "every 5 to 10 s until it is ready"
    slow = ", and up to 10 more where exports are slow" if whole.posts else ""
    return f"{said}. That takes {minutes} to {minutes + 1} minutes{slow}. Ctrl-C stops it."


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nStopped; nothing is written.")
