"""Public keys as JSON Web Keys (RFC 7517), by the rules of SMART Health Cards (framework 1.4).

A key set is written by an issuer and read by strangers: a private member in it is refused, never
used. `use`, `key_ops` and `alg` may be missing; where they stand they must fit. Numbers count, not
how they are written: real sets hold coordinates without their leading zeros, with one too many, or
padded. A certificate that is wrong costs what it would have said, never the key. A member that is
null is missing: some libraries write out whatever a key does not have.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from verifier.contract.errors import MalformedError
from verifier.encoding.strict_json import base64url
from verifier.trust.certificates import Certificate, read_certificate
from verifier.trust.keys import PublicKey

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
MAX_MEMBER_CHARS: Final = 1024
"""Characters of a number; an RSA modulus of 4,096 bits takes 683."""
THUMBPRINT_BYTES: Final = 32
"""Bytes of a thumbprint: SHA-256."""
_NUMBER: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_OTHER_ALPHABET: Final = str.maketrans("-_", "+/")
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
    stated_thumbprint: str
    """The same over the numbers as they are written, from which an issuer may have made its kid;
    mostly `thumbprint`."""
    fits: bool
    """False: it says of itself that it is for something else."""
    named: bool
    """False: it calls itself by another kid than its thumbprint, so no health card may name it."""
    certificate: Certificate | None
    """The leaf of its `x5c`; None: it has none, or one that is wrong."""
    fault: str | None
    """What is wrong with its `x5c`."""

    @property
    def issuer(self) -> str | None:
        """The address its certificate names; None: it has no certificate."""
        return None if self.certificate is None else self.certificate.addresses[0]


def read_jwk(values: Mapping[str, Any]) -> JsonWebKey:
    """Read a public key.

    Raises:
        PrivateKeyError: it has private members.
        MalformedError: not a public key.
    """
    values = {name: value for name, value in values.items() if value is not None}
    if values.keys() & PRIVATE_MEMBERS:
        raise PrivateKeyError("a private key")
    public, required = _public(values)
    thumbprint = _digest(required)
    stated = _digest({name: str(values[name]) for name in required})
    certificate, fault = _certificate(values, public)
    return JsonWebKey(
        public=public,
        thumbprint=thumbprint,
        stated_thumbprint=stated,
        fits=values.get("use", "sig") == "sig"
        and _verifies(values.get("key_ops", _VERIFIES))
        and values.get("alg", _ALGORITHMS[required["kty"]][0]) in _ALGORITHMS[required["kty"]],
        named=values.get("kid", thumbprint) in (thumbprint, stated),
        certificate=certificate,
        fault=fault,
    )


def _verifies(operations: Any) -> bool:
    """Say whether `key_ops` (RFC 7517 section 4.3) lets a key verify signatures."""
    return isinstance(operations, list) and "verify" in operations


def thumbprint_of(public: PublicKey) -> str:
    """Return the RFC 7638 thumbprint of a key, base64url."""
    return _digest(_required(public))


def kids_of_cards(stated: bytes | None, thumbprint: str) -> tuple[str, ...]:
    """Return the kids by which cards name a key: its thumbprint, and that which an entry states.

    `stated` (`KeyEntry.kid`) is one where it has the length of a thumbprint.
    """
    if stated is None or len(stated) != THUMBPRINT_BYTES:
        return (thumbprint,)
    return (thumbprint, base64url(stated))


def _digest(required: Mapping[str, str]) -> str:
    canonical = msgspec.json.encode(required, order="sorted")
    return base64url(hashlib.sha256(canonical).digest())


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
    size = (curve.key_size + 7) // 8
    x, y = (_bytes(values, name).lstrip(b"\0").rjust(size, b"\0") for name in ("x", "y"))
    if len(x) != size or len(y) != size:
        raise MalformedError("a coordinate of another length than the curve's")
    return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)


def _bytes(values: Mapping[str, Any], name: str) -> bytes:
    member = values.get(name)
    if not isinstance(member, str) or len(member) > MAX_MEMBER_CHARS:
        raise MalformedError("a member that is missing, not text, or too long")
    if _NUMBER.fullmatch(member) is None:
        raise MalformedError("a member that is not base64url")
    packed = member.rstrip("=").translate(_OTHER_ALPHABET)
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:  # an impossible length
        raise MalformedError("a member that is not base64url") from error


def _certificate(
    values: Mapping[str, Any], public: PublicKey
) -> tuple[Certificate | None, str | None]:
    """Read the leaf of `x5c`, or say what is wrong; the chain behind it is not looked at."""
    if "x5c" not in values:
        return None, None
    chain = values["x5c"]
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None, "its x5c is no chain of certificates"
    try:
        certificate = read_certificate(base64.b64decode("".join(chain[0].split()), validate=True))
    except ValueError:  # MalformedError, another alphabet, or no ASCII at all
        return None, "its x5c holds no certificate that can be read"
    if certificate.public != public:
        return None, "its certificate is of another key"
    if len(certificate.addresses) != 1:
        return None, "its certificate does not name one address"
    return certificate, None
