"""The connector's real command line, with the waiting taken out: for the speed of reading alone.

With BENCH_ALL_POSTS set, the hour's budget of export POSTs is taken out as well: for 2,000 windows at once.

Taken out are the 15 s before the first poll of an export and the pauses between polls (constants of
`source_dialpad.stats.jobs`), and the limits of requests a second (`api_budget` of the manifest).
Everything else is as users run it.
"""

from __future__ import annotations

import os
from typing import Any

from source_dialpad import source
from source_dialpad.run import run
from source_dialpad.stats import jobs, quota

WAITS = ("FIRST_POLL", "POLL_EVERY", "POLL_EVERY_LATER")

_composed = source.composed_manifest


def without_limits() -> dict[str, Any]:
    """The manifest without its rate limits."""
    return {name: part for name, part in _composed().items() if name != "api_budget"}


if __name__ == "__main__":
    for wait in WAITS:
        assert getattr(jobs, wait) > 0, wait  # noqa: S101  # a constant that is gone would be waited for unseen
        setattr(jobs, wait, 0.0)
    if "BENCH_ALL_POSTS" in os.environ:
        assert quota.ExportQuota.__init__.__defaults__ == (quota.POSTS_AN_HOUR, quota.HOUR)  # noqa: S101
        quota.ExportQuota.__init__.__defaults__ = (1_000_000, quota.HOUR)
    source.composed_manifest = without_limits
    run()
