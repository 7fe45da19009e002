"""The file of an export: fetched as fast as it comes into a private temporary file, then read as text.

A storage host may end a download that nobody takes, and rows go out no faster than the destination takes them. Real
exports that people published are UTF-8 with or without a byte order mark, plain or gzip, whatever the headers say.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import time
import zlib
from typing import IO, Any

import requests
import urllib3
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_dialpad.errors import system_error, transient_error

CHUNK = 1 << 18
LARGEST_FILE = 8 << 30  # bytes of one download: some 20 million call legs, and ten times as many in gzip
LARGEST_ROW = 64 << 20  # bytes from one row to the next, where line breaks or a quotation mark are missing
SLOWEST = 1000  # bytes a second, over `SLOW_AFTER` seconds, below which a download is given up
SLOW_AFTER = 300.0
BOMB_RATIO = 1000  # times its size to which a file may unzip, from `BOMB_FROM` bytes on; text zips to a tenth
BOMB_FROM = 64 << 20
GZIP_MAGIC = b"\x1f\x8b"


class BrokenFileError(AirbyteTracedException):
    """The file is a page of something else, or was cut off; fetched again, it may be whole."""

    def __init__(self, message: str, failure_type: FailureType = FailureType.transient_error) -> None:
        super().__init__(message, message, failure_type)


class ExportFile(io.RawIOBase):
    """A downloaded export, unzipped where it is gzip; a context manager. Memory does not depend on its size.

    The file has no name, and is deleted when it is closed or the process is killed. Raises `BrokenFileError` when the
    download breaks or is too slow and when gzip is damaged, and a system error for a file that is no export.

    `is_csv` is what the answer says of itself; `may_be_lost` that no byte came, and how many should was not said.
    `position` counts the bytes read, `last` is the last one; `row_begins` is set by whoever has read a row.
    """

    _file: IO[bytes] | None = None

    def __init__(self, response: requests.Response, context: str) -> None:
        """Fetches the body of a streamed answer."""
        self._context = context
        self.is_csv = "csv" in response.headers.get("Content-Type", "")
        self.position = self.row_begins = 0
        self.last = b""
        with response:
            try:
                self._file = tempfile.TemporaryFile(buffering=CHUNK, prefix="dialpad-export-")  # noqa: SIM115  # see `close`
                size = self._fetch(response, self._file)
                self._file.seek(0)  # writes what was buffered
            except AirbyteTracedException:
                self.close()
                raise
            except OSError as error:
                self.close()
                raise transient_error(
                    f"{context}: there is no room for the file of the export in the directory for temporary files "
                    f"({error}). Give the connector a larger one, or another by the environment variable TMPDIR; set a "
                    "smaller dialpad.export_window_days or num_workers."
                ) from error
        self.may_be_lost = not size and "Content-Length" not in response.headers
        self._most = max(BOMB_FROM, BOMB_RATIO * size)
        zipped = self._file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        self._file.seek(0)
        self._source: Any = gzip.GzipFile(fileobj=self._file) if zipped else self._file

    def _fetch(self, response: requests.Response, file: IO[bytes]) -> int:
        """Writes the body as it was sent, in the pieces in which it comes; its size."""
        size = measured = 0
        measured_at = time.monotonic()
        while piece := self._received(response):
            size += len(piece)
            if size > LARGEST_FILE:
                cure = "Set a smaller dialpad.export_window_days"
                self._refuse(f"has more than {LARGEST_FILE >> 20} MB; the rest is not fetched. {cure}")
            file.write(piece)
            if (passed := time.monotonic() - measured_at) >= SLOW_AFTER:
                if size - measured < SLOWEST * passed:
                    raise self._broken(f"comes too slowly, {size - measured} bytes in the last {passed:.0f} s")
                measured, measured_at = size, time.monotonic()
        return size

    def _received(self, response: requests.Response) -> bytes:
        try:
            return response.raw.read1(CHUNK, decode_content=False)
        except (urllib3.exceptions.HTTPError, requests.RequestException) as error:
            raise self._broken(f"broke off ({type(error).__name__})") from error

    def close(self) -> None:
        """Deletes the file."""
        if self._file is not None:
            self._file.close()
        super().close()

    def lines(self) -> io.TextIOWrapper:
        """The lines with their ends, as `csv.reader` wants them, without the byte order mark."""
        return io.TextIOWrapper(io.BufferedReader(self, CHUNK), encoding="utf-8-sig", errors="replace", newline="")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads the next bytes of the text."""
        try:
            size: int = self._source.readinto(buffer)
        except EOFError:
            raise self._broken("is gzip that ends too early") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._broken(f"is broken gzip ({error})") from None
        if size:
            self.last = bytes(buffer[size - 1 : size])
        self.position += size
        if self.position - self.row_begins > LARGEST_ROW:
            self._refuse(f"goes on for more than {LARGEST_ROW >> 20} MB without a row; it is no export")
        if self.position > self._most:
            self._refuse(f"unzips to more than {BOMB_RATIO} times its size; it is no export")
        return size

    def _broken(self, how: str) -> BrokenFileError:
        return BrokenFileError(f"{self._context}: the file of the export {how}.")

    def _refuse(self, what: str) -> None:
        raise system_error(f"{self._context}: the file of the export {what}.")
