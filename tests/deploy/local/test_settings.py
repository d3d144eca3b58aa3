"""Settings of a start: what `up` asks for reaches the process that uses it."""

import os
import sys
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
