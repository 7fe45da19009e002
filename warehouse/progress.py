"""What a sync shows: one line while it works, one table when it is done."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from warehouse.relay import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType

ON_A_TERMINAL, IN_A_LOG = 0.2, 5.0  # seconds between two lines
AGAIN = 60.0  # seconds after which a log is told again what it was told last
NAMED = 3  # streams a line has room for
EXPORTS = ("records_", "stats_")
FRESH = 45.0  # seconds for which the connector's own log line about waiting is shown; it writes one every 30 s


@dataclass(frozen=True)
class Row:
    """One stream of the closing table."""

    stream: str
    read: int
    new: int | None
    """Rows whose key the table did not hold; None when it was not loaded."""
    updated: int
    """Rows that were there and were read again."""
    seconds: float
    how: str
    """How the stream was read, or why it was not."""


def table(rows: Iterable[Row]) -> str:
    """The closing table: right-aligned numbers, a total, no frames."""
    rows = list(rows)
    total = Row(
        "total", sum(r.read for r in rows), sum(r.new or 0 for r in rows), sum(r.updated for r in rows), 0.0, ""
    )
    width = max(len(row.stream) for row in [*rows, total])
    lines = [f"{'stream':<{width}}  {'rows read':>10}  {'new':>10}  {'updated':>10}  {'seconds':>7}"]
    for row in rows:
        new = "-" if row.new is None else f"{row.new:,}"
        numbers = f"{row.read:>10,}  {new:>10}  {row.updated:>10,}  {row.seconds:>7.1f}"
        lines.append(f"{row.stream:<{width}}  {numbers}  {row.how}".rstrip())
    lines.append(f"{total.stream:<{width}}  {total.read:>10,}  {total.new:>10,}  {total.updated:>10,}")
    return "\n".join(lines)


def reading(seen: Seen, streams: int) -> str:
    """Where the connector is: `read 4 of 24 streams, 31,204 rows; now messages 12,311 and calls 9,120; …`.

    Export streams without a row are waiting for Dialpad: how many, or what the connector has just logged about it.
    """
    open_streams = [name for name in seen.began if name not in seen.ended]
    waiting = [name for name in open_streams if name.startswith(EXPORTS) and not seen.rows.get(name)]
    working = sorted((name for name in open_streams if name not in waiting), key=lambda name: -seen.rows.get(name, 0))
    parts = [f"read {len(seen.ended)} of {streams} streams, {sum(seen.rows.values()):,} rows"]
    if working:
        named = ", ".join(f"{name} {seen.rows.get(name, 0):,}" for name in working[:NAMED])
        parts.append(f"now {named}" + (f" and {len(working) - NAMED} more" if len(working) > NAMED else ""))
    if time.time() - seen.waiting_since < FRESH and seen.waiting.partition(":")[0] not in seen.ended:
        parts.append(seen.waiting)
    elif waiting:
        one = len(waiting) == 1
        parts.append(
            f"Dialpad is preparing the exports of {waiting[0] if one else f'{len(waiting)} streams'} (15 to 35 s)"
        )
    return "; ".join(parts)


class Progress:
    """Prints one line again and again while a step works: over itself on a terminal, one below the other in a log."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._began = time.monotonic()
        self._last, self._last_at = "", 0.0

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._out.write(f"{self._clear()}{text}\n")
        self._out.flush()

    def _clear(self) -> str:
        return "\r\x1b[K" if self._live else ""

    def while_working(self, describe: Callable[[], str]) -> _Ticker:
        """Show `describe()` until the context ends."""
        return _Ticker(self, describe)

    def show(self, text: str) -> None:
        """Print a line that the next one may replace."""
        now = time.monotonic()
        line = f"{now - self._began:>5.0f} s  {text}"
        if not self._live and text == self._last and now - self._last_at < AGAIN:
            return
        self._last, self._last_at = text, now
        if self._live:
            self._out.write(self._clear() + line[: shutil.get_terminal_size().columns - 1])
        else:
            self._out.write(line + "\n")
        self._out.flush()

    @property
    def pace(self) -> float:
        """Seconds between two lines."""
        return ON_A_TERMINAL if self._live else IN_A_LOG


class _Ticker:
    def __init__(self, progress: Progress, describe: Callable[[], str]) -> None:
        self._progress, self._describe = progress, describe
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def _tick(self) -> None:
        while not self._over.wait(self._progress.pace):
            self._progress.show(self._describe())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()


def following(seen_path: Path, streams: int, loading: list[str]) -> Callable[[], str]:
    """A description of a read: by what the connector has sent, then by what has gone into the warehouse."""

    def describe() -> str:
        if loading:
            return f"loading {len(loading)} of {streams} tables; now {loading[-1]}"
        return reading(Seen.read(seen_path), streams)

    return describe
