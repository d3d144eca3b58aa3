"""The memory of verified credentials: the same bytes under the same key need no second verify.

Bounded; the oldest goes first; all of it is dropped when trust changes. It remembers only what a
signature proved: time, status and profile are judged anew at every scan. Never keyed by a
signature alone: ECDSA signatures are malleable.
"""

from collections.abc import Hashable
from typing import Final

import msgspec

from verifier.codes.claims import Claims
from verifier.trust.keys import TrustedKey
from verifier.trust.signers import Trust

DEFAULT_ENTRIES: Final = 50_000
"""Credentials remembered; about 2 KB each with the phone's loaded key: 100 MB at most."""


class VerifiedCredential(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A credential whose signature held, and under which key."""

    claims: Claims
    key: TrustedKey


class VerifiedCredentials:
    """Verified credentials of one trust bundle."""

    __slots__ = ("_entries", "_limit", "_trust")

    def __init__(self, limit: int = DEFAULT_ENTRIES) -> None:
        self._limit = limit
        self._entries: dict[Hashable, VerifiedCredential] = {}
        self._trust: Trust | None = None

    def find(self, trust: Trust, identity: Hashable) -> VerifiedCredential | None:
        """Return what is remembered of a credential under this trust, or None."""
        if trust is not self._trust:
            self._entries.clear()
            self._trust = trust
        return self._entries.get(identity)

    def remember(self, trust: Trust, identity: Hashable, seen: VerifiedCredential) -> None:
        """Remember a credential verified under this trust."""
        if trust is not self._trust or self._limit <= 0:
            return
        if len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[identity] = seen

    def __len__(self) -> int:
        return len(self._entries)
