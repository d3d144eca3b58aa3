"""Root documents, the publisher's side: describe one, sign it key by key, say what changes.

Signed offline, by keys that no process of ours holds, perhaps by several persons one after another:
a root file may be on its way and hold fewer signatures than its threshold. What is finished is
taken by a `TrustedSet` before anybody is given it. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.errors import MalformedError
from verifier.issuing.publisher import seal_root
from verifier.issuing.signing_key import SigningKey
from verifier.trust.bundle import TrustedSet
from verifier.trust.keys import kid_of, load_spki
from verifier.trust.root import envelopes_of, open_root_file, root_signers, seal_root_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Who has signed a root file, of those whose signatures count."""

    own: frozenset[bytes]
    own_threshold: int
    previous: frozenset[bytes]
    previous_threshold: int
    """0 for a first root: nobody comes before it."""

    @property
    def complete(self) -> bool:
        """Whether a gate that holds the previous root would take it."""
        return len(self.own) >= self.own_threshold and len(self.previous) >= self.previous_threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """What a root says that the previous one did not; keys by kid."""

    version: tuple[int, int]
    """Before (0: there was none) and after."""
    threshold: tuple[int, int]
    expires: tuple[int, int]
    root_added: tuple[bytes, ...]
    root_removed: tuple[bytes, ...]
    root_kept: tuple[bytes, ...]
    bundle_added: tuple[bytes, ...]
    bundle_removed: tuple[bytes, ...]
    bundle_kept: tuple[bytes, ...]


def root_kids(keys: Iterable[RootKey]) -> tuple[bytes, ...]:
    """Return the kids of a root's keys.

    Raises:
        MalformedError: one does not load.
    """
    return tuple(kid_of(load_spki(key.spki)[0]) for key in keys)


def compared(previous: RootDocument | None, root: RootDocument) -> RootChange:
    """Say what changes."""
    old_root = () if previous is None else root_kids(previous.root_keys)
    old_bundle = () if previous is None else root_kids(previous.bundle_keys)
    new_root, new_bundle = root_kids(root.root_keys), root_kids(root.bundle_keys)
    return RootChange(
        version=(0 if previous is None else previous.version, root.version),
        threshold=(0 if previous is None else previous.threshold, root.threshold),
        expires=(0 if previous is None else previous.exp, root.exp),
        root_added=_without(new_root, old_root),
        root_removed=_without(old_root, new_root),
        root_kept=tuple(kid for kid in new_root if kid in old_root),
        bundle_added=_without(new_bundle, old_bundle),
        bundle_removed=_without(old_bundle, new_bundle),
        bundle_kept=tuple(kid for kid in new_bundle if kid in old_bundle),
    )


def _without(kids: tuple[bytes, ...], others: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(kid for kid in kids if kid not in others)


def checked(root: RootDocument) -> RootDocument:
    """Hold a root document against what a gate will ask of it.

    Raises:
        MalformedError: a bound, a threshold past the keys, a key twice, or one that does not load.
    """
    try:
        # Types and bounds are the contract's; building a Struct does not ask them.
        msgspec.convert(
            msgspec.to_builtins(root, builtin_types=(bytes,)), RootDocument, builtin_types=(bytes,)
        )
    except msgspec.ValidationError as error:
        raise MalformedError(f"not a root document: {error}") from error
    for keys in (root.root_keys, root.bundle_keys):
        if len(set(root_kids(keys))) < len(keys):
            raise MalformedError("a key that stands twice")
    if root.threshold > len(root.root_keys):
        raise MalformedError("a threshold that its root keys cannot reach")
    if root.exp <= root.iat:
        raise MalformedError("a root that ends before it begins")
    return root


def signed(root: RootDocument, keys: Sequence[SigningKey]) -> bytes:
    """Sign a root document with each of the keys, each once."""
    once = {key.kid: key for key in keys}
    return seal_root(checked(root), list(once.values()))


def cosigned(root_file: bytes, keys: Sequence[SigningKey]) -> bytes:
    """Add signatures to a root file that is on its way; what is signed does not change.

    Raises:
        BundleRefused: not a root file.
    """
    _, envelopes = open_root_file(root_file)
    payload, there = envelopes[0].payload, {envelope.kid for envelope in envelopes}
    added = [
        seal(SignedUse.BUNDLE, payload, kid=key.kid, algorithm=key.algorithm, sign=key.sign)
        for key in {key.kid: key for key in keys}.values()
        if key.kid not in there
    ]
    return seal_root_file((*envelopes_of(root_file), *added))


def signatures(root_file: bytes, previous: RootDocument | None) -> Signatures:
    """Count whose signatures hold.

    Raises:
        BundleRefused: not a root file.
    """
    root, envelopes = open_root_file(root_file)
    return Signatures(
        own=root_signers(root, envelopes),
        own_threshold=root.threshold,
        previous=frozenset() if previous is None else root_signers(previous, envelopes),
        previous_threshold=0 if previous is None else previous.threshold,
    )


def taken_after(previous_file: bytes | None, root_file: bytes, now: float) -> None:
    """Have a gate take a root: the one that holds the previous, or a new one.

    Raises:
        BundleRefused: it would not.
    """
    if previous_file is None:
        TrustedSet(root_file)
    else:
        TrustedSet(previous_file).take_root(root_file, now)
