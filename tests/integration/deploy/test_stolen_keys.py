"""A house whose signing keys were stolen, and the commands that bring it back."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

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
        password = (house.data / "keys" / "redis" / "issuing.key").read_text().strip()
        socket = house.endpoints.redis_socket
        self.redis = redis.Redis(unix_socket_path=socket, username="issuing", password=password)
        self.versions: dict[str, int] = {}
        self.keys = {name: stolen(house, name) for name in ("bundle", "issuer", "status")}

    def bundle(self, name: str) -> bytes:
        """Return what is published."""
        found: Any = self.redis.get(BYTES + name)
        return bytes(found)

    def lay(self, name: str, version: int, data: bytes) -> None:
        """Publish something."""
        self.versions[name] = version
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


class Seen(NamedTuple):
    """What worker and terminals use of a bundle."""

    signer: bytes
    """Kid of what the worker hands out."""
    worker: int
    terminals: frozenset[int]

    def by(self, key: SigningKey, *, but: int) -> bool:
        """Say whether it is a key's, and nobody uses a version that was the thief's."""
        return bool(self.terminals) and self.signer == key.kid and but not in self.terminals


def seen(house: RunningHouse, name: str) -> Seen:
    """Ask worker and terminals."""

    async def ask() -> Seen:
        async with opened(house.data) as doors:
            data = await doors.bundle(name)
            rows: Any = (await doors.verifier("/v1/bundles"))["bundles"]
            listed: Any = (await doors.fleet("/v1/terminals"))["terminals"]
            states = [await doors.terminal(row["terminal"], "/state") for row in listed]
        row = next(row for row in rows if row["name"] == name)
        return Seen(
            signer=take_apart(data).kid,
            worker=row.get("head", row["version"]),
            terminals=frozenset(state["bundles"].get(name, 0) for state in states),
        )

    try:
        return asyncio.run(ask())
    except (LocalError, StopIteration):
        return Seen(b"", 0, frozenset())


def rotated(house: RunningHouse, role: str) -> SigningKey:
    """Rotate a key at once, as with one that was stolen; returns the new one."""
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
    return stolen(house, role)


def test_a_house_comes_back_from_stolen_keys(house: RunningHouse) -> None:
    """The thief's versions are everywhere; after the rotations, the house's own are."""
    names = ("profiles", PLANE.bundle)
    wait_until(
        lambda: min(seen(house, names[0]).terminals, default=0) > 0, "the first bundles", PATIENCE_S
    )
    thief = Thief(house)
    thief.forward("profiles")
    thief.forward_plane()
    for name in names:
        wait_until(
            lambda name=name: min(seen(house, name).terminals, default=0) >= FAR,
            f"the thief's {name}",
            PATIENCE_S,
        )
    top = {name: thief.versions[name] for name in names}
    keys = {"profiles": rotated(house, "bundle"), PLANE.bundle: rotated(house, "status")}
    for name in names:
        wait_until(
            lambda name=name: seen(house, name).by(keys[name], but=top[name]),
            f"the own {name}",
            PATIENCE_S,
        )
