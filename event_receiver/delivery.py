"""From the body of a POST to an event, or to a refusal with its reason.

Dialpad delivers a call event as plain JSON or, when the webhook has a secret, as a compact JWT signed HS256 whose
claims are the event (webhook pages of the API: "encoded and signed in the JWT format … with the HS256 algorithm").
The token is the whole body; its content type is not documented, so the content type is never looked at.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import jwt
from jwt.algorithms import HMACAlgorithm

from event_receiver.refusals import RefusedError, SettingError

MAX_DEPTH: Final = 64
"""Levels of nesting an event may have; the documented payload has three."""

CLOCK_SKEW_SECONDS: Final = 60
"""How far the sender's clock and ours may differ when `iat`, `nbf` and `exp` are judged."""

ENVELOPE_CLAIMS: Final = ("exp", "iat", "jti", "nbf")
"""Claims that belong to one signing, not to the event: they stay in the payload and out of `event_id`."""

_LONGEST_HEADER: Final = 1024
_MILLISECONDS_FROM: Final = 1e11
_FARTHEST: Final = 1e15


@dataclass(frozen=True, slots=True)
class Event:
    """One call event as it was delivered: `event_id` is 64 hex digits, `payload` is the JSON text, not re-written."""

    event_id: str
    payload: str


class Deliveries:
    """Reads deliveries under one rule: with secrets, only what one of them signed is an event.

    `secrets` holds the webhook's secret first and, while it is being changed, the former one as well; empty means that
    plain JSON is taken. `clock` gives seconds since 1970, `max_age` is how old an `iat` may be, in seconds.
    """

    def __init__(self, secrets: Iterable[str], *, clock: Callable[[], float], max_age: float) -> None:
        """Check the secrets; SettingError if one cannot be used for HMAC."""
        self._keys = tuple(secret.encode() for secret in secrets)
        self._clock = clock
        self._max_age = max_age
        algorithm = _HS256(HMACAlgorithm.SHA256)
        for key in self._keys:
            if not key.strip():
                text = "The webhook's secret is empty: set it, or leave the variable unset to take unsigned events."
                raise SettingError(text)
            try:
                algorithm.prepare_key(key)
            except jwt.InvalidKeyError as error:
                text = "The webhook's secret looks like a public key or certificate; it must be a shared secret."
                raise SettingError(text) from error
        self._jws = jwt.PyJWS(algorithms=[])
        self._jws.register_algorithm("HS256", algorithm)

    @property
    def signed(self) -> bool:
        """Whether deliveries must be signed."""
        return bool(self._keys)

    def event(self, body: bytes) -> Event:
        """Return the event of a body, or raise RefusedError (400, 401, 503) and nothing else, whatever the bytes."""
        if not self._keys:
            return _unsigned_event(body)
        payload, claims = _parsed(self._verified(body))
        self._check_age(claims)
        return Event(event_id(claims), payload)

    def _verified(self, body: bytes) -> bytes:
        """Return the bytes that were signed with one of our secrets, HS256 and nothing else."""
        token = body.strip().strip(b'"')
        if token.count(b".") != 2:  # noqa: PLR2004 - a compact token has three parts
            text = "The body is not a signed token. Give the webhook at Dialpad the receiver's secret."
            raise RefusedError(401, "signature_missing", text)
        signing_input, _, signature = token.rpartition(b".")
        for key in self._keys:
            # Our own look at the signature comes first because the library decodes the whole token before it checks
            # it: 1 MB of forgery would cost fifty times as much. What passes here is still decided by the library.
            expected = urlsafe_b64encode(hmac.digest(key, signing_input, "sha256")).rstrip(b"=")
            if hmac.compare_digest(expected, signature.rstrip(b"=")):
                return self._decoded(token, key)
        if (algorithm := _algorithm(signing_input.partition(b".")[0])) not in ("HS256", None):
            _refuse_algorithm()
        if algorithm is None:
            raise RefusedError(401, "token_malformed", "The body has three parts, but its header is not a JWT's.")
        text = "The signature does not match. The secret of the webhook at Dialpad and the receiver's must be the same."
        raise RefusedError(401, "signature_wrong", text)

    def _decoded(self, token: bytes, key: bytes) -> bytes:
        try:
            payload: bytes = self._jws.decode(token, key, algorithms=["HS256"])
        except jwt.InvalidAlgorithmError:
            _refuse_algorithm()
        except jwt.PyJWTError as error:
            raise RefusedError(401, "token_malformed", "The signed token cannot be read as a JWT.") from error
        return payload

    def _check_age(self, claims: Mapping[str, Any]) -> None:
        """Refuse a token whose own times say that it is old, expired or not yet valid; absent times are accepted.

        No public receiver has seen such claims from Dialpad, so they are not required. `event_timestamp` is no
        proof of age: retries and late transcripts carry old ones.
        """
        now = self._clock()
        issued, expires, begins = (_seconds(claims, name) for name in ("iat", "exp", "nbf"))
        if issued is not None and issued < now - self._max_age - CLOCK_SKEW_SECONDS:
            text = f"The token was issued more than {self._max_age:g} s ago (iat). Compare the clocks of both sides."
            raise RefusedError(401, "token_too_old", text)
        if expires is not None and expires < now - CLOCK_SKEW_SECONDS:
            raise RefusedError(401, "token_expired", "The token has expired (exp). Compare the clocks of both sides.")
        for time in (issued, begins):
            if time is not None and time > now + CLOCK_SKEW_SECONDS:
                text = "The token is from the future (iat or nbf). Compare the clocks of both sides."
                raise RefusedError(401, "token_not_yet_valid", text)


def event_id(payload: Mapping[str, Any]) -> str:
    """Return the identity of an event: SHA-256, in hex, of its JSON with sorted keys, no spaces and ASCII only.

    Dialpad sends no event id. A repeated delivery has the same payload, so it has the same identity; the claims of
    one signing (ENVELOPE_CLAIMS) are left out, so that a retry that is signed anew is still the same event.
    """
    named = {key: value for key, value in payload.items() if key not in ENVELOPE_CLAIMS}
    return hashlib.sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class _HS256(HMACAlgorithm):
    """HS256 that accepts short secrets in silence: the command says it once at its start, not at every event."""

    def check_key_length(self, key: bytes) -> None:
        """Accept any length."""


def _unsigned_event(body: bytes) -> Event:
    start = body.lstrip()[:4].lstrip(b'"')
    if start.startswith(b"eyJ") and body.count(b".") == 2:  # noqa: PLR2004 - a compact token has three parts
        text = "The event is signed but this receiver has no secret to check it with: set EVENT_RECEIVER_SECRET."
        # Our fault, not the sender's: a 4xx would be final, a 503 is delivered again.
        raise RefusedError(503, "secret_not_set", text)
    payload, fields = _parsed(body)
    return Event(event_id(fields), payload)


def _parsed(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the JSON text and its object; every reading of the text in Python gives this object again."""
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise RefusedError(400, "not_json", "The body is not UTF-8 text.") from error
    if not text:
        raise RefusedError(400, "not_json", "The body is empty; a JSON object was expected.")
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message = f"The body is not JSON (at character {error.pos}); a JSON object was expected."
        raise RefusedError(400, "not_json", message) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        # The only other ValueError: an integer of more digits than Python converts (4300 unless set otherwise).
        # A reader written in Python could not read it back, and would stop there for ever.
        raise RefusedError(400, "number_too_long", "The body holds a number of thousands of digits.") from error
    if not isinstance(parsed, dict):
        raise RefusedError(400, "not_an_object", "The body is JSON, but not an object; one call event was expected.")
    # Fewer brackets than levels allowed: no need to walk.
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth_exceeds(parsed, MAX_DEPTH):
        raise _too_deep()
    return text, parsed


def _depth_exceeds(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        children: list[object] = []
        for container in level:
            members = container.values() if isinstance(container, dict) else container
            children.extend(member for member in members if isinstance(member, dict | list))  # type: ignore[attr-defined]
        if not children:
            return False
        level = children
    return True


def _too_deep() -> RefusedError:
    return RefusedError(400, "too_deep", f"The body is nested more than {MAX_DEPTH} levels deep.")


def _refuse_constant(constant: str) -> NoReturn:
    raise RefusedError(400, "not_json", f"The body holds {constant}, which JSON does not have.")


def _refuse_algorithm() -> NoReturn:
    text = "The token is not signed with HS256, the only algorithm Dialpad signs with."
    raise RefusedError(401, "algorithm_refused", text)


def _algorithm(header: bytes) -> str | None:
    """Return the `alg` of a token's header, as a text for comparison only; None if there is none to read."""
    if len(header) > _LONGEST_HEADER:
        return None
    try:
        fields = json.loads(urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (ValueError, RecursionError):
        return None
    return str(fields.get("alg", "none")) if isinstance(fields, dict) else None


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """Return a time claim in seconds since 1970; JWT says seconds, Dialpad's own times are milliseconds: both read."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _FARTHEST:
        raise RefusedError(401, "token_malformed", f"The token's {name} is not a time.")
    return value / 1000 if abs(value) > _MILLISECONDS_FROM else float(value)
