"""What lies on the centre's shelf for a terminal, signed by the simulated publisher, now."""

import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from tests.support.centre import LIST_SIZE, ONCE, trust_source
from tests.support.foreign import rules_for
from tests.support.keys import BUNDLE, STATUS
from verifier.contract.bundle import CardsDocument, ProfilesDocument
from verifier.contract.vocabulary import Plane
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import seal_bundle
from verifier.status.plane import BITS, PackedValues, PlaneView
from verifier.steps.use import DAY

GREEN: Final = 0b01010101
"""Four green people in a byte of the health plane."""


def trust(version: int = 1, *, expires_in: int = DAY) -> bytes:
    """Return a trust bundle."""
    now = int(time.time())
    document = trust_source().document(
        version=version, issued_at=now - 2 * DAY, expires=now + expires_in
    )
    return seal_bundle(document, BUNDLE)


def profiles(version: int = 1, *asked: Mapping[str, Any]) -> bytes:
    """Return the profiles."""
    now = int(time.time())
    document = ProfilesDocument(
        type="profiles",
        version=version,
        iat=now,
        exp=now + DAY,
        profiles=tuple(dict(profile) for profile in asked or (ONCE,)),
        rules=rules_for(asked),
    )
    return seal_bundle(document, BUNDLE)


def cards(version: int = 1, **lists: Sequence[str]) -> bytes:
    """Return the revoked cards of the tests' issuer."""
    now = int(time.time())
    document = CardsDocument(
        type="cards",
        version=version,
        iat=now,
        exp=now + DAY,
        lists={kid: tuple(entries) for kid, entries in lists.items()},
    )
    return seal_bundle(document, BUNDLE)


def plane(which: Plane, version: int = 1, *, fill: int = 0) -> bytes:
    """Return a snapshot; `fill` is the value of each byte."""
    now = int(time.time())
    values = PackedValues(
        bits=BITS[which], size=LIST_SIZE, data=bytes((fill,)) * (LIST_SIZE * BITS[which] // 8)
    )
    signer = PlaneSigner(
        issuer="440100", uri=trust_source().lists[1], list_number=1, plane=which, key=STATUS
    )
    return signer.snapshot(PlaneView(values=values, version=version, as_of=now))


def shelf(root: bytes, *asked: Mapping[str, Any]) -> dict[str, tuple[int, bytes]]:
    """Return name -> (version, bytes) of all that a terminal needs."""
    return {
        "root": (1, root),
        "trust": (1, trust()),
        "profiles": (1, profiles(1, *asked)),
        "status-1-revocation": (1, plane(Plane.REVOCATION)),
        "status-1-health": (1, plane(Plane.HEALTH, fill=GREEN)),
    }


def digest(data: bytes) -> str:
    """Return the digest by which a bundle is named."""
    return sha256(data).hexdigest()
