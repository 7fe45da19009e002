"""Errors that speak: each says what happened, the value seen and the cure, and is chosen by how one recovers.

No text built here may hold a secret or a row of the customer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

import requests
from airbyte_cdk.models import AirbyteErrorTraceMessage, FailureType
from airbyte_cdk.sources.types import StreamSlice
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

SNIPPET = 200  # characters of an unexpected answer that an error shows
LONGEST = 1500  # characters of an error that the CDK wrote: it quotes whole bodies and headers


def config_error(message: str) -> AirbyteTracedException:
    """An error that the user fixes in the configuration."""
    return AirbyteTracedException(message, message, FailureType.config_error)


def transient_error(message: str) -> AirbyteTracedException:
    """An error that goes away by waiting: the platform tries the sync again."""
    return AirbyteTracedException(message, message, FailureType.transient_error)


def system_error(message: str) -> AirbyteTracedException:
    """An error that the maintainers or the vendor fix: neither waiting nor another configuration does."""
    return AirbyteTracedException(message, message, FailureType.system_error)


def refuses_the_key(error: AirbyteTracedException | AirbyteErrorTraceMessage) -> bool:
    """Whether an API refused the key, so that no other request of the stream fares better: its text names the key."""
    return error.failure_type == FailureType.config_error and ".api_key" in (error.message or "")


def with_context(context: str, error: AirbyteTracedException, address: str = "the API") -> AirbyteTracedException:
    """The same error, its message led by the stream and the window it happened in.

    The CDK's own texts for exhausted retries name neither; what they know (the last status, or the exception) is kept.
    """
    message = error.message or error.internal_message or type(error).__name__
    failure_type = error.failure_type or FailureType.system_error
    if message.startswith(("Exhausted available request attempts", "API rate limit exceeded")):
        reason, failure_type = _exhausted(error, failure_type)
        message = f"{address} {reason}"
    if not message.startswith(context):
        message = f"{context}: {truncate(message)}"
    if not message.endswith((".", "…", ")")):
        message += "."
    internal_message = error.internal_message and truncate(error.internal_message)
    led = AirbyteTracedException(internal_message, message, failure_type, exception=error)
    led.__cause__ = error
    return led


def _exhausted(error: AirbyteTracedException, failure_type: FailureType) -> tuple[str, FailureType]:
    """Why all retries failed; an address that cannot be reached now may be reached later."""
    cause = error._exception  # noqa: SLF001  # the CDK keeps the refused answer, or the exception's name, nowhere else
    last = getattr(cause, "response", None)
    if isinstance(last, requests.Response):
        cure = "after all retries; run the sync again later"
        if last.status_code == requests.codes.too_many_requests:
            return f"refuses further requests (429, too many) {cure}, or less often", failure_type
        return f"still answers {last.status_code} {cure}", failure_type
    kind = str(cause).partition(":")[0]
    if kind == "SSLError":
        cure = "check the base URL, and whether a proxy stands in front of it"
        return f"shows a certificate that cannot be verified; {cure}", FailureType.config_error
    kind = kind if hasattr(requests.exceptions, kind) else "no answer"
    cure = "check the base URL and the network, or run the sync again later"
    return f"cannot be reached, or breaks off its answers ({kind}); {cure}", FailureType.transient_error


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


def counted(number: int, noun: str) -> str:
    """A number and its noun, which is in the plural unless there is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def nearest(unknown: str, known: Iterable[str], most: int = 3) -> str:
    """The known names nearest to an unknown one, as the end of a sentence; if none is near, some, and how many more."""
    names = {name.lower(): name for name in sorted(known)}
    if not names:
        return "the account has none"
    close = get_close_matches(unknown.lower(), names, n=most, cutoff=0.5)
    some = close or get_close_matches(unknown.lower(), names, n=2 * most, cutoff=0)
    shown = ", ".join(f"'{names[name]}'" for name in some)
    more = f" and {len(names) - len(some)} more" if not close and len(names) > len(some) else ""
    return f"{'nearest' if close else 'known'}: {shown}{more}"


def without_secrets(text: str) -> str:
    """An answer, in JSON or as Python prints it, without the secrets that Dialpad gives in clear; it may be cut off."""
    hidden = r"""(["'](?:secret|password|websocket_url)["']\s*:\s*)(["']).*?(?:\2|$)"""
    return re.sub(hidden, r"\1****", text, flags=re.DOTALL)


def truncate(text: str) -> str:
    """What the CDK says of a request and its answer, without headers and the queries of URLs, and of bounded length."""
    text = re.sub(r"(https?://[^\s?'\"<>]*)\?[^\s'\"<>]*", r"\1?…", text[: 4 * LONGEST])
    text = without_secrets(text.partition(" Response (headers):")[0])
    return text[:LONGEST] + ("…" if len(text) > LONGEST else "")


def snippet(body: bytes | str) -> str:
    """The first characters of an unexpected answer, on one line."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = without_secrets(" ".join(text[: 2 * SNIPPET].split()))
    return text[:SNIPPET] + ("…" if len(text) > SNIPPET else "")
