"""Rows store.*: bytes of Redis a person, a use and a record take, in a city of 18.7 million.

A real Redis as `kapok up` sets it, and the product's own commands. A sample is a whole part of the
city: as dense in its small hashes, and as full in Redis's own tables, as the whole. What counts is
the server's memory but for the buffers of its clients and of its file.
"""

import asyncio
import os
import random
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

import redis as blocking
from redis.asyncio import Redis

from deploy.local.lists import sizes_for
from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.bench.codes import LIST, PEOPLE
from tests.bench.rows import emit, progress
from tests.support.redis_server import RedisServer, redis_server
from tests.support.store_line import StoreLine, once, record
from verifier.contract.reasons import Reason
from verifier.contract.scan import make_scan_id, scan_id_bytes
from verifier.contract.status import PlaneName
from verifier.contract.vocabulary import Answer, Outcome, Plane
from verifier.issuing.credential_row import CredentialForm, credential_row
from verifier.service.store.city_load import fill_persons
from verifier.service.store.credentials import hold_all
from verifier.service.store.persons import BUCKET_BITS, bucket_key
from verifier.service.store.planes import make_plane
from verifier.service.store.scans import scan_command
from verifier.steps.use import PERSON_BYTES, scope_tag

SCANS: Final = 8_000_000
"""A day's."""
PART: Final = 16
"""A sample is a sixteenth: half a million scans; Redis's tables then are as full as the whole's."""
PERSONS_PART: Final = 32
"""Of the city, for persons: 8,192 of their small hashes."""
PLACES: Final = 6_000
REFUSED: Final = 0.05
"""Share of scans that are no pass."""
_REFUSAL: Final[dict[str, Any]] = {
    "outcome": Outcome.DENY,
    "reason": Reason.STATUS_YELLOW,
    "steps": "ooooor-",
    "colour": 2,
}
_FLIGHT: Final = 256
_HOUR: Final = 3600


def run() -> None:
    """Measure and print."""
    with redis_server() as server:
        with server.client() as admin:
            admin.config_set("hash-max-listpack-entries", 512)
        progress("store: scans")
        _scans(server)
        with server.client() as admin:
            admin.flushall()
        progress("store: persons")
        asyncio.run(_persons(server))


def _scans(server: RedisServer) -> None:
    count = SCANS // PART
    # As many hours as the sample is of a day, so that an hour's small hashes are as full.
    span = 24 * _HOUR // PART
    with StoreLine(server) as line:
        before = _memory(server)
        flight: list[bytes] = []
        passed = 0
        for command, passes in _commands(count, span):
            flight.append(command)
            passed += passes
            if len(flight) == _FLIGHT:
                line.ask_all(flight)
                flight.clear()
        line.ask_all(flight)
        whole = _memory(server) - before
    kept = _families(server)
    records, indices = kept["r"], kept["i"]
    emit(
        "store.record", (records + indices) / count, "octets", sample=count,
        stream=round(records / count, 1), index=round(indices / count, 1),
    )  # fmt: skip
    # The rest is what Redis's two tables take, nearly all for the keys of uses.
    emit(
        "store.use", (whole - records - indices) / passed, "octets", sample=passed,
        key_and_value=round(kept["u"] / passed, 1),
    )  # fmt: skip


def _commands(count: int, span: int) -> Iterator[tuple[bytes, bool]]:
    """Make the commands of scans of the last `span` seconds."""
    now = time.time()
    terminals = [(f"gz-metro-{number:04}-a", f"gz-metro-{number:04}") for number in range(PLACES)]
    tags = {place: scope_tag(f"place:{place}") for _, place in terminals}
    for _ in range(count):
        terminal, place = random.choice(terminals)
        at = int((now - random.random() * span) * 1000)
        made = make_scan_id(terminal, milliseconds=at, random=secrets.token_bytes(6))
        passes = random.random() >= REFUSED
        changes = {} if passes else _REFUSAL
        kept = record(
            scan_id_bytes(made),
            terminal=terminal,
            place=place,
            at=at + random.randrange(5, 40),
            person=secrets.token_bytes(PERSON_BYTES),
            sector_class=0,
            status_age=random.randrange(60),
            trust_version=14,
            status_version=1_000_000 + random.randrange(1000),
            profile_version=33,
            milliseconds=round(random.uniform(0.2, 0.9), 2),
            **changes,
        )
        # A claim's name is as long as the one the product makes.
        claims = (
            (once(secrets.token_urlsafe(PERSON_BYTES) + "i", shown=int(now)),) if passes else ()
        )
        unclaimed = Answer.FRESH if passes else Answer.UNASKED
        yield scan_command(tags[place], os.urandom(12), kept, claims, unclaimed=unclaimed), passes


def _families(server: RedisServer) -> dict[str, int]:
    """Return the bytes of each family of keys, as Redis counts them a key."""
    found: dict[str, int] = {}
    with server.client() as admin:
        keys = list(admin.scan_iter("v:{*", count=10_000))
        for start in range(0, len(keys), 1000):
            part = keys[start : start + 1000]
            pipeline = admin.pipeline(transaction=False)
            for key in part:
                pipeline.memory_usage(key, samples=0)
            for key, used in zip(part, pipeline.execute(), strict=True):
                family = key.split(b":")[2].decode()
                found[family] = found.get(family, 0) + used
    return found


async def _persons(server: RedisServer) -> None:
    store = open_store(
        RedisSettings(
            socket=str(server.socket),
            user="issuing",
            password_file=str(server.password_file("issuing")),
        )
    )
    count, sizes = PEOPLE // PERSONS_PART, sizes_for(PEOPLE)
    with server.client() as admin:
        before = _memory(server)
        people = random.sample(range(sizes.people // PERSONS_PART), count)
        await _fill(store, people)
        found = _used(admin, before)
        await _hold(store, people, sizes.credentials)
        held_octets = _used(admin, before) - found
        before = _memory(server)
        for plane in (Plane.HEALTH, Plane.TEST, Plane.DOSES):
            await make_plane(store, PlaneName(LIST, plane), sizes.people)
        await make_plane(store, PlaneName(LIST, Plane.REVOCATION), sizes.credentials)
        for kind, size in (("person", sizes.people), ("credential", sizes.credentials)):
            await store.setbit(f"v:taken:{LIST}:{kind}", size - 1, 1)
        lists = _used(admin, before)
    await store.aclose()
    parts = {
        "reference": found / count,
        "credential": held_octets / count,
        "planes_and_bitmaps": lists / PEOPLE,
    }
    rounded: dict[str, Any] = {name: round(value, 1) for name, value in parts.items()}
    emit("store.person", sum(parts.values()), "octets", sample=count, **rounded)


async def _fill(store: Redis, people: list[int]) -> None:
    """Keep people under random digests of a part of the buckets."""
    buckets: dict[str, list[bytes]] = {}
    for person in people:
        bucket = random.randrange((1 << BUCKET_BITS) // PERSONS_PART)
        words = buckets.setdefault(bucket_key(LIST, bucket), [])
        words += (os.urandom(8), str(person).encode())
    keys = list(buckets)
    for start in range(0, len(keys), _FLIGHT):
        await fill_persons(store, {key: buckets[key] for key in keys[start : start + _FLIGHT]})


async def _hold(store: Redis, people: list[int], credentials: int) -> None:
    """Give each one credential, bound to a phone."""
    now = int(time.time())
    for start in range(0, len(people), 4 * _FLIGHT):
        rows = [
            (
                person,
                credential_row(
                    random.randrange(credentials),
                    expires=now + random.randrange(30 * 24) * _HOUR,
                    form=CredentialForm.PHONE,
                    kid=os.urandom(8),
                ),
            )
            for person in people[start : start + 4 * _FLIGHT]
        ]
        await hold_all(store, LIST, rows, now=now - _HOUR)


def _memory(server: RedisServer) -> int:
    with server.client() as admin:
        return _used(admin, 0)


def _used(admin: "blocking.Redis", before: int) -> int:
    found: Any = admin.info("memory")
    buffers = found["mem_clients_normal"] + found["mem_aof_buffer"]
    return int(found["used_memory"]) - int(buffers) - before
