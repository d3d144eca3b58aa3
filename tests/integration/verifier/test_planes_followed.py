"""What a worker makes of planes: snapshots and deltas in a real Redis, gaps, forks, forgeries."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from redis.asyncio import Redis

from tests.support.issued import root_file, trust_source
from tests.support.keys import BUNDLE, STRANGER, key
from tests.support.plane_stream import PlaneStream
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.errors import BundleCause
from verifier.issuing.publisher import seal_bundle
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import publish_bundle
from verifier.service.store.deltas import deltas_key
from verifier.service.worker.follow import status as under_test
from verifier.service.worker.follow.status import StatusFollower
from verifier.service.worker.kept_deltas import KeptDelta
from verifier.service.worker.knowledge import Knowledge
from verifier.service.worker.metrics import Metrics
from verifier.status.plane import PlaneView
from verifier.trust.bundle import TrustedSet
from verifier.trust.floors import Floor
from verifier.trust.kinds import take

HEALTH = PlaneName(1, Plane.HEALTH)
BUNDLE_NAME = "status-1-health"


class Worker:
    """What of a worker follows planes."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self.redis = redis
        self.floors = FloorFile(str(folder / "floors.json"))
        self.trusted = TrustedSet(root_file(), floors=self.floors.load())
        self.knowledge = Knowledge()
        self.metrics = Metrics("worker-0")
        now = int(time.time())
        trust = trust_source().document(version=1, issued_at=now, expires=now + 60)
        signed = seal_bundle(trust, BUNDLE)
        self.knowledge.learn(take(self.trusted, "trust", signed, now, held=True))
        self.follower = StatusFollower(
            redis, self.trusted, self.knowledge, structlog.get_logger(), self.metrics, self.floors
        )

    async def see(self) -> PlaneView | None:
        """Look at the shelf and at the stream once; return what is known of the plane then."""
        await self.follower.look()
        await self.follower.follow(0.05)
        return self.view

    @property
    def view(self) -> PlaneView | None:
        """What is known of the plane."""
        return self.knowledge.known.status.plane(*HEALTH)

    def refused(self, cause: BundleCause) -> int:
        """Return how many bundles were refused for a cause."""
        return self.metrics.bundles_refused.get(cause, 0)


class Shelf:
    """Where the publisher writes."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def lay(self, stream: PlaneStream) -> None:
        """Lay a snapshot on the shelf."""
        await publish_bundle(self.redis, stream.name, *stream.snapshot())

    async def tell(self, *deltas: KeptDelta) -> None:
        """Append deltas to the stream."""
        for delta in deltas:
            await self.redis.xadd(deltas_key(HEALTH), {"d": delta.data}, id=f"{delta.version}-0")


Steps = Callable[[Worker, Shelf, PlaneStream], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file; each test begins with an empty store."""
    with redis_server() as running:
        yield running


def on(server: RedisServer, folder: Path, steps: Steps) -> None:
    """Run steps with a worker, an empty store, and a stream that begins at version 100."""
    with server.client() as client:
        client.flushall()

    async def run() -> None:
        password = server.users["admin"]
        redis = Redis(unix_socket_path=str(server.socket), username="admin", password=password)
        try:
            await steps(Worker(redis, folder), Shelf(redis), PlaneStream(Plane.HEALTH, version=100))
        finally:
            await redis.aclose()

    asyncio.run(run())


def test_deltas_are_followed_one_by_one(server: RedisServer, tmp_path: Path) -> None:
    """A scan that holds the older plane keeps it; what was taken is handed on."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        first = await worker.see()
        assert first is not None
        assert first.version == 100
        await shelf.tell(stream.change({7: 3}), stream.change({7: 1, 8: 2}))
        second = await worker.see()
        assert second is not None
        assert (second.version, second.chain) == (102, stream.view.chain)
        assert [second.values[n] for n in (6, 7, 8)] == [0, 1, 2]
        assert [first.values[n] for n in (6, 7, 8)] == [0, 0, 0]
        assert worker.knowledge.head(BUNDLE_NAME) == 102
        assert not worker.metrics.bundles_refused

    on(server, tmp_path, steps)


def test_an_empty_delta_makes_the_plane_younger(server: RedisServer, tmp_path: Path) -> None:
    """And nothing else: the very same values go on."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        first = await worker.see()
        await shelf.tell(stream.change())
        second = await worker.see()
        assert first is not None
        assert second is not None
        assert second.values is first.values
        assert second.version == 101

    on(server, tmp_path, steps)


def test_a_gap_has_the_plane_taken_anew(server: RedisServer, tmp_path: Path) -> None:
    """Until a newer snapshot lies there, the plane stays as it was known."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        await worker.see()
        stream.change({1: 3})
        await shelf.tell(stream.change({2: 3}))
        view = await worker.see()
        assert view is not None
        assert (view.version, view.values[1], view.values[2]) == (100, 0, 0)
        assert worker.refused(BundleCause.ORDER) >= 1
        await shelf.lay(stream)
        await shelf.tell(stream.change({3: 3}))
        await worker.see()
        view = await worker.see()
        assert view is not None
        assert (view.version, *(view.values[n] for n in (1, 2, 3))) == (103, 3, 3, 3)

    on(server, tmp_path, steps)


def test_a_fork_has_the_plane_taken_anew(server: RedisServer, tmp_path: Path) -> None:
    """Deltas of another past are refused; the shelf's plane is taken once it is ahead."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        await shelf.tell(stream.change({1: 1}))
        await worker.see()
        other = PlaneStream(Plane.HEALTH, version=101, chain=9)
        await shelf.tell(other.change({1: 3}))
        view = await worker.see()
        assert view is not None
        assert (view.version, view.values[1]) == (101, 1)
        assert worker.refused(BundleCause.FORK) >= 1
        await shelf.lay(other)
        await worker.see()
        view = worker.view
        assert view is not None
        assert (view.version, view.values[1], view.chain) == (102, 3, other.view.chain)

    on(server, tmp_path, steps)


def test_an_old_snapshot_counts_only_with_what_leads_to_the_floor(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that starts catches up by deltas; a store set back gives it nothing."""
    monkeypatch.setattr(under_test, "AGAIN_S", 0.0)

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        deltas = [stream.change({n: 2}) for n in range(3)]
        floor = Floor(version=103, digest=stream.view.chain)
        worker.trusted.kept[BUNDLE_NAME] = (floor,)
        assert await worker.see() is None
        await shelf.tell(*deltas[:2])
        assert await worker.see() is None
        assert worker.refused(BundleCause.ROLLBACK) == 2
        await shelf.tell(deltas[2])
        view = await worker.see()
        assert view is not None
        assert (view.version, view.values[2]) == (103, 2)
        held = worker.knowledge.deltas[BUNDLE_NAME].bucket(64, known=103)
        assert held.newest == 103

    on(server, tmp_path, steps)


def test_another_past_at_the_floor_is_a_fork(server: RedisServer, tmp_path: Path) -> None:
    """The same version, but not what was accepted before."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        worker.trusted.kept[BUNDLE_NAME] = (Floor(version=100, digest=bytes((5,)) * 16),)
        await shelf.lay(stream)
        assert await worker.see() is None
        assert worker.refused(BundleCause.FORK) == 1

    on(server, tmp_path, steps)


def test_floors_outlive_the_worker(server: RedisServer, tmp_path: Path) -> None:
    """Version and chain of the newest delta, beside the store."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        await shelf.tell(stream.change({1: 1}))
        running = asyncio.create_task(worker.follower.run())
        try:
            for _ in range(500):
                if BUNDLE_NAME in worker.floors.load():
                    break
                await asyncio.sleep(0.02)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        kept = worker.floors.counting()[BUNDLE_NAME]
        assert (kept.version, kept.digest) == (101, stream.view.chain)

    on(server, tmp_path, steps)


@pytest.mark.parametrize("wrong", ["a stranger's", "of another plane", "nonsense"])
def test_a_delta_that_is_not_the_planes_changes_nothing(
    server: RedisServer, tmp_path: Path, wrong: str
) -> None:
    """It is counted, and the plane stays as it was known."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        await worker.see()
        good = stream.change({1: 3})
        data = {
            "a stranger's": lambda: (
                PlaneStream(Plane.HEALTH, version=100, key=STRANGER).change({1: 3}).data
            ),
            "of another plane": lambda: PlaneStream(Plane.DOSES, version=100).change({1: 3}).data,
            "nonsense": lambda: good.data[:-1],
        }[wrong]()
        await shelf.tell(KeptDelta(before=100, version=101, data=data))
        view = await worker.see()
        assert view is not None
        assert (view.version, view.values[1]) == (100, 0)
        assert sum(worker.metrics.bundles_refused.values()) >= 1

    on(server, tmp_path, steps)


def test_a_snapshot_on_anothers_place_is_refused(server: RedisServer, tmp_path: Path) -> None:
    """What it says of itself counts, not where it lies."""

    async def steps(worker: Worker, shelf: Shelf, _: PlaneStream) -> None:
        version, data = PlaneStream(Plane.DOSES, version=100).snapshot()
        await publish_bundle(shelf.redis, BUNDLE_NAME, version, data)
        assert await worker.see() is None
        assert worker.refused(BundleCause.MALFORMED) == 1
        assert BUNDLE_NAME not in worker.knowledge.bundles

    on(server, tmp_path, steps)


def test_a_destroyed_plane_is_forgotten(server: RedisServer, tmp_path: Path) -> None:
    """It is not judged by, not handed on, and not taken again."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        await shelf.tell(stream.change({1: 3}))
        await worker.see()
        await shelf.redis.hset("v:{status}:planes", str(HEALTH), "destroyed")
        assert await worker.see() is None
        assert BUNDLE_NAME not in worker.knowledge.bundles
        assert BUNDLE_NAME not in worker.knowledge.deltas
        assert await worker.see() is None

    on(server, tmp_path, steps)


def test_what_trust_did_not_name_is_tried_again(server: RedisServer, tmp_path: Path) -> None:
    """A status key that a newer trust bundle brings opens the snapshot that was refused."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        now = int(time.time())
        source: Any = trust_source()
        fewer = tuple(key for key in source.keys if "status" not in key.uses)
        for version, keys in ((2, fewer), (3, source.keys)):
            document = source.document(version=version, issued_at=now, expires=now + 60)
            document = msgspec.structs.replace(document, keys=keys)
            signed = seal_bundle(document, BUNDLE)
            worker.knowledge.learn(take(worker.trusted, "trust", signed, now))
            if version == 2:
                await shelf.lay(stream)
                assert await worker.see() is None
        assert await worker.see() is not None

    on(server, tmp_path, steps)


def test_a_stolen_key_holds_no_plane_up_once_it_is_rotated(
    server: RedisServer, tmp_path: Path
) -> None:
    """The thief's version is far above; with the new key's trust the honest plane is taken."""

    async def steps(worker: Worker, shelf: Shelf, stream: PlaneStream) -> None:
        await shelf.lay(stream)
        assert await worker.see() is not None
        thief = PlaneStream(Plane.HEALTH, version=1 << 30, chain=9)
        await shelf.lay(thief)
        await shelf.tell(thief.change({1: 1}))
        view = await worker.see()
        assert view is not None
        assert view.version == (1 << 30) + 1
        new = key("status key after the theft")
        now = int(time.time())
        source = trust_source()
        named = tuple(
            msgspec.structs.replace(line, spki=new.spki) if "status" in line.uses else line
            for line in source.keys
        )
        source = msgspec.structs.replace(source, keys=named)
        trust = source.document(version=2, issued_at=now, expires=now + 60)
        signed = seal_bundle(trust, BUNDLE)
        worker.knowledge.learn(take(worker.trusted, "trust", signed, now))
        await worker.redis.delete(deltas_key(HEALTH))
        honest = PlaneStream(Plane.HEALTH, version=120, chain=3, key=new)
        await shelf.lay(honest)
        await shelf.tell(honest.change({2: 2}))
        view = await worker.see()
        assert view is not None
        assert (view.version, view.values[2]) == (121, 2)
        assert worker.knowledge.head(BUNDLE_NAME) == 121
        await shelf.tell(honest.change({3: 3}))
        view = await worker.see()
        assert view is not None
        assert view.version == 122

    on(server, tmp_path, steps)
