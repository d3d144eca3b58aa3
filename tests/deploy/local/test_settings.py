"""Settings of a start: what `up` asks for reaches the process that uses it."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from deploy.local import mosquitto
from deploy.local.composition import HOUSE
from deploy.local.data import FOLDERS
from deploy.local.house import House, Ports
from deploy.local.settings import write_settings

FIRST_PORT = 21_001


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house on a new data folder, each port another number."""
    data = tmp_path / "data"
    for folder in FOLDERS:
        (data / folder).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    names = Ports.__struct_fields__
    return House(
        data=data,
        code=Path(__file__).parents[3],
        sockets=tmp_path / "s",
        ports=Ports(**{name: FIRST_PORT + number for number, name in enumerate(names)}),
        python=Path(sys.executable),
        pythonpath=os.environ.get("PYTHONPATH", ""),
        own_ports=(FIRST_PORT + len(names),),
    )


def test_every_port_that_can_be_asked_for_is_listened_on(house: House) -> None:
    """A port that no process is told of is an option that does nothing."""
    write_settings(house)
    told = "".join(path.read_text() for path in sorted(house.run.glob("*/*.json")))
    told += mosquitto.configuration(house)
    ports = msgspec.to_builtins(house.ports)
    assert [name for name, port in ports.items() if str(port) not in told] == []


def test_only_the_doors_for_terminals_leave_loopback(house: House) -> None:
    """They ask for a client's certificate; every other door stays on this machine."""
    open_house = replace(house, terminals_host="192.0.2.10")
    write_settings(open_house)
    told = mosquitto.configuration(open_house)
    listeners = [line.split()[1:] for line in told.splitlines() if line.startswith("listener ")]
    ports = house.ports
    assert listeners == [
        [str(ports.mqtt), "192.0.2.10"],
        [str(ports.mqtt_service), "127.0.0.1"],
    ]
    worker = msgspec.json.decode((house.settings("worker-0")).read_bytes())
    assert (worker["tls"]["host"], worker["service"]["host"]) == ("192.0.2.10", "127.0.0.1")
    for name in ("issuing", "feeds", "archive", "fleet"):
        assert "192.0.2.10" not in house.settings(name).read_text()
    terminal = msgspec.json.decode((house.settings("hall-1")).read_bytes())
    assert terminal["broker"]["host"] == "192.0.2.10"
    assert terminal["verifier"]["url"] == f"https://192.0.2.10:{ports.verifier_tls}"
