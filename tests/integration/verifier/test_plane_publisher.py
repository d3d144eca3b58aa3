"""Publishing planes on a real Redis: whatever dies, no change is lost, and none published twice."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisAway

from tests.support.plane_scene import NAME, SIZE, Scene, on, sure, until
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.envelope import take_apart
from verifier.contract.status import read_status
from verifier.service.issuing.planes import publisher as under_test
from verifier.service.issuing.planes.publisher import LEAP, PlanePublisher
from verifier.service.store.deltas import (
    HEADS,
    Superseded,
    deltas_key,
    lay_snapshot,
    publish_delta,
    read_deltas,
)
from verifier.service.store.feeds import fed_key
from verifier.service.store.planes import changes_key, plane_key
from verifier.status.changes import read_changes
from verifier.trust.floors import Floor

BUCKET = 8


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second have as many versions as there are changes: what is tried here is no pace."""

    async def at_once(_self: PlanePublisher, _iat: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(PlanePublisher, "_second_after", at_once)


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file; each test begins with an empty store."""
    with redis_server() as running:
        yield running


def test_changes_are_published_once_a_second_at_most(server: RedisServer, tmp_path: Path) -> None:
    """Each version has a second of its own; what they lead to is what the store holds."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            for n in range(60):
                await scene.change((n, 1 + n % 3), (SIZE - 1 - n, 2))
                await asyncio.sleep(0.02)
            await until("all is published", scene.complete)
        documents = await scene.documents()
        assert len({d.iat for d in documents}) == len(documents) >= 2
        assert [d.before for d in documents[1:]] == [d.version for d in documents[:-1]]
        assert set((await scene.told()).values()) == {1}

    on(server, tmp_path, steps)


def test_an_empty_delta_raises_the_age_alone(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each ttl, so that an unchanged plane is known to be unchanged."""
    monkeypatch.setattr(under_test, "TTL_S", 1)

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            await scene.change((7, 3))
            await until("all is published", scene.complete)
            before = await scene.followed()

            async def older() -> bool:
                return (await scene.followed()).version > before.version

            await until("it is confirmed", older)
            after = await scene.followed()
        assert after.as_of > before.as_of
        assert after.values.packed() == before.values.packed()
        assert (await scene.documents())[-1].changes == b""

    on(server, tmp_path, steps)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.usefixtures("unhurried")
def test_a_publisher_that_dies_around_its_step_loses_nothing(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The next one finds the delta written or the changes waiting: each is told exactly once."""
    died = asyncio.Event()

    async def dying(*given: Any, **named: Any) -> None:
        if moment == "after":
            await publish_delta(*given, **named)
        died.set()
        await asyncio.Event().wait()

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            monkeypatch.setattr(under_test, "publish_delta", dying)
            await scene.change((1, 1), (2, 2))
            await until("it has come to its step", lambda: sure(died.is_set()))
        monkeypatch.setattr(under_test, "publish_delta", publish_delta)
        await scene.change((3, 3))
        async with scene.publisher():
            await until("all is published", scene.complete)
        assert await scene.told() == {1: 1, 2: 1, 3: 1}

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_redis_killed_amid_changes_loses_none_that_was_acknowledged(
    server: RedisServer, tmp_path: Path
) -> None:
    """The publisher comes back by itself and goes on from what the store holds."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher() as publisher:
            acknowledged: list[int] = []

            async def write() -> None:
                for n in range(1, SIZE):
                    await scene.change((n, 1))
                    acknowledged.append(n)

            writing = asyncio.create_task(write())
            await until("some are", lambda: sure(len(acknowledged) > 300))
            await asyncio.to_thread(scene.server.kill)
            with pytest.raises((RedisAway, OSError)):
                await writing
            await asyncio.to_thread(scene.server.start)
            await until("all is published", scene.complete)
            assert publisher.problem is None
        values = (await scene.followed()).values
        assert all(values[n] == 1 for n in acknowledged)
        assert set((await scene.told()).values()) == {1}

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_two_publishers_fork_nothing(server: RedisServer, tmp_path: Path) -> None:
    """Whoever comes second reads the state anew; the stream stays one."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher(), scene.publisher():
            for n in range(30):
                await scene.change((n, 1))
                await asyncio.sleep(0.05)
            await until("all is published", scene.complete)
        documents = await scene.documents()
        assert [d.prev for d in documents[1:]] == [d.chain for d in documents[:-1]]
        assert set((await scene.told()).values()) == {1}

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_versions_stay_above_the_floors(server: RedisServer, tmp_path: Path) -> None:
    """A store that was set back starts over above what somebody accepted before."""

    async def steps(scene: Scene) -> None:
        scene.floors.raise_to({"status-1-health": (Floor(version=500, digest=bytes(16)),)})
        async with scene.publisher():
            assert (await scene.followed()).version == 501 + LEAP
        scene.floors.raise_to({"status-1-health": (Floor(version=900, digest=bytes(16)),)})
        await scene.change((5, 2))
        async with scene.publisher():
            await until("all is published", scene.complete)
            view = await scene.followed()
        assert (view.version, view.values[5]) == (901 + LEAP, 2)

    on(server, tmp_path, steps)


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.usefixtures("unhurried")
def test_a_store_that_forgot_its_last_versions_gives_none_of_them_twice(
    server: RedisServer, tmp_path: Path, *, restarted: bool
) -> None:
    """Whoever holds one of them finds the next delta above it, of another past: a gap."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher() as publisher:
            await scene.change((1, 1))
            await until("all is published", scene.complete)
            before = await scene.followed()
            head: Any = await scene.redis.hget(HEADS, str(NAME))
            await scene.change((2, 2))
            await until("all is published", scene.complete)
            lost = await scene.followed()
            assert lost.version > before.version
            if not restarted:
                await scene.set_back(before.version, head)
                await scene.change((3, 3))
                await until("it is told", lambda: told(scene))
                assert publisher.version > lost.version
        if restarted:
            await scene.set_back(before.version, head)
            await scene.change((3, 3))
            async with scene.publisher():
                await until("it is told", lambda: told(scene))
        rows = await read_deltas(scene.redis, NAME, before.version)
        assert all(row.version > lost.version for row in rows)

    async def told(scene: Scene) -> bool:
        return (await scene.followed()).values[3] == 3

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_a_plane_that_starts_over_is_no_younger_than_its_sources(
    server: RedisServer, tmp_path: Path
) -> None:
    """While one of them is stale its snapshot says so from the first version on."""

    async def steps(scene: Scene) -> None:
        await scene.redis.set(fed_key(NAME), "1000:2000")
        async with scene.publisher() as publisher:
            data: Any = await scene.redis.get(f"v:bundle:{publisher.bundle}")
            assert read_status(take_apart(data).payload).fed == 1000

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_a_flood_of_changes_starts_the_plane_over(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than deltas should carry: one snapshot takes their place, and no delta leads there."""
    monkeypatch.setattr("verifier.service.issuing.planes.backlog.MAX_DELTA_CHANGES", 100)
    monkeypatch.setattr(under_test, "START_OVER_S", 0.0)

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            before = await scene.followed()
            await scene.change(*((n, 1) for n in range(300)))
            await until("all is published", scene.complete)
            await scene.change((301, 1))
            await until("it goes on", scene.complete)
        view = await scene.followed()
        assert view.version > before.version
        assert [view.values[n] for n in (0, 299, 300, 301)] == [1, 1, 0, 1]
        assert max((await scene.told()).values()) == 1

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_a_flood_is_told_in_parts_while_a_snapshot_is_young(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snapshots of a city cost seconds of computing: between them deltas carry what they can."""
    monkeypatch.setattr("verifier.service.issuing.planes.backlog.MAX_DELTA_CHANGES", 100)

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            for n in range(2):
                await scene.change(*((100 * n + m, 1) for m in range(60)))
            await until("all is published", scene.complete)
        assert [len(d.changes) // 5 for d in (await scene.documents()) if d.changes] == [60] * 2

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_a_delta_of_nobodys_in_the_stream_is_passed_over(
    server: RedisServer, tmp_path: Path
) -> None:
    """The plane starts over above it."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            version = (await scene.followed()).version
            await scene.redis.xadd(deltas_key(NAME), {"d": b"nonsense"}, id=f"{version + 3}-0")
            await scene.change((1, 1))
            await until("the stream is its own again", lambda: above(scene, version + 3))
            await until("all is published", scene.complete)

    async def above(scene: Scene, version: int) -> bool:
        data: Any = await scene.redis.hget("v:{status}:heads", str(NAME))
        return int(data.partition(b":")[0]) > version

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_deltas_are_kept_from_the_first_of_a_bucket(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that lead on from the newest snapshots stay; the oldest kept begins a bucket."""
    monkeypatch.setattr(under_test, "SNAPSHOT_OCTETS", 1)
    monkeypatch.setattr(under_test, "DELTA_BUCKET", BUCKET)

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            for n in range(4 * BUCKET):
                await scene.change((n, 1))
                await until("it is published", lambda: none_waits(scene))
            await until("all is published", scene.complete)
        versions = [row.version for row in await read_deltas(scene.redis, NAME, 0)]
        assert versions[0] % BUCKET == 0 < versions[0]
        assert versions == list(range(versions[0], versions[-1] + 1))

    async def none_waits(scene: Scene) -> bool:
        return not await scene.redis.xlen(changes_key(NAME))

    on(server, tmp_path, steps)


def test_a_promised_version_shows_what_was_changed_before(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whenever it is asked for, also amid publishing, and it comes soon."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher() as publisher:
            promises: dict[int, int] = {}
            for n in range(40):
                await scene.change((n, 1))
                promises[n] = await publisher.shows_from()
                await asyncio.sleep(0.03)

            async def kept() -> bool:
                return (await scene.followed()).version >= max(promises.values())

            await until("the last promise is kept", kept)
        told: dict[int, int] = {}
        for document in await scene.documents():
            for index in read_changes(document.changes, bits=2, size=SIZE)["index"].tolist():
                told[index] = document.version
        assert all(told[n] <= promised for n, promised in promises.items())

    on(server, tmp_path, steps)


def test_a_snapshot_takes_the_place_of_an_older_one_alone(
    server: RedisServer, tmp_path: Path
) -> None:
    """One that was long in the making does not, nor one of a plane that is gone."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher() as publisher:
            bundle, version = publisher.bundle, publisher.version
        for late, gone in ((version - 1, False), (version + 1, True)):
            if gone:
                await scene.redis.hset("v:{status}:planes", str(NAME), "destroyed")
            with pytest.raises(Superseded):
                await lay_snapshot(scene.redis, NAME, bundle, late, b"late")
        assert await scene.redis.get(f"v:bundle:{bundle}") != b"late"

    on(server, tmp_path, steps)


def test_a_destroyed_plane_is_published_no_more(server: RedisServer, tmp_path: Path) -> None:
    """The publisher ends, and no later one makes it again."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            pass
        await scene.redis.hset("v:{status}:planes", str(NAME), "destroyed")
        await scene.redis.delete(plane_key(NAME), changes_key(NAME))
        async with scene.publisher() as publisher:
            assert publisher.problem is None
        assert not await scene.redis.exists(plane_key(NAME))

    on(server, tmp_path, steps)


@pytest.mark.usefixtures("unhurried")
def test_a_wild_version_in_the_store_leads_no_publisher_there(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whoever wrote a head and a snapshot of the highest version: they are passed by."""

    async def steps(scene: Scene) -> None:
        async with scene.publisher():
            await scene.change((5, 2))
            await until("all is published", scene.complete)
            before = await scene.followed()
        kept = (Floor(version=before.version, digest=before.chain),)
        scene.floors.raise_to({"status-1-health": kept})
        await scene.redis.hset(HEADS, str(NAME), f"{2**53}:{'07' * 16}:{int(time.time())}")
        await scene.redis.hset("v:bundles", "status-1-health", f"{2**53}:{'00' * 32}")
        async with scene.publisher():
            await until("all is published", scene.complete)
            view = await scene.followed()
        assert (before.version < view.version < 10 * LEAP, view.values[5]) == (True, 2)

    on(server, tmp_path, steps)
