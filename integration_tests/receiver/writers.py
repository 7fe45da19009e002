"""What one of several writers does, in a process of its own."""

import random
import time

from event_receiver.delivery import Event
from event_receiver.store import Store
from unit_tests.receiver.in_process import before_commits

SHARED = [Event(f"shared-{number}", "{}") for number in range(10)]


class LateCommitError(Exception):
    """A transaction that ends in a roll-back."""


def write(database: str, writer: int, turns: int) -> tuple[list[str], list[str]]:
    """Keep a few events a turn, committing late and sometimes not at all; return what was kept and what repeated."""
    dice = random.Random(writer)  # noqa: S311 - the same delays at every run, not safe ones
    fails = False

    def commit_late_or_not_at_all() -> None:
        time.sleep(dice.uniform(0, 0.02))  # the late commit that a reader must not be misled by
        if fails:
            raise LateCommitError

    store = Store(database)
    before_commits(store, commit_late_or_not_at_all)
    kept: list[str] = []
    repeated: list[str] = []
    for turn in range(turns):
        events = [Event(f"{writer}-{turn}-{number}", "{}") for number in range(dice.randint(1, 4))]
        events.append(dice.choice(SHARED))
        dice.shuffle(events)
        while fails := dice.random() < 0.2:
            try:
                store.append(events)
            except LateCommitError:
                continue
        for receipt in store.append(events):
            (kept if receipt.new else repeated).append(receipt.event_id)
    store.close()
    return kept, repeated
