"""From the body of a POST to an event, or to a refusal with its reason.

Dialpad delivers an event as plain JSON or, when the webhook has a secret, as a compact JWT signed HS256 whose claims
are the event (webhook pages: "encoded and signed in the JWT format … with the HS256 algorithm"). The token is the whole
body; its content type is not documented, so the content type is never looked at.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import jwt
from jwt.algorithms import HMACAlgorithm

from event_receiver.errors import RefusedError, SettingError
from event_receiver.kinds import kind_of

MAX_DEPTH: Final = 64
"""Levels of nesting an event may have; the documented payloads have three."""

CLOCK_SKEW_SECONDS: Final = 60
"""How far the sender's clock and ours may differ when `iat`, `nbf` and `exp` are judged."""

ENVELOPE_CLAIMS: Final = ("exp", "iat", "jti", "nbf")
"""Claims that belong to one signing, not to the event: they stay in the payload and out of `event_id`."""

_MILLISECONDS_FROM: Final = 1e11
_MAX_TIME: Final = 1e15


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it was delivered: `payload` is its JSON text, unchanged.

    `event_id` is 64 hex digits made of kind and content. `looks_like` is the kind its members point to, if any.
    """

    event_id: str
    payload: str
    kind: str = "call"
    looks_like: str | None = None


class Deliveries:
    """Reads deliveries under one rule: with secrets, only what one of them signed is an event.

    `secrets` holds the webhook's secret first and, while it is being changed, the former one as well; empty means that
    plain JSON is accepted. `clock` gives seconds since 1970, `max_age` is how old an `iat` may be, in seconds.
    """

    def __init__(self, secrets: Iterable[str], *, clock: Callable[[], float], max_age: float) -> None:
        """Check the secrets; SettingError if one cannot be used for HMAC."""
        self._keys = tuple(secret.encode() for secret in secrets)
        self._clock = clock
        self._max_age = max_age
        algorithm = _HS256(HMACAlgorithm.SHA256)
        for key in self._keys:
            if not key.strip():
                text = "The webhook's secret is empty: set it, or leave the variable unset to accept unsigned events."
                raise SettingError(text)
            try:
                algorithm.prepare_key(key)
            except jwt.InvalidKeyError as error:
                text = "The webhook's secret looks like a public key or certificate; it must be a shared secret."
                raise SettingError(text) from error
        self._jws = jwt.PyJWS(algorithms=[])
        self._jws.register_algorithm("HS256", algorithm)

    def event(self, body: bytes, kind: str = "call") -> Event:
        """Return the event of a body, or raise RefusedError (400, 401, 503) and nothing else, whatever the bytes."""
        if self._keys:
            payload, fields = _parse(self._verified(body))
            self._check_age(fields)
        else:
            _refuse_signed(body)
            payload, fields = _parse(body)
        return Event(event_id(fields, kind), payload, kind, kind_of(fields))

    def _verified(self, body: bytes) -> bytes:
        """Return the bytes that were signed with one of our secrets, HS256 and nothing else."""
        token = body.strip().strip(b'"')
        if token.count(b".") != 2:  # noqa: PLR2004 - a compact token has three parts
            text = "The body is not a signed token. Give the webhook at Dialpad the receiver's secret."
            raise RefusedError(401, "signature_missing", text)
        signing_input, _, signature = token.rpartition(b".")
        for key in self._keys:
            # Checked here first because the library decodes the whole token before it checks the signature: a forgery
            # of 1 MB would cost 30 ms instead of 1. What passes is still decided by the library.
            expected = urlsafe_b64encode(hmac.digest(key, signing_input, "sha256")).rstrip(b"=")
            if hmac.compare_digest(expected, signature.rstrip(b"=")):
                return self._decoded(token, key)
        text = "The signature does not match. The secret of the webhook at Dialpad and the receiver's must be the same."
        raise RefusedError(401, "signature_wrong", text)

    def _decoded(self, token: bytes, key: bytes) -> bytes:
        try:
            payload: bytes = self._jws.decode(token, key, algorithms=["HS256"])
        except jwt.PyJWTError as error:
            text = "The token is not a JWT signed with HS256, the only algorithm Dialpad signs with."
            raise RefusedError(401, "token_malformed", text) from error
        return payload

    def _check_age(self, claims: Mapping[str, Any]) -> None:
        """Refuse a token whose own times say that it is old, expired or not yet valid; absent times are accepted.

        No public receiver has seen such claims from Dialpad, so they are not required. `event_timestamp` is no proof of
        age: retries and late transcripts carry old ones.
        """
        now = self._clock()
        issued, expires, begins = (_seconds(claims, name) for name in ("iat", "exp", "nbf"))
        if issued is not None and issued < now - self._max_age - CLOCK_SKEW_SECONDS:
            text = f"The token was issued more than {self._max_age:g} s ago (iat). Compare the clocks of both sides."
            raise RefusedError(401, "token_too_old", text)
        if expires is not None and expires < now - CLOCK_SKEW_SECONDS:
            raise RefusedError(401, "token_expired", "The token has expired (exp). Compare the clocks of both sides.")
        if any(time is not None and time > now + CLOCK_SKEW_SECONDS for time in (issued, begins)):
            text = "The token is from the future (iat or nbf). Compare the clocks of both sides."
            raise RefusedError(401, "token_not_yet_valid", text)


def event_id(fields: Mapping[str, Any], kind: str = "call") -> str:
    """Return the identity of an event: SHA-256, in hex, of its JSON with sorted keys, no spaces and ASCII only.

    Dialpad sends no event id. A repeated delivery has the same content, so it has the same identity; ENVELOPE_CLAIMS
    are left out, so that a retry that is signed anew is still the same event. Before the JSON stands the kind, except
    for `call`, which was the only kind once.
    """
    named = {key: value for key, value in fields.items() if key not in ENVELOPE_CLAIMS}
    text = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((text if kind == "call" else kind + text).encode()).hexdigest()


class _HS256(HMACAlgorithm):
    """HS256 that accepts short secrets without a warning: the command warns once at its start."""

    def check_key_length(self, key: bytes) -> None:
        """Accept any length."""


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
    except UnicodeDecodeError as error:
        raise RefusedError(400, "not_json", "The body is not UTF-8 text.") from error
    except json.JSONDecodeError as error:
        message = f"The body is not JSON (at character {error.pos}); a JSON object was expected."
        raise RefusedError(400, "not_json", message) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        # The only other ValueError: an integer of more digits than Python converts (4300 unless set otherwise).
        # A reader written in Python could not read it back, and would stop there for good.
        raise RefusedError(400, "number_too_long", "The body holds a number of thousands of digits.") from error
    if not isinstance(parsed, dict):
        raise RefusedError(400, "not_an_object", "The body is JSON, but not an object; one event was expected.")
    # Fewer brackets than levels allowed: no need to walk.
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth_exceeds(parsed, MAX_DEPTH):
        raise _too_deep()
    return text, parsed


def _depth_exceeds(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        members = [
            member
            for container in level
            for member in (container.values() if isinstance(container, dict) else container)  # type: ignore[attr-defined]
        ]
        level = [member for member in members if isinstance(member, dict | list)]
    return bool(level)


def _too_deep() -> RefusedError:
    return RefusedError(400, "too_deep", f"The body is nested more than {MAX_DEPTH} levels deep.")


def _refuse_constant(constant: str) -> NoReturn:
    raise RefusedError(400, "not_json", f"The body holds {constant}, which JSON does not have.")


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a time claim in seconds since 1970; milliseconds, as in Dialpad's own times, are read too."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MAX_TIME:
        raise RefusedError(401, "token_malformed", f"The token's {name} is not a time.")
    return value / 1000 if abs(value) > _MILLISECONDS_FROM else float(value)
