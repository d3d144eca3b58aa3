"""A feeds process on a real store with planes and persons, and a source that sends to it."""

import asyncio
import base64
import gzip
import json
import secrets
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import structlog
from redis import Redis

from runtime.settings import RedisSettings
from runtime.store import open_store
from tests.support.changes import SEAL
from tests.support.issued import LIST_SIZE
from tests.support.issuing_house import IssuingHouse
from tests.support.redis_server import RedisServer, redis_server
from tests.support.verifier_process import Answer, Process, ask, eventually, free_ports
from verifier.contract.feed import BatchForm, BatchManifest, digest_of, seal_manifest
from verifier.contract.vocabulary import ApiScope, Plane
from verifier.issuing import signing_key
from verifier.issuing.persons import ReferenceKey
from verifier.issuing.signing_key import SigningKey
from verifier.service.issuing.planes.batches import BatchSteps
from verifier.service.store.persons import person_field, person_key
from verifier.status.plane import BITS

__all__ = ["Answer", "FeedsHouse", "Sender", "eventually", "feeds_house", "lines"]

PEOPLE: Final = 70_000
"""Persons of the list: more than one block of observations."""
GIVEN: Final = 66_000
"""Indices 0 to this one, but for it, were given out."""
REFERENCES: Final = 50
"""R-0000 to R-0049 are the persons 0 to 49."""
KEY: Final = "kapok_sender_" + "s" * 43
CONSUMER_KEY: Final = "kapok_consumer_" + "c" * 43
STRANGER_KEY: Final = "kapok_stranger_" + "x" * 43
REFERENCE_SECRET: Final = bytes(range(32))
NAME: Final = "health-province"

SOURCE: Final = """
name = "{name}"
title = "A province"
spki = "{spki}"
callers = ["sender"]
list = 1
every = 60
stale_after = 120
{more}
[scope]
health = ["green", "yellow", "red"]
test = ["any"]
{tables}
"""


@dataclass(slots=True)
class Sender:
    """The far side: signs and sends as a source does; each step can be done wrongly."""

    house: "FeedsHouse"
    key: SigningKey
    name: str = NAME
    sequence: int = 0
    sent: list[BatchManifest] = field(default_factory=list)

    def manifest(self, text: bytes, **changes: Any) -> BatchManifest:
        """Describe a text as the next batch."""
        given: dict[str, Any] = {
            "type": "feed",
            "source": self.name,
            "batch": secrets.token_bytes(16),
            "sequence": self.sequence + 1,
            "iat": int(time.time()),
            "list": 1,
            "planes": (Plane.HEALTH,),
            "form": BatchForm.NDJSON,
            "lines": text.count(b"\n") + (not text.endswith(b"\n") and text != b""),
            "octets": len(text),
            "digest": digest_of(text),
        }
        return BatchManifest(**given | changes)

    def seal(self, manifest: BatchManifest, key: SigningKey | None = None) -> str:
        """Sign a manifest and write it as its header."""
        key = key or self.key
        data = seal_manifest(manifest, kid=key.kid, algorithm=key.algorithm, sign=key.sign)
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    def post(
        self,
        manifest: BatchManifest,
        text: bytes,
        *,
        header: str | None = None,
        packed: bool = False,
        api_key: str = KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a batch, or its beginning."""
        given = {
            "Kapok-Manifest": self.seal(manifest) if header is None else header,
            "Content-Type": _type(manifest),
        }
        if packed:
            given["Content-Encoding"] = "gzip"
            text = gzip.compress(text)
        path = f"/v1/feeds/{self.name}/batches"
        return self.house.ask("POST", path, text, key=api_key, headers=given | dict(headers or {}))

    def send(self, text: bytes, *, packed: bool = False, **changes: Any) -> Answer:
        """Send a whole batch; an applied one counts."""
        manifest = self.manifest(text, **changes)
        answer = self.post(manifest, text, packed=packed)
        if answer.status == 200:
            self.sequence = manifest.sequence
            self.sent.append(manifest)
        return answer

    def patch(self, manifest: BatchManifest, offset: int, text: bytes) -> Answer:
        """Send a part from an offset on."""
        headers = {"Upload-Offset": str(offset), "Content-Type": _type(manifest)}
        path = f"/v1/feeds/{self.name}/batches/{manifest.batch.hex()}"
        return self.house.ask("PATCH", path, text, headers=headers)

    def batch(self, manifest: BatchManifest) -> Answer:
        """Ask where a batch stands."""
        return self.house.ask("GET", f"/v1/feeds/{self.name}/batches/{manifest.batch.hex()}")

    def state(self) -> dict[str, Any]:
        """Ask how the source stands."""
        found: dict[str, Any] = self.house.ask("GET", f"/v1/feeds/{self.name}").body
        return found


@dataclass(slots=True)
class FeedsHouse:
    """The store, the process, and the folder of sources."""

    redis: RedisServer
    folder: Path
    process: Process
    key: SigningKey

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request."""
        return ask(self.process.port, method, path, body, key=key, headers=headers)

    def fetch(self, path: str, key: str) -> tuple[int, bytes]:
        """Return status and bytes of an answer."""
        url = f"http://127.0.0.1:{self.process.port}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def sender(self, name: str = NAME, *, more: str = "", tables: str = "") -> Sender:
        """Make a source of this name, new to the process, with its sender."""
        self.write_source(name, more=more, tables=tables)
        if self.process.readiness().status:
            self.reread()
            eventually("the source is known", lambda: self.known(name))
        return Sender(self, self.key, name)

    def known(self, name: str) -> bool:
        """Say whether the process has read a source."""
        return self.ask("GET", f"/v1/feeds/{name}").status == 200

    def write_source(self, name: str, *, more: str = "", tables: str = "") -> None:
        """Write a source's file."""
        spki = base64.b64encode(self.key.spki).decode()
        text = SOURCE.format(name=name, spki=spki, more=more, tables=tables)
        (self.folder / "sources" / f"{name}.toml").write_text(text)

    def reread(self) -> None:
        """Have the process read the folder of sources again."""
        self.process.signal(1)

    def value(self, plane: Plane, index: int) -> int:
        """Return a value as the store has it."""
        bits = BITS[plane]
        with self.redis.client() as client:
            data: Any = client.get(f"v:{{status}}:plane:1:{plane}")
        return int(data[index * bits // 8] >> index * bits % 8 & (1 << bits) - 1)

    def plane(self, plane: Plane) -> bytes:
        """Return a plane's bytes."""
        with self.redis.client() as client:
            data: Any = client.get(f"v:{{status}}:plane:1:{plane}")
        return bytes(data)


def lines(rows: Sequence[tuple[Any, str, Any]], *, at: int | None = None, plane: str = "health",
          ) -> bytes:  # fmt: skip
    """Write NDJSON: (reference or index, value, seconds from now)."""
    moment = int(time.time()) if at is None else at
    text = []
    for who, value, offset in rows:
        name = "ref" if isinstance(who, str) else "person"
        text.append(json.dumps({name: who, "plane": plane, "value": value, "at": moment + offset}))
    return "".join(f"{line}\n" for line in text).encode()


def fill(client: Redis) -> None:
    """Make planes of zeros, persons with references, and indices that were given out."""
    for plane in (Plane.HEALTH, Plane.TEST):
        octets = (PEOPLE * BITS[plane] + 7) // 8
        client.set(f"v:{{status}}:plane:1:{plane}", bytes(octets))
        client.hset("v:{status}:planes", f"1:{plane}", f"{BITS[plane]}:{PEOPLE}")
    client.set("v:taken:1:person", b"\xff" * (GIVEN // 8))
    key = ReferenceKey(REFERENCE_SECRET)
    for number in range(REFERENCES):
        digest = key.digest(f"R-{number:04}")
        client.hset(person_key(1, digest), person_field(digest), str(number))


@contextmanager
def feeds_house(*, exports: Sequence[Mapping[str, Any]] = ()) -> Iterator[FeedsHouse]:
    """Run a store and a feeds process that knows no source yet."""
    with redis_server() as server, tempfile.TemporaryDirectory(prefix="kapok-f-") as made:
        folder = Path(made)
        with server.client() as client:
            fill(client)
        for name in ("sources", "spool", "audit"):
            (folder / name).mkdir()
        (folder / "reference.key").write_bytes(REFERENCE_SECRET)
        (folder / "export.pem").write_bytes(signing_key.generate().to_pem())
        (port,) = free_ports(1)
        path = folder / "feeds.json"
        path.write_text(json.dumps(_settings(server, folder, port, exports)))
        process = Process("feeds", path, port, folder / "feeds.log")
        process.start()
        with steps_applied(server, folder / "sources"):
            try:
                yield FeedsHouse(server, folder, process, signing_key.generate())
            finally:
                process.kill()


@contextmanager
def feeds_beside(house: IssuingHouse) -> Iterator[FeedsHouse]:
    """Run a feeds process on the store of an issuing process, which applies what it stages."""
    folder = house.centre.folder
    for name in ("sources", "spool", "audit"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "export.pem").write_bytes(signing_key.generate().to_pem())
    (port,) = free_ports(1)
    path = folder / "feeds.json"
    settings = _settings(house.centre.redis, folder, port, ()) | {"people": LIST_SIZE}
    path.write_text(json.dumps(settings))
    process = Process("feeds", path, port, folder / "feeds.log")
    process.start()
    try:
        yield FeedsHouse(house.centre.redis, folder, process, signing_key.generate())
    finally:
        process.kill()


@contextmanager
def steps_applied(server: RedisServer, sources: Path) -> Iterator[None]:
    """Apply what the process stages, as the issuing process does, in a thread of its own."""

    async def run() -> None:
        redis = open_store(
            RedisSettings(
                socket=str(server.socket),
                user="issuing",
                password_file=str(server.password_file("issuing")),
            )
        )
        applied = BatchSteps(
            redis, structlog.get_logger(), sources=sources, list_number=1, seal=SEAL
        )
        task = asyncio.create_task(applied.run())
        await stop.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await redis.aclose()

    stop, loop = asyncio.Event(), asyncio.new_event_loop()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(loop.run_until_complete, run())
        try:
            yield
        finally:
            loop.call_soon_threadsafe(stop.set)
            running.result()
            loop.close()


def _settings(
    server: RedisServer, folder: Path, port: int, exports: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    keys = {
        "sender": (KEY, (ApiScope.FEEDS, ApiScope.CORRECTIONS)),
        "consumer": (CONSUMER_KEY, (ApiScope.EXPORT,)),
        "stranger": (STRANGER_KEY, (ApiScope.FEEDS, ApiScope.EXPORT)),
    }
    return {
        "redis": {
            "socket": str(server.socket),
            "user": "feeds",
            "password_file": str(server.password_file("feeds")),
        },
        "service": {"host": "127.0.0.1", "port": port},
        "api_keys": [
            {"name": name, "sha256": sha256(key.encode()).hexdigest(), "scopes": scopes}
            for name, (key, scopes) in keys.items()
        ],
        "list": 1,
        "people": PEOPLE,
        "sources": str(folder / "sources"),
        "spool": str(folder / "spool"),
        "reference_key": str(folder / "reference.key"),
        "export_key": str(folder / "export.pem"),
        "audit": str(folder / "audit"),
        "exports": list(exports),
    }


def _type(manifest: BatchManifest) -> str:
    return "text/csv" if manifest.form is BatchForm.CSV else "application/x-ndjson"
