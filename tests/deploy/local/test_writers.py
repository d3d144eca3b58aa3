"""What each process may change, tried from inside each: real processes under their confinement."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.local import table
from deploy.local.child import Child, TcpReady
from deploy.local.children import Children
from deploy.local.composition import HOUSE
from deploy.local.confinement import supported
from deploy.local.data import FOLDERS
from deploy.local.house import House, Ports
from deploy.local.settings import write_settings
from tests.support.verifier_process import eventually

needs_kernel = pytest.mark.skipif(not supported(), reason="this kernel has no Landlock")
VICTIM = "victim"
ATTACK = """
import json, os, resource, signal, socket, sys, time
asked = json.loads(sys.argv[1])
done = []
def attempt(name, act):
    try:
        act()
    except OSError:
        return
    done.append(name)
def append(path):
    with open(path, "ab") as file:
        file.write(b"x")
def make(path):
    with open(path, "xb"):
        pass
    os.unlink(path)
def put_instead(path):
    beside = path + ".beside"
    with open(beside, "xb") as file:
        file.write(b"mine")
    os.replace(beside, path)
def bound(path):
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
    os.unlink(path)
def by_descriptor(path):
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(opened, os.fstat(opened).st_mode)
    finally:
        os.close(opened)
BY_PATH = {
    "mode": lambda path: os.chmod(path, os.stat(path).st_mode),
    "mode of what is open": by_descriptor,
    "owner": lambda path: os.chown(path, -1, -1),
    "times": lambda path: os.utime(path),
    "attribute": lambda path: os.setxattr(path, "user.kapok", b"x"),
}
for folder in asked["folders"]:
    at = folder["at"]
    there = os.path.join(at, "victim")
    new = os.path.join(at, "n" + str(os.getpid()))
    attempt([folder["name"], "append"], lambda: append(there))
    attempt([folder["name"], "truncate"], lambda: os.truncate(there, 0))
    attempt([folder["name"], "make"], lambda: make(new))
    attempt([folder["name"], "mkdir"], lambda: (os.mkdir(new), os.rmdir(new)))
    attempt([folder["name"], "symlink"], lambda: (os.symlink("/etc/passwd", new), os.unlink(new)))
    attempt([folder["name"], "socket"], lambda: bound(new))
    attempt([folder["name"], "replace"], lambda: put_instead(there))
    for name, act in BY_PATH.items():
        attempt([folder["name"], name], lambda: act(there))
        attempt([folder["name"], name], lambda: act(at))
    attempt([folder["name"], "remove"], lambda: os.unlink(there))
for path in asked["files"]:
    attempt([path, "append"], lambda: append(path))
    attempt([path, "truncate"], lambda: os.truncate(path, 0))
attempt(["a process beside it", "signal"], lambda: os.kill(asked["beside"], signal.SIGCONT))
def limit():
    held = resource.prlimit(asked["beside"], resource.RLIMIT_CORE)
    resource.prlimit(asked["beside"], resource.RLIMIT_CORE, held)
attempt(["a process beside it", "limit"], limit)
beside = asked["beside"]
by_number = {
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, beside, os.getpriority(0, beside)),
    "priority of all": lambda: os.setpriority(os.PRIO_USER, 0, 19),
    "priority of its group": lambda: os.setpriority(os.PRIO_PGRP, os.getpgid(beside), 19),
    "processors": lambda: os.sched_setaffinity(beside, os.sched_getaffinity(beside)),
    "scheduling": lambda: os.sched_setscheduler(beside, os.SCHED_OTHER, os.sched_param(0)),
}
for name, act in by_number.items():
    attempt(["a process beside it", name], act)
os.setpriority(os.PRIO_PROCESS, 0, 0)
os.sched_setaffinity(0, os.sched_getaffinity(0))
resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
def reach():
    with socket.socket(socket.AF_UNIX) as door:
        door.connect("\\0" + asked["abstract"])
attempt(["an abstract socket", "connect"], reach)
print("DONE " + json.dumps(done), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return a house as a start leaves it before its first child."""
    data = tmp_path_factory.mktemp("writing") / "data"
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    for seed in (*HOUSE.first_start, *HOUSE.every_start):
        seed.make(data)
    names = Ports.__struct_fields__
    with tempfile.TemporaryDirectory(prefix="kapok-w-", dir="/tmp") as sockets:
        made = House(
            data=data,
            code=Path(__file__).parents[3],
            sockets=Path(sockets),
            ports=Ports(**{name: 20_000 + number for number, name in enumerate(names)}),
            python=Path(sys.executable),
            pythonpath=os.environ.get("PYTHONPATH", ""),
            own_ports=(20_100, 20_101),
        )
        write_settings(made)
        yield made


@pytest.fixture(scope="module")
def children(house: House) -> dict[str, Child]:
    """Return the children of the house, and make the folders that a start of theirs makes."""
    found = {child.name: child for child in table.children(house)}
    for child in found.values():
        assert child.confinement is not None
        for folder in getattr(child.confinement, "writes", {}):
            folder.mkdir(parents=True, exist_ok=True)
    return found


def folders(house: House) -> dict[str, Path]:
    """Return every folder of the data folder, and others, by a name."""
    data = {
        str(path.relative_to(house.data)): path
        for path in (house.data, *house.data.rglob("*"))
        if path.is_dir() and not path.is_symlink()
    }
    sockets = {f"sockets/{path.name}": path for path in house.sockets.glob("*")}
    others = {"temporary": house.sockets.parent, "sockets": house.sockets}
    return {**data, **sockets, **others}


async def attacked(house: House, child: Child, asked: dict[str, Any]) -> set[tuple[str, str]]:
    """Start an attacker in a child's place and confinement; return what it could do."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        logs = house.data.parent / "logs"
        logs.mkdir(exist_ok=True)
        (logs / f"{child.name}.log").unlink(missing_ok=True)
        running = Children(logs=logs, pids=house.data.parent / "pids.json")
        attacker = Child(
            name=child.name,
            argv=(sys.executable, "-I", "-S", "-c", ATTACK, json.dumps(asked)),
            ready=TcpReady(ports=(door.getsockname()[1],)),
            confinement=child.confinement,
        )
        await running.start([attacker])
        try:
            said = await asyncio.to_thread(answer, logs / f"{child.name}.log")
        finally:
            await running.stop()
    return {(name, what) for name, what in json.loads(said)}


def answer(log: Path) -> str:
    """Wait for the attacker's last word."""
    eventually("it has tried everything", lambda: log.read_text().endswith("]\n"))
    return log.read_text().rpartition("DONE ")[2]


def attack(house: House, child: Child) -> set[tuple[str, str]]:
    """Try everything; returns pairs of folder or file, and act."""
    found = folders(house)
    victims = [path / VICTIM for path in found.values()]
    configuration = [path for path in house.run.rglob("*") if path.is_file()]
    configuration += (house.data / "registry").glob("*.toml")
    configuration += [house.data / "trust" / "root.cbor", *(house.data / "profiles").glob("*.toml")]
    before = {path: path.read_bytes() for path in configuration}
    for path in victims:
        path.write_bytes(b"victim")
    with (
        subprocess.Popen(["sleep", "600"]) as beside,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        name = f"kapok-test-{os.getpid()}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        asked = {
            "folders": [{"name": name, "at": str(at)} for name, at in found.items()],
            "files": [str(path) for path in configuration],
            "beside": beside.pid,
            "abstract": name,
        }
        try:
            done = asyncio.run(attacked(house, child, asked))
        finally:
            beside.send_signal(signal.SIGKILL)
    for path in victims:
        path.unlink(missing_ok=True)
    for path, content in before.items():
        path.write_bytes(content)
    return done


CONFIGURATION = frozenset(
    {
        *(
            ".",
            "run",
            "registry",
            "trust",
            "profiles",
            "rules",
            "cards",
            "feeds",
            "log",
            "audit",
            "terminals",
        ),
        *("keys", "keys/api", "keys/feeds", "keys/operators", "keys/redis", "mosquitto"),
    }
)
"""Folders of what processes are started with, of keys, and of what others have written."""
ACTS = {
    "keep": {"append", "truncate", "make", "mkdir", "socket", "replace", "remove"},
    "remove": {"remove"},
}
CHILDREN = (
    *("redis", "mosquitto", "issuing", "worker-0", "worker-1", "feeds", "archive", "fleet"),
    *("hall-1", "transit-1", "culture-1"),
)


def allowed(child: Child) -> dict[Path, str]:
    """Return what the table says of a child: folder -> what it may do there."""
    return dict(getattr(child.confinement, "writes", {}))


@needs_kernel
@pytest.mark.parametrize("name", CHILDREN)
def test_a_child_changes_what_the_table_gives_it_and_nothing_else(
    house: House, children: dict[str, Child], name: str
) -> None:
    """Every act in every folder, every file of configuration, and a process beside it."""
    done = attack(house, children[name])
    by_path = {path: folder for folder, path in folders(house).items()}
    rows = allowed(children[name]).items()
    assert done == {(by_path[path], act) for path, writing in rows for act in ACTS[writing]}


@pytest.mark.parametrize("name", CHILDREN)
def test_no_row_opens_configuration_or_what_is_anothers(
    house: House, children: dict[str, Child], name: str
) -> None:
    """Of two children only workers share a folder, that of the floors; nobody writes settings."""
    mine = {path for path, writing in allowed(children[name]).items() if writing == "keep"}
    assert not mine & {house.data / folder for folder in CONFIGURATION}
    others = {
        path
        for other, child in children.items()
        for path, writing in allowed(child).items()
        if other != name and writing == "keep"
    }
    assert mine & others <= {house.data / "floors"}
    assert not [(one, path) for one in mine for path in others if one in path.parents]


def test_every_child_is_tried(children: dict[str, Child]) -> None:
    """A new process of the house is attacked too."""
    assert set(children) == set(CHILDREN)
