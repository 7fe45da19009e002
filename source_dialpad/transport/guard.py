"""What every connection is held to: where a key may go, where a file may come from, how much of an answer is read.

A guard sits in the session of a requester as a response hook, so it sees each hop of a redirect before the next one is
taken, and each body before anybody has read it. docs/security.md has the bounds and their reasons.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
from abc import abstractmethod
from dataclasses import dataclass
from types import MethodType
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from urllib3.util import parse_url

from source_dialpad.errors import config_error, system_error, truncate

LARGEST_ANSWER: Final = 256 << 20
"""Bytes of one JSON answer, decompressed; the largest page known is a day of messages, some 100 MB."""

LARGEST_REFUSAL: Final = 16 << 10
"""Bytes that are read of an answer whose status is an error: enough for any reason, and no more than a log can bear."""

REDIRECTS: Final = 5
LONGEST_URL: Final = 16 << 10
CHUNK: Final = 1 << 16


class Origin(NamedTuple):
    """The place a request goes to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As an error may show it."""
        standard = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == standard else f":{self.port}")


def origin(url: str) -> Origin | None:
    r"""Where a request to this URL goes; None where that is not plain.

    Programs read `https://a\@b`, `https://a@b` and URLs with line breaks in different ways, so none of them is plain.
    """
    before_query = re.split(r"[?#]", url, maxsplit=1)[0]
    if len(url) > LONGEST_URL or re.search(r"[\x00-\x20\x7f\\]", before_query):
        return None
    try:
        parts, connected = urlsplit(url), parse_url(url)
        scheme, host, port = parts.scheme, (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if scheme not in ("http", "https") or not host or "@" in parts.netloc or port == 0:
        return None
    if host.isascii() and (connected.host or "").lower().strip("[]") != host:
        return None
    return Origin(scheme, host, port or {"http": 80, "https": 443}[scheme])


def is_inner(host: str) -> bool:
    """Whether a host is this machine or its own network, as far as the name says; names are not looked up."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))  # 127.1, 2130706433 and 0x7f000001 are addresses
        except OSError:
            return "." not in name
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_global


# --- guards -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """A response hook of `requests`; installed once in a session, however often it is asked for."""

    def over(self, requester: Requester) -> None:
        """Holds every request of this requester to the guard."""
        if not isinstance(requester, HttpRequester):
            return
        session = requester._http_client._session  # noqa: SLF001  # the CDK hands it out nowhere
        if self not in session.hooks["response"]:
            session.hooks["response"].append(self)
            session.max_redirects = REDIRECTS
            session.rebuild_auth = MethodType(_rebuild_auth, session)  # type: ignore[method-assign]
            requester.logger.addFilter(quiet)

    @abstractmethod
    def check_request(self, url: str, base: str) -> None:
        """Raises an error unless a request may go to `url`; `base` is the requester's own address."""

    @abstractmethod
    def check_redirect(self, response: requests.Response, url: str) -> None:
        """Raises an error unless a redirect to `url` may be followed."""

    def __call__(self, response: requests.Response, *_: Any, **settings: Any) -> None:
        """Judges a redirect, and reads the body within its bound; the body of a file is left to its reader."""
        try:
            if response.is_redirect:
                self.check_redirect(response, join_url(response.url, _location(response)))
            if response.ok and not response.is_redirect and settings.get("stream"):
                return
            _read(response)
        except Exception:
            response.close()
            raise


def _location(response: requests.Response) -> str:
    return response.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")


def _read(response: requests.Response) -> None:
    """Takes the whole body into the response, as `requests` would, but no more than the bound."""
    most = LARGEST_ANSWER if response.ok and not response.is_redirect else LARGEST_REFUSAL
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(CHUNK):
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            if not response.ok or response.is_redirect:
                break  # the beginning of a refusal says enough
            raise system_error(
                f"{redact_url(response.url)} answers with more than {most >> 20} MB, which is no page of rows; it is "
                "not "
                "read on. Check the base URL."
            )
    response._content = b"".join(chunks)  # noqa: SLF001  # where `content` keeps what it has read
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
    response.encoding = "utf-8"  # JSON is; a server's word for it may be no encoding at all
    response.close()


def _rebuild_auth(_: requests.Session, request: requests.PreparedRequest, response: requests.Response) -> None:
    """The key as it was, and never a password of ~/.netrc in its place; nothing for another host."""
    if not _same(origin(response.request.url or ""), origin(request.url or "")):
        request.headers.pop("Authorization", None)


@dataclass(frozen=True)
class KeyGuard(Guard):
    """For requests that carry a key: it goes to the configured host and to no other."""

    def check_request(self, url: str, base: str) -> None:
        """Another path of the same host is permitted."""
        if _same(origin(base), origin(url)):
            return
        raise system_error(
            f"{redact_url(base)} leads to another host ({redact_url(url)}); it is not asked, since the key would go "
            "there."
        )

    def check_redirect(self, response: requests.Response, url: str) -> None:
        """A redirect within the host is followed, unless it makes a GET of a POST; http may become https."""
        kept = response.status_code in (requests.codes.temporary_redirect, requests.codes.permanent_redirect)
        leaves = not _same(origin(response.url), origin(url))
        if not leaves and (kept or response.request.method == "GET"):
            return
        reason = "the key would go there" if leaves else "what was asked would be lost on the way"
        raise config_error(
            f"{redact_url(response.url)} answers with a redirect ({response.status_code}) to {redact_url(url)}, which "
            "is not "
            f"followed, since {reason}. If the API is there, give that address as the base URL."
        )


@dataclass(frozen=True)
class FileGuard(Guard):
    """For the files of exports, which lie on a storage host and are fetched without a key.

    Not by another protocol than http and https, not in clear where `base_url` is encrypted, and not from this machine
    or its network unless `base_url` is there too: the answer that names the file could make us read what only we reach.
    """

    base_url: str

    def check_request(self, url: str, base: str) -> None:  # noqa: ARG002  # stands beside its sibling
        """Raises a system error for an address that no storage host has."""
        place, own = origin(url), origin(self.base_url)
        seen = redact_url(url)
        if place is None:
            raise system_error(f"The file of the export is offered at {seen}, from where no file is fetched.")
        if own and own.scheme == "https" and place.scheme != "https":
            raise system_error(f"The file of the export is offered at {seen}, without encryption; it is not fetched.")
        if is_inner(place.host) and not (own and is_inner(own.host)):
            raise system_error(
                f"The file of the export is offered at {seen}, an address of this machine or its network, while "
                f"{redact_url(self.base_url)} is not; it is not fetched."
            )

    def check_redirect(self, response: requests.Response, url: str) -> None:  # noqa: ARG002
        """A redirect leads to a place that would be permitted as well."""
        self.check_request(url, url)


def _same(own: Origin | None, other: Origin | None) -> bool:
    if own is None or other is None:
        return False
    return own == other or (own.host == other.host and (*own[::2], *other[::2]) == ("http", 80, "https", 443))


def join_url(base: str, url: str) -> str:
    """The URL that a reference found in an answer means; the reference as it is where it means none."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def redact_url(url: str) -> str:
    """What an error may show of an address: no path, no query, nobody's name."""
    place = origin(url)
    if place:
        return str(place)
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,20}(?=:)", url)
    host = re.match(r"[a-z]+://(?:[^/?#]*@)?([A-Za-z0-9.\-]{1,253})", url)
    if scheme is None:
        return "an address that cannot be read"
    return f"{scheme[0]}://{host[1]}" if host else f"an address of the kind {scheme[0]}:"


# --- what the CDK logs ------------------------------------------------------------------------------------------------

HEADERS_SHOWN: Final = frozenset(
    ["accept", "content-type", "content-length", "content-encoding", "date", "retry-after"]
)


def quiet(record: logging.LogRecord) -> bool:
    """Cuts what the CDK logs about requests and answers, under `--debug` too: no keys, no rows, no cookies.

    It writes whole bodies and all headers, which hold the key, people's messages and signed addresses of files.
    """
    if hasattr(record, "headers"):
        record.headers = {name: value for name, value in dict(record.headers).items() if name.lower() in HEADERS_SHOWN}
    if hasattr(record, "body"):
        record.body = f"({len(record.body)} characters)"
    if hasattr(record, "url"):
        record.url = truncate(str(record.url))
    if record.levelno >= logging.WARNING:
        record.msg, record.args = truncate(record.getMessage()), None
        record.exc_info = None  # the error itself comes as a message of its own
    return True
