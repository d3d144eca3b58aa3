"""What codes are judged by: a running house's bundles, or keys from files.

Bundles are taken as a terminal takes them: from the root file on, each signature and order checked.
Keys from files are trusted because somebody named them; there is no status, sector or issuer list
with them, so those steps stay SKIPPED; health cards are looked up in the revocation lists there.
What was left out is said, never guessed.
"""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from deploy.local.doors import Answer, Doors
from deploy.local.errors import LocalError, UsageError
from deploy.trust.lists import read_files
from deploy.trust.store import read_source, source_path
from firmware_stubs.planes import follow, split
from verifier.contract.bundle import DELTA_BUCKET
from verifier.contract.errors import MalformedError
from verifier.contract.status import plane_of
from verifier.contract.vocabulary import Sector
from verifier.encoding.dates import MAX_SECONDS
from verifier.errors import BundleRefused
from verifier.status.plane import NO_STATUS
from verifier.status.rids import RevokedCards
from verifier.trust.bundle import TrustedSet
from verifier.trust.kinds import TRUST, in_order, place_of, read_name, take
from verifier.trust.known import NOTHING_KNOWN, Known
from verifier.trust.lists import offered_ring
from verifier.trust.signers import Trust, open_trust

MAX_ROOT_BYTES: Final = 64 * 1024
"""Bytes of a root file; 16 signatures over 32 keys take 50 KB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionKnowledge:
    """What is known, and what was left out of it."""

    known: Known
    notes: tuple[str, ...] = ()


def is_house(path: Path) -> bool:
    """Say whether a folder is the data folder of a house."""
    return (path / "trust" / "root.cbor").exists()


def from_files(path: Path) -> InspectionKnowledge:
    """Trust every key of a file or folder.

    Raises:
        UsageError: nothing there can be read, or it offers no key.
    """
    found = read_files((path,))
    ring, unfit = offered_ring(found.offers)
    left_out = (*found.unusable, *unfit)
    if not len(ring):
        why = f"; {left_out[0].where}: {left_out[0].why}" if left_out else ""
        raise UsageError(f"{path}: no key is offered there{why}")
    trust = Trust(version=1, expires=math.inf, ring=ring, sectors_enabled=frozenset(Sector))
    notes = (
        *(f"left out: {item.where}: {item.why}" for item in left_out),
        *(f"taken without: {o.where}: {why}" for o in found.offers for why in o.lost),
    )
    revoked = {one.list.kid: RevokedCards(one.list.entries) for one in found.lists}
    return InspectionKnowledge(
        known=Known(trust=trust, status=NO_STATUS, revoked_cards=revoked), notes=notes
    )


def pinned(data: Path) -> TrustedSet:
    """Start from the root file of a data folder.

    Raises:
        UsageError: it is missing or none.
    """
    path = data / "trust" / "root.cbor"
    try:
        with path.open("rb") as file:
            return TrustedSet(file.read(MAX_ROOT_BYTES))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except BundleRefused as error:
        raise UsageError(f"{path}: {error}") from error


async def from_house(doors: Doors, data: Path, place: str | None = None) -> InspectionKnowledge:
    """Take a running house's bundles, those of one place among them.

    A refused one is left out and said, trust excepted.

    Raises:
        LocalError: a door does not answer, or the house holds no trust that its root allows.
    """
    trusted = pinned(data)
    page = await doors.verifier("/v1/bundles" if place is None else f"/v1/bundles?place={place}")
    rows = {str(row["name"]): row for row in page["bundles"]}
    rows = {name: row for name, row in rows.items() if place_of(name) in (None, place)}
    known = replace(NOTHING_KNOWN, judged=None)  # what is missing here, the house does not have
    notes: list[str] = []
    for name in in_order(rows):
        content = await doors.bundle(name)
        try:
            known = _taken(trusted, known, name, content)
        except (BundleRefused, MalformedError) as error:
            if name == TRUST.word:
                raise LocalError(f"the house's trust bundle is refused: {error}") from error
            notes.append(f"left out: bundle {name}: {error}")
            continue
        try:
            known = await _led_on(doors, trusted, known, rows[name])
        except (BundleRefused, LocalError) as error:
            notes.append(f"left out: what followed {name}: {error}")
    if not known.trust.version:
        raise LocalError("the house has no trust bundle yet; wait until issuing is ready")
    return InspectionKnowledge(known=known, notes=tuple(notes))


def _taken(trusted: TrustedSet, known: Known, name: str, content: bytes) -> Known:
    """Take one bundle, as held: one that ended since leads to a doubt, not to a refusal."""
    read = read_name(name)
    if read is not None and read.kind.passed(read, trusted):
        return known
    return take(trusted, name, content, time.time(), held=True).put(known)


async def _led_on(doors: Doors, trusted: TrustedSet, known: Known, row: Answer) -> Known:
    """Follow the deltas since a plane's snapshot, as far as the house has them."""
    plane, version, head = plane_of(row["name"]), row["version"], row.get("head", 0)
    view = None if plane is None else known.status.plane(*plane)
    if plane is None or view is None or head <= version:
        return known
    for first in range((version + 1) // DELTA_BUCKET * DELTA_BUCKET, head + 1, DELTA_BUCKET):
        bucket = await doors.bundle(f"{row['name']}/deltas/{first}")
        view = follow(trusted, plane, view, split(bucket), time.time()).view
    return replace(known, status=known.status.replaced(*plane, view))


def from_source(data: Path) -> InspectionKnowledge:
    """Trust what the next trust bundle of a house would say; without any status.

    Raises:
        UsageError: the trust source cannot be read, or holds a key that does not load.
    """
    source = read_source(data)
    try:
        trust = open_trust(source.document(version=1, issued_at=0, expires=MAX_SECONDS))
    except BundleRefused as error:
        raise UsageError(f"{source_path(data)}: {error}") from error
    notes = ("no house answers here: keys of its trust source, and no status",)
    return InspectionKnowledge(known=Known(trust=trust, status=NO_STATUS), notes=notes)
