"""Counts and times of this process since its start, in the text form that Prometheus reads.

No label holds anything that came from a request.
"""

from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; Dialpad waits 5 s."""

disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """What the receiver did."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": "event_receiver", "registry": self._registry}
        self.kept = Counter("events_kept", "Events stored for the first time.", ["kind"], **own)
        self.repeated = Counter("events_repeated", "Deliveries of an event that was already stored.", ["kind"], **own)
        self.refused = Counter("requests_refused", "Requests refused, by the error of their answer.", ["reason"], **own)
        self.store_errors = Counter("store_errors", "Attempts to reach the database that failed.", **own)
        self.waiting = Gauge("events_waiting", "Events that wait for the next commit.", **own)
        self.last_kept_at = Gauge("last_kept_timestamp_seconds", "When an event was last stored.", ["kind"], **own)
        self.answers = Histogram("answer_seconds", "From the head of a delivery to its answer.", buckets=BUCKETS, **own)
        self.commits = Histogram("commit_seconds", "One commit, of one event or many.", buckets=BUCKETS, **own)

    def text(self) -> str:
        """Return everything as one text."""
        return generate_latest(self._registry).decode()
