"""Publishers of one plane on a real Redis, and what a follower makes of what they published."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.changes import SEAL, change
from tests.support.issued import root_file, trust_source
from tests.support.keys import BUNDLE, STATUS
from tests.support.redis_server import RedisServer
from verifier.contract.status import DeltaDocument, PlaneName
from verifier.contract.vocabulary import Plane
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import seal_bundle
from verifier.service.issuing.planes.explanations import Explanations, RefusedChange
from verifier.service.issuing.planes.past import SignedPast
from verifier.service.issuing.planes.proof import PlaneProof
from verifier.service.issuing.planes.publisher import PlanePublisher
from verifier.service.process.floors import FloorFile
from verifier.service.store.deltas import HEADS, deltas_key, read_deltas
from verifier.service.store.planes import changes_key, plane_key
from verifier.status.changes import read_changes
from verifier.status.plane import PlaneView
from verifier.trust.bundle import TrustedSet
from verifier.trust.keys import load_spki

NAME: Final = PlaneName(1, Plane.HEALTH)
SIZE: Final = 4000
DEADLINE_S: Final = 15.0
Steps = Callable[["Scene"], Awaitable[None]]


class Scene:
    """A store, the publishers run on it, and what a follower would make of it."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self.server = server
        self.floors = FloorFile(str(folder / "floors.json"))
        self.signed = folder / "signed"
        self.told_refused: list[RefusedChange] = []
        self.redis = self.client()

    def client(self) -> Redis:
        """Return a client as the product's: it gives up on a silent server."""
        return Redis(
            unix_socket_path=str(self.server.socket), username="issuing",
            password=self.server.users["issuing"], socket_timeout=2,
        )  # fmt: skip

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[PlanePublisher]:
        """Run a publisher, and end it as a crash would: at once, wherever it is."""
        signer = PlaneSigner(
            issuer="440100",
            uri=trust_source().lists[1],
            list_number=1,
            plane=Plane.HEALTH,
            key=STATUS,
        )
        redis = self.client()
        it = PlanePublisher(
            redis,
            structlog.get_logger(),
            signer,
            size=SIZE,
            floors=self.floors,
            proof=PlaneProof(
                past=SignedPast(
                    redis, NAME, size=SIZE, keys=[load_spki(STATUS.spki)[1]], folder=self.signed
                ),
                explanations=Explanations(NAME, SEAL, self._none),
                seal=SEAL,
                tell=self._tell,
            ),
        )
        await it.make()
        task = asyncio.create_task(it.run())
        try:
            await until("a snapshot lies there", lambda: sure(it.ready.is_set()))
            yield it
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await redis.aclose()

    async def _none(self, _: str) -> None:
        """Find no proposal, and no case."""

    async def _tell(self, refused: Sequence[RefusedChange]) -> None:
        self.told_refused += refused

    async def change(self, *pairs: tuple[int, int]) -> None:
        """Change values in the store."""
        assert await change(self.redis, {NAME: pairs})

    async def set_back(self, version: int, head: bytes) -> None:
        """Set what was published back to a version, as a store that lost what came after."""
        kept = [row for row in await read_deltas(self.redis, NAME, 0) if row.version <= version]
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.delete(deltas_key(NAME))
        for row in kept:
            pipeline.xadd(deltas_key(NAME), {"d": row.data}, id=f"{row.version}-0")
        pipeline.hset(HEADS, str(NAME), head)
        await pipeline.execute()

    async def followed(self) -> PlaneView:
        """Return what the snapshot and the deltas after it lead to."""
        trusted = TrustedSet(root_file())
        now = int(time.time())
        trust = trust_source().document(version=1, issued_at=now, expires=now + 60)
        trusted.take_trust(seal_bundle(trust, BUNDLE), now)
        data: Any = await self.redis.get("v:bundle:status-1-health")
        version = trusted.read_status(data, now).version
        deltas = [row.data for row in await read_deltas(self.redis, NAME, version)]
        return trusted.take_status(data, now, deltas=deltas).value

    async def documents(self) -> list[DeltaDocument]:
        """Return all deltas in the stream."""
        trusted = TrustedSet(root_file())
        now = int(time.time())
        trust = trust_source().document(version=1, issued_at=now, expires=now + 60)
        trusted.take_trust(seal_bundle(trust, BUNDLE), now)
        return [trusted.read_delta(r.data, now) for r in await read_deltas(self.redis, NAME, 0)]

    async def told(self) -> Counter[int]:
        """Count how often each index was published as changed."""
        found: Counter[int] = Counter()
        for document in await self.documents():
            records = read_changes(document.changes, bits=2, size=SIZE)
            found.update(records["index"].tolist())
        return found

    async def complete(self) -> bool:
        """Say whether all that was changed can be followed."""
        try:
            data: Any = await self.redis.get(plane_key(NAME))
            waiting = await self.redis.xlen(changes_key(NAME))
            return not waiting and (await self.followed()).values.packed() == data
        except RedisError:
            return False


async def sure(found: bool) -> bool:  # noqa: FBT001 - a condition
    """Return what is known already."""
    return found


async def until(what: str, holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


def on(server: RedisServer, folder: Path, steps: Steps) -> None:
    """Run steps on an empty store."""
    with server.client() as client:
        client.flushall()

    async def run() -> None:
        scene = Scene(server, folder)
        try:
            await steps(scene)
        finally:
            await scene.redis.aclose()

    asyncio.run(run())
