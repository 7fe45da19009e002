"""Errors that speak: each says what happened, the value seen and the cure, and is chosen by how one recovers.

A `config_error` is mended by the user, a `transient_error` by waiting, a `system_error` by the maintainers or by the
vendor. No text built here may hold a secret or a row of the customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

import requests
from airbyte_cdk.models import AirbyteErrorTraceMessage, FailureType
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

SNIPPET = 200
"""Characters of an unexpected answer that an error shows."""

LONGEST = 1500
"""Characters of an error that the CDK wrote: it quotes whole bodies and headers."""


def config_error(message: str) -> AirbyteTracedException:
    """An error that the user mends in the configuration."""
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)


def transient_error(message: str) -> AirbyteTracedException:
    """An error that goes away by waiting: the platform tries the sync again."""
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.transient_error)


def system_error(message: str) -> AirbyteTracedException:
    """An error that neither waiting nor another configuration mends."""
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.system_error)


def with_context(context: str, error: AirbyteTracedException, address: str = "the API") -> AirbyteTracedException:
    """The same error, its message led by the stream and the window it happened in.

    The CDK's own texts for exhausted retries name neither; what they know (the last status, or the exception) is kept.
    """
    message = error.message or error.internal_message or type(error).__name__
    failure_type = error.failure_type or FailureType.system_error
    waiting = TOO_LONG_A_WAIT.match(error.internal_message or "")
    if waiting:
        message = f"{address} wants to be left alone for {waiting[1]} s (Retry-After); run the sync again after that"
    elif message.startswith(("Exhausted available request attempts", "API rate limit exceeded")):
        message, failure_type = _exhausted(error, address, failure_type)
    if not message.startswith(context):
        message = f"{context}: {truncate(message)}"
    if not message.endswith((".", "…", ")")):
        message += "."
    told = AirbyteTracedException(
        message=message,
        internal_message=error.internal_message and truncate(error.internal_message),
        failure_type=failure_type,
        exception=error,
    )
    told.__cause__ = error
    return told


def slice_context(subject: str, stream_slice: StreamSlice | None) -> str:
    """A stream with the partition and the window of a slice, as errors name them."""
    if not stream_slice:
        return subject
    parts = [f"{name} {value}" for name, value in stream_slice.partition.items() if name != "parent_slice"]
    window = stream_slice.cursor_slice
    first = window.get("first_day") or window.get("start_time")
    last = window.get("last_day") or window.get("end_time")
    if first:
        parts.append(str(first) if not last or first == last else f"{first} to {last}")
    return f"{subject} ({', '.join(parts)})" if parts else subject


TOO_LONG_A_WAIT = re.compile(r"Rate limit wait time (\d+)")
"""How the CDK tells the seconds of a Retry-After that is longer than the manifest allows; its own text has none."""


def refuses_the_key(error: AirbyteTracedException | AirbyteErrorTraceMessage) -> bool:
    """Whether an API refused the key itself, so that no other request of the stream fares better: its text names it."""
    return error.failure_type == FailureType.config_error and ".api_key" in (error.message or "")


def _exhausted(error: AirbyteTracedException, address: str, failure_type: FailureType) -> tuple[str, FailureType]:
    """What the CDK knows when all retries are used up; an address that is not reached now may be reached later."""
    cause = error._exception  # noqa: SLF001  # the CDK keeps the refused answer, or the exception's name, nowhere else
    last = getattr(cause, "response", None)
    if isinstance(last, requests.Response):
        if last.status_code == requests.codes.too_many_requests:
            text = "refuses further requests (429, too many) after all retries; run the sync again later, or less often"
        else:
            text = f"still answers {last.status_code} after all retries; run the sync again later"
        return f"{address} {text}", failure_type
    named = re.match(r"(\w+): ", str(cause))
    kind = named[1] if named and hasattr(requests.exceptions, named[1]) else "no answer"
    if kind == "SSLError":
        text = (
            "shows a certificate that cannot be verified; check the base URL, and whether a proxy stands in front of it"
        )
        return f"{address} {text}", FailureType.config_error
    text = (
        f"cannot be reached, or breaks off its answers ({kind}); check the base URL and the network, or run the sync "
        "again later"
    )
    return f"{address} {text}", FailureType.transient_error


def nearest(unknown: str, known: Iterable[str], most: int = 3) -> str:
    """The known names nearest to an unknown one, as the end of a sentence; all of them when they are few."""
    names = sorted(set(known))
    if not names:
        return "the account has none"
    close = get_close_matches(unknown.lower(), [name.lower() for name in names], n=most, cutoff=0.5)
    redact_url = [name for name in names if name.lower() in close] or names[: 2 * most]
    return ("nearest: " if close else "known: ") + ", ".join(f"'{name}'" for name in redact_url)


SECRET = re.compile(r"""(["'](?:secret|password|websocket_url)["']\s*:\s*)(["']).*?(?:\2|$)""", re.DOTALL)


def without_secrets(text: str) -> str:
    """An answer, in JSON or as Python prints it, without the secrets that Dialpad gives in clear; it may be cut off."""
    return SECRET.sub(r"\1****", text)


def truncate(said: str) -> str:
    """What the CDK says of a request and its answer, without headers, without the queries of URLs, and not endless."""
    said = re.sub(r"(https?://[^\s?'\"<>]*)\?[^\s'\"<>]*", r"\1?…", said[: 4 * LONGEST])
    said = without_secrets(said.partition(" Response (headers):")[0])
    return said[:LONGEST] + ("…" if len(said) > LONGEST else "")


def snippet(body: bytes | str) -> str:
    """The first characters of an unexpected answer, on one line."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = without_secrets(" ".join(text[: 2 * SNIPPET].split()))
    return text[:SNIPPET] + ("…" if len(text) > SNIPPET else "")
