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
from verifier.trust.jwk import kids_of_cards, thumbprint_of
from verifier.trust.keys import (
    MAX_KEYS_OF_A_KID,
    KeyRing,
    PublicKey,
    TrustedKey,
    VerifyKey,
    keys_in,
    kid_of,
    load_spki,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trust:
    """Who may sign what, when; compared by identity, since caches hang on it."""

    version: int
    expires: float
    ring: KeyRing
    sectors_enabled: frozenset[int]
    lists: Mapping[int, str] = field(default_factory=dict)


_Loaded = dict[bytes, tuple[PublicKey, VerifyKey]]
"""Keys by their SubjectPublicKeyInfo: one key may stand in many entries, and is loaded once."""
OF_CODES: Final = frozenset({"credential", *CertificateUse})
"""Uses of keys that sign codes and no bundle; a trust bundle has thousands of these."""
NO_TRUST: Final = Trust(version=0, expires=0.0, ring=KeyRing(()), sectors_enabled=frozenset())


def open_trust(document: TrustDocument) -> Trust:
    """Turn a trust document into what codes are judged by; who signed it is not asked here.

    Raises:
        BundleRefused: MALFORMED: a key that does not load, or does not fit its algorithm; more
            than MAX_KEYS_OF_A_KID keys under one kid.
    """
    loaded: _Loaded = {}
    ring = KeyRing(tuple(key for entry in document.keys for key in _trusted_keys(entry, loaded)))
    if any(keys_in(ring.find(kid)) > MAX_KEYS_OF_A_KID for kid in ring.kids()):
        raise BundleRefused(BundleCause.MALFORMED, "more keys under one kid than are tried")
    return Trust(
        version=document.version,
        expires=document.exp,
        ring=ring,
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


def _trusted_keys(entry: KeyEntry, loaded: _Loaded) -> Iterator[TrustedKey]:
    """Trust a key under its kid; for health cards, whose kids are text, under its thumbprint.

    A kid of 32 bytes is a thumbprint too: as the issuer computed it.
    """
    if entry.spki not in loaded:
        try:
            loaded[entry.spki] = load_spki(entry.spki)
        except MalformedError as error:
            raise BundleRefused(BundleCause.MALFORMED, str(error)) from error
    public, key = loaded[entry.spki]
    if key.algorithm != entry.algorithm:
        raise BundleRefused(BundleCause.MALFORMED, "a key that does not fit its algorithm")
    if Format.CC1 in entry.formats and "credential" in entry.uses and entry.issuer is None:
        raise BundleRefused(BundleCause.MALFORMED, "a key for CC1 credentials without its issuer")
    kids: list[bytes | str] = [kid_of(public) if entry.kid is None else entry.kid]
    if Format.SHC.value in entry.formats:
        kids += kids_of_cards(entry.kid, thumbprint_of(public))
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
            issuing=entry.issuing,
        )
