"""The configuration: what is wrong is said in a sentence that names the key, the value seen and the cure."""
# ruff: noqa: RUF001  # digits that only look like digits are cases

from __future__ import annotations

import copy
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given, settings
from hypothesis import strategies as st

from source_dialpad.config import CheckedConfig
from source_dialpad.manifest import composed_manifest
from unit_tests.cases import every

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Config = dict[str, Any]
PROPERTIES: dict[str, Any] = composed_manifest()["spec"]["connection_specification"]["properties"]
SECTIONS = ("engagement", "dialpad", "analytics", "event_receiver")
SECRETS = {section: f"{section}-key-71f2c9d04be8a3561" for section in SECTIONS}
REMOVED = object()
GOOD: Config = {
    "start_date": "2026-01-01",
    "timezone": "Europe/Berlin",
    "engagement": {"base_url": "https://app.koopid.ai", "api_key": SECRETS["engagement"], "provider_id": "1020"},
    "dialpad": {"api_key": SECRETS["dialpad"]},
    "analytics": {"api_key": SECRETS["analytics"]},
    "event_receiver": {"base_url": "https://calls.example.com", "api_key": SECRETS["event_receiver"]},
}


def checked(config: Mapping[str, Any]) -> Config:
    whole = copy.deepcopy(dict(config))
    CheckedConfig({"properties": PROPERTIES}).transform(whole)
    return whole


def with_value(key: str, value: Any) -> Config:
    config = copy.deepcopy(GOOD)
    *sections, name = key.split(".")
    place = config[sections[0]] if sections else config
    if value is REMOVED:
        place.pop(name, None)
    else:
        place[name] = value
    return config


def refusal(config: Mapping[str, Any]) -> str:
    with pytest.raises(AirbyteTracedException) as caught:
        checked(config)
    assert caught.value.failure_type == FailureType.config_error
    return str(caught.value.message)


def keys(properties: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, schema in properties.items():
        yield f"{prefix}{name}", schema
        if schema["type"] == "object":
            yield from keys(schema["properties"], f"{name}.")


OF_OTHER_TYPES: dict[str, list[Any]] = {
    "string": [7, 1.5, True, ["a"], {"a": "b"}],
    "integer": ["7", 1.5, True, [7], {"a": 7}, float("nan"), float("inf")],
    "array": ["a", 7, False, {"a": "b"}],
    "object": ["text-of-a-user", 7, True, [{"api_key": "text-of-a-user"}]],
}


def generated() -> Iterator[tuple[str, Any]]:
    """Every key of the spec with values that its own schema forbids."""
    for key, schema in keys(PROPERTIES):
        section, _, name = key.partition(".")
        if name in PROPERTIES[section].get("required", ()):
            yield key, REMOVED
            yield key, None
        for value in OF_OTHER_TYPES[schema["type"]]:
            yield key, value
        if "minLength" in schema or schema.get("format") == "date":
            yield key, ""
            yield key, " \t\n"
        if "enum" in schema:
            yield key, "no such choice"
            yield key, schema["enum"][0].upper()
        if schema["type"] == "integer":
            yield key, schema["minimum"] - 1
            yield key, schema["maximum"] + 1
            yield key, 10**400
        if schema["type"] == "array":
            yield key, [7]
            yield key, [None]


FROM_SPEC = list(generated())


def test_more_than_a_hundred_bad_cases_come_from_the_spec() -> None:
    assert len(FROM_SPEC) > 100


def redact_url(case: object) -> str:
    return "removed" if case is REMOVED else repr(case)[:30]


@every(("key", "value"), FROM_SPEC)
def test_what_the_spec_forbids_is_refused_in_one_sentence_that_names_the_key(key: str, value: Any) -> None:
    text = refusal(with_value(key, value))
    assert text.startswith(key)
    assert text.endswith(".")
    assert re.search(r"is missing: \w|it takes |give ", text)
    assert "text-of-a-user" not in text
    assert len(text) < 300


@every(
    ("key", "value", "cure"),
    [
        ("start_date", "2099-01-01", "lies in the future"),
        ("start_date", "2009-12-31", "before 2010-01-01"),
        ("start_date", "0001-01-01", "before 2010-01-01"),
        ("start_date", "2026-02-30", "date of the calendar"),
        ("start_date", "0000-00-00", "date of the calendar"),
        ("start_date", "yesterday", "YYYY-MM-DD"),
        ("start_date", "01.02.2026", "YYYY-MM-DD"),
        ("start_date", "2026-01-01T00:00:00Z", "YYYY-MM-DD"),
        ("start_date", "２０２６-01-01", "YYYY-MM-DD"),
        ("timezone", "europe/berlin", "nearest: 'Europe/Berlin'"),
        ("timezone", "Europe/Belrin", "nearest: 'Europe/Berlin'"),
        ("timezone", "Berlin", "tz database"),
        ("timezone", "CET+1", "tz database"),
        ("timezone", "/etc/localtime", "tz database"),
        ("timezone", "localtime", "tz database"),
        ("timezone", "Factory", "tz database"),
        ("timezone", "Europe/\x00", "tz database"),
        ("timezone", "Ευρώπη/Αθήνα", "tz database"),
        ("dialpad.base_url", "dialpad.com", "https:// in front"),
        ("dialpad.base_url", "//dialpad.com", "https:// in front"),
        ("dialpad.base_url", "ftp://dialpad.com", "https:// in front"),
        ("dialpad.base_url", "https:/dialpad.com", "https:// in front"),
        ("dialpad.base_url", "https://", "https:// in front"),
        ("dialpad.base_url", "https://https://dialpad.com", "https:// in front"),
        ("dialpad.base_url", "https://dial pad.com", "https:// in front"),
        ("dialpad.base_url", "https://dial\npad.com", "https:// in front"),
        ("dialpad.base_url", "https://dialpad.com/\x00", "https:// in front"),
        ("dialpad.base_url", "https://dialpad.com\\api", "https:// in front"),
        ("dialpad.base_url", "https://dialpad.com:99999", "https:// in front"),
        ("dialpad.base_url", "https://dialpad.com:port", "https:// in front"),
        ("dialpad.base_url", "https://[::1", "https:// in front"),
        ("dialpad.base_url", "https://dialpad.com/other", "give the host alone"),
        ("dialpad.base_url", "https://dialpad.com/api/v2x", "give the host alone"),
        ("dialpad.base_url", "https://dialpad.com/api/v2?limit=1", "give the host alone"),
        ("dialpad.base_url", "https://dialpad.com/#top", "give the host alone"),
        ("dialpad.base_url", "https://ann:pw@dialpad.com", "dialpad.api_key"),
        ("analytics.base_url", "https://dev.dixa.io/v2", "give the host alone"),
        ("engagement.base_url", "https://app.koopid.ai/login", "give the host alone"),
        ("engagement.provider_id", "10 20", "such as '1020'"),
        ("engagement.provider_id", "../../x", "such as '1020'"),
        ("engagement.provider_id", "１０２０", "such as '1020'"),
        ("dialpad.office_id", "five", "text in quotes, such as '5000"),
        ("dialpad.office_id", "9" * 20, "text in quotes, such as '5000"),
        ("dialpad.office_id", "9" * 5000, "text in quotes, such as '5000"),
        ("dialpad.office_id", "-1", "text in quotes, such as '5000"),
        ("dialpad.office_id", "１２", "text in quotes, such as '5000"),
        ("dialpad.targets", [{"type": "queue", "id": "1"}], "it takes one of callcenter"),
        ("dialpad.targets", [{"type": "user", "id": "ann"}], "text in quotes, such as '5000"),
        ("dialpad.targets", [{"type": "user"}], "targets[0].id is missing"),
        ("dialpad.targets", [{"id": "1"}], "targets[0].type is missing"),
        ("dialpad.targets", ["callcenter:1"], "a section with type, id"),
        ("analytics.filters", [{"attribute": "channel", "values": []}], "filters[0].values is empty"),
        ("analytics.filters", [{"attribute": "channel", "values": [""]}], "filters[0].values[0] is empty"),
        ("analytics.filters", [{"attribute": "", "values": ["a"]}], "filters[0].attribute is empty"),
        ("analytics.filters", [{"values": ["a"]}], "filters[0].attribute is missing"),
        *((f"{section}.api_key", "two words", "copy it again") for section in SECTIONS),
        *((f"{section}.api_key", "two\nlines", "copy it again") for section in SECTIONS),
        *((f"{section}.api_key", '"quoted-key"', "copy it again") for section in SECTIONS),
        *((f"{section}.api_key", "schlüssel", "copy it again") for section in SECTIONS),
        *((f"{section}.api_key", "Bearer abcdef", "the key alone") for section in SECTIONS),
    ],
)
def test_what_the_spec_cannot_say_is_refused_with_the_cure(key: str, value: Any, cure: str) -> None:
    text = refusal(with_value(key, value))
    assert text.startswith(key)
    assert cure in text


@every(
    ("key", "value"),
    [
        *(
            (f"{section}.api_key", secret)
            for section in SECTIONS
            for secret in ("sesame-öffne-dich", "Bearer sesame-x")
        ),
        *((section, "sesame-4711") for section in SECTIONS),
        *((section, [{"api_key": "sesame-4711"}]) for section in SECTIONS),
        *((f"{section}.api_key", ["sesame-4711"]) for section in SECTIONS),
        ("dialpad.base_url", "https://ann:sesame-4711@dialpad.com/x"),
        ("dialpad.base_url", "ann:sesame-4711@dialpad.com"),
        ("dialpad.base_url", "//ann:sesame-4711@dialpad.com"),
        ("dialpad.base_url", "https://dialpad.com/?apikey=sesame-4711"),
        ("dialpad.base_url", "dialpad.com?apikey=sesame-4711"),
    ],
)
def test_a_value_that_may_be_a_secret_is_never_shown(key: str, value: Any) -> None:
    assert "sesame" not in refusal(with_value(key, value))


def test_every_missing_key_of_a_section_is_named_at_once() -> None:
    text = refusal({"engagement": {}})
    assert [key for key in ("base_url", "api_key", "provider_id") if f"engagement.{key} is missing" in text] == [
        "base_url",
        "api_key",
        "provider_id",
    ]


def test_several_problems_are_all_named() -> None:
    config = with_value("timezone", "Mars") | {"start_date": "2099-01-01"}
    text = refusal(config)
    assert "timezone is 'Mars'" in text
    assert "start_date is 2099-01-01" in text


@every("config", [{}, {"start_date": "2026-01-01"}, {"_limit": 3}, {"dialpad": None}])
def test_a_configuration_without_a_section_is_refused(config: Config) -> None:
    assert refusal(config).startswith("No section is configured")


def test_a_misspelt_section_is_an_error_with_the_right_name_though_others_are_there() -> None:
    text = refusal({**GOOD, "dialpd": {"api_key": "x"}})
    assert text == "dialpd is not a setting; rename it to dialpad, or remove it."


def test_all_mistakes_are_reported_at_once_whatever_their_kind() -> None:
    config = with_value("timezone", "Mars") | {"lookback_days": 99, "start_date": "2099-01-01", "num_worker": 3}
    text = refusal({**config, "dialpad": {"apikey": "x", "base_url": "ftp://a", "targets": [{"type": "callcenter"}]}})
    for part in ("timezone", "lookback_days", "start_date", "num_workers", "dialpad.api_key", "dialpad.base_url"):
        assert part in text
    assert "dialpad.targets[0].id is missing" in text


@every("value", [f" {SECRETS['dialpad']}", f"{SECRETS['dialpad']}\n", f"\t{SECRETS['dialpad']} \r\n"])
def test_space_around_a_key_is_trimmed(value: str) -> None:
    assert checked(with_value("dialpad.api_key", value))["dialpad"]["api_key"] == SECRETS["dialpad"]


@every(
    ("key", "given", "taken"),
    [
        ("dialpad.base_url", "https://dialpad.com/", "https://dialpad.com"),
        ("dialpad.base_url", " https://dialpad.com \n", "https://dialpad.com"),
        ("dialpad.base_url", "https://dialpad.com/api/v2", "https://dialpad.com"),
        ("dialpad.base_url", "https://dialpad.com/api/", "https://dialpad.com"),
        ("dialpad.base_url", "https://dialpad.com/api/v2/stats/", "https://dialpad.com"),
        ("dialpad.base_url", "HTTPS://sandbox.dialpad.com", "https://sandbox.dialpad.com"),
        ("dialpad.base_url", "http://localhost:8800", "http://localhost:8800"),
        ("dialpad.base_url", "http://[::1]:8800/", "http://[::1]:8800"),
        (
            "engagement.base_url",
            "https://a.b/KoopidPartnerServer/api/APIEndpoint/Dashboard/1020/RedactedMessages",
            "https://a.b",
        ),
        ("engagement.base_url", "https://a.b/KoopidPartnerServer", "https://a.b"),
        ("analytics.base_url", "https://dev.dixa.io/v1/analytics/metrics", "https://dev.dixa.io"),
        ("event_receiver.base_url", "https://a.b/events", "https://a.b"),
        ("event_receiver.base_url", "https://a.b/hooks/events/", "https://a.b/hooks"),
    ],
)
def test_a_url_is_taken_with_or_without_slash_and_documented_path(key: str, given: str, taken: str) -> None:
    section, name = key.split(".")
    assert checked(with_value(key, given))[section][name] == taken


def test_a_start_date_of_today_is_taken_in_the_zone_of_the_configuration() -> None:
    with time_machine.travel("2026-11-20T22:30:00Z", tick=False):
        config = with_value("timezone", "Asia/Tokyo") | {"start_date": "2026-11-21"}
        assert checked(config)["start_date"] == "2026-11-21"


def test_without_a_start_date_a_year_is_read() -> None:
    with time_machine.travel("2026-11-20T12:00:00Z", tick=False):
        assert checked(with_value("start_date", REMOVED))["start_date"] == "2025-11-20"


def test_defaults_fill_what_is_left_out_and_no_section_is_added() -> None:
    whole = checked({"dialpad": {"api_key": SECRETS["dialpad"]}})
    assert {name: whole[name] for name in ("timezone", "lookback_days", "num_workers")} == {
        "timezone": "UTC",
        "lookback_days": 3,
        "num_workers": 8,
    }
    assert whole["dialpad"]["base_url"] == "https://dialpad.com"
    assert not {"engagement", "analytics", "event_receiver"} & set(whole)


def test_a_null_is_a_key_left_out() -> None:
    config = with_value("dialpad.office_id", None) | {"lookback_days": None}
    whole = checked(config)
    assert whole["lookback_days"] == 3
    assert "office_id" not in whole["dialpad"]


def test_a_whole_number_written_with_a_point_is_one() -> None:
    days = checked(with_value("dialpad.export_window_days", 30.0))["dialpad"]["export_window_days"]
    assert (days, type(days)) == (30, int)


def test_duplicates_are_taken_once() -> None:
    targets = [{"type": "call_center", "id": "1"}, {"type": "callcenter", "id": "1"}, {"type": "user", "id": "1"}]
    whole = checked(with_value("dialpad.targets", targets))
    assert whole["dialpad"]["targets"] == [{"type": "callcenter", "id": "1"}, {"type": "user", "id": "1"}]
    assert checked(with_value("analytics.metric_ids", ["a", "b", "a"]))["analytics"]["metric_ids"] == ["a", "b"]


def test_the_platforms_own_keys_pass_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    config = {**GOOD, "__injected": {"a": 1}, "_limit": 5, "__airbyte_check_stream_names": ["a"]}
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        assert checked(config)["_limit"] == 5
    assert caplog.text == ""


def test_an_unknown_key_that_is_near_no_setting_is_ignored_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="airbyte"):
        checked(with_value("dialpad.color", "sesame-4711"))
    assert "dialpad.color, which is not a setting and is ignored" in caplog.text
    assert "sesame" not in caplog.text


def test_what_was_checked_once_is_the_same_when_checked_again() -> None:
    config = with_value("dialpad.targets", [{"type": "call_center", "id": "1"}])
    assert checked(checked(config)) == checked(config)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.slow
@settings(deadline=None)
@given(key=st.sampled_from([key for key, _ in keys(PROPERTIES)]), value=JSON)
def test_whatever_stands_in_a_key_it_is_taken_or_refused_in_a_sentence(key: str, value: Any) -> None:
    refused, whole = None, None
    try:
        whole = checked(with_value(key, value))
    except AirbyteTracedException as error:
        refused = error
    if refused is not None:
        assert (refused.failure_type, str(refused.message)[-1]) == (FailureType.config_error, ".")
    else:
        assert whole is not None
        assert checked(whole) == whole


def test_the_default_start_is_a_day_that_has_begun_everywhere_it_is_asked_for() -> None:
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        whole = checked({"dialpad": {"api_key": SECRETS["dialpad"]}, "timezone": zone})
        assert datetime.fromisoformat(whole["start_date"]).replace(tzinfo=UTC) < datetime.now(UTC) - timedelta(days=363)
