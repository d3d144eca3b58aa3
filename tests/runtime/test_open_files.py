"""How many files the children of a house may open, and what is said when they have."""

import asyncio
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.child import Child, TcpReady
from deploy.local.children import Children
from deploy.local.house import API_KEY, Endpoints
from deploy.local.ports import free_ports
from deploy.local.store_users import STATUS
from deploy.status.answers import ask_all

FEW: Final = 200
CODE: Final = """
import resource, socket, sys
port, most = map(int, sys.argv[1:])
if most:
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
print("may open", resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
kept = [open("/dev/null") for _ in range(most - 8)]
server = socket.create_server(("127.0.0.1", port))
while True:
    server.accept()[0].close()
"""


def child(name: str, port: int, *, most: int = 0) -> Child:
    """Describe a process that may open so many files, and has them open; 0: as it was started."""
    return Child(
        name=name,
        argv=(sys.executable, "-I", "-S", "-c", CODE, str(port), str(most)),
        ready=TcpReady(ports=(port,)),
        env={"PATH": os.environ["PATH"]},
    )


@contextmanager
def few_files() -> Iterator[int]:
    """Lower this process's soft limit for a while; yields the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    try:
        yield hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_child_may_open_more_files_than_its_supervisor(tmp_path: Path) -> None:
    """A login has 1,024 by itself; a broker needs one for each terminal."""
    (port,) = free_ports(1)

    async def scene() -> str:
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=lambda _: None)
        await children.start([child("mosquitto", port)])
        await children.stop()
        return children.tail("mosquitto")[0]

    with few_files() as hard:
        said = asyncio.run(scene())
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    assert said == f"may open {wanted}"


def test_a_broker_that_can_take_nobody_in_is_a_row(tmp_path: Path) -> None:
    """It says nothing itself; terminals that come now are turned away."""
    (port,) = free_ports(1)
    for name in ("run", "keys/redis", "log"):
        (tmp_path / name).mkdir(parents=True)
    key = tmp_path / "keys" / "key"
    for path in (key, tmp_path / "keys" / "redis" / f"{STATUS}.key"):
        path.write_text("kapok_status_" + "s" * 43)
    where = Endpoints(
        redis_socket=str(tmp_path / "none"),
        mqtt_host="127.0.0.1",
        mqtt_port=port,
        mqtt_service_port=port,
        verifier_url="http://127.0.0.1:1",
        verifier_tls_url="",
        issuing_url="http://127.0.0.1:1",
        fleet_url="http://127.0.0.1:1",
        archive_url="http://127.0.0.1:1",
        feeds_url="http://127.0.0.1:1",
        api_keys={API_KEY: str(key)},
        terminals={},
    )

    async def scene(most: int) -> list[str]:
        pids = tmp_path / "run" / "children.json"
        children = Children(logs=tmp_path / "log", pids=pids, changed=lambda _: None)
        await children.start([child("mosquitto", port, most=most)])
        try:
            heard = (await ask_all(tmp_path, where)).processes
            return [
                name
                for name, each in heard.items()
                if "files.scarce" in {found["code"] for found in each.body.get("warnings", ())}
            ]
        finally:
            await children.stop()

    assert asyncio.run(scene(0)) == []
    assert asyncio.run(scene(64)) == ["mosquitto"]
