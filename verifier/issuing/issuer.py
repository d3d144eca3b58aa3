"""The issuer's side of CC1: credentials of persons and groups (docs/cc1.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from verifier.codes.city import PREFIX
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, byte_string_head, protected_header, to_be_signed
from verifier.contract.vocabulary import Kind
from verifier.encoding import base45
from verifier.issuing.signing_key import SigningKey

_PRIVATE_CLAIM: Final = -70001
_TAG_18: Final = b"\xd2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a credential says, but for times and key."""

    kind: Kind
    list: int
    credential: int
    person: int | None = None
    """Persons only."""
    sectors: Mapping[int, int] | None = None
    group: bytes | None = None
    roster_version: int = 0
    members: int = 0
    packed_members: bytes | None = None

    def claim(self) -> dict[int, Any]:
        """Return the private claim."""
        if self.kind is Kind.PERSONAL:
            claim: dict[int, Any] = {1: 1, 2: [self.list, self.person, self.credential]}
            if self.sectors is not None:
                claim[3] = dict(self.sectors)
            return claim
        group: dict[int, Any] = {1: self.group, 2: self.roster_version, 3: self.members}
        if self.packed_members is not None:
            group[4] = self.packed_members
        return {1: 2, 2: [self.list, self.credential], 4: group}


def make_credential(
    subject: Subject,
    *,
    issuer: str,
    issued_at: int,
    expires: int,
    key: SigningKey,
    not_before: int | None = None,
    holder: Mapping[int, int | bytes | bool] | None = None,
) -> bytes:
    """Sign a credential; an untagged COSE array, as it stands in a presentation.

    `holder` is the COSE_Key of the phone; None makes a static credential.
    """
    claims: dict[int, Any] = {1: issuer, 4: expires, 6: issued_at, _PRIVATE_CLAIM: subject.claim()}
    if not_before is not None:
        claims[5] = not_before
    if holder is not None:
        claims[8] = {1: dict(holder)}
    return sign_claims(encode(claims), key=key)


def sign_claims(payload: bytes, *, key: SigningKey) -> bytes:
    """Sign encoded claims as they are; faulty issuers in tests use it too."""
    protected = protected_header(key.algorithm, key.kid)
    signature = key.sign(to_be_signed(SignedUse.CREDENTIAL, protected, payload))
    head = byte_string_head(len(payload))
    return b"".join((b"\x84\x4d", protected, b"\xa0", head, payload, b"\x58\x40", signature))


def static_text(credential: bytes) -> str:
    """Write a static credential as the text of a code."""
    return PREFIX + base45.encode(_TAG_18 + credential)
