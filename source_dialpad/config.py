"""The configuration: trimmed, checked and completed before any stream is built.

Errors name the key, the value seen and the cure; a value marked as secret in the spec is never shown. What the spec can
say (types, ranges, lists of values, required keys) is checked against the spec itself, so that there is one list of
settings; what it cannot say (a zone that exists, a date that has passed, a key that can be an HTTP header) is checked
here.
"""

from __future__ import annotations

import copy
import logging
import re
import zoneinfo
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import Any
from urllib.parse import SplitResult, urlsplit

from airbyte_cdk.sources.declarative.transformations.config_transformations.config_transformation import (
    ConfigTransformation,
)
from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from source_dialpad.errors import config_error
from source_dialpad.sync.windows import local_day
from source_dialpad.transport.times import zone_of

logger = logging.getLogger("airbyte")

SECTIONS = ("engagement", "dialpad", "analytics", "event_receiver")
"""The optional sections; at least one has to be there."""

DOCUMENTED_PATHS = {
    "engagement": "/KoopidPartnerServer/api/APIEndpoint/Dashboard",
    "dialpad": "/api/v2",
    "analytics": "/v1/analytics",
    "event_receiver": "/events",
}
"""What people copy behind the host: these, whole parts of them from the host on, and whatever follows them."""

EARLIEST_START = date(2010, 1, 1)
"""None of these products existed before."""

DEFAULT_HISTORY = timedelta(days=365)

DEFAULT_START = "_start_date_is_default"
"""Marks a configuration whose start_date nobody set; other tools' marks begin with an underscore as well."""

TARGET_TYPES = {"call_center": "callcenter"}
"""Spellings of the rows, and how the requests spell them."""

NEAR_MISS = 0.75
"""How alike an unknown key and the name of a setting are for the key to be a slip (difflib's ratio)."""

NO_ZONES = {"Factory", "localtime", "posixrules"}
"""In the tz database without being the zone of a place: the first says so itself, the others differ by machine."""

MOST_DIGITS = 19
"""Of an int64."""


@dataclass
class CheckedConfig(ConfigTransformation):
    """Trims, checks and completes the configuration in place; raises a config error that lists every problem.

    The parameter `properties` holds the spec's own: the manifest passes them by reference.
    """

    parameters: Mapping[str, Any]

    def transform(self, config: MutableMapping[str, Any]) -> None:
        """Rewrites `config`: text trimmed, nulls left out, URLs without path, defaults filled in."""
        properties = self.parameters["properties"]
        cleaned = _cleaned(config)
        schema_problems, readable = _checked_against_schema(cleaned, properties)
        problems = [*_unknown_keys(cleaned, properties), *schema_problems, *_problems(readable, cleaned)]
        if problems:
            raise config_error(" ".join(problems))
        config.clear()
        config.update(_completed(cleaned, properties))


def _cleaned(value: Any) -> Any:
    """The same value with text trimmed and the members of objects that are null left out."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return {key: _cleaned(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return value


# --- what the spec says -----------------------------------------------------------------------------------------------


def _checked_against_schema(
    config: Mapping[str, Any], properties: Mapping[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """What the spec does not allow, and the configuration without it, for the checks that follow."""
    validator = Draft7Validator({"type": "object", "properties": dict(properties)})
    readable = copy.deepcopy(dict(config))
    problems: dict[str, str] = {}
    for error in sorted(validator.iter_errors(config), key=lambda error: [str(part) for part in error.absolute_path]):
        key = _key(error)
        if error.validator == "required":
            schema = _any(error.schema)
            for name in schema["required"]:
                if name not in error.instance:
                    about = _first_sentence(schema["properties"][name]["description"])
                    problems.setdefault(f"{key}.{name}", f"{key}.{name} is missing: {about}")
        else:
            problems.setdefault(key, _sentence(error, key))
        if error.validator != "required" or len(error.absolute_path) > 1:
            _remove(readable, [*error.absolute_path][:2])
    return list(problems.values()), readable


def _remove(config: dict[str, Any], path: list[str | int]) -> None:
    """Takes a setting, or a section, out."""
    section = config.get(str(path[0]))
    if len(path) > 1 and isinstance(section, dict):
        section.pop(str(path[1]), None)
    else:
        config.pop(str(path[0]), None)


def _key(error: ValidationError) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")


def _sentence(error: ValidationError, key: str) -> str:
    rule, wanted, schema = str(error.validator), _any(error.validator_value), _any(error.schema)
    seen = "has a value of the wrong form" if _holds_secret(schema) else f"is {_shown(error.instance)}"
    if error.instance in ("", []):
        seen = "is empty"
    cure = {
        "enum": f"it takes one of {', '.join(map(str, wanted)) if rule == 'enum' else ''}",
        "minLength": "give a value",
        "minItems": "give at least one value",
    }.get(rule) or f"it takes {_kind(schema)}"
    return f"{key} {seen}; {cure}."


def _any(value: Any) -> Any:
    """The value, of which jsonschema says too little: the spec's own schemas are objects, their values are set."""
    return value


def _holds_secret(schema: Any) -> bool:
    return bool(schema.get("airbyte_secret")) or any(map(_holds_secret, schema.get("properties", {}).values()))


def _kind(schema: Mapping[str, Any]) -> str:
    example = f", such as {_shown(schema['examples'][0])}" if schema.get("examples") else ""
    kind = schema.get("type")
    if kind == "integer":
        return _range(schema)
    if kind == "array":
        return "a list" + example
    if kind == "object":
        return f"a section with {', '.join(schema.get('properties', {}))}"
    if kind == "string" and schema.get("format") == "date":
        return "a date (YYYY-MM-DD)" + example
    return ("text in quotes" if kind == "string" else f"a {kind}") + example


def _range(schema: Mapping[str, Any]) -> str:
    return f"a whole number from {schema['minimum']} to {schema['maximum']}"


def _first_sentence(text: str) -> str:
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]  # noqa: PLR2004  # a line of a form, not a page


# --- what it cannot say -----------------------------------------------------------------------------------------------


def _problems(config: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    if not any(section in given for section in SECTIONS):
        yield (
            "No section is configured: fill in at least one of engagement, dialpad, analytics or event_receiver; each "
            "one brings the streams of its API."
        )
    timezone = config.get("timezone", "UTC")
    known_zone = timezone in zoneinfo.available_timezones() - NO_ZONES
    if not known_zone:
        yield f"timezone is {_shown(timezone)}; it takes a name of the tz database{_nearest_zone(timezone)}."
    if "start_date" in config:
        yield from _start_date_problems(config["start_date"], timezone if known_zone else "UTC")
    for section in SECTIONS:
        if section in config:
            yield from _section_problems(section, config[section])


def _nearest_zone(name: str) -> str:
    folded = {zone.lower(): zone for zone in zoneinfo.available_timezones()}
    close = get_close_matches(name.lower().replace(" ", "_"), folded, n=3, cutoff=0.6)
    return f" (nearest: {', '.join(folded[zone] for zone in close)})" if close else ", such as Europe/Berlin"


def _start_date_problems(text: str, timezone: str) -> Iterator[str]:
    try:
        start = date.fromisoformat(text)
    except ValueError:
        yield f"start_date is {_shown(text)}; it takes a date of the calendar (YYYY-MM-DD), such as 2026-01-01."
        return
    today = local_day(datetime.now(UTC), zone_of(timezone))
    if start > today:
        yield (
            f"start_date is {text}, which lies in the future (today is {today} in {timezone}); give today or an "
            "earlier day."
        )
    if start < EARLIEST_START:
        yield f"start_date is {text}; there is no data before {EARLIEST_START}, give that day or a later one."


def _section_problems(section: str, values: Mapping[str, Any]) -> Iterator[str]:
    if "base_url" in values:
        yield from _url_problems(f"{section}.base_url", values["base_url"], section)
    key = values.get("api_key", "")
    if key.lower().startswith("bearer "):
        yield f"{section}.api_key begins with 'Bearer '; give the key alone."
    elif not re.fullmatch(r"[\x21-\x7e]*", key) or re.search(r"[\"'\\]", key):
        yield (
            f"{section}.api_key holds a space, a line break, a quotation mark or a letter that no key has; copy it "
            "again, the key alone on one line."
        )
    if not re.fullmatch(r"[A-Za-z0-9_.\-]*", values.get("provider_id", "")):
        yield f"{section}.provider_id is {_shown(values['provider_id'])}; it takes the account's id, such as '1020'."
    if not re.fullmatch(_ID, values.get("office_id", "0")):
        yield f"{section}.office_id is {_shown(values['office_id'])}; it takes the office's id, digits in quotes."
    for number, target in enumerate(values.get("targets", ())):
        if not re.fullmatch(_ID, target["id"]):
            place = f"{section}.targets[{number}].id"
            yield f"{place} is {_shown(target['id'])}; it takes the target's id, digits in quotes."


def _url_problems(key: str, url: str, section: str) -> Iterator[str]:
    parts = _split(url)
    if parts is None:
        yield f"{key} is {_shown(_public(url))}; it takes the address of the API with https:// in front, such as https://{_EXAMPLE[section]}."
    elif parts.username or parts.password:
        yield f"{key} holds a user name or a password; the key goes into {section}.api_key, the address stands alone."
    elif parts.query or parts.fragment or not _is_documented(parts.path, section):
        yield (
            f"{key} is {_shown(_public(url))}; give the host alone, without what stands behind it: "
            f"{parts.scheme}://{parts.netloc}."
        )


def _split(url: str) -> SplitResult | None:
    """The parts of a URL that requests can be sent to; None for any other text."""
    if re.search(r"[\s\x00-\x1f\x7f]", url):  # urlsplit would drop line breaks and tabs without a word
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or port == 0 or parts.netloc.endswith(":"):
        return None
    return parts if re.fullmatch(r"[\w.\-]+|[0-9a-f:.]+", host) else None


def _public(url: str) -> str:
    """The URL without what could be a key: what stands before an @, and behind a question mark."""
    redact_url = re.sub(r"^.*@", "…@", url, flags=re.DOTALL)
    return re.sub(r"[?#].*", "?…", redact_url, flags=re.DOTALL)


_ID = rf"[0-9]{{1,{MOST_DIGITS}}}"

_EXAMPLE = {
    "engagement": "app.koopid.ai",
    "dialpad": "dialpad.com",
    "analytics": "dev.dixa.io",
    "event_receiver": "calls.example.com",
}


def _is_documented(path: str, section: str) -> bool:
    path = path.rstrip("/") + "/"
    if section == "event_receiver":  # our own program may stand behind a prefix of the user's proxy
        return True
    documented = DOCUMENTED_PATHS[section] + "/"
    return documented.startswith(path) or path.startswith(documented)


# --- completed --------------------------------------------------------------------------------------------------------


def _completed(config: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    whole = _with_defaults(config, properties)
    if "start_date" not in whole:
        today = local_day(datetime.now(UTC), zone_of(whole["timezone"]))
        whole["start_date"] = (today - DEFAULT_HISTORY).isoformat()
        whole[DEFAULT_START] = True
    for section in SECTIONS:
        if "base_url" in whole.get(section, {}):
            whole[section]["base_url"] = _base_url(whole[section]["base_url"], section)
    dialpad = whole.get("dialpad", {})
    if "targets" in dialpad:
        targets = [{**each, "type": TARGET_TYPES.get(each["type"], each["type"])} for each in dialpad["targets"]]
        dialpad["targets"] = [each for number, each in enumerate(targets) if each not in targets[:number]]
    lists = (("engagement", "customer_session_ids"), ("analytics", "metric_ids"), ("analytics", "record_ids"))
    for section, key in lists:
        if key in whole.get(section, {}):
            whole[section][key] = list(dict.fromkeys(whole[section][key]))
    return whole


def _with_defaults(values: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    whole = dict(values)
    for name, schema in properties.items():
        if name not in whole and "default" in schema:
            whole[name] = schema["default"]
        elif name in whole and schema.get("type") == "object":
            whole[name] = _with_defaults(whole[name], schema["properties"])
        elif name in whole and schema.get("type") == "integer":
            whole[name] = int(whole[name])  # 3.0 is a whole number in JSON
    return whole


def _base_url(url: str, section: str) -> str:
    parts = urlsplit(url)
    path = ""
    if section == "event_receiver":
        path = parts.path.rstrip("/").removesuffix(DOCUMENTED_PATHS[section])
    return f"{parts.scheme}://{parts.netloc}{path}"


def _unknown_keys(values: Mapping[str, Any], properties: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A problem for each key that is nearly the name of a setting, and a warning for every other unknown one."""
    for name, value in values.items():
        if name.startswith("_"):  # the platform's own
            continue
        if name not in properties:
            close = get_close_matches(name.lower(), properties, n=1, cutoff=NEAR_MISS)
            if close:
                yield f"{prefix}{name} is not a setting; rename it to {prefix}{close[0]}, or remove it."
            else:
                logger.warning("The configuration holds %s%s, which is not a setting and is ignored.", prefix, name)
        elif properties[name].get("type") == "object" and isinstance(value, Mapping):
            yield from _unknown_keys(value, properties[name]["properties"], f"{prefix}{name}.")
