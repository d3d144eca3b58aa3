"""The destruction of a person plane, whole and for good, with a signed certificate.

(1) The order is written down; (2) publishing ends; (3) one step of the store takes the plane from
everybody; (4) its values are counted, and the figures written down; (5) all that the store
holds of it is removed, its snapshot too; (6) the store's file is rewritten; (7) the certificate is
signed, kept and published for every gate; (8) the order is struck. Whatever ends the process, the
next start goes on where it was; a second order finds the certificate. Follows docs/destruction.md.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from runtime.disk import write_whole
from runtime.logs import Log
from verifier.contract.destruction import (
    CHAIN_BYTES,
    DIGEST_BYTES,
    TYPE,
    Destruction,
    certificate_name,
    count_values,
    read_destruction,
    seal_destruction,
)
from verifier.contract.envelope import take_apart
from verifier.contract.errors import MalformedError
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.planes.publisher import PlanePublisher
from verifier.service.process.floors import FloorFile, believed
from verifier.service.store.aof_rewrite import RewriteError, rewrite_file
from verifier.service.store.bundles import publish_bundle, read_versions
from verifier.service.store.destruction import condemn, remove
from verifier.service.store.planes import PlaneUnknown, read_planes
from verifier.status.plane import BITS
from verifier.trust.keys import thumbprint_of_spki

RETRY_S: Final = 5.0
"""Seconds until a destruction that was interrupted is continued."""
_NOTHING: Final = "0" * (2 * DIGEST_BYTES)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted before the bytes were removed."""

    counts: dict[int, int]
    last: int
    chain: str
    """Hex, as the following."""
    snapshot: str


class DestructionOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A destruction that is under way: <folder>/destroyed-<list>-<plane>.json."""

    list: int
    plane: Plane
    size: int
    began: int
    reason: str
    by: tuple[str, ...]
    order: str
    figures: Figures | None = None

    @property
    def name(self) -> PlaneName:
        """Which plane."""
        return PlaneName(self.list, self.plane)


_ORDER: Final = msgspec.json.Decoder(DestructionOrder)


class Destroyer:
    """Destroys planes of one list, one at a time."""

    def __init__(
        self,
        redis: Redis,
        log: Log,
        *,
        issuer: str,
        key: SigningKey,
        folder: Path,
        floors: FloorFile,
        publishers: Mapping[PlaneName, PlanePublisher],
    ) -> None:
        self._redis = redis
        self._log = log
        self._issuer = issuer
        self._key = key
        self._folder = folder
        self._floors = floors
        self._publishers = publishers
        self._turn = asyncio.Lock()

    async def destroy(
        self, name: PlaneName, *, reason: str, by: tuple[str, ...], order: str
    ) -> bytes:
        """Destroy a plane and return the certificate; one that is destroyed has its certificate.

        Raises:
            ValueError: revocations are no person plane: without them every credential would hold.
            PlaneUnknown: no such plane.
            RedisError, OSError, RewriteError: it is begun, and continued as soon as it can be.
        """
        if name.plane is Plane.REVOCATION:
            raise ValueError("a plane of credentials cannot be destroyed")
        async with self._turn:
            kept = self._certificate(name)
            if kept is not None:
                return kept
            if self._read(name) is None:
                size = (await read_planes(self._redis)).get(name)
                if size is None:
                    raise PlaneUnknown(str(name))
                began = int(now())
                self._write(
                    DestructionOrder(
                        list=name.list_number, plane=name.plane, size=size, began=began,
                        reason=reason, by=by, order=order,
                    )
                )  # fmt: skip
                self._log.warning("plane.destroying", plane=str(name), by=by, order=order)
            return await self._go_on(name)

    async def run(self) -> None:
        """Go on with what an earlier process began, and keep certificates published."""
        while True:
            try:
                async with self._turn:
                    for order in self._orders():
                        await self._go_on(order.name)
                    await self._keep_destroyed()
                    await self._lay_out()
            except (RedisError, OSError, RewriteError, PlaneUnknown) as error:
                self._log.warning("destruction.waiting", why=str(error) or type(error).__name__)
            await asyncio.sleep(RETRY_S)

    async def _go_on(self, name: PlaneName) -> bytes:
        order = self._read(name)
        if order is None:
            raise PlaneUnknown(str(name))
        publisher = self._publishers.get(name)
        if publisher is not None:
            await publisher.end()
        if order.figures is None:
            order = await self._condemn(order)
        if publisher is not None:
            await publisher.forget()
        await remove(self._redis, name)
        await rewrite_file(self._redis)
        kept = self._certificate(name)
        data = self._seal(order) if kept is None else kept
        if kept is None:
            write_whole(self._path(name, "cbor"), data)
        await self._lay_out()
        self._path(name, "json").unlink()
        self._log.warning("plane.destroyed", plane=str(name), order=order.order)
        return data

    async def _keep_destroyed(self) -> None:
        """End again what a store that was set back has again."""
        for name in await read_planes(self._redis):
            if self._certificate(name) is None:
                continue
            publisher = self._publishers.get(name)
            if publisher is not None:
                await publisher.end()
                await publisher.forget()
            await condemn(self._redis, name)
            await remove(self._redis, name)
            await rewrite_file(self._redis)
            self._log.warning("plane.destroyed_again", plane=str(name))

    async def _condemn(self, order: DestructionOrder) -> DestructionOrder:
        """Take the plane from everybody, and note what it was before its bytes go."""
        found = await condemn(self._redis, order.name)
        if found.data is None:
            raise PlaneUnknown(f"{order.name}: its bytes are gone, and nobody has counted them")
        bundle = order.name.bundle
        floor = self._floors.counting(thumbprint_of_spki(self._key.spki)).get(bundle)
        last = 0 if found.head is None else found.head.version
        if not believed(bundle, last, floor):
            last = 0
        counts = await asyncio.to_thread(
            count_values, found.data, bits=BITS[order.plane], size=order.size
        )
        noted = msgspec.structs.replace(
            order,
            figures=Figures(
                counts=counts,
                last=max(last, 0 if floor is None else floor.version),
                chain=(bytes(CHAIN_BYTES) if found.head is None else found.head.chain).hex(),
                snapshot=found.snapshot or _NOTHING,
            ),
        )
        self._write(noted)
        return noted

    def _seal(self, order: DestructionOrder) -> bytes:
        figures = order.figures
        if figures is None:
            raise PlaneUnknown(str(order.name))
        document = Destruction(
            type=TYPE,
            version=figures.last + 1,
            iat=max(int(now()), order.began),
            began=order.began,
            iss=self._issuer,
            list=order.list,
            plane=order.plane,
            size=order.size,
            counts=figures.counts,
            last=figures.last,
            chain=bytes.fromhex(figures.chain),
            snapshot=bytes.fromhex(figures.snapshot),
            reason=order.reason,
            by=order.by,
            order=order.order,
        )
        key = self._key
        return seal_destruction(document, kid=key.kid, algorithm=key.algorithm, sign=key.sign)

    async def _lay_out(self) -> None:
        """Publish certificates that are not there: a store may have been set back."""
        versions = await read_versions(self._redis)
        for path in sorted(self._folder.glob("*.cbor")):
            data = path.read_bytes()
            try:
                document = read_destruction(take_apart(data).payload)
            except MalformedError:
                self._log.error("certificate.unread", file=str(path))
                continue
            held = versions.get(document.name)
            if held is None or held.version != document.version:
                await publish_bundle(self._redis, document.name, document.version, data)

    def _orders(self) -> list[DestructionOrder]:
        return [_ORDER.decode(path.read_bytes()) for path in sorted(self._folder.glob("*.json"))]

    def _read(self, name: PlaneName) -> DestructionOrder | None:
        try:
            return _ORDER.decode(self._path(name, "json").read_bytes())
        except FileNotFoundError:
            return None

    def _certificate(self, name: PlaneName) -> bytes | None:
        try:
            return self._path(name, "cbor").read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, order: DestructionOrder) -> None:
        write_whole(self._path(order.name, "json"), msgspec.json.encode(order))

    def _path(self, name: PlaneName, suffix: str) -> Path:
        return self._folder / f"{certificate_name(*name)}.{suffix}"
