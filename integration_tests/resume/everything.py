"""A quiet sync of all streams in process, and what a second sync reads from every state the first one printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from unittest.mock import patch

from fake_dialpad.world import World
from integration_tests.faults.matrix import SECTIONS, Account
from integration_tests.faults.reading import Outcome, Row, catalogue, read, table
from integration_tests.faults.still_clock import NOON, still_clock

FIRST_DAY = (NOON - timedelta(days=9)).date()
CONFIG: Row = {
    "start_date": FIRST_DAY.isoformat(),
    "lookback_days": 0,  # it would hide a hole
    **SECTIONS,
    "dialpad": {**SECTIONS["dialpad"], "export_window_days": 3, "aggregate_window": "week"},
    "analytics": {**SECTIONS["analytics"], "grain": "week"},
}

Table = dict[tuple[Any, ...], Row]


@cache
def _world() -> World:
    return World(seed=5, days=12, calls_per_day=8, messages_per_day=12, agents=8, call_centers=2, today=NOON.date())


def account() -> Account:
    """An account in which nothing new happens from two hours ago on."""
    made = Account(_world(), export_seconds=10)
    made.horizon = made.time() - 2 * 3600
    return made


@cache
def streams() -> dict[str, Row]:
    """The catalogue."""
    return catalogue(CONFIG)


def synced(names: list[str], state: list[Row]) -> Outcome:
    """A sync of some streams from a state, at noon; each window of each partition gives a state of its own."""
    with still_clock(), patch("source_dialpad.sync.cursor.STATE_EVERY_SECONDS", 0.0):
        outcome = read(account(), CONFIG, [streams()[name] for name in names], state)
    assert outcome.ended_by is None, outcome.ended_by.message
    return outcome


@dataclass
class Printed:
    """What a sync printed of one stream: its rows, and its states with the number of rows before each."""

    rows: list[Row] = field(default_factory=list)
    states: list[tuple[int, Row]] = field(default_factory=list)


def kept(messages: list[Row]) -> list[Row]:
    """Records and states."""
    return [each for each in messages if "record" in each or "state" in each]


@cache
def quiet() -> list[Row]:
    """What the quiet sync printed, in this order."""
    return kept(synced(list(streams()), []).messages)


def printed(messages: list[Row]) -> dict[str, Printed]:
    """The same, stream by stream."""
    found = {name: Printed() for name in streams()}
    for message in messages:
        if "record" in message:
            found[message["record"]["stream"]].rows.append(message["record"]["data"])
        elif "state" in message:
            told = message["state"]["stream"]
            of = found[told["stream_descriptor"]["name"]]
            of.states.append((len(of.rows), told))
    return found


def held(name: str, rows: list[Row]) -> Table:
    """The table of a stream in the warehouse."""
    if name in ("wfm_activity_metrics", "wfm_agent_metrics"):  # the interval of a running day ends when its sync began
        rows = [{column: value for column, value in row.items() if column != "interval"} for row in rows]
    return table(rows, streams()[name])


@cache
def _resumed(name: str, state: str) -> list[Row]:
    given = json.loads(state)
    return synced([name], [{"type": "STREAM", "stream": given}] if given else []).rows(name)


def resumed(name: str, state: Row | None) -> list[Row]:
    """The rows that a sync of a stream reads from one of its states."""
    return _resumed(name, json.dumps(state, sort_keys=True))


def after_a_kill(name: str, before: Printed) -> Table:
    """The table after a sync that was killed and one that went on from the last state it printed."""
    return held(name, before.rows + resumed(name, before.states[-1][1] if before.states else None))
