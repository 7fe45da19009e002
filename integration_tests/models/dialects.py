"""Renders every model as dbt would for a warehouse and parses it with a SQL parser: python dialects.py [DIALECT …].

DuckDB and Postgres run the models, so they are left out.

Run by the Python of .marts, where the parser is. No warehouse runs the SQL; what is proved is that each branch of each
macro renders, and gives SQL that is well formed in its dialect. Prints a line for each model that isn't.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import sqlglot  # type: ignore[import-not-found]  # only in .marts
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dbt_dialpad"
#: Dialect: whose macros it takes where it has none of its own, in order; as dbt's adapters do.
PARENTS = {
    "snowflake": (),
    "bigquery": (),
    "redshift": ("postgres",),
    "databricks": ("spark",),
}
#: What dbt itself gives for each: text, big integer, truth value, timestamp; and the columns' types that Airbyte makes.
TYPES = {
    "snowflake": ("varchar", "bigint", "boolean", "timestamp_ntz", "timestamp_tz", "variant"),
    "bigquery": ("string", "int64", "bool", "timestamp", "timestamp", "json"),
    "redshift": ("varchar", "bigint", "boolean", "timestamp", "timestamptz", "super"),
    "databricks": ("string", "bigint", "boolean", "timestamp", "timestamp", "string"),
}


class ReturnedError(Exception):
    """What `return` of a macro raises: its value is that of the whole macro."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(frozen=True)
class Relation:
    """A table."""

    database: str
    schema: str
    identifier: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.identifier}"


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    data_type: str


class Macros:
    """The package's macros by name; calling one gives its value, or what it renders."""

    def __init__(self) -> None:
        self.by_name: dict[str, Callable[..., Any]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        macro = self.by_name[name]

        def call(*words: Any, **named: Any) -> Any:
            try:
                return macro(*words, **named)
            except ReturnedError as returned:
                return returned.value

        return call


class Project:
    """The package as dbt sees it with one kind of warehouse."""

    def __init__(self, dialect: str, *, incremental: bool) -> None:
        self.dialect = dialect
        self.macros = Macros()
        self.variables = yaml.safe_load((PACKAGE / "dbt_project.yml").read_text())["vars"]["dialpad"]
        self.environment = jinja2.Environment(  # noqa: S701  # SQL, not HTML
            extensions=["jinja2.ext.do"]
        )
        self.environment.globals |= self._globals(incremental=incremental)
        for path in sorted((PACKAGE / "macros").rglob("*.sql")):
            if path.parent.name != "tests":
                module: Any = self.environment.from_string(path.read_text(encoding="utf-8")).module
                names = [name for name in dir(module) if not name.startswith("_")]
                self.macros.by_name |= {name: getattr(module, name) for name in names}

    def render(self, path: Path) -> str:
        """The SQL of a model."""
        return self.environment.from_string(path.read_text(encoding="utf-8")).render()

    def _dispatch(self, name: str, _: str = "") -> Callable[..., Any]:
        for prefix in (self.dialect, *PARENTS[self.dialect], "default"):
            if f"{prefix}__{name}" in self.macros.by_name:
                return getattr(self.macros, f"{prefix}__{name}")  # type: ignore[no-any-return]
        message = f"{name} has no branch for {self.dialect}"
        raise LookupError(message)

    def _columns(self, relation: Relation) -> list[Column]:
        text, integer, boolean, _, instant, of_json = TYPES[self.dialect]
        schema = json.loads((ROOT / "schemas" / f"{relation.identifier}.json").read_text(encoding="utf-8"))

        def data_type(described: dict[str, Any]) -> str:
            kinds = [
                kind
                for kind in [described.get("type", "string")]
                for kind in (kind if isinstance(kind, list) else [kind])
            ]
            if described.get("format") == "date-time":
                return instant
            if described.get("format") == "date":
                return "date"
            return next(
                (
                    {"integer": integer, "number": "double", "boolean": boolean, "object": of_json, "array": of_json}[
                        kind
                    ]
                    for kind in kinds
                    if kind not in ("null", "string")
                ),
                text,
            )

        columns = [Column(name, data_type(described)) for name, described in schema["properties"].items()]
        return [*columns, Column("_airbyte_extracted_at", instant), Column("_airbyte_raw_id", text)]

    def _globals(self, *, incremental: bool) -> dict[str, Any]:
        def returned(value: Any) -> None:
            raise ReturnedError(value)

        def fails(message: str) -> None:
            raise ValueError(message)

        def named(**things: Any) -> Any:
            return type("Named", (), {name: staticmethod(thing) for name, thing in things.items()})

        text, integer, boolean, timestamp, _, _ = TYPES[self.dialect]
        quote = "`" if self.dialect in ("bigquery", "databricks") else '"'
        dbt = {
            "type_string": lambda: text,
            "type_bigint": lambda: integer,
            "type_boolean": lambda: boolean,
            "type_timestamp": lambda: timestamp,
            "hash": lambda field: f"{'to_hex(' if self.dialect == 'bigquery' else '('}md5(cast({field} as {text})))",
            "position": lambda part, whole: (
                f"position({part} in {whole})" if self.dialect != "bigquery" else f"strpos({whole}, {part})"
            ),
            "split_part": lambda whole, by, part: (
                f"split({whole}, {by})[safe_offset({part - 1})]"
                if self.dialect == "bigquery"
                else f"split_part({whole}, {by}, {part})"
            ),
        }
        return {
            "dialpad": self.macros,
            "dbt": named(**dbt),
            "adapter": named(
                dispatch=self._dispatch,
                quote=lambda name: f"{quote}{name}{quote}",
                get_relation=Relation,
                get_columns_in_relation=self._columns,
            ),
            "api": named(Relation=Relation),
            "target": type("Target", (), {"type": self.dialect, "name": self.dialect}),
            "exceptions": named(raise_compiler_error=fails),
            "var": lambda name, default=None: self.variables.get(name, default),
            "ref": lambda name: f"marts.{name}",
            "source": lambda _, name: Relation("warehouse", "dialpad", name),
            "config": lambda **_: "",
            "is_incremental": lambda: incremental,
            "this": "marts.this",
            "execute": True,
            "log": lambda *_, **__: "",
            "return": returned,
        }


def wrong(dialect: str) -> Iterator[str]:
    """A line for each model that doesn't render, or isn't one statement of the dialect."""
    for incremental in (False, True):
        project = Project(dialect, incremental=incremental)
        for path in sorted((PACKAGE / "models").rglob("*.sql")):
            if incremental and "is_incremental" not in path.read_text(encoding="utf-8"):
                continue
            try:
                statements = sqlglot.parse(project.render(path), dialect=dialect)
            except Exception as error:  # noqa: BLE001  # whatever it is, the model isn't well formed
                yield f"{dialect}: {path.stem}: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
                continue
            if len(statements) != 1 or not isinstance(statements[0], sqlglot.exp.Query):
                yield f"{dialect}: {path.stem}: {len(statements)} statements"


if __name__ == "__main__":
    lines = [line for dialect in sys.argv[1:] or PARENTS for line in wrong(dialect)]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.exit(1 if lines else 0)
