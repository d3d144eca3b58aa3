"""Private keys: made, loaded, signing the same every time where that is wanted."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.keys import ISSUER, ISSUER_ED, key
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.issuing.signing_key import from_secret, generate, load
from verifier.trust.keys import load_spki


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.EDDSA])
def test_a_new_key_signs_what_its_public_half_verifies(algorithm: Algorithm) -> None:
    """Through a PEM and back; 64 bytes either way."""
    made = load(generate(algorithm).to_pem())
    _, public = load_spki(made.spki)
    signature = made.sign(b"message")
    assert made.algorithm is public.algorithm is algorithm
    assert len(signature) == 64
    assert public.verify(b"message", signature)


def test_vectors_come_out_the_same_every_time() -> None:
    """RFC 6979 for ECDSA; a generated key signs otherwise each time."""
    assert ISSUER.sign(b"m") == key("issuer").sign(b"m")
    fresh = generate()
    assert fresh.sign(b"m") != fresh.sign(b"m")
    assert from_secret(bytes(31) + b"\x01").kid != ISSUER.kid


def test_a_key_prints_as_its_kid() -> None:
    """Nothing of the secret is in a repr."""
    assert repr(ISSUER) == f"SigningKey({ISSUER.kid.hex()})"
    assert repr(ISSUER_ED) == f"SigningKey({ISSUER_ED.kid.hex()})"


def test_what_is_no_key_of_ours() -> None:
    """Another curve, RSA, no key at all, RSA to be made."""
    for private in (
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(65_537, 2048),
    ):
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(MalformedError):
            load(pem)
    with pytest.raises(MalformedError):
        load(b"no key")
    with pytest.raises(MalformedError):
        generate(Algorithm.PS256)
