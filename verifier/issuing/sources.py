"""Edits of a trust source: what an import would change, and a key beside another, then alone.

Pure: a source in, a source and what changed out; nothing is applied in part. An entry is the same
when formats, public key, kid and issuer are; its uses and windows may then change. A key may stand
under several certificates, each with its own kid, and for several issuers: each is an entry. Only
an entry that binds nobody becomes the same key's for one issuer, and back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from verifier.codes.shc import is_issuer
from verifier.contract.bundle import MAX_EPOCH, MAX_KEYS, ClockStep, KeyEntry
from verifier.contract.envelope import Algorithm
from verifier.contract.errors import MalformedError
from verifier.contract.vocabulary import Format
from verifier.encoding.strict_json import unbase64url
from verifier.issuing.entry_pairs import paired
from verifier.issuing.publisher import TrustSource
from verifier.trust.keys import bind, kid_of, load_spki, spki_of
from verifier.trust.lists import Offer
from verifier.trust.signers import open_trust

CREDENTIAL: Final = "credential"
_ALGORITHMS: Final[Mapping[Format, frozenset[Algorithm]]] = {
    Format.HC1: frozenset({Algorithm.ES256, Algorithm.PS256}),
    Format.SHC: frozenset({Algorithm.ES256}),
}
"""Of the formats whose signers are imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Altered:
    """An entry that stays, but says something else."""

    before: KeyEntry
    after: KeyEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a new source says that the old one did not."""

    source: TrustSource
    added: tuple[KeyEntry, ...] = ()
    removed: tuple[KeyEntry, ...] = ()
    changed: tuple[Altered, ...] = ()
    same: tuple[KeyEntry, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing would be different."""
        return not (self.added or self.removed or self.changed)


def entry_kid(entry: KeyEntry) -> bytes:
    """Return the kid that an entry's key is found by.

    Raises:
        MalformedError: its key does not load.
    """
    return kid_of(load_spki(entry.spki)[0]) if entry.kid is None else entry.kid


def name_key(entry: KeyEntry) -> str:
    """Return under what a source keeps the name of an entry's signer: kid, key, issuer.

    The key is left out where the kid is its own, and the issuer where there is none.

    Raises:
        MalformedError: its key does not load.
    """
    own = kid_of(load_spki(entry.spki)[0])
    kids = [own] if entry.kid in (None, own) else [entry.kid, own]
    return " ".join((*(kid.hex() for kid in kids if kid), *filter(None, (entry.issuer,))))


def name_of(names: Mapping[str, str], entry: KeyEntry) -> str:
    """Return the name of an entry's signer; empty: it has none.

    Raises:
        MalformedError: its key does not load.
    """
    return names.get(name_key(entry)) or names.get(entry_kid(entry).hex(), "")


def offered_entry(offer: Offer, *, issuer: str | None, until: int) -> KeyEntry:
    """Turn an offer into an entry that may sign codes of its list's format, and nothing else.

    `issuer` binds keys that name none, `until` (Unix seconds) ends those that have no window.

    Raises:
        MalformedError: the key may not sign that format, or says too little.
    """
    if offer.format is None:
        raise MalformedError("a bare public key says neither for whom nor how long it signs")
    algorithm = bind(offer.public).algorithm
    if algorithm not in _ALGORITHMS[offer.format]:
        raise MalformedError(f"a key of a kind that no {offer.format.value} code is signed with")
    if not offer.named:
        raise MalformedError("it calls itself by another kid than its thumbprint")
    starts, ends = max(int(offer.not_before or 0), 0), offer.not_after
    expires = until if ends is None else int(ends)
    if not starts < expires:
        raise MalformedError("a window that ends before it begins")
    return KeyEntry(
        spki=spki_of(offer.public),
        uses=(CREDENTIAL, *sorted(offer.uses)),
        algorithm=int(algorithm),
        nbf=starts,
        exp=expires,
        kid=_kid(offer),
        issuer=_issuer(offer, issuer),
        formats=(offer.format.value,),
        issuing=None if offer.issuing is None else (int(offer.issuing[0]), int(offer.issuing[1])),
    )


def _kid(offer: Offer) -> bytes | None:
    """Return the kid that an entry has to state; None: it is the key's own."""
    if offer.card_kid is not None:
        return unbase64url(offer.card_kid)
    return None if offer.kid == kid_of(offer.public) else offer.kid


def _issuer(offer: Offer, stated: str | None) -> str | None:
    """Return whose codes a key may sign.

    Of a card its signer's address; of a certificate the country that the list states: a list that
    states none does not bind.
    """
    if offer.format is not Format.SHC:
        return offer.issuer
    if None not in (offer.issuer, stated) and offer.issuer != stated:
        raise MalformedError("it names another issuer than was said")
    issuer = offer.issuer or stated
    if issuer is None:
        raise MalformedError("it names no issuer; say whose it is")
    if not is_issuer(issuer):
        raise MalformedError("its issuer is not an https address without a slash at its end")
    return issuer


def imported(
    source: TrustSource,
    entries: Iterable[KeyEntry],
    names: Mapping[str, str],
    *,
    replace: bool = False,
) -> Change:
    """Merge entries into a source; with `replace`, others of the same formats go.

    Raises:
        MalformedError: more keys than a trust bundle holds.
    """
    pairs = paired(source.keys, tuple(entries), replace=replace)
    added = tuple(p.after for p in pairs if p.before is None and p.after is not None)
    both = [(p.before, p.after) for p in pairs if p.before is not None and p.after is not None]
    stays = dict(both)
    kept = tuple(stays[entry] for entry in source.keys if entry in stays)
    return Change(
        source=_checked(source, (*kept, *added), {**source.names, **names}),
        added=added,
        removed=tuple(p.before for p in pairs if p.before is not None and p.after is None),
        changed=tuple(Altered(before=b, after=a) for b, a in both if b != a),
        same=tuple(p.after for p in pairs if p.offered and p.before == p.after is not None),
    )


def with_key_beside(source: TrustSource, old: bytes, new: KeyEntry) -> TrustSource:
    """Name a new key beside each entry of an old one: same uses, limits and formats, own window.

    `old` and `new.spki` are SubjectPublicKeyInfo; of `new`, key, algorithm and window count. A
    source that names the new key already is returned as it is.

    Raises:
        MalformedError: the source does not name the old key.
    """
    if any(entry.spki == new.spki for entry in source.keys):
        return source
    beside = [
        msgspec.structs.replace(
            entry,
            spki=new.spki,
            algorithm=new.algorithm,
            nbf=new.nbf,
            exp=new.exp,
            kid=None,
            issuing=None,
        )
        for entry in source.keys
        if entry.spki == old
    ]
    if not beside:
        raise MalformedError("the trust source does not name this key")
    return _checked(source, (*source.keys, *beside), source.names)


def without_key(source: TrustSource, spki: bytes) -> TrustSource:
    """Drop every entry of a key."""
    return _checked(source, tuple(e for e in source.keys if e.spki != spki), source.names)


def next_clock_step(before: ClockStep | None, now: int) -> ClockStep:
    """Return the step that lowers every terminal's floor of time to now; Unix seconds.

    Raises:
        MalformedError: the epochs of steps are used up.
    """
    epoch = 1 if before is None else before.epoch + 1
    if epoch > MAX_EPOCH:
        raise MalformedError("no clock step follows this one: rotate the bundle key")
    return ClockStep(epoch=epoch, floor=now)


def _checked(
    source: TrustSource, keys: tuple[KeyEntry, ...], names: Mapping[str, str]
) -> TrustSource:
    """Make the source and hold it against what a gate will refuse.

    Raises:
        MalformedError: too many keys.
        BundleRefused: a key that does not load, or too many under one kid.
    """
    if len(keys) > MAX_KEYS:
        raise MalformedError(f"{len(keys)} keys are more than the {MAX_KEYS} of a trust bundle")
    open_trust(
        TrustSource(keys=keys, lists={}, sectors_enabled=()).document(
            version=1, issued_at=0, expires=1
        )
    )
    known = {key for entry in keys for key in (name_key(entry), entry_kid(entry).hex())}
    named = {key: name for key, name in sorted(names.items()) if key in known and name}
    return msgspec.structs.replace(source, keys=keys, names=named)
