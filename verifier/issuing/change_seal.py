"""The seal of a change: the issuing process says that it made exactly this change, and why.

A keyed hash, under a key that only the issuing process holds, over the plane, the reason's
reference, a nonce and the packed records. Whoever can write to the store cannot make one, so the
publisher signs no change that stands there without it.
"""

import hashlib
import hmac
from typing import Final, NamedTuple

from verifier.contract.status import PlaneName

SEAL_KEY_BYTES: Final = 32
SEAL_BYTES: Final = 16
"""Bytes of a seal: 128 bits; it is compared a few times a second at most."""
NONCE_BYTES: Final = 16
_MS_BYTES: Final = 8
_USE: Final = b"kapok/1/change"


class SealedChange(NamedTuple):
    """What a change says of itself; nothing of it is checked."""

    why: str
    """What explains it: `proposal:<id>`, `batch:<source>:<number>`, `revocation:<id>`, ..."""
    nonce: bytes
    """Unix milliseconds (8 bytes, big-endian), then 8 random bytes."""
    seal: bytes
    asked: bytes
    """Packed records that were asked for; of these, those that changed anything were written."""

    @property
    def at_ms(self) -> int:
        """When it was made, Unix milliseconds; as the seal says."""
        return int.from_bytes(self.nonce[:_MS_BYTES], "big")


class ChangeSeal:
    """Makes and checks seals; prints as nothing."""

    def __init__(self, key: bytes) -> None:
        if len(key) != SEAL_KEY_BYTES:
            raise ValueError(f"the key of changes has {SEAL_KEY_BYTES} bytes")
        self._key = key

    def seal(self, name: PlaneName, why: str, nonce: bytes, asked: bytes) -> bytes:
        """Return the seal of a change."""
        said = b"\0".join((_USE, str(name).encode(), why.encode(), b""))
        return hmac.digest(self._key, said + nonce + asked, hashlib.sha256)[:SEAL_BYTES]

    def holds(self, name: PlaneName, change: SealedChange) -> bool:
        """Say whether the issuing process has made this change of this plane."""
        made = self.seal(name, change.why, change.nonce, change.asked)
        return len(change.nonce) == NONCE_BYTES and hmac.compare_digest(made, change.seal)

    def __repr__(self) -> str:
        return "ChangeSeal(…)"


def nonce_of(at_ms: int, random: bytes) -> bytes:
    """Return the nonce of a change made at a moment; `random`: 8 bytes."""
    return at_ms.to_bytes(_MS_BYTES, "big") + random
