"""A terminal's real process for tests: settings, start, kill, its unix-socket door."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fleet import identity
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId

ROOT: Final = Path(__file__).resolve().parents[2]
READY_S: Final = 30.0
"""Seconds until a started terminal's door must answer; generous, machines are shared."""
POLL_S: Final = 0.02
MODULE: Final = ("-m", "firmware_stubs.edge")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the door said."""

    status: int
    body: Any


class _Door(http.client.HTTPConnection):
    """An HTTP connection over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("terminal", timeout=30)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket's path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Identities:
    """Both authorities of a test city, and certificates from them as files."""

    folder: Path
    terminal_ca: identity.Authority
    service_ca: identity.Authority

    @classmethod
    def new(cls, folder: Path) -> "Identities":
        """Make both authorities."""
        now = datetime.now(UTC)
        terminal_ca = identity.make_authority("terminal-ca", now)
        service_ca = identity.make_authority("service-ca", now)
        (folder / "terminal-ca.pem").write_bytes(terminal_ca.certificate_pem())
        (folder / "service-ca.pem").write_bytes(service_ca.certificate_pem())
        return cls(folder, terminal_ca, service_ca)

    def terminal(self, name: str, folder: Path) -> str:
        """Write a terminal's key and certificate; returns the fingerprint."""
        key = identity.make_key()
        made = self.terminal_ca.terminal_certificate(
            TerminalId(name), key.public_key(), datetime.now(UTC)
        )
        (folder / "key.pem").write_bytes(identity.private_pem(key))
        (folder / "cert.pem").write_bytes(identity.certificate_pem(made))
        return identity.fingerprint(made)

    def server(self, name: str) -> tuple[Path, Path]:
        """Write a verifier's certificate and key under a file name."""
        key = identity.make_key()
        made = self.service_ca.server_certificate(
            ServerName.VERIFIER, key.public_key(), datetime.now(UTC)
        )
        certificate, private = self.folder / f"{name}.crt.pem", self.folder / f"{name}.pem"
        certificate.write_bytes(identity.certificate_pem(made))
        private.write_bytes(identity.private_pem(key))
        return certificate, private


@dataclass(slots=True)
class TerminalProcess:
    """One terminal: its folder, its process, its door."""

    folder: Path
    settings: dict[str, Any]
    program: Sequence[str] = MODULE
    _process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def socket(self) -> Path:
        """Return the path of its door."""
        return self.folder / self.settings["socket"]

    @property
    def state_folder(self) -> Path:
        """Return where its state lies."""
        return self.folder / self.settings["state"]

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *arguments: str, ready: bool = True) -> None:
        """Start it, and wait until its door answers."""
        (self.folder / "terminal.json").write_text(json.dumps(self.settings))
        self.socket.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, *self.program),
                    *("--settings", str(self.folder / "terminal.json"), *arguments),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},
            )
        if ready:
            self.await_state(lambda _: True, "the door answers", within=READY_S)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        """Make one request at the door.

        Raises:
            OSError: nobody answers.
        """
        door = _Door(self.socket)
        try:
            door.request(method, path, body=body)
            response = door.getresponse()
            return Answer(response.status, json.loads(response.read() or b"null"))
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            door.close()

    def wedge(self, text: str) -> dict[str, Any]:
        """Type a code as a scanner does, and return the decision."""
        answer = self.ask("POST", "/wedge", text.encode() + b"\r\n")
        assert answer.status == 200, answer
        found: dict[str, Any] = answer.body
        return found

    def cut(self, *, cut: bool = True) -> None:
        """Take the network away, or give it back."""
        body = json.dumps({"cut": cut}).encode()
        assert self.ask("POST", "/network", body).status == 200

    def state(self) -> dict[str, Any]:
        """Return GET /state."""
        found: dict[str, Any] = self.ask("GET", "/state").body
        return found

    def await_state(self, probe: Any, what: str, *, within: float = 20.0) -> dict[str, Any]:
        """Wait until a probe of the state says yes; returns that state."""
        deadline = time.monotonic() + within
        while True:
            try:
                state = self.state()
            except OSError:
                state = None
            if state is not None and probe(state):
                return state
            if self._process is None or self._process.poll() is not None:
                raise AssertionError(f"the terminal has ended:\n{self.log()[-3000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen in {within} s: {what}; {state}")
            time.sleep(POLL_S)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the log's lines of one event."""
        found = []
        for line in self.log().splitlines():
            if line.startswith("{"):
                entry = json.loads(line)
                if entry.get("event") == event:
                    found.append(entry)
        return found

    def log(self) -> str:
        """Return what it wrote."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def wait(self, seconds: float = 20.0) -> int:
        """Wait until it ends by itself; returns its exit status."""
        assert self._process is not None
        status = self._process.wait(seconds)
        self._process = None
        return status

    def stop(self) -> int:
        """End it in order; returns its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait()


@contextmanager
def terminal_process(
    identities: Identities,
    root: bytes,
    *,
    verifier_url: str,
    name: str = "metro-a1",
    broker: tuple[str, int] = ("127.0.0.1", 1),
    broker_ca: Path | None = None,
    **changes: Any,
) -> Iterator[TerminalProcess]:
    """Prepare a terminal's folder with an identity; the caller starts the process."""
    with tempfile.TemporaryDirectory(prefix="kapok-t-") as folder_name:
        folder = Path(folder_name)
        identities.terminal(name, folder)
        (folder / "root.cbor").write_bytes(root)
        ca = str(identities.folder / "service-ca.pem")
        settings = {
            "terminal": name,
            "place": "metro-1",
            "gate": "a",
            "direction": "in",
            "language": "en",
            "state": "state",
            "socket": "door.sock",
            "key": "key.pem",
            "certificate": "cert.pem",
            "root": "root.cbor",
            "verifier": {"url": verifier_url, "ca": ca},
            "broker": {"host": broker[0], "port": broker[1], "ca": str(broker_ca or ca)},
            "beat_s": 0.5,
            "spread_s": 0.5,
            "gate_open_s": 0.1,
            "bundle_poll_s": 2.0,
        } | changes
        process = TerminalProcess(folder, settings)
        try:
            yield process
        finally:
            process.kill()
