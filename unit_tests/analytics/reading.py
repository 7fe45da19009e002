"""How tests read an account of the fake, and what they compare."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import requests

from unit_tests.core.reading import Read, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fake_dialpad.server import FakeDialpad

Row = dict[str, Any]

NOW = datetime(2026, 11, 9, 12, tzinfo=UTC)
URL = "https://analytics.example"


@dataclass
class Account:
    """A fake, and how it is read; the start lies before the clocks of Europe and America change."""

    fake: FakeDialpad
    start: str = "2026-10-22"
    timezone: str = "UTC"
    settings: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)

    def config(self) -> dict[str, Any]:
        return {
            "start_date": self.start,
            "timezone": self.timezone,
            "analytics": {"base_url": URL, "api_key": self.fake.keys.analytics, **self.settings},
            **self.more,
        }

    def read(self, *streams: str, state: Mapping[str, Any] | None = None) -> Read:
        return read(self.config(), *streams, state=state)

    def rows(self, stream: str, state: Mapping[str, Any] | None = None) -> list[Row]:
        """The rows of a stream; a sync that fails is not to be compared."""
        outcome = self.read(stream, state=state)
        assert outcome.errors == []
        assert outcome.ended_by is None
        return outcome.records

    def error(self, stream: str) -> str:
        """The text of the error a sync ends with."""
        outcome = self.read(stream)
        told = [error.message for error in outcome.errors if error.message]
        if outcome.ended_by and outcome.ended_by.message:
            told.append(outcome.ended_by.message)
        assert told, "the sync did not fail"
        return str(told[0])

    def truth(self, stream: str, **parameters: Any) -> list[Row]:
        answer = requests.get(
            f"{URL}/_fake/truth/{stream}",
            params={"start": self.start, "timezone": self.timezone, **parameters},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        rows: list[Row] = answer.json()["rows"]
        return rows

    def bodies(self, path: str = "metrics") -> list[Row]:
        """The bodies of the POST requests to an operation."""
        return [
            orjson.loads(entry["body"])
            for entry in self.fake.log
            if entry["method"] == "POST" and entry["path"].endswith(f"analytics/{path}")
        ]


def figures(rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    """Metric data by what a figure is of: one row each."""
    return Counter(
        (
            row["metric_id"],
            datetime.fromisoformat(row["window_start"]),
            datetime.fromisoformat(row["window_end"]),
            row["breakdown_value"],
            row["measure"],
            row["presence_status"],
            row["value"],
        )
        for row in rows
    )


def records(rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    """Record data as they are emitted, one entry a key."""
    held = {row["record_key"]: row for row in rows}
    return Counter(
        (row["record_id"], datetime.fromisoformat(row["primary_timestamp"]), *_text(row)) for row in held.values()
    )


def true_records(rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
    """Record data as the account holds them."""
    made = []
    for row in rows:
        primary = row["primaryTimestampField"]
        fields: Row = {}
        labels: Row = {}
        for each in row["fields"]:
            held = each.get("field") or {}
            many = held.get("values")
            fields[each["name"]] = (
                held.get("value", held.get("timestamp")) if many is None else [one["value"] for one in many]
            )
            label = held.get("label") if many is None else [one["label"] for one in many] or None
            if label is not None:
                labels[each["name"]] = label
        flat = {
            "primary_timestamp_name": primary["name"],
            "fields": fields,
            "labels": labels,
            "value": (row.get("value") or {}).get("value"),
        }
        made.append((row["record_id"], datetime.fromisoformat(primary["timestamp"]), *_text(flat)))
    return Counter(made)


def _text(row: Row) -> tuple[str, ...]:
    names = ("primary_timestamp_name", "value", "fields", "labels")
    return tuple(orjson.dumps(row.get(name) or None, option=orjson.OPT_SORT_KEYS).decode() for name in names)
