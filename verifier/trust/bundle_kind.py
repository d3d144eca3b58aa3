"""A kind of bundle as a row: how it is named, who signs it, where it lands, who needs it.

The rows stand in `kinds.py`. A row that states only its word, its document and its opener is a
bundle of the whole city, signed by a bundle key, which every terminal needs.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final, NamedTuple

from verifier.contract.bundle import PLACE
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.policy.profiles import ResolvedProfile
from verifier.trust.bundle import TrustedSet
from verifier.trust.known import Known
from verifier.trust.signed_document import SignedKind

BIG_BYTES: Final = 256 * 1024
"""Bytes from which a worker opens a bundle beside its event loop, not in it."""
LAST: Final = 3
"""Rank of what leans on root, trust and profiles alone."""


class Naming(Enum):
    """What follows the word in the names of a kind."""

    CITY = re.compile("")
    """Nothing: there is one for the whole city."""
    PLACE = re.compile(rf"-({PLACE})")
    """The place that it is for; its document states the place too (`PlaceDocument`)."""
    PLANE = re.compile(rf"-(0|[1-9][0-9]{{0,9}})-({'|'.join(Plane)})", re.ASCII)
    """A status list and one of its planes."""
    STEP = re.compile(r"(?:-([1-9][0-9]{0,8}))?")
    """Nothing for the newest; a version for one on the way there."""


class BundleName(NamedTuple):
    """A bundle's name, read."""

    text: str
    kind: "BundleKind"
    place: str | None = None
    plane: PlaneName | None = None
    step: int | None = None

    @property
    def slot(self) -> str:
        """Name of the slot that a terminal keeps it in: a step is the newest once it is taken."""
        return self.text if self.step is None else self.kind.word


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A bundle's bytes as they are handed to a trusted set."""

    name: BundleName
    data: bytes
    now: float
    """Unix seconds."""
    held: bool = False
    """It comes from our own slots: it was accepted before, and may have expired since."""
    deltas: Sequence[bytes] = ()
    """Of a plane: what leads on from the snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBundle:
    """A bundle that was accepted, not yet part of what is known."""

    name: BundleName
    version: int
    issued_at: float
    """Unix seconds; 0 where the bundle does not say."""
    value: Any
    """Its content, ready for use."""
    ends: str | None = None
    """Name of a bundle that is no more because of this one."""

    def put(self, known: Known) -> Known:
        """Return what is known together with this."""
        return self.name.kind.lands.put(known, self.name, self.value)


class Landing(NamedTuple):
    """Where a kind's content lands in what is known, and how it goes from there."""

    put: Callable[[Known, BundleName, Any], Known]
    without: Callable[[Known, BundleName], Known]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalNeeds:
    """What a terminal's need of a bundle depends on."""

    place: str
    profile: ResolvedProfile | None
    """What the place asks; None: not known here."""
    held: Collection[str]
    """Names of the bundles that it holds."""
    root_version: int


def take_document(trusted: TrustedSet, given: Delivery) -> TakenBundle:
    """Take a document as its row says."""
    name = given.name
    document, value = trusted.take_document(
        name.kind, name.text, given.data, given.now, place=name.place, held=given.held
    )
    return TakenBundle(name=name, version=document.version, issued_at=document.iat, value=value)


def _put_among_others(known: Known, name: BundleName, value: Any) -> Known:
    return replace(known, others={**known.others, name.text: value})


def _without_other(known: Known, name: BundleName) -> Known:
    others = {text: value for text, value in known.others.items() if text != name.text}
    return replace(known, others=others)


OTHERS: Final = Landing(_put_among_others, _without_other)
"""Land in `Known.others`, under the bundle's name."""


def in_field(field_name: str, nothing: Any) -> Landing:
    """Land in a field of `Known`; `nothing` stands there before and afterwards."""

    def put(known: Known, _: BundleName, value: Any) -> Known:
        return replace(known, **{field_name: value})

    def without(known: Known, _: BundleName) -> Known:
        return replace(known, **{field_name: nothing})

    return Landing(put, without)


def by_place(field_name: str) -> Landing:
    """Land in a field of `Known` that is a mapping by place."""

    def put(known: Known, name: BundleName, value: Any) -> Known:
        newer: Any = {**getattr(known, field_name), name.place: value}
        return replace(known, **{field_name: newer})

    def without(known: Known, name: BundleName) -> Known:
        kept: Any = {at: it for at, it in getattr(known, field_name).items() if at != name.place}
        return replace(known, **{field_name: kept})

    return Landing(put, without)


def always(_: BundleName, __: TerminalNeeds) -> bool:
    """Say that every terminal needs it."""
    return True


def asked(asks: Callable[[ResolvedProfile], bool]) -> Callable[[BundleName, TerminalNeeds], bool]:
    """Say that the terminals need it whose place's profile asks for it."""
    return lambda _, at: at.profile is not None and asks(at.profile)


def _never(_: BundleName, __: TrustedSet) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleKind(SignedKind):
    """A row of the table of kinds; `SignedKind` has its word, signer, document and opener."""

    naming: Naming = Naming.CITY
    """How its names go on after the word; says also whether it is one place's."""
    taking: Callable[[TrustedSet, Delivery], TakenBundle] = take_document
    """How it is taken; documents that need more than signature, place, order and age say so."""
    lands: Landing = OTHERS
    """Where its content lands in what is known."""
    needed: Callable[[BundleName, TerminalNeeds], bool] = always
    """When a terminal fetches and keeps it; one place's is for the terminals there alone."""
    rank: int = LAST
    """Kinds of a lower rank are taken first: this one leans on them."""
    plane: bool = False
    """Whether it is a snapshot that deltas lead on from."""
    authority: bool = False
    """Whether others are judged by it: when a newer one is taken, refused ones are tried again."""
    passed: Callable[[BundleName, TrustedSet], bool] = _never
    """Whether it is older than what is trusted, so that it is handed on but not taken."""
    big_bytes: int = BIG_BYTES
    """Bytes from which a worker opens it beside its event loop: what takes some milliseconds."""
    packs: bool = True
    """Whether it shrinks enough to be sent packed."""

    def name(self, text: str) -> BundleName | None:
        """Read the name of a bundle of this kind; None: it is the name of something else."""
        found = self.naming.value.fullmatch(text.removeprefix(self.word))
        if found is None or not text.startswith(self.word):
            return None
        match self.naming:
            case Naming.PLACE:
                return BundleName(text, self, place=found[1])
            case Naming.PLANE:
                return BundleName(text, self, plane=PlaneName(int(found[1]), Plane(found[2])))
            case Naming.STEP if found[1] is not None:
                return BundleName(text, self, step=int(found[1]))
            case _:
                return BundleName(text, self)

    def of(self, what: str | int) -> str:
        """Return the name of the bundle of a place, or of a step."""
        return f"{self.word}-{what}"

    def places(self, names: Iterable[str]) -> frozenset[str]:
        """Return the places that have a bundle of this kind among names."""
        read = map(self.name, names)
        return frozenset(it.place for it in read if it is not None and it.place is not None)
