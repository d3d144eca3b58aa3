"""Private keys: making, loading, signing. Held by issuers and phones, never by a gate."""

from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.trust.keys import kid_of


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its algorithm; prints as nothing but its kid."""

    _private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    deterministic: bool = False
    """ECDSA after RFC 6979; for vectors that must come out the same every time."""

    @property
    def algorithm(self) -> Algorithm:
        """ES256 or EdDSA, by the kind of key."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            return Algorithm.ES256
        return Algorithm.EDDSA

    @property
    def kid(self) -> bytes:
        """First 8 bytes of the key's RFC 9679 thumbprint."""
        return kid_of(self._private.public_key())

    @property
    def spki(self) -> bytes:
        """The public key as SubjectPublicKeyInfo DER."""
        public = self._private.public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def confirmation(self) -> dict[int, int | bytes | bool]:
        """The public key as the COSE_Key of a `cnf` claim; a P-256 point is compressed."""
        if isinstance(self._private, ec.EllipticCurvePrivateKey):
            numbers = self._private.public_key().public_numbers()
            return {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y % 2 == 1}
        raw = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {1: 1, -1: 6, -2: raw}

    def sign(self, message: bytes) -> bytes:
        """Sign a message; 64 bytes (ES256: r then s)."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(message)
        scheme = ec.ECDSA(hashes.SHA256(), deterministic_signing=self.deterministic)
        r, s = decode_dss_signature(self._private.sign(message, scheme))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def to_pem(self) -> bytes:
        """Write the key as PKCS8 PEM; for a file of mode 0600."""
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def __repr__(self) -> str:
        return f"SigningKey({self.kid.hex()})"


def generate(algorithm: Algorithm = Algorithm.ES256) -> SigningKey:
    """Make a new key from the system's randomness."""
    if algorithm is Algorithm.EDDSA:
        return SigningKey(ed25519.Ed25519PrivateKey.generate())
    if algorithm is Algorithm.ES256:
        return SigningKey(ec.generate_private_key(ec.SECP256R1()))
    raise MalformedError("keys are made for ES256 and EdDSA")


def from_secret(secret: bytes, algorithm: Algorithm = Algorithm.ES256) -> SigningKey:
    """Make a key from 32 secret bytes, signing deterministically; for vectors and tests."""
    if algorithm is Algorithm.EDDSA:
        return SigningKey(ed25519.Ed25519PrivateKey.from_private_bytes(secret))
    number = int.from_bytes(secret, "big")
    return SigningKey(ec.derive_private_key(number, ec.SECP256R1()), deterministic=True)


def load(pem: bytes) -> SigningKey:
    """Load a PKCS8 PEM.

    Raises:
        MalformedError: not a private key of a kind we sign with.
    """
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise MalformedError("not a private key") from error
    if isinstance(private, ed25519.Ed25519PrivateKey) or (
        isinstance(private, ec.EllipticCurvePrivateKey) and isinstance(private.curve, ec.SECP256R1)
    ):
        return SigningKey(private)
    raise MalformedError("not a P-256 or Ed25519 private key")
