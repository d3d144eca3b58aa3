"""SMART Health Cards: what is taken and what is refused; chunks, JWS, payload, revocation."""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import health
from tests.support.health import AT, CARDS, HOUR, b64, card, card_text, chunks, digits, header, jws
from tests.support.keys import STRANGER, other_half
from verifier.codes import shc
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Outcome
from verifier.decision import Assessment
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.errors import Refusal
from verifier.status.plane import NO_STATUS
from verifier.status.rids import RevokedCards
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.signers import Trust

KID: Final = health.thumbprint()
KEY: Final = TrustedKey(
    kid=KID,
    key=load_spki(CARDS.spki)[1],
    uses=frozenset({"credential"}),
    not_before=0,
    not_after=AT + HOUR,
    issuer=health.ISSUER,
    lists=None,
    sectors=None,
    formats=frozenset({"SHC"}),
)
TRUST: Final = Trust(
    version=1, expires=AT + HOUR, ring=KeyRing((KEY,)), sectors_enabled=frozenset()
)
BOMB_SECONDS: Final = 0.05
"""Ten times the goal, on a shared machine, best of five."""


def judge(
    text: str, *, now: float = AT, revoked: Mapping[str, RevokedCards] | None = None
) -> Assessment:
    """Judge a text as a gate does that asks nothing of a place."""
    known = Known(trust=TRUST, status=NO_STATUS, revoked_cards=revoked or {})
    return assess(
        text,
        known=known,
        profile=UNASKED,
        grant=None,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    )


def jws_text(signed: str) -> str:
    """Write a JWS as the text of a card."""
    return "shc:/" + digits(signed)


def headed(**changes: Any) -> str:
    """Make a card with another header."""
    return card_text(head=json.dumps(header(**changes)).encode())


def deflated_in(window: int, *, level: int = 6, end: int = zlib.Z_FINISH) -> health.Edit:
    """Compress as raw DEFLATE, in a window of 2 to the power `window`."""

    def compress(data: bytes) -> bytes:
        stream = zlib.compressobj(level, wbits=-window)
        return stream.compress(data) + stream.flush(end)

    return compress


def nested(depth: int) -> Any:
    """Put lists into each other."""
    found: Any = []
    for _ in range(depth):
        found = [found]
    return found


GOOD: Final[Mapping[str, str]] = {
    "a card": card_text(),
    "one numbered chunk": chunks(1)[0],
    "nbf is whole": card_text(card({"nbf": AT})),
    "exp this second": card_text(card({"exp": AT})),
    "begins five minutes ahead": card_text(card({"nbf": AT + 300})),
    "more types": card_text(card(type=["a", "https://smarthealth.cards#health-card"])),
    "no rid": card_text(card(rid=None)),
    "more header members": headed(typ="JWT", x5c=["a"], jwk={}),
    "compressed in a small window": card_text(compress=deflated_in(9)),
    "stored, not compressed": card_text(compress=deflated_in(15, level=0)),
    "nbf with an exponent": card_text(card().replace(str(AT - HOUR + 0.5).encode(), b"1.6e9")),
    "as deep as allowed": card_text(card(x=nested(60))),
}

PAYLOADS: Final[Mapping[str, bytes]] = {
    "a list": b"[]",
    "a text of JSON": json.dumps(card().decode()).encode(),
    "a mark before": "\ufeff".encode() + card(),
    "a space before": b" " + card(),
    "a newline after": card() + b"\n",
    "a second value": card() + b"{}",
    "a key that stands twice": card()[:-1] + b',"iss":"https://other.example"}',
    "a number that is none": card().replace(b"0.5", b"NaN").replace(str(AT - HOUR).encode(), b""),
    "endless": card({"exp": 0}).replace(b'"exp": 0', b'"exp": 1e999'),
    "no UTF-8": card().replace(b"collection", b"\xff"),
    "half a character": card().replace(b"collection", b"\\ud800"),
    "too deep": card(x=nested(64)),
    "deep": card(x=0).replace(b'"x": 0', b'"x": ' + b"[" * 60_000 + b"]" * 60_000),
    "no iss": card({"iss": None}),
    "iss by http": card({"iss": "http://issuer.example/cards"}),
    "iss with a slash": card({"iss": health.ISSUER + "/"}),
    "iss with a bare slash": card({"iss": "https://issuer.example/"}),
    "iss is a number": card({"iss": 1}),
    "no nbf": card({"nbf": None}),
    "nbf is text": card({"nbf": str(AT)}),
    "nbf is true": card({"nbf": True}),
    "nbf in milliseconds": card({"nbf": AT * 1000}),
    "exp in milliseconds": card({"exp": AT * 1000}),
    "no vc": card({"vc": None}),
    "no type": card(type=None),
    "another type": card(type=["https://smarthealth.cards#immunization"]),
    "no subject": card(credentialSubject=None),
    "no bundle": card(credentialSubject={"fhirVersion": "4.0.1"}),
    "the bundle is text": card(credentialSubject={"fhirVersion": "4.0.1", "fhirBundle": "{}"}),
    "rid is a number": card(rid=7),
    "rid too long": card(rid="x" * 25),
    "rid of another alphabet": card(rid="a.b"),
}

_SIGNED: Final = jws()
_PARTS: Final = _SIGNED.split(".")


def parted(position: int, change: Callable[[str], str]) -> str:
    """Change one part of a good JWS."""
    parts = list(_PARTS)
    parts[position] = change(parts[position])
    return jws_text(".".join(parts))


def der(raw: bytes) -> bytes:
    """Write a signature r, s as DER."""
    halves = [b"\0" + half if half[0] & 0x80 else half for half in (raw[:32], raw[32:])]
    inner = b"".join(b"\x02" + bytes((len(half),)) + half for half in halves)
    return b"\x30" + bytes((len(inner),)) + inner


BAD: Final[Mapping[str, tuple[Reason, str]]] = {
    "an odd digit": (Reason.CODE_MALFORMED, GOOD["a card"] + "1"),
    "a pair past z": (Reason.CODE_MALFORMED, GOOD["a card"] + "78"),
    "no digits": (Reason.CODE_MALFORMED, "shc:/"),
    "digits of another script": (Reason.SCANNER_LAYOUT, GOOD["a card"] + "١١"),
    "a newline after": (Reason.CODE_MALFORMED, GOOD["a card"] + "\n"),
    "a space before": (Reason.FORMAT_UNKNOWN, " " + GOOD["a card"]),
    "no slash": (Reason.FORMAT_UNKNOWN, "shc:" + GOOD["a card"][5:]),
    "upper case": (Reason.FORMAT_UNKNOWN, "SHC:/" + GOOD["a card"][5:]),
    "too long": (Reason.FORMAT_TOO_LONG, "shc:/" + "0" * 20_000),
    "one chunk of two": (Reason.CODE_MALFORMED, chunks(2)[0]),
    "a chunk's zero before": (Reason.CODE_MALFORMED, "shc:/01/1/" + GOOD["a card"][5:]),
    "a total's zero before": (Reason.CODE_MALFORMED, "shc:/1/01/" + GOOD["a card"][5:]),
    "a chunk of none": (Reason.CODE_MALFORMED, "shc:/1/0/" + GOOD["a card"][5:]),
    "a chunk past the last": (Reason.CODE_MALFORMED, "shc:/2/1/" + GOOD["a card"][5:]),
    "chunk zero": (Reason.CODE_MALFORMED, "shc:/0/1/" + GOOD["a card"][5:]),
    "two parts": (Reason.CODE_MALFORMED, jws_text(".".join(_PARTS[:2]))),
    "four parts": (Reason.CODE_MALFORMED, jws_text(_SIGNED + ".")),
    "no alg": (Reason.CODE_UNSUPPORTED_ALG, headed(alg=None)),
    "alg none": (Reason.CODE_UNSUPPORTED_ALG, headed(alg="none")),
    "HS256": (Reason.CODE_UNSUPPORTED_ALG, headed(alg="HS256")),
    "no zip": (Reason.CODE_MALFORMED, headed(zip=None)),
    "another zip": (Reason.CODE_MALFORMED, headed(zip="GZ")),
    "no kid": (Reason.CODE_MALFORMED, headed(kid=None)),
    "kid is a number": (Reason.CODE_MALFORMED, headed(kid=1)),
    "critical": (Reason.CODE_MALFORMED, headed(crit=["b64"])),
    "another kid": (Reason.TRUST_UNKNOWN_KEY, headed(kid="x")),
    "alg twice": (
        Reason.CODE_MALFORMED,
        card_text(head=json.dumps(header()).encode()[:-1] + b',"alg":"none"}'),
    ),
    "a header that is a list": (Reason.CODE_MALFORMED, card_text(head=b"[]")),
    "a deep header": (Reason.CODE_MALFORMED, card_text(head=b"[" * 700)),
    "a long header": (Reason.CODE_MALFORMED, headed(x="y" * 1000)),
    "padding": (Reason.CODE_MALFORMED, parted(2, lambda part: part + "==")),
    "stray bits": (Reason.CODE_MALFORMED, parted(2, lambda part: part[:-1] + "B")),
    "no signature": (Reason.CODE_MALFORMED, parted(2, lambda _: "")),
    "DER": (Reason.CODE_MALFORMED, card_text(signer=lambda m: der(CARDS.sign(m)))),
    "a stranger's": (Reason.SIGNATURE_BAD, card_text(signer=STRANGER.sign)),
    "zlib": (Reason.CODE_MALFORMED, card_text(compress=zlib.compress)),
    "uncompressed": (Reason.CODE_MALFORMED, card_text(compress=health.same)),
    "bytes after the stream": (
        Reason.CODE_MALFORMED,
        card_text(compress=lambda data: health.deflated(data) + b"\0"),
    ),
    "gzip": (Reason.CODE_MALFORMED, card_text(compress=gzip.compress)),
    "a stream without end": (
        Reason.CODE_MALFORMED,
        card_text(compress=deflated_in(15, end=zlib.Z_SYNC_FLUSH)),
    ),
    "cut short": (Reason.CODE_MALFORMED, card_text(compress=lambda d: health.deflated(d)[:-1])),
    "another issuer": (
        Reason.TRUST_WRONG_ISSUER,
        card_text(card({"iss": "https://other.example"})),
    ),
    "expired": (Reason.TIME_EXPIRED, card_text(card({"exp": AT - 0.5}))),
    "begins too far ahead": (Reason.TIME_NOT_YET, card_text(card({"nbf": AT + 300.5}))),
    "issued too far ahead": (Reason.TIME_NOT_YET, card_text(card({"iat": AT + 301}))),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_issuers_write_passes(name: str) -> None:
    """Each form occurs, or may; the document is the payload."""
    found = judge(GOOD[name])
    assert (found.outcome, found.reason) == (Outcome.PASS, None)
    assert found.claims is not None
    assert found.claims.document["iss"] == found.claims.issuer == health.ISSUER


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads_that_no_card_has(name: str) -> None:
    """The signature holds and the payload is refused."""
    found = judge(card_text(PAYLOADS[name]))
    assert (found.reason, found.claims) == (Reason.CODE_MALFORMED, None)


@pytest.mark.parametrize("name", BAD)
def test_one_wrong_thing_refuses(name: str) -> None:
    """Each is wrong in one thing, and the Reason names it."""
    reason, text = BAD[name]
    assert judge(text).reason is reason


def test_chunks_in_any_order_are_the_card() -> None:
    """Two to seven pieces, turned round; a whole card stays what it is."""
    for number in range(2, 8):
        pieces = chunks(number)
        for texts in (pieces, pieces[::-1], pieces[1:] + pieces[:1]):
            assert shc.join(texts) == GOOD["a card"]
    assert shc.join([GOOD["a card"]]) == GOOD["a card"]


_THREE: Final = chunks(3)
JOINED: Final[Mapping[str, list[str]]] = {
    "none": [],
    "one missing": _THREE[:2],
    "one doubled": [*_THREE, _THREE[0]],
    "one in another's place": [_THREE[0], _THREE[0], _THREE[2]],
    "totals differ": [*_THREE[:2], "shc:/3/4/" + _THREE[2][9:]],
    "past the total": [*_THREE[:2], "shc:/4/3/" + _THREE[2][9:]],
    "two whole cards": [GOOD["a card"]] * 2,
    "a chunk with a card": [_THREE[0], GOOD["a card"]],
    "an odd chunk": [*_THREE[:2], _THREE[2] + "1"],
    "a leading zero": [*_THREE[:2], "shc:/03/3/" + _THREE[2][9:]],
    "another format": [*_THREE[:2], "HC1:ABC"],
    "too many": [f"shc:/{n}/100/00" for n in range(1, 101)],
    "too long together": [f"shc:/{n}/3/" + "00" * 4_000 for n in range(1, 4)],
}


@pytest.mark.parametrize("name", JOINED)
def test_chunks_that_are_no_card(name: str) -> None:
    """Missing, doubled, mixed: never a card."""
    with pytest.raises(Refusal) as refused:
        shc.join(JOINED[name])
    assert refused.value.reason is Reason.CODE_MALFORMED


def test_a_chunk_of_another_card_breaks_the_signature() -> None:
    """Two cards of the same number of pieces, mixed."""
    other = chunks(3, card(rid="other"))
    mixed = shc.join([*_THREE[:2], other[2]])
    assert judge(mixed).reason in (Reason.SIGNATURE_BAD, Reason.CODE_MALFORMED)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("MKyCxh7p6uQ", Reason.STATUS_REVOKED),
        (f"MKyCxh7p6uQ.{AT - HOUR + 1}", Reason.STATUS_REVOKED),
        (f"MKyCxh7p6uQ.{AT - HOUR}", None),
        ("MKyCxh7p6uq", None),
    ],
)
def test_revocation_by_id(entry: str, reason: Reason | None) -> None:
    """With a second: only what began before it; of a key whose list is not known: not asked."""
    found = judge(GOOD["a card"], revoked={KID: RevokedCards([entry])})
    assert found.reason is reason
    assert found.steps[5] == ("r" if reason else "o")
    assert judge(GOOD["a card"], revoked={"x": RevokedCards([entry])}).steps[5] == "s"
    assert judge(GOOD["no rid"], revoked={KID: RevokedCards([entry])}).steps[5] == "o"


def test_a_malleable_signature_changes_nothing_but_itself() -> None:
    """r, n - s in place of r, s: the same verdict."""
    turned = judge(card_text(signer=lambda m: other_half(CARDS.sign(m))))
    plain = judge(GOOD["a card"])
    assert turned.claims is not None
    assert plain.claims is not None
    assert (turned.outcome, turned.claims.document) == (Outcome.PASS, plain.claims.document)


def test_every_cut_of_a_text_is_refused() -> None:
    """Cut after every digit."""
    text = GOOD["a card"]
    for end in range(len(text)):
        assert judge(text[:end]).outcome is Outcome.DENY


def test_every_flipped_bit_is_refused() -> None:
    """Each bit of each character of the JWS that still is one."""
    for at, character in enumerate(_SIGNED):
        for bit in range(7):
            flipped = chr(ord(character) ^ 1 << bit)
            if "-" <= flipped <= "z":
                text = jws_text(_SIGNED[:at] + flipped + _SIGNED[at + 1 :])
                assert judge(text).outcome is Outcome.DENY


BOMBS: Final[Mapping[str, str]] = {
    "inflate": card_text(b'"' + bytes(1 << 22) + b'"'),
    "depth": card_text(b"[" * 200_000),
    "a long number": card_text(card({"exp": 0}).replace(b'"exp": 0', b'"exp": ' + b"9" * 200_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_answer_at_once(name: str) -> None:
    """Signed, and yet refused as malformed in no time."""
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        found = judge(BOMBS[name])
        spent.append(time.perf_counter() - start)
        assert found.reason is Reason.CODE_MALFORMED
    assert min(spent) < BOMB_SECONDS


@given(st.text("0123456789/", max_size=300))
def test_whatever_digits_are_refused(text: str) -> None:
    """Any digits and slashes after the prefix."""
    assert judge("shc:/" + text).outcome is Outcome.DENY


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_whatever_bytes_are_refused(head: bytes, payload: bytes) -> None:
    """As a header, and as a signed payload."""
    assert judge(jws_text(f"{b64(head)}.{b64(payload)}.{b64(bytes(64))}")).outcome is Outcome.DENY
    assert judge(card_text(payload)).outcome is Outcome.DENY
