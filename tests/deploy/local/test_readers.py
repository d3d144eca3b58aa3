"""What the confinement of a process must not do: keep removed files, or open more than it says."""

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import table
from deploy.local.child import Child, TcpReady
from deploy.local.children import Children
from deploy.local.composition import HOUSE
from deploy.local.confinement import supported
from deploy.local.credentials import hand_over
from deploy.local.data import FOLDERS
from deploy.local.holders import role_of, secrets_of
from deploy.local.house import House, Ports
from deploy.local.placement import PACKAGES
from deploy.local.readers import READERS
from deploy.local.settings import write_settings
from deploy.local.writers import WRITERS
from tests.support.ports import free_ports

pytestmark = pytest.mark.skipif(not supported(), reason="this kernel has no Landlock")
CLONE = Path(__file__).parents[3]
CENTRE = ("redis", "mosquitto", "issuing", "worker", "feeds", "archive", "fleet")
BIG = 48 * 1024 * 1024
"""Bytes of a file whose room shows beside what others do on the same disk."""
READS = """
import json, socket, sys, time
names, port = json.loads(sys.argv[1])
found = []
for name in names:
    try:
        open(name, "rb").close()
    except OSError:
        continue
    found.append(name)
print("DONE " + json.dumps(found), flush=True)
with socket.create_server(("127.0.0.1", port)):
    time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder in memory: its free room is counted in bytes."""
    made = Path(tempfile.mkdtemp(prefix="kapok-pinned-", dir="/dev/shm"))
    yield made
    shutil.rmtree(made)


def a_house(data: Path, code: Path) -> House:
    """Make the data folder of a first start."""
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    names = Ports.__struct_fields__
    return House(
        data=data,
        code=code,
        sockets=data / "s",
        ports=Ports(**{name: 20_000 + number for number, name in enumerate(names)}),
        python=Path(sys.executable),
        pythonpath=str(code),
        own_ports=(20_100,),
    )


async def run_reader(
    house: House, names: list[Path], removed: list[Path], place: str = "worker-0"
) -> tuple[set[Path], int]:
    """Start a reader in a process's place; return what it could open, and the room that came free.

    Files to remove are removed while it runs.
    """
    (port,) = free_ports(1)
    asked = json.dumps([[str(name) for name in names], port])
    worker = next(child for child in table.children(house) if child.name == place)
    reader: Child = replace(
        worker,
        argv=(sys.executable, "-I", "-S", "-c", READS, asked),
        env={},
        ready=TcpReady(ports=(port,)),
        stage=0,
    )
    running = Children(logs=house.data / "log", pids=house.run / "children.json")
    await running.start([reader])
    try:
        log = house.data / "log" / f"{place}.log"
        before = free(house.data)
        for path in removed:
            path.unlink()
        after = free(house.data)
        text = log.read_text().rpartition("DONE ")[2]
        return {Path(name) for name in json.loads(text)}, after - before
    finally:
        await running.stop()


def free(path: Path) -> int:
    """Return the free bytes of a disk."""
    found = os.statvfs(path)
    return found.f_bfree * found.f_frsize


def test_a_file_that_is_removed_gives_its_room_back(folder: Path) -> None:
    """Beside the data folder and in it, while a process of the house runs."""
    house = a_house(folder / "data", CLONE)
    files = [folder / "backup.tar", house.data / "old.tar", house.data / "trust" / "old.cbor"]
    for path in files:
        path.write_bytes(bytes(BIG))
    _, gained = asyncio.run(run_reader(house, [], files))
    assert gained > 2.5 * BIG


def test_a_data_folder_in_the_clone_is_closed_like_any_other(tmp_path: Path) -> None:
    """The folder of the code may hold it, as it does by default: code is read, keys are not."""
    clone = tmp_path / "clone"
    for package in PACKAGES:
        (clone / package).mkdir(parents=True)
    (clone / "deploy" / "code.py").write_text("")
    house = a_house(clone / "data", clone)
    (house.data / "records" / "day").write_text("a record")
    secret = [house.keys / "root.pem", house.keys / "issuer.pem", house.data / "records" / "day"]
    secret.append(house.data / "terminals" / "hall-1" / "key.pem")
    code = clone / "deploy" / "code.py"
    found, _ = asyncio.run(run_reader(house, [*secret, code], []))
    assert found == {code}


def test_a_process_reads_its_own_settings_and_credentials_alone(tmp_path: Path) -> None:
    """What others are told and handed, and folders of others, are closed."""
    house = a_house(tmp_path / "data", CLONE)
    write_settings(house)
    closed = [house.data / "feeds" / "demo-hospital.toml", house.settings("issuing")]
    opened = [house.data / "trust" / "root.cbor", house.settings("worker-0")]
    found, _ = asyncio.run(run_reader(house, [*closed, *opened], []))
    assert found == set(opened)


CHILDREN = ("redis", "mosquitto", "issuing", "worker-0", "feeds", "archive", "fleet", "hall-1")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with a file in every folder, as it is before its first child."""
    house = a_house(tmp_path_factory.mktemp("reading") / "data", CLONE)
    write_settings(house)
    for child in table.children(house):
        assert child.confinement is not None
        for folder in child.confinement.writes:
            folder.mkdir(parents=True, exist_ok=True)
        hand_over(house.data, child.confinement.secrets, house.credentials(child.name))
    for folder in [path for path in house.data.rglob("*") if path.is_dir()]:
        if "credentials" not in folder.parts:  # what is not handed over is removed there
            (folder / "there").write_text("something")
    return house


@pytest.mark.parametrize("name", CHILDREN)
def test_each_process_reads_what_the_tables_give_it(whole: House, name: str) -> None:
    """Tried from inside each: every file of the data folder, and of the folders of others."""
    role, data = role_of(name), whole.data
    folders = {folder for folder, roles in READERS.items() if role in roles}
    folders |= {folder for folder, roles in WRITERS.items() if roles.get(role) == "keep"}
    folders |= {row for row in secrets_of(name) if (data / row).is_dir()}
    mine = {data / folder for folder in folders} | {whole.own_folder(name), whole.audit(name)}
    mine |= {whole.configuration(name), whole.credentials(name)}
    files = [path for path in data.rglob("*") if path.is_file() and path.parent != data / "log"]
    found, _ = asyncio.run(run_reader(whole, files, [], name))
    assert found == {path for path in files if mine & set(path.parents)}


def test_the_document_says_what_each_process_reads_and_writes() -> None:
    """docs/keys.md has the rows of the two tables, no more and no fewer."""
    text = (CLONE / "docs" / "keys.md").read_text(encoding="utf-8")
    rows = text.partition("\n| process | reads")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    told = {cell[0]: [set(re.findall(r"`([^`]+)/`", part)) for part in cell[1:3]] for cell in cells}

    def folders(table: Mapping[str, Iterable[str]], role: str) -> set[str]:
        found = {folder for folder, roles in table.items() if role in roles}
        return {folder.replace("/hall-1/", "/<id>/") for folder in found}

    names = {"terminal": "hall-1"}
    assert told == {
        row: [folders(READERS, names.get(row, row)), folders(WRITERS, names.get(row, row))]
        for row in (*CENTRE, "terminal")
    }
