"""Who gets in at the broker of a data folder: real certificates of a start, a real mosquitto."""

import asyncio
import os
import pwd
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local import mosquitto, places
from deploy.local.certificates import make_authorities, renew_certificates
from deploy.local.credentials import hand_over
from deploy.local.data import FOLDERS
from deploy.local.holders import secrets_of
from deploy.local.house import House, Ports, endpoints
from deploy.local.ready import probe
from deploy.local.table import broker_ready
from tests.support.broker import START_DEADLINE_S
from tests.support.ports import free_ports
from tests.support.verifier_process import eventually

WITHIN_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Files:
    """A certificate and its key, as they were at some time."""

    certificate: Path
    key: Path

    @classmethod
    def kept(cls, data: Path, below: str, folder: Path) -> "Files":
        """Copy a terminal's, as a thief does."""
        folder.mkdir()
        for name in ("cert.pem", "key.pem"):
            (folder / name).write_bytes((data / below / name).read_bytes())
        return cls(folder / "cert.pem", folder / "key.pem")


def start(data: Path) -> None:
    """Do what every start does with certificates."""
    make_authorities(data)
    renew_certificates(data)
    places.make_terminals(data)
    places.renew_terminals(data)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the data folder of a first start."""
    data = tmp_path / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    start(data)
    return data


@contextmanager
def broker(data: Path) -> Iterator[House]:
    """Run the broker of a data folder with its own configuration."""
    mqtt, service = free_ports(2)
    house = House(
        data=data,
        code=Path(__file__).parents[3],
        sockets=data / "s",
        ports=Ports(mqtt=mqtt, mqtt_service=service),
        python=Path(sys.executable),
        pythonpath="",
        own_ports=(),
    )
    conf, log = data / "run" / "mosquitto.conf", data / "log" / "mosquitto.log"
    account = pwd.getpwuid(os.getuid()).pw_name
    hand_over(data, secrets_of("mosquitto"), house.credentials("mosquitto"))
    conf.write_text(f"user {account}\n{mosquitto.configuration(house)}")
    with log.open("wb") as output:
        running = subprocess.Popen(
            ["mosquitto", "-c", str(conf)],
            stdout=output,
            stderr=output,
            env={**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin"},
        )
    try:
        eventually("it runs", lambda: " running" in log.read_text(), within=START_DEADLINE_S)
        yield house
    finally:
        running.kill()
        running.wait()


def connects(house: House, port: int, files: Files) -> bool:
    """Say whether the broker takes a CONNECT."""
    answered, accepted = threading.Event(), []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="x", reconnect_on_failure=False)
    client.tls_set(str(house.keys / "service-ca.crt.pem"), str(files.certificate), str(files.key))

    def connected(_c: object, _d: object, _f: object, reason: Any, _p: object) -> None:
        accepted.append(not reason.is_failure)
        answered.set()

    client.on_connect = connected
    client.on_disconnect = lambda *_: answered.set()
    try:
        client.connect("127.0.0.1", port)
    except (OSError, ssl.SSLError):
        return False
    client.loop_start()
    assert answered.wait(WITHIN_S)
    client.disconnect()
    client.loop_stop()
    return accepted == [True]


def own(data: Path, name: str = "hall-1") -> Files:
    """Return the certificate that a terminal has now."""
    folder = data / "terminals" / name
    return Files(folder / "cert.pem", folder / "key.pem")


def agrees(house: House, suite: str) -> bool:
    """Say whether the broker agrees on a suite of TLS 1.2 with a terminal that has no other."""
    files = own(house.data)
    context = ssl.create_default_context(cafile=str(house.keys / "service-ca.crt.pem"))
    context.check_hostname = False
    context.load_cert_chain(files.certificate, files.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    try:
        with (
            socket.create_connection(("127.0.0.1", house.ports.mqtt), timeout=WITHIN_S) as plain,
            context.wrap_socket(plain) as line,
        ):
            return line.cipher() is not None
    except (ssl.SSLError, ConnectionError):
        return False


def test_the_broker_agrees_on_suites_of_today_only(data: Path) -> None:
    """Forward secrecy and authenticated encryption, at both of its doors."""
    with broker(data) as house:
        assert agrees(house, "ECDHE-ECDSA-AES128-GCM-SHA256")
        assert agrees(house, "ECDHE-ECDSA-CHACHA20-POLY1305")
        assert not agrees(house, "ECDHE-ECDSA-AES128-SHA256")
        assert not agrees(house, "ECDHE-ECDSA-AES256-SHA")


def test_an_old_key_of_a_name_does_not_connect(data: Path, tmp_path: Path) -> None:
    """The generation is raised in the registry: the key before it is out, the new one gets in."""
    stolen = Files.kept(data, "terminals/hall-1", tmp_path / "thief")
    registry = data / "registry" / "places.toml"
    text = re.sub(r"(?m)^generation = \d+\n", "", registry.read_text())
    registry.write_text(text.replace('id = "hall-1"\n', 'id = "hall-1"\ngeneration = 2\n'))
    start(data)
    with broker(data) as house:
        mqtt = house.ports.mqtt
        assert connects(house, mqtt, own(data, "transit-1"))
        assert not connects(house, mqtt, stolen)
        assert connects(house, mqtt, own(data))


def test_a_renewed_certificate_ends_the_one_before(data: Path, tmp_path: Path) -> None:
    """Also within one generation there is one key that connects, over further starts too."""
    stolen = Files.kept(data, "terminals/hall-1", tmp_path / "thief")
    # What makes a start renew it: it would trust another CA.
    (data / "terminals" / "hall-1" / "ca.pem").write_bytes(b"another")
    start(data)
    start(data)
    with broker(data) as house:
        assert not connects(house, house.ports.mqtt, stolen)
        assert connects(house, house.ports.mqtt, own(data))


def test_a_revoked_terminal_does_not_connect(data: Path) -> None:
    """From the next start on; when it is active again, a start gives it another certificate."""
    registry = data / "registry" / "places.toml"
    active = registry.read_text()
    registry.write_text(active.replace('id = "hall-1"\n', 'id = "hall-1"\nstate = "revoked"\n'))
    start(data)
    with broker(data) as house:
        assert not connects(house, house.ports.mqtt, own(data))
        assert connects(house, house.ports.mqtt, own(data, "transit-1"))
    registry.write_text(active)
    start(data)
    with broker(data) as house:
        assert connects(house, house.ports.mqtt, own(data))


def test_certificates_of_the_ca_before_hold_with_its_list(data: Path, tmp_path: Path) -> None:
    """For overlap its certificate and its CRL stand behind the new ones; what it revoked is out."""
    stolen = Files.kept(data, "terminals/hall-1", tmp_path / "thief")
    elsewhere = Files.kept(data, "terminals/transit-1", tmp_path / "elsewhere")
    (data / "terminals" / "hall-1" / "ca.pem").write_bytes(b"another")
    start(data)
    names = ("terminal-ca.crt.pem", "terminal-ca.crl.pem")
    before = {name: (data / "keys" / name).read_bytes() for name in names}
    for path in (data / "keys").glob("terminal-ca*.pem"):
        path.unlink()
    start(data)
    for name, old in before.items():
        path = data / "keys" / name
        path.write_bytes(path.read_bytes() + old)
    start(data)
    with broker(data) as house:
        assert connects(house, house.ports.mqtt, own(data))
        assert connects(house, house.ports.mqtt, elsewhere)
        assert not connects(house, house.ports.mqtt, stolen)


def test_each_listener_takes_its_own_clients_alone(data: Path) -> None:
    """Terminals, the fleet, and servers that pose as clients: each at both doors."""
    keys = data / "keys"
    shown = {
        "terminal": own(data),
        "fleet": Files(keys / "fleet-mqtt-client.crt.pem", keys / "fleet-mqtt-client.pem"),
        "supervisor": Files(
            keys / "supervisor-mqtt-client.crt.pem", keys / "supervisor-mqtt-client.pem"
        ),
        "broker": Files(keys / "broker.crt.pem", keys / "broker.pem"),
        "verifier": Files(keys / "verifier-https.crt.pem", keys / "verifier-https.pem"),
    }
    with broker(data) as house:
        ports = {"terminals": house.ports.mqtt, "services": house.ports.mqtt_service}
        taken = {
            (door, name)
            for door, port in ports.items()
            for name, files in shown.items()
            if connects(house, port, files)
        }
    assert taken == {("terminals", "terminal"), ("services", "fleet"), ("services", "supervisor")}


def test_who_only_asks_whether_the_broker_works_hears_and_says_nothing(data: Path) -> None:
    """With the certificate of `kapok up` no message comes, and what is published reaches nobody."""
    heard: list[str] = []
    with broker(data) as house:
        fleet, supervisor = service(house, "fleet", heard), service(house, "supervisor", heard)
        subscribe(supervisor, "#")
        subscribe(fleet, "kapok/up/+/+/beat")
        supervisor.publish("kapok/up/00/hall-1.1/beat", b"x", 1).wait_for_publish(WITHIN_S)
        fleet.publish("kapok/all/bundle", b"x", 1).wait_for_publish(WITHIN_S)
        for each in (supervisor, fleet):
            subscribe(each, "kapok/x")  # what the broker had for it came before this is answered
            each.disconnect()
            each.loop_stop()
    assert heard == []


def service(house: House, name: str, heard: list[str]) -> paho.Client:
    """Connect a service at its door; topics of what it hears go to the list."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name)
    keys = house.keys
    client.tls_set(
        str(keys / "service-ca.crt.pem"),
        str(keys / f"{name}-mqtt-client.crt.pem"),
        str(keys / f"{name}-mqtt-client.pem"),
    )
    client.on_message = lambda _c, _d, message: heard.append(f"{name} {message.topic}")
    client.connect("127.0.0.1", house.ports.mqtt_service)
    client.loop_start()
    return client


def subscribe(client: paho.Client, topic: str) -> None:
    """Subscribe, and wait for the answer."""
    answered = threading.Event()
    client.on_subscribe = lambda *_: answered.set()
    client.subscribe(topic, 1)
    assert answered.wait(WITHIN_S)


def test_who_asks_whether_it_works_throws_off_nobody_who_asks_too(data: Path) -> None:
    """`kapok up` and `kapok status` look at the same moment, and none finds the broker wrong."""

    async def asked(house: House) -> list[str | None]:
        how = broker_ready(data, endpoints(house))
        return await asyncio.gather(*(probe(how) for _ in range(20)))

    with broker(data) as house:
        assert asyncio.run(asked(house)) == [None] * 20
