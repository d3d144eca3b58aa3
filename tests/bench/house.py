"""A verifier to measure: our real Redis and scan workers, a city of green people, signed bundles.

Data folder, keys, certificates, Redis configuration and worker settings are those of `kapok up`;
the bundles are published by the bench itself, so that no other process takes time.
"""

import contextlib
import datetime as dt
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from redis.asyncio import Redis

from deploy.local import table
from deploy.local.child import Child
from deploy.local.children import Children
from deploy.local.composition import HOUSE
from deploy.local.data import FOLDERS, write_file
from deploy.local.house import House, Ports
from deploy.local.passwords import read_secret
from deploy.local.places import DEMO
from deploy.local.ports import free_ports
from deploy.local.settings import worker_settings
from deploy.local.trust import ISSUER, LIST
from fleet.identity import fingerprint, load_certificate
from verifier.contract.bundle import ProfilesDocument
from verifier.contract.grant import Grant, seal_grant
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Plane
from verifier.issuing import signing_key
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import TrustSource, seal_bundle
from verifier.issuing.signing_key import SigningKey
from verifier.policy.profiles import read_profile
from verifier.service.store.bundles import publish_bundle
from verifier.service.store.grants import keep_grant
from verifier.status.plane import BITS, PackedValues, PlaneView, pack

PEOPLE: Final = 1 << 20
TERMINAL: Final = "hall-1"
KEY_NAME: Final = "bench"
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchHouse:
    """A running verifier."""

    house: House
    issuer: SigningKey
    api_key: str
    children: Children

    def pids(self) -> dict[str, int]:
        """Return the process ids by name."""
        return {one.name: one.pid for one in self.children.status() if one.pid is not None}


@contextlib.asynccontextmanager
async def running(now: int, workers: int) -> AsyncIterator[BenchHouse]:
    """Start Redis and scan workers; stop them and remove everything at the end."""
    data = Path(tempfile.mkdtemp(prefix="kapok-bench-"))
    sockets = Path(tempfile.mkdtemp(prefix="kapok-b-", dir="/tmp"))
    house = _house(data, sockets, workers)
    children = Children(logs=data / "log", pids=house.run / "children.json")
    try:
        _seed(data, now)
        api_key = f"kapok_{KEY_NAME}_{secrets.token_urlsafe(32)}"
        _write_settings(house, api_key)
        processes = table.children(house)
        await children.start(_only(processes, "redis"))
        await _publish(house, now)
        await children.start(_only(processes, "worker-"))
        issuer = _key(house, "issuer")
        yield BenchHouse(house=house, issuer=issuer, api_key=api_key, children=children)
    finally:
        await children.stop()
        shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)


def _house(data: Path, sockets: Path, workers: int) -> House:
    names = Ports.__struct_fields__
    ports = free_ports(len(names) + workers)
    return House(
        data=data,
        code=Path.cwd(),
        sockets=sockets,
        ports=Ports(**dict(zip(names, ports, strict=False))),
        python=Path(sys.executable),
        pythonpath=str(Path.cwd()),
        own_ports=ports[len(names) :],
    )


def _seed(data: Path, now: int) -> None:
    for folder in FOLDERS:
        (data / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    day = dt.datetime.fromtimestamp(now, dt.UTC).date()
    for one in (day, day + dt.timedelta(days=1)):
        write_file(data / "keys" / "person-hash" / f"{one}.key", os.urandom(32))


def _write_settings(house: House, api_key: str) -> None:
    entry = {
        "name": KEY_NAME,
        "sha256": sha256(api_key.encode()).hexdigest(),
        "scopes": [ApiScope.SCAN],
        "terminal": TERMINAL,
    }
    for number, port in enumerate(house.own_ports):
        settings = worker_settings(house, f"worker-{number}", port)
        settings |= {"api_keys": [entry], "fleet": None}
        house.settings(f"worker-{number}").parent.mkdir(exist_ok=True)
        write_file(house.settings(f"worker-{number}"), msgspec.json.encode(settings))


def _only(processes: tuple[Child, ...], prefix: str) -> list[Child]:
    return [child for child in processes if child.name.startswith(prefix)]


def _store(house: House, user: str) -> Redis:
    return Redis(
        unix_socket_path=str(house.redis_socket),
        username=user,
        password=read_secret(house.redis_password(user)),
    )


async def _publish(house: House, now: int) -> None:
    redis, of_worker = (_store(house, user) for user in ("issuing", "worker"))
    bundle, status, grant = (_key(house, name) for name in ("bundle", "status", "grant"))
    source = msgspec.json.decode(
        (house.data / "trust" / "trust.json").read_bytes(), type=TrustSource
    )
    trust = source.document(version=1, issued_at=now, expires=now + _DAY)
    await publish_bundle(redis, "root", 1, (house.data / "trust" / "root.cbor").read_bytes())
    await publish_bundle(redis, "trust", 1, seal_bundle(trust, bundle))
    await publish_bundle(redis, "profiles", 1, seal_bundle(_profiles(house, now), bundle))
    for plane, value in ((Plane.HEALTH, 1), (Plane.REVOCATION, 0)):
        packed = pack(np.full(PEOPLE, value, np.uint8), BITS[plane])
        values = PackedValues(bits=BITS[plane], size=PEOPLE, data=packed)
        signer = PlaneSigner(
            issuer=ISSUER, uri=source.lists[LIST], list_number=LIST, plane=plane, key=status
        )
        data = signer.snapshot(PlaneView(values=values, version=1, as_of=now))
        await publish_bundle(redis, f"status-{LIST}-{plane}", 1, data)
    for version, terminal in enumerate(DEMO, start=1):
        certificate = (house.data / "terminals" / terminal.name / "cert.pem").read_bytes()
        value = Grant(
            terminal=terminal.name,
            fingerprint=fingerprint(load_certificate(certificate)),
            place=terminal.place,
            gate=terminal.gate,
            direction=Direction.IN,
            scopes=(ApiScope.SCAN, ApiScope.BUNDLES),
            state=GrantState.ACTIVE,
            version=version,
        )
        await keep_grant(of_worker, value, seal_grant(value, kid=grant.kid, sign=grant.sign))
    await redis.aclose()
    await of_worker.aclose()


def _profiles(house: House, now: int) -> ProfilesDocument:
    found: list[dict[str, Any]] = [
        msgspec.to_builtins(read_profile(path.read_bytes()))
        for path in sorted((house.data / "profiles").glob("*.toml"))
    ]
    return ProfilesDocument(
        type="profiles", version=1, iat=now, exp=now + _DAY, profiles=tuple(found)
    )


def _key(house: House, name: str) -> SigningKey:
    return signing_key.load((house.keys / f"{name}.pem").read_bytes())
