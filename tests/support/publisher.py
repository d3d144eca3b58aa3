"""The simulated trust publisher: signs roots, trust bundles, profiles, rosters and status.

One value describes one edition; a test edits it in one line, `replace(EDITION, version=2)`.
"""

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from tests.support.foreign import rules_for
from tests.support.keys import BUNDLE, GRANTS, ISSUER, ROOTS, ROSTER, STATUS
from verifier.contract import cbor
from verifier.contract.bundle import Appointment, KeyEntry, Roster
from verifier.contract.cbor import encode
from verifier.contract.envelope import SignedUse, seal
from verifier.contract.grant import Grant, seal_grant
from verifier.contract.status import DeltaDocument, StatusDocument, write_delta, write_status
from verifier.contract.vocabulary import Plane
from verifier.issuing.signing_key import SigningKey
from verifier.status.changes import pack_changes
from verifier.status.delta import chained
from verifier.status.plane import BITS, PlaneView, pack
from verifier.trust.bundle import TrustedSet
from verifier.trust.root import seal_root_file

NOW: Final = 1_790_000_000
"""Unix seconds: 2026-09-21T14:13:20Z."""
HOUR: Final = 3_600
DAY: Final = 86_400
YEAR: Final = 365 * DAY


def entry(key: SigningKey, *uses: str, **changes: Any) -> KeyEntry:
    """Trust a key for some uses, for a year around now."""
    line = KeyEntry(
        spki=key.spki, uses=uses, algorithm=int(key.algorithm), nbf=NOW - YEAR, exp=NOW + YEAR
    )
    return msgspec.structs.replace(line, **changes)


ISSUER_ENTRY: Final = entry(ISSUER, "credential", issuer="440100", lists=(1,), sectors=(1, 2, 3, 4))
OTHER_ENTRIES: Final = (
    entry(STATUS, "status", lists=(1,)),
    entry(ROSTER, "roster", lists=(1, 2)),
    entry(GRANTS, "grant"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What is published at one time, and by whom it is signed."""

    root_version: int = 1
    root_exp: int = NOW + YEAR
    root_keys: tuple[SigningKey, ...] = ROOTS
    threshold: int = 2
    root_signers: tuple[SigningKey, ...] = ROOTS[:2]
    bundle_keys: tuple[SigningKey, ...] = (BUNDLE,)

    version: int = 1
    iat: int = NOW - HOUR
    exp: int = NOW + DAY
    signer: SigningKey | None = None
    """Who signs instead of the right key."""
    use: SignedUse | None = None
    """What it is signed for instead of the right use."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Members put into a document, over its own."""

    keys: tuple[KeyEntry, ...] = (ISSUER_ENTRY, *OTHER_ENTRIES)
    lists: Mapping[int, str] = field(default_factory=lambda: {1: "status:1", 2: "status:2"})
    sectors_enabled: tuple[int, ...] = (1, 2, 3, 4)

    def root_payload(self) -> bytes:
        """Return the encoded root document."""
        return encode(
            {
                "type": "root",
                "version": self.root_version,
                "iat": NOW - YEAR,
                "exp": self.root_exp,
                "root_keys": [{"spki": key.spki} for key in self.root_keys],
                "threshold": self.threshold,
                "bundle_keys": [{"spki": key.spki} for key in self.bundle_keys],
            }
            | dict(self.extra)
        )

    def root(self) -> bytes:
        """Return the root file."""
        payload = self.root_payload()
        use = self.use or SignedUse.BUNDLE
        return seal_root_file(tuple(_seal(use, payload, key) for key in self.root_signers))

    def trust(self) -> bytes:
        """Return the trust bundle."""
        body = {
            "keys": [msgspec.to_builtins(line, builtin_types=(bytes,)) for line in self.keys],
            "lists": dict(self.lists),
            "sectors_enabled": list(self.sectors_enabled),
        }
        return self._document("trust", body, BUNDLE, SignedUse.BUNDLE)

    def profiles(self, *profiles: Mapping[str, Any]) -> bytes:
        """Return the profiles."""
        body: dict[str, Any] = {"profiles": [dict(profile) for profile in profiles]}
        if rules_for(profiles):
            body["rules"] = list(rules_for(profiles))
        return self._document("profiles", body, BUNDLE, SignedUse.BUNDLE)

    def cards(self, lists: Mapping[str, Sequence[str]] | None = None) -> bytes:
        """Return the revoked health cards, by kid."""
        body = {"lists": {kid: list(entries) for kid, entries in (lists or {}).items()}}
        return self._document("cards", body, BUNDLE, SignedUse.BUNDLE)

    def appointments(self, *entries: Appointment, place: str = "hall-1") -> bytes:
        """Return a place's appointments."""
        body = {"place": place, "entries": [msgspec.to_builtins(entry) for entry in entries]}
        return self._document("appointments", body, BUNDLE, SignedUse.BUNDLE)

    def rosters(self, *rosters: Roster, place: str = "hall-1") -> bytes:
        """Return a place's rosters."""
        built = [msgspec.to_builtins(roster, builtin_types=(bytes,)) for roster in rosters]
        body = {"place": place, "rosters": built}
        return self._document("rosters", body, ROSTER, SignedUse.ROSTER)

    def status(
        self, plane: Plane, size: int, values: Mapping[int, int], *, fill: int = 0, number: int = 1
    ) -> bytes:
        """Return a snapshot: `fill` everywhere but for `values`."""
        whole = np.full(size, fill, np.uint8)
        for index, value in values.items():
            whole[index] = value
        body: dict[str, Any] = {
            "iss": "440100",
            "uri": f"status:{number}",
            "iat": self.iat,
            "exp": self.exp,
            "ttl": 60,
            "list": number,
            "plane": plane,
            "bits": BITS[plane],
            "size": size,
            "version": self.version,
            "chain": hashlib.sha256(f"{self.version} {self.iat}".encode()).digest()[:16],
            "lst": zlib.compress(pack(whole, BITS[plane])),
        } | dict(self.extra)
        members = {
            name: body.pop(name) for name in StatusDocument.__struct_fields__ if name in body
        }
        payload = write_status(StatusDocument(**members))
        if body:
            payload = encode(cbor.decode(payload) | body)
        return _seal(self.use or SignedUse.STATUS, payload, self.signer or STATUS)

    def delta(
        self, view: PlaneView, plane: Plane, changes: Mapping[int, int], *, number: int = 1
    ) -> bytes:
        """Return a delta from a view to this edition's version."""
        body: dict[str, Any] = {
            "iss": "440100",
            "list": number,
            "plane": plane,
            "before": view.version,
            "version": self.version,
            "iat": self.iat,
            "exp": self.exp,
            "prev": view.chain,
            "changes": pack_changes(changes.items(), bits=8),
        } | dict(self.extra)
        chain = chained(body["prev"], body["version"], body["changes"])
        body = {"chain": chain} | body
        members = {name: body.pop(name) for name in DeltaDocument.__struct_fields__ if name in body}
        payload = write_delta(DeltaDocument(**members))
        if body:
            payload = encode(cbor.decode(payload) | body)
        return _seal(self.use or SignedUse.DELTA, payload, self.signer or STATUS)

    def destruction(self, plane: Plane, *, number: int = 1, last: int = 0) -> bytes:
        """Return the certificate that a plane was destroyed, as of this edition's version."""
        body: dict[str, Any] = {
            "type": "destruction",
            "version": self.version,
            "iat": self.iat,
            "began": self.iat,
            "iss": "440100",
            "list": number,
            "plane": plane.value,
            "size": 4,
            "counts": {0: 4},
            "last": last,
            "chain": bytes(16),
            "snapshot": bytes(32),
            "reason": "it is over",
            "by": ["hao", "ling"],
            "order": "",
        }
        payload = encode(body | dict(self.extra))
        return _seal(self.use or SignedUse.DESTRUCTION, payload, self.signer or STATUS)

    def grant(self, grant: Grant) -> bytes:
        """Return a signed grant."""
        key = self.signer or GRANTS
        return seal_grant(grant, kid=key.kid, sign=key.sign)

    def trusted(self) -> TrustedSet:
        """Return a set that has taken the root and the trust bundle."""
        taken = TrustedSet(self.root())
        taken.take_trust(self.trust(), NOW, held=True)
        return taken

    def _document(
        self, name: str, body: Mapping[str, Any], key: SigningKey, use: SignedUse
    ) -> bytes:
        opening = {"type": name, "version": self.version, "iat": self.iat, "exp": self.exp}
        payload = encode(opening | dict(body) | dict(self.extra))
        return _seal(self.use or use, payload, self.signer or key)


def _seal(use: SignedUse, payload: bytes, key: SigningKey) -> bytes:
    return seal(use, payload, kid=key.kid, algorithm=key.algorithm, sign=key.sign)


EDITION: Final = Edition()
