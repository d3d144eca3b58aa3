"""X.509 leaf certificates (RFC 5280) as lists of signers carry them: key, window, uses, names.

A certificate is a container here, never an authority: who put it on a list decided, and no chain
is checked. Real signers' certificates break DER in their extensions (a default value written out,
an empty list of uses), which must not stop the signatures under their keys; so the few members
that count are found by a walk over the outer structure, and only the key goes to the library.
Extensions that even this walk cannot read say nothing: the certificate is taken as not bound.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse
from verifier.trust.keys import PublicKey, load_public

MAX_CERTIFICATE_BYTES: Final = 16 * 1024
"""Bytes; signers' certificates take 400 to 2,000."""

_SEQUENCE, _OID, _OCTETS, _UTC_TIME, _GENERAL_TIME = 0x30, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS, _URI = 0xA0, 0xA3, 0x86
_EXTENDED_KEY_USAGE: Final = bytes.fromhex("551d25")
_ALTERNATIVE_NAME: Final = bytes.fromhex("551d11")
_COUNTRY: Final = bytes.fromhex("550406")
_COMMON_NAME: Final = bytes.fromhex("550403")
_SET: Final = 0x31
MAX_NAME_CHARS: Final = 80
"""Characters of a name that is shown; a common name has at most 64."""
# 1.3.6.1.4.1.1847.2021.1 and, from before the number was assigned, 1.3.6.1.4.1.0.1847.2021.1.
_HEALTH: Final = (bytes.fromhex("2b060104018e378f6501"), bytes.fromhex("2b06010401008e378f6501"))
_USES: Final = {
    arc + bytes((number,)): use
    for arc in _HEALTH
    for number, use in (
        (1, CertificateUse.TEST),
        (2, CertificateUse.VACCINATION),
        (3, CertificateUse.RECOVERY),
    )
}
_REST: Final = rb"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})?Z"
_TIMES: Final = {
    _UTC_TIME: re.compile(rb"([0-9]{2})" + _REST),
    _GENERAL_TIME: re.compile(rb"([0-9]{4})" + _REST),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What counts of a certificate."""

    kid: bytes
    """SHA-256 of the certificate, first 8 bytes (hcert-spec section 4.3)."""
    public: PublicKey
    not_before: float
    not_after: float
    """Unix seconds; it counts while not_before <= now <= not_after."""
    uses: frozenset[CertificateUse]
    """Kinds of health certificate it is bound to; none: not bound (hcert-spec appendix A.4)."""
    addresses: tuple[str, ...]
    """URIs among its alternative names."""
    name: str
    """Country and common name of its subject, for people; empty where they cannot be read."""


def read_certificate(der: bytes) -> Certificate:
    """Read a certificate; its own signature is not checked.

    Raises:
        MalformedError: not a certificate, or without a readable key or window.
    """
    if len(der) > MAX_CERTIFICATE_BYTES:
        raise MalformedError("longer than any certificate")
    signed = _members(_whole(der, _SEQUENCE))
    parts = _members(_of(signed, 0, _SEQUENCE))
    if parts and parts[0][0] == _VERSION:
        parts = parts[1:]
    window = _members(_of(parts, 3, _SEQUENCE))
    if len(window) != 2:
        raise MalformedError("a window without an end")
    uses, addresses = _extensions(parts[6:])
    return Certificate(
        kid=hashlib.sha256(der).digest()[:8],
        public=load_public(_whole_of(parts, 5)),
        not_before=_time(*window[0]),
        not_after=_time(*window[1]),
        uses=uses,
        addresses=addresses,
        name=_name(parts),
    )


Member = tuple[int, bytes]
"""Tag and content of an element."""


def _elements(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Walk elements side by side: tag, where it starts, where its content starts and ends."""
    position = 0
    while position < len(data):
        start = position
        tag = data[position]
        first = data[position + 1] if position + 1 < len(data) else 0x80
        position += 2
        length = first
        if first > 0x82 or first == 0x80 or tag & 31 == 31:
            raise MalformedError("not the DER of a certificate")
        if first > 0x80:
            size = first - 0x80
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        end = position + length
        if end > len(data):
            raise MalformedError("DER cut short")
        yield tag, start, position, end
        position = end


def _members(data: bytes) -> list[Member]:
    return [(tag, data[start:end]) for tag, _, start, end in _elements(data)]


def _whole(data: bytes, tag: int) -> bytes:
    """Return the content of the one element that fills `data`."""
    members = _members(data)
    if len(members) != 1:
        raise MalformedError("not one element")
    return _of(members, 0, tag)


def _of(members: list[Member], number: int, tag: int) -> bytes:
    if number >= len(members) or members[number][0] != tag:
        raise MalformedError("a member that is missing or of another type")
    return members[number][1]


def _whole_of(members: list[Member], number: int) -> bytes:
    """Return a sequence with its head."""
    content = _of(members, number, _SEQUENCE)
    length = len(content)
    size = b"" if length < 0x80 else length.to_bytes(1 if length < 0x100 else 2, "big")
    head = bytes((_SEQUENCE, 0x80 | len(size) if size else length))
    return head + size + content


def _time(tag: int, content: bytes) -> float:
    """Read UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5), seconds optional."""
    found = _TIMES[tag].fullmatch(content) if tag in _TIMES else None
    if found is None:
        raise MalformedError("not a time")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    if tag == _UTC_TIME:
        year += 2000 if year < 50 else 1900
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise MalformedError("not a time") from error


def _name(parts: list[Member]) -> str:
    """Read the subject's country and common name; what cannot be read is left out."""
    found: dict[bytes, str] = {}
    try:
        for tag, names in _members(_of(parts, 4, _SEQUENCE)):
            for _, attribute in _members(names) if tag == _SET else ():
                members = _members(attribute)
                found[_of(members, 0, _OID)] = members[-1][1].decode("utf-8", "replace")
    except MalformedError:
        return ""
    name = " ".join(found[oid] for oid in (_COUNTRY, _COMMON_NAME) if oid in found)
    return "".join(c if c.isprintable() else "?" for c in name)[:MAX_NAME_CHARS]


def _extensions(parts: list[Member]) -> tuple[frozenset[CertificateUse], tuple[str, ...]]:
    """Read which kinds of health certificate the key is bound to, and the addresses it names."""
    try:
        values = dict(_values(parts))
        uses = {_USES[i] for _, i in _sequence(values, _EXTENDED_KEY_USAGE) if i in _USES}
        names = _sequence(values, _ALTERNATIVE_NAME)
    except MalformedError:
        return frozenset(), ()
    return frozenset(uses), tuple(n.decode("ascii", "replace") for tag, n in names if tag == _URI)


def _values(parts: list[Member]) -> Iterator[tuple[bytes, bytes]]:
    """Yield identifier and value of each extension."""
    for tag, content in parts:
        if tag != _EXTENSIONS:
            continue
        for _, extension in _members(_whole(content, _SEQUENCE)):
            members = _members(extension)
            yield _of(members, 0, _OID), _of(members, len(members) - 1, _OCTETS)


def _sequence(values: dict[bytes, bytes], identifier: bytes) -> list[Member]:
    """Return the members of an extension's sequence; of one that is not there, none."""
    return _members(_whole(values[identifier], _SEQUENCE)) if identifier in values else []
