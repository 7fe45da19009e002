"""From the body of a POST to an event, or to a refusal with its reason.

Dialpad delivers an event as plain JSON or, when the webhook has a secret, as a compact JWT signed HS256 whose claims
are the event (webhook pages: "encoded and signed in the JWT format … with the HS256 algorithm"). The token is the whole
body; its content type is not documented, so the content type is never looked at.
"""

import hashlib
import hmac
import json
import math
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import jwt

from event_receiver.errors import RefusedError

MAX_DEPTH: Final = 64
"""Levels of nesting an event may have; the documented payloads have three."""

MAX_AGE_SECONDS: Final = 300
"""How old the `iat` of a token may be, if it has one."""

CLOCK_SKEW_SECONDS: Final = 60
"""How far the sender's clock and ours may differ when `iat`, `nbf` and `exp` are judged."""

_MILLISECONDS_FROM: Final = 1e11

ENVELOPE_CLAIMS: Final = ("exp", "iat", "jti", "nbf")
"""Claims that belong to one signing, not to the event: they stay in the payload and out of `event_id`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was delivered: `payload` is its JSON text, unchanged.

    `event_id` is 64 hex digits made of kind and content.
    """

    event_id: str
    payload: str
    kind: str = "call"


class Deliveries:
    """Reads deliveries under one rule: with secrets, only what one of them signed is an event.

    `secrets` holds the webhook's secret first and, while it is being changed, the former one as well; empty means that
    plain JSON is accepted. `clock` gives seconds since 1970.
    """

    def __init__(self, secrets: Iterable[str], *, clock: Callable[[], float]) -> None:
        self._keys = tuple(secret.encode() for secret in secrets)
        self._clock = clock

    def event(self, body: bytes, kind: str = "call") -> Event:
        """Return the event of a body, or raise RefusedError (400, 401, 503) and nothing else, whatever the bytes."""
        if self._keys:
            payload, fields = _parse(self._verified(body))
            self._check_times(fields)
        else:
            _refuse_signed(body)
            payload, fields = _parse(body)
        return Event(event_id(fields, kind), payload, kind)

    def _verified(self, body: bytes) -> bytes:
        """Return the bytes that were signed with one of our secrets, HS256 and nothing else."""
        token = body.strip().strip(b'"')
        if token.count(b".") != 2:  # noqa: PLR2004 - a compact token has three parts
            text = "The body is not a signed token. Give the webhook at Dialpad the receiver's secret."
            raise RefusedError(401, "signature_missing", text)
        signing_input, _, signature = token.rpartition(b".")
        for key in self._keys:
            # Checked here first because the library decodes the whole token before it checks the signature: a forgery
            # of 1 MB would cost 100 ms instead of 1. What passes is still decided by the library.
            expected = urlsafe_b64encode(hmac.digest(key, signing_input, "sha256")).rstrip(b"=")
            if hmac.compare_digest(expected, signature.rstrip(b"=")):
                try:
                    payload: bytes = jwt.PyJWS().decode(token, key, algorithms=["HS256"])
                except jwt.PyJWTError as error:
                    text = "The token is not a JWT signed with HS256, the only algorithm Dialpad signs with."
                    raise RefusedError(401, "token_malformed", text) from error
                return payload
        text = "The signature does not match. The secret of the webhook at Dialpad and the receiver's must be the same."
        raise RefusedError(401, "signature_wrong", text)

    def _check_times(self, claims: Mapping[str, Any]) -> None:
        """Refuse a token whose own times say that it is old, expired or not yet valid; absent times are accepted.

        No public receiver has seen such claims from Dialpad, so they are not required. `event_timestamp` is no proof of
        age: retries and late transcripts carry old ones. Milliseconds, as in Dialpad's own times, are read too.
        """
        now = self._clock()
        times = {name: claims[name] for name in ("iat", "nbf", "exp") if claims.get(name) is not None}
        if not all(isinstance(value, int | float) for value in times.values()):
            raise RefusedError(401, "token_malformed", "The token's iat, nbf or exp is not a time.")
        # An infinite one stays so: a thousandth of it would be NaN, which is neither early nor late.
        times = {name: time // 1000 if _MILLISECONDS_FROM < time < math.inf else time for name, time in times.items()}
        cure = "Compare the clocks of both sides."
        if max(times.get("iat", now), times.get("nbf", now)) > now + CLOCK_SKEW_SECONDS:
            raise RefusedError(401, "token_not_yet_valid", f"The token's iat or nbf is in the future. {cure}")
        if times.get("exp", now) < now - CLOCK_SKEW_SECONDS:
            raise RefusedError(401, "token_expired", f"The token has expired (exp). {cure}")
        if times.get("iat", now) < now - MAX_AGE_SECONDS - CLOCK_SKEW_SECONDS:
            text = f"The token was issued more than {MAX_AGE_SECONDS} s ago (iat). {cure}"
            raise RefusedError(401, "token_too_old", text)


def event_id(fields: Mapping[str, Any], kind: str = "call") -> str:
    """Return the identity of an event: SHA-256, in hex, of its JSON with sorted keys, no spaces and ASCII only.

    Dialpad sends no event id. A repeated delivery has the same content, so it has the same identity; ENVELOPE_CLAIMS
    are left out, so that a retry that is signed anew is still the same event. Before the JSON stands the kind, except
    for `call`, which was the only kind once.
    """
    named = {key: value for key, value in fields.items() if key not in ENVELOPE_CLAIMS}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((text if kind == "call" else kind + text).encode()).hexdigest()


def _refuse_signed(body: bytes) -> None:
    start = body.lstrip()[:4].lstrip(b'"')
    if start.startswith(b"eyJ") and body.count(b".") == 2:  # noqa: PLR2004 - a compact token has three parts
        text = "The event is signed but this receiver has no secret to check it with: set EVENT_RECEIVER_SECRET."
        # Our fault, not the sender's: a 4xx would be final, after a 503 it is delivered again.
        raise RefusedError(503, "secret_not_set", text)


def _parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the JSON text and its object; a reader in Python gets the same object from the text."""
    try:
        text = body.decode("utf-8-sig").strip()
        parsed = json.loads(text, parse_constant=_refuse_constant)
        deep = _depth(parsed) > MAX_DEPTH
    except UnicodeDecodeError as error:
        raise RefusedError(400, "not_json", "The body is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        message = f"The body is not JSON (at character {error.pos}); a JSON object was expected."
        raise RefusedError(400, "not_json", message) from error
    except RecursionError:
        deep = True
    except ValueError as error:
        # The only other ValueError: an integer of more digits than Python converts (4300 unless set otherwise).
        # A reader written in Python could not read it back, and would stop there for good.
        raise RefusedError(400, "number_too_long", "The body contains a number with thousands of digits.") from error
    if deep:
        raise RefusedError(400, "too_deep", f"The body is nested more than {MAX_DEPTH} levels deep.")
    if not isinstance(parsed, dict):
        raise RefusedError(400, "not_an_object", "The body is JSON, but not an object; one event was expected.")
    return text, parsed


def _depth(value: object) -> int:
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(_depth, members), default=0)


def _refuse_constant(constant: str) -> NoReturn:
    raise RefusedError(400, "not_json", f"The body contains {constant}, which is not JSON.")
