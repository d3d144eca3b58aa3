"""No certificate of the house stands in for another: TLS handshakes of all pairs, with real files.

The clients' sides are those of the terminal and of the fleet, the server's that of the worker.
"""

import asyncio
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from structlog import get_logger

from deploy.local.composition import HOUSE
from deploy.local.data import FOLDERS
from deploy.local.house import House, Ports
from deploy.local.settings import write_settings
from firmware_stubs.edge.disk.storage import open_storage
from firmware_stubs.edge.executor import DiskThread
from firmware_stubs.edge.process import TerminalProcess
from firmware_stubs.edge.settings import read_settings
from fleet.service.mqtt.connection import tls_context as fleet_context
from fleet.service.settings import MqttSettings
from runtime.settings import TlsDoorSettings
from verifier.service.worker.run import tls_context as worker_context

MAX_ROUNDS: Final = 20
"""Flights of a handshake; TLS 1.3 takes three."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a data folder of a first start, its settings written."""
    data = tmp_path_factory.mktemp("names") / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    made = House(
        data=data,
        code=Path(__file__).parents[3],
        sockets=data / "run",
        ports=Ports(mqtt=1, mqtt_service=2, verifier_tls=3),
        python=Path(sys.executable),
        pythonpath=os.environ.get("PYTHONPATH", ""),
        own_ports=(4,),
    )
    write_settings(made)
    return made


def pairs(house: House) -> dict[str, tuple[Path, Path]]:
    """Return each holder of a certificate: its file, and its key's."""
    keys, terminal = house.keys, house.data / "terminals" / "hall-1"
    return {
        "terminal": (terminal / "cert.pem", terminal / "key.pem"),
        "broker": (keys / "broker.crt.pem", keys / "broker.pem"),
        "verifier": (keys / "verifier-https.crt.pem", keys / "verifier-https.pem"),
        "fleet": (keys / "fleet-mqtt-client.crt.pem", keys / "fleet-mqtt-client.pem"),
    }


def clients(house: House) -> dict[str, ssl.SSLContext]:
    """Return the TLS of the product's own clients, by what they want to reach."""

    async def terminal() -> tuple[ssl.SSLContext, ssl.SSLContext]:
        settings = read_settings(house.settings("hall-1"))
        storage = open_storage(settings, wall=time.time(), reset=False)
        process = TerminalProcess(settings, storage, DiskThread(), get_logger())
        process._connect_parts()
        assert process.shell.centre is not None
        assert process._connection is not None
        storage.close()
        return process.shell.centre._tls, process._connection._tls

    certificate, key = pairs(house)["fleet"]
    settings = MqttSettings(
        host="127.0.0.1",
        port=1,
        ca=str(house.keys / "service-ca.crt.pem"),
        certificate=str(certificate),
        key=str(key),
    )
    verifier, broker = asyncio.run(terminal())
    return {
        "terminal to verifier": verifier,
        "terminal to broker": broker,
        "fleet to broker": fleet_context(settings),
    }


def shakes_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> bool:
    """Do a TLS handshake in memory, both sides to the end; 127.0.0.1 is the client's address."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(MAX_ROUNDS):
        left = []
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                left.append(end)
            except ssl.SSLError:
                return False
        if not left:
            return True
        ends = left
    return False


def test_a_client_takes_the_server_that_it_means(house: House) -> None:
    """Every certificate with its key as a server, before every client of the product."""
    taken = set()
    for name, (certificate, key) in pairs(house).items():
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        taken |= {(who, name) for who, each in clients(house).items() if shakes_hands(each, server)}
    assert taken == {
        ("terminal to verifier", "verifier"),
        ("terminal to broker", "broker"),
        ("fleet to broker", "broker"),
    }


def test_the_terminals_door_takes_terminals_alone(house: House) -> None:
    """Every certificate with its key as a client, before the worker."""
    certificate, key = pairs(house)["verifier"]
    door = TlsDoorSettings(
        host="127.0.0.1",
        port=1,
        certificate=str(certificate),
        key=str(key),
        client_ca=str(house.keys / "terminal-ca.crt.pem"),
    )
    taken = set()
    for name, (own, own_key) in pairs(house).items():
        client = ssl.create_default_context(cafile=str(house.keys / "service-ca.crt.pem"))
        client.load_cert_chain(own, own_key)
        if shakes_hands(client, worker_context(door)):
            taken.add(name)
    assert taken == {"terminal"}
