"""Certificates renewed while the house runs: a real `up`, a real broker, clients that stay."""

import hashlib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local.account import become, children_account
from deploy.local.certificates import load_authority
from deploy.local.house import Ports, UpPlan
from deploy.local.launch import plan_up
from fleet import identity
from fleet.contract.servers import ServerName
from fleet.contract.topics import TerminalId
from tests.support.house import wait_until

CLONE: Final = Path(__file__).resolve().parents[3]
WITHIN_S: Final = 30.0
OLD: Final = timedelta(days=70)
"""Past two thirds of 90 days."""


class Small:
    """A running `up` with Redis and the broker alone."""

    def __init__(self, folder: Path) -> None:
        account = children_account()
        self.plan: UpPlan = plan_up(CLONE, data=folder / "data", ports=Ports(), workers=1)
        self.data = Path(self.plan.data)
        self.account = account
        self.output = folder / "output"
        script = shutil.copyfile(
            Path(__file__).with_name("store_house.py"), folder / "store_house.py"
        )
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [self.plan.python, str(script), msgspec.json.encode(self.plan).decode()],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={
                    "PATH": os.environ["PATH"] + ":/usr/sbin",
                    "PYTHONPATH": self.plan.pythonpath,
                    "PYTHONSAFEPATH": "1",
                },
                cwd="/",
                preexec_fn=lambda: become(account),  # noqa: PLW1509 - no threads here
            )
        wait_until(lambda: "\nready; " in self.output.read_text(), "`up` to be ready")

    def put(self, name: str, content: bytes) -> None:
        """Put a file into the data folder in place of another, as its owner."""
        path = self.data / name
        beside = path.with_name("beside")
        beside.write_bytes(content)
        os.chown(beside, self.account.uid, self.account.gid)
        beside.replace(path)

    def shown(self) -> str:
        """Return the fingerprint of the certificate that the broker shows to a new client."""
        with (
            socket.create_connection(("127.0.0.1", self.plan.ports.mqtt), timeout=10) as raw,
            self.client("transit-1").wrap_socket(raw) as line,
        ):
            return hashlib.sha256(line.getpeercert(binary_form=True) or b"").hexdigest()

    def client(self, terminal: str) -> ssl.SSLContext:
        """Return the TLS side of a terminal."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.data / "keys" / "service-ca.crt.pem")
        folder = self.data / "terminals" / terminal
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return context

    def connected(self, terminal: str) -> tuple[paho.Client, list[Any]]:
        """Connect a terminal; returns its client and what ends its connection."""
        lost: list[Any] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        client.tls_set_context(self.client(terminal))
        client.on_disconnect = lambda *told: lost.append(told[3])
        client.connect("127.0.0.1", self.plan.ports.mqtt)
        client.loop_start()
        wait_until(lambda: client.is_connected() or bool(lost), "an answer", WITHIN_S)
        return client, lost

    def refused(self, terminal: str) -> bool:
        """Say whether the broker refuses a terminal's certificate."""
        try:
            client, _ = self.connected(terminal)
        except OSError:
            return True
        taken = client.is_connected()
        client.disconnect()
        client.loop_stop()
        return not taken


@pytest.fixture
def small() -> Iterator[Small]:
    """Run one in a folder that any account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="kapok-renewal-", dir="/tmp"))
    folder.chmod(0o777)
    running = Small(folder)
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait(60)
        shutil.rmtree(folder)


def test_certificates_and_revocations_count_while_the_house_runs(small: Small) -> None:
    """The broker shows a new certificate and refuses whom the registry revokes; nobody is cut."""
    staying, lost = small.connected("hall-1")
    key, made = identity.make_key(), datetime.now(UTC) - OLD
    authority = load_authority(small.data, "service-ca")
    old = authority.server_certificate(ServerName.BROKER, key.public_key(), made)
    before = small.shown()
    small.put("keys/broker.pem", identity.private_pem(key))
    small.put("keys/broker.crt.pem", identity.certificate_pem(old))
    not_new = {before, identity.fingerprint(old)}
    wait_until(lambda: small.shown() not in not_new, "a renewed certificate", WITHIN_S)

    assert not small.refused("culture-1")
    registry = next(small.data.rglob("places.toml"))
    revoked = registry.read_text().replace(
        'id = "culture-1"\n', 'id = "culture-1"\nstate = "revoked"\n'
    )
    small.put(str(registry.relative_to(small.data)), revoked.encode())
    wait_until(lambda: small.refused("culture-1"), "the broker to refuse it", WITHIN_S)

    terminal = small.data / "terminals" / "transit-1" / "cert.pem"
    fresh = identity.load_certificate(terminal.read_bytes())
    own_key = identity.load_key(terminal.with_name("key.pem").read_bytes()).public_key()
    aged = load_authority(small.data, "terminal-ca").terminal_certificate(
        TerminalId("transit-1"), own_key, made
    )
    small.put("terminals/transit-1/cert.pem", identity.certificate_pem(aged))
    old_prints = {identity.fingerprint(aged), identity.fingerprint(fresh)}

    def of_registry() -> str:
        rows = registry.read_text().split("[[terminal]]")
        row = next(each for each in rows if '"transit-1"' in each)
        return row.split('fingerprint = "')[1][:64]

    wait_until(lambda: of_registry() not in old_prints, "a renewed terminal", WITHIN_S)

    def held() -> str:
        return identity.fingerprint(identity.load_certificate(terminal.read_bytes()))

    # The terminal's own files are written last.
    wait_until(lambda: held() == of_registry(), "the terminal to hold it", WITHIN_S)
    assert not small.refused("transit-1")
    assert (staying.is_connected(), lost) == (True, [])
    staying.disconnect()
    staying.loop_stop()
