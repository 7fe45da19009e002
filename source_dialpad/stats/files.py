"""The file of an export: fetched as fast as it comes into a private temporary file, then read as text.

A storage host may end a download that nobody takes, and rows go out no faster than the destination takes them; so the
file is fetched whole before its first row is read. What is known of the files comes from real exports that people
published: UTF-8 with or without a byte order mark, plain or gzip, whatever the headers say.
"""

from __future__ import annotations

import codecs
import gzip
import io
import logging
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import IO, Any, Self

import requests
import urllib3
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import system_error, transient_error

logger = logging.getLogger("airbyte")

CHUNK = 1 << 18

LARGEST_FILE = 8 << 30
"""Bytes of one download: some 20 million call legs, and ten times as many in gzip."""

SLOWEST = 1000
SLOW_AFTER = 300.0
"""A download with fewer bytes a second than that over so many seconds is given up, though it never pauses for long."""

LARGEST_ROW = 64 << 20
"""Bytes from one row to the next: a file without line breaks, or with one quotation mark too few, is no export."""

BOMB_RATIO = 1000
BOMB_FROM = 64 << 20
"""Bytes from which on a file that unzips to more than `BOMB_RATIO` times its size is refused; text zips to a tenth."""

GZIP_MAGIC = b"\x1f\x8b"


class BrokenFileError(Exception):
    """The file is a page of something else, or was cut off; fetched again, it may be whole."""

    def __init__(self, error: AirbyteTracedException) -> None:
        """`error` is raised when fetching it again does not help."""
        super().__init__(error.message)
        self.error = error


class ExportFile:
    """A downloaded export; iterating gives its lines as `csv.reader` wants them, without the byte order mark.

    The file is deleted when the context ends, and by the system when the process is killed: it has no name. Raises
    `requests.RequestException` when the connection breaks, `BrokenFileError` when the download is too slow or gzip is
    damaged, and a transient error when there is no room for the file. Memory does not depend on its size.
    """

    def __init__(self, response: requests.Response, context: str) -> None:
        """Fetches the body of `response`, a streamed answer whose body was not touched.

        `is_csv` is what the answer says of itself; `may_be_lost` that no byte came, and how many should was not said.
        """
        self._context = context
        self.is_csv = "csv" in response.headers.get("Content-Type", "")
        with response:
            self._file = _temporary_file(context)
            try:
                self.size = self._fetch(response)
            except BaseException:
                self._file.close()
                raise
        self.may_be_lost = not self.size and "Content-Length" not in response.headers
        self.progress = _Bytes(self._file, self.size, context)

    def _fetch(self, response: requests.Response) -> int:
        size = measured = 0
        measured_at = time.monotonic()
        for piece in _received(response):
            size += len(piece)
            if size > LARGEST_FILE:
                raise system_error(
                    f"{self._context}: the file of the export has more than {LARGEST_FILE >> 20} MB; the rest is not "
                    "fetched. Set a smaller dialpad.export_window_days."
                )
            try:
                self._file.write(piece)
            except OSError as error:
                raise _no_room(self._context, f"after {size >> 20} MB: {error.strerror}") from error
            if (passed := time.monotonic() - measured_at) >= SLOW_AFTER:
                if size - measured < SLOWEST * passed:
                    raise BrokenFileError(
                        transient_error(
                            f"{self._context}: the file of the export comes too slowly, {size - measured} bytes in the "
                            f"last {passed:.0f} s."
                        )
                    )
                measured, measured_at = size, time.monotonic()
        try:
            self._file.seek(0)  # writes what was buffered
        except OSError as error:
            raise _no_room(self._context, f"after {size >> 20} MB: {error.strerror}") from error
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[str]:
        """The lines with their ends; raises a system error for a file that goes on without a row."""
        return io.TextIOWrapper(
            io.BufferedReader(self.progress, CHUNK), encoding="utf-8-sig", errors="replace-and-log", newline=""
        )

    @property
    def ends_open(self) -> bool:
        """Whether the last line read has no line break, as in a file that was cut."""
        return self.progress.last not in b"\r\n"

    @property
    def ends_empty(self) -> bool:
        """Whether the last cell read is empty and its line has no line break."""
        return self.progress.last == b","


class _Bytes(io.RawIOBase):
    """The bytes of a file, unzipped where they are gzip; `row_begins` is set by whoever has read a row."""

    def __init__(self, file: IO[bytes], size: int, context: str) -> None:
        super().__init__()
        zipped = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        file.seek(0)
        self._source: Any = gzip.GzipFile(fileobj=file) if zipped else file
        self._most = max(BOMB_FROM, BOMB_RATIO * size)
        self._context = context
        self.position = self.row_begins = 0
        self.last = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            size: int = self._source.readinto(buffer)
        except EOFError:
            early = f"{self._context}: the file of the export is gzip that ends too early."
            raise BrokenFileError(transient_error(early)) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            broken = f"{self._context}: the file of the export is broken gzip ({error})."
            raise BrokenFileError(transient_error(broken)) from None
        if size:
            self.last = bytes(buffer[size - 1 : size])
        self.position += size
        if self.position - self.row_begins > LARGEST_ROW:
            raise system_error(
                f"{self._context}: the file of the export goes on for more than {LARGEST_ROW >> 20} MB without a row; "
                "it is no export, and is not read on."
            )
        if self.position > self._most:
            raise system_error(
                f"{self._context}: the file of the export unzips to more than {BOMB_RATIO} times its size; it is no "
                "export, and is not read on."
            )
        return size


def _temporary_file(context: str) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(buffering=CHUNK, prefix="dialpad-export-")
    except OSError as error:
        raise _no_room(context, str(error)) from error


def _no_room(context: str, reason: str) -> AirbyteTracedException:
    return transient_error(
        f"{context}: there is no room for the file of the export in the directory for temporary files ({reason}). Give "
        "the connector a larger one, or another by the environment variable TMPDIR; set a smaller "
        "dialpad.export_window_days or num_workers."
    )


def _received(response: requests.Response) -> Iterator[bytes]:
    """The body as it was sent, in the pieces in which it comes."""
    try:
        while piece := response.raw.read1(CHUNK, decode_content=False):
            yield piece
    except urllib3.exceptions.HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error


_replaced = threading.Event()


def _replace_and_log(error: UnicodeError) -> tuple[str, int]:
    if not _replaced.is_set():
        _replaced.set()
        logger.warning("An export holds bytes that are not UTF-8; each becomes U+FFFD. Logged once.")
    return codecs.replace_errors(error)  # type: ignore[return-value]


codecs.register_error("replace-and-log", _replace_and_log)
