"""What is trusted here: the root, the trust source, and the trust bundle that is in force.

The bundle comes from the running house and is taken as a terminal takes it, from the root file on;
the source is what the next bundle will say. What ends soon is marked, so that it is renewed before
a gate has to tell anybody that its key is out of date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from deploy.local.doors import opened
from deploy.local.errors import LocalError
from deploy.trust.store import read, read_source, root_path
from verifier.contract.bundle import KeyEntry, RootDocument, TrustDocument
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format
from verifier.errors import BundleRefused
from verifier.issuing.publisher import TrustSource
from verifier.issuing.roots import root_kids
from verifier.issuing.sources import entry_kid, name_of
from verifier.trust.bundle import TrustedSet
from verifier.trust.jwk import kids_of_cards, thumbprint_of
from verifier.trust.keys import load_public
from verifier.trust.root import open_root_file

SOON_S: Final = 30 * 86_400
"""Seconds before an end from which it is marked: time to plan a rotation."""
MAX_ROOT_BYTES: Final = 64 * 1024
"""Bytes of a root file."""


_CARDS: Final = (Format.SHC.value,)
"""Cards name their signers by the whole thumbprint."""


class When(StrEnum):
    """How a window lies to now."""

    NOW = "in force"
    SOON = "ends within 30 days"
    ENDED = "ended"
    LATER = "not yet"


def when(begins: float, ends: float, now: float) -> When:
    """Say how a window lies to now."""
    if now > ends:
        return When.ENDED
    if now < begins:
        return When.LATER
    return When.SOON if ends - now < SOON_S else When.NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key, for people."""

    kid: str
    name: str
    formats: str
    uses: str
    algorithm: str
    issuer: str
    lists: str
    begins: int
    ends: int
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One signed document: its version and window."""

    version: int
    begins: int
    ends: int
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """All of it."""

    root: Edition
    threshold: int
    root_kids: tuple[str, ...]
    bundle_kids: tuple[str, ...]
    source: tuple[KeyRow, ...]
    in_force: Edition | None
    bundle: tuple[KeyRow, ...]
    note: str | None
    """Why no bundle is shown, or that the source says something else."""

    def document(self) -> Mapping[str, Any]:
        """Return what `--json` prints."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found


def key_rows(keys: Sequence[KeyEntry], names: Mapping[str, str], now: float) -> tuple[KeyRow, ...]:
    """Describe keys, those that end first on top.

    Raises:
        MalformedError: one does not load.
    """
    rows = [_row(entry, names, now) for entry in keys]
    return tuple(sorted(rows, key=lambda row: (row.ends, row.kid)))


def _row(entry: KeyEntry, names: Mapping[str, str], now: float) -> KeyRow:
    kid = entry_kid(entry).hex()
    if entry.formats == _CARDS:
        kid = kids_of_cards(entry.kid, thumbprint_of(load_public(entry.spki)))[-1]
    known = {int(algorithm): algorithm.name for algorithm in Algorithm}
    return KeyRow(
        kid=kid,
        name=name_of(names, entry),
        formats=" ".join(entry.formats),
        uses=" ".join(entry.uses),
        algorithm=known.get(entry.algorithm, str(entry.algorithm)),
        issuer=entry.issuer or "",
        lists=" ".join(map(str, entry.lists)),
        begins=entry.nbf,
        ends=entry.exp,
        when=when(entry.nbf, entry.exp, now),
    )


async def trusted_here(data: Path, now: float) -> Trusted:
    """Gather what is trusted on a data folder; without a running house, no bundle is in force.

    Raises:
        LocalError: root file or source cannot be read.
    """
    root_file = read(root_path(data), MAX_ROOT_BYTES)
    source = read_source(data)
    document, note = None, ""
    try:
        trusted = TrustedSet(root_file)
        async with opened(data) as doors:
            content = await doors.bundle("trust")
        document = trusted.take_trust(content, now, held=True).document
    except LocalError as error:
        note = str(error)
    except (BundleRefused, MalformedError) as error:
        note = f"the trust bundle is refused: {error}"
    try:
        root, _ = open_root_file(root_file)
        return _gathered(root, source, document, note, now)
    except (BundleRefused, MalformedError) as error:
        raise LocalError(f"{data}: {error}") from error


def _gathered(
    root: RootDocument,
    source: TrustSource,
    document: TrustDocument | None,
    note: str,
    now: float,
) -> Trusted:
    in_force = None
    if document is not None:
        ends = when(document.iat, document.exp, now)
        # A bundle lives a week and is signed anew halfway, so "soon" is no word for it.
        in_force = Edition(
            version=document.version,
            begins=document.iat,
            ends=document.exp,
            when=When.NOW if ends is When.SOON else ends,
        )
        same = (document.keys, document.lists, document.clock) == (
            *(source.keys, source.lists, source.clock),
        )
        if not same or document.sectors_enabled != source.sectors_enabled:
            note = "the source says something else; the issuing process reads it again on SIGHUP"
    return Trusted(
        root=Edition(
            version=root.version,
            begins=root.iat,
            ends=root.exp,
            when=when(root.iat, root.exp, now),
        ),
        threshold=root.threshold,
        root_kids=tuple(kid.hex() for kid in root_kids(root.root_keys)),
        bundle_kids=tuple(kid.hex() for kid in root_kids(root.bundle_keys)),
        source=key_rows(source.keys, source.names, now),
        in_force=in_force,
        bundle=() if document is None else key_rows(document.keys, source.names, now),
        note=note or None,
    )
