"""Changes of planes against a real Redis: two writers, markers, bounds, a kill in between."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.support.changes import change
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Plane
from verifier.service.store.erased import mark_erased, were_erased
from verifier.service.store.planes import (
    MAX_CHANGES,
    ChangesCrowdedError,
    Marker,
    PlaneUnknown,
    changes_key,
    make_plane,
    plane_key,
    read_planes,
    read_value,
)
from verifier.status.changes import merge_changes, pack_changes
from verifier.status.plane import PackedValues

HEALTH = PlaneName(1, Plane.HEALTH)
REVOKED = PlaneName(1, Plane.REVOCATION)
SIZE = 1003
MARK = "v:{status}:feed:hospital"

Steps = Callable[[Redis], Awaitable[None]]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """One server for the file; each test begins with an empty store."""
    with redis_server() as running:
        yield running


def on(server: RedisServer, steps: Steps) -> None:
    """Run steps as the user `issuing` on an empty store with both planes."""
    with server.client() as client:
        client.flushall()

    async def run() -> None:
        redis = opened(server)
        try:
            await make_plane(redis, HEALTH, SIZE)
            await make_plane(redis, REVOKED, SIZE)
            await steps(redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


def opened(server: RedisServer) -> Redis:
    """Return a client."""
    password = server.users["issuing"]
    return Redis(unix_socket_path=str(server.socket), username="issuing", password=password)


async def unpublished(redis: Redis, name: PlaneName) -> bytes:
    """Return the changes that wait, merged."""
    entries: Any = await redis.xrange(changes_key(name))
    return merge_changes([fields[b"c"] for _, fields in entries]) if entries else b""


async def values(redis: Redis, name: PlaneName) -> PackedValues:
    """Return the plane as the product reads it: not as Redis counts bits."""
    data: Any = await redis.get(plane_key(name))
    bits = 2 if name.plane is Plane.HEALTH else 1
    return PackedValues(bits=bits, size=SIZE, data=data)


def test_a_change_is_in_the_bytes_and_waits_to_be_published(server: RedisServer) -> None:
    """Two planes in one step; the last of two for one index counts; what is equal is no change."""

    async def steps(redis: Redis) -> None:
        given = {HEALTH: [(0, 1), (5, 2), (1002, 3), (5, 3), (7, 0)], REVOKED: [(9, 1)]}
        assert await change(redis, given)
        assert await read_value(redis, HEALTH, [0, 5, 1002, 7, 6]) == [1, 3, 3, 0, 0]
        held = await values(redis, HEALTH)
        assert [held[index] for index in (0, 5, 1002, 6)] == [1, 3, 3, 0]
        assert (await values(redis, REVOKED))[9] == 1
        wanted = pack_changes([(0, 1), (5, 3), (1002, 3)], bits=2)
        assert await unpublished(redis, HEALTH) == wanted
        assert await change(redis, given)
        assert await redis.xlen(changes_key(HEALTH)) == 1

    on(server, steps)


def test_two_writers_in_one_byte_undo_nothing(server: RedisServer) -> None:
    """Each of 64 writers has its own indices, four of which share a byte."""

    async def steps(redis: Redis) -> None:
        shares = [[(index, 1 + index % 3) for index in range(w, 960, 64)] for w in range(64)]
        await asyncio.gather(*(change(redis, {HEALTH: share}) for share in shares))
        held = await values(redis, HEALTH)
        assert [held[index] for index in range(960)] == [1 + i % 3 for i in range(960)]
        wanted = pack_changes([pair for share in shares for pair in share], bits=2)
        assert await unpublished(redis, HEALTH) == wanted

    on(server, steps)


def test_of_many_with_one_marker_one_wins(server: RedisServer) -> None:
    """The others change nothing, and are told so."""

    async def steps(redis: Redis) -> None:
        tries = [
            change(redis, {HEALTH: [(n, 1)]}, marker=Marker(MARK, None, b"%d" % n))
            for n in range(20)
        ]
        won = [n for n, done in enumerate(await asyncio.gather(*tries)) if done]
        assert len(won) == 1
        held = await read_value(redis, HEALTH, range(20))
        assert [n for n, value in enumerate(held) if value] == won
        assert await redis.get(MARK) == b"%d" % won[0]
        next_one = Marker(MARK, b"%d" % won[0], b"x")
        assert await change(redis, {HEALTH: [(30, 2)]}, marker=next_one)
        assert not await change(redis, {HEALTH: [(31, 2)]}, marker=next_one)
        assert await read_value(redis, HEALTH, [30, 31]) == [2, 0]
        assert await change(redis, {}, marker=Marker(MARK, b"x", b"y"))
        assert await redis.get(MARK) == b"y"

    on(server, steps)


def test_what_is_wrong_changes_nothing(server: RedisServer) -> None:
    """Past the end, no value, no such plane, too many: and the marker stays too."""

    async def steps(redis: Redis) -> None:
        marker = Marker(MARK, None, b"1")
        other = PlaneName(2, Plane.HEALTH)
        many = [(0, 1)] * (MAX_CHANGES + 1)
        wrong: list[tuple[type[Exception], dict[PlaneName, list[tuple[int, int]]]]] = [
            (IndexError, {HEALTH: [(1, 1)], REVOKED: [(SIZE, 1)]}),
            (IndexError, {HEALTH: [(1, 1), (-1, 1)]}),
            (ValueError, {HEALTH: [(1, 1), (2, 4)]}),
            (ValueError, {HEALTH: many}),
            (PlaneUnknown, {HEALTH: [(1, 1)], other: [(1, 1)]}),
        ]
        for error, given in wrong:
            with pytest.raises(error):
                await change(redis, given, marker=marker)
        with pytest.raises(ValueError, match="marker"):
            await change(redis, {}, marker=Marker("v:grants", None, b"1"))
        assert await read_value(redis, HEALTH, [0, 1, 2]) == [0, 0, 0]
        assert await unpublished(redis, HEALTH) == b""
        assert not await redis.exists(MARK)
        with pytest.raises(IndexError):
            await read_value(redis, HEALTH, [SIZE])
        with pytest.raises(PlaneUnknown):
            await read_value(redis, other, [0])

    on(server, steps)


def test_a_plane_is_made_once_and_keeps_its_size(server: RedisServer) -> None:
    """Of full length from the beginning; one that was destroyed is not made again."""

    async def steps(redis: Redis) -> None:
        assert await redis.strlen(plane_key(HEALTH)) == 251
        await change(redis, {HEALTH: [(3, 1)]})
        await make_plane(redis, HEALTH, SIZE)
        assert await read_value(redis, HEALTH, [3]) == [1]
        for size in (SIZE + 1, 0, 1 << 40):
            with pytest.raises(ValueError, match="size"):
                await make_plane(redis, HEALTH, size)
        assert await read_planes(redis) == {HEALTH: SIZE, REVOKED: SIZE}
        await redis.hset("v:{status}:planes", str(HEALTH), "destroyed")
        await redis.delete(plane_key(HEALTH))
        with pytest.raises(PlaneUnknown):
            await make_plane(redis, HEALTH, SIZE)
        with pytest.raises(PlaneUnknown):
            await change(redis, {HEALTH: [(3, 1)]})

    on(server, steps)


def test_a_full_call_is_written_whole(server: RedisServer) -> None:
    """The most changes of one call, each in its place."""

    async def steps(redis: Redis) -> None:
        name = PlaneName(1, Plane.TEST)
        await make_plane(redis, name, 3 * MAX_CHANGES)
        given = [(3 * n, 1 + n % 255) for n in range(MAX_CHANGES)]
        assert await change(redis, {name: given})
        data: Any = await redis.get(plane_key(name))
        assert data[::3] == bytes(value for _, value in given)
        assert data.count(0) == 2 * MAX_CHANGES
        assert await unpublished(redis, name) == pack_changes(given, bits=8)

    on(server, steps)


def test_unpublished_changes_are_bounded(server: RedisServer) -> None:
    """Past the bound nothing is changed: a change without its reason could not be published."""

    async def steps(redis: Redis) -> None:
        name = PlaneName(1, Plane.TEST)
        await make_plane(redis, name, MAX_CHANGES)
        done = 0
        try:
            for n in range(1, 255):
                await change(redis, {name: [(index, n) for index in range(MAX_CHANGES)]})
                done = n
        except ChangesCrowdedError:
            pass
        assert 199 <= done <= 201
        assert await redis.xlen(changes_key(name)) == done
        assert await read_value(redis, name, [0, MAX_CHANGES - 1]) == [done, done]

    on(server, steps)


def test_a_killed_redis_has_all_or_nothing_of_a_change(server: RedisServer) -> None:
    """Bytes, note and marker agree after kill -9 amid changes; the acknowledged are there."""
    acknowledged: list[int] = []

    async def steps(redis: Redis) -> None:
        async def write(first: int) -> None:
            for n in range(first, SIZE, 8):
                marker = Marker(f"{MARK}:{n}", None, b"1")
                if not await change(redis, {HEALTH: [(n, 3)], REVOKED: [(n, 1)]}, marker=marker):
                    raise AssertionError("a marker of its own was set already")
                acknowledged.append(n)
                if len(acknowledged) == 100:
                    await asyncio.to_thread(server.kill)

        ended = await asyncio.gather(*map(write, range(8)), return_exceptions=True)
        assert all(isinstance(end, RedisError | OSError) for end in ended)
        await asyncio.to_thread(server.start)
        health, revoked = await values(redis, HEALTH), await values(redis, REVOKED)
        made = [n for n in range(SIZE) if health[n]]
        assert set(acknowledged) <= set(made)
        assert made == [n for n in range(SIZE) if revoked[n]]
        assert made == [n for n in range(SIZE) if await redis.exists(f"{MARK}:{n}")]
        assert await unpublished(redis, HEALTH) == pack_changes([(n, 3) for n in made], bits=2)

    on(server, steps)


def test_a_change_may_expect_what_is_there(server: RedisServer) -> None:
    """Another value, of any index of that plane, and nothing at all is changed."""

    async def steps(redis: Redis) -> None:
        marker = Marker(MARK, None, b"1")
        wanted = {HEALTH: [(7, 3)], REVOKED: [(7, 1)]}
        for expected in ({HEALTH: [(7, 1)]}, {REVOKED: [(8, 1)]}, {HEALTH: [(7, 0), (8, 2)]}):
            assert not await change(redis, wanted, marker=marker, expected=expected)
        assert await read_value(redis, HEALTH, [7]) == [0]
        assert await redis.get(MARK) is None
        with pytest.raises(IndexError):
            await change(redis, wanted, expected={HEALTH: [(SIZE, 0)]})
        assert await change(redis, wanted, marker=marker, expected={HEALTH: [(7, 0)]})
        assert await read_value(redis, HEALTH, [7]) == [3]

    on(server, steps)


def test_no_value_comes_back_to_who_was_erased(server: RedisServer) -> None:
    """It is left out of a batch, refuses what two people agreed on, and zero may always be set."""

    async def steps(redis: Redis) -> None:
        await change(redis, {HEALTH: [(5, 3), (6, 3), (900, 1)]})
        await mark_erased(redis, 1, 5)
        await mark_erased(redis, 1, 1002)
        assert await were_erased(redis, 1, [4, 5, 1002]) == [False, True, True]
        assert await change(redis, {HEALTH: [(5, 0)], REVOKED: [(5, 1)]})
        assert await change(redis, {HEALTH: [(5, 1), (6, 2), (1002, 3)]}, marker=first(b"one"))
        assert await read_value(redis, HEALTH, [5, 6, 900, 1002]) == [0, 2, 1, 0]
        assert await read_value(redis, REVOKED, [5]) == [1]
        decided, stood = Marker(MARK, b"one", b"two"), {HEALTH: [(5, 0)]}
        assert not await change(redis, {HEALTH: [(5, 1)]}, marker=decided, expected=stood)
        assert await redis.get(MARK) == b"one"
        many = [(index, 1) for index in range(SIZE)]
        assert await change(redis, {HEALTH: many})
        now = await values(redis, HEALTH)
        assert [index for index in range(SIZE) if now[index] != 1] == [5, 1002]

    def first(value: bytes) -> Marker:
        return Marker(MARK, None, value)

    on(server, steps)
