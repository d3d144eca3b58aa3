"""The shelf of the issuing process against a real Redis that goes away at the wrong moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from runtime.clock import now
from tests.support.issued import root_file, trust_source
from tests.support.issuing_house import METRO
from tests.support.keys import BUNDLE, ISSUER
from tests.support.redis_server import RedisServer, redis_server
from verifier.contract.bundle import Roster, RosterMember, RostersDocument, read_document
from verifier.contract.envelope import take_apart
from verifier.service.issuing.bundles import signer as under_test
from verifier.service.issuing.bundles.publisher import BundlePublisher
from verifier.service.issuing.bundles.rosters import ROSTERS_KEPT_S, RosterBoard
from verifier.service.process.floors import FloorFile
from verifier.service.store.bundles import publish_bundle, read_versions


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a Redis of the test's own."""
    with redis_server() as running:
        yield running


def on(
    server: RedisServer, folder: Path, steps: Callable[[BundlePublisher, Redis], Awaitable[None]]
) -> None:
    """Run steps on a shelf whose sources lie in `folder`."""
    (folder / "root.cbor").write_bytes(root_file())
    (folder / "trust.json").write_bytes(msgspec.json.encode(trust_source()))
    (folder / "profiles").mkdir()
    (folder / "rules").mkdir()
    (folder / "profiles" / "metro-1.toml").write_text(METRO)

    async def run() -> None:
        redis = Redis(
            unix_socket_path=str(server.socket),
            username="admin",
            password=server.users["admin"],
        )
        shelf = BundlePublisher(
            redis,
            structlog.get_logger(),
            bundle_key=BUNDLE,
            issuer_key=ISSUER,
            root=folder / "root.cbor",
            trust=folder / "trust.json",
            profiles=folder / "profiles",
            rules=folder / "rules",
            cards=folder / "cards",
            floors=FloorFile(None),
        )
        try:
            await steps(shelf, redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


def roster(number: int, *, iat: float) -> Roster:
    """Make a roster of one."""
    member = RosterMember(person=number, masked_name="陈*")
    return Roster(
        group=number.to_bytes(8, "big"), version=1, iat=int(iat), list=1, members=(member,)
    )


AT: frozenset[str] = frozenset({"metro-1"})


async def published(redis: Redis, place: str = "metro-1") -> RostersDocument:
    """Return a place's rosters on the shelf."""
    data: Any = await redis.get(f"v:bundle:rosters-{place}")
    return read_document(take_apart(data).payload, RostersDocument, "rosters")


def test_a_change_that_met_an_outage_is_published_after_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """Profiles and trust that were read while the store was away are read again."""

    async def steps(shelf: BundlePublisher, redis: Redis) -> None:
        await shelf.look()
        before = await read_versions(redis)
        (tmp_path / "profiles" / "metro-1.toml").write_text(METRO.replace("600", "900"))
        source = msgspec.structs.replace(trust_source(), sectors_enabled=(1,))
        (tmp_path / "trust.json").write_bytes(msgspec.json.encode(source))
        shelf.reread.set()
        server.kill()
        with pytest.raises((RedisError, OSError)):
            await shelf.look()
        server.start()
        await shelf.look()
        after = await read_versions(redis)
        for name in ("trust", "profiles"):
            assert after[name].version == before[name].version + 1

    on(server, tmp_path, steps)


def test_rosters_that_come_at_once_never_share_a_version(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two contents of one version are a fork, and a gate would keep the first of them."""
    laid: list[tuple[int, bytes]] = []

    async def steps(shelf: BundlePublisher, redis: Redis) -> None:
        await shelf.look()
        second: list[asyncio.Task[None]] = []

        async def noted(redis: Redis, name: str, version: int, data: bytes) -> None:
            if not second:  # the second one comes while the first is about to be laid down
                two = shelf.rosters.keep(roster(2, iat=now()), AT, int(now()))
                second.append(asyncio.create_task(two))
                await asyncio.wait(second, timeout=0.3)
            laid.append((version, sha256(data).digest()))
            await publish_bundle(redis, name, version, data)

        monkeypatch.setattr(under_test, "publish_bundle", noted)
        await shelf.rosters.keep(roster(1, iat=now()), AT, int(now()))
        await second[0]
        assert len((await published(redis)).rosters) == 2

    on(server, tmp_path, steps)
    assert len({version for version, _ in laid}) == len({digest for _, digest in laid})


def test_rosters_that_no_gate_can_take_go(server: RedisServer, tmp_path: Path) -> None:
    """Else the bundle would grow for ever."""

    async def steps(shelf: BundlePublisher, redis: Redis) -> None:
        old = roster(1, iat=now() - ROSTERS_KEPT_S - 60)
        await shelf.rosters.keep(old, AT | {"hall-1"}, int(now()))
        assert (await published(redis, "hall-1")).rosters == (old,)
        await shelf.look()
        await shelf.rosters.keep(roster(2, iat=now()), AT, int(now()))
        assert [it.group[-1] for it in (await published(redis)).rosters] == [2]
        assert await redis.hlen("v:groups") == 1
        emptied = await published(redis, "hall-1")
        assert (emptied.version, emptied.rosters) == (2, ())
        before = await read_versions(redis)
        await shelf.look()
        assert await read_versions(redis) == before

    on(server, tmp_path, steps)


def test_a_group_that_goes_elsewhere_leaves_its_places(server: RedisServer, tmp_path: Path) -> None:
    """A place without a group gets a newer bundle without any; a restart changes nothing of it."""

    async def steps(shelf: BundlePublisher, redis: Redis) -> None:
        first, again = (
            roster(1, iat=now()),
            msgspec.structs.replace(roster(1, iat=now()), version=2),
        )
        await shelf.rosters.keep(first, frozenset({"hall-1", "metro-1"}), int(now()))
        await shelf.rosters.keep(again, frozenset({"museum-1", "metro-1"}), int(now()))
        places = ("hall-1", "metro-1", "museum-1")
        found = [await published(redis, place) for place in places]
        assert [(it.place, it.rosters) for it in found] == [
            ("hall-1", ()), ("metro-1", (again,)), ("museum-1", (again,)),
        ]  # fmt: skip
        assert [it.version for it in found] == [2, 2, 1]
        restarted = RosterBoard(redis, ISSUER, FloorFile(None))
        await restarted.publish(int(now()))
        assert [(await published(redis, place)).rosters for place in places] == [
            it.rosters for it in found
        ]

    on(server, tmp_path, steps)


def test_a_root_file_that_is_none_is_said_and_changes_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    """The process goes on publishing everything else."""

    async def steps(shelf: BundlePublisher, redis: Redis) -> None:
        await shelf.look()
        (tmp_path / "root.cbor").write_bytes(b"nothing")
        shelf.reread.set()
        await shelf.look()
        assert "root" in shelf.problems
        (tmp_path / "root.cbor").write_bytes(root_file())
        shelf.reread.set()
        await shelf.look()
        assert not shelf.problems
        assert (await read_versions(redis))["root"].version == 1

    on(server, tmp_path, steps)
