"""The publisher's side of bundles (docs/bundles.md): documents in, signed envelopes out.

Which version comes next and how long one holds is the issuing process's to say; the root is signed
offline, by keys that no process of ours holds.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from verifier.contract.bundle import (
    BundleDocument,
    ClockStep,
    KeyEntry,
    RootDocument,
    TrustDocument,
)
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, seal
from verifier.issuing.signing_key import SigningKey
from verifier.trust.kinds import KINDS
from verifier.trust.root import seal_root_file


class TrustSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the next trust bundle shall say; a JSON file that the issuing process signs from."""

    keys: tuple[KeyEntry, ...]
    lists: dict[int, str]
    sectors_enabled: tuple[int, ...]
    names: dict[str, str] = {}
    """Whose key an entry's is, for people, by `sources.name_key`; not published."""
    clock: ClockStep | None = None
    """Lowers the floor of time of every terminal, once an epoch."""

    def document(self, *, version: int, issued_at: int, expires: int) -> TrustDocument:
        """Return the trust document of a version."""
        return TrustDocument(
            type="trust",
            version=version,
            iat=issued_at,
            exp=expires,
            keys=self.keys,
            lists=self.lists,
            sectors_enabled=self.sectors_enabled,
            clock=self.clock,
        )


def key_entry(
    spki: bytes,
    *,
    algorithm: int,
    uses: Sequence[str],
    not_before: int,
    expires: int,
    issuer: str | None = None,
    lists: Sequence[int] = (),
    sectors: Sequence[int] = (),
) -> KeyEntry:
    """Describe a public key and what it may sign."""
    return KeyEntry(
        spki=spki,
        uses=tuple(uses),
        algorithm=algorithm,
        nbf=not_before,
        exp=expires,
        issuer=issuer,
        lists=tuple(lists),
        sectors=tuple(sectors),
    )


def seal_root(document: RootDocument, keys: Sequence[SigningKey]) -> bytes:
    """Sign a root document with each of the root keys, of the old root too when it rotates."""
    payload = _payload(document)
    return seal_root_file(tuple(_seal(SignedUse.BUNDLE, payload, key) for key in keys))


def seal_bundle(document: BundleDocument, key: SigningKey) -> bytes:
    """Sign the document of a bundle, for the use that the table of kinds says."""
    return _seal(KINDS[document.type].use, _payload(document), key)


def _payload(document: msgspec.Struct) -> bytes:
    built: Any = msgspec.to_builtins(document, builtin_types=(bytes,))
    return encode(built)


def _seal(use: SignedUse, payload: bytes, key: SigningKey) -> bytes:
    return seal(use, payload, kid=key.kid, algorithm=key.algorithm, sign=key.sign)
