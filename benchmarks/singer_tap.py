"""A singer-sdk tap for the same four streams, as the SDK's template writes one: rows as they come, untyped.

python benchmarks/singer_tap.py --config config.json --catalog catalog.json
"""

# ruff: noqa: ARG002, PLR2004 - the signatures are the SDK's; a page of messages has 1000

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import requests
from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BaseAPIPaginator

Context = Mapping[str, Any]
Row = dict[str, Any]

ANY = th.CustomType({"type": ["null", "string", "number", "boolean", "object", "array"]})
COLUMNS = os.environ["BENCH_CALL_COLUMNS"].split(",") if "BENCH_CALL_COLUMNS" in os.environ else []
MESSAGE = (
    "text",
    "ts",
    "timestamp",
    "sendername",
    "senderemail",
    "sendertype",
    "sessionid",
    "sentiment",
    "workflow",
    "workflownodeid",
    "topic",
    "score",
    "topmatches",
    "lang",
    "customersessionid",
    "sessionchannel",
    "sessionchannelinfo",
    "chattype",
)
EVENT = (
    "call_id",
    "state",
    "event_timestamp",
    "date_started",
    "date_rang",
    "date_connected",
    "date_ended",
    "direction",
    "duration",
    "total_duration",
    "internal_number",
    "external_number",
    "contact",
    "target",
    "proxy_target",
    "entry_point_target",
    "entry_point_call_id",
    "operator_call_id",
    "master_call_id",
    "group_id",
    "is_transferred",
    "was_recorded",
    "callback_requested",
    "target_availability_status",
    "call_recording_ids",
    "recording_details",
    "labels",
    "mos_score",
    "routing_breadcrumbs",
    "integrations",
)


def schema(names: Iterable[str], types: Mapping[str, Any] = {}) -> Row:  # read only
    """A schema of these columns."""
    return th.PropertiesList(*(th.Property(name, types.get(name, ANY)) for name in names)).to_dict()


def days(start: str) -> Iterable[date]:
    """Every closed day since the start."""
    day, today = date.fromisoformat(start), datetime.now(UTC).date()
    while day < today:
        yield day
        day += timedelta(days=1)


class Calls(Stream):
    """The calls export, an export a day."""

    name = "records_calls"
    primary_keys = ("call_id",)
    replication_key = "date_started"
    schema = schema(COLUMNS, dict.fromkeys(COLUMNS, th.StringType))

    def get_records(self, context: Context | None) -> Iterable[Row]:
        """The rows of every day's export."""
        session, base, today = requests.Session(), self.config["base_url"], datetime.now(UTC).date()
        for day in days(self.config["start_date"]):
            back = (today - day).days
            body = {
                "export_type": "records",
                "stat_type": "calls",
                "days_ago_start": back,
                "days_ago_end": back,
                "timezone": "UTC",
            }
            asked = session.post(f"{base}/api/v2/stats", json=body).json()["request_id"]
            url = session.get(f"{base}/api/v2/stats/{asked}").json()["download_url"]
            with session.get(url, stream=True) as response:
                response.raw.auto_close = False
                yield from csv.DictReader(io.TextIOWrapper(response.raw, "utf-8-sig", newline=""))


class Api(RESTStream[Any]):
    """What the three JSON APIs share."""

    @property
    def url_base(self) -> str:
        """The server."""
        return str(self.config["base_url"])


class Offsets(BaseAPIPaginator[int]):
    """Days, and offsets within a day."""

    def __init__(self, start: str) -> None:
        super().__init__(0)
        self.days = iter(days(start))
        self.day = next(self.days)

    def get_next(self, response: requests.Response) -> int | None:
        """The next offset; at a short page the next day."""
        found = sum(len(each["messages"]) for each in response.json())
        if found == 1000:
            return self.current_value + 1000
        following = next(self.days, None)
        if following is None:
            return None
        self.day = following
        return 0

    def continue_if_empty(self, response: requests.Response) -> bool:
        """A day may have no messages."""
        return True

    def advance(self, response: requests.Response) -> None:
        """The offset of a new day is 0 again, which is no loop."""
        following = self.get_next(response)
        self._page_count += 1
        self._finished = following is None
        self._value = following or 0


class Messages(Api):
    """The messages, a day at a time."""

    name = "messages"
    path = "/KoopidPartnerServer/api/APIEndpoint/Dashboard/Messages"
    http_method = "POST"
    primary_keys = ("sessionid", "ts")
    replication_key = "ts"
    records_jsonpath = "$[*].messages[*]"
    schema = schema(MESSAGE, {"ts": th.IntegerType})

    def get_new_paginator(self) -> Offsets:
        """Offsets within days."""
        self.paginator = Offsets(self.config["start_date"])
        return self.paginator

    def prepare_request_payload(self, context: Context | None, next_page_token: int | None) -> Row:
        """The body."""
        start = int(datetime.combine(self.paginator.day, datetime.min.time(), UTC).timestamp() * 1000)
        return {
            "providerId": 1020,
            "start": start,
            "end": start + 86_400_000,
            "limit": 1000,
            "offset": next_page_token or 0,
            "interval": "1d",
        }


class Windows(BaseAPIPaginator[str]):
    """Windows of seven days, and page links within a window."""

    def __init__(self, start: str) -> None:
        super().__init__("")
        self.begin = datetime.combine(date.fromisoformat(start), datetime.min.time(), UTC)

    def get_next(self, response: requests.Response) -> str | None:
        """The next link; after the last page the next window."""
        if link := response.json()["meta"].get("next"):
            return str(link)
        self.begin += timedelta(days=7)
        return None if self.begin >= datetime.now(UTC) else f"window {self.begin}"


class Records(Api):
    """The record data, seven days at a time."""

    name = "analytics_record_data"
    path = "/v1/analytics/records"
    http_method = "POST"
    records_jsonpath = "$.data[*]"
    replication_key = "closed_at"
    schema = schema(("closed_at", "primaryTimestampField", "fields", "value"), {"closed_at": th.DateTimeType})

    def get_new_paginator(self) -> Windows:
        """Links within windows."""
        self.paginator = Windows(self.config["start_date"])
        return self.paginator

    def get_url_params(self, context: Context | None, next_page_token: str | None) -> Row:
        """The page, as the link names it."""
        key = next_page_token.rpartition("pageKey=")[2] if next_page_token and "pageKey=" in next_page_token else None
        return {"pageLimit": 300, **({"pageKey": key} if key else {})}

    def prepare_request_payload(self, context: Context | None, next_page_token: str | None) -> Row:
        """The body."""
        end = min(self.paginator.begin + timedelta(days=7), datetime.now(UTC))
        period = {
            "_type": "Interval",
            "start": f"{self.paginator.begin:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        }
        return {"id": "closed_conversations", "periodFilter": period, "filters": [], "timezone": "UTC"}

    def post_process(self, row: Row, context: Context | None = None) -> Row:
        """The cursor at the top."""
        row["closed_at"] = row["primaryTimestampField"]["timestamp"]
        return row


class Log(BaseAPIPaginator[str]):
    """Pages of the log, until one is empty."""

    def __init__(self) -> None:
        super().__init__("")

    def get_next(self, response: requests.Response) -> str | None:
        """The cursor behind the page."""
        page = response.json()
        return page["next_cursor"] if page["items"] else None


class Events(Api):
    """The call events."""

    name = "call_events"
    path = "/events"
    primary_keys = ("event_id",)
    replication_key = "received_at"
    records_jsonpath = "$.items[*]"
    schema = schema(("event_id", "received_at", *EVENT), {"received_at": th.DateTimeType, "event_id": th.StringType})

    def get_new_paginator(self) -> Log:
        """Cursors of the log."""
        return Log()

    def get_url_params(self, context: Context | None, next_page_token: str | None) -> Row:
        """The page."""
        place = {"after": next_page_token} if next_page_token else {"received_after": self.config["start_date"]}
        return {"limit": 1000, **place}

    def post_process(self, row: Row, context: Context | None = None) -> Row:
        """The payload beside the id."""
        return {**row["event"], "event_id": row["event_id"], "received_at": row["received_at"]}


STREAMS = {"calls": Calls, "messages": Messages, "records": Records, "events": Events}


class TapDialpad(Tap):
    """The tap; the configuration names the stream."""

    name = "tap-dialpad"
    config_jsonschema = th.PropertiesList(
        th.Property("base_url", th.StringType),
        th.Property("start_date", th.StringType),
        th.Property("only", th.StringType),
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        """The one stream."""
        return [STREAMS[self.config["only"]](self)]


if __name__ == "__main__":
    TapDialpad.cli()
