"""COSE_Sign1 (RFC 9052) as foreign issuers write it: any header order, tagged or not.

Nothing here is verified yet, so no general decoder is used: the envelope and its two headers are
read by this small reader, which knows heads, strings, arrays and maps, takes no tag, float,
indefinite or over-long form, and stops at a fixed depth and number of items. Kapok's own codes do
not come here; their envelope is one byte pattern (`city.py`).

What counts of a header: `alg` only where it is signed, that is in the protected header; `kid` from
the protected header, else from the unprotected one; a critical header (`crit`) is never understood.
"""

from functools import lru_cache
from typing import Final, NamedTuple

from verifier.contract.envelope import byte_string_head
from verifier.contract.errors import MalformedError

ALG: Final = 1
CRIT: Final = 2
KID: Final = 4
MAX_HEADER_BYTES: Final = 4096
"""Bytes of one header; a kid and an algorithm take 14, a certificate chain some thousands."""
MAX_HEADER_DEPTH: Final = 4
"""Nesting levels: a header map holds lists of certificates, nothing deeper."""
MAX_HEADER_ITEMS: Final = 64
"""Data items of one header, all levels together."""
REMEMBERED_HEADERS: Final = 1024
"""Protected headers kept read; every code of an issuer's key has the same one."""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_SIMPLE_VALUES: Final = frozenset({20, 21, 22})
"""False, true, null."""
_TAGS: Final = (b"\xd2\x84", b"\x84", b"\xd8\x3d\xd2\x84")
"""Tag 18, none, or 61 (CWT) around 18; then the head of an array of four."""
_SIGNATURE1: Final = b"\x84\x6aSignature1"
_NO_AAD: Final = b"\x40"

Value = int | bytes | str | None
"""A header's value; lists, maps and simple values are walked over and read as None."""


class Sign1(NamedTuple):
    """The parts of a COSE_Sign1 as they stood on the wire."""

    protected: bytes
    algorithm: int | None
    """COSE algorithm number of the protected header; None: not there, or not a number."""
    kid: bytes
    """Empty: neither header has one."""
    payload: bytes
    signature: bytes


def take_apart(data: bytes) -> Sign1:
    """Read an envelope that must fill `data` exactly; verifies nothing.

    Raises:
        MalformedError: anything but a COSE_Sign1 with its payload inside.
    """
    for tags in _TAGS:
        if data.startswith(tags):
            position = len(tags)
            break
    else:
        raise MalformedError("not a COSE_Sign1")
    protected, position = _byte_string(data, position)
    algorithm, kid = _protected(protected)
    if data[position : position + 1] == b"\xa0":
        position += 1
    else:
        unprotected, position = _header(data, position)
        if kid is None:
            kid = _kid(unprotected)
    payload, position = _byte_string(data, position)
    signature, position = _byte_string(data, position)
    if position != len(data):
        raise MalformedError("bytes after the end")
    return Sign1(protected, algorithm, b"" if kid is None else kid, payload, signature)


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Return the Sig_structure (RFC 9052 section 4.4) without external data."""
    return b"".join(
        (
            _SIGNATURE1,
            byte_string_head(len(protected)),
            protected,
            _NO_AAD,
            byte_string_head(len(payload)),
            payload,
        )
    )


@lru_cache(maxsize=REMEMBERED_HEADERS)
def _protected(encoded: bytes) -> tuple[int | None, bytes | None]:
    """Return algorithm and kid of a protected header; an empty one may be an empty string."""
    if not encoded:
        return None, None
    header, end = _header(encoded, 0)
    if end != len(encoded):
        raise MalformedError("bytes after a header")
    if CRIT in header:
        raise MalformedError("a critical header that nobody here understands")
    algorithm = header.get(ALG)
    return algorithm if isinstance(algorithm, int) else None, _kid(header)


def _kid(header: dict[int | str, Value]) -> bytes | None:
    if KID not in header:
        return None
    kid = header[KID]
    if not isinstance(kid, bytes):
        raise MalformedError("a kid that is not bytes")
    return kid


def _header(data: bytes, position: int) -> tuple[dict[int | str, Value], int]:
    """Read a header map; labels are integers or texts, none twice."""
    walk = _Walk(data)
    major, pairs, position = walk.head(position)
    if major != _MAP:
        raise MalformedError("a header that is not a map")
    header: dict[int | str, Value] = {}
    for _ in range(pairs):
        label, position = walk.item(position, 1)
        if not isinstance(label, int | str) or label in header:
            raise MalformedError("a label of another type, or twice")
        header[label], position = walk.item(position, 1)
    return header, position


def _byte_string(data: bytes, position: int) -> tuple[bytes, int]:
    """Read a byte string with the shortest head; return it and where it ends."""
    head = data[position : position + 3]
    if len(head) < 2:
        raise MalformedError("cut short")
    if head[0] == 0x58 and head[1] >= 24:
        length, start = head[1], position + 2
    elif 0x40 <= head[0] <= 0x57:
        length, start = head[0] & 31, position + 1
    elif head[0] == 0x59 and head[1] and len(head) == 3:
        length, start = head[1] << 8 | head[2], position + 3
    else:
        raise MalformedError("not a byte string")
    end = start + length
    if end > len(data):
        raise MalformedError("cut short")
    return data[start:end], end


class _Walk:
    """One header's items, bounded in depth, number and bytes."""

    __slots__ = ("data", "left")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MAX_HEADER_ITEMS

    def head(self, position: int) -> tuple[int, int, int]:
        """Read a head: major type, argument, where it ends."""
        first = self.data[position : position + 1]
        if not first:
            raise MalformedError("cut short")
        major, info = first[0] >> 5, first[0] & 31
        position += 1
        if info < 24:
            return major, info, position
        if info > 26:
            raise MalformedError("longer than any header, or of indefinite length")
        size = 1 << (info - 24)
        encoded = self.data[position : position + size]
        argument = int.from_bytes(encoded, "big")
        if len(encoded) != size or argument < (24 if size == 1 else 1 << (4 * size)):
            raise MalformedError("cut short, or a longer form than needed")
        return major, argument, position + size

    def item(self, position: int, depth: int) -> tuple[Value, int]:
        """Walk one item; return its value and where it ends."""
        self.left -= 1
        if self.left < 0 or depth > MAX_HEADER_DEPTH:
            raise MalformedError("more than any header holds")
        major, argument, position = self.head(position)
        if major == _UINT:
            return argument, position
        if major == _NINT:
            return -1 - argument, position
        if major in (_BYTES, _TEXT):
            return self._string(major, argument, position)
        if major in (_ARRAY, _MAP):
            for _ in range(argument if major == _ARRAY else 2 * argument):
                _, position = self.item(position, depth + 1)
            return None, position
        if major == _SIMPLE and argument in _SIMPLE_VALUES:
            return None, position
        raise MalformedError("a tag, float or simple value in a header")

    def _string(self, major: int, length: int, position: int) -> tuple[Value, int]:
        end = position + length
        if length > MAX_HEADER_BYTES or end > len(self.data):
            raise MalformedError("cut short, or longer than any header")
        found = self.data[position:end]
        if major == _BYTES:
            return found, end
        try:
            return found.decode(), end
        except UnicodeDecodeError as error:
            raise MalformedError("text that is not UTF-8") from error
