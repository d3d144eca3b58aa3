"""JSON Web Keys: thumbprints, what they say of themselves, private members, certificates."""

import base64
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.support import health
from tests.support.health import CARDS, jwk
from tests.support.keys import ISSUER_ED, STRANGER
from verifier.contract.errors import MalformedError
from verifier.trust.jwk import PrivateKeyError, read_jwk, thumbprint_of
from verifier.trust.keys import load_public

RFC_7638: Final = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc"
    "_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"
    "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6W"
    "eZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
}


def certificate(*addresses: str, key: ec.EllipticCurvePrivateKey) -> str:
    """Make a certificate with addresses as its alternative names; base64."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an issuer")])
    start = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), 1, start, start + dt.timedelta(days=1)
    )
    if addresses:
        names = [x509.UniformResourceIdentifier(address) for address in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    der = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    return base64.b64encode(der).decode()


def private(signer: Any) -> ec.EllipticCurvePrivateKey:
    """Return the private key inside a signer."""
    found: ec.EllipticCurvePrivateKey = signer._private
    return found


def test_thumbprints() -> None:
    """The example of RFC 7638, that of RFC 8037 by its rule, and a P-256 key."""
    assert read_jwk(RFC_7638).thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert read_jwk(jwk()).thumbprint == health.thumbprint()
    assert thumbprint_of(load_public(CARDS.spki)) == health.thumbprint()
    assert len(thumbprint_of(load_public(ISSUER_ED.spki))) == 43


@pytest.mark.parametrize(
    ("changes", "fits", "named"),
    [
        ({}, True, True),
        ({"use": "sig", "alg": "ES256", "kid": health.thumbprint()}, True, True),
        ({"use": "enc"}, False, True),
        ({"alg": "ES384"}, False, True),
        ({"alg": 7}, False, True),
        ({"use": None, "alg": None, "key_ops": None, "kid": None}, True, True),
        ({"d": None, "k": None, "x5c": None}, True, True),
        ({"kid": "another"}, True, False),
        ({"crlVersion": 1, "ext": True}, True, True),
    ],
)
def test_what_a_key_says_of_itself(changes: Mapping[str, Any], *, fits: bool, named: bool) -> None:
    """Members may be missing, or null; where they stand they must fit."""
    found = read_jwk(jwk() | dict(changes))
    assert (found.fits, found.named) == (fits, named)


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_private_members(member: str) -> None:
    """Whatever else it is, a key with a private member is refused."""
    with pytest.raises(PrivateKeyError):
        read_jwk(jwk() | {member: "AA"})


WRONG: Final[dict[str, dict[str, Any]]] = {
    "empty": {},
    "symmetric": {"kty": "oct"},
    "no curve": jwk() | {"crv": None},
    "an unknown curve": jwk() | {"crv": "secp256k1"},
    "no y": {k: v for k, v in jwk().items() if k != "y"},
    "not on the curve": jwk() | {"x": jwk(STRANGER)["x"]},
    "x too short": jwk() | {"x": "AA"},
    "x too long by a byte that is no zero": jwk() | {"x": "AQ" + jwk()["x"]},
    "x padded too far": jwk() | {"x": jwk()["x"] + "==="},
    "x with a space": jwk() | {"x": jwk()["x"] + " "},
    "x of an impossible length": jwk() | {"x": jwk()["x"][:41]},
    "x is a number": jwk() | {"x": 1},
    "x too long": jwk() | {"x": "A" * 2000},
    "RSA of nothing": RFC_7638 | {"n": "AA"},
    "an even exponent": RFC_7638 | {"e": "Ag"},
    "Ed25519 too short": {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_key(name: str) -> None:
    """Malformed, and nothing else."""
    with pytest.raises(MalformedError):
        read_jwk(WRONG[name])


def test_the_certificate_of_a_key() -> None:
    """It must be of the same key and name one address, which is the issuer's."""
    found = read_jwk(jwk() | {"x5c": [certificate(health.ISSUER, key=private(CARDS))]})
    assert (found.fits, found.issuer, found.fault) == (True, health.ISSUER, None)


TWO_ADDRESSES: Final = certificate(health.ISSUER, "https://other.example", key=private(CARDS))


@pytest.mark.parametrize(
    "chain",
    [
        [certificate(key=private(CARDS))],
        [certificate(health.ISSUER, key=private(STRANGER))],
        [TWO_ADDRESSES],
        [],
        [1],
        ["AA=="],
        ["!"],
        "AA==",
    ],
)
def test_a_certificate_that_is_wrong(chain: Any) -> None:
    """It says nothing, and costs no key."""
    found = read_jwk(jwk() | {"x5c": chain})
    assert (found.fits, found.issuer, found.certificate) == (True, None, None)
    assert found.fault


def test_numbers_as_they_are_written() -> None:
    """One key, whatever its spelling; the thumbprint over the spelling is kept beside it."""
    x = jwk()["x"]
    zero = health.b64(b"\0" + CARDS._private.public_key().public_numbers().x.to_bytes(32, "big"))
    for spelling in (zero, x + "=", x.replace("-", "+").replace("_", "/")):
        found = read_jwk(jwk() | {"x": spelling})
        assert found.thumbprint == health.thumbprint()
        assert (found.stated_thumbprint == found.thumbprint) is (spelling == x)
        assert read_jwk(jwk() | {"x": spelling, "kid": found.stated_thumbprint}).named
