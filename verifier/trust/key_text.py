"""What a text in a list is: a certificate, a public key, a kid. By its form, never by its name.

Lists of different countries call the same thing by different names, in their own languages. So a
member that holds a certificate or a key is found by what it holds, and a name counts as a kid only
where it has the form of one.
"""

import base64
import re
from collections.abc import Iterable
from typing import Any, Final

from verifier.contract.errors import MalformedError
from verifier.trust.certificates import MAX_CERTIFICATE_BYTES, read_certificate
from verifier.trust.keys import load_public

MAX_KID_BYTES: Final = 64
"""Bytes of a stated kid; the specified ones have 8."""
KID_BYTES: Final = 8
"""Bytes of a kid as HCERT specifies it."""

PEM: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]{0,%d})-----END \1-----"
    % (2 * MAX_CERTIFICATE_BYTES)
)
_HEX_KID: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){8}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_OTHER_ALPHABET: Final = str.maketrans("-_", "+/")
_DER_OR_PEM: Final = ("M", "LS0t", "-----BEGIN ")
"""How a DER sequence, a PEM in base64 and a PEM begin."""
MIN_KEY_CHARS: Final = 40
"""Characters of the shortest public key in base64: Ed25519's takes 60."""


def unpacked(text: Any) -> bytes:
    """Decode base64, wrapped or not, padded or not; a PEM inside it is unwrapped.

    Raises:
        MalformedError: not text, too long, or no base64.
    """
    if not isinstance(text, str) or len(text) > 4 * MAX_CERTIFICATE_BYTES:
        raise MalformedError("neither a certificate nor a key in base64")
    block = PEM.search(text.encode("utf-8", "replace"))
    data = _decoded(block[2].decode() if block else text)
    inner = PEM.search(data)
    return _decoded(inner[2].decode()) if inner else data


def _decoded(text: str) -> bytes:
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError as error:
        raise MalformedError("not base64") from error


def read_kid(stated: Any, computed: bytes | None) -> bytes:
    """Read a kid in hex or base64; which of them it is shows by what the certificate's is.

    Raises:
        MalformedError: not a kid.
    """
    if not isinstance(stated, str) or not stated:
        raise MalformedError("a kid that is not text")
    if (computed is not None and stated.lower() == computed.hex()) or _HEX_KID.fullmatch(stated):
        return bytes.fromhex(stated)
    kid = unpacked(stated.translate(_OTHER_ALPHABET))
    if not 1 <= len(kid) <= MAX_KID_BYTES:
        raise MalformedError("a kid of no possible length")
    return kid


def kids_among(names: Iterable[str]) -> frozenset[str]:
    """Return the names that are kids: hex, or base64 that no word looks like.

    Padded base64 and 16 digits of hex are kids. Base64 without padding may be a word too. Of 8
    bytes it is a kid where it, or a name beside it, is none; of other lengths where a name beside
    it is a kid, and it has digits among capital letters.
    """
    listed = tuple(names)
    bare = {name for name in listed if not name.endswith("=") and _decoded_kid(name)}
    of_kid = {name for name in bare if len(_decoded_kid(name)) == KID_BYTES}
    kids = {name for name in listed if _HEX_KID.fullmatch(name) or _is_padded(name)}
    if kids or any(_is_no_word(name) and not name.isupper() for name in of_kid):
        kids |= of_kid | {name for name in bare if _is_no_word(name)}
    return frozenset(kids)


def looks_like_kid(text: Any) -> bool:
    """Say whether the text of a member is a kid of the specified length in padded base64."""
    return isinstance(text, str) and _is_padded(text) and len(_decoded_kid(text)) == KID_BYTES


def _is_padded(name: str) -> bool:
    return (
        name.endswith("=") and len(name) % 4 == 0 and 1 <= len(_decoded_kid(name)) <= MAX_KID_BYTES
    )


def _is_no_word(name: str) -> bool:
    """Say whether capital letters stand in it, and something that is no letter."""
    return any(c.isupper() for c in name) and not name.isalpha()


def _decoded_kid(name: str) -> bytes:
    """Decode base64 of either alphabet in its one spelling; of anything else nothing."""
    if len(name) > 2 * MAX_KID_BYTES or _BASE64.fullmatch(name) is None:
        return b""
    packed = name.rstrip("=").translate(_OTHER_ALPHABET)
    try:
        data = base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except ValueError:
        return b""
    return data if base64.b64encode(data).decode().rstrip("=") == packed else b""


def is_certificate(text: Any) -> bool:
    """Say whether a text holds a certificate that can be read."""
    try:
        read_certificate(_key_bytes(text))
    except MalformedError:
        return False
    return True


def is_key(text: Any) -> bool:
    """Say whether a text holds a SubjectPublicKeyInfo."""
    try:
        load_public(_key_bytes(text))
    except MalformedError:
        return False
    return True


def is_key_of(key: str, certificate: str) -> bool:
    """Say whether a text that is a key is the one of a text that is a certificate."""
    return load_public(_key_bytes(key)) == read_certificate(_key_bytes(certificate)).public


def has_kid(certificate: str, stated: Any) -> bool:
    """Say whether a text that is a certificate has a stated kid by its own digest."""
    own = read_certificate(_key_bytes(certificate)).kid
    try:
        return read_kid(stated, own) == own
    except MalformedError:
        return False


def _key_bytes(text: Any) -> bytes:
    if not isinstance(text, str) or len(text) < MIN_KEY_CHARS:
        raise MalformedError("too short for a key")
    if not text.lstrip().startswith(_DER_OR_PEM):
        raise MalformedError("neither DER nor PEM")
    return unpacked(text)
