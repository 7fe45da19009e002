"""PyAirbyte's two caches, changed where they would change what the connector said.

Each change, and what PyAirbyte 0.71 does without it:

- one row a key: a key that comes twice in one load becomes two rows;
- times are instants: a `TIMESTAMP` without zone drops the offset, in Postgres without converting;
- numbers are doubles, as in JSON: `DECIMAL(38, 9)` cuts the tenth decimal;
- Postgres takes values as the connector wrote them: by way of pandas "+15550100" becomes 15550100.0 and "007" seven;
- a new column may have any name: "ADD COLUMN order" is an error;
- NUL characters are left out, since Postgres can't keep them;
- the file between connector and warehouse is packed lightly: packing it hard takes half the time of a load.

PyAirbyte has no public switch for any of these. The methods overridden here are private to it, so its version is
pinned, and integration_tests/warehouse says what must hold.
"""

from __future__ import annotations

import gzip
import re
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import orjson
from airbyte._processors.sql.duckdb import DuckDBSqlProcessor
from airbyte._processors.sql.postgres import PostgresSqlProcessor
from airbyte._writers.jsonl import JsonlWriter
from airbyte.caches import DuckDBCache, PostgresCache
from airbyte.secrets.base import SecretString
from airbyte.shared.sql_processor import SqlProcessorBase
from airbyte.types import CONVERSION_MAP, SQLTypeConverter
from pydantic import PrivateAttr
from sqlalchemy import text, types

if TYPE_CHECKING:
    from pathlib import Path

    from airbyte.records import StreamRecord

COLUMNS = text(
    "SELECT column_name FROM information_schema.columns WHERE table_schema = :schema AND table_name = :table"
)
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Instant(types.UserDefinedType[Any]):
    """A point in time. PyAirbyte renders types by str(), which forgets the zone of SQLAlchemy's own type."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Render the type, in the words both databases know."""
        return "TIMESTAMP WITH TIME ZONE"


class DoublePrecision(types.UserDefinedType[Any]):
    """A number as JSON has it, in the words both databases know."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Render the type."""
        return "DOUBLE PRECISION"


class AsInJson(SQLTypeConverter):
    """JSON Schema types to SQL types, without loss."""

    def __init__(self) -> None:
        super().__init__(CONVERSION_MAP | {"number": DoublePrecision(), "timestamp_with_timezone": Instant()})


class LightlyPacked(JsonlWriter):
    """One JSON document a line, gzip level 1, without NUL characters."""

    def _open_new_file(self, file_path: Path) -> IO[str]:
        return cast("IO[str]", gzip.open(file_path, "wb", compresslevel=1))

    def _write_record_dict(self, record_dict: StreamRecord, open_file_writer: IO[str]) -> None:
        line = orjson.dumps(record_dict, option=orjson.OPT_APPEND_NEWLINE)
        if b"\\u0000" in line:
            line = NUL.sub(rb"\1", line)
        cast("IO[bytes]", open_file_writer).write(line)


class OneRowPerKey(SqlProcessorBase):
    """Of the rows of one load that share a primary key, the last stays: before PyAirbyte merges them."""

    supports_merge_insert = True
    address: ClassVar[str]
    """The column that numbers the rows of a new table in the order they came."""

    def _keep_last(self, stream_name: str, table_name: str) -> None:
        table = self._fully_qualified(table_name)
        keys = ", ".join(self._quote_identifier(key) for key in self.catalog_provider.get_primary_keys(stream_name))
        if not keys:
            return
        with self.get_sql_connection() as connection:
            doubled = text(f"SELECT 1 FROM {table} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1")
            if connection.execute(doubled).first():
                last = f"SELECT max({self.address}) FROM {table} GROUP BY {keys}"
                connection.execute(text(f"DELETE FROM {table} WHERE {self.address} NOT IN ({last})"))

    def _write_files_to_new_table(self, files: list[Path], stream_name: str, batch_id: str) -> str:
        cast("Warehouse", self.sql_config).loading.append(stream_name)
        table_name = super()._write_files_to_new_table(files, stream_name, batch_id)
        self._keep_last(stream_name, table_name)
        return table_name

    def _add_missing_columns_to_table(self, stream_name: str, table_name: str) -> None:
        """One question for the columns (reflection asks some dozens, and takes longer than the load), names quoted."""
        asked = {"schema": self.sql_config.schema_name, "table": table_name}
        with self.get_sql_connection() as connection:
            there = set(connection.execute(COLUMNS, asked).scalars())
            for name, sql_type in self._get_sql_column_definitions(stream_name).items():
                if name not in there:
                    column = f"{self._quote_identifier(name)} {sql_type}"
                    connection.execute(text(f"ALTER TABLE {self._fully_qualified(table_name)} ADD COLUMN {column}"))


class IntoDuckDB(OneRowPerKey, DuckDBSqlProcessor):
    """Loads into DuckDB with its own JSON reader."""

    address = "rowid"
    type_converter_class = AsInJson
    file_writer_class = LightlyPacked


class CopiedIn(PostgresSqlProcessor):
    """Loads into Postgres with COPY; Postgres itself turns each JSON document into a row."""

    def _write_files_to_new_table(self, files: list[Path], stream_name: str, batch_id: str) -> str:
        table_name = self._create_table_for_loading(stream_name, batch_id)
        table = self._fully_qualified(table_name)
        with self.get_sql_connection() as connection:
            cursor = connection.connection.cursor()
            cursor.execute("CREATE TEMPORARY TABLE arrived (line json) ON COMMIT DROP")
            for path in files:
                # JSON escapes control characters, so neither the quote nor the delimiter of this "CSV" can occur.
                copy = r"COPY arrived FROM STDIN WITH (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02', ENCODING 'UTF8')"
                with gzip.open(path, "rb") as lines:
                    cast("Any", cursor).copy_expert(copy, lines)
            row = f"json_populate_record(NULL::{table}, line)"
            cursor.execute(f"INSERT INTO {table} SELECT row.* FROM arrived, {row} AS row")
        return table_name


class IntoPostgres(OneRowPerKey, CopiedIn):
    """Loads into Postgres 15 or newer, which has MERGE."""

    address = "ctid"
    type_converter_class = AsInJson
    file_writer_class = LightlyPacked


class DuckDBTables(DuckDBCache):
    """A warehouse in one DuckDB file: the tables in `main`, beside PyAirbyte's own `_airbyte_state`."""

    _sql_processor_class: ClassVar[type[SqlProcessorBase]] = IntoDuckDB
    _loading: list[str] = PrivateAttr(default_factory=list)

    @property
    def loading(self) -> list[str]:
        """The streams whose load has begun, in order."""
        return self._loading


class PostgresTables(PostgresCache):
    """A warehouse in Postgres: the tables in the schema `dialpad`. The URL stays as the user wrote it."""

    _sql_processor_class: ClassVar[type[SqlProcessorBase]] = IntoPostgres
    _loading: list[str] = PrivateAttr(default_factory=list)
    url: str

    @property
    def loading(self) -> list[str]:
        """The streams whose load has begun, in order."""
        return self._loading

    def get_sql_alchemy_url(self) -> SecretString:
        """The URL with everything it says (PyAirbyte builds one from parts, without quoting, without options)."""
        return SecretString(self.url)


Warehouse = DuckDBTables | PostgresTables
