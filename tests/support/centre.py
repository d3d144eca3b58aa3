"""A centre for tests: a real Redis, signed bundles and grants on its shelf, real processes.

`with centre() as it:` gives a running store with trust, two planes and profiles; workers are
started by name. Codes are made as phones make them, now.
"""

import json
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.support.foreign import rules_for
from tests.support.issued import (
    LIST_SIZE,
    ONCE,
    TERMINAL,
    credential,
    grant_of,
    new_scan_id,
    paper,
    root_file,
    shown,
    trust_source,
)
from tests.support.keys import BUNDLE, GRANTS, ROSTER, STATUS
from tests.support.redis_server import DEFAULT_USERS, RedisServer, redis_server
from tests.support.verifier_process import (
    ADMIN_KEY,
    API_KEY,
    BOOKING_KEY,
    Answer,
    Process,
    ask,
    eventually,
    free_ports,
)
from verifier.contract.bundle import (
    Appointment,
    AppointmentsDocument,
    ProfilesDocument,
    Roster,
    RostersDocument,
)
from verifier.contract.grant import Grant, seal_grant
from verifier.contract.vocabulary import Plane
from verifier.issuing.planes import PlaneSigner
from verifier.issuing.publisher import seal_bundle
from verifier.service.process.keys import key_path
from verifier.status.plane import BITS, PackedValues, PlaneView
from verifier.steps.use import DAY

__all__ = [
    "ADMIN_KEY",
    "API_KEY",
    "BOOKING_KEY",
    "LIST_SIZE",
    "ONCE",
    "TERMINAL",
    "Answer",
    "Centre",
    "Process",
    "ask",
    "centre",
    "credential",
    "eventually",
    "free_ports",
    "new_scan_id",
    "paper",
    "root_file",
    "shown",
    "trust_source",
]


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
            rules=rules_for(profiles),
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
        view = PlaneView(
            values=PackedValues(bits=bits, size=LIST_SIZE, data=bytes(data)),
            version=version,
            as_of=now,
        )
        signer = PlaneSigner(
            issuer="440100", uri=trust_source().lists[1], list_number=1, plane=plane, key=STATUS
        )
        self.publish(name, signer.snapshot(view), version)

    def publish_rosters(self, place: str, *rosters: Roster) -> None:
        """Publish a place's rosters."""
        name, now = f"rosters-{place}", int(time.time())
        version = self.next_version(name)
        document = RostersDocument(
            type="rosters", version=version, iat=now, exp=now + DAY, place=place, rosters=rosters
        )
        self.publish(name, seal_bundle(document, ROSTER), version)

    def publish_appointments(self, place: str, *entries: Appointment) -> None:
        """Publish a place's appointments."""
        name, now = f"appointments-{place}", int(time.time())
        version = self.next_version(name)
        document = AppointmentsDocument(
            type="appointments",
            version=version,
            iat=now,
            exp=now + DAY,
            place=place,
            entries=entries,
        )
        self.publish(name, seal_bundle(document, BUNDLE), version)

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
            "audit": str(self.folder / "audit"),
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

    def redis_settings(self, role: str = "worker") -> dict[str, str]:
        """Return how a process of this role reaches the store."""
        return {
            "socket": str(self.redis.socket),
            "user": role,
            "password_file": str(self.redis.password_file(role)),
        }

    def ask(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        """Ask at the workers' service door."""
        return ask(self.port, method, path, body, **given)

    def scan(self, text: str, *, scan_id: str | None = None, **given: Any) -> Answer:
        """Scan a text at the terminal's gate."""
        body = {"scan_id": scan_id or new_scan_id(), "text": text}
        return self.ask("POST", "/v1/scans", body, **given)


def api_keys() -> list[dict[str, Any]]:
    """Return the keys of the tests: one scans as the terminal, one books, one does the rest."""
    others = ["records", "bundles", "issue"]
    return [
        {
            "name": "test",
            "sha256": sha256(API_KEY.encode()).hexdigest(),
            "scopes": ["scan"],
            "terminal": TERMINAL,
        },
        {"name": "admin", "sha256": sha256(ADMIN_KEY.encode()).hexdigest(), "scopes": others},
        {
            "name": "booking",
            "sha256": sha256(BOOKING_KEY.encode()).hexdigest(),
            "scopes": ["appointments"],
        },
    ]


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
        (folder / "audit").mkdir()
        today = int(time.time()) // DAY
        for day in (today - 1, today, today + 1):
            key_path(folder / "person-hash", day).write_bytes(secrets.token_bytes(32))
        it.publish_trust()
        it.publish_profiles(*profiles)
        it.publish_plane(Plane.REVOCATION, {})
        it.publish_plane(Plane.HEALTH, {}, fill=1)
        it.grant()
        yield it
