"""The contract with the warehouse: one JSON Schema a stream, each column typed and described."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

from source_dialpad.source import resolved_manifest

FOLDER = Path(__file__).resolve().parent.parent / "schemas"

STREAMS = {stream["name"]: stream for group in resolved_manifest()["streams"] for stream in group["streams"]}


def never_null(stream: str) -> set[str]:
    """The columns of the primary key and the cursor, as the manifest has them."""
    sync = STREAMS[stream].get("incremental_sync", {})
    cursor = sync and (sync.get("cursor_field") or STREAMS[stream]["$parameters"]["cursor_field"])
    return {*STREAMS[stream]["primary_key"], *([cursor] if cursor else [])}


EVENTS = {stream for stream in STREAMS if stream.endswith("_events")}
EXPORTS = [stream for stream in STREAMS if stream.startswith(("records_", "stats_"))]
UNKNOWN_SHAPE = ["null", "object", "array", "string", "number", "boolean"]
KEYWORDS = {
    "$schema", "title", "description", "type", "format", "airbyte_type", "items", "properties", "additionalProperties",
}  # fmt: skip

DRAFT = "http://json-schema.org/draft-07/schema#"
TIME = 'a time is a string with "format": "date-time" and "airbyte_type": "timestamp_with_timezone"'
IDENTIFIER = re.compile(r"^ids?$|_ids?$|[a-z]Ids?$|^(session|customersession|workflownode)id$")
MOMENT = re.compile(r"^date($|_)|_at$|_timestamp$|_started$|^start_time$")
# The few columns whose shape the API does not document, or that come in several.
SHAPELESS = {
    "messages": {"topmatches", "sessionchannelinfo"},
    "customer_session_messages": {"topmatches", "sessionchannelinfo"},
    "analytics_record_data": {"value"},
    "call_events": {"admin_recording_urls", "recording_url", "ai_csat"},
    "agent_status_events": {"availability_status"},
    "fax_events": {"created_date", "to_number"},
    "calls": {"admin_recording_urls"},
}


class Column(NamedTuple):
    """A property at any depth: its path from the record, its own name and its schema."""

    path: str
    name: str
    schema: Mapping[str, Any]

    @property
    def types(self) -> set[str]:
        declared = self.schema["type"]
        return {declared} - {"null"} if isinstance(declared, str) else set(declared) - {"null"}


def load(stream: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{stream}.json").read_text(encoding="utf-8"))
    return document


def nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    for nested in schema.get("properties", {}).values():
        yield from nodes(nested)
    if "items" in schema:
        yield from nodes(schema["items"])


def columns(schema: Mapping[str, Any], path: str = "") -> Iterator[Column]:
    for name, nested in schema.get("properties", {}).items():
        yield Column(f"{path}{name}", name, nested)
        yield from columns(nested, f"{path}{name}.")
    if "items" in schema:
        yield from columns(schema["items"], path)


def offenders(rule: Callable[[str], Any], streams: Iterable[str] = STREAMS) -> dict[str, Any]:
    """What a rule finds wrong, by stream."""
    return {stream: wrong for stream in streams if (wrong := rule(stream))}


def test_there_is_one_schema_for_each_stream_and_no_other() -> None:
    files, streams = {path.stem for path in FOLDER.iterdir()}, set(STREAMS)
    assert files == streams, "give each stream of the manifest its schemas/<name>.json, and delete the others"


def test_every_schema_is_valid_draft_07() -> None:
    for stream in STREAMS:
        Draft7Validator.check_schema(load(stream))
    assert offenders(lambda stream: load(stream).get("$schema") != DRAFT) == {}, f'write "$schema": "{DRAFT}"'


def test_every_schema_bears_the_name_of_its_stream_says_its_grain_and_describes_an_object() -> None:
    grain = r"Each record is .+\."
    assert offenders(lambda stream: load(stream).get("title") != stream) == {}, "the title is the stream's name"
    wrong = offenders(lambda stream: not re.fullmatch(grain, load(stream).get("description", "")))
    assert wrong == {}, "the description is: Each record is ..., with a full stop"
    assert offenders(lambda stream: load(stream).get("type") != "object") == {}, 'write "type": "object"'


def test_a_schema_uses_only_keywords_that_warehouses_cope_with() -> None:
    assert offenders(lambda stream: {keyword for node in nodes(load(stream)) for keyword in node} - KEYWORDS) == {}, (
        "write it in the description instead (the values of an enum, too)"
    )


def test_unknown_columns_pass_through_at_every_depth() -> None:
    def closed(stream: str) -> list[Any]:
        objects = [node for node in nodes(load(stream)) if "object" in node["type"] and node["type"] != UNKNOWN_SHAPE]
        return [list(node.get("properties", {})) for node in objects if node.get("additionalProperties") is not True]

    assert offenders(closed) == {}, 'write "additionalProperties": true in the objects with these members'


def test_every_column_has_one_type_beside_null_unless_its_shape_is_unknown() -> None:
    shapeless = offenders(lambda stream: {c.path for c in columns(load(stream)) if c.schema["type"] == UNKNOWN_SHAPE})
    odd = offenders(lambda stream: {c.path for c in columns(load(stream)) if len(c.types) != 1})
    assert shapeless == odd == SHAPELESS, 'write "type": ["null", <one type>]'


def test_every_column_is_described_in_a_sentence() -> None:
    sentence = re.compile(r"[A-Z](?!.*\s\s).+\.")

    def silent(stream: str) -> list[str]:
        return [c.path for c in columns(load(stream)) if not sentence.fullmatch(c.schema.get("description", ""))]

    assert offenders(silent) == {}, "give each a description: a sentence with a capital letter and a full stop"


def test_the_members_of_every_list_are_typed() -> None:
    def untyped(stream: str) -> list[str]:
        lists = [column for column in columns(load(stream)) if column.types == {"array"}]
        return [column.path for column in lists if "type" not in column.schema.get("items", {})]

    assert offenders(untyped) == {}, 'give each list "items" with a "type"'


def test_exactly_the_key_and_the_cursor_are_never_null() -> None:
    def other(stream: str) -> set[str]:
        return {c.path for c in columns(load(stream)) if "null" not in c.schema["type"]} ^ never_null(stream)

    assert offenders(other) == {}, (
        'the key and the cursor of the manifest are columns of one type; all others have ["null", <type>]'
    )


def test_identifiers_are_text_at_every_depth() -> None:
    def types_of(column: Column) -> set[str]:
        return set(column.schema["items"]["type"]) - {"null"} if column.types == {"array"} else column.types

    def odd(stream: str) -> list[str]:
        identifiers = [column for column in columns(load(stream)) if IDENTIFIER.search(column.name)]
        return [column.path for column in identifiers if types_of(column) != {"string"}]

    assert offenders(odd) == {}, "an identifier is a string, also where the API gives a number"


def test_times_carry_a_format_and_an_airbyte_type() -> None:
    def odd(stream: str) -> list[str]:
        return [
            c.path
            for c in columns(load(stream))
            if (c.schema.get("format") == "date-time") != (c.schema.get("airbyte_type") == "timestamp_with_timezone")
            or ("format" in c.schema and c.types != {"string"})
        ]

    assert offenders(odd) == {}, TIME


def test_what_is_named_like_a_moment_is_a_time_or_a_day() -> None:
    def odd(stream: str) -> list[str]:
        day = {"date"} if stream.startswith("stats_") else set()
        moments = [c for c in columns(load(stream)) if MOMENT.search(c.name)]
        return [c.path for c in moments if c.schema.get("format") != ("date" if c.path in day else "date-time")]

    assert offenders(odd, STREAMS.keys() - EVENTS) == {}, TIME


def test_the_moments_of_an_event_are_milliseconds_beside_an_rfc_3339_time() -> None:
    def odd(stream: str) -> list[str]:
        properties = load(stream)["properties"]
        moments = [name for name in properties if MOMENT.search(name) and not name.endswith("_time")]
        return [
            name
            for name in moments
            if name not in {"received_at", *SHAPELESS.get(stream, ())}
            and (properties[name]["type"], properties[f"{name}_time"]["format"]) != (["null", "integer"], "date-time")
        ]

    assert offenders(odd, EVENTS) == {}
    assert "event_timestamp" in load("call_events")["properties"]


def test_the_moment_of_a_message_is_milliseconds_beside_an_rfc_3339_time() -> None:
    properties = load("messages")["properties"]
    assert (properties["ts"]["type"], properties["created_at"]["format"]) == ("integer", "date-time")


def test_every_export_row_says_its_scope_and_window_and_keeps_what_is_not_listed() -> None:
    expected = {"scope": None, "window_start": "date", "window_end": "date", "timezone": None}

    def odd(stream: str) -> bool:
        properties = load(stream)["properties"]
        other = properties["other_columns"]
        formats = {name: properties[name].get("format") for name in expected}
        return formats != expected or (other["type"], other["additionalProperties"]) != (["null", "object"], True)

    assert offenders(odd, EXPORTS) == {}


def test_the_durations_of_exports_are_minutes_or_say_that_the_unit_is_unknown() -> None:
    unit = re.compile(r"\bminutes\b", re.IGNORECASE)

    def odd(stream: str) -> list[str]:
        durations = [c for c in columns(load(stream)) if re.search(r"duration$|minutes$|^time_", c.name)]
        return [c.path for c in durations if c.types != {"number"} or not unit.search(c.schema["description"])]

    assert offenders(odd, EXPORTS) == {}


@pytest.mark.parametrize("stream", ["calls", "digital_sessions", "call_events"])
def test_the_durations_of_calls_and_sessions_say_their_unit(stream: str) -> None:
    durations = [
        column
        for column in columns(load(stream))
        if re.search(r"duration$|^(talk|hold|bot|queue|wrap_up)_time$", column.name)
    ]
    assert durations
    unit = re.compile(r"\b(milli)?seconds\b")
    assert [c.path for c in durations if c.types != {"number"} or not unit.search(c.schema["description"])] == []


@pytest.mark.parametrize(
    ("stream", "ours", "theirs"),
    [
        ("records_calls", {"scope", "window_start", "window_end"}, 54),
        ("records_texts", {"scope", "window_start", "window_end"}, 14),
        ("records_onduty", {"scope", "window_start", "window_end"}, 14),
        ("records_dispositions", {"record_key", "scope", "window_start", "window_end"}, 21),
        ("stats_calls_by_date", {"row_key", "scope", "window_start", "window_end"}, 68),
    ],
)
def test_every_column_of_a_known_export_is_there(stream: str, ours: set[str], theirs: int) -> None:
    assert len(set(load(stream)["properties"]) - ours - {"other_columns"}) == theirs


@pytest.mark.parametrize(
    ("stream", "twin"),
    [
        ("messages", "customer_session_messages"),
        ("analytics_metrics", "analytics_metric_descriptions"),
        ("analytics_records", "analytics_record_descriptions"),
    ],
)
def test_streams_of_one_shape_have_the_same_columns(stream: str, twin: str) -> None:
    assert load(stream)["properties"] == load(twin)["properties"]


@pytest.mark.parametrize("single", ["users", "rooms"])
@pytest.mark.parametrize("stream", ["call_center_operators", "department_operators", "office_operators"])
def test_operators_have_every_column_of_users_and_rooms(stream: str, single: str) -> None:
    assert set(load(single)["properties"]) <= set(load(stream)["properties"])


def test_an_office_operator_keeps_its_own_office_beside_the_one_it_serves() -> None:
    assert {"office_id", "member_office_id"} <= set(load("office_operators")["properties"])


def test_no_secret_has_a_column() -> None:
    secret = re.compile("secret|password|api_key")
    assert offenders(lambda stream: [c.path for c in columns(load(stream)) if secret.search(c.name)]) == {}, (
        "leave the column out, and the member out of the rows: see signed_list_stream in the manifest"
    )


def test_a_file_links_to_nothing_but_the_draft_it_follows() -> None:
    def linked(stream: str) -> list[str]:
        links = re.findall(r"https?://[^\"\s]*", (FOLDER / f"{stream}.json").read_text(encoding="utf-8"))
        return [link for link in links if link != DRAFT]

    assert offenders(linked) == {}
