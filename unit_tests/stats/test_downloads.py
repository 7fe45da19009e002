"""The file of an export: taken as fast as it comes, kept where nobody finds it, and asked for again when it is odd."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from fake_dialpad.server import in_process
from fake_dialpad.wire import Response
from source_dialpad.stats.files import BrokenFileError, ExportFile
from unit_tests.stats.one_stream import answer, rows
from unit_tests.stats.test_truth import assert_true, settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from unit_tests.stats.one_stream import Clock, Sync

STREAM = "records_voicemails"
HEADER = b"call_id,date,transcription_text,timezone\r\n"


def serve(sync: Sync, monkeypatch: pytest.MonkeyPatch, download: Callable[[Response], Response]) -> None:
    """Answers downloads in another way."""
    handle = sync.fake.handle

    def handled(request: Any) -> Response:
        response = handle(request)
        if not request.path.startswith("/_storage/"):
            return response
        return download(response.work() if response.work else response)

    monkeypatch.setattr(sync.fake, "handle", handled)


def test_a_slow_destination_does_not_hold_up_a_download(
    sync: Sync, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage host closes a connection from which nothing was taken for a minute."""

    def impatient(_: Response) -> Response:
        def body() -> Iterator[bytes]:
            yield HEADER
            for number in range(30):
                offered = clock()
                yield b"".join(
                    b"%d,2026-11-20 10:00:00,%s,UTC\r\n" % (number * 100 + row, b"x" * 500) for row in range(100)
                )
                if clock() - offered > 60:
                    raise requests.exceptions.ConnectionError("closed by the storage host")

        return Response(200, body(), {"content-type": "text/csv"})

    serve(sync, monkeypatch, impatient)
    taken = 0
    with requests_mock.Mocker() as mocker:
        in_process(sync.fake, mocker)
        stream = sync.configured(start_date="2026-11-20").stream(STREAM)
        for partition in stream.generate_partitions():
            for _ in partition.read():
                taken += 1
                clock.sleep(1)
    assert (taken, len(sync.downloads)) == (3000, 1)


def test_a_download_that_drips_is_given_up(sync: Sync, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    began = clock()

    def dripping(_: Response) -> Response:
        def body() -> Iterator[bytes]:
            yield HEADER
            for _ in range(2000):
                clock.sleep(60)
                yield b"\n"

        return Response(200, body(), {"content-type": "text/csv"})

    serve(sync, monkeypatch, dripping)
    found = sync.configured(start_date="2026-11-20").read(STREAM)
    assert "comes too slowly, " in found.error
    assert found.errors[0].failure_type == FailureType.transient_error
    assert clock() - began < 3600


def test_an_empty_file_without_a_length_is_asked_for_once_more(sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(sync.fake)
    times = 0

    def lost_once(response: Response) -> Response:
        nonlocal times
        times += 1
        return Response(200, b"", {"content-type": "text/csv"}) if times == 1 else response

    serve(sync, monkeypatch, lost_once)
    assert_true(sync.configured(start_date="2026-11-20"), STREAM, "UTC", start="2026-11-20")
    assert (len(sync.posts), len(sync.downloads)) == (1, 2)


@pytest.mark.parametrize(("headers", "downloads"), [({}, 2), ({"content-length": "0"}, 1)])
def test_an_export_that_stays_empty_has_no_rows(
    sync: Sync, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], downloads: int
) -> None:
    serve(sync, monkeypatch, lambda _: Response(200, b"", headers))
    found = sync.configured(start_date="2026-11-20").read(STREAM)
    assert (found.rows, found.errors) == ([], [])
    assert len(sync.downloads) == downloads


UNKNOWN = b"share_begin,share_end,viewers\r\n2026-11-03 10:00:00,2026-11-03 10:05:00,3\r\n"


def test_an_undocumented_export_may_have_a_header_that_nobody_knows(caplog: pytest.LogCaptureFixture) -> None:
    keys = {"records_screenshare": "content", "stats_onduty": "dimension", "records_csat": "content"}
    for stream, key in keys.items():
        (row,) = rows(UNKNOWN, stream, key=key, headers={"content-type": "text/csv; charset=utf-8"})
        assert row["other_columns"]["viewers"] == "3"
        assert f"{stream}: the export shares no column with any known one" in caplog.text


def test_any_other_unknown_header_is_no_export() -> None:
    files: list[tuple[str, bytes, dict[str, str]]] = [
        ("records_screenshare", UNKNOWN, {"content-type": "text/plain"}),
        ("records_screenshare", UNKNOWN, {}),
        ("records_screenshare", UNKNOWN + b"1,2\r\n", {"content-type": "text/csv"}),
        ("records_screenshare", b"Service Unavailable\r\n", {"content-type": "text/csv"}),
        ("records_voicemails", UNKNOWN, {"content-type": "text/csv"}),
    ]
    for stream, body, headers in files:
        with pytest.raises(BrokenFileError, match=r"is no CSV of Dialpad|cells?, and the header"):
            rows(body, stream, key="content" if "screen" in stream else "", headers=headers)


# -- the temporary file ------------------------------------------------------------------------------------------------


def open_files() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_file_has_no_name_and_is_gone_with_the_reading(folder: Path) -> None:
    opened = open_files()
    with ExportFile(answer(HEADER * 10_000), "here") as file:
        assert len(open_files() - opened) >= 1
        assert list(folder.iterdir()) == [], "a killed process leaves nothing behind"
        next(file.lines())
    assert open_files() <= opened


def test_a_download_that_breaks_leaves_no_file_open(folder: Path) -> None:
    opened = open_files()
    with pytest.raises(BrokenFileError):
        rows(HEADER * 10_000, promised=10_000_000)
    assert open_files() <= opened


@pytest.mark.parametrize("made", [False, True])
def test_no_room_is_an_error_that_says_where_and_what_to_do(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: bool,  # noqa: FBT001
) -> None:
    if made:
        full = open("/dev/full", "w+b", buffering=0)  # noqa: PTH123, SIM115  # closed by the reader
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_, **__: full)
    else:
        monkeypatch.setattr(tempfile, "tempdir", str(folder / "missing"))
    with pytest.raises(AirbyteTracedException, match=r"no room for the file .*TMPDIR.*export_window_days") as error:
        rows(HEADER * 10_000)
    assert error.value.failure_type == FailureType.transient_error
