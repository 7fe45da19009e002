"""An account to look at when there is no real one: fake_dialpad, started for one sync and stopped after it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAYS = 90
COMMAND = ("-m", "fake_dialpad", "--port", "0", "--days", str(DAYS), "--seed", "7", "--calls-per-day", "400")
ANNOUNCEMENT = "fake_dialpad: "

# The fake ends when its standard input does: also when this process is killed and can't say goodbye.
UNTIL_WE_END = '"$@" </dev/null & fake=$!; exec >/dev/null; cat; kill $fake; wait $fake'


class FakeDidNotStartError(RuntimeError):
    """The fake ended before it said where it listens; the text holds its last words."""


def config_for(base_url: str, today: datetime) -> dict[str, Any]:
    """A configuration with every section, for a fake at `base_url`; its keys are the fake's own and open nothing."""
    return {
        "start_date": (today - timedelta(days=DAYS)).date().isoformat(),
        "timezone": "UTC",
        "engagement": {"base_url": base_url, "api_key": "engagement-key-0123456789", "provider_id": "1020"},
        "dialpad": {"base_url": base_url, "api_key": "dialpad-key-0123456789"},
        "analytics": {"base_url": base_url, "api_key": "analytics-key-0123456789"},
    }


@contextmanager
def invented_account(log_path: Path) -> Iterator[dict[str, Any]]:
    """A configuration that works while the context is open; the fake's own log goes to `log_path`."""
    with log_path.open("wb") as log:
        fake = subprocess.Popen(  # noqa: S603  # our own program
            ["/bin/sh", "-c", UNTIL_WE_END, "sh", sys.executable, *COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            for line in fake.stdout or ():
                if line.startswith(ANNOUNCEMENT):
                    break
            else:
                raise FakeDidNotStartError(log_path.read_text().strip() or "It gave no reason.")
            yield config_for(line.removeprefix(ANNOUNCEMENT).strip(), datetime.now(UTC))
        finally:
            for end in (fake.stdin, fake.stdout):
                if end:
                    end.close()
            fake.wait()
