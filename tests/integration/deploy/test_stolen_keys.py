"""A house whose signing keys were stolen, and the commands that bring it back."""

import asyncio
import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import pytest
import redis

from deploy.local.doors import opened
from deploy.local.errors import LocalError
from tests.support.house import RunningHouse, running_house, wait_until
from verifier.contract import cbor
from verifier.contract.envelope import SignedUse, seal, take_apart
from verifier.contract.status import PlaneName, read_status, write_status
from verifier.contract.vocabulary import Plane
from verifier.issuing import signing_key
from verifier.issuing.signing_key import SigningKey
from verifier.service.store.bundles import BYTES, VERSIONS
from verifier.service.store.deltas import HEADS, deltas_key

PATIENCE_S: Final = 90.0
FAR: Final = 1 << 28
"""As far as a version may rise at once."""
PLANE: Final = PlaneName(1, Plane.HEALTH)


@pytest.fixture
def house() -> Iterator[RunningHouse]:
    """Start a house."""
    with running_house("--workers", "1") as found:
        yield found


def stolen(house: RunningHouse, name: str) -> SigningKey:
    """Return a key of the house."""
    return signing_key.load((house.data / "keys" / f"{name}.pem").read_bytes())


def sealed(use: SignedUse, payload: bytes, key: SigningKey) -> bytes:
    """Sign a payload."""
    return seal(use, payload, kid=key.kid, algorithm=key.algorithm, sign=key.sign)


class Thief:
    """Whoever has the keys, and reaches the store."""

    def __init__(self, house: RunningHouse) -> None:
        password = (house.data / "keys" / "redis" / "admin.key").read_text().strip()
        socket = house.endpoints.redis_socket
        self.redis = redis.Redis(unix_socket_path=socket, username="admin", password=password)
        self.keys = {name: stolen(house, name) for name in ("bundle", "issuer", "status")}

    def bundle(self, name: str) -> bytes:
        """Return what is published."""
        found: Any = self.redis.get(BYTES + name)
        return bytes(found)

    def lay(self, name: str, version: int, data: bytes) -> None:
        """Publish something."""
        self.redis.set(BYTES + name, data)
        self.redis.hset(VERSIONS, name, f"{version}:{hashlib.sha256(data).hexdigest()}")

    def forward(self, name: str) -> None:
        """Sign what is published once more, with a version as high as will be taken."""
        found: Any = cbor.decode(take_apart(self.bundle(name)).payload)
        found["version"] += FAR
        data = sealed(SignedUse.BUNDLE, cbor.encode(found), self.keys["bundle"])
        self.lay(name, found["version"], data)

    def forward_plane(self) -> None:
        """Do so with the plane, in the stream too."""
        name = PLANE.bundle
        document = read_status(take_apart(self.bundle(name)).payload)
        now, chain = int(time.time()), bytes((7,)) * 16
        newer = msgspec.structs.replace(
            document, version=document.version + 4 * FAR, chain=chain, iat=now
        )
        data = sealed(SignedUse.STATUS, write_status(newer), self.keys["status"])
        self.redis.hset(HEADS, str(PLANE), f"{newer.version}:{chain.hex()}:{now}")
        self.redis.delete(deltas_key(PLANE))
        self.lay(name, newer.version, data)


def at_worker(house: RunningHouse) -> Mapping[str, int]:
    """Return what the worker hands out: name to version, of planes the newest."""

    async def ask() -> Mapping[str, Any]:
        async with opened(house.data) as doors:
            return await doors.verifier("/v1/bundles")

    try:
        rows = asyncio.run(ask())["bundles"]
    except LocalError:
        return {}
    return {row["name"]: row.get("head", row["version"]) for row in rows}


def at_terminals(house: RunningHouse) -> list[Mapping[str, int]]:
    """Return what each terminal says that it uses."""

    async def ask() -> Mapping[str, Any]:
        async with opened(house.data) as doors:
            return await doors.fleet("/v1/terminals")

    try:
        rows = asyncio.run(ask())["terminals"]
    except LocalError:
        return []
    return [(row["reported"] or {}).get("bundles", {}) for row in rows]


def everywhere(house: RunningHouse, name: str, *, far: bool) -> bool:
    """Say whether worker and terminals use a version that is far, or one that is not."""
    found = [at_worker(house).get(name), *(each.get(name) for each in at_terminals(house))]
    return len(found) > 1 and all(each is not None and (each >= FAR) is far for each in found)


def rotated(house: RunningHouse, role: str) -> None:
    """Rotate a key at once, as with one that was stolen."""
    for step in ((), ("--switch",), ("--finish",)):
        before = house.pids().get("issuing")
        done = house.run("trust", "rotate", role, *step)
        assert done.returncode == 0, done.stdout + done.stderr
        if step == ("--switch",):
            wait_until(
                lambda before=before: house.pids().get("issuing") not in (None, before),
                "its restart",
                PATIENCE_S,
            )


def test_a_house_comes_back_from_stolen_keys(house: RunningHouse) -> None:
    """The thief's versions are everywhere; after the rotations, the house's own are."""
    wait_until(lambda: everywhere(house, "profiles", far=False), "the first bundles", PATIENCE_S)
    thief = Thief(house)
    thief.forward("profiles")
    thief.forward_plane()
    wait_until(lambda: everywhere(house, "profiles", far=True), "the thief's bundles", PATIENCE_S)
    wait_until(lambda: at_worker(house)[PLANE.bundle] >= FAR, "the thief's plane", PATIENCE_S)
    rotated(house, "bundle")
    rotated(house, "status")
    wait_until(lambda: everywhere(house, "profiles", far=False), "the own bundles", PATIENCE_S)
    wait_until(lambda: everywhere(house, "trust", far=False), "the own trust", PATIENCE_S)
    wait_until(lambda: 0 < at_worker(house).get(PLANE.bundle, 0) < FAR, "the own plane", PATIENCE_S)
    wait_until(
        lambda: all(each.get(PLANE.bundle, 0) < FAR for each in at_terminals(house)),
        "the own plane at the terminals",
        PATIENCE_S,
    )
