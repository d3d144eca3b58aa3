"""Floors: how far each bundle has come, by the key that signed; the bounds of versions. Pure.

A floor that only rises would be ruined by one stolen key: it signs the highest version, and nothing
honest is ever newer. So a floor is kept for each key that signed: its highest version, what it was,
and the root in force. What counts is the highest one of the keys that are trusted now. A key that
is trusted no longer takes with it what it alone signed; its floor is kept, and counts again should
the key ever be named again. Document: docs/bundles.md, "Floors".
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

MAX_VERSION: Final = 1 << 40
"""Highest version of anything: 34,000 years of one a second, far below 2^53 of JSON readers."""
MAX_STEP: Final = 1 << 28
"""Most that a bundle's version may rise at once: eight years of one a second, the most that is
signed of any. So long may a terminal have slept."""
MAX_PLANE_STEP: Final = 1 << 31
"""The same of a plane: eight years in which it begins anew, 65 versions, every ten seconds."""
MAX_KEYS_A_NAME: Final = 16
"""Keys whose floors are kept for one bundle; a root names as many bundle keys at most."""
CLOCK: Final = "clock"
"""Name of the floor of clock steps among the floors; no bundle is called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The newest version that was accepted of one key, and the digest of its bytes.

    Of a plane the digest is its chain.
    """

    version: int
    digest: bytes
    signer: bytes = b""
    """Thumbprint of the key that signed it, 32 bytes; empty: a root, or not known. Such a floor
    always counts. Not the kid: a trust bundle may state any kid for a key."""
    use: str = ""
    """Use of that key in the trust bundle; empty: it is a bundle key of the root."""
    root: int = 0
    """Version of the root in force then; under an older root the floor counts in any case."""


Floors = Mapping[str, tuple[Floor, ...]]
"""Name of a bundle to the floors of the keys that signed it."""


def accepted_under_an_older_root(floors: Iterable[Floor], data: bytes, root: int) -> Floor | None:
    """Return the floor that these very bytes raised, signed by a bundle key of an older root.

    Such a key may be named no longer; what it signed was verified then and stays in force, so what
    is held needs no key that was put away since.
    """
    digest = hashlib.sha256(data).digest()
    found = (it for it in floors if it.digest == digest and not it.use and it.root < root)
    return highest(it for it in found if it.signer)


def raised(floors: Iterable[Floor], newer: Floor) -> tuple[Floor, ...]:
    """Return floors with one more taken in: of each key the highest stays.

    One of no known key goes as soon as a known one has reached it. Past MAX_KEYS_A_NAME the floor
    that rose under the oldest root goes first.
    """
    kept = {(it.use, it.signer): it for it in floors}
    before = kept.get((newer.use, newer.signer))
    if before is None or before.version <= newer.version:
        kept[newer.use, newer.signer] = newer
    unknown = kept.get(("", b""))
    if newer.signer and unknown is not None and unknown.version <= newer.version:
        del kept["", b""]
    ordered = sorted(kept.values(), key=lambda it: (it.root, it.version), reverse=True)
    return tuple(ordered[:MAX_KEYS_A_NAME])


def merged(floors: Floors, others: Floors) -> dict[str, tuple[Floor, ...]]:
    """Return two holders' floors together."""
    together = dict(floors)
    for name, rows in others.items():
        for row in rows:
            together[name] = raised(together.get(name, ()), row)
    return together


def highest(floors: Iterable[Floor]) -> Floor | None:
    """Return the highest of floors that all count; None: there is none."""
    return max(floors, key=lambda it: it.version, default=None)


def max_step(*, plane: bool) -> int:
    """Return the most that a version may rise at once."""
    return MAX_PLANE_STEP if plane else MAX_STEP
