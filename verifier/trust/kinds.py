"""The table of bundle kinds. Whoever takes bundles asks it, and knows no kind by name.

A new kind is a row here and its document type in `verifier/contract/bundle.py`: workers follow it,
terminals fetch it where it is needed, `kapok inspect` reads it. Document: docs/adding-a-bundle.md.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from verifier.contract.bundle import (
    AppointmentsDocument,
    BundleDocument,
    CardsDocument,
    PlaceDocument,
    ProfilesDocument,
    RostersDocument,
    TrustDocument,
)
from verifier.contract.envelope import SignedUse
from verifier.contract.vocabulary import Format, Kind, Plane
from verifier.errors import BundleCause, BundleRefused
from verifier.groups.roster import open_rosters
from verifier.policy.profiles import NO_PROFILES, open_profiles
from verifier.sectors.appointments import open_appointments
from verifier.status.rids import open_cards
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import (
    LAST,
    BundleKind,
    BundleName,
    Delivery,
    Landing,
    Naming,
    TakenBundle,
    TerminalNeeds,
    asked,
    by_place,
    in_field,
)
from verifier.trust.known import Known
from verifier.trust.signers import NO_TRUST


def _unchanged(known: Known, _: BundleName, __: Any = None) -> Known:
    return known


def _take_root(trusted: TrustedSet, given: Delivery) -> TakenBundle:
    """Take the newest root, or one on the way to it, which may have expired."""
    name = given.name
    trusted.take_root(given.data, given.now, passing=name.step is not None)
    return TakenBundle(name=name, version=trusted.root_version, issued_at=0.0, value=None)


def _root_needed(name: BundleName, at: TerminalNeeds) -> bool:
    return name.step in (None, at.root_version + 1)


def _take_trust(trusted: TrustedSet, given: Delivery) -> TakenBundle:
    document, trust = trusted.take_trust(given.data, given.now, held=given.held)
    return TakenBundle(
        name=given.name, version=document.version, issued_at=document.iat, value=trust
    )


def _put_trust(known: Known, _: BundleName, trust: Any) -> Known:
    """Know a newer trust; planes of a list that it names first are yet to be looked at by it."""
    newer = replace(known, trust=trust)
    for number in trust.lists.keys() - known.trust.lists.keys():
        for plane in Plane:
            if known.status.plane(number, plane) is None:
                newer = newer.not_having_judged(number, plane)
    return newer


def _take_snapshot(trusted: TrustedSet, given: Delivery) -> TakenBundle:
    """Take a snapshot with the deltas that lead on from it."""
    document, view = trusted.take_status(
        given.data, given.now, plane=given.name.plane, deltas=given.deltas, held=given.held
    )
    return TakenBundle(name=given.name, version=document.version, issued_at=view.as_of, value=view)


def _put_plane(known: Known, name: BundleName, view: Any) -> Known:
    if name.plane is None:
        return known
    newer = replace(known, status=known.status.replaced(*name.plane, view))
    return newer.having_judged(*name.plane)


def _without_plane(known: Known, name: BundleName, _: Any = None) -> Known:
    if name.plane is None:
        return known
    ended = replace(known, status=known.status.without(*name.plane))
    return ended.having_judged(*name.plane)


def _plane_needed(name: BundleName, at: TerminalNeeds) -> bool:
    """Say that revocation is needed everywhere, and health where colours are asked."""
    if name.plane is None or name.plane.plane is not Plane.HEALTH:
        return name.plane is not None and name.plane.plane is Plane.REVOCATION
    return at.profile is not None and bool(at.profile.passing)


def _take_certificate(trusted: TrustedSet, given: Delivery) -> TakenBundle:
    """Take the certificate that a plane was destroyed: its snapshot ends."""
    document = trusted.take_destruction(
        given.data, given.now, plane=given.name.plane, held=given.held
    )
    return TakenBundle(
        name=given.name,
        version=document.version,
        issued_at=document.iat,
        value=document,
        ends=document.bundle,
    )


def _certificate_needed(name: BundleName, at: TerminalNeeds) -> bool:
    """Say that whoever has the plane must hear of its end; whoever never had it need not."""
    return name.text in at.held or (name.plane is not None and name.plane.bundle in at.held)


def _put_rosters(known: Known, _: BundleName, newer: Any) -> Known:
    return replace(known, rosters=known.rosters.replaced(newer))


def _without_rosters(known: Known, name: BundleName) -> Known:
    if name.place is None:
        return known
    return replace(known, rosters=known.rosters.without(name.place))


def _lists_of_rosters(document: RostersDocument) -> Iterable[int]:
    return (roster.list for roster in document.rosters)


ROOT: Final = BundleKind(
    word="root",
    naming=Naming.STEP,
    taking=_take_root,
    lands=Landing(_unchanged, _unchanged),
    needed=_root_needed,
    rank=0,
    authority=True,
    passed=lambda name, trusted: name.step is not None and name.step <= trusted.root_version,
    packs=False,
)
TRUST: Final = BundleKind(
    word="trust",
    document=TrustDocument,
    taking=_take_trust,
    lands=Landing(_put_trust, in_field("trust", NO_TRUST).without),
    rank=1,
    authority=True,
)
PROFILES: Final = BundleKind(
    word="profiles",
    document=ProfilesDocument,
    opener=open_profiles,
    lands=in_field("profiles", NO_PROFILES),
    rank=2,
)
CARDS: Final = BundleKind(
    word="cards",
    document=CardsDocument,
    opener=open_cards,
    lands=in_field("revoked_cards", {}),
    needed=asked(lambda profile: Format.SHC in profile.formats),
)
ROSTERS: Final = BundleKind(
    word="rosters",
    naming=Naming.PLACE,
    use=SignedUse.ROSTER,
    key_use="roster",
    lists=_lists_of_rosters,
    document=RostersDocument,
    opener=open_rosters,
    lands=Landing(_put_rosters, _without_rosters),
    needed=asked(lambda profile: Kind.GROUP in profile.kinds),
)
APPOINTMENTS: Final = BundleKind(
    word="appointments",
    naming=Naming.PLACE,
    document=AppointmentsDocument,
    opener=open_appointments,
    lands=by_place("appointments"),
    needed=asked(lambda profile: profile.profile.appointment is not None),
    big_bytes=32 * 1024,  # many small entries: 2,000 take 6 ms
)
STATUS: Final = BundleKind(
    word="status",
    naming=Naming.PLANE,
    use=SignedUse.STATUS,
    key_use="status",
    taking=_take_snapshot,
    lands=Landing(_put_plane, _without_plane),
    needed=_plane_needed,
    plane=True,
    packs=False,  # its values are packed already
)
DESTROYED: Final = BundleKind(
    word="destroyed",
    naming=Naming.PLANE,
    use=SignedUse.DESTRUCTION,
    key_use="status",
    taking=_take_certificate,
    lands=Landing(_without_plane, _unchanged),
    needed=_certificate_needed,
    packs=False,
)
KINDS: Final[dict[str, BundleKind]] = {
    kind.word: kind
    for kind in (ROOT, TRUST, PROFILES, CARDS, ROSTERS, APPOINTMENTS, STATUS, DESTROYED)
}
"""By the word that its names begin with."""


def read_name(text: str) -> BundleName | None:
    """Read a bundle's name; None: it is the name of no kind that is known here."""
    kind = KINDS.get(text.partition("-")[0])
    return None if kind is None else kind.name(text)


def name_of(document: BundleDocument) -> str:
    """Return the name of a document's bundle; the word of its kind is the type that it states."""
    kind = KINDS[document.type]
    return kind.of(document.place) if isinstance(document, PlaceDocument) else kind.word


def place_of(text: str) -> str | None:
    """Return the place whose bundle it is; None: it is the whole city's, or of no known name."""
    name = read_name(text)
    return None if name is None else name.place


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Order names so that each comes after what it leans on; roots one by one, the newest last."""

    def rank(text: str) -> tuple[int, float, str]:
        name = read_name(text)
        if name is None:
            return LAST + 1, 0, text
        step = float("inf") if name.step is None else name.step
        return name.kind.rank, step, text

    return tuple(sorted(names, key=rank))


def needed(text: str, at: TerminalNeeds) -> bool:
    """Say whether a terminal needs a bundle of this name."""
    name = read_name(text)
    if name is None or name.place not in (None, at.place):
        return False
    return name.kind.needed(name, at)


def take(
    trusted: TrustedSet,
    name: str,
    data: bytes,
    now: float,
    *,
    held: bool = False,
    deltas: Sequence[bytes] = (),
) -> TakenBundle:
    """Take a bundle into a trusted set; what it says is not yet known anywhere.

    `held`: it was accepted here before. `deltas`: of a plane, what leads on from the snapshot.

    Raises:
        BundleRefused: it is not acceptable; the set stays as it was.
    """
    read = read_name(name)
    if read is None:
        raise BundleRefused(BundleCause.MALFORMED, "a bundle of no known name")
    given = Delivery(name=read, data=data, now=now, held=held, deltas=deltas)
    return read.kind.taking(trusted, given)
