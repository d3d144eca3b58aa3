"""Persons by pseudonymous reference: what stands for somebody outside is hashed on arrival.

A reference (a number of the city's register, say) is a secret of its person. It is normalised, so
that two spellings of one number are one person, hashed under the reference key, and never kept,
logged or given back. Without the key a stolen store does not say who is in it; numbers of a
register can be counted through, so the key is what protects them (docs/issuing.md).
"""

import hashlib
import hmac
import unicodedata
from typing import Final

from verifier.contract.errors import MalformedError

REFERENCE_KEY_BYTES: Final = 32
"""Bytes: the block of the hash's own security, as the other random keys of the house."""
DIGEST_BYTES: Final = 16
"""Bytes of a digest: the store keeps 82 bits of it, no two alike among 18.7 million persons."""
MIN_REFERENCE: Final = 4
"""Characters: fewer are a typing error, not a number of any register."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co"})
MAX_REFERENCE: Final = 128
"""Characters, before and after normalising: the longest identifiers in use have some 40."""


def normalise(reference: str) -> str:
    """Write a reference in its one form: NFKC, without spaces around it, upper case.

    Raises:
        MalformedError: shorter or longer than a reference is, or with a control character in it.
    """
    if len(reference) > MAX_REFERENCE:
        raise MalformedError("longer than a reference is")
    normal = unicodedata.normalize("NFKC", reference).strip().upper()
    if not MIN_REFERENCE <= len(normal) <= MAX_REFERENCE:
        raise MalformedError("shorter or longer than a reference is")
    # What nobody sees would make two persons of one. Cn is not asked: the next Unicode has it.
    if any(unicodedata.category(character) in _UNSEEN for character in normal):
        raise MalformedError("a control character in a reference")
    return normal


class ReferenceKey:
    """The key under which references are hashed; prints as nothing."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != REFERENCE_KEY_BYTES:
            raise MalformedError("a reference key is 32 bytes")
        self._secret = secret

    def digest(self, reference: str) -> bytes:
        """Hash a reference: the first 16 bytes of HMAC-SHA256 over its normal form in UTF-8.

        Raises:
            MalformedError: it is no reference; what it is, is not said.
        """
        message = normalise(reference).encode()
        return hmac.digest(self._secret, message, hashlib.sha256)[:DIGEST_BYTES]

    def __repr__(self) -> str:
        return "ReferenceKey(…)"
