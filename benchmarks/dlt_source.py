"""A dlt source for the same four streams: pages handed on as lists, extracted to dlt's own JSON lines.

    python benchmarks/dlt_source.py calls http://localhost:PORT 2026-10-21 FOLDER

It says on standard output how many rows were extracted. No incremental hint, which would look at each row: the fastest
way to use it.
"""

from __future__ import annotations

import csv
import io
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import dlt
from dlt.sources.helpers import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

Rows = list[dict[str, Any]]


def days(start: date) -> Iterator[date]:
    """Every closed day since the start."""
    while start < datetime.now(UTC).date():
        yield start
        start += timedelta(days=1)


@dlt.resource(name="records_calls", primary_key="call_id", write_disposition="append")
def calls(base: str, start: date) -> Iterator[Rows]:
    """The calls, an export a day, 5,000 rows a piece."""
    today = datetime.now(UTC).date()
    for day in days(start):
        back = (today - day).days
        body = {
            "export_type": "records",
            "stat_type": "calls",
            "days_ago_start": back,
            "days_ago_end": back,
            "timezone": "UTC",
        }
        asked = requests.post(f"{base}/api/v2/stats", json=body).json()["request_id"]
        url = requests.get(f"{base}/api/v2/stats/{asked}").json()["download_url"]
        with requests.get(url, stream=True) as response:
            response.raw.auto_close = False
            rows = csv.DictReader(io.TextIOWrapper(response.raw, "utf-8-sig", newline=""))
            while page := list(islice(rows, 5000)):
                yield page


@dlt.resource(name="messages", write_disposition="append")
def messages(base: str, start: date) -> Iterator[Rows]:
    """The messages, a day at a time."""
    for day in days(start):
        opens, offset, found = int(datetime.combine(day, datetime.min.time(), UTC).timestamp() * 1000), 0, 1000
        while found == 1000:  # noqa: PLR2004
            body = {
                "providerId": 1020,
                "start": opens,
                "end": opens + 86_400_000,
                "limit": 1000,
                "offset": offset,
                "interval": "1d",
            }
            answer = requests.post(f"{base}/KoopidPartnerServer/api/APIEndpoint/Dashboard/Messages", json=body).json()
            page = [message for envelope in answer for message in envelope["messages"]]
            found = len(page)
            offset += found
            yield page


@dlt.resource(name="analytics_record_data", write_disposition="append")
def records(base: str, start: date) -> Iterator[Rows]:
    """The record data, seven days at a time."""
    begin, now = datetime.combine(start, datetime.min.time(), UTC), datetime.now(UTC)
    while begin < now:
        end = min(begin + timedelta(days=7), now)
        period = {"_type": "Interval", "start": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        body = {"id": "closed_conversations", "periodFilter": period, "filters": [], "timezone": "UTC"}
        url = f"{base}/v1/analytics/records?pageLimit=300"
        while url:
            page = requests.post(url, json=body).json()
            yield page["data"]
            following = page["meta"].get("next")
            url = urljoin(base, following) if following else ""
        begin = end


@dlt.resource(name="call_events", primary_key="event_id", write_disposition="append")
def events(base: str, start: date) -> Iterator[Rows]:
    """The call events."""
    place = f"received_after={start}"
    while True:
        page = requests.get(f"{base}/events?{place}&limit=1000").json()
        if not page["items"]:
            return
        yield page["items"]
        place = f"after={page['next_cursor']}"


def main() -> None:
    """Extracts one stream."""
    stream, base, start, folder = sys.argv[1:]
    resource = {"calls": calls, "messages": messages, "records": records, "events": events}[stream]
    pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination="filesystem", dataset_name="bench")
    pipeline.extract(resource(base, date.fromisoformat(start)))
    extracted = pipeline.last_trace.last_extract_info
    rows = sum(
        table.items_count
        for metrics in extracted.metrics.values()
        for each in metrics
        for name, table in each["table_metrics"].items()
        if not name.startswith("_dlt")
    )
    sys.stdout.write(f"{rows}\n")


if __name__ == "__main__":
    main()
