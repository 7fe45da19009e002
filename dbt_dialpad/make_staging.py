"""Makes the staging layer of the dbt package from schemas/*.json: python -m dbt_dialpad.make_staging [--check].

Guarantee: one staging model a schema file, with every column of the schema, and no column named by hand. A new schema
file or property enters by running this again. Keys and cursors are those of integration_tests/configured_catalog.json,
which holds what the connector's `discover` says.

What happens to a column (DECISIONLOG.md, "Staging"): times become `..._at`, durations become seconds and `..._seconds`,
booleans begin with is_, was_ or has_, the id of an object carries the object's name, the scalar members of an object
become columns of their own, and nothing else changes.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent
SCHEMAS = PACKAGE.parent / "schemas"
CATALOGUE = PACKAGE.parent / "integration_tests" / "configured_catalog.json"
COMMAND = "python -m dbt_dialpad.make_staging"
FIRST_LINE = f"Made from schemas/*.json by `{COMMAND}`: not by hand."

UNITS = {"milliseconds": 0.001, "minutes": 60.0, "seconds": 1.0}
UNIT = re.compile(r"\b(milliseconds|minutes|seconds)\b", re.IGNORECASE)
IS_BOOLEAN_NAME = re.compile(r"^(is|was|has|can|allows)_")
SCALARS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}
RENAMED = {
    ("date", "instant"): "occurred_at",
    ("primary_timestamp", "instant"): "occurred_at",
    ("interval_start", "instant"): "began_at",
    ("agent_email", "text"): "email",
    ("event_timestamp", "instant"): "event_at",
    ("voicemail", "boolean"): "has_voicemail",
    ("at", "integer"): "at_hour",  # a reserved word
    ("do_not_disturb", "boolean"): "is_do_not_disturb",
    ("allow_trainee_eavesdrop", "boolean"): "allows_trainee_eavesdrop",
    ("hours_on", "boolean"): "has_hours",
    ("callback_requested", "boolean"): "was_callback_requested",
    ("minutes", "number"): "total_seconds",
}
"""Names that the rules below would make odd."""
UNKNOWN_UNIT = {("records_recordings", "duration"): "duration_as_given"}
"""Durations whose unit no page states: the number stays as it is, and the mart derives seconds by a variable."""


@dataclass(frozen=True)
class Column:
    """One column of a staging model."""

    source: str
    """Column of the synced table."""
    name: str
    type: str
    """text, integer, number, boolean, date, instant, json, or any: of several types, and text here."""
    description: str
    member: str = ""
    """Member of the object in `source`, when the column is one."""
    factor: float = 1.0
    """What the number is multiplied with."""

    def as_jinja(self) -> str:
        """The column as an entry of the model's list."""
        entry: dict[str, Any] = {"from": self.source, "to": self.name, "type": self.type}
        if self.member:
            entry["member"] = self.member
        if self.factor != 1.0:
            entry["factor"] = int(self.factor) if self.factor.is_integer() else self.factor
        return json.dumps(entry)


@dataclass(frozen=True)
class Stream:
    """One stream as its schema and the catalog describe it."""

    name: str
    description: str
    properties: dict[str, dict[str, Any]]
    key: list[str]
    cursor: str

    def columns(self) -> list[Column]:
        """Every column of the staging model, in the order of the schema. Raises ValueError where two get one name."""
        columns: list[Column] = []
        for name, schema in self.properties.items():
            columns.append(self._column(name, schema))
            columns.extend(self._members(name, schema))
        taken: dict[str, Column] = {}
        for column in columns:
            if column.name in taken:
                raise ValueError(
                    f"schemas/{self.name}.json: {column.source} and {taken[column.name].source} would both be "
                    f"{column.name} in staging. Name one of them in RENAMED of {Path(__file__).name}."
                )
            taken[column.name] = column
        return columns

    def _column(self, name: str, schema: dict[str, Any]) -> Column:
        kind = column_type(schema)
        description = " ".join(schema["description"].split())
        unit = UNIT.search(description)
        if (self.name, name) in UNKNOWN_UNIT:
            return Column(name, UNKNOWN_UNIT[self.name, name], kind, description)
        if kind == "number" and unit:
            factor = UNITS[unit[1].lower()]
            note = "" if factor == 1.0 else f" Here in seconds; Dialpad gives {unit[1].lower()}."
            return Column(name, seconds_name(name), kind, description + note, factor=factor)
        return Column(name, self._renamed(name, kind), kind, description)

    def _renamed(self, name: str, kind: str) -> str:
        if name == "id":
            return identity_name(self.name)
        if (name, kind) in RENAMED:
            return RENAMED[name, kind]
        if kind == "boolean" and not IS_BOOLEAN_NAME.match(name):
            return f"is_{name}"
        if kind == "instant":
            return instant_name(name)
        if name == "office_id" and self.name == "offices":
            return "office_id_given"
        return name.lower()

    def _members(self, name: str, schema: dict[str, Any]) -> list[Column]:
        columns = []
        for member, member_schema in (schema.get("properties") or {}).items():
            kind = column_type(member_schema)
            if kind in ("json", "any"):
                continue
            new = instant_name(f"{name}_{member}") if kind == "instant" else f"{name}_{member}"
            columns.append(Column(name, new, kind, member_schema["description"], member=member))
        return columns

    def staged_key(self) -> list[str]:
        """The primary key under the names of staging."""
        names = {column.source: column.name for column in self.columns() if not column.member}
        return [names[column] for column in self.key]

    def staged_event(self) -> str:
        """The column that says when a row happened: the cursor, or the first time where the cursor is a number."""
        whole = [column for column in self.columns() if not column.member]
        cursor = next((column for column in whole if column.source == self.cursor), None)
        if cursor and cursor.type == "integer":
            cursor = next((column for column in whole if column.type == "instant"), None)
        return cursor.name if cursor else ""


def column_type(schema: dict[str, Any]) -> str:
    """The type of a property: one of those of Column.type."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    types = [kind for kind in types if kind != "null"]
    if len(types) != 1:
        return "any"
    if types[0] not in SCALARS:
        return "json"
    form = schema.get("format")
    return {"date-time": "instant", "date": "date"}.get(form or "", SCALARS[types[0]])


def seconds_name(name: str) -> str:
    """The name of a duration that is in seconds."""
    if (name, "number") in RENAMED:
        return RENAMED[name, "number"]
    if name == "duration":
        return "duration_seconds"
    return f"{re.sub('_(duration|minutes|seconds|time)$', '', name)}_seconds"


def instant_name(name: str) -> str:
    """The name of a time."""
    stem = re.sub("^date_", "", name)
    stem = re.sub("_time$", "", stem)
    return stem if stem.endswith("_at") else f"{stem}_at"


def identity_name(stream: str) -> str:
    """The name of an object's own id: call_center_id for call_centers, operator_id for call_center_operators."""
    if stream.endswith(("_operators", "_members")):
        return f"{stream.rsplit('_', 1)[1][:-1]}_id"
    if match := re.fullmatch(r"analytics_(metric|record)(s|_descriptions)", stream):
        return f"{match[1]}_id"
    if stream.endswith("ies"):
        return f"{stream[:-3]}y_id"
    return f"{stream.removesuffix('es') if stream.endswith('ses') else stream.removesuffix('s')}_id"


def streams() -> list[Stream]:
    """Every stream that has a schema file, by name. Raises ValueError for one the catalog doesn't hold."""
    catalogue = {
        entry["stream"]["name"]: entry["stream"]
        for entry in json.loads(CATALOGUE.read_text(encoding="utf-8"))["streams"]
    }
    made = []
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        if path.stem not in catalogue:
            raise ValueError(
                f"{CATALOGUE.name} doesn't hold the stream {path.stem}, so its key is unknown: run make tables."
            )
        entry = catalogue[path.stem]
        made.append(
            Stream(
                name=path.stem,
                description=" ".join(schema["description"].split()),
                properties=schema["properties"],
                key=[".".join(part) for part in entry["source_defined_primary_key"]],
                cursor=".".join(entry.get("default_cursor_field") or []),
            )
        )
    return made


def model_sql(stream: Stream) -> str:
    """The staging model of a stream."""
    columns = ",\n    ".join(column.as_jinja() for column in stream.columns())
    return (
        f"{{#- {FIRST_LINE} -#}}\n"
        f"{{%- set columns = [\n    {columns}\n] -%}}\n\n"
        f"{{{{ dialpad.staging({stream.name!r}, source('dialpad', {stream.name!r}), "
        f"key={stream.staged_key()!r}, columns=columns) }}}}\n"
    ).replace("'", '"')


def quoted(text: str) -> str:
    """A text as YAML reads it back, on one line, safe from Jinja."""
    return json.dumps(text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #"), ensure_ascii=False)


def sources_yml(made: list[Stream]) -> str:
    """The synced tables. Columns are described once, in staging: dbt compiles each description as a template."""
    lines = [
        f"# {FIRST_LINE}",
        "version: 2",
        "",
        "sources:",
        "  - name: dialpad",
        "    description: The tables that the connector's streams are synced into.",
        "    database: \"{{ var('dialpad_database', none) or target.database }}\"",
        "    schema: \"{{ var('dialpad_schema', 'dialpad') }}\"",
        "    config:",
        "      loaded_at_field: _airbyte_extracted_at",
        "      freshness:",
        "        warn_after: {count: 36, period: hour}",
        "        error_after: {count: 7, period: day}",
        "    tables:",
    ]
    for stream in made:
        identifier = f"dialpad_{stream.name}_identifier"
        lines += [
            f"      - name: {stream.name}",
            f"        identifier: \"{{{{ var('{identifier}', '{stream.name}') }}}}\"",
            f"        description: {quoted(stream.description)}",
        ]
    return "\n".join(lines) + "\n"


def staging_yml(made: list[Stream]) -> str:
    """The staging models: documents and the tests of their keys."""
    lines = [f"# {FIRST_LINE}", "version: 2", "", "models:"]
    for stream in made:
        key = stream.staged_key()
        lines += [
            f"  - name: stg_dialpad__{stream.name}",
            f"    description: {quoted(stream.description)}",
            "    data_tests:",
            "      - dialpad.unique_key:",
            "          arguments:",
            f"            columns: [{', '.join(['source_relation', *key])}]",
            "    columns:",
        ]
        for column in stream.columns():
            lines += [f"      - name: {column.name}", f"        description: {quoted(column.description)}"]
        lines += [
            "      - name: source_relation",
            "        description: Connection that the row came by, where dialpad_sources names several; else empty.",
            "      - name: _airbyte_extracted_at",
            "        description: When the connector read the row, in UTC.",
        ]
    return "\n".join(lines) + "\n"


def streams_sql(made: list[Stream]) -> str:
    """A macro that lists the streams and the column that says when a row of each happened."""
    entries = ",\n    ".join(json.dumps({"name": stream.name, "event": stream.staged_event()}) for stream in made)
    return (
        f"{{#- {FIRST_LINE} -#}}\n"
        "{%- macro streams() -%}\n"
        f"{{{{ return([\n    {entries}\n]) }}}}\n"
        "{%- endmacro -%}\n"
    )


def made_files() -> dict[Path, str]:
    """Every file that this program makes, with its text."""
    made = streams()
    staging = PACKAGE / "models" / "staging"
    return {
        **{staging / f"stg_dialpad__{stream.name}.sql": model_sql(stream) for stream in made},
        staging / "sources.yml": sources_yml(made),
        staging / "staging.yml": staging_yml(made),
        PACKAGE / "macros" / "columns" / "streams.sql": streams_sql(made),
    }


def outdated(files: dict[Path, str]) -> list[str]:
    """Names of the files that aren't as this program would make them, those without a stream included."""
    differing = [path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    orphans = set((PACKAGE / "models" / "staging").glob("*.sql")) - set(files)
    return sorted(str(path.relative_to(PACKAGE.parent)) for path in {*differing, *orphans})


def main(words: list[str] | None = None) -> int:
    """Write the files, or with --check say which are out of date (exit code 1)."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Make the staging layer from schemas/*.json.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    asked = parser.parse_args(words)
    files = made_files()
    stale = outdated(files)
    if asked.check:
        for name in stale:
            sys.stdout.write(f"{name} is out of date. Run {COMMAND}\n")
        return 1 if stale else 0
    for name in stale:
        if PACKAGE.parent / name not in files:
            (PACKAGE.parent / name).unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
