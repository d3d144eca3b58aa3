"""The theft of a signing key and the recovery from it, for every kind of bundle of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from firmware_stubs.bundles import Bundles
from tests.support.health import thumbprint
from tests.support.keys import BUNDLE, ROSTER, STATUS, key
from tests.support.publisher import EDITION, ISSUER_ENTRY, NOW, OTHER_ENTRIES, Edition, entry
from verifier.contract import cbor
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleRefused
from verifier.issuing.signing_key import SigningKey
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import BundleKind, Naming
from verifier.trust.kinds import KINDS, TRUST, take

TOP: Final = 1 << 40
"""The highest version that there may be."""
NEW: Final = key("the key that comes after the stolen one")
OLD: Final[Mapping[str | None, SigningKey]] = {None: BUNDLE, "roster": ROSTER, "status": STATUS}
"""Who signs a kind, by the use that its row asks for."""
PLANE: Final = Plane.HEALTH
MADE: Final[Mapping[str, Callable[[Edition], bytes]]] = {
    "trust": lambda edition: edition.trust(),
    "profiles": lambda edition: edition.profiles(),
    "cards": lambda edition: edition.cards({thumbprint(): ["a"]}),
    "rosters": lambda edition: edition.rosters(),
    "appointments": lambda edition: edition.appointments(),
    "status": lambda edition: edition.status(PLANE, 8, {}),
    "destroyed": lambda edition: edition.destruction(PLANE),
}
"""How a document of a kind is signed."""


def name_of_kind(kind: BundleKind) -> str:
    """Return a name of a bundle of a kind."""
    match kind.naming:
        case Naming.PLACE:
            return kind.of("hall-1")
        case Naming.PLANE:
            return kind.of(f"1-{PLANE}")
        case _:
            return kind.word


@dataclass(frozen=True, slots=True, kw_only=True)
class Taker:
    """Whoever takes bundles: returns why one is refused, or nothing."""

    offer: Callable[[str, bytes], str]


def worker() -> Taker:
    """Return the set of a worker."""
    trusted = TrustedSet(EDITION.root())

    def offer(name: str, data: bytes) -> str:
        try:
            take(trusted, name, data, NOW)
        except BundleRefused as refused:
            return refused.cause
        return ""

    return Taker(offer=offer)


def terminal() -> Taker:
    """Return the bundles of a terminal, restarted before each offer."""
    held: dict[str, Any] = {
        "bundles": Bundles(EDITION.root(), floors={}, slots={}),
        "contents": {},
    }

    def offer(name: str, data: bytes) -> str:
        bundles: Bundles = held["bundles"]
        bundles = Bundles(EDITION.root(), floors=bundles.floors, slots=bundles.slots())
        bundles.load(held["contents"], NOW)
        held["bundles"] = bundles
        try:
            accepted = bundles.offer(name, data, NOW)
        except BundleRefused as refused:
            return refused.cause
        bundles.adopt(accepted)
        held["contents"][accepted.name] = data
        return ""

    return Taker(offer=offer)


TAKERS: Final = {"worker": worker, "terminal": terminal}
STEALABLE: Final = tuple(kind for kind in KINDS.values() if kind.word != "root")
"""Kinds that a signing key of a process signs: a root takes a threshold of keys kept offline."""


def with_key(kind: BundleKind, signer: SigningKey) -> Edition:
    """Return the edition whose root or trust bundle names another key for a kind, alone."""
    if kind.key_use is None:
        return replace(EDITION, bundle_keys=(signer,))
    before = OLD[kind.key_use]
    others = tuple(line for line in OTHER_ENTRIES if line.spki != before.spki)
    named = entry(signer, kind.key_use, lists=(1,))
    return replace(EDITION, keys=(ISSUER_ENTRY, *others, named))


def made(kind: BundleKind, version: int, signer: SigningKey, edition: Edition = EDITION) -> bytes:
    """Return a document of a kind, signed by a key."""
    edition = replace(edition, version=version, signer=signer)
    if kind.word in MADE:
        return MADE[kind.word](edition)
    opening = {"type": kind.word, "version": version, "iat": edition.iat, "exp": edition.exp}
    return sealed(kind.use, cbor.encode(opening), signer)


def sealed(use: SignedUse, payload: bytes, signer: SigningKey) -> bytes:
    """Sign a payload."""
    return seal(use, payload, kid=signer.kid, algorithm=signer.algorithm, sign=signer.sign)


def rotated(taker: Taker, kind: BundleKind, trust_version: int) -> None:
    """Hand over what names the new key alone: the next root and its trust bundle, or trust."""
    if kind.key_use is None:
        root = replace(EDITION, root_version=2, bundle_keys=(NEW,))
        assert taker.offer("root", root.root()) == ""
        if kind is not TRUST:
            again = replace(EDITION, version=trust_version, signer=NEW)
            assert taker.offer("trust", again.trust()) == ""
        return
    edition = replace(with_key(kind, NEW), version=trust_version)
    assert taker.offer("trust", edition.trust()) == ""
