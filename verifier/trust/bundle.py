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

Nothing that says it was issued minutes later than now is taken, and versions are bounded
(`limits.py`). Floors are kept by the key that signed (`floors.py`): what a key signed alone counts
no more once it is not trusted any longer.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from verifier.errors import BundleCause, BundleRefused
from verifier.status.delta import apply
from verifier.status.plane import PlaneView, Status, open_plane
from verifier.trust.floors import (
    CLOCK,
    Floor,
    Floors,
    accepted_under_an_older_root,
    highest,
    raised,
)
from verifier.trust.keys import TrustedKey, VerifyKey
from verifier.trust.limits import Times, check_issued, check_times, check_version
from verifier.trust.root import keys_of, read_root
from verifier.trust.signed_document import (
    SignedKind,
    check_lists,
    document_in,
    holds,
    opened,
    read_by,
    taken_apart,
)
from verifier.trust.signers import NO_TRUST, Trust, open_trust, signers_of

Content = TypeVar("Content")
Value = TypeVar("Value")
OfPlane = TypeVar("OfPlane", StatusDocument, DeltaDocument, Destruction)


class Taken(NamedTuple, Generic[Content, Value]):
    """What was accepted: the document as it was signed, and its content ready for use."""

    document: Content
    value: Value


class TrustedSet:
    """What is trusted now; each `take_…` accepts bytes, or raises and changes nothing."""

    def __init__(self, root_file: bytes, *, floors: Floors | None = None) -> None:
        """Start from the pinned root file and the floors kept outside the bundles' slots."""
        self.kept: dict[str, tuple[Floor, ...]] = dict(floors or {})
        """Floors by the key that signed, also of keys that are trusted no longer."""
        self.time_floor = 0.0
        """Unix seconds: what ends before this has ended, whatever `now` says."""
        self.trust = NO_TRUST
        self._signers = signers_of(NO_TRUST)
        self._root, self._root_digest = read_root(root_file, None)
        self._bundle_keys = keys_of(self._root.bundle_keys)
        self._raise_root()

    @property
    def root_version(self) -> int:
        """The version of the root in force."""
        return self._root.version

    @property
    def floors(self) -> dict[str, Floor]:
        """Return the floors that count: of each bundle the highest of the keys trusted now."""
        counting = ((name, self.floor(name)) for name in self.kept)
        return {name: floor for name, floor in counting if floor is not None}

    def floor(self, name: str) -> Floor | None:
        """Return the floor that counts of a bundle; None: any version may come."""
        return highest(floor for floor in self.kept.get(name, ()) if self._counts(floor))

    def supports(self, name: str, version: int) -> bool:
        """Say whether a key that is trusted now has signed a bundle up to this version."""
        floor = self.floor(name)
        return floor is not None and floor.version >= version

    def forget_floor(self, name: str) -> None:
        """Forget the floors of a bundle: for trying out what leads up to them."""
        self.kept.pop(name, None)

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
        check_issued(root.iat, now)
        if now > root.exp and not passing:
            raise BundleRefused(BundleCause.EXPIRED, "an expired root")
        self._bundle_keys = keys_of(root.bundle_keys)
        self._root, self._root_digest = root, digest
        self._raise_root()

    def take_trust(
        self, data: bytes, now: float, *, held: bool = False
    ) -> "Taken[TrustDocument, Trust]":
        """Take a trust bundle; `held` says that it comes from our own slots, accepted before.

        A clock step in it that is newer than those before lowers `time_floor`, and is itself
        judged by the lower one.
        """
        envelope, signer = self._by_bundle_key(data, held="trust" if held else None)
        document = document_in(envelope, TrustDocument, "trust")
        trust, step, before = open_trust(document), document.clock, self.floor(CLOCK)
        time_floor = self.time_floor
        if step is not None and step.floor > document.iat:
            raise BundleRefused(BundleCause.MALFORMED, "a clock step to a time that has not come")
        if step is not None and (before is None or step.epoch > before.version):
            time_floor = min(time_floor, step.floor)
        self._accept(data, document, "trust", now, signer, held=held, time_floor=time_floor)
        if step is not None and (before is None or step.epoch >= before.version):
            self._raise_floor(CLOCK, step.epoch, step.floor.to_bytes(8, "big"), signer)
        self.trust, self.time_floor = trust, time_floor
        self._signers = signers_of(trust)
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
        envelope, key, signer = self._signed_by(kind, name, data, now, held=held)
        document = document_in(envelope, kind.document, kind.word)
        if key is not None:
            check_lists(key, kind.lists(document))
        if place is not None and getattr(document, "place", None) != place:
            raise BundleRefused(BundleCause.MALFORMED, "a bundle of another place")
        value = opened(lambda: kind.opener(document))
        self._accept(data, document, name, now, signer, held=held)
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
        document, signer = self._snapshot(data, now, held=held)
        if plane not in (None, (document.list, document.plane)):
            raise BundleRefused(BundleCause.MALFORMED, "another plane than asked for")
        view, newest, iat = opened(lambda: open_plane(document)), document.exp, document.iat
        for each in deltas:
            use = SignedUse.DELTA
            delta, signer = self._published(each, use, read_delta, now, held=held)
            if (delta.list, delta.plane) != (document.list, document.plane):
                raise BundleRefused(BundleCause.MALFORMED, "a delta of another plane")
            view, newest, iat = apply(delta, view), delta.exp, max(iat, delta.iat)
        name = PlaneName(document.list, document.plane)
        times = Times(iat=iat, exp=newest, now=now, held=held)
        self._accept_plane(name, view, times, signer)
        return Taken(document, view)

    def take_delta(
        self, data: bytes, status: Status, now: float, *, held: bool = False
    ) -> "Taken[DeltaDocument, PlaneView]":
        """Take the next delta of one of the planes known; `status` stays as it is.

        ORDER and FORK say: fetch the snapshot.
        """
        delta, signer = self._published(data, SignedUse.DELTA, read_delta, now, held=held)
        view = status.plane(delta.list, delta.plane)
        if view is None:
            raise BundleRefused(BundleCause.ORDER, "a delta of a plane without a snapshot")
        after = apply(delta, view)
        times = Times(iat=delta.iat, exp=delta.exp, now=now, held=held)
        name = PlaneName(delta.list, delta.plane)
        self._accept_plane(name, after, times, signer)
        return Taken(delta, after)

    def take_destruction(
        self, data: bytes, now: float, *, plane: PlaneName | None = None, held: bool = False
    ) -> Destruction:
        """Take the certificate that a plane was destroyed: nothing of it is taken any more.

        It never expires: whoever slept through it drops the plane on hearing of it.
        """
        use = SignedUse.DESTRUCTION
        document, signer = self._published(data, use, read_destruction, now, held=held)
        if plane not in (None, (document.list, document.plane)):
            raise BundleRefused(BundleCause.MALFORMED, "a certificate of another plane")
        digest = hashlib.sha256(data).digest()
        ended, before = self.floor(document.bundle), self.floor(document.name)
        if before is not None and before.version == document.version and before.digest != digest:
            raise BundleRefused(BundleCause.FORK, "another certificate of the same end")
        if ended is not None and document.version < ended.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than the plane that it ends")
        check_version(document.version, ended, plane=True)
        if not (held and before is not None and before.digest == digest):
            check_issued(document.iat, now)
        self._raise_floor(document.bundle, document.version, document.chain, signer)
        self._raise_floor(document.name, document.version, digest, signer)
        return document

    def read_status(self, data: bytes, now: float, *, held: bool = False) -> StatusDocument:
        """Read a snapshot signed by a status key for a list it may publish; nothing is taken."""
        return self._snapshot(data, now, held=held)[0]

    def read_delta(self, data: bytes, now: float, *, held: bool = False) -> DeltaDocument:
        """Read a delta signed by a status key for a list it may publish; nothing is taken."""
        return self._published(data, SignedUse.DELTA, read_delta, now, held=held)[0]

    def _snapshot(self, data: bytes, now: float, *, held: bool) -> tuple[StatusDocument, Floor]:
        document, signer = self._published(data, SignedUse.STATUS, read_status, now, held=held)
        if self.trust.lists.get(document.list) != document.uri:
            raise BundleRefused(BundleCause.WRONG_USE, "a list of another name than trusted")
        return document, signer

    def _published(
        self,
        data: bytes,
        use: SignedUse,
        reading: Callable[[bytes], OfPlane],
        now: float,
        *,
        held: bool,
    ) -> tuple[OfPlane, Floor]:
        envelope = taken_apart(data)
        key = self._verified(envelope, use, "status", now, held=held)
        document = read_by(reading, envelope)
        check_lists(key, (document.list,))
        if not key.signs_for(document.iss):
            raise BundleRefused(BundleCause.WRONG_USE, "an issuer this key may not sign for")
        return document, self._signer(key.key, "status")

    def _accept_plane(self, plane: PlaneName, view: PlaneView, times: Times, signer: Floor) -> None:
        name = plane.bundle
        if self.floor(certificate_name(*plane)) is not None:
            raise BundleRefused(BundleCause.ROLLBACK, "a plane that was destroyed")
        floor = self.floor(name)
        same = floor is not None and view.version == floor.version
        if floor is not None and view.version < floor.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than what was accepted before")
        if floor is not None and same and view.chain != floor.digest:
            raise BundleRefused(BundleCause.FORK, "the same version with another past")
        check_version(view.version, floor, plane=True)
        check_times(times, same=same, time_floor=self.time_floor)
        self._raise_floor(name, view.version, view.chain, signer)

    def copy(self) -> "TrustedSet":
        """Return a set that trusts the same and goes its own way: to try something on."""
        other = object.__new__(TrustedSet)
        other.__dict__ = {**self.__dict__, "kept": dict(self.kept)}
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
        self, kind: SignedKind, name: str, data: bytes, now: float, *, held: bool
    ) -> tuple[Envelope, TrustedKey | None, Floor]:
        """Open a document and find the key of the trust bundle that signed it; None: of the root.

        A bundle key of the root is the city's own and speaks for every list.
        """
        if kind.key_use is None:
            found = self._by_bundle_key(data, kind.use, held=name if held else None)
            return found[0], None, found[1]
        envelope = taken_apart(data)
        key = self._verified(envelope, kind.use, kind.key_use, now, held=held)
        return envelope, key, self._signer(key.key, kind.key_use)

    def _by_bundle_key(
        self, data: bytes, use: SignedUse = SignedUse.BUNDLE, *, held: str | None
    ) -> tuple[Envelope, Floor]:
        envelope = taken_apart(data)
        key, rows = self._bundle_keys.get(envelope.kid), self.kept.get(held or "", ())
        if key is None and (before := accepted_under_an_older_root(rows, data, self.root_version)):
            return envelope, before
        if key is None:
            raise BundleRefused(BundleCause.UNKNOWN_KEY, "not signed by a bundle key of the root")
        if not holds(envelope, use, key):
            raise BundleRefused(BundleCause.SIGNATURE, "the signature does not hold")
        return envelope, self._signer(key, "")

    def _verified(
        self, envelope: Envelope, use: SignedUse, word: str, now: float, *, held: bool = False
    ) -> TrustedKey:
        """Find the key that signed; what is held was accepted while its key was in its window."""
        named, at = self.trust.ring.find(envelope.kid), max(now, self.time_floor)
        if not named:
            raise BundleRefused(BundleCause.UNKNOWN_KEY, "not signed by a trusted key")
        may = [
            key
            for key in named
            if word in key.uses and (held or key.not_before <= at <= key.not_after)
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
        signer: Floor,
        *,
        held: bool,
        time_floor: float | None = None,
    ) -> None:
        """Check order and times of a bundle that holds in all else, and raise its floor."""
        digest = hashlib.sha256(data).digest()
        floor = self.floor(name)
        same = digest == signer.digest or (floor is not None and document.version == floor.version)
        if floor is not None and document.version < floor.version:
            raise BundleRefused(BundleCause.ROLLBACK, "older than what was accepted before")
        if floor is not None and document.version == floor.version and digest != floor.digest:
            raise BundleRefused(BundleCause.FORK, "the same version with other bytes")
        check_version(document.version, floor)
        times = Times(iat=document.newest_time, exp=document.exp, now=now, held=held)
        at_least = self.time_floor if time_floor is None else time_floor
        check_times(times, same=same, time_floor=at_least)
        self._raise_floor(name, document.version, digest, signer)

    def _counts(self, floor: Floor) -> bool:
        """Say whether a floor counts: its key is trusted, or we stand before what it rose under."""
        if not floor.signer or self._root.version < floor.root:
            return True
        if not floor.use:
            return any(key.thumbprint == floor.signer for key in self._bundle_keys.values())
        return self.trust is NO_TRUST or (floor.use, floor.signer) in self._signers

    def _signer(self, key: VerifyKey, use: str) -> Floor:
        """Return whose floor rises, under which root; version and digest are still to be said."""
        return Floor(version=0, digest=b"", signer=key.thumbprint, use=use, root=self._root.version)

    def _raise_floor(self, name: str, version: int, digest: bytes, signer: Floor) -> None:
        newer = replace(signer, version=version, digest=digest)
        self.kept[name] = raised(self.kept.get(name, ()), newer)

    def _raise_root(self) -> None:
        version, before = self._root.version, highest(self.kept.get("root", ()))
        if before is not None and version < before.version:
            raise BundleRefused(BundleCause.ROLLBACK, "a root below the floor")
        self.kept["root"] = (Floor(version=version, digest=self._root_digest, root=version),)
