"""Public keys: loading, kids, verifying; and the key ring that codes are checked against.

Only this file of the core touches public-key cryptography. A signature that does not hold, of the
wrong length, or under the wrong kind of key is False, never an exception.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from verifier.contract.cbor import encode
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_P256: Final = ec.SECP256R1()
_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
MIN_RSA_BITS: Final = 2048
"""hcert-spec 1.0.8 section 3.3.2."""
MAX_RSA_BITS: Final = 4096
"""A larger modulus only costs time."""
MAX_KEYS_OF_A_KID: Final = 8
"""Different keys under one kid of a trust bundle. Each costs a forged code one verification, 0.1
to 0.2 ms; the lists that countries publish have one key a kid, rarely two."""


class VerifyKey(Protocol):
    """A public key bound to one algorithm."""

    algorithm: Algorithm

    @property
    def kid(self) -> bytes:
        """First 8 bytes of the key's RFC 9679 thumbprint."""

    @property
    def thumbprint(self) -> bytes:
        """The RFC 9679 thumbprint, 32 bytes: which key it is, whatever kid it is named by."""

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature holds over the message."""


class Es256Key:
    """ECDSA on P-256 with SHA-256; signatures are r then s, 32 bytes each."""

    __slots__ = ("_public",)
    algorithm = Algorithm.ES256

    def __init__(self, public: ec.EllipticCurvePublicKey) -> None:
        if not isinstance(public.curve, ec.SECP256R1):
            raise MalformedError("ES256 is bound to P-256")
        self._public = public

    @property
    def kid(self) -> bytes:
        """First 8 bytes of the key's RFC 9679 thumbprint."""
        return kid_of(self._public)

    @property
    def thumbprint(self) -> bytes:
        """The RFC 9679 thumbprint, 32 bytes."""
        return thumbprint(self._public)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature holds; DER and over-long forms do not."""
        if len(signature) != 64:
            return False
        der = encode_dss_signature(
            int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        )
        try:
            self._public.verify(der, message, _ECDSA_SHA256)
        except InvalidSignature:
            return False
        return True


class EdDsaKey:
    """Ed25519 (RFC 8032)."""

    __slots__ = ("_public",)
    algorithm = Algorithm.EDDSA

    def __init__(self, public: ed25519.Ed25519PublicKey) -> None:
        self._public = public

    @property
    def kid(self) -> bytes:
        """First 8 bytes of the key's RFC 9679 thumbprint."""
        return kid_of(self._public)

    @property
    def thumbprint(self) -> bytes:
        """The RFC 9679 thumbprint, 32 bytes."""
        return thumbprint(self._public)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature holds."""
        try:
            self._public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Ps256Key:
    """RSASSA-PSS with SHA-256, MGF1 of SHA-256, salt of 32 bytes (RFC 8230)."""

    __slots__ = ("_public",)
    algorithm = Algorithm.PS256

    def __init__(self, public: rsa.RSAPublicKey) -> None:
        if not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
            raise MalformedError("an RSA key of a size that is not allowed")
        self._public = public

    @property
    def kid(self) -> bytes:
        """First 8 bytes of the key's RFC 9679 thumbprint."""
        return kid_of(self._public)

    @property
    def thumbprint(self) -> bytes:
        """The RFC 9679 thumbprint, 32 bytes."""
        return thumbprint(self._public)

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Say whether the signature holds."""
        try:
            self._public.verify(signature, message, _PSS, hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def bind(public: object) -> VerifyKey:
    """Bind a public key to the one algorithm that its kind may use here.

    Raises:
        MalformedError: a kind, curve or size that is not allowed.
    """
    if isinstance(public, ec.EllipticCurvePublicKey):
        return Es256Key(public)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return EdDsaKey(public)
    if isinstance(public, rsa.RSAPublicKey):
        return Ps256Key(public)
    raise MalformedError("a key of a kind that is not allowed")


def load_public(der: bytes) -> PublicKey:
    """Load a SubjectPublicKeyInfo (DER) of any curve and size.

    Raises:
        MalformedError: not a key, or one of a kind that is not known.
    """
    try:
        public = load_der_public_key(der)
    except Exception as error:
        raise MalformedError("not a public key") from error
    if isinstance(public, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return public
    raise MalformedError("a key of a kind that is not known")


def load_spki(der: bytes) -> tuple[PublicKey, VerifyKey]:
    """Load a SubjectPublicKeyInfo (DER) whose key may sign here.

    Raises:
        MalformedError: not a key, or one that is not allowed.
    """
    public = load_public(der)
    return public, bind(public)


def spki_of(public: PublicKey) -> bytes:
    """Write a public key as SubjectPublicKeyInfo (DER)."""
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def load_p256(x: bytes, *, odd: bool) -> VerifyKey:
    """Load a compressed P-256 point: 32 bytes of x, and whether y is odd.

    Raises:
        MalformedError: no point of the curve has this x.
    """
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(
            _P256, (b"\x03" if odd else b"\x02") + x
        )
    except ValueError as error:
        raise MalformedError("not a point of P-256") from error
    return Es256Key(public)


def load_ed25519(x: bytes) -> VerifyKey:
    """Load 32 bytes of an Ed25519 public key."""
    try:
        return EdDsaKey(ed25519.Ed25519PublicKey.from_public_bytes(x))
    except ValueError as error:
        raise MalformedError("not an Ed25519 key") from error


def thumbprint(public: PublicKey) -> bytes:
    """Return the SHA-256 COSE Key Thumbprint (RFC 9679), 32 bytes; kid is its first 8."""
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        size = (public.curve.key_size + 7) // 8
        x, y = numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big")
        required: dict[int, int | bytes] = {1: 2, -1: 1, -2: x, -3: y}
    elif isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        required = {1: 1, -1: 6, -2: raw}
    else:
        rsa_numbers = public.public_numbers()
        modulus = rsa_numbers.n.to_bytes((rsa_numbers.n.bit_length() + 7) // 8, "big")
        exponent = rsa_numbers.e.to_bytes((rsa_numbers.e.bit_length() + 7) // 8, "big")
        required = {1: 3, -1: modulus, -2: exponent}
    return hashlib.sha256(encode(required)).digest()


def thumbprint_of_spki(der: bytes) -> bytes:
    """Return the thumbprint of a SubjectPublicKeyInfo (DER), 32 bytes.

    Raises:
        MalformedError: not a key, or one of a kind that is not known.
    """
    return thumbprint(load_public(der))


def kid_of(public: PublicKey) -> bytes:
    """Return the kid of a key: the first 8 bytes of its thumbprint."""
    return thumbprint(public)[:8]


_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
COUNTRY_NAMES: Final = {"EL": "GR", "UK": "GB"}
"""The EU's own names of countries to those of ISO 3166-1: both are in use for one country."""


def country_name(stated: object) -> str | None:
    """Return the country that a list of signers states, by its name of ISO 3166-1; None: none."""
    if not isinstance(stated, str) or _COUNTRY.fullmatch(stated.upper()) is None:
        return None
    return COUNTRY_NAMES.get(stated.upper(), stated.upper())


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key and what it may sign; None and empty mean what their line says."""

    kid: bytes | str
    key: VerifyKey
    uses: frozenset[str]
    """credential, status, roster, grant, operator; of the HC1 uses (`CertificateUse`) none: any
    of them."""
    not_before: float
    not_after: float
    """Seconds; the key counts while not_before <= now <= not_after."""
    issuer: str | None
    """An `iss` it may sign for. None: any: conformance runs, and signers of certificates whose
    list states no country."""
    lists: frozenset[int] | None
    """Status lists it may name; None: any."""
    sectors: frozenset[int] | None
    """Sectors it may put into a code; None: any."""
    formats: frozenset[str]
    more_issuers: frozenset[str] = frozenset()
    """Further ones beside `issuer`: a key may be published by many issuers."""
    issuing: tuple[float, float] | None = None
    """Seconds, both included: when the codes that count were issued. None: at any time."""

    def signs_for(self, issuer: str | None) -> bool:
        """Say whether it may sign for an issuer; of a country any of its names counts."""
        if self.issuer is None or issuer == self.issuer:
            return True
        if issuer is None:
            return False
        name = COUNTRY_NAMES.get(issuer, issuer)
        return name == self.issuer or name in self.more_issuers

    def issued_in_time(self, issued: float | None) -> bool:
        """Say whether what was issued then (Unix seconds; None: it does not say) counts."""
        if self.issuing is None or issued is None:
            return True
        return self.issuing[0] <= issued <= self.issuing[1]


class KeyRing:
    """Trusted keys by kid; several keys may share one.

    Entries of one key that differ in nothing but their issuer are one `TrustedKey`. Those that
    differ in more stand side by side and share one `VerifyKey`, so that whoever tries all of them
    verifies once for each key.
    """

    __slots__ = ("_by_kid",)

    def __init__(self, keys: tuple[TrustedKey, ...]) -> None:
        by_kid: dict[bytes | str, list[TrustedKey]] = {}
        for key in keys:
            by_kid.setdefault(key.kid, []).append(key)
        self._by_kid = {
            kid: _joined(named) if len(named) > 1 else (named[0],) for kid, named in by_kid.items()
        }

    def find(self, kid: bytes | str) -> tuple[TrustedKey, ...]:
        """Return all keys of a kid; none is an answer."""
        return self._by_kid.get(kid, ())

    def kids(self) -> tuple[bytes | str, ...]:
        """Return every kid that has a key."""
        return tuple(self._by_kid)

    def keys(self) -> Iterator[TrustedKey]:
        """Yield every key, under each of its kids."""
        for named in self._by_kid.values():
            yield from named

    def __len__(self) -> int:
        return sum(map(len, self._by_kid.values()))


class KidBound:
    """Counts the different keys of each kid, so that no more stand under it than are tried."""

    def __init__(self) -> None:
        self._keys: dict[bytes, set[bytes]] = {}

    def add(self, kid: bytes, key: bytes) -> None:
        """Count a key, by whatever tells it from others.

        Raises:
            MalformedError: its kid has MAX_KEYS_OF_A_KID other keys.
        """
        keys = self._keys.setdefault(kid, set())
        if key not in keys and len(keys) >= MAX_KEYS_OF_A_KID:
            raise MalformedError(f"its kid has {MAX_KEYS_OF_A_KID} other keys; no more are tried")
        keys.add(key)


def keys_in(named: Iterable[TrustedKey]) -> int:
    """Count the different keys among those of one kid."""
    return len({id(key.key) for key in named})


def _joined(named: Sequence[TrustedKey]) -> tuple[TrustedKey, ...]:
    """Join what differs in its issuer alone; put what is of one key side by side."""
    shared: dict[bytes, VerifyKey] = {}
    groups: dict[bytes, dict[TrustedKey, list[TrustedKey]]] = {}
    for each in named:
        thumbprint = each.key.thumbprint
        key = replace(each, key=shared.setdefault(thumbprint, each.key))
        alike = replace(key, issuer=None, more_issuers=frozenset())
        groups.setdefault(thumbprint, {}).setdefault(alike, []).append(key)
    return tuple(_one(alike) for group in groups.values() for alike in group.values())


def _one(alike: Sequence[TrustedKey]) -> TrustedKey:
    """Return the key that signs for every issuer of these."""
    first = alike[0]
    if len(alike) == 1:
        return first
    if any(key.issuer is None for key in alike):
        return replace(first, issuer=None, more_issuers=frozenset())
    issuers = {key.issuer for key in alike if key.issuer is not None}
    issuers.update(*(key.more_issuers for key in alike))
    return replace(first, more_issuers=frozenset(issuers) - {first.issuer})
