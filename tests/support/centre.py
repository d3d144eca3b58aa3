"""A centre for tests: a real Redis, signed bundles and grants on its shelf, real processes.

`with centre() as it:` gives a running store with trust, two planes and profiles; workers are
started by name. Codes are made as phones make them, now.
"""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import redis
import redis.exceptions

from tests.support.keys import BUNDLE, GRANTS, ISSUER, PHONE, ROOTS, ROSTER, STATUS
from tests.support.redis_server import DEFAULT_USERS, RedisServer, redis_server
from verifier.contract.bundle import (
    ProfilesDocument,
    RootDocument,
    RootKey,
    Roster,
    RostersDocument,
)
from verifier.contract.grant import Grant, seal_grant
from verifier.contract.scan import make_scan_id
from verifier.contract.vocabulary import ApiScope, Direction, GrantState, Kind, Plane
from verifier.issuing.holder import present, presentation_text
from verifier.issuing.issuer import Subject, make_credential, static_text
from verifier.issuing.publisher import (
    TrustSource,
    key_entry,
    seal_bundle,
    seal_root,
    seal_rosters,
    seal_status,
    snapshot,
)
from verifier.issuing.signing import SigningKey
from verifier.service.person_keys import key_path
from verifier.status.plane import BITS, PackedValues
from verifier.uses import DAY

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S: Final = 30.0
"""Seconds until a started process must be ready; generous, machines are shared."""
POLL_S: Final = 0.01
API_KEY: Final = "kapok_test_" + "k" * 43
ADMIN_KEY: Final = "kapok_admin_" + "a" * 43
LIST_SIZE: Final = 65_536
TERMINAL: Final = "t-1"

ONCE: Final[Mapping[str, Any]] = {
    "place": "metro-1",
    "stance": "closed",
    "formats": ["CC1"],
    "kinds": ["personal", "group"],
    "static": True,
    "colours": ["green"],
    "use": {"scope": "place", "once_for": 600},
}
"""A place where everybody passes once in ten minutes; paper codes too."""


def eventually(what: str, probe: Callable[[], Any], *, within: float = 20.0) -> Any:
    """Return the first truthy answer of `probe()`; fails naming `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen in {within} s: {what}")
        time.sleep(POLL_S)


def free_ports(count: int) -> list[int]:
    """Return ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


@dataclass(slots=True)
class Answer:
    """An HTTP answer, its JSON read."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Process:
    """One process of the verifier: start, kill, stop, ask."""

    role: str
    settings: Path
    port: int
    """The port that readiness is asked at: this process's own."""
    log: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, ready: bool = True) -> None:
        """Start it, and wait until it is ready."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "verifier.service"),
                    *(self.role, "--settings", str(self.settings)),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            )
        if ready:
            self.await_ready()

    def await_ready(self) -> None:
        """Wait until /readyz says so."""

        def ready() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(self.log.read_text()[-3000:])
            return self.readiness().status == 200

        eventually(f"{self.role} is ready", ready, within=READY_S)

    def readiness(self) -> Answer:
        """Ask /readyz; status 0 while nobody listens."""
        try:
            return ask(self.port, "GET", "/readyz", key=None)
        except OSError:
            return Answer(0, None, {})

    def wait(self, seconds: float = 20.0) -> int:
        """Wait until it has ended by itself; returns its exit status."""
        assert self._process is not None
        status = self._process.wait(seconds)
        self._process = None
        return status

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> int:
        """End it in order; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()


def ask(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = API_KEY,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one request; problems are answers too."""
    given = dict(headers or {})
    if key is not None:
        given["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given.setdefault("Content-Type", "application/json")
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, data=data, method=method, headers=given)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return _answer(answer.status, answer.read(), dict(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error.code, error.read(), dict(error.headers))


def _answer(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    found: Any = body
    if "json" in headers.get("Content-Type", ""):
        found = json.loads(body) if body else None
    return Answer(status, found, headers)


@dataclass(slots=True)
class Centre:
    """The store with what lies on its shelf, and the processes on it."""

    redis: RedisServer
    folder: Path
    port: int
    tls: Mapping[str, Any] | None = None
    fleet: Mapping[str, str] | None = None
    processes: list[Process] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)

    def publish(self, name: str, data: bytes, version: int) -> None:
        """Lay a bundle on the shelf."""
        with self.redis.client() as client:
            client.set(f"v:bundle:{name}", data)
            client.hset("v:bundles", name, f"{version}:{sha256(data).hexdigest()}")

    def next_version(self, name: str) -> int:
        """Count a bundle's versions."""
        self.versions[name] = self.versions.get(name, 0) + 1
        return self.versions[name]

    def publish_trust(self, *, expires_in: int = DAY) -> None:
        """Publish who may sign."""
        version, now = self.next_version("trust"), int(time.time())
        document = trust_source().document(
            version=version, issued_at=min(now, now + expires_in - 1), expires=now + expires_in
        )
        self.publish("trust", seal_bundle(document, BUNDLE), version)

    def publish_profiles(self, *profiles: Mapping[str, Any]) -> None:
        """Publish what places ask."""
        version, now = self.next_version("profiles"), int(time.time())
        document = ProfilesDocument(
            type="profiles",
            version=version,
            iat=now,
            exp=now + DAY,
            profiles=tuple(dict(profile) for profile in profiles),
        )
        self.publish("profiles", seal_bundle(document, BUNDLE), version)

    def publish_plane(self, plane: Plane, values: Mapping[int, int], *, fill: int = 0) -> None:
        """Publish a plane of list 1: `fill` everywhere but for `values`."""
        name = f"status-1-{plane}"
        version, now = self.next_version(name), int(time.time())
        bits = BITS[plane]
        data = bytearray(
            bytes((sum(fill << at for at in range(0, 8, bits)),)) * (LIST_SIZE * bits // 8)
        )
        for index, value in values.items():
            at, shift = index * bits // 8, index * bits % 8
            data[at] = data[at] & ~(((1 << bits) - 1) << shift) | value << shift
        document = snapshot(
            PackedValues(bits=bits, size=LIST_SIZE, data=bytes(data)),
            number=1,
            plane=plane,
            version=version,
            issued_at=now,
            expires=now + DAY,
        )
        self.publish(name, seal_status(document, STATUS), version)

    def publish_rosters(self, *rosters: Roster) -> None:
        """Publish rosters."""
        version, now = self.next_version("rosters"), int(time.time())
        document = RostersDocument(
            type="rosters", version=version, iat=now, exp=now + DAY, rosters=rosters
        )
        self.publish("rosters", seal_rosters(document, ROSTER), version)

    def grant(self, terminal: str = TERMINAL, **changes: Any) -> Grant:
        """Grant a terminal a gate, newer than all grants before."""
        with self.redis.client() as client:
            version = self.next_version("grants")
            signed = seal_grant(
                found := grant_of(terminal, version, **changes), kid=GRANTS.kid, sign=GRANTS.sign
            )
            client.hset("v:grants", terminal, f"{version}|".encode() + signed)
        return found

    def worker(self, name: str = "worker-0", *, start: bool = True, **changes: Any) -> Process:
        """Make a worker's settings, and start it."""
        (own_port,) = free_ports(1)
        settings = {
            "name": name,
            "redis": self.redis_settings(),
            "service": {"host": "127.0.0.1", "port": self.port},
            "tls": self.tls,
            "own_port": own_port,
            "api_keys": api_keys(),
            "root": str(self.folder / "root.cbor"),
            "person_keys": str(self.folder / "person-hash"),
            "fleet": self.fleet,
        } | changes
        return self.process("worker", name, settings, own_port, start=start)

    def process(
        self, role: str, name: str, settings: Mapping[str, Any], port: int, *, start: bool
    ) -> Process:
        """Write settings and make a process of them."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(settings))
        made = Process(role, path, port, self.folder / f"{name}.log")
        self.processes.append(made)
        if start:
            made.start()
        return made

    def kill_all(self) -> None:
        """End what still runs."""
        for process in self.processes:
            process.kill()

    def redis_settings(self) -> dict[str, str]:
        """Return how the verifier reaches the store."""
        return {
            "socket": str(self.redis.socket),
            "user": "verifier",
            "password_file": str(self.redis.password_file("verifier")),
        }

    def ask(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        """Ask at the workers' service door."""
        return ask(self.port, method, path, body, **given)

    def scan(self, text: str, *, scan_id: str | None = None, **given: Any) -> Answer:
        """Scan a text at the terminal's gate."""
        body = {"scan_id": scan_id or new_scan_id(), "text": text}
        return self.ask("POST", "/v1/scans", body, **given)


def api_keys() -> list[dict[str, Any]]:
    """Return the keys of the tests: one that scans as the terminal, one for everything else."""
    others = ["records", "bundles", "issue"]
    return [
        {
            "name": "test",
            "sha256": sha256(API_KEY.encode()).hexdigest(),
            "scopes": ["scan"],
            "terminal": TERMINAL,
        },
        {"name": "admin", "sha256": sha256(ADMIN_KEY.encode()).hexdigest(), "scopes": others},
    ]


def grant_of(terminal: str, version: int, **changes: Any) -> Grant:
    """Return a terminal's grant at the metro's gate a."""
    grant = Grant(
        terminal=terminal,
        fingerprint="00" * 32,
        place="metro-1",
        gate="a",
        direction=Direction.IN,
        scopes=(ApiScope.SCAN, ApiScope.BUNDLES),
        state=GrantState.ACTIVE,
        version=version,
    )
    return msgspec.structs.replace(grant, **changes)


def trust_source() -> TrustSource:
    """Return which keys of the tests may sign what, for a year around now."""
    start, end = int(time.time()) - 180 * DAY, int(time.time()) + 180 * DAY

    def line(key: SigningKey, *uses: str, **more: Any) -> Any:
        return key_entry(
            key.spki,
            algorithm=int(key.algorithm),
            uses=uses,
            not_before=start,
            expires=end,
            **more,
        )

    return TrustSource(
        keys=(
            line(ISSUER, "credential", issuer="440100", lists=(1,), sectors=(1, 2, 3, 4)),
            line(STATUS, "status", lists=(1,)),
            line(ROSTER, "roster"),
            line(GRANTS, "grant"),
        ),
        lists={1: "urn:test:status:1"},
        sectors_enabled=(1, 2, 3, 4),
    )


def root_file() -> bytes:
    """Return the root file of the tests."""
    now = int(time.time())
    document = RootDocument(
        type="root",
        version=1,
        iat=now - DAY,
        exp=now + 365 * DAY,
        root_keys=tuple(RootKey(spki=key.spki) for key in ROOTS),
        threshold=2,
        bundle_keys=(RootKey(spki=BUNDLE.spki),),
    )
    return seal_root(document, ROOTS[:2])


def new_scan_id(terminal: str = TERMINAL, *, at: float | None = None) -> str:
    """Make a scan_id of a terminal."""
    now = time.time() if at is None else at
    return make_scan_id(terminal, milliseconds=int(now * 1000), random=secrets.token_bytes(6))


def credential(person: int, *, holder: SigningKey | None, **changes: Any) -> bytes:
    """Issue a credential; its index is the person's."""
    now = int(time.time())
    subject: dict[str, Any] = {
        "kind": Kind.PERSONAL,
        "list": 1,
        "credential": person,
        "person": person,
        "sectors": {1: 0, 2: 0, 3: 0, 4: 0},
    }
    return make_credential(
        Subject(**subject | changes),
        issuer="440100",
        issued_at=now - 3600,
        expires=now + DAY,
        key=ISSUER,
        holder=None if holder is None else holder.confirmation,
    )


def paper(person: int, **changes: Any) -> str:
    """Return a person's static code."""
    return static_text(credential(person, holder=None, **changes))


def shown(person: int, *, phone: SigningKey = PHONE, ago: int = 0) -> str:
    """Return what a person's phone shows."""
    made = present(
        credential(person, holder=phone),
        key=phone,
        now=int(time.time()) - ago,
        cti=secrets.token_bytes(4),
    )
    return presentation_text(made)


@contextmanager
def centre(
    profiles: Sequence[Mapping[str, Any]] = (ONCE,),
    *,
    users: Mapping[str, str] = DEFAULT_USERS,
    append_only: bool = True,
) -> Iterator[Centre]:
    """Run a store with everything on its shelf; workers are the test's to start."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kapok-v-")))
        server = stack.enter_context(redis_server(users, append_only=append_only))
        (port,) = free_ports(1)
        it = Centre(server, folder, port)
        stack.callback(it.kill_all)
        (folder / "root.cbor").write_bytes(root_file())
        (folder / "person-hash").mkdir()
        today = int(time.time()) // DAY
        for day in (today - 1, today, today + 1):
            key_path(folder / "person-hash", day).write_bytes(secrets.token_bytes(32))
        it.publish_trust()
        it.publish_profiles(*profiles)
        it.publish_plane(Plane.REVOCATION, {})
        it.publish_plane(Plane.HEALTH, {}, fill=1)
        it.grant()
        yield it


def reachable(client: redis.Redis) -> bool:
    """Say whether a Redis answers."""
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False
