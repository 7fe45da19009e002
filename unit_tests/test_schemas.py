"""The contract with the warehouse: one JSON Schema a stream, each column typed and described."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft7Validator

FOLDER = Path(__file__).resolve().parent.parent / "schemas"

# Columns that are never null: the primary key and the cursor of each stream.
FIRM: Mapping[str, set[str]] = {
    "messages": {"message_key", "ts"},
    "customer_session_messages": {"message_key", "ts"},
    "records_calls": {"call_id", "date_started"},
    "records_texts": {"message_id", "target_id", "date"},
    "records_voicemails": {"call_id", "date"},
    "records_recordings": {"record_key", "date"},
    "records_onduty": {"record_id", "date"},
    "records_dispositions": {"record_key", "date_started"},
    "records_csat": {"record_key", "window_start"},
    "records_screenshare": {"record_key", "window_start"},
    "stats_calls_by_date": {"window_start", "scope", "row_key"},
    "stats_calls_by_user": {"window_start", "scope", "row_key"},
    "stats_calls_by_group": {"window_start", "scope", "row_key"},
    "stats_onduty": {"window_start", "scope", "row_key"},
    "stats_texts": {"window_start", "scope", "row_key"},
    "stats_voicemails": {"window_start", "scope", "row_key"},
    "stats_recordings": {"window_start", "scope", "row_key"},
    "stats_screenshare": {"window_start", "scope", "row_key"},
    "analytics_metrics": {"id"},
    "analytics_records": {"id"},
    "analytics_metric_descriptions": {"id"},
    "analytics_record_descriptions": {"id"},
    "analytics_metric_data": {"row_key", "window_start"},
    "analytics_record_data": {"record_key", "primary_timestamp"},
    "analytics_filter_values": {"filter_attribute", "value", "snapshot_date"},
    "company": {"id"},
    "offices": {"id"},
    "call_centers": {"id"},
    "departments": {"id"},
    "users": {"id"},
    "rooms": {"id"},
    "coaching_teams": {"id"},
    "channels": {"id"},
    "numbers": {"number"},
    "contacts": {"id"},
    "call_routers": {"id"},
    "call_labels": {"label"},
    "user_devices": {"id"},
    "call_center_operators": {"call_center_id", "id"},
    "department_operators": {"department_id", "id"},
    "office_operators": {"office_id", "id"},
    "coaching_team_members": {"coaching_team_id", "id"},
    "channel_members": {"channel_id", "id"},
    "access_policies": {"id"},
    "access_policy_assignments": {"policy_id", "user_id"},
    "disposition_lists": {"id"},
    "meeting_rooms": {"id"},
    "meetings": {"id"},
    "scheduled_reports": {"id"},
    "webhooks": {"id"},
    "event_subscriptions": {"kind", "id"},
    "blocked_numbers": {"number"},
    "sms_opt_outs": {"external_endpoint", "scope"},
    "operator_skills": {"call_center_id", "user_id"},
    "off_duty_statuses": {"office_id", "status"},
    "custom_ivrs": {"target_type", "target_id", "ivr_type"},
    "desk_phones": {"owner_type", "owner_id", "id"},
    "user_personas": {"user_id", "type", "id"},
    "user_caller_ids": {"user_id"},
    "office_plans": {"office_id", "snapshot_date"},
    "office_licenses": {"office_id", "snapshot_date"},
    "calls": {"call_id", "date_started"},
    "digital_sessions": {"session_id", "created_at"},
    "call_events": {"event_id", "received_at"},
}
EXPORTS = [stream for stream in FIRM if stream.startswith(("records_", "stats_"))]
UNKNOWN_SHAPE = ["null", "object", "array", "string", "number", "boolean"]
KEYWORDS = {
    "$schema", "title", "description", "type", "format", "airbyte_type", "items", "properties", "additionalProperties",
}  # fmt: skip

IDENTIFIER = re.compile(r"^ids?$|_ids?$|[a-z]Ids?$|^(session|customersession|workflownode)id$")
MOMENT = re.compile(r"^date($|_)|_at$|_timestamp$|_started$|^start_time$")
# The few columns whose shape the API does not document, or that come in several.
SHAPELESS = {
    "messages": {"topmatches", "sessionchannelinfo"},
    "customer_session_messages": {"topmatches", "sessionchannelinfo"},
    "analytics_record_data": {"value"},
    "call_events": {"admin_recording_urls", "recording_url", "ai_csat"},
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


every_stream = pytest.mark.parametrize("stream", FIRM)


def test_there_is_one_schema_for_each_stream_and_no_other() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{stream}.json" for stream in FIRM}


@every_stream
def test_a_schema_is_valid_draft_07(stream: str) -> None:
    schema = load(stream)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    Draft7Validator.check_schema(schema)


@every_stream
def test_a_schema_bears_the_name_of_its_stream(stream: str) -> None:
    assert load(stream)["title"] == stream


@every_stream
def test_a_schema_says_its_grain(stream: str) -> None:
    assert re.fullmatch(r"Each record is .+\.", load(stream)["description"])


@every_stream
def test_a_schema_describes_an_object(stream: str) -> None:
    assert load(stream)["type"] == "object"


@every_stream
def test_a_schema_uses_only_keywords_that_warehouses_cope_with(stream: str) -> None:
    used = {keyword for node in nodes(load(stream)) for keyword in node}
    assert used <= KEYWORDS


@every_stream
def test_unknown_columns_pass_through_at_every_depth(stream: str) -> None:
    structures = [node for node in nodes(load(stream)) if "object" in node["type"] and node["type"] != UNKNOWN_SHAPE]
    assert structures
    assert all(node["additionalProperties"] is True for node in structures)


@every_stream
def test_every_column_has_one_type_beside_null_unless_its_shape_is_unknown(stream: str) -> None:
    shapeless = {column.path for column in columns(load(stream)) if column.schema["type"] == UNKNOWN_SHAPE}
    odd = {column.path for column in columns(load(stream)) if len(column.types) != 1}
    assert shapeless == odd == SHAPELESS.get(stream, set())


@every_stream
def test_every_column_is_described_in_a_sentence(stream: str) -> None:
    sentence = re.compile(r"[A-Z](?!.*\s\s).+\.")
    odd = [c.path for c in columns(load(stream)) if not sentence.fullmatch(c.schema.get("description", ""))]
    assert odd == []


@every_stream
def test_the_members_of_every_list_are_typed(stream: str) -> None:
    lists = [column for column in columns(load(stream)) if column.types == {"array"}]
    assert [column.path for column in lists if "type" not in column.schema.get("items", {})] == []


@every_stream
def test_exactly_the_key_and_the_cursor_are_never_null(stream: str) -> None:
    firm = {column.path for column in columns(load(stream)) if "null" not in column.schema["type"]}
    assert firm == FIRM[stream]


@every_stream
def test_identifiers_are_text_at_every_depth(stream: str) -> None:
    odd = []
    for column in columns(load(stream)):
        if IDENTIFIER.search(column.name):
            many = column.types == {"array"}
            types = set(column.schema["items"]["type"]) - {"null"} if many else column.types
            if types != {"string"}:
                odd.append(column.path)
    assert odd == []


@every_stream
def test_times_carry_a_format_and_an_airbyte_type(stream: str) -> None:
    odd = [
        c.path
        for c in columns(load(stream))
        if (c.schema.get("format") == "date-time") != (c.schema.get("airbyte_type") == "timestamp_with_timezone")
        or ("format" in c.schema and c.types != {"string"})
    ]
    assert odd == []


@pytest.mark.parametrize("stream", [stream for stream in FIRM if stream != "call_events"])
def test_what_is_named_like_a_moment_is_a_time_or_a_day(stream: str) -> None:
    day = {"date"} if stream.startswith("stats_") else set()
    moments = [c for c in columns(load(stream)) if MOMENT.search(c.name)]
    expected = {c.path: "date" if c.path in day else "date-time" for c in moments}
    assert {c.path: c.schema.get("format") for c in moments} == expected


def test_the_moments_of_a_call_event_are_milliseconds_beside_an_rfc_3339_time() -> None:
    properties = load("call_events")["properties"]
    moments = [name for name in properties if MOMENT.search(name) and name != "received_at"]
    named = [name for name in moments if not name.endswith("_time")]
    assert "event_timestamp" in named
    assert all(properties[name]["type"] == ["null", "integer"] for name in named)
    assert all(properties[f"{name}_time"]["format"] == "date-time" for name in named)


def test_the_moment_of_a_message_is_milliseconds_beside_an_rfc_3339_time() -> None:
    properties = load("messages")["properties"]
    assert (properties["ts"]["type"], properties["created_at"]["format"]) == ("integer", "date-time")


@pytest.mark.parametrize("stream", EXPORTS)
def test_every_export_row_says_its_scope_and_window(stream: str) -> None:
    properties = load(stream)["properties"]
    assert {name: properties[name].get("format") for name in ("scope", "window_start", "window_end", "timezone")} == {
        "scope": None, "window_start": "date", "window_end": "date", "timezone": None,
    }  # fmt: skip


@pytest.mark.parametrize("stream", EXPORTS)
def test_the_durations_of_exports_are_minutes_or_say_that_the_unit_is_unknown(stream: str) -> None:
    durations = [c for c in columns(load(stream)) if re.search(r"duration$|minutes$|^time_", c.name)]
    unit = re.compile(r"\bminutes\b", re.IGNORECASE)
    assert [c.path for c in durations if c.types != {"number"} or not unit.search(c.schema["description"])] == []


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


@every_stream
def test_no_secret_has_a_column(stream: str) -> None:
    assert [c.path for c in columns(load(stream)) if re.search("secret|password|api_key", c.name)] == []


@every_stream
def test_a_file_links_to_nothing_but_the_draft_it_follows(stream: str) -> None:
    text = (FOLDER / f"{stream}.json").read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\"\s]*", text) == ["http://json-schema.org/draft-07/schema#"]


@pytest.mark.parametrize(
    "stream", sorted(path.stem for path in FOLDER.glob("*.json") if path.stem.startswith(("records_", "stats_")))
)
def test_every_export_lists_a_column_for_those_it_does_not_list(stream: str) -> None:
    column = load(stream)["properties"]["other_columns"]
    assert (column["type"], column["additionalProperties"]) == (["null", "object"], True)
