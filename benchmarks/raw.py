"""What the connector writes, written without any framework: the measure of (a).

    python -m benchmarks.raw calls http://localhost:PORT 2026-10-21 [--bytes]

The same requests, one after the other; the same rows with the same types, keys and RFC 3339 times, nulls left out; the
same RECORD lines, written a thousand at a time. `python -m benchmarks prove` compares the rows with the connector's,
one by one. `--bytes` asks and reads, and does nothing with the answers: what server, sockets and `requests` cost.

Left out on purpose is what a program of one evening has not: state, retries, limits, errors in words, a second zone,
columns that come and go.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import re
import sys
import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import orjson
import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Row = dict[str, Any]

BATCH = 1000
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EMPTY_PAGE = 200
"""Bytes: a shorter page holds no row."""

session = requests.Session()
base = ""
only_bytes = False


def written(stream: str, rows: Iterable[Row]) -> None:
    """Writes the rows as RECORD lines."""
    rows, out = iter(rows), sys.stdout.fileno()
    while batch := list(islice(rows, BATCH)):
        now = int(time.time() * 1000)
        lines = [
            orjson.dumps(
                {"type": "RECORD", "record": {"stream": stream, "data": row, "emitted_at": now}},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for row in batch
        ]
        whole = memoryview(b"".join(lines))
        while whole:
            whole = whole[os.write(out, whole) :]


def text(value: Any) -> str:
    """Text as it is, numbers as JSON writes them."""
    return value if value.__class__ is str else orjson.dumps(value).decode()


def flag(cell: str) -> bool:
    """A boolean of a CSV."""
    return {"true": True, "false": False}[cell.lower()]


# --- calls ------------------------------------------------------------------------------------------------------------

CALL_TIMES = (
    "date_started",
    "date_first_rang",
    "date_queued",
    "date_rang",
    "date_connected",
    "date_ended",
    "date_callback_connected",
    "date_callback_ended",
    "date_anonymized",
)
CALL_NUMBERS = (
    "time_in_system",
    "time_to_answer",
    "ringing_duration",
    "hold_duration",
    "talk_duration",
    "queued_duration",
    "wrapup_duration",
    "percent_ai_talk_time",
    "percent_ai_listen_time",
    "percent_ai_silent_time",
)
CALL_COUNTS = ("ringing_occurrences", "hold_occurrences", "queued_occurrences")
CALL_FLAGS = ("was_recorded", "voicemail", "is_internal")
CALL_CENTER = {"callcenter": "call_center", "Call Center": "call_center"}


def utc(cell: str, hours: dict[str, bool]) -> str:
    """A printed time of UTC as RFC 3339; that it is a time is looked up once an hour of the calendar."""
    if cell[:13] not in hours:
        datetime.fromisoformat(cell)
        hours[cell[:13]] = True
    return f"{cell[:10]}T{cell[11:]}+00:00"


def calls(start: date, window_days: int) -> Iterator[Row]:
    """The calls of every closed day, an export after the other, and of today."""
    today = datetime.now(UTC).date()
    first = start
    while first <= today:
        last = min(first + timedelta(days=window_days - 1), today - DAY) if first < today else today
        body: Row = {"export_type": "records", "stat_type": "calls", "timezone": "UTC"}
        if first == today:
            body["is_today"] = True
        else:
            body |= {"days_ago_start": (today - last).days, "days_ago_end": (today - first).days}
        asked = session.post(f"{base}/api/v2/stats", json=body).json()["request_id"]
        url = session.get(f"{base}/api/v2/stats/{asked}").json()["download_url"]
        with requests.get(url, stream=True) as response:  # loopback  # noqa: S113
            if only_bytes:
                while response.raw.read(1 << 18):
                    pass
            else:
                yield from _calls(response)
        first = last + DAY


def _calls(response: requests.Response) -> Iterator[Row]:
    response.raw.decode_content, response.raw.auto_close = True, False
    reader = csv.reader(io.TextIOWrapper(io.BufferedReader(response.raw, 1 << 18), "utf-8-sig", newline=""))
    header = next(reader, [])
    hours: dict[str, bool] = {}
    converters: list[tuple[str, Callable[[str], Any]]] = [
        *((name, lambda cell: utc(cell, hours)) for name in CALL_TIMES),
        *((name, float) for name in CALL_NUMBERS),
        *((name, int) for name in CALL_COUNTS),
        *((name, flag) for name in CALL_FLAGS),
        *((name, lambda cell: CALL_CENTER.get(cell, cell)) for name in ("target_type",)),
    ]
    convert = [(name, converter) for name, converter in converters if name in header]
    for cells in reader:
        row: Row = {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        day = row["date_started"][:10]
        for name, converter in convert:
            if name in row:
                row[name] = converter(row[name])
        row["scope"] = "company"
        row["window_start"] = row["window_end"] = day
        row.setdefault("timezone", "UTC")
        yield row


# --- messages ---------------------------------------------------------------------------------------------------------

PROVIDER = "1020"
MESSAGE_TYPES: dict[str, tuple[tuple[type, ...], Callable[[Any], Any]]] = {
    "sentiment": ((int, float), float),
    "score": ((int, float), float),
    **dict.fromkeys(
        (
            "text",
            "timestamp",
            "sendername",
            "senderemail",
            "sendertype",
            "sessionid",
            "workflow",
            "workflownodeid",
            "topic",
            "lang",
            "customersessionid",
            "sessionchannel",
            "chattype",
        ),
        ((str,), text),
    ),
}
REDACTED = re.compile(r"\*{2,4}([A-Z][A-Z0-9_]*)\*{2,4}")


def messages(start: date) -> Iterator[Row]:  # straight on, as fast as it goes  # noqa: C901
    """The messages of every day up to now, page by page."""
    opens = int(datetime.combine(start, datetime.min.time(), UTC).timestamp() * 1000)
    now = int(time.time() * 1000) - 600_000
    while opens < now:
        closes = min(opens + 86_400_000, now)
        offset, twins, second, printed = 0, dict[str, int](), -1, ""
        while True:
            body = {
                "providerId": 1020,
                "start": opens - 1,
                "end": closes,
                "limit": 1000,
                "offset": offset,
                "interval": "1d",
            }
            url = f"{base}/KoopidPartnerServer/api/APIEndpoint/Dashboard/Messages?providerid={PROVIDER}"
            content = session.post(url, json=body).content
            if len(content) < EMPTY_PAGE:
                break
            if only_bytes:
                offset += 1000
                continue
            for envelope in orjson.loads(content):
                for message in envelope["messages"]:
                    offset += 1
                    ts = message["ts"]
                    if not opens <= ts < closes:
                        continue
                    row: Row = {}
                    for name, value in message.items():
                        if value is None:
                            continue
                        wanted = MESSAGE_TYPES.get(name)
                        if wanted is not None and value.__class__ not in wanted[0]:
                            row[name] = wanted[1](value)
                        else:
                            row[name] = value
                    if ts // 1000 != second:
                        second = ts // 1000
                        printed = (EPOCH + timedelta(seconds=second)).isoformat()[:19]
                    _with_keys(row, ts, printed, twins)
                    yield row
        opens = closes


def _with_keys(row: Row, ts: int, printed: str, twins: dict[str, int]) -> None:
    sessionid = row["sessionid"]
    conversation, _, segment = sessionid.rpartition(".")
    identity = f"{sessionid}\x1f{ts}\x1f{row.get('sendertype', '')}\x1f{row.get('workflownodeid', '')}"
    digest = hashlib.blake2b(identity.encode(), digest_size=16)
    key = digest.hexdigest()
    twin = twins.get(key, 0)
    twins[key] = twin + 1
    if twin:
        digest.update(f"\x1f{twin}".encode())
        key = digest.hexdigest()
    said = row.get("text", "")
    row["message_key"] = key
    row["created_at"] = f"{printed}.{ts % 1000:03d}+00:00"
    row["conversation_id"] = conversation
    row["segment"] = int(segment)
    row["provider_id"] = PROVIDER
    row["redacted_entities"] = list(dict.fromkeys(REDACTED.findall(said))) if "**" in said else []


# --- record data ------------------------------------------------------------------------------------------------------

NEXT = re.compile(rb'"next":"([^"]*)"')


def records(start: date) -> Iterator[Row]:
    """The records of every seven days up to now, page by page."""
    opens = datetime.combine(start, datetime.min.time(), UTC)
    now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    listed = session.get(f"{base}/v1/analytics/records").json()["data"]
    for record_id in (text(each["id"]) for each in listed):
        begin = opens
        while begin < now:
            end = min(begin + 7 * DAY, now)
            period = {"_type": "Interval", "start": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
            body = {"id": record_id, "periodFilter": period, "filters": [], "timezone": "UTC"}
            url, twins = f"{base}/v1/analytics/records?pageLimit=300", dict[str, int]()
            while url:
                content = session.post(url, json=body).content
                if only_bytes:
                    link = NEXT.search(content, max(len(content) - EMPTY_PAGE, 0))
                    url = urljoin(base, link[1].decode()) if link else ""
                    continue
                page = orjson.loads(content)
                for record in page["data"]:
                    yield _flat(record, record_id, twins)
                following = page["meta"].get("next")
                url = urljoin(base, following) if following else ""
            begin = end


def _flat(record: Row, record_id: str, twins: dict[str, int]) -> Row:
    primary = record["primaryTimestampField"]
    printed = primary["timestamp"]
    datetime.fromisoformat(printed)
    timestamp = f"{printed[:-1]}+00:00" if printed[-1] == "Z" else printed
    fields: Row = {}
    labels: Row = {}
    for each in record["fields"]:
        name, held = each["name"], each["field"]
        fields[name] = _value(held)
        if "label" in held:
            labels[name] = held["label"]
        elif "values" in held:
            found = [item.get("label") for item in held["values"]]
            if any(label is not None for label in found):
                labels[name] = found
    held = record.get("value")
    value = _value(held) if held is not None else None
    canonical = orjson.dumps([record_id, timestamp, fields, value], option=orjson.OPT_SORT_KEYS)
    key = hashlib.blake2b(canonical, digest_size=16).hexdigest()
    twin = twins.get(key, 0)
    twins[key] = twin + 1
    row = {
        "record_key": f"{key}-{twin}" if twin else key,
        "record_id": record_id,
        "primary_timestamp": timestamp,
        "primary_timestamp_name": primary["name"],
        "fields": fields,
        "labels": labels,
    }
    if value is not None:
        row["value"] = value
    return row


def _value(held: Row) -> Any:
    if "value" in held:
        return held["value"]
    if "timestamp" in held:
        return held["timestamp"]
    return [_value(each) for each in held["values"]] if "values" in held else held


# --- events -----------------------------------------------------------------------------------------------------------

EVENT_TIMES = (
    "event_timestamp",
    "date_started",
    "date_first_rang",
    "date_queued",
    "date_rang",
    "date_connected",
    "date_ended",
)
PARTIES = ("contact", "target", "proxy_target", "entry_point_target")
TEXTS = (
    "event_id",
    "call_id",
    "state",
    "direction",
    "internal_number",
    "external_number",
    "entry_point_call_id",
    "operator_call_id",
    "master_call_id",
    "group_id",
    "target_availability_status",
    "voicemail_link",
    "voicemail_recording_id",
    "transcription_text",
    "recap_summary",
    "call_dispositions",
    "csat_score",
    "custom_data",
    "company_call_review_share_link",
    "public_call_review_share_link",
)
LISTS = ("call_recording_ids", "recap_action_items", "labels", "csat_transcriptions", "csat_recording_urls")
NUMBERS = ("duration", "total_duration", "talk_time", "hold_time", "mos_score")
FLAGS = ("is_transferred", "was_recorded", "callback_requested")
CURSOR = re.compile(rb'"next_cursor":"([^"]*)"')


def events(start: date) -> Iterator[Row]:
    """The events since the start, page by page."""
    url = f"{base}/events?received_after={start}T00:00:00%2B00:00&limit=1000"
    after = ""
    while True:
        content = session.get(url).content
        if only_bytes:
            link = CURSOR.search(content, max(len(content) - EMPTY_PAGE, 0))
            assert link is not None  # our own server's  # noqa: S101
            following, found = link[1].decode(), len(content) > EMPTY_PAGE
        else:
            page = orjson.loads(content)
            following, found = page["next_cursor"], bool(page["items"])
            for item in page["items"]:
                yield _event(item)
        if not found or following == after:
            return
        after = following
        url = f"{base}/events?after={after}&limit=1000"


def _event(item: Row) -> Row:  # straight on, as fast as it goes  # noqa: C901, PLR0912
    row = {name: value for name, value in item["event"].items() if value is not None}
    row["event_id"] = item["event_id"]
    received = item["received_at"]
    datetime.fromisoformat(received)
    row["received_at"] = f"{received[:-1]}+00:00"
    for name in EVENT_TIMES:
        at = row.get(name)
        if at is not None:
            row[f"{name}_time"] = (EPOCH + timedelta(milliseconds=at)).isoformat(
                timespec="milliseconds" if at % 1000 else "seconds"
            )
    for name in TEXTS:
        value = row.get(name)
        if value is not None and value.__class__ is not str:
            row[name] = text(value)
    for name in NUMBERS:
        value = row.get(name)
        if value is not None and value.__class__ is not float and value.__class__ is not int:
            row[name] = float(value)
    for name in FLAGS:
        value = row.get(name)
        if value is not None and value.__class__ is not bool:
            row[name] = flag(text(value))
    for name in LISTS:
        if row.get(name):
            row[name] = [None if each is None else text(each) for each in row[name]]
    for name in PARTIES:
        party = row.get(name)
        if party is None:
            continue
        if not party:
            del row[name]
            continue
        for member in ("id", "name", "email", "phone", "type", "office_id"):
            value = party.get(member)
            if value is not None and value.__class__ is not str:
                party[member] = text(value)
    for each in row.get("recording_details") or ():
        each["id"] = text(each["id"])
    for each in row.get("routing_breadcrumbs") or ():
        if each.get("target_id") is not None:
            each["target_id"] = text(each["target_id"])
    if not row.get("integrations", True):
        del row["integrations"]
    return row


STREAMS: dict[str, tuple[str, Callable[..., Iterator[Row]]]] = {
    "calls": ("records_calls", calls),
    "messages": ("messages", messages),
    "records": ("analytics_record_data", records),
    "events": ("call_events", events),
}


def main() -> None:
    """Reads one stream."""
    global base, only_bytes
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stream", choices=STREAMS)
    parser.add_argument("base")
    parser.add_argument("start", type=date.fromisoformat)
    parser.add_argument("--window-days", type=int, default=1)
    parser.add_argument("--bytes", action="store_true")
    asked = parser.parse_args()
    base, only_bytes = asked.base, asked.bytes
    name, read = STREAMS[asked.stream]
    written(name, read(asked.start, asked.window_days) if read is calls else read(asked.start))


if __name__ == "__main__":
    main()
