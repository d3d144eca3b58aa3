"""What a holder's key signs for the issuer (docs/issuing.md): that it is there, and what it asks.

Both are envelopes of the use `kapok/1/holder`; the kid is that of the holder's key, the payload a
map with text keys. A possession answers a challenge; a request is fresh by time and nonce.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from verifier.contract.cbor import Grammar, decode, encode
from verifier.contract.envelope import Algorithm, Sign, SignedUse, seal
from verifier.contract.errors import MalformedError

MAX_HOLDER_BYTES: Final = 1024
"""Bytes of a signed possession or request; a renewal under a new key takes some 450."""
NONCE_BYTES: Final = 16
"""Bytes of a challenge, a nonce, a request id: 128 bits, drawn at random."""
_GRAMMAR: Final = Grammar(max_items=64)

Nonce = Annotated[bytes, Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
Issuer = Annotated[str, Meta(pattern=r"\A[0-9]{6}\Z")]
Index = Annotated[int, Meta(ge=0, lt=1 << 32)]
Seconds = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Purpose(StrEnum):
    """What a key is shown for."""

    PHONE = "phone"
    """A credential of the key's own holder."""
    PROXY = "proxy"
    """A credential of somebody whom the holder carries it for."""
    RENEWAL = "renewal"
    """A credential in place of one under another key; the challenge is the request's nonce."""


class HolderDoor(StrEnum):
    """What a holder may ask."""

    RENEW = "renew"
    LIST = "list"
    LOST = "lost"
    EMERGENCY = "emergency"


class Possession(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The key is at hand, now, for this."""

    iss: Issuer
    purpose: Purpose
    challenge: Nonce


class HolderRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True,
                    omit_defaults=True):  # fmt: skip
    """What the holder of a credential asks of its issuer."""

    door: HolderDoor
    iss: Issuer
    list: Index
    credential: Index
    """Index of the credential that comes with the request, whose key signs."""
    iat: Seconds
    """Of the phone's clock."""
    nonce: Nonce
    request: Nonce | None = None
    """renew, emergency: the same id gets the same credential, however often it is asked for."""
    holder: Annotated[bytes, Meta(max_length=64)] | None = None
    """renew: COSE_Key of the new key; None: the key stays."""
    possession: Annotated[bytes, Meta(max_length=256)] | None = None
    """renew: signed by the new key, with `nonce` as its challenge."""
    lost: Index | None = None
    """lost: index of the credential whose phone is lost."""
    hours: Annotated[int, Meta(ge=1, le=12)] | None = None
    """emergency: how long it shall live."""


Said = TypeVar("Said", Possession, HolderRequest)


def seal_holder(
    said: Possession | HolderRequest, *, kid: bytes, algorithm: Algorithm, sign: Sign
) -> bytes:
    """Sign what a holder says with the holder's key."""
    built: Any = msgspec.to_builtins(said, builtin_types=(bytes,))
    return seal(SignedUse.HOLDER, encode(built), kid=kid, algorithm=algorithm, sign=sign)


def read_holder(payload: bytes, kind: type[Said]) -> Said:
    """Read the payload of an envelope whose signature holds.

    Raises:
        MalformedError: it is not what was asked for.
    """
    document: Any = decode(payload, _GRAMMAR)
    try:
        return msgspec.convert(document, kind, builtin_types=(bytes,))
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedError(f"not a {kind.__name__}") from error
