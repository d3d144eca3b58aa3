"""Grants: what the fleet lets a terminal do, signed by the fleet, followed by the verifier.

A grant names one terminal. `version` is one counter over all grants of an incarnation, strictly
increasing. A new incarnation begins when the fleet's store was set back: everything is signed anew
in it, and what was signed in an earlier one counts no more. Both together are the grant's *rank*,
one number: a follower asks for what ranks above what it has; of two grants for a terminal the
higher counts. A terminal without a grant is denied.
"""

from typing import Any, Final

import msgspec

from verifier.contract.cbor import decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import ApiScope, Direction, GrantState

MAX_GRANT_BYTES = 2048
"""Bytes of a signed grant."""
VERSION_BITS: Final = 32
"""Low bits of a rank: the version; a thousand changes a second for fifty days fit in."""
MAX_VERSION: Final = (1 << VERSION_BITS) - 1
MAX_INCARNATION: Final = 1_000_000
"""Highest incarnation; one is a store that was set back. A rank is exact in a double."""
MAX_INCARNATION_STEP: Final = 1_000
"""How far an incarnation may lie above the one that is known; more is no store's misfortune."""


def incarnation_of(rank: int) -> int:
    """Return the incarnation in a rank."""
    return rank >> VERSION_BITS


class Grant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal's right to scan at one gate of one place."""

    terminal: str
    fingerprint: str
    """SHA-256 of the certificate's DER, 64 lower-case hex digits."""
    place: str
    gate: str
    direction: Direction
    scopes: tuple[ApiScope, ...]
    state: GrantState
    version: int
    generation: int = 1
    """Of the terminal's identity; the certificate's CN carries it beside the id."""
    district: str = ""
    """The place's district; empty: none that an operator could be bound to."""
    incarnation: int = 0
    """Which life of the fleet's store gave the version; a rank before them is the version alone."""

    def __post_init__(self) -> None:
        if self.version < 1:
            raise ValueError("version starts at 1")
        if self.generation < 1:
            raise ValueError("generation starts at 1")
        if incarnation_of(self.rank) > MAX_INCARNATION or self.incarnation < 0:
            raise ValueError("an incarnation that no store has had")

    @property
    def rank(self) -> int:
        """Incarnation and version as one number; of two grants for a terminal the higher counts."""
        return (self.incarnation << VERSION_BITS) + self.version


def seal_grant(grant: Grant, *, kid: bytes, sign: Sign) -> bytes:
    """Sign a grant with the fleet's grant key (ES256)."""
    payload = encode(msgspec.to_builtins(grant))
    return seal(SignedUse.GRANT, payload, kid=kid, algorithm=Algorithm.ES256, sign=sign)


def read_grant(payload: bytes) -> Grant:
    """Read the payload of a grant whose signature holds.

    Raises:
        MalformedError: the payload is not a grant.
    """
    if len(payload) > MAX_GRANT_BYTES:
        raise MalformedError("longer than any grant")
    document: Any = decode(payload)
    try:
        return msgspec.convert(document, Grant)
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedError("not a grant") from error
