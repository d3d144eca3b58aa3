"""The fleet's real process for tests, on a real Redis and a real broker, with a registry."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from fleet import identity
from fleet.contract.topics import SHARDS
from tests.support.broker import Broker, Credentials, broker
from tests.support.redis_server import RedisServer, redis_server
from tests.support.verifier_process import API_KEY, READY_S, ROOT, Answer, ask, eventually

__all__ = ["API_KEY", "ROOT", "Answer", "FleetHouse", "FleetProcess", "eventually", "fleet_house"]

SCOPES: Final = ("fleet.read", "commands", "grants")


@dataclass(slots=True)
class FleetProcess:
    """One process of the fleet: start, kill, stop, ask."""

    settings: Path
    port: int
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
                [sys.executable, "-m", "fleet.service", "--settings", str(self.settings)],
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
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(self.log.read_text()[-3000:])
            return self.is_ready()

        eventually("the fleet is ready", ready, within=READY_S)

    def is_ready(self) -> bool:
        """Return whether /readyz answers 200."""
        try:
            return self.ask("GET", "/readyz").status == 200
        except OSError:
            return False

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = API_KEY,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make one request; problems are answers too."""
        return ask(self.port, method, path, body, key=key, headers=headers)

    def token(self, person: str, *, number: int = 1) -> str:
        """Return an operator's token."""
        answer = self.ask("POST", "/v1/operator-tokens", key=operator_key(person, number))
        assert answer.status == 201, answer.body
        token: str = answer.body["token"]
        return token

    def command(self, terminal: str, key: str, **body: Any) -> Answer:
        """Give an open_gate."""
        return self.ask(
            "POST",
            f"/v1/terminals/{terminal}/commands",
            {"type": "open_gate", **body},
            headers={"Idempotency-Key": key},
        )

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
        status = self._process.wait(20)
        self._process = None
        return status

    def signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self.pid, number)


@dataclass(slots=True)
class FleetHouse:
    """Redis, broker and processes of the fleet over one registry."""

    redis: RedisServer
    broker: Broker
    folder: Path
    terminals: dict[str, Credentials]
    processes: list[FleetProcess] = field(default_factory=list)

    @property
    def fleet(self) -> FleetProcess:
        """Return the first process."""
        return self.processes[0]

    def kill_all(self) -> None:
        """End every process of the fleet."""
        for process in self.processes:
            process.kill()

    def write_registry(self, *, states: Mapping[str, str] | None = None) -> None:
        """Write the registry; `states` maps terminals to another state than active."""
        states = states or {}
        lines = ['district = [{id = "liwan", name = "荔湾区"}, {id = "yuexiu", name = "越秀区"}]']
        lines += ['[[place]]\nid = "hall"\nname = "政务大厅"\ndistrict = "liwan"']
        lines += ['[[place.gate]]\nid = "g1"\ndirection = "in"']
        lines += [
            f'[[terminal]]\nid = "{name}"\nplace = "hall"\ngate = "g1"\n'
            f'fingerprint = "{credentials.fingerprint}"\nstate = "{states.get(name, "active")}"'
            for name, credentials in self.terminals.items()
        ]
        (self.folder / "places.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add_process(
        self, name: str = "fleet", *, shards: Sequence[str] = SHARDS, **more: Any
    ) -> FleetProcess:
        """Prepare one more process; the caller starts it."""
        port = self.broker.free_port()
        client = self.broker.service("fleet")
        settings = {
            "process": name,
            "redis": {
                "socket": str(self.redis.socket),
                "user": "fleet",
                "password_file": str(self.redis.password_file("fleet")),
            },
            "mqtt": {
                "host": self.broker.host,
                "port": self.broker.service_port,
                "ca": str(client.ca),
                "certificate": str(client.certificate),
                "key": str(client.key),
            },
            "http": {"host": "127.0.0.1", "port": port},
            "api_keys": [
                {
                    "name": "test",
                    "sha256": sha256(API_KEY.encode()).hexdigest(),
                    "scopes": SCOPES,
                }
            ],
            "registry": str(self.folder / "places.toml"),
            "grant_key": str(self.folder / "grant.pem"),
            "grant_floor": str(self.folder / "grants.json"),
            "operators": str(self.folder / "operators.toml"),
            "operator_key": str(self.folder / "operator.pem"),
            "audit": str(self.folder / "audit"),
            "shards": list(shards),
            **more,
        }
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(settings), encoding="utf-8")
        process = FleetProcess(path, port, self.folder / f"{name}.log")
        self.processes.append(process)
        return process


def operator_key(person: str, number: int = 1) -> str:
    """Return an operator's own API key in tests."""
    return f"kapok_operator-{person}-{number}_" + "o" * 43


OPERATORS: Final = {
    "ling": 'roles = ["operator", "approver"]',
    "hao": 'roles = ["administrator"]',
    "wen": 'roles = ["viewer"]',
    "mei": 'roles = ["operator", "approver"]\ndistrict = "liwan"',
    "jun": 'roles = ["operator", "approver"]\ndistrict = "yuexiu"',
    "yan": 'roles = ["operator"]\nplace = "hall"',
}
"""Operators of tests; ling has two keys."""


def write_operators(folder: Path) -> None:
    """Write the operators' file."""
    blocks = []
    for person, rest in OPERATORS.items():
        keys = [operator_key(person, number) for number in ((1, 2) if person == "ling" else (1,))]
        digests = ", ".join(f'"{sha256(key.encode()).hexdigest()}"' for key in keys)
        blocks.append(
            f'[[operator]]\nperson = "{person}"\nname = "{person}"\n{rest}\nkeys = [{digests}]\n'
        )
    (folder / "operators.toml").write_text("\n".join(blocks), encoding="utf-8")


@contextmanager
def fleet_house(terminals: Sequence[str], *, start: bool = True) -> Iterator[FleetHouse]:
    """Run Redis, a broker and one process of the fleet that knows `terminals`."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        running = stack.enter_context(broker())
        folder = running.directory
        key = identity.make_key()
        (folder / "grant.pem").touch(mode=0o600)
        (folder / "grant.pem").write_bytes(identity.private_pem(key))
        (folder / "operator.pem").touch(mode=0o600)
        (folder / "operator.pem").write_bytes(identity.private_pem(identity.make_key()))
        (folder / "audit").mkdir(mode=0o700)
        write_operators(folder)
        identities = {name: running.terminal(name) for name in terminals}
        house = FleetHouse(redis, running, folder, identities)
        house.write_registry()
        process = house.add_process()
        stack.callback(house.kill_all)
        if start:
            process.start()
        yield house
