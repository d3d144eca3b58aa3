"""The memory of verified credentials: what was verified once needs no second verify for a while.

A credential is remembered under its format and its exact bytes: the same bytes in another format's
framing are another code. It holds no names and no diagnoses: of a city code its claims (indices, no
name), of a foreign document a digest and the key, so that its claims are read anew at each scan.
Bounded by entries, bytes and minutes; the oldest goes first; all of it is dropped when trust
changes. It remembers only what a signature proved: the key's use, format and window, and time,
status and profile are judged anew at every scan. Never keyed by a signature alone: ECDSA
signatures are malleable.
"""

import hashlib
from collections.abc import Hashable
from typing import Final

import msgspec

from verifier.codes.claims import Claims, Unverified
from verifier.contract.vocabulary import Format
from verifier.trust.keys import TrustedKey
from verifier.trust.signers import Trust

DEFAULT_ENTRIES: Final = 50_000
"""Credentials remembered by a worker: one each for the people whom it sees in an hour."""
DEFAULT_BYTES: Final = 128 * 1024 * 1024
"""Bytes that they take, by `weight_of`: 45,000 phones' codes, with what their bytes take."""
REMEMBERED_S: Final = 30 * 60
"""Seconds from a verify to the next one of the same credential: people who come and go twice within
half an hour are many, and a longer memory of who was here has no use."""
CLOCK_BACK_S: Final = 7 * 86_400
"""Seconds; a clock that goes back further was wrong before, and the memory begins anew."""

ENTRY_BYTES: Final = 700
"""Bytes of an entry beside its identity: its name, its place in the table, claims. Measured: a
static code takes 600 in all, a foreign document 400."""
PHONE_BYTES: Final = 1_900
"""Bytes of a phone's loaded key, most of them outside Python's sight. Measured: 1,900."""

_CC1: Final = Format.CC1
"""Looked up once: every scan needs it."""


class VerifiedCredential(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A credential whose signature held, and under which key."""

    key: TrustedKey
    claims: Claims | None
    """None: of a foreign document; they hold names, and are read again from the code itself."""


class _Entry(msgspec.Struct, frozen=True, gc=False):
    seen: VerifiedCredential
    at: float
    """Unix seconds of the verify."""
    weight: int


class VerifiedCredentials:
    """Verified credentials of one trust bundle."""

    __slots__ = ("_bytes", "_entries", "_limit", "_most_bytes", "_newest", "_trust")

    def __init__(self, limit: int = DEFAULT_ENTRIES, most_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit
        self._most_bytes = most_bytes
        self._entries: dict[Hashable, _Entry] = {}
        """In the order in which they were verified."""
        self._bytes = 0
        self._newest = 0.0
        self._trust: Trust | None = None

    def find(self, trust: Trust, code: Unverified, now: float) -> VerifiedCredential | None:
        """Return what is remembered of a credential under this trust, or None.

        Whether its key may still sign this code is the caller's to ask.
        """
        if trust is not self._trust:
            self._drop_all()
            self._trust = trust
        # Of a city code the name is its bytes, written here since every scan asks.
        entry = self._entries.get(code.identity if code.format is _CC1 else _name(code))
        if entry is None or not -REMEMBERED_S < now - entry.at < REMEMBERED_S:
            return None
        return entry.seen

    def remember(
        self, trust: Trust, code: Unverified, seen: VerifiedCredential, now: float
    ) -> None:
        """Remember a credential verified under this trust at `now`, Unix seconds."""
        if trust is not self._trust or self._limit <= 0:
            return
        if now < self._newest - CLOCK_BACK_S:
            self._drop_all()
        self.sweep(now)
        if now < self._newest - REMEMBERED_S:
            return  # a scan of long ago, uploaded: whoever made it is not at a gate now
        self._newest = max(self._newest, now)
        name, weight = _name(code), weight_of(code, seen)
        before = self._entries.pop(name, None)
        self._bytes -= 0 if before is None else before.weight
        while self._entries and (
            len(self._entries) >= self._limit or self._bytes + weight > self._most_bytes
        ):
            self._drop(next(iter(self._entries)))
        if weight <= self._most_bytes:
            self._entries[name] = _Entry(seen, self._newest, weight)
            self._bytes += weight

    def sweep(self, now: float) -> None:
        """Drop what was verified too long ago, also where nobody asks for it any more."""
        while self._entries:
            name = next(iter(self._entries))
            if now - self._entries[name].at < REMEMBERED_S:
                return
            self._drop(name)

    @property
    def weight(self) -> int:
        """How many bytes all entries take."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def _drop(self, name: Hashable) -> None:
        self._bytes -= self._entries.pop(name).weight

    def _drop_all(self) -> None:
        self._entries.clear()
        self._bytes, self._newest = 0, 0.0


def weight_of(code: Unverified, seen: VerifiedCredential) -> int:
    """Return the bytes that an entry takes: its identity counts twice, claims may repeat it."""
    if seen.claims is None:
        return ENTRY_BYTES
    phone = 0 if seen.claims.holder is None else PHONE_BYTES
    return ENTRY_BYTES + 2 * len(code.identity) + phone


def kept_claims(claims: Claims) -> Claims | None:
    """Return the claims that may be remembered: those of city codes, which name nobody."""
    return claims if claims.format is _CC1 else None


def _name(code: Unverified) -> Hashable:
    """Name a credential by format and bytes: bytes alone are CC1's, a pair is another format's.

    Of what may hold names the pair has a digest.
    """
    code_format, identity = code.format, code.identity
    if code_format is _CC1:
        return identity
    data = identity if isinstance(identity, bytes) else identity.encode()
    return (code_format, hashlib.sha256(data).digest())
