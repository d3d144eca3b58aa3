"""Root files: one document in several envelopes, one for each root key; which keys signed it.

The order of roots, and what one is trusted for, is `bundle.py`'s to say.
"""

import hashlib
from typing import Final

from verifier.contract import cbor
from verifier.contract.bundle import RootDocument, RootKey
from verifier.contract.envelope import Envelope, SignedUse
from verifier.contract.errors import MalformedError
from verifier.errors import BundleCause, BundleRefused
from verifier.trust.keys import VerifyKey, kid_of, load_spki
from verifier.trust.signed_document import document_in, holds, taken_apart

MAX_ROOT_SIGNATURES: Final = 16
"""Envelopes in a root file; a root has at most 16 keys."""
_ROOT_FILE: Final = cbor.Grammar(max_items=MAX_ROOT_SIGNATURES + 1)


def seal_root_file(envelopes: tuple[bytes, ...]) -> bytes:
    """Put the envelopes of one root document, one for each root key, into a root file."""
    return cbor.encode(list(envelopes))


def keys_of(entries: tuple[RootKey, ...]) -> dict[bytes, VerifyKey]:
    """Load the keys that a root names, by kid.

    Raises:
        BundleRefused: MALFORMED: one of them does not load.
    """
    keys = {}
    for entry in entries:
        try:
            public, key = load_spki(entry.spki)
        except MalformedError as error:
            raise BundleRefused(BundleCause.MALFORMED, str(error)) from error
        keys[kid_of(public)] = key
    return keys


def _byte_strings(found: object) -> list[bytes]:
    if isinstance(found, list) and all(isinstance(item, bytes) for item in found):
        return found
    raise MalformedError("not a list of byte strings")


def envelopes_of(root_file: bytes) -> tuple[bytes, ...]:
    """Return the envelopes of a root file as they stand; nothing of them is read.

    Raises:
        BundleRefused: MALFORMED.
    """
    try:
        return tuple(_byte_strings(cbor.decode(root_file, _ROOT_FILE)))
    except MalformedError as error:
        raise BundleRefused(BundleCause.MALFORMED, "not a root file") from error


def open_root_file(root_file: bytes) -> tuple[RootDocument, tuple[Envelope, ...]]:
    """Read a root file: one document in one envelope for each root key; no signature is checked.

    Raises:
        BundleRefused: MALFORMED.
    """
    envelopes = [taken_apart(data) for data in envelopes_of(root_file)]
    if not envelopes or any(e.payload != envelopes[0].payload for e in envelopes):
        raise BundleRefused(BundleCause.MALFORMED, "not a root file")
    return document_in(envelopes[0], RootDocument, "root"), tuple(envelopes)


def root_signers(authority: RootDocument, envelopes: tuple[Envelope, ...]) -> frozenset[bytes]:
    """Return the kids of a root's keys whose signatures hold; a key counts once."""
    keys = keys_of(authority.root_keys)
    return frozenset(
        envelope.kid
        for envelope in envelopes
        if envelope.kid in keys and holds(envelope, SignedUse.BUNDLE, keys[envelope.kid])
    )


def read_root(root_file: bytes, previous: RootDocument | None) -> tuple[RootDocument, bytes]:
    """Read a root file signed by its own root keys and the previous ones."""
    root, envelopes = open_root_file(root_file)
    for authority in (root,) if previous is None else (root, previous):
        if len(root_signers(authority, envelopes)) < authority.threshold:
            raise BundleRefused(BundleCause.SIGNATURE, "too few root keys signed")
    return root, hashlib.sha256(envelopes[0].payload).digest()
