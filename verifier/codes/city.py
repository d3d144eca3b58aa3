"""CC1: Kapok's own code (docs/cc1.md): base45 of a COSE_Sign1, a credential or a presentation.

The grammar is closed and deterministic, so it stands here as byte patterns: what does not match is
refused, whatever a general CBOR decoder would make of it. Envelopes are matched before, claims
only after the issuer's signature holds.
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from verifier.codes.claims import Claims, GroupClaim
from verifier.contract.envelope import Algorithm, SignedUse, to_be_signed
from verifier.contract.errors import MalformedError
from verifier.contract.reasons import Reason
from verifier.contract.vocabulary import Format, Kind
from verifier.encoding import base45
from verifier.encoding.dates import MAX_SECONDS
from verifier.errors import Refusal
from verifier.trust.keys import VerifyKey, load_ed25519, load_p256

PREFIX: Final = "CC1:"
MAX_TEXT: Final = 1200
"""Characters; a group presentation with 64 members stays below 800."""

# Fragments. UINT takes the shortest form only (RFC 8949 section 4.2.1).
_UINT = (
    rb"(?:[\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00)[\x00-\xff]{2}"
    rb"|\x1a(?!\x00\x00)[\x00-\xff]{4}|\x1b(?!\x00\x00\x00\x00)[\x00-\xff]{8})"
)
_ANY = rb"[\x00-\xff]"
_LENGTH = rb"(?:[\x40-\x57]|\x58[\x18-\xff]|\x59(?!\x00)[\x00-\xff]{2})"
_KID = rb"\x04\x48(?P<kid>" + _ANY + rb"{8})"
# An algorithm that is none of ours, by the octets that it takes.
_OTHER_ALGORITHMS = {
    1: rb"[\x00-\x17\x20-\x25\x28-\x37]",
    2: rb"[\x18\x38][\x18-\xff]",
    3: rb"[\x19\x39](?!\x00)[\x00-\xff]{2}",
    5: rb"[\x1a\x3a](?!\x00\x00)[\x00-\xff]{4}",
    9: rb"[\x1b\x3b](?!\x00{4})[\x00-\xff]{8}",
}
_SIGNATURE_HEAD: Final = b"\x58\x40"
_SIGNATURE: Final = 64

# 84, protected {1: alg, 4: kid}, A0, head of the payload; payload and signature follow.
_CREDENTIAL = re.compile(
    rb"\x84\x4d(?P<protected>\xa2\x01[\x26\x27]" + _KID + rb")\xa0(?P<head>" + _LENGTH + rb")"
)
# D2 84, head of the protected header {1: alg, 13: kcwt}; the header itself follows.
_PRESENTATION = re.compile(
    rb"\xd2\x84(?P<head>\x58[\x18-\xff]|\x59(?!\x00)[\x00-\xff]{2})\xa2\x01[\x26\x27]\x0d(?=\x84)"
)
# Well formed, but signed with an algorithm that CC1 does not know.
# Of a protected header {1: alg, 4: kid} its length is that of its alg, and the kid is whole.
_UNSUPPORTED = re.compile(
    rb"\xd2\x84(?:"
    + b"|".join(
        re.escape(bytes((0x4C + octets,))) + rb"\xa2\x01" + alg + rb"\x04\x48" + _ANY + rb"{8}"
        for octets, alg in _OTHER_ALGORITHMS.items()
    )
    + rb"|"
    + _LENGTH
    + rb"\xa2\x01(?:"
    + b"|".join(_OTHER_ALGORITHMS.values())
    + rb")\x0d\x84)"
)
# After the audience: {6: iat, 7: cti}.
_PROOF_TAIL = re.compile(rb"\x06(?P<iat>" + _UINT + rb")\x07\x44" + _ANY + rb"{4}")

_KEY = (
    rb"(?:\xa4\x01\x02\x20\x01\x21\x58\x20(?P<x>" + _ANY + rb"{32})\x22(?P<odd>[\xf4\xf5])"
    rb"|\xa3\x01\x01\x20\x06\x21\x58\x20(?P<ed>" + _ANY + rb"{32}))"
)
_COSE_KEY = re.compile(_KEY)
_CLAIMS = re.compile(
    rb"(?P<head>[\xa4-\xa6])"
    rb"\x01\x66(?P<iss>[0-9]{6})"
    rb"\x04(?P<exp>" + _UINT + rb")"
    rb"(?:\x05(?P<nbf>" + _UINT + rb"))?"
    rb"\x06(?P<iat>" + _UINT + rb")"
    rb"(?P<cnf>\x08\xa1\x01" + _KEY + rb")?"
    rb"\x3a\x00\x01\x11\x70(?P<inner>[\xa2-\xa4])"
    rb"\x01(?P<kind>[\x01\x02])"
    rb"\x02(?P<indices>[\x82\x83])(?P<list>" + _UINT + rb")"
    rb"(?P<first>" + _UINT + rb")(?P<second>" + _UINT + rb")?"
    rb"(?:\x03(?P<sectors>[\xa1-\xb7](?:" + _UINT + _UINT + rb")+))?"
    rb"(?:\x04(?P<group>[\xa3\xa4])\x01\x48(?P<group_id>" + _ANY + rb"{8})"
    rb"\x02(?P<roster>" + _UINT + rb")\x03(?P<count>" + _UINT + rb")"
    rb"(?:\x04(?P<members_head>" + _LENGTH + rb")(?P<members>" + _ANY + rb"*))?)?"
)
_PAIRS = re.compile(rb"(" + _UINT + rb")(" + _UINT + rb")")


def _uint(encoded: bytes) -> int:
    """Read an unsigned integer that the pattern has matched."""
    return int.from_bytes(encoded[1:] or encoded, "big")


def _length(head: bytes) -> int:
    """Read the length out of a matched head of a byte string."""
    return head[0] & 31 if len(head) == 1 else int.from_bytes(head[1:], "big")


class CityProof(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The outer signature of a presentation: {6: iat, 7: cti, optional 3: aud}."""

    issued_at: int
    audience: str | None
    protected: bytes
    payload: bytes
    signature: bytes

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the phone's signature holds; the header's algorithm must be the key's."""
        if key.algorithm != 0x1F - self.protected[2]:
            return False
        message = to_be_signed(SignedUse.PROOF, self.protected, self.payload)
        return key.verify(message, self.signature)


class UnverifiedCity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A CC1 code taken apart; nothing of it is verified."""

    kid: bytes
    identity: bytes
    """The credential as an untagged COSE array: the same bytes alone or inside a presentation."""
    protected: bytes
    payload: bytes
    signature: bytes
    proof: CityProof | None
    format: Format = Format.CC1

    def holds(self, key: VerifyKey) -> bool:
        """Say whether the issuer's signature holds; the header's algorithm must be the key's."""
        if key.algorithm != 0x1F - self.protected[2]:
            return False
        message = to_be_signed(SignedUse.CREDENTIAL, self.protected, self.payload)
        return key.verify(message, self.signature)

    def claims(self) -> Claims:
        """Read the claims; only after the signature holds.

        Raises:
            MalformedError: they break the grammar.
        """
        return read_claims(self.payload)


def decode(text: str) -> UnverifiedCity:
    """Take a CC1 text apart.

    Raises:
        Refusal: CODE_MALFORMED, CODE_UNSUPPORTED_ALG.
    """
    try:
        data = base45.decode(text[len(PREFIX) :])
        if data[2:3] == b"\x4d":
            return _credential(data[1:], None) if data[:1] == b"\xd2" else _refuse(data)
        return _presentation(data)
    except MalformedError as error:
        raise Refusal(Reason.CODE_MALFORMED) from error


def _refuse(data: bytes) -> UnverifiedCity:
    if _UNSUPPORTED.match(data):
        raise Refusal(Reason.CODE_UNSUPPORTED_ALG)
    raise Refusal(Reason.CODE_MALFORMED)


def _credential(array: bytes, proof: CityProof | None) -> UnverifiedCity:
    found = _CREDENTIAL.match(array)
    if found is None:
        return _refuse(b"\xd2" + array)
    protected, kid, head = found.group("protected", "kid", "head")
    start = found.end()
    end = start + _length(head)
    if array[end : end + 2] != _SIGNATURE_HEAD or len(array) != end + 2 + _SIGNATURE:
        raise MalformedError("not a credential")
    return UnverifiedCity(
        kid=kid,
        identity=array,
        protected=protected,
        payload=array[start:end],
        signature=array[end + 2 :],
        proof=proof,
    )


def _presentation(data: bytes) -> UnverifiedCity:
    found = _PRESENTATION.match(data)
    if found is None:
        return _refuse(data)
    start = found.end("head")
    end = start + _length(found["head"])
    protected = data[start:end]
    if len(protected) != end - start:
        raise MalformedError("cut short")
    return _credential(protected[4:], _proof(protected, data[end:]))


def _proof(protected: bytes, rest: bytes) -> CityProof:
    """Read A0, the payload and the signature of a presentation."""
    payload = rest[2 : -_SIGNATURE - 2]
    if (
        rest[:1] != b"\xa0"
        or len(payload) < 2
        or rest[-_SIGNATURE - 2 : -_SIGNATURE] != b"\x58\x40"
    ):
        raise MalformedError("not a presentation")
    if len(payload) < 24:
        stated = rest[1] - 0x40
    else:
        stated, payload = payload[0], payload[1:]
        if rest[1] != 0x58 or stated < 24:
            raise MalformedError("not a presentation")
    audience = None
    tail = 1
    if payload[:2] == b"\xa3\x03":
        audience, tail = _text(payload, 2)
    elif payload[:1] != b"\xa2":
        raise MalformedError("not a presentation")
    found = _PROOF_TAIL.fullmatch(payload, tail)
    if found is None or stated != len(payload):
        raise MalformedError("not a presentation")
    return CityProof(
        issued_at=_uint(found["iat"]),
        audience=audience,
        protected=protected,
        payload=payload,
        signature=rest[-_SIGNATURE:],
    )


def _text(data: bytes, position: int) -> tuple[str, int]:
    """Read a text string of 1 to 255 bytes; return it and where it ends."""
    head = data[position] if position < len(data) else 0
    length, start = head - 0x60, position + 1
    if head == 0x78:
        length, start = data[start] if start < len(data) else 0, start + 1
        if length < 24:
            raise MalformedError("a longer form than needed")
    if not 1 <= length <= 0xFF or (head != 0x78 and length > 23):
        raise MalformedError("not a text")
    end = start + length
    try:
        return data[start:end].decode(), end
    except UnicodeDecodeError as error:
        raise MalformedError("text that is not UTF-8") from error


def read_claims(payload: bytes) -> Claims:
    """Read the claims of a credential whose signature holds.

    Raises:
        MalformedError: they break the grammar.
    """
    found = _CLAIMS.fullmatch(payload)
    if found is None:
        raise MalformedError("not the claims of a credential")
    # Positions, not names: naming fourteen groups costs more than matching them.
    (
        head, iss, exp, nbf, iat, cnf, _, _, _, inner, kind,
        indices, number, first, second, sectors, group, *_,
    ) = found.groups()  # fmt: skip
    personal = kind == b"\x01"
    members = 4 + (nbf is not None) + (cnf is not None)
    inner_members = 2 + (sectors is not None) + (group is not None)
    if head[0] != 0xA0 + members or inner[0] != 0xA0 + inner_members:
        raise MalformedError("a map of another size than stated")
    if personal != (indices == b"\x83") or personal != (second is not None):
        raise MalformedError("indices that do not fit the kind")
    if personal != (group is None) or (sectors is not None and not personal):
        raise MalformedError("claims that do not fit the kind")
    expires = _uint(exp)
    if expires > MAX_SECONDS:
        raise MalformedError("a time in milliseconds")
    return Claims(
        format=Format.CC1,
        kind=Kind.PERSONAL if personal else Kind.GROUP,
        issuer=iss.decode(),
        issued_at=_uint(iat),
        expires=expires,
        not_before=None if nbf is None else _uint(nbf),
        holder=None if cnf is None else _holder(found),
        list=_uint(number),
        person=_uint(first) if personal else None,
        credential=_uint(second) if personal else _uint(first),
        sectors=None if sectors is None else _sectors(sectors),
        group=None if personal else _group(found, static=cnf is None),
    )


def _holder(found: re.Match[bytes]) -> VerifyKey:
    if found["x"] is not None:
        return load_p256(found["x"], odd=found["odd"] == b"\xf5")
    return load_ed25519(found["ed"])


def load_confirmation(encoded: bytes) -> VerifyKey:
    """Load the COSE_Key of a `cnf` claim, in its one encoding.

    Raises:
        MalformedError: another form, or no key.
    """
    found = _COSE_KEY.fullmatch(encoded)
    if found is None:
        raise MalformedError("not the COSE_Key of a holder")
    return _holder(found)


@lru_cache(maxsize=1024)
def _sectors(encoded: bytes) -> dict[int, int]:
    """Read {sector: class}, sectors strictly ascending from 1.

    A city has few of these maps: each is read once, and handed out to be read only.
    """
    pairs = [(_uint(a), _uint(b)) for a, b in _PAIRS.findall(encoded, 1)]
    numbers = [number for number, _ in pairs]
    if len(pairs) != encoded[0] - 0xA0 or numbers[0] == 0 or sorted(set(numbers)) != numbers:
        raise MalformedError("sectors out of order")
    return dict(pairs)


def _group(found: re.Match[bytes], *, static: bool) -> GroupClaim:
    packed = found["members"]
    if found["group"][0] != 0xA3 + (packed is not None):
        raise MalformedError("a map of another size than stated")
    if packed is not None and (static or _length(found["members_head"]) != len(packed)):
        raise MalformedError("members where there may be none, or of another length")
    return GroupClaim(
        group=found["group_id"],
        roster_version=_uint(found["roster"]),
        members=_uint(found["count"]),
        packed=packed,
    )


def algorithm_byte(algorithm: Algorithm) -> bytes:
    """Return the one byte that an algorithm takes in a protected header."""
    return bytes((0x1F - algorithm,))
