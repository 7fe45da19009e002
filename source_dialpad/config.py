"""The configuration: trimmed, checked and completed before any stream is built.

Errors name the key, the value seen and the cure; a value marked as secret in the spec is never shown. What the spec can
say is checked against the spec itself, so that there is one list of settings; the rest is checked here.
"""

from __future__ import annotations

import logging
import re
import zoneinfo
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Any, cast
from urllib.parse import urlsplit

from airbyte_cdk.sources.declarative.transformations.config_transformations.config_transformation import (
    ConfigTransformation,
)
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from source_dialpad.errors import config_error, nearest
from source_dialpad.sync.windows import local_day
from source_dialpad.transport.guard import origin
from source_dialpad.transport.times import zone_of

logger = logging.getLogger("airbyte")

Config = Mapping[str, Any]

DOCUMENTED_PATHS = {  # what people copy behind the host, in part, or with what follows
    "engagement": "/KoopidPartnerServer/api/APIEndpoint/Dashboard",
    "dialpad": "/api/v2",
    "analytics": "/v1/analytics",
    "event_receiver": "/events",
}

SECTIONS = tuple(DOCUMENTED_PATHS)
EARLIEST_START = date(2010, 1, 1)  # none of these products existed before

ZONES = zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}  # those differ by machine


@dataclass
class CheckedConfig(ConfigTransformation):
    """Trims, checks and completes the configuration; raises a config error that lists every problem."""

    parameters: Mapping[str, Any]  # `properties` are the spec's own: the manifest passes them by reference

    def transform(self, config: MutableMapping[str, Any]) -> None:
        """Rewrites `config`: text trimmed, nulls left out, URLs without path, defaults filled in."""
        properties = self.parameters["properties"]
        cleaned = _cleaned(config)
        problems = {**_other_problems(cleaned), **dict(_spec_problems(cleaned, properties))}
        sentences = [*_unknown_keys(cleaned, properties), *problems.values()]
        if not any(section in cleaned for section in SECTIONS):
            sections = f"{', '.join(SECTIONS)}; each one brings the streams of its API"
            sentences.append(f"No section is configured: fill in at least one of {sections}.")
        if sentences:
            raise config_error(" ".join(sentences))
        config.clear()
        config.update(_completed(cleaned, properties))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return {key: _cleaned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


def _spec_problems(config: Config, properties: Config) -> Iterator[tuple[str, str]]:
    """A key and a sentence for each value that the spec does not allow."""
    validator = Draft7Validator({"type": "object", "properties": dict(properties)})
    for error in sorted(validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path]):
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        key, schema = "".join(parts).lstrip("."), cast("Config", error.schema)
        if error.validator == "required":
            for name in schema["required"]:
                if name not in error.instance:
                    about = schema["properties"][name]["description"].split(". ")[0].rstrip(".")
                    yield f"{key}.{name}", f"{key}.{name} is missing: {about}."
        else:
            yield key, f"{key} {_seen(error.instance, schema)}; it takes {_kind(schema, error)}."


def _seen(value: Any, schema: Config) -> str:
    if value in ("", []):
        return "is empty"
    return "has a value of the wrong form" if "airbyte_secret" in str(schema) else f"is {_shown(value)}"


def _kind(schema: Config, error: ValidationError) -> str:
    kind = schema["type"]
    if error.validator == "enum":
        return f"one of {', '.join(schema['enum'])}"
    if kind == "integer":
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    if kind == "object":
        return f"a section with {', '.join(schema['properties'])}"
    example = f", such as {_shown(schema['examples'][0])}" if schema.get("examples") else ""
    if schema.get("format") == "date":
        return f"a date (YYYY-MM-DD){example}"
    return {"array": "a list", "string": "text in quotes"}.get(kind, f"a {kind}") + example


def _shown(value: Any) -> str:
    text, longest = repr(value), 60
    return text if len(text) <= longest else f"{text[: longest - 3]}…{text[-1]}"


def _unknown_keys(values: Config, properties: Config, prefix: str = "") -> Iterator[str]:
    """A problem for each key that is nearly the name of a setting, and a warning for every other unknown one."""
    for name, value in values.items():
        if name.startswith("_"):  # the platform's own
            continue
        if name in properties:
            if isinstance(value, Mapping) and "properties" in properties[name]:
                yield from _unknown_keys(value, properties[name]["properties"], f"{prefix}{name}.")
        elif close := get_close_matches(name.lower(), properties, n=1, cutoff=0.75):  # a slip
            yield f"{prefix}{name} is not a setting; rename it to {prefix}{close[0]}, or remove it."
        else:
            logger.warning("The configuration holds %s%s, which is not a setting and is ignored.", prefix, name)


def _other_problems(config: Config) -> dict[str, str]:
    """A sentence for each key whose value the spec allows and that cannot be used all the same."""
    timezone, problems = str(config.get("timezone", "UTC")), dict[str, str | None]()
    if timezone not in ZONES:
        hint = nearest(timezone, ZONES)
        problems["timezone"] = f"is {_shown(timezone)}; it takes a name of the tz database ({hint})"
    if "start_date" in config:
        problems["start_date"] = _start_date_problem(str(config["start_date"]), timezone if not problems else "UTC")
    for section in SECTIONS:
        values = config.get(section)
        if isinstance(values, Mapping):
            problems[f"{section}.api_key"] = _key_problem(str(values.get("api_key", "")))
            problems[f"{section}.base_url"] = _url_problem(str(values.get("base_url", "https://default")), section)
    return {key: f"{key} {problem}." for key, problem in problems.items() if problem}


def _key_problem(key: str) -> str | None:
    if key.lower().startswith("bearer "):
        return "begins with 'Bearer '; give the key alone"
    if not re.fullmatch(r"[!#-&(-\[\]-~]*", key):
        letter = "a space, a line break, a quotation mark or a letter that no key has"
        return f"holds {letter}; copy it again, the key alone on one line"
    return None


def _start_date_problem(text: str, timezone: str) -> str | None:
    try:
        start = date.fromisoformat(text)
    except ValueError:
        return f"is {_shown(text)}; it takes a date of the calendar (YYYY-MM-DD), such as 2026-01-01"
    today = local_day(datetime.now(UTC), zone_of(timezone))
    if start > today:
        return f"is {text}, which lies in the future (today is {today} in {timezone}); give today or an earlier day"
    if start < EARLIEST_START:
        return f"is {text}; there is no data before {EARLIEST_START}, give that day or a later one"
    return None


def _url_problem(url: str, section: str) -> str | None:
    if re.match(r"([a-z]+:)?(//)?[^/?#]*@", url, re.IGNORECASE):
        return f"holds a user name or a password; the key goes into {section}.api_key, the address stands alone"
    host, seen = origin(url), _shown(re.sub(r"[?#].*", "?…", url, flags=re.DOTALL))  # behind it may be a key
    if host is None or url.count("://") > 1:
        return f"is {seen}; it takes the address of the API with https:// in front"
    path, documented = urlsplit(url).path.rstrip("/") + "/", DOCUMENTED_PATHS[section] + "/"
    is_documented = documented.startswith(path) or path.startswith(documented)
    # our own program may stand behind a prefix of the user's proxy
    if re.search("[?#]", url) or not (is_documented or section == "event_receiver"):
        return f"is {seen}; give the host alone, without what stands behind it: {host}"
    return None


def _completed(config: Config, properties: Config) -> dict[str, Any]:
    whole = _with_defaults(config, properties)
    if "start_date" not in whole:
        today = local_day(datetime.now(UTC), zone_of(whole["timezone"]))
        whole["start_date"] = (today - timedelta(days=365)).isoformat()
        whole["_start_date_is_default"] = True  # the manifest reads it; other tools' marks have an underscore too
    for section in SECTIONS:
        values = whole.get(section, {})
        if "base_url" in values:
            parts = urlsplit(values["base_url"])
            prefix = parts.path.rstrip("/").removesuffix("/events") if section == "event_receiver" else ""
            values["base_url"] = f"{origin(values['base_url'])}{prefix}"
        for target in values.get("targets", ()):  # the rows spell it in another way than the requests
            target["type"] = target["type"].replace("call_center", "callcenter")
        for name, value in values.items():
            if isinstance(value, list) and name != "filters":
                values[name] = [each for number, each in enumerate(value) if each not in value[:number]]
    return whole


def _with_defaults(values: Config, properties: Config) -> dict[str, Any]:
    whole = dict(values)
    for name, schema in properties.items():
        if name not in whole and "default" in schema:
            whole[name] = schema["default"]
        elif name in whole and schema.get("type") == "object":
            whole[name] = _with_defaults(whole[name], schema["properties"])
        elif name in whole and schema.get("type") == "integer":
            whole[name] = int(whole[name])  # 3.0 is a whole number in JSON
    return whole
