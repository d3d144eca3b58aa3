"""Public keys as JSON Web Keys (RFC 7517), by the rules of SMART Health Cards (framework 1.4).

A key set is written by an issuer and read by strangers: a private member in it is refused, never
used. `use`, `key_ops` and `alg` may be missing; where they stand they must fit.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import base64url, unbase64url
from verifier.trust.certificates import Certificate, read_certificate
from verifier.trust.keys import PublicKey

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MAX_MEMBER_CHARS: Final = 1024
"""Characters of a number; an RSA modulus of 4,096 bits takes 683."""
_ALGORITHMS: Final = {"EC": ("ES256",), "OKP": ("EdDSA", "Ed25519"), "RSA": ("PS256",)}
_VERIFIES: Final = ["verify"]
_CURVES: Final = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}


class PrivateKeyError(MalformedError):
    """A private key stands where public ones are expected."""


class JsonWebKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key read from JSON."""

    public: PublicKey
    thumbprint: str
    """RFC 7638, base64url: the kid of health cards."""
    fits: bool
    """False: it says of itself that it is for something else, or its certificate is another's."""
    named: bool
    """False: it calls itself by another kid than its thumbprint, so no health card may name it."""
    issuer: str | None
    """The address its certificate names; None: it has no certificate."""


def read_jwk(values: Mapping[str, Any]) -> JsonWebKey:
    """Read a public key.

    Raises:
        PrivateKeyError: it has private members.
        MalformedError: not a public key.
    """
    if values.keys() & PRIVATE_MEMBERS:
        raise PrivateKeyError("a private key")
    public, required = _public(values)
    canonical = msgspec.json.encode(required, order="sorted")
    thumbprint = base64url(hashlib.sha256(canonical).digest())
    certificate = _certificate(values)
    addresses = () if certificate is None else certificate.addresses
    return JsonWebKey(
        public=public,
        thumbprint=thumbprint,
        fits=values.get("use", "sig") == "sig"
        and _verifies(values.get("key_ops", _VERIFIES))
        and values.get("alg", _ALGORITHMS[required["kty"]][0]) in _ALGORITHMS[required["kty"]]
        and (certificate is None or (certificate.public == public and len(addresses) == 1)),
        named=values.get("kid", thumbprint) == thumbprint,
        issuer=addresses[0] if addresses else None,
    )


def _verifies(operations: Any) -> bool:
    """Say whether `key_ops` (RFC 7517 section 4.3) lets a key verify signatures."""
    return isinstance(operations, list) and "verify" in operations


def thumbprint_of(public: PublicKey) -> str:
    """Return the RFC 7638 thumbprint of a key, base64url."""
    return base64url(
        hashlib.sha256(msgspec.json.encode(_required(public), order="sorted")).digest()
    )


def _required(public: PublicKey) -> dict[str, str]:
    """Return the members that a thumbprint is made over (RFC 7638 section 3.2, RFC 8037)."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        point, size = public.public_numbers(), (public.curve.key_size + 7) // 8
        curve = next((n for n, c in _CURVES.items() if c.name == public.curve.name), "")
        x, y = point.x.to_bytes(size, "big"), point.y.to_bytes(size, "big")
        return {"kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y)}
    if isinstance(public, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(public.public_bytes_raw())}
    numbers = public.public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _public(values: Mapping[str, Any]) -> tuple[PublicKey, dict[str, str]]:
    kind = values.get("kty")
    try:
        if kind == "EC":
            public: PublicKey = _point(values)
        elif kind == "OKP" and values.get("crv") == "Ed25519":
            public = ed25519.Ed25519PublicKey.from_public_bytes(_bytes(values, "x"))
        elif kind == "RSA":
            modulus, exponent = (int.from_bytes(_bytes(values, n), "big") for n in ("n", "e"))
            public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
        else:
            raise MalformedError("a key of a type or curve that is not known")
    except ValueError as error:
        raise MalformedError("not a public key") from error
    return public, _required(public)


def _point(values: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    curve = _CURVES.get(str(values.get("crv")))
    if curve is None:
        raise MalformedError("a curve that is not known")
    x, y = _bytes(values, "x"), _bytes(values, "y")
    size = (curve.key_size + 7) // 8
    if len(x) != size or len(y) != size:
        raise MalformedError("a coordinate of another length than the curve's")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _bytes(values: Mapping[str, Any], name: str) -> bytes:
    member = values.get(name)
    if not isinstance(member, str) or len(member) > MAX_MEMBER_CHARS:
        raise MalformedError("a member that is missing, not text, or too long")
    return unbase64url(member)


def _certificate(values: Mapping[str, Any]) -> Certificate | None:
    """Read the leaf of `x5c`; the chain behind it is not looked at."""
    if "x5c" not in values:
        return None
    chain = values["x5c"]
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        raise MalformedError("not a chain of certificates")
    try:
        der = base64.b64decode(chain[0], validate=True)
    except ValueError as error:  # another alphabet, or no ASCII at all
        raise MalformedError("not base64") from error
    return read_certificate(der)
