"""Answers to requests that issued: `v:issued:<request>`, so that one asked again gets the same.

Written once, before the credential is listed and given away: whatever ends the process in between,
the next request of the same id finds it and does the rest.
"""

from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from verifier.issuing.credential_row import CredentialForm

ISSUED_S: Final = 3600
"""Seconds an answer is kept: a phone that lost the network asks again long before."""


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A credential that was issued, and what belongs to its being there."""

    digest: bytes
    """Of what was asked; another question under the same id is a conflict."""
    person: int
    credential: int
    signed: bytes
    form: CredentialForm
    expires: int
    kid: bytes | None
    guardian: int | None
    instead: int | None
    """The credential that this one takes the place of."""
    status_version: int

    def __repr__(self) -> str:
        return f"Issued({self.credential})"


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Issued).decode


async def keep_issued(redis: Redis, request: str, issued: Issued) -> Issued:
    """Keep an answer; return the one that stands: an earlier one wins."""
    earlier: Any = await redis.set(
        f"v:issued:{request}", _ENCODE(issued), nx=True, get=True, ex=ISSUED_S
    )
    return issued if earlier is None else _DECODE(earlier)


async def read_issued(redis: Redis, request: str) -> Issued | None:
    """Return the answer to a request that was asked before."""
    data: Any = await redis.get(f"v:issued:{request}")
    return None if data is None else _DECODE(data)
