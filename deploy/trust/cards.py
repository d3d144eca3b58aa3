"""Revocation lists of health cards in the data folder: what an import would write, and writing it.

    cards/<kid>.json    one list per key, as its issuer publishes it; the issuing process reads them

A list is taken for a key that the trust source has, and never one that is older than what is known:
than the list that lies there, or than the key set says (`crlVersion`). Nothing is written in part.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import FOLDER_MODE, write_file
from deploy.local.errors import UsageError
from deploy.trust.store import read
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format
from verifier.issuing.publisher import TrustSource
from verifier.status.rids import MAX_CARD_LIST_BYTES, CardList, read_card_list_file
from verifier.trust.jwk import kids_of_cards, thumbprint_of
from verifier.trust.keys import load_public
from verifier.trust.list_entry import Unusable

_FOLDER: Final = "cards"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundList:
    """A revocation list in a file."""

    where: str
    list: CardList


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A list that would be written, and the counter of the one before it, if there is one."""

    before: int | None
    list: CardList


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsImport:
    """What an import of lists would do."""

    renewed: tuple[Renewal, ...] = ()
    same: int = 0
    refused: tuple[Unusable, ...] = ()
    wanted: Mapping[str, int] = field(default_factory=dict)
    """Keys whose issuer says that there is a newer list than the one known: kid to its counter."""


def read_lists(data: Path) -> dict[str, CardList]:
    """Read the lists of a data folder, by kid.

    Raises:
        UsageError: one cannot be read, or is none.
    """
    found = {}
    for path in sorted((data / _FOLDER).glob("*.json")):
        try:
            one = read_card_list_file(read(path, MAX_CARD_LIST_BYTES))
        except MalformedError as error:
            raise UsageError(f"{path}: {error}") from error
        found[one.kid] = one
    return found


def planned_lists(
    known: Mapping[str, CardList],
    offered: Iterable[FoundList],
    stated: Mapping[str, int],
    source: TrustSource,
) -> CardsImport:
    """Hold offered lists against those known; `stated` is what key sets say, kid to counter."""
    trusted = card_kids(source)
    refused: list[Unusable] = []
    renewed: dict[str, Renewal] = {}
    same = 0
    for offer in offered:
        one = offer.list
        before = renewed[one.kid].list if one.kid in renewed else known.get(one.kid)
        why = _refusal(one, before, stated.get(one.kid, 0), trusted)
        if why is not None:
            refused.append(Unusable(where=offer.where, why=why))
        elif one == before:
            same += 1
        else:
            listed = known.get(one.kid)
            renewed[one.kid] = Renewal(before=None if listed is None else listed.counter, list=one)
    newest = {kid: one.counter for kid, one in known.items()}
    newest |= {kid: one.list.counter for kid, one in renewed.items()}
    return CardsImport(
        renewed=tuple(renewed.values()),
        same=same,
        refused=tuple(refused),
        wanted={kid: n for kid, n in stated.items() if kid in trusted and n > newest.get(kid, 0)},
    )


def _refusal(
    one: CardList, before: CardList | None, stated: int, trusted: frozenset[str]
) -> str | None:
    if one.kid not in trusted:
        return f"a list for the key {one.kid}, which is not trusted here; import the key first"
    if one.counter < stated:
        return f"list {one.counter}, and its issuer's key set says that there is list {stated}"
    if before is None or one == before:
        return None
    if one.counter < before.counter:
        return f"list {one.counter} is older than list {before.counter}, which is here"
    if one.counter == before.counter:
        return f"list {one.counter} is here already, with other entries"
    return None


def card_kids(source: TrustSource) -> frozenset[str]:
    """Return the kids by which health cards name the keys of a trust source."""
    return frozenset(
        kid
        for entry in source.keys
        if Format.SHC.value in entry.formats
        for kid in kids_of_cards(entry.kid, thumbprint_of(load_public(entry.spki)))
    )


def write_lists(data: Path, plan: CardsImport) -> None:
    """Write what was planned, each list whole or not at all."""
    folder = data / _FOLDER
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    for renewal in plan.renewed:
        path = folder / f"{renewal.list.kid}.json"
        write_file(path, msgspec.json.encode(renewal.list.published()) + b"\n")
