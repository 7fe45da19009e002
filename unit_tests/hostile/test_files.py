"""Files of exports: fetched from where files lie, without a key, and read within bounds whatever is in them."""

from __future__ import annotations

import gzip
import zlib
from datetime import date
from itertools import repeat
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.manifest import composed_manifest
from source_dialpad.stats import files
from source_dialpad.stats.files import BrokenFileError, ExportFile
from source_dialpad.stats.rows import ExportColumns
from source_dialpad.sync.windows import DayWindow
from source_dialpad.transport.guard import FileGuard
from source_dialpad.transport.requester import JsonCalls
from unit_tests.cases import every
from unit_tests.hostile.answering import KEYS, Hostile, Reply, requester

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1 << 20
PUBLIC = "https://dialpad.example.com"
DAYS = DayWindow(date(2026, 9, 1), date(2026, 9, 30))
HEADER = b"date_started,call_id,name\n"
ROW = b"2026-09-01 10:00:00.000000,1,Ada\n"


def fetch(url: object, *replies: Reply, base_url: str = PUBLIC) -> Hostile:
    hostile = Hostile(*(replies or (Reply(HEADER),)))
    built = requester("export_download_requester", hostile)
    built.stream_response = True
    ask = JsonCalls(built, FileGuard(base_url))
    place = StreamSlice(partition={}, cursor_slice={}, extra_fields={"download_url": url})
    try:
        ask.raw("records_calls", stream_slice=place)
    except AirbyteTracedException as error:
        error.hostile = hostile  # type: ignore[attr-defined]
        raise
    return hostile


REFUSED: list[Any] = [
    "file:///etc/passwd",
    "ftp://files.example.net/a.csv",
    "data:text/csv,date",
    "gopher://files.example.net/",
    "javascript:1",
    "/etc/passwd",
    "a.csv",
    "",
    "http://files.example.net/a.csv",
    "https://localhost/a.csv",
    "https://127.0.0.1/a.csv",
    "https://2130706433/a.csv",
    "https://[::1]/a.csv",
    "https://[::ffff:10.0.0.1]/a.csv",
    "https://10.0.0.1/a.csv",
    "https://192.168.0.1:8443/a.csv",
    "https://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/computeMetadata/v1/",
    "https://storage.googleapis.com@127.0.0.1/a.csv",
    "https://127.0.0.1\\@storage.googleapis.com/a.csv",
    "https://storage.googleapis.com\\@127.0.0.1/a.csv",
    "https://user:password@storage.googleapis.com/a.csv",
    "https://[/a.csv",
    "https://storage.googleapis.com:port/a.csv",
    "https:///a.csv",
    "{{ config }}",
    "https://{{ config['dialpad']['api_key'] }}.example.net/",
    ["https://storage.googleapis.com/a.csv"],
    {"url": "x"},
    17,
    True,
    "[" * 5000,
    "https://storage.googleapis.com/" + "a" * 100_000,
]


@every("url", REFUSED)
def test_a_file_is_refused_before_any_request_is_made(url: object) -> None:
    with pytest.raises(AirbyteTracedException, match=r"^records_calls: ") as error:
        fetch(url)
    assert error.value.hostile.asked == []  # type: ignore[attr-defined]
    assert error.value.failure_type == FailureType.system_error
    assert "password" not in str(error.value.message)
    assert not any(key in str(error.value.message) for key in KEYS.values())


@every(
    ("base_url", "url"),
    [
        (PUBLIC, "https://storage.googleapis.com/bucket/a.csv?X-Goog-Signature=abc"),
        ("http://dialpad.example.com", "http://files.example.com/a.csv"),
        ("http://localhost:8000", "http://localhost:8000/files/a.csv"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:9000/files/a.csv"),
        ("https://dialpad.internal", "https://10.0.0.1/a.csv"),
    ],
)
def test_a_file_on_a_storage_host_is_fetched_without_a_key(base_url: str, url: str) -> None:
    (request,) = fetch(url, base_url=base_url).asked
    assert request.url == url
    assert "Authorization" not in request.headers


@every("status", [301, 302, 303, 307, 308])
def test_a_file_is_followed_to_another_storage_host(status: int) -> None:
    moved = Reply(b"", status, {"Location": "https://files.example.net/b.csv"})
    hostile = fetch("https://storage.googleapis.com/a.csv", moved, Reply(HEADER))
    assert hostile.hosts == ["storage.googleapis.com", "files.example.net"]


@every("place", ["http://files.example.net/", "https://169.254.169.254/", "file:///etc/passwd", "//localhost/x"])
def test_a_file_is_not_followed_to_where_it_would_not_be_fetched_from(place: str) -> None:
    moved = Reply(b"", 302, {"Location": place})
    with pytest.raises(AirbyteTracedException, match="file of the export") as error:
        fetch("https://storage.googleapis.com/a.csv", moved, Reply(HEADER))
    assert len(error.value.hostile.asked) == 1  # type: ignore[attr-defined]


def test_a_password_of_netrc_goes_to_no_storage_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("default login other password netrc-password\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    moved = Reply(b"", 302, {"Location": "https://files.example.net/b.csv"})
    for request in fetch("https://storage.googleapis.com/a.csv", moved, Reply(HEADER)).asked:
        assert "Authorization" not in request.headers


# --- what is in them --------------------------------------------------------------------------------------------------


def rows(body: bytes | Callable[[], Iterator[bytes]] | Hostile) -> Iterator[dict[str, Any]]:
    """The rows of a file of calls, one by one."""
    hostile = body if isinstance(body, Hostile) else Hostile(Reply(body))
    built = requester("export_download_requester", hostile)
    built.stream_response = True
    place = StreamSlice(partition={}, cursor_slice={}, extra_fields={"download_url": "https://files.example.net/a"})
    response = JsonCalls(built, FileGuard(PUBLIC)).raw("records_calls", stream_slice=place)
    columns = ExportColumns("records_calls", composed_manifest()["schemas"]["records_calls"], "UTC", "")
    with ExportFile(response, "records_calls") as file:
        yield from columns.rows(file, scope="company", window=DAYS, asked=DAYS, context="records_calls")


def repeated(head: bytes, piece: bytes, times: int = 12) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        yield head
        yield from repeat(piece, times)

    return pieces


def folded(plain: Callable[[], Iterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        packer = zlib.compressobj(9, wbits=31)
        for piece in plain():
            yield packer.compress(piece)

    return pieces


@every(
    "body",
    [
        repeated(HEADER + b'"', b"x" * MB),
        repeated(HEADER, b"x" * MB),
        repeated(HEADER, b"," * MB),
        repeated(HEADER, b'"a\n",' * 100_000),
        repeated(b"date_started", b"," * MB),
        repeated(b"", b"\0" * MB),
        repeated(HEADER, b"\n" * MB),
        folded(repeated(HEADER, b" " * MB)),
    ],
)
def test_a_file_that_goes_on_without_a_row_is_refused_while_it_is_read(
    body: Callable[[], Iterator[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_ROW", 4 * MB)
    with pytest.raises((AirbyteTracedException, BrokenFileError), match="4 MB"):
        list(rows(body))


def test_a_file_without_an_end_is_refused_while_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST_FILE", 4 * MB)
    hostile = Hostile(Reply(repeated(HEADER, ROW * 10_000, times=100)))
    with pytest.raises(AirbyteTracedException, match=r"more than 4 MB.*Set a smaller dialpad.export_window_days"):
        list(rows(hostile))
    assert hostile.sent < 5 * MB


def test_a_bomb_of_whole_rows_is_refused_by_its_ratio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "BOMB_FROM", 4 * MB)
    monkeypatch.setattr(files, "BOMB_RATIO", 500)
    with pytest.raises((AirbyteTracedException, BrokenFileError), match="500 times"):
        list(rows(gzip.compress(HEADER + ROW + b"\n" * (8 * MB))))


def test_a_file_that_folds_well_is_read() -> None:
    assert sum(1 for _ in rows(gzip.compress(HEADER + ROW * 20_000))) == 20_000


def test_a_header_of_many_columns_is_no_export() -> None:
    with pytest.raises((AirbyteTracedException, BrokenFileError), match="columns"):
        list(rows(b"date_started,call_id," + b"a," * 100_000 + b"\n" + ROW))


@every(
    ("cell", "told"),
    [
        (b"nul \0 and \x01\x1b[31m", "nul \x00 and \x01\x1b[31m"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\xed\xa0\xbd", "\ufffd\ufffd\ufffd"),
        ("\u2028\u0085 \U0001f389".encode(), "\u2028\u0085 \U0001f389"),
        (b'"a ""quote"", a comma\r\nand a line"', 'a "quote", a comma\r\nand a line'),
        (b"=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ],
)
def test_a_cell_of_any_letters_goes_out_as_json_in_utf8(cell: bytes, told: str) -> None:
    (row,) = rows(HEADER + b"2026-09-01 10:00:00.000000,1," + cell + b"\n")
    assert orjson.loads(orjson.dumps(row))["name"] == told


@every("cell", ["9" * 30, "9" * 5000, "1e999", "nan", "-inf", "0x1F", "1_000", "\u0661\u0662", "1.5", " 7 ", "--1"])
def test_a_number_of_any_size_is_one_that_fits_64_bits_or_null(cell: str) -> None:
    (row,) = rows(b"date_started,call_id,hold_occurrences\n2026-09-01 10:00:00.000000,1," + cell.encode() + b"\n")
    told = orjson.loads(orjson.dumps(row))["hold_occurrences"]
    assert told is None or -(2**63) <= told < 2**63
