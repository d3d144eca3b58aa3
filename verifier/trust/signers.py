"""Who may sign what, when: what a trust bundle says, ready for use.

That the bundle itself was signed by the right key is `bundle.py`'s to check.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from verifier.contract.bundle import KeyEntry, TrustDocument
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import CertificateUse, Format, Sector
from verifier.errors import BundleCause, BundleRefused
from verifier.trust.jwk import thumbprint_of
from verifier.trust.keys import KeyRing, TrustedKey, kid_of, load_spki


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trust:
    """Who may sign what, when; compared by identity, since caches hang on it."""

    version: int
    expires: float
    ring: KeyRing
    sectors_enabled: frozenset[int]
    lists: Mapping[int, str] = field(default_factory=dict)


OF_CODES: Final = frozenset({"credential", *CertificateUse})
"""Uses of keys that sign codes and no bundle; a trust bundle has thousands of these."""
NO_TRUST: Final = Trust(version=0, expires=0.0, ring=KeyRing(()), sectors_enabled=frozenset())


def open_trust(document: TrustDocument) -> Trust:
    """Turn a trust document into what codes are judged by; who signed it is not asked here.

    Raises:
        BundleRefused: MALFORMED: a key that does not load, or does not fit its algorithm.
    """
    return Trust(
        version=document.version,
        expires=document.exp,
        ring=KeyRing(tuple(key for entry in document.keys for key in _trusted_keys(entry))),
        sectors_enabled=frozenset(Sector(s) for s in document.sectors_enabled if s in set(Sector)),
        lists=document.lists,
    )


def signers_of(trust: Trust) -> frozenset[tuple[str, bytes]]:
    """Return (use, thumbprint) of the keys that sign bundles: all but those of codes alone."""
    return frozenset(
        (use, key.key.thumbprint)
        for key in trust.ring.keys()  # noqa: SIM118 - a ring is no mapping
        for use in key.uses - OF_CODES
    )


def _trusted_keys(entry: KeyEntry) -> Iterator[TrustedKey]:
    """Trust a key under its kid; for health cards, whose kids are text, under its thumbprint."""
    try:
        public, key = load_spki(entry.spki)
    except MalformedError as error:
        raise BundleRefused(BundleCause.MALFORMED, str(error)) from error
    if key.algorithm != entry.algorithm:
        raise BundleRefused(BundleCause.MALFORMED, "a key that does not fit its algorithm")
    if Format.CC1 in entry.formats and "credential" in entry.uses and entry.issuer is None:
        raise BundleRefused(BundleCause.MALFORMED, "a key for CC1 credentials without its issuer")
    kids: list[bytes | str] = [kid_of(public) if entry.kid is None else entry.kid]
    if Format.SHC.value in entry.formats:
        kids.append(thumbprint_of(public))
    for kid in kids:
        yield TrustedKey(
            kid=kid,
            key=key,
            uses=frozenset(entry.uses),
            not_before=entry.nbf,
            not_after=entry.exp,
            issuer=entry.issuer,
            lists=frozenset(entry.lists),
            sectors=frozenset(entry.sectors),
            formats=frozenset(entry.formats),
        )
