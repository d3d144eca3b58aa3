"""A real mosquitto for tests: two listeners with mutual TLS, certificates and ACL as the product's.

The configuration is the product's own (`fleet.broker`), the certificates are made by its own CA
(`fleet.identity`), and the ACLs are its own. Only files and the process live here.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.x509 import Certificate

from fleet import identity
from fleet.broker import Listener, broker_conf
from fleet.contract.acl import access_list
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId
from runtime.tls import CIPHERS
from tests.support.ports import free_ports

START_DEADLINE_S: Final = 20.0
"""Seconds until a started broker must accept; generous, machines are shared."""
POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client needs: files in PEM, and the certificate's fingerprint."""

    ca: Path
    certificate: Path
    key: Path
    fingerprint: str


class Broker:
    """A running mosquitto: ports of both listeners, certificates on demand, kill and start."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = "127.0.0.1"
        self.port, self.service_port = free_ports(2)
        now = datetime.now(UTC)
        self.terminal_ca = identity.make_authority("terminal-ca", now)
        self.service_ca = identity.make_authority("service-ca", now)
        self._process: subprocess.Popen[bytes] | None = None
        self._write_files(now)

    @property
    def pid(self) -> int:
        """Return the process id of the running broker."""
        if self._process is None:
            raise RuntimeError("mosquitto is not running")
        return self._process.pid

    def terminal(self, name: str, generation: int = 1) -> Credentials:
        """Issue an identity to a terminal."""
        key = identity.make_key()
        certificate = self.terminal_ca.terminal_certificate_for(
            TerminalId(name),
            identity.make_request(key),
            datetime.now(UTC),
            generation=generation,
        )
        return self.save(name, key, certificate)

    def service(self, name: str) -> Credentials:
        """Issue an identity to a service."""
        key = identity.make_key()
        certificate = self.service_ca.client_certificate(name, key.public_key(), datetime.now(UTC))
        return self.save(f"service-{name}", key, certificate)

    def free_port(self) -> int:
        """Return a port that was free a moment ago."""
        return free_ports(1)[0]

    def start(self) -> None:
        """Start the broker and wait until both doors accept."""
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["mosquitto", "-c", str(self.directory / "mosquitto.conf")],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"},
            )
        deadline = time.monotonic() + START_DEADLINE_S
        while not all(map(self._accepts, (self.port, self.service_port))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.log()[-2000:])
            time.sleep(POLL_S)

    def kill(self) -> None:
        """End the broker as a crash does (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """Return what the broker wrote."""
        return (self.directory / "log").read_text(encoding="utf-8")

    def _accepts(self, port: int) -> bool:
        try:
            with socket.create_connection((self.host, port), timeout=1):
                return True
        except OSError:
            return False

    def save(self, name: str, key: identity.PrivateKey, certificate: Certificate) -> Credentials:
        """Write a key and its certificate to files."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))
        (folder / "key.pem").touch(mode=0o600)
        (folder / "key.pem").write_bytes(identity.private_pem(key))
        (folder / "cert.pem").write_bytes(identity.certificate_pem(certificate))
        return Credentials(
            ca=self.directory / "service-ca.pem",
            certificate=folder / "cert.pem",
            key=folder / "key.pem",
            fingerprint=identity.fingerprint(certificate),
        )

    def _write_files(self, now: datetime) -> None:
        folder = self.directory
        (folder / "terminal-ca.pem").write_bytes(self.terminal_ca.certificate_pem())
        (folder / "service-ca.pem").write_bytes(self.service_ca.certificate_pem())
        key = identity.make_key()
        certificate = self.service_ca.server_certificate(ServerName.BROKER, key.public_key(), now)
        files = self.save("broker", key, certificate)
        acl = folder / "topics.acl"
        acl.touch(mode=0o600)
        acl.write_text(access_list(), encoding="utf-8")
        terminals, services = (
            Listener(
                host=self.host,
                port=port,
                client_ca=folder / ca,
                certificate=files.certificate,
                key=files.key,
            )
            for port, ca in (
                (self.port, "terminal-ca.pem"),
                (self.service_port, "service-ca.pem"),
            )
        )
        account = pwd.getpwuid(os.getuid()).pw_name
        conf = broker_conf(
            terminals=terminals, services=services, acl=acl, ciphers=CIPHERS, user=account
        )
        (folder / "mosquitto.conf").write_text(conf, encoding="utf-8")


@contextmanager
def broker() -> Iterator[Broker]:
    """Run a mosquitto in a temporary folder."""
    directory = Path(tempfile.mkdtemp(prefix="kapok-m-"))
    directory.chmod(0o755)
    running = Broker(directory)
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(directory, ignore_errors=True)
