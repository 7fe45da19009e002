"""A sync may be killed at any moment, and the next one may begin from any state that was ever printed.

What a killed process has not printed is lost with it, so a kill is the beginning of its output: see test_kill.py for
processes that are killed indeed.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from integration_tests.faults.reading import last_states
from integration_tests.resume.everything import after_a_kill, held, kept, printed, quiet, resumed, streams, synced

NAMES = sorted(path.stem for path in (Path(__file__).parents[2] / "schemas").glob("*.json"))
INCREMENTAL = [name for name in NAMES if "incremental" in streams()[name]["supported_sync_modes"]]
RELEASES = sorted((Path(__file__).parent / "states").glob("*.json"))
MOMENTS = 50


def test_every_state_brings_what_was_not_printed_before_it() -> None:
    whole = printed(quiet())
    assert [name for name in NAMES if not whole[name].states] == []
    assert [
        (name, state)
        for name in NAMES
        for number, state in whole[name].states
        if held(name, whole[name].rows[:number] + resumed(name, state)) != held(name, whole[name].rows)
    ] == []


def test_states_spare_the_next_sync_most_of_the_work() -> None:
    whole = printed(quiet())
    read_again = {name: len(resumed(name, whole[name].states[-1][1])) for name in INCREMENTAL}
    assert [name for name in INCREMENTAL if read_again[name] > len(whole[name].rows)] == []
    assert sum(read_again.values()) < sum(len(whole[name].rows) for name in INCREMENTAL) / 3


def test_a_kill_costs_no_table_a_row() -> None:
    messages = quiet()
    whole = {name: held(name, each.rows) for name, each in printed(messages).items()}
    kills = {moment: printed(messages[: len(messages) * moment // MOMENTS]) for moment in range(MOMENTS)}
    assert [
        (moment, name)
        for moment, before in kills.items()
        for name in NAMES
        if after_a_kill(name, before[name]) != whole[name]
    ] == []


def test_all_streams_go_on_together() -> None:
    before = quiet()[: len(quiet()) // 2]
    rest = printed(kept(synced(NAMES, last_states(before)).messages))
    whole = printed(quiet())
    for name in NAMES:
        assert held(name, printed(before)[name].rows + rest[name].rows) == held(name, whole[name].rows)


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_the_states_of_a_release_are_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "airbyte")
    states = json.loads(path.read_text(encoding="utf-8"))
    names = [state["stream"]["stream_descriptor"]["name"] for state in states]
    assert {*names} <= {*INCREMENTAL}
    found = printed(kept(synced(names, states).messages))
    whole = printed(quiet())
    for name in names:
        assert {*held(name, found[name].rows)} <= {*held(name, whole[name].rows)}
    assert sum(len(found[name].rows) for name in names) < sum(len(whole[name].rows) for name in names)
    assert [text for text in caplog.messages if "state" in text] == []


def test_this_release_has_its_states() -> None:
    assert "0.1.0" in {path.stem for path in RELEASES}
