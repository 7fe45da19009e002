"""The rules of every connection: where a key may go, where a file may come from, how much of an answer is read.

A guard is a response hook: it sees each hop of a redirect before it is taken, and each body before it is read.
docs/security.md has the bounds and their reasons.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
from airbyte_cdk.sources.declarative.requesters import HttpRequester
from airbyte_cdk.sources.declarative.requesters.requester import Requester
from urllib3.util import parse_url

from source_dialpad.errors import config_error, system_error, truncate

LARGEST_ANSWER: Final = 256 << 20  # bytes, decompressed; the largest page known is a day of messages, some 100 MB
LARGEST_REFUSAL: Final = 16 << 10  # bytes of an answer with an error status: enough for a reason, bearable in a log
LONGEST_URL: Final = 16 << 10
STANDARD_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The place a request goes to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == STANDARD_PORTS[self.scheme] else f":{self.port}")


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
    if scheme not in STANDARD_PORTS or not host or "@" in parts.netloc or port == 0:
        return None
    if host.isascii() and (connected.host or "").lower().strip("[]") != host:
        return None
    return Origin(scheme, host, port or STANDARD_PORTS[scheme])


def is_inner(host: str) -> bool:
    """Whether a host is this machine or its own network, as far as the name says; names are not looked up."""
    name = host.rstrip(".").lower()
    try:
        address = ipaddress.ip_address(name if ":" in name else socket.inet_aton(name))  # 0x7f.1 is one as well
    except (ValueError, OSError):
        return "." not in name or name.endswith((".localhost", ".local", ".internal"))
    return not (getattr(address, "ipv4_mapped", None) or address).is_global


def _same(own: Origin | None, other: Origin | None) -> bool:
    """Whether a key for `own` may go to `other`: http may become https."""
    encrypted = own._replace(scheme="https", port=443) if own and own[::2] == ("http", 80) else own
    return own is not None and other in (own, encrypted)


def join_url(base: str, url: str) -> str:
    """The URL that a reference found in an answer means; the reference as it is where it means none."""
    try:
        return urljoin(base, url)
    except ValueError:
        return url


def redact_url(url: str) -> str:
    """What an error may show of an address: no path, no query, no user name."""
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,20}(?=:)", url)
    return str(origin(url) or f"an unusable address{f' of the kind {scheme[0]}:' if scheme else ''}")


@dataclass(frozen=True)
class Guard:
    """For requests that carry a key: it goes to the configured host and to no other."""

    def install(self, requester: Requester) -> None:
        """Holds every request of this requester to the guard, once however often it is asked for."""
        if not isinstance(requester, HttpRequester):
            return
        session = requester._http_client._session  # noqa: SLF001  # the CDK hands it out nowhere
        if self not in session.hooks["response"]:
            session.hooks["response"].append(self)
            session.max_redirects = 5
            session.rebuild_auth = _rebuild_auth  # type: ignore[method-assign]
            requester.logger.addFilter(quiet)

    def check_request(self, url: str, base: str) -> None:
        """Raises an error unless `url` is on the host of `base`, the requester's own address."""
        if not _same(origin(base), origin(url)):
            other = f"another host ({redact_url(url)}); it is not asked, since the key would go there"
            raise system_error(f"{redact_url(base)} leads to {other}.")

    def check_redirect(self, response: requests.Response, url: str) -> None:
        """Raises an error unless a redirect stays on the host, and makes no GET of a POST; http may become https."""
        keeps_method = response.status_code in (307, 308) or response.request.method == "GET"
        leaves = not _same(origin(response.url), origin(url))
        if leaves or not keeps_method:
            reason = "the key would go there" if leaves else "what was asked would be lost on the way"
            raise config_error(
                f"{redact_url(response.url)} answers with a redirect ({response.status_code}) to {redact_url(url)}, "
                f"which is not followed, since {reason}. If the API is there, give that address as the base URL."
            )

    def __call__(self, response: requests.Response, *_: Any, **settings: Any) -> None:
        """Judges a redirect, and reads the body within its bound; the body of a file is left to its reader."""
        try:
            if response.is_redirect:
                location = response.headers["Location"].encode("latin-1", "replace").decode("utf-8", "replace")
                self.check_redirect(response, join_url(response.url, location))
            if response.is_redirect or not response.ok:
                _read(response, LARGEST_REFUSAL)
            elif not settings.get("stream") and not _read(response, LARGEST_ANSWER):
                reason = f"more than {LARGEST_ANSWER >> 20} MB, which is no page of rows; it is not read on"
                raise system_error(f"{redact_url(response.url)} answers with {reason}. Check the base URL.")  # noqa: TRY301
        except Exception:
            response.close()
            raise


def _read(response: requests.Response, most: int) -> bool:
    """Takes the body into the response, as `requests` would; whether that is all of it, within the bound."""
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) > most:
            break
    response._content = bytes(body)  # noqa: SLF001  # where `content` keeps what it has read
    response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
    response.encoding = "utf-8"  # JSON is; a server's word for it may be no encoding at all
    response.close()
    return len(body) <= most


def _rebuild_auth(request: requests.PreparedRequest, response: requests.Response) -> None:
    """The key as it was, and never a password of ~/.netrc in its place; nothing for another host."""
    if not _same(origin(response.request.url or ""), origin(request.url or "")):
        request.headers.pop("Authorization", None)


@dataclass(frozen=True)
class FileGuard(Guard):
    """For the files of exports, which lie on a storage host and are fetched without a key.

    Not by another protocol than http and https, not in clear where `base_url` is encrypted, and not from this machine
    or its network unless `base_url` is there too: the answer that names the file could make us read what only we reach.
    """

    base_url: str

    def check_request(self, url: str, base: str = "") -> None:  # noqa: ARG002
        """Raises a system error for an address that no storage host has."""
        place, own = origin(url), origin(self.base_url)
        if place is None:
            reason = "from where no file is fetched"
        elif own and own.scheme == "https" and place.scheme != "https":
            reason = "without encryption; it is not fetched"
        elif is_inner(place.host) and not (own and is_inner(own.host)):
            reason = f"an address of this machine or its network, while {own} is not; it is not fetched"
        else:
            return
        raise system_error(f"The file of the export is offered at {redact_url(url)}, {reason}.")

    def check_redirect(self, response: requests.Response, url: str) -> None:  # noqa: ARG002
        """As strict as for the address itself."""
        self.check_request(url)


def quiet(record: logging.LogRecord) -> bool:
    """Cuts the whole bodies and all headers that the CDK logs, under `--debug` too: no keys, no rows, no cookies."""
    for name in ("headers", "body"):
        vars(record).pop(name, None)
    if hasattr(record, "url"):
        record.url = truncate(str(record.url))
    if record.levelno >= logging.WARNING:
        record.msg, record.args = truncate(record.getMessage()), None
        record.exc_info = None  # the error itself comes as a message of its own
    return True
