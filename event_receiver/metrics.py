"""Counts and times, in the text form that Prometheus reads (text exposition format 0.0.4).

Figures are of this process since its start. No label holds anything that came from a request.
"""

from bisect import bisect_left
from collections import Counter
from typing import Final

ANSWER_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper edges of the buckets; Dialpad waits 5 s."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Seconds, counted in buckets."""

    def __init__(self) -> None:
        self._counts = [0] * (len(ANSWER_SECONDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect_left(ANSWER_SECONDS, seconds)] += 1
        self._sum += seconds

    def lines(self, name: str) -> list[str]:
        """Return the samples: cumulative buckets, sum and count."""
        below = 0
        lines = []
        for edge, count in zip((*ANSWER_SECONDS, "+Inf"), self._counts, strict=True):
            below += count
            lines.append(f'{name}_bucket{{le="{edge}"}} {below}')
        return [*lines, f"{name}_sum {self._sum:.6f}", f"{name}_count {below}"]


class Metrics:
    """What the receiver did; each figure is written by one thread only."""

    def __init__(self) -> None:
        self.kept = 0
        self.repeated = 0
        self.refused: Counter[str] = Counter()
        self.store_errors = 0
        self.answers = Histogram()
        self.commits = Histogram()
        self.last_kept_at = 0.0
        self.waiting = 0
        self.connections = 0

    def text(self) -> str:
        """Return everything as one text."""
        singles = (
            ("events_kept_total", "counter", "Events kept for the first time.", self.kept),
            ("events_repeated_total", "counter", "Deliveries of an event that was already kept.", self.repeated),
            ("store_errors_total", "counter", "Attempts to reach the database that failed.", self.store_errors),
            ("events_waiting", "gauge", "Events received and not yet on disk.", self.waiting),
            ("connections", "gauge", "Open connections.", self.connections),
            ("last_kept_timestamp_seconds", "gauge", "When an event was last kept, 0 if never.", self.last_kept_at),
        )
        lines: list[str] = []
        for name, kind, meaning, value in singles:
            lines += [*_head(name, kind, meaning), f"event_receiver_{name} {value}"]
        lines += _head("requests_refused_total", "counter", "Requests refused, by the error of their answer.")
        lines += [
            f'event_receiver_requests_refused_total{{reason="{reason}"}} {count}'
            for reason, count in sorted(self.refused.items())
        ]
        for name, meaning, histogram in (
            ("answer_seconds", "From the head of a POST /events to its answer.", self.answers),
            ("commit_seconds", "One commit to the database, of one event or many.", self.commits),
        ):
            lines += [*_head(name, "histogram", meaning), *histogram.lines(f"event_receiver_{name}")]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, meaning: str) -> list[str]:
    return [f"# HELP event_receiver_{name} {meaning}", f"# TYPE event_receiver_{name} {kind}"]
