"""One run of the doctor in this process, over real HTTP, and all that it puts out."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from doctor import __main__ as doctor_main
from doctor import ask
from source_dialpad.source import resolved_manifest
from source_dialpad.stats import jobs
from source_dialpad.transport.shared import forget_findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

KEYS = {
    "dialpad": "dialpad-key-0123456789",
    "engagement": "engagement-key-0123456789",
    "analytics": "analytics-key-0123456789",
    "event_receiver": "reader-key-0123456789",
}


class Run(NamedTuple):
    """What a run put out."""

    screen: str
    page: str
    document: dict[str, Any]
    everything: str
    """The screen, standard error, both files and the log."""

    def outcomes(self, section: str) -> set[str]:
        """How the streams of a section answered."""
        return {one["outcome"] for one in self.document["streams"].values() if one["section"] == section}

    def answer(self, question: str) -> tuple[str, str]:
        """An answer and how sure it is."""
        (found,) = [one for one in self.document["findings"] if one["question"] == question]
        return found["answer"], found["certainty"]


def config_of(url: str, *sections: str, **keys: str) -> dict[str, Any]:
    """A configuration of some sections, all at one address; keys other than the fake's by section."""
    config: dict[str, Any] = {each: {"base_url": url, "api_key": keys.get(each, KEYS[each])} for each in sections}
    if "engagement" in config:
        config["engagement"]["provider_id"] = "1020"
    return config


@contextmanager
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is waited for: not for a rate limit, not before a poll, not before what may pass is asked for again."""
    with monkeypatch.context() as patched:
        patched.setitem(resolved_manifest()["api_budget"], "policies", [])
        patched.setattr(jobs, "FIRST_POLL", 0.0)
        patched.setattr(jobs, "POLL_EVERY", 0.1)
        patched.setattr(jobs, "PAUSE_AFTER_ERROR", 0.1)
        patched.setattr(ask, "PAUSES", (0.0, 0.0))
        yield


def examined(
    config: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A run with a configuration."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    log = folder / "log"
    handler = logging.FileHandler(log)
    logging.getLogger().addHandler(handler)
    forget_findings(lasting=True)
    capsys.readouterr()
    try:
        with in_a_hurry(monkeypatch):
            assert doctor_main.main(["--config", str(path), "--out", str(folder / "out")]) == 0
    finally:
        logging.getLogger().removeHandler(handler)
        logging.disable(logging.NOTSET)
        handler.close()
    put = capsys.readouterr()
    page, document = ((folder / "out" / name).read_text() for name in ("doctor.md", "doctor.json"))
    everything = put.out + put.err + page + document + log.read_text()
    return Run(put.out, page, json.loads(document), everything)
