"""What was signed of a plane last: read back at a start, so that the store is not simply believed.

Snapshots and deltas are signed by a key that the store does not have. The newest snapshot is also
kept in a file beside the store; from it, or from the one in the store, the deltas lead to the plane
as it was signed last. What the store says beyond that must be explained (`explanations.py`).
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
from redis.asyncio import Redis

from runtime.disk import sync_folder, write_synced
from verifier.contract.envelope import SignedUse, take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName, read_delta, read_status
from verifier.errors import BundleRefused
from verifier.issuing.publisher import TrustSource
from verifier.service.store.bundles import BYTES
from verifier.service.store.deltas import MAX_DELTAS_READ, DeltaRow, PlaneHead, read_deltas
from verifier.status.delta import apply
from verifier.status.plane import BITS, PackedValues, PlaneView, open_plane
from verifier.trust.keys import VerifyKey, load_spki
from verifier.trust.signed_document import holds

STATUS_USE: Final = "status"


class SignedPast:
    """The signed snapshots and deltas of one plane."""

    def __init__(
        self,
        redis: Redis,
        name: PlaneName,
        *,
        size: int,
        keys: Iterable[VerifyKey],
        folder: Path | None = None,
    ) -> None:
        self._redis = redis
        self._name = name
        self._size = size
        self._keys = {key.kid: key for key in keys}
        self._file = None if folder is None else folder / f"{name.bundle}.cbor"

    async def newest(self, view: PlaneView | None, head: PlaneHead | None) -> PlaneView:
        """Return the plane as it was signed last, at `head` where anything leads there.

        `view` is what is known of this run. Nothing signed at all: zeros of version 0.

        Raises:
            RedisError: the store is away.
            OSError: the file cannot be read.
        """
        found = [self._zeros()] if view is None else [view]
        if view is None:
            published: Any = await self._redis.get(BYTES + self._name.bundle)
            for data in (await self._kept(), published):
                snapshot = await asyncio.to_thread(self._snapshot, data)
                if snapshot is not None:
                    found.append(snapshot)
        led = [await self._led(each) for each in found]
        for each in led:
            if head is not None and (each.version, each.chain) == (head.version, head.chain):
                return each
        return max(led, key=lambda each: each.version)

    async def keep(self, snapshot: bytes) -> None:
        """Keep the newest snapshot beside the store.

        Raises:
            OSError: the disk does not take it; the one before may be lost with it.
        """
        if self._file is not None:
            await asyncio.to_thread(_replace, self._file, snapshot)

    async def forget(self) -> None:
        """Remove the snapshot beside the store: the plane is destroyed.

        Raises:
            OSError: it cannot be removed.
        """
        if self._file is not None:
            await asyncio.to_thread(self._file.unlink, missing_ok=True)

    async def _kept(self) -> bytes | None:
        if self._file is None:
            return None
        try:
            return await asyncio.to_thread(self._file.read_bytes)
        except FileNotFoundError:
            return None

    def _zeros(self) -> PlaneView:
        bits = BITS[self._name.plane]
        values = PackedValues(bits=bits, size=self._size, data=bytes((self._size * bits + 7) // 8))
        return PlaneView(values=values, version=0, as_of=0)

    def _snapshot(self, data: bytes | None) -> PlaneView | None:
        """Read a snapshot of this plane by one of our keys; None: it is none."""
        if data is None:
            return None
        try:
            payload = self._payload(data, SignedUse.STATUS)
            document = None if payload is None else read_status(payload)
            if document is None or (document.list, document.plane) != self._name:
                return None
            view = open_plane(document)
        except MalformedError:
            return None
        return view if view.values.size == self._size else None

    async def _led(self, view: PlaneView) -> PlaneView:
        """Return what the deltas in the store lead to from a view."""
        while True:
            rows = await read_deltas(self._redis, self._name, view.version)
            after = await asyncio.to_thread(self._applied, view, rows)
            if after.version == view.version or len(rows) < MAX_DELTAS_READ:
                return after
            view = after

    def _applied(self, view: PlaneView, rows: list[DeltaRow]) -> PlaneView:
        for row in rows:
            try:
                payload = self._payload(row.data, SignedUse.DELTA)
                document = None if payload is None else read_delta(payload)
                if document is None or (document.list, document.plane) != self._name:
                    return view
                view = apply(document, view)
            except (MalformedError, BundleRefused):
                return view
        return view

    def _payload(self, data: bytes, use: SignedUse) -> bytes | None:
        envelope = take_apart(data)
        key = self._keys.get(envelope.kid)
        return envelope.payload if key is not None and holds(envelope, use, key) else None


def status_keys(trust: Path) -> list[VerifyKey]:
    """Return the status keys of a trust source: also the old one, while a rotation lasts.

    Raises:
        OSError, msgspec.DecodeError, MalformedError: no trust source that can be read.
    """
    source = msgspec.json.decode(trust.read_bytes(), type=TrustSource)
    return [load_spki(entry.spki)[1] for entry in source.keys if STATUS_USE in entry.uses]


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    write_synced(beside, data)
    beside.replace(path)
    sync_folder(path.parent)
