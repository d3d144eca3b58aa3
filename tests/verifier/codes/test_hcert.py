"""HC1: what is taken and what is refused, each by its Reason; bounds, truncations, flipped bits."""

import time
import zlib
from collections.abc import Mapping
from typing import Any, Final

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import health
from tests.support import rawcbor as raw
from tests.support.health import AT, COUNTRY, HOUR, claims, cose, health_text, protected
from tests.support.keys import STRANGER, other_half
from verifier.codes import hcert
from verifier.contract import cbor
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import CertificateUse, Outcome
from verifier.decision import Assessment
from verifier.engine import UNASKED, Clock, Known, assess
from verifier.status.plane import NO_STATUS
from verifier.steps.verified import VerifiedCredentials
from verifier.trust.keys import KeyRing, TrustedKey, load_spki
from verifier.trust.signers import Trust

BOMB_SECONDS: Final = 0.01
"""Ten times the goal of a millisecond, on a shared machine, best of five."""


def trusted(kid: bytes = COUNTRY.kid, spki: bytes = COUNTRY.spki, **changes: Any) -> TrustedKey:
    """Return a key on the list, for everything unless said otherwise."""
    values: dict[str, Any] = {
        "kid": kid,
        "key": load_spki(spki)[1],
        "uses": frozenset({"credential"}),
        "not_before": AT - HOUR,
        "not_after": AT + HOUR,
        "issuer": None,
        "lists": None,
        "sectors": None,
        "formats": frozenset({"HC1"}),
    }
    return TrustedKey(**(values | changes))


def judge(text: str, *keys: TrustedKey, now: float = AT) -> Assessment:
    """Judge a text as a gate does that asks nothing of a place."""
    ring = KeyRing(keys or (trusted(),))
    trust = Trust(version=1, expires=AT + HOUR, ring=ring, sectors_enabled=frozenset())
    known = Known(trust=trust, status=NO_STATUS)
    return assess(
        text,
        known=known,
        profile=UNASKED,
        grant=None,
        clock=Clock(now=now),
        seen=VerifiedCredentials(0),
    )


def bound(*uses: CertificateUse) -> TrustedKey:
    """Return a key bound to kinds of certificate."""
    return trusted(uses=frozenset({"credential", *uses}))


def nested(levels: int) -> Any:
    """Return lists inside lists."""
    return [nested(levels - 1)] if levels else 0


NAN: Final = b"\xf9\x7e\x00"
DATED: Final = cbor2.dumps({1: "AT", 4: AT + 9, -260: {1: {"v": [{"dt": "2021-05-03"}]}}})

GOOD: Final[Mapping[str, str]] = {
    "tag 18": health_text(),
    "untagged": health_text(tags=b""),
    "tag 61 around 18": health_text(tags=b"\xd8\x3d\xd2"),
    "kid unprotected": health_text(
        header=protected(None), unprotected=raw.mapping([(raw.integer(4), raw.data(COUNTRY.kid))])
    ),
    "the protected kid wins": health_text(
        unprotected=raw.mapping([(raw.integer(4), raw.data(b"another"))])
    ),
    "other headers": health_text(
        header=raw.mapping(
            [
                (raw.integer(3), raw.integer(61)),
                (raw.text("x"), raw.array([raw.TRUE, raw.NULL, raw.mapping([])])),
                (raw.integer(4), raw.data(COUNTRY.kid)),
                (raw.integer(1), raw.integer(-7)),
            ]
        )
    ),
    "float times": health_text(claims({4: AT + 0.5, 6: AT - 0.25})),
    "no issuer": health_text(claims({1: None})),
    "no iat": health_text(claims({6: None})),
    "no exp: to the key's end": health_text(claims({4: None})),
    "keys out of order": health_text(
        cbor2.dumps({-260: {1: health.dcc()}, 6: AT, 1: "AT", 4: AT + 1})
    ),
    "a date under tag 0": health_text(DATED.replace(b"\x6a2021", b"\xc0\x6a2021")),
    "a name longer than 255 bytes": health_text(claims(nam={"fn": "Ω" * 200})),
    "null for an absent list": health_text(claims(t=[{"tg": "840539006"}], v=[], r=None)),
    "expires this second": health_text(claims({4: AT})),
    "issued five minutes ahead": health_text(claims({6: AT + 300})),
    "begins five minutes ahead": health_text(claims({5: AT + 300})),
}

BAD_CLAIMS: Final[Mapping[str, bytes]] = {
    "the claims are a list": cbor2.dumps([1, 2]),
    "the certificate is no map": claims({-260: {1: "v"}}),
    "exp is text": claims({4: "1700000000"}),
    "exp is true": claims({4: True}),
    "exp in milliseconds": claims({4: AT * 1000}),
    "iat in milliseconds": claims({6: AT * 1000}),
    "negative exp": claims({4: -1}),
    "exp is no number": claims().replace(cbor2.dumps(AT + HOUR), NAN),
    "exp is endless": claims().replace(cbor2.dumps(AT + HOUR), b"\xf9\x7c\x00"),
    "iat is null": claims().replace(cbor2.dumps(AT - HOUR), raw.NULL),
    "iss is a number": claims({1: 43}),
    "v is a map": claims(v={"tg": 1}),
    "a byte after the end": claims() + b"\x00",
    "cut short": claims()[:-1],
    "a key that stands twice": b"\xa5" + claims()[1:] + b"\x01\x62AT",
    "1 and true": b"\xa5" + claims()[1:] + b"\xf5\x62AT",
    "a tag that is no date": claims().replace(b"\x62AT", b"\xc2\x41\x01", 1),
    "shared references": claims().replace(b"\x62AT", b"\xd8\x1c\x62AT", 1),
    "an indefinite map": b"\xbf" + claims()[1:] + b"\xff",
    "an over-long number": claims().replace(b"\x04\x1a", b"\x18\x04\x1a", 1),
    "text that is not UTF-8": claims().replace(b"\x62AT", b"\x62\xff\xfe", 1),
    "seventeen levels": claims({7: nested(17)}),
    "too many items": claims({7: [0] * 512}),
    "undefined": claims().replace(b"\x62AT", b"\xf7", 1),
}

_PLAIN: Final = cose(claims())
BAD_TEXT: Final[Mapping[str, tuple[Reason, str]]] = {
    "uncompressed": (Reason.CODE_MALFORMED, health.hc1(_PLAIN)),
    "raw deflate": (Reason.CODE_MALFORMED, health.hc1(health.deflated(_PLAIN))),
    "bytes after the stream": (Reason.CODE_MALFORMED, health.hc1(zlib.compress(_PLAIN) + b"\0")),
    "inflates past the bound": (
        Reason.CODE_MALFORMED,
        health.hc1(zlib.compress(bytes(2_000_000), 9)),
    ),
    "spaces mangled": (Reason.CODE_MALFORMED, GOOD["tag 18"][:40] + "%20" + GOOD["tag 18"][41:]),
    "lower case": (Reason.CODE_MALFORMED, "HC1:" + GOOD["tag 18"][4:].lower()),
    "prefix in lower case": (Reason.FORMAT_UNKNOWN, "hc1:" + GOOD["tag 18"][4:]),
    "another prefix": (Reason.FORMAT_UNKNOWN, "HC2:" + GOOD["tag 18"][4:]),
    "a space before": (Reason.FORMAT_UNKNOWN, " " + GOOD["tag 18"]),
    "a newline after": (Reason.CODE_MALFORMED, GOOD["tag 18"] + "\n"),
    "too long": (Reason.FORMAT_TOO_LONG, "HC1:" + "0" * 4293),
    "empty": (Reason.CODE_MALFORMED, "HC1:"),
    "alg only unprotected": (
        Reason.CODE_UNSUPPORTED_ALG,
        health_text(
            header=raw.mapping([(raw.integer(4), raw.data(COUNTRY.kid))]),
            unprotected=raw.mapping([(raw.integer(1), raw.integer(-7))]),
        ),
    ),
    "protected header empty": (Reason.CODE_UNSUPPORTED_ALG, health_text(header=b"")),
    "ES384": (Reason.CODE_UNSUPPORTED_ALG, health_text(header=protected(algorithm=-35))),
    "EdDSA": (Reason.CODE_UNSUPPORTED_ALG, health_text(header=protected(algorithm=-8))),
    "alg as text": (
        Reason.CODE_UNSUPPORTED_ALG,
        health_text(header=raw.mapping([(raw.integer(1), raw.text("ES256"))])),
    ),
    "alg against key": (Reason.SIGNATURE_BAD, health_text(header=protected(algorithm=-37))),
    "no kid": (Reason.TRUST_UNKNOWN_KEY, health_text(header=protected(None))),
    "another kid": (Reason.TRUST_UNKNOWN_KEY, health_text(header=protected(b"8 bytes."))),
    "a stranger's signature": (Reason.SIGNATURE_BAD, health_text(signer=STRANGER.sign)),
    "an over-long signature": (
        Reason.SIGNATURE_BAD,
        health_text(signer=lambda m: b"\0" + COUNTRY.sign(m)),
    ),
    "expired": (Reason.TIME_EXPIRED, health_text(claims({4: AT - 1}))),
    "issued too far ahead": (Reason.TIME_NOT_YET, health_text(claims({6: AT + 301}))),
    "begins too far ahead": (Reason.TIME_NOT_YET, health_text(claims({5: AT + 301}))),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_issuers_write_passes(name: str) -> None:
    """Each form occurs, or may; all steps that ran answer OK."""
    found = judge(GOOD[name])
    assert (found.outcome, found.reason) == (Outcome.PASS, None)
    assert found.claims is not None
    assert found.claims.document["exp"] in (found.claims.expires, None)
    assert found.claims.expires is not None


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_claims_that_no_certificate_has(name: str) -> None:
    """The signature holds and the claims are refused."""
    found = judge(health_text(BAD_CLAIMS[name]))
    assert (found.reason, found.claims) == (Reason.CODE_MALFORMED, None)


@pytest.mark.parametrize("name", BAD_TEXT)
def test_one_wrong_thing_refuses(name: str) -> None:
    """Each is wrong in one thing, and the Reason names it."""
    reason, text = BAD_TEXT[name]
    assert judge(text).reason is reason


def test_dates_stay_what_was_signed() -> None:
    """Tag 0 is taken off and its text kept."""
    found = judge(GOOD["a date under tag 0"])
    assert found.claims is not None
    assert found.claims.document["hcert"]["v"][0]["dt"] == "2021-05-03"


def test_all_keys_of_a_kid_are_tried() -> None:
    """Two signers share a kid; the second one's key holds, in either order."""
    other = trusted(spki=STRANGER.spki)
    for keys in ((other, trusted()), (trusted(), other)):
        assert judge(GOOD["tag 18"], *keys).outcome is Outcome.PASS


USES: Final = tuple(CertificateUse)


def test_a_key_is_bound_to_kinds_of_certificate() -> None:
    """A vaccination under a key for tests is wrong use; for vaccinations, or unbound, it passes."""
    text = GOOD["tag 18"]
    assert judge(text, bound(CertificateUse.TEST)).reason is Reason.TRUST_WRONG_USE
    assert judge(text, bound(CertificateUse.VACCINATION)).outcome is Outcome.PASS
    assert judge(text, bound()).outcome is Outcome.PASS
    both = health_text(claims(t=[{"tg": "840539006"}]))
    assert judge(both, bound(CertificateUse.VACCINATION)).reason is Reason.TRUST_WRONG_USE
    neither = health_text(claims(v=None))
    assert judge(neither, bound(CertificateUse.VACCINATION)).reason is Reason.TRUST_WRONG_USE
    assert judge(neither, bound(*USES)).outcome is Outcome.PASS


def test_another_certificate_of_the_same_key_may_allow_it() -> None:
    """One key, two certificates with one kid: any that allows the use is enough."""
    tests, all_uses = bound(CertificateUse.TEST), bound(*USES)
    for keys in ((tests, all_uses), (all_uses, tests)):
        assert judge(GOOD["tag 18"], *keys).outcome is Outcome.PASS


def test_the_window_of_the_certificate() -> None:
    """To the second at both ends."""
    text = health_text(claims({4: AT + 3 * HOUR, 6: AT - 2 * HOUR}))
    for now, reason in (
        (AT - HOUR - 1, Reason.TRUST_KEY_EXPIRED),
        (AT - HOUR, None),
        (AT + HOUR, None),
        (AT + HOUR + 1, Reason.TRUST_KEY_EXPIRED),
    ):
        assert judge(text, now=now).reason is reason


def test_a_malleable_signature_changes_nothing_but_itself() -> None:
    """r, n - s in place of r, s: the same verdict and claims."""
    turned = health_text(edit=lambda d: d[:-64] + other_half(d[-64:]))
    plain, found = judge(GOOD["tag 18"]), judge(turned)
    assert plain.claims is not None
    assert found.claims is not None
    assert (found.outcome, found.claims.document) == (plain.outcome, plain.claims.document)


def test_every_cut_of_a_text_is_refused() -> None:
    """Cut after every character."""
    text = GOOD["tag 18"]
    for end in range(len(text)):
        assert judge(text[:end]).reason in (Reason.CODE_MALFORMED, Reason.FORMAT_UNKNOWN)


def test_every_flipped_bit_is_refused_or_changes_nothing() -> None:
    """Each bit of the envelope, and each of the compressed bytes."""
    whole = judge(GOOD["tag 18"]).claims
    compressed = zlib.compress(_PLAIN)
    for data, write in ((_PLAIN, zlib.compress), (compressed, bytes)):
        for bit in range(len(data) * 8):
            flipped = bytearray(data)
            flipped[bit >> 3] ^= 1 << (bit & 7)
            found = judge(health.hc1(write(bytes(flipped))))
            assert found.outcome is Outcome.DENY or found.claims == whole


def bomb(levels: int = 27) -> bytes:
    """Shared references, each level doubling what the one below stands for: 269 bytes and less."""
    inner = b"\xd8\x1c\x81\x61x"
    for level in range(levels):
        inner = b"\xd8\x1c\x83" + inner + (b"\xd8\x1d" + raw.integer(level)) * 2
    return inner


BOMBS: Final[Mapping[str, str]] = {
    "references, signed": health_text(claims({7: 0})[:-1] + bomb()),
    "references for an envelope": health.hc1(zlib.compress(bomb())),
    "references in a header": health_text(header=raw.mapping([(raw.integer(9), bomb())])),
    "a gigabyte of nothing": health.hc1(zlib.compress(bytes(1 << 21), 9)),
    "depth": health_text(claims({7: 0})[:-1] + b"\x81" * 3000 + b"\0"),
    "a map of all there is": health_text(b"\xbb" + b"\xff" * 8),
    "a text of all there is": health_text(b"\x7b\x7f" + b"\xff" * 7),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_answer_at_once(name: str) -> None:
    """Whether signed or not, refused as malformed in no time."""
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        found = judge(BOMBS[name])
        spent.append(time.perf_counter() - start)
        assert found.reason is Reason.CODE_MALFORMED
    assert min(spent) < BOMB_SECONDS


VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=300)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=40,
)


@given(VALUES)
def test_the_quick_walk_takes_only_what_the_slow_one_takes(value: object) -> None:
    """What the pattern passes, the scan of the contract passes too; and what it is, is decoded."""
    encoded = cbor2.dumps(value)
    if hcert._ITEMS.fullmatch(encoded):
        cbor.scan(encoded, hcert._GRAMMAR)
    try:
        cbor.scan(encoded, hcert._GRAMMAR)
    except MalformedError:
        with pytest.raises(MalformedError):
            hcert._decode(encoded)
    else:
        assert repr(hcert._decode(encoded)) == repr(cbor2.loads(encoded))


@given(st.binary(max_size=60))
def test_whatever_bytes_are_claims_or_malformed(data: bytes) -> None:
    """The quick way and the slow one agree on bytes that nobody encoded."""
    try:
        cbor.scan(data, hcert._GRAMMAR)
        allowed = True
    except MalformedError:
        allowed = False
    try:
        hcert._decode(data)
    except MalformedError:
        return
    assert allowed


@given(st.binary(max_size=200))
def test_whatever_bytes_are_refused(data: bytes) -> None:
    """As compressed bytes, as an envelope, as claims: a refusal and nothing else."""
    for text in (health.hc1(data), health.hc1(zlib.compress(data)), health_text(data)):
        assert judge(text).outcome is Outcome.DENY


@given(st.text(max_size=200))
def test_whatever_text_is_refused(text: str) -> None:
    """Any characters after the prefix."""
    assert judge("HC1:" + text).outcome is Outcome.DENY
