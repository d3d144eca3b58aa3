"""An import: files read, each offer taken or refused by name, the difference to what is there.

Nothing is applied here and nothing in part: whoever calls writes the whole new source, or none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deploy.trust.cards import CardsImport, planned_lists
from deploy.trust.lists import Files
from verifier.contract.bundle import KeyEntry
from verifier.contract.errors import MalformedError
from verifier.issuing.publisher import TrustSource
from verifier.issuing.sources import Change, entry_kid, imported, name_key, offered_entry
from verifier.status.rids import CardList
from verifier.trust.keys import KidBound
from verifier.trust.list_entry import Unusable
from verifier.trust.lists import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms offers are taken."""

    pins: frozenset[bytes] = frozenset()
    """SHA-256 of certificates; when there are any, nothing else is taken."""
    issuer: str | None = None
    """Whose keys they are, where they do not say it."""
    until: int
    """Unix seconds: the end of keys that have no window."""
    replace: bool = False
    """Whether keys of the same formats that are not offered any more go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedIssuer:
    """An issuer of whose keys some are left out: people who hold its cards are turned away."""

    issuer: str
    taken: int
    """Keys of it that are taken by this import."""
    left_out: int
    why: str
    """Of the first that is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What an import would do."""

    change: Change
    cards: CardsImport
    refused: tuple[Unusable, ...]
    passed_over: tuple[Unusable, ...]
    lost: tuple[Unusable, ...] = ()
    """Of keys that are taken: what the list would have said of them and does not."""
    notes: tuple[str, ...] = ()
    affected: tuple[AffectedIssuer, ...] = ()
    """Issuers of whose keys some are left out."""

    @property
    def empty(self) -> bool:
        """Whether nothing would be different."""
        return self.change.empty and not self.cards.renewed


def planned(
    source: TrustSource, lists: Mapping[str, CardList], files: Files, terms: Terms
) -> Import:
    """Hold what files offer against the trust source and the revocation lists that are here.

    Raises:
        MalformedError: more keys than a trust bundle holds.
    """
    entries: list[KeyEntry] = []
    names: dict[str, str] = {}
    lost: list[Unusable] = []
    refused = [item for item in files.unusable if not item.passed_over]
    kids = KidBound()
    for entry in () if terms.replace else source.keys:
        kids.add(entry_kid(entry), entry.spki)
    for offer in files.offers:
        whose = offer.issuer or terms.issuer or ""
        try:
            entry = _taken(offer, terms)
            kids.add(entry_kid(entry), entry.spki)
        except MalformedError as error:
            refused.append(Unusable(where=offer.where, why=str(error), issuer=whose))
            continue
        entries.append(entry)
        names[name_key(entry)] = offer.name
        lost += [Unusable(where=offer.where, why=why, issuer=whose) for why in offer.lost]
    replace = terms.replace and bool(files.offers or files.unusable)
    change = imported(source, entries, names, replace=replace)
    cards = planned_lists(lists, files.lists, files.stated_lists(), change.source)
    passed_over = tuple(item for item in files.unusable if item.passed_over)
    return Import(
        change=change,
        cards=cards,
        refused=(*refused, *cards.refused),
        passed_over=passed_over,
        lost=tuple(lost),
        notes=files.notes,
        affected=_affected(entries, (*refused, *passed_over)),
    )


def _affected(
    entries: Sequence[KeyEntry], left_out: Sequence[Unusable]
) -> tuple[AffectedIssuer, ...]:
    """Count what is left out by issuer, where the list says whose key it is."""
    taken = Counter(entry.issuer for entry in entries)
    by_issuer: dict[str, list[Unusable]] = {}
    for item in left_out:
        if item.issuer:
            by_issuer.setdefault(item.issuer, []).append(item)
    return tuple(
        AffectedIssuer(issuer=issuer, taken=taken[issuer], left_out=len(items), why=items[0].why)
        for issuer, items in by_issuer.items()
    )


def _taken(offer: Offer, terms: Terms) -> KeyEntry:
    if terms.pins and offer.fingerprint is None:
        raise MalformedError("it has no certificate, so no pin fits it")
    if terms.pins and offer.fingerprint not in terms.pins:
        found = b"" if offer.fingerprint is None else offer.fingerprint
        raise MalformedError(f"its SHA-256 is {found.hex()}, which is not pinned")
    return offered_entry(offer, issuer=terms.issuer, until=terms.until)


def read_pins(texts: Sequence[str]) -> frozenset[bytes]:
    """Read SHA-256 digests in hex, colons allowed.

    Raises:
        MalformedError: one is none.
    """
    pins = set()
    for text in texts:
        try:
            pin = bytes.fromhex(text.replace(":", ""))
        except ValueError:
            pin = b""
        if len(pin) != 32:
            raise MalformedError("a pin is the SHA-256 of a certificate: 64 hex digits")
        pins.add(pin)
    return frozenset(pins)
