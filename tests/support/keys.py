"""Keys of the simulated city: the same every time, signing deterministically; public by design."""

import hashlib
from typing import Final

from verifier.contract.envelope import Algorithm
from verifier.issuing.signing_key import SigningKey, from_secret


def key(name: str, algorithm: Algorithm = Algorithm.ES256) -> SigningKey:
    """Make the key of a name: its secret is the SHA-256 of the name."""
    return from_secret(hashlib.sha256(name.encode()).digest(), algorithm)


ISSUER: Final = key("issuer")
ISSUER_ED: Final = key("issuer of the other algorithm", Algorithm.EDDSA)
PHONE: Final = key("phone")
PHONE_ED: Final = key("phone of the other algorithm", Algorithm.EDDSA)
STATUS: Final = key("status")
ROSTER: Final = key("roster")
GRANTS: Final = key("grants")
OPERATORS: Final = key("operators")
BUNDLE: Final = key("bundle")
ROOTS: Final = (key("root 1"), key("root 2"), key("root 3"))
NEW_ROOTS: Final = (key("root 4"), key("root 5"), key("root 6"))
STRANGER: Final = key("stranger")

P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def other_half(signature: bytes) -> bytes:
    """Turn an ECDSA signature r, s into r, n - s, which holds over the same message."""
    s = P256_ORDER - int.from_bytes(signature[32:], "big")
    return signature[:32] + s.to_bytes(32, "big")
