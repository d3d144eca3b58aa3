"""Trusted bundles: an ordered, expiring, rollback-proof set that is handed bytes.

The order, after The Update Framework:
1. A root document is pinned at start. A newer one is taken only as the next version, signed by a
   threshold of the old root keys and of its own.
2. The trust bundle is taken when a bundle key of the root signed it, its version is not below the
   floor, and the same version has the same bytes (else it is a fork).
3. Documents of all other kinds (`kinds.py`) the same, each signed by whom its row names; status
   snapshots and deltas when a status key of the trust bundle signed them for a list it may
   publish. A plane's floor is its version and chain: a snapshot from before it is taken only
   together with deltas that lead there.
What arrives expired is refused; what was accepted before and expires stays loaded: decisions go to
the stance with TRUST_STALE, never to a stop. A refusal leaves everything as it was. No network,
no disk, no clock here.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from verifier.contract.bundle import BundleDocument, TrustDocument
from verifier.contract.destruction import Destruction, certificate_name, read_destruction
from verifier.contract.envelope import Envelope, SignedUse
from verifier.contract.errors import MalformedError
from verifier.contract.grant import Grant, read_grant
from verifier.contract.status import (
    DeltaDocument,
    PlaneName,
    StatusDocument,
    read_delta,
    read_status,
)
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.status.delta import apply
from verifier.status.plane import PlaneView, Status, open_plane
from verifier.trust.keys import TrustedKey
from verifier.trust.root import keys_of, read_root
from verifier.trust.signed_document import (
    SignedKind,
    document_in,
    holds,
    opened,
    read_by,
    taken_apart,
)
from verifier.trust.signers import NO_TRUST, Trust, open_trust

Content = TypeVar("Content")
Value = TypeVar("Value")
OfPlane = TypeVar("OfPlane", StatusDocument, DeltaDocument, Destruction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The newest accepted version of a bundle and the digest of its bytes; of a plane its chain."""

    version: int
    digest: bytes


class Taken(NamedTuple, Generic[Content, Value]):
    """What was accepted: the document as it was signed, and its content ready for use."""

    document: Content
    value: Value


def _check_lists(key: TrustedKey, lists: Iterable[int]) -> None:
    """Ask that a key speaks only for the status lists that the trust bundle grants it.

    Raises:
        BundleRefused: WRONG_USE.
    """
    if key.lists is not None and not key.lists.issuperset(lists):
        raise BundleRefused(BundleCause.WRONG_USE, "a list this key may not publish")


class TrustedSet:
    """What is trusted now; each `take_…` accepts bytes, or raises and changes nothing."""

    def __init__(self, root_file: bytes, *, floors: Mapping[str, Floor] | None = None) -> None:
        """Start from the pinned root file and the floors kept outside the bundles' slots."""
        self.floors: dict[str, Floor] = dict(floors or {})
        self.trust = NO_TRUST
        self._root, self._root_digest = read_root(root_file, None)
        self._bundle_keys = keys_of(self._root.bundle_keys)
        self._raise_floor("root", self._root.version, self._root_digest)

    @property
    def root_version(self) -> int:
        """The version of the root in force."""
        return self._root.version

    def take_root(self, root_file: bytes, now: float, *, passing: bool = False) -> None:
        """Take the next version of the root; `passing` says that newer ones follow it.

        Whoever slept through several roots takes them one by one; only the last must be valid now.
        """
        root, digest = read_root(root_file, self._root)
        if root.version == self._root.version and digest == self._root_digest:
            return
        if root.version <= self._root.version:
            cause = BundleCause.FORK if root.version == self._root.version else BundleCause.ROLLBACK
            raise BundleRefused(cause, "a root that is not newer")
        if root.version != self._root.version + 1:
            raise BundleRefused(BundleCause.ORDER, "a root that skips a version")
        if now > root.exp and not passing:
            raise BundleRefused(BundleCause.EXPIRED, "an expired root")
        self._bundle_keys = keys_of(root.bundle_keys)
        self._root, self._root_digest = root, digest
        self._raise_floor("root", root.version, digest)

    def take_trust(
        self, data: bytes, now: float, *, held: bool = False
    ) -> "Taken[TrustDocument, Trust]":
        """Take a trust bundle; `held` says that it comes from our own slots, accepted before."""
        document = document_in(self._by_bundle_key(data), TrustDocument, "trust")
        trust = open_trust(document)
        self._accept(data, document, "trust", now, held=held)
        self.trust = trust
        return Taken(document, trust)

    def take_document(
        self,
        kind: SignedKind,
        name: str,
        data: bytes,
        now: float,
        *,
        place: str | None = None,
        held: bool = False,
    ) -> "Taken[Any, Any]":
        """Take a document of a kind under its name; `place`: whose it must be, by its own words."""
        envelope, key = self._signed_by(kind, data, now, held=held)
        document = document_in(envelope, kind.document, kind.word)
        if key is not None:
            _check_lists(key, kind.lists(document))
        if place is not None and getattr(document, "place", None) != place:
            raise BundleRefused(BundleCause.MALFORMED, "a bundle of another place")
        value = opened(lambda: kind.opener(document))
        self._accept(data, document, name, now, held=held)
        return Taken(document, value)

    def take_status(
        self,
        data: bytes,
        now: float,
        *,
        plane: PlaneName | None = None,
        deltas: Sequence[bytes] = (),
        held: bool = False,
    ) -> "Taken[StatusDocument, PlaneView]":
        """Take a snapshot with the deltas that follow it: what they lead to, or nothing.

        `plane`: which plane it must be of.
        """
        document = self.read_status(data, now, held=held)
        if plane not in (None, (document.list, document.plane)):
            raise BundleRefused(BundleCause.MALFORMED, "another plane than asked for")
        view, newest = opened(lambda: open_plane(document)), document.exp
        for each in deltas:
            delta = self.read_delta(each, now, held=held)
            if (delta.list, delta.plane) != (document.list, document.plane):
                raise BundleRefused(BundleCause.MALFORMED, "a delta of another plane")
            view, newest = apply(delta, view), delta.exp
        self._accept_plane(document.list, document.plane, view, late=now > newest and not held)
        return Taken(document, view)

    def take_delta(
        self, data: bytes, status: Status, now: float, *, held: bool = False
    ) -> "Taken[DeltaDocument, PlaneView]":
        """Take the next delta of one of the planes known; `status` stays as it is.

        ORDER and FORK say: fetch the snapshot.
        """
        delta = self.read_delta(data, now, held=held)
        view = status.plane(delta.list, delta.plane)
        if view is None:
            raise BundleRefused(BundleCause.ORDER, "a delta of a plane without a snapshot")
        after = apply(delta, view)
        self._accept_plane(delta.list, delta.plane, after, late=now > delta.exp and not held)
        return Taken(delta, after)

    def take_destruction(
        self, data: bytes, now: float, *, plane: PlaneName | None = None, held: bool = False
    ) -> Destruction:
        """Take the certificate that a plane was destroyed: nothing of it is taken any more.

        It never expires: whoever slept through it drops the plane on hearing of it.
        """
        document = self._published(data, SignedUse.DESTRUCTION, read_destruction, now, held=held)
        if plane not in (None, (document.list, document.plane)):
            raise BundleRefused(BundleCause.MALFORMED, "a certificate of another plane")
        digest = hashlib.sha256(data).digest()
        ended, before = self.floors.get(document.bundle), self.floors.get(document.name)
        if before is not None and before.version == document.version and before.digest != digest:
            raise BundleRefused(BundleCause.FORK, "another certificate of the same end")
        if ended is not None and document.version < ended.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than the plane that it ends")
        self._raise_floor(document.bundle, document.version, document.chain)
        self._raise_floor(document.name, document.version, digest)
        return document

    def read_status(self, data: bytes, now: float, *, held: bool = False) -> StatusDocument:
        """Read a snapshot signed by a status key for a list it may publish; nothing is taken."""
        document = self._published(data, SignedUse.STATUS, read_status, now, held=held)
        if self.trust.lists.get(document.list) != document.uri:
            raise BundleRefused(BundleCause.WRONG_USE, "a list of another name than trusted")
        return document

    def read_delta(self, data: bytes, now: float, *, held: bool = False) -> DeltaDocument:
        """Read a delta signed by a status key for a list it may publish; nothing is taken."""
        return self._published(data, SignedUse.DELTA, read_delta, now, held=held)

    def _published(
        self,
        data: bytes,
        use: SignedUse,
        reading: Callable[[bytes], OfPlane],
        now: float,
        *,
        held: bool,
    ) -> OfPlane:
        envelope = taken_apart(data)
        key = self._verified(envelope, use, "status", now, held=held)
        document = read_by(reading, envelope)
        _check_lists(key, (document.list,))
        if key.issuer not in (None, document.iss):
            raise BundleRefused(BundleCause.WRONG_USE, "an issuer this key may not sign for")
        return document

    def _accept_plane(self, number: int, plane: Plane, view: PlaneView, *, late: bool) -> None:
        name = PlaneName(number, plane).bundle
        if certificate_name(number, plane) in self.floors:
            raise BundleRefused(BundleCause.ROLLBACK, "a plane that was destroyed")
        floor = self.floors.get(name)
        if floor is not None and view.version < floor.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than what was accepted before")
        if floor is not None and view.version == floor.version and view.chain != floor.digest:
            raise BundleRefused(BundleCause.FORK, "the same version with another past")
        if late:
            raise BundleRefused(BundleCause.EXPIRED, "expired before it arrived")
        self._raise_floor(name, view.version, view.chain)

    def copy(self) -> "TrustedSet":
        """Return a set that trusts the same and goes its own way: to try something on."""
        other = object.__new__(TrustedSet)
        other.__dict__ = {**self.__dict__, "floors": dict(self.floors)}
        return other

    def read_grant(self, data: bytes, now: float) -> Grant:
        """Read a grant signed by a grant key; its version is the follower's to compare."""
        envelope = taken_apart(data)
        self._verified(envelope, SignedUse.GRANT, "grant", now)
        try:
            return read_grant(envelope.payload)
        except MalformedError as error:
            raise BundleRefused(BundleCause.MALFORMED, str(error)) from error

    def _signed_by(
        self, kind: SignedKind, data: bytes, now: float, *, held: bool
    ) -> tuple[Envelope, TrustedKey | None]:
        """Open a document and find the key of the trust bundle that signed it; None: of the root.

        A bundle key of the root is the city's own and speaks for every list.
        """
        if kind.key_use is None:
            return self._by_bundle_key(data, kind.use), None
        envelope = taken_apart(data)
        return envelope, self._verified(envelope, kind.use, kind.key_use, now, held=held)

    def _by_bundle_key(self, data: bytes, use: SignedUse = SignedUse.BUNDLE) -> Envelope:
        envelope = taken_apart(data)
        key = self._bundle_keys.get(envelope.kid)
        if key is None:
            raise BundleRefused(BundleCause.UNKNOWN_KEY, "not signed by a bundle key of the root")
        if not holds(envelope, use, key):
            raise BundleRefused(BundleCause.SIGNATURE, "the signature does not hold")
        return envelope

    def _verified(
        self, envelope: Envelope, use: SignedUse, word: str, now: float, *, held: bool = False
    ) -> TrustedKey:
        """Find the key that signed; what is held was accepted while its key was in its window."""
        named = self.trust.ring.find(envelope.kid)
        if not named:
            raise BundleRefused(BundleCause.UNKNOWN_KEY, "not signed by a trusted key")
        may = [
            key
            for key in named
            if word in key.uses and (held or key.not_before <= now <= key.not_after)
        ]
        if not may:
            raise BundleRefused(BundleCause.WRONG_USE, "a key that may not sign this now")
        for key in may:
            if holds(envelope, use, key.key):
                return key
        raise BundleRefused(BundleCause.SIGNATURE, "the signature does not hold")

    def _accept(
        self,
        data: bytes,
        document: BundleDocument,
        name: str,
        now: float,
        *,
        held: bool,
    ) -> None:
        """Check order and expiry of a bundle that holds in all else, and raise its floor."""
        digest = hashlib.sha256(data).digest()
        floor = self.floors.get(name)
        if floor is not None and document.version < floor.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than what was accepted before")
        if floor is not None and document.version == floor.version and digest != floor.digest:
            raise BundleRefused(BundleCause.FORK, "the same version with other bytes")
        if now > document.exp and not held:
            raise BundleRefused(BundleCause.EXPIRED, "expired before it arrived")
        self._raise_floor(name, document.version, digest)

    def _raise_floor(self, name: str, version: int, digest: bytes) -> None:
        held = self.floors.get(name)
        if held is not None and name == "root" and version < held.version:
            raise BundleRefused(BundleCause.ROLLBACK, "a root below the floor")
        self.floors[name] = Floor(version=version, digest=digest)
