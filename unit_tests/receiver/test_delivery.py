import base64
import hmac
import json
import math
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from event_receiver.delivery import Deliveries, Event, event_id
from event_receiver.errors import RefusedError
from event_receiver.kinds import KINDS

SECRET = "unit-secret-9d5ed678fe57bcca610140957afab571"
FORMER = "unit-former-900150983cd24fb0d6963f7d28e17f72"
NOW = 1_793_577_600.0
EVENT = {"call_id": 5000000000000001, "state": "hangup", "total_duration": 8951.03, "contact": {"name": "Zoë"}}


def deliveries(*secrets: str) -> Deliveries:
    return Deliveries(secrets, clock=lambda: NOW)


def token(payload: dict[str, Any] | None = None, secret: str = SECRET, algorithm: str = "HS256") -> bytes:
    return jwt.encode(EVENT if payload is None else payload, secret, algorithm).encode()


def part(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def handmade(header: bytes, payload: bytes, secret: str = SECRET) -> bytes:
    """A token of any header and payload, with the right HMAC over them."""
    signing_input = part(header) + b"." + part(payload)
    return signing_input + b"." + part(hmac.digest(secret.encode(), signing_input, "sha256"))


def refusal(body: bytes, *secrets: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        deliveries(*secrets).event(body)
    return caught.value


def test_a_signed_and_a_plain_delivery_of_one_event_have_one_identity() -> None:
    assert deliveries(SECRET).event(token()).event_id == deliveries().event(json.dumps(EVENT).encode()).event_id


def test_a_repeat_signed_anew_has_the_same_identity() -> None:
    repeats = [deliveries(SECRET).event(token({**EVENT, "iat": NOW - age, "jti": str(age)})) for age in (0, 4)]
    assert repeats[0].event_id == repeats[1].event_id


def test_the_payload_is_the_text_that_was_signed() -> None:
    text = b'{"state": "hangup",  "total_duration": 8951.030, "iat": 1793577600}'
    assert deliveries(SECRET).event(handmade(b'{"alg":"HS256"}', text)).payload == text.decode()


def test_spaces_and_quotes_around_a_token_do_not_matter() -> None:
    for around in (b"%s", b"  %s\r\n", b'"%s"', b'\n"%s" '):
        assert json.loads(deliveries(SECRET).event(around % token()).payload) == EVENT


def test_the_former_secret_is_still_accepted() -> None:
    assert json.loads(deliveries(SECRET, FORMER).event(token(secret=FORMER)).payload) == EVENT


def test_a_short_secret_is_accepted_with_a_warning() -> None:
    body = handmade(b'{"alg":"HS256"}', b"{}", secret="short")
    with pytest.warns(jwt.InsecureKeyLengthWarning, match="below the minimum"):
        assert deliveries("short").event(body).payload == "{}"


def rs256(secret_is_public_key: bool = False) -> bytes:  # noqa: FBT001, FBT002 - two kinds of one forgery
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if secret_is_public_key:
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return handmade(b'{"alg":"RS256"}', b"{}", secret=public)
    return jwt.encode(EVENT, key, "RS256").encode()


HEADER, PAYLOAD, SIGNATURE = token().split(b".")
FORGERIES: dict[str, dict[str, bytes]] = {
    "signature_missing": {
        "plain JSON": json.dumps(EVENT).encode(),
        "nothing": b"",
        "bytes": b"\x00\xff",
        "without its signature": HEADER + b"." + PAYLOAD,
        "four parts": token() + b"." + SIGNATURE,
    },
    "signature_wrong": {
        "empty signature": HEADER + b"." + PAYLOAD + b".",
        "another secret": token(secret=FORMER),
        "tampered": HEADER + b"." + part(b'{"state":"forged"}') + b"." + SIGNATURE,
        "signature of bytes": HEADER + b"." + PAYLOAD + b".\xff\xfe",
        "none": jwt.encode(EVENT, "", "none").encode(),
        "HS512": token(algorithm="HS512", secret=SECRET * 2),
        "RS256": rs256(),
        "RS256 over a public key": rs256(secret_is_public_key=True),
        "three letters": b"a.b.c",
        "three bytes": b"\xff.\xff.\xff",
        "a long header": part(b'{"alg":"HS256","x":"' + b"x" * 2000 + b'"}') + b".e30.eA",
    },
    "token_malformed": {
        "none, yet signed": handmade(b'{"alg":"none"}', b"{}"),
        "HS512 in name": handmade(b'{"alg":"HS512"}', b"{}"),
        "no algorithm": handmade(b'{"typ":"JWT"}', b"{}"),
        "header a list": handmade(b"[]", b"{}"),
        "header no JSON": handmade(b"junk", b"{}"),
        "unknown extension": handmade(b'{"alg":"HS256","crit":["x"]}', b"{}"),
        "deep header": handmade(b"[" * 900 + b"]" * 900, b"{}"),
    },
}


def test_with_a_secret_only_its_hs256_signature_is_accepted() -> None:
    expected = {name: (401, reason) for reason, bodies in FORGERIES.items() for name in bodies}
    refused = {name: refusal(body, SECRET) for bodies in FORGERIES.values() for name, body in bodies.items()}
    assert {name: (refused[name].status, refused[name].reason) for name in refused} == expected


def test_a_token_whose_own_times_are_wrong_is_refused() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"iat": NOW - 361}, "token_too_old"),
        ({"iat": (NOW - 361) * 1000}, "token_too_old"),
        ({"iat": 0}, "token_too_old"),
        ({"exp": NOW - 61}, "token_expired"),
        ({"iat": NOW + 61}, "token_not_yet_valid"),
        ({"nbf": NOW + 61}, "token_not_yet_valid"),
        ({"iat": "yesterday"}, "token_malformed"),
        ({"exp": "1793577600"}, "token_malformed"),
        ({"iat": 10**400}, "token_not_yet_valid"),
        ({"iat": math.inf}, "token_not_yet_valid"),
        ({"nbf": math.inf}, "token_not_yet_valid"),
        ({"nbf": [NOW]}, "token_malformed"),
    ]
    for claims, reason in wrong:
        text = json.dumps(EVENT | claims).replace("Infinity", "1e400")
        refused = refusal(handmade(b'{"alg":"HS256"}', text.encode()), SECRET)
        assert (refused.status, refused.reason) == (401, reason), claims


def test_a_token_of_this_hour_or_without_times_is_accepted() -> None:
    for claims in (
        {"iat": NOW - 359},
        {"iat": int(NOW) * 1000},
        {"exp": NOW - 59},
        {"iat": NOW + 59, "nbf": NOW + 59},
        {"iat": None},
        {"aud": "anybody", "sub": 5, "iss": 7},
        {"event_timestamp": 0},
    ):
        body = handmade(b'{"alg":"HS256"}', json.dumps(EVENT | claims).encode())
        assert json.loads(deliveries(SECRET).event(body).payload) == EVENT | claims


NOT_AN_EVENT = {
    "not_json": [
        b"",
        b" \n",
        b"hello",
        b'{"state": "hangup"',
        b'{"state": "hangup"} {}',
        b"state=hangup",
        b"\xff\xfe{\x00}\x00",  # UTF-16
        b'{"name": "\xed\xa0\x80"}',  # a surrogate in UTF-8
        b'{"name": "\x00"}',
        b'{"duration": NaN}',
        b'{"duration": -Infinity}',
    ],
    "not_an_object": [b"[1]", b"null", b'"hangup"'],
    "too_deep": [b'{"a":' * 65 + b"1" + b"}" * 65, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
    "number_too_long": [b'{"call_id": ' + b"9" * 5000 + b"}"],
}


def test_a_body_that_is_no_json_object_is_refused_with_the_reason_signed_or_not() -> None:
    for reason, bodies in NOT_AN_EVENT.items():
        for body in bodies:
            refused = [refusal(body), refusal(handmade(b'{"alg":"HS256"}', body), SECRET)]
            assert [(one.status, one.reason) for one in refused] == [(400, reason)] * 2, body[:20]


def test_odd_but_valid_payloads_are_taken_as_they_are() -> None:
    texts = [
        '{"name": "\\u0000"}',
        '{"name": "\\ud83d"}',
        '{"name": "📞 Zoë"}',
        '{"call_id": ' + "9" * 400 + "}",
        '{"duration": 1e400, "mos_score": -0.0}',
        '{"total_duration": 8951.030000000000000000000000000000000001}',
        '{"state": "ringing", "state": "hangup"}',
        '{"a":' * 64 + "1" + "}" * 64,
        '{"labels": [' + ",".join("[]" for _ in range(1000)) + "]}",
        "{}",
        '{"": null}',
        '{"state": "a state of next year", "unheard_of": {"of": ["it"]}}',
    ]
    assert [deliveries().event(text.encode()).payload for text in texts] == texts


def test_the_identity_of_a_call_event_is_that_of_version_0_1_and_other_kinds_have_their_own() -> None:
    body = json.dumps(EVENT).encode()
    # Printed by the receiver that knew calls alone, for the same payload.
    assert deliveries().event(body).event_id == "38aebbd923992337bfd5105dd31c3c2aea703b3205d9763726964cacac30866b"
    ids = {deliveries().event(body, kind).event_id for kind in KINDS}
    assert len(ids) == len(KINDS)


def test_a_byte_order_mark_is_dropped() -> None:
    assert deliveries().event(b"\xef\xbb\xbf{}").payload == "{}"


def test_a_signed_event_without_a_secret_to_check_it_is_our_fault() -> None:
    for body in (token(), b'"' + token() + b'"'):
        assert (refusal(body).status, refusal(body).reason) == (503, "secret_not_set")


def test_no_refusal_repeats_the_body() -> None:
    for body in (b"+12025550102", b'{"phone": "+12025550102"', b'["+12025550102"]', b'{"+12025550102": NaN}'):
        assert "2025550102" not in refusal(body).text + refusal(body, SECRET).text


@settings(max_examples=300)
@given(st.binary(max_size=300) | st.text(alphabet='{}[]",:.0123456789eE-tfnuls\\ ', max_size=80).map(str.encode))
def test_any_bytes_give_an_event_or_a_refusal(body: bytes) -> None:
    for secrets in ((), (SECRET,)):
        try:
            event = deliveries(*secrets).event(body)
        except RefusedError as refused:
            assert refused.status in {400, 401, 503}  # noqa: PT017 - either is right, nothing else is
        else:
            assert isinstance(event, Event)
            assert isinstance(json.loads(event.payload), dict)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), _json, max_size=6), st.randoms())
def test_any_object_comes_back_equal_and_keeps_its_identity_in_any_order(fields: dict[str, Any], random: Any) -> None:
    names: list[str] = random.sample(list(fields), len(fields))
    event = deliveries().event(json.dumps(fields).encode())
    shuffled = deliveries().event(json.dumps({name: fields[name] for name in names}, ensure_ascii=True).encode())
    assert json.loads(event.payload) == fields
    assert event.event_id == shuffled.event_id == event_id(fields)
