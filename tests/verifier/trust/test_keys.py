"""Keys: what may be loaded, kids, and signatures that hold or do not; never an exception."""

import hashlib

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, padding, rsa, x25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.support.keys import ISSUER, ISSUER_ED, P256_ORDER, PHONE, STRANGER, other_half
from tests.support.publisher import NOW
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.trust.keys import (
    KeyRing,
    TrustedKey,
    bind,
    kid_of,
    load_ed25519,
    load_p256,
    load_spki,
    thumbprint,
)

MESSAGE = b"message"
_, P256_KEY = load_spki(ISSUER.spki)
_, ED_KEY = load_spki(ISSUER_ED.spki)


def spki(public: ec.EllipticCurvePublicKey) -> bytes:
    """Write a public key as DER."""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_signatures_hold() -> None:
    """Of both algorithms, over the message and no other."""
    for key, signer in ((P256_KEY, ISSUER), (ED_KEY, ISSUER_ED)):
        signature = signer.sign(MESSAGE)
        assert key.verify(MESSAGE, signature)
        assert not key.verify(MESSAGE + b".", signature)
        assert not key.verify(MESSAGE, signature[:-1])
        assert not key.verify(MESSAGE, signature + b"\x00")
        assert not key.verify(MESSAGE, b"")


def test_both_halves_of_an_ecdsa_signature_hold() -> None:
    """ECDSA is malleable; that is why nothing is ever named by a signature."""
    signature = ISSUER.sign(MESSAGE)
    assert other_half(signature) != signature
    assert P256_KEY.verify(MESSAGE, other_half(signature))


@given(st.binary(max_size=80))
def test_any_bytes_are_no_signature(signature: bytes) -> None:
    """False, never an exception."""
    assert not P256_KEY.verify(MESSAGE, signature)
    assert not ED_KEY.verify(MESSAGE, signature)


@pytest.mark.parametrize("r", [0, 1, P256_ORDER, P256_ORDER + 1, (1 << 256) - 1])
@pytest.mark.parametrize("s", [0, 1, P256_ORDER, (1 << 256) - 1])
def test_numbers_out_of_range_do_not_hold(r: int, s: int) -> None:
    """Zero, the order, past the order."""
    assert not P256_KEY.verify(MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_rsa_pss() -> None:
    """PS256 with a salt of 32 bytes; another salt or PKCS #1 does not hold."""
    private = rsa.generate_private_key(65_537, 2048)
    key = bind(private.public_key())
    assert key.algorithm is Algorithm.PS256

    def sign(salt: int) -> bytes:
        scheme = padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=salt)
        return private.sign(MESSAGE, scheme, SHA256())

    assert key.verify(MESSAGE, sign(32))
    assert not key.verify(MESSAGE, sign(20))
    assert not key.verify(MESSAGE, private.sign(MESSAGE, padding.PKCS1v15(), SHA256()))


def test_kinds_that_are_not_allowed() -> None:
    """P-384, P-256K, Ed448, X25519, short RSA, bytes."""
    for public in (
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ec.generate_private_key(ec.SECP256K1()).public_key(),
        ed448.Ed448PrivateKey.generate().public_key(),
        x25519.X25519PrivateKey.generate().public_key(),
        rsa.generate_private_key(65_537, 1024).public_key(),  # noqa: S505 - refused for it
        b"key",
    ):
        with pytest.raises(MalformedError):
            bind(public)
    with pytest.raises(MalformedError):
        load_spki(spki(ec.generate_private_key(ec.SECP384R1()).public_key()))


@given(st.binary(max_size=100))
def test_any_bytes_are_no_key(data: bytes) -> None:
    """The refusal, whatever the bytes; a point of the curve is one x in two."""
    with pytest.raises(MalformedError):
        load_spki(data)
    try:
        key = load_p256(data, odd=True)
    except MalformedError:
        return
    assert len(data) == 32
    assert key.algorithm is Algorithm.ES256


def test_compressed_points_are_the_same_key() -> None:
    """What a cnf claim carries verifies what the phone signs."""
    confirmation = PHONE.confirmation
    key = load_p256(bytes(confirmation[-2]), odd=bool(confirmation[-3]))
    other = load_p256(bytes(confirmation[-2]), odd=not confirmation[-3])
    signature = PHONE.sign(MESSAGE)
    assert key.verify(MESSAGE, signature)
    assert not other.verify(MESSAGE, signature)
    for wrong in (b"", bytes(31), bytes(33)):
        with pytest.raises(MalformedError):
            load_ed25519(wrong)


def test_kids_are_thumbprints() -> None:
    """RFC 9679: SHA-256 over the required members of the COSE_Key, deterministic."""
    public, _ = load_spki(ISSUER.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    numbers = public.public_numbers()
    x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
    expected = hashlib.sha256(cbor2.dumps({1: 2, -1: 1, -2: x, -3: y})).digest()
    assert thumbprint(public) == expected
    assert ISSUER.kid == kid_of(public) == expected[:8]


def test_the_thumbprint_of_rfc_9679() -> None:
    """Section 6: the example key and its thumbprint."""
    numbers = ec.EllipticCurvePublicNumbers(
        x=int("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d", 16),
        y=int("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c", 16),
        curve=ec.SECP256R1(),
    )
    expected = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
    assert thumbprint(numbers.public_key()).hex() == expected


def test_a_ring_finds_all_keys_of_a_kid() -> None:
    """Two keys share one kid; an unknown kid finds none."""
    keys = tuple(
        TrustedKey(
            kid=b"shared..", key=load_spki(signer.spki)[1], uses=frozenset(), not_before=NOW,
            not_after=NOW, issuer=None, lists=None, sectors=None, formats=frozenset(),
        )
        for signer in (ISSUER, STRANGER)
    )  # fmt: skip
    ring = KeyRing(keys)
    assert ring.find(b"shared..") == keys
    assert ring.find(b"unknown.") == ()
    assert len(ring) == 2
