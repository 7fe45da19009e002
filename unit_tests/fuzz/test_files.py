"""Files of exports, bytes to rows: rows that are JSON, or the file is none; without the protocol around them."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from hypothesis import given
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.rows import ExportColumns
from unit_tests.fuzz.strategies import csv_bytes, examples
from unit_tests.fuzz.test_streams import columns, definitions, round_trips
from unit_tests.hostile.test_files import DAYS

STREAMS = {
    "records_calls": "",
    "records_recordings": "recording",
    "records_csat": "content",
    "stats_texts": "dimension",
}
"""Streams, and how their rows get a key."""


def rows(stream: str, body: bytes) -> list[dict[str, Any]]:
    response = requests.Response()
    response.status_code = 200
    response.raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    schema = definitions()[stream]["schema_loader"]["schema"]
    typed = ExportColumns(stream, schema, "Europe/Berlin", STREAMS[stream])
    found = []
    try:
        with ExportFile(response, stream) as file:
            for row in typed.rows(file, scope="company", window=DAYS, asked=DAYS, context=stream):
                found.append(row)  # noqa: PERF402  # those before an error count as well
    except (AirbyteTracedException, BrokenFileError):
        pass
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_any_bytes_are_rows_or_no_export(stream: str) -> None:
    key = [path[0] if isinstance(path, list) else path for path in definitions()[stream]["primary_key"]]

    @examples(60)
    @given(csv_bytes(columns(stream)) | st.binary(max_size=200))
    def run(body: bytes) -> None:
        for row in rows(stream, body):
            round_trips(stream, row, key)

    run()


def test_a_file_means_the_same_twice() -> None:
    @examples(40)
    @given(csv_bytes(columns("records_csat")))
    def run(body: bytes) -> None:
        assert rows("records_csat", body) == rows("records_csat", body)

    run()
