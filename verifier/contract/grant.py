"""Grants: what the fleet lets a terminal do, signed by the fleet, followed by the verifier.

A grant names one terminal. `version` is one counter over all grants, strictly increasing, so that a
follower asks for what is newer than what it has; of two grants for a terminal the higher counts.
A terminal without a grant is denied.
"""

from typing import Any

import msgspec

from verifier.contract.cbor import decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import ApiScope, Direction, GrantState

MAX_GRANT_BYTES = 2048
"""Bytes of a signed grant."""


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

    def __post_init__(self) -> None:
        if self.version < 1:
            raise ValueError("version starts at 1")


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
