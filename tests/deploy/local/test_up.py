"""`up` as a process, with the real Redis and the real broker: stop, kill, refusal, next start."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from deploy.local.account import become, children_account
from deploy.local.data import prepare_folder
from deploy.local.errors import UsageError
from deploy.local.house import Ports, UpPlan, read_endpoints
from deploy.local.launch import plan_up
from deploy.local.placement import PACKAGES
from deploy.local.ports import LOOPBACK, free_ports
from tests.support.up_house import CLONE, DEADLINE_S, Up, gone, wait

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to use")


@pytest.fixture
def way() -> Iterator[Path]:
    """Make a folder with a space in its name that every account can enter and write to."""
    with tempfile.TemporaryDirectory(prefix="kapok u ") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def start(way: Path) -> Iterator[Callable[..., Up]]:
    """Start houses on <way>/data; all are ended afterwards."""
    running: list[Up] = []

    def begin(clone: Path = CLONE) -> Up:
        plan = plan_up(clone, data=way / "data", ports=Ports(), workers=1)
        running.append(Up(plan, way / f"output-{len(running)}", children_account()))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(DEADLINE_S)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything(start: Callable[..., Up], number: int) -> None:
    """Exit code 0, all children ended, the sockets' folder gone, each stop said before the end."""
    up = start()
    up.wait_for("ready; Ctrl-C")
    children = up.children()
    found = read_endpoints(Path(up.plan.data))
    assert found is not None
    assert Path(found.redis_socket).is_socket()
    up.process.send_signal(number)
    assert up.process.wait(DEADLINE_S) == 0
    assert all(map(gone, children))
    assert not Path(found.redis_socket).parent.exists()
    said = up.said()
    for name in ("mosquitto", "redis"):  # of one stage: in any order
        assert said.index(f"{name} stopped") < said.index("\nstopped")


def test_no_child_survives_kill_9(start: Callable[..., Up]) -> None:
    """The kernel ends the children; the next start finds the data and tidies up."""
    up = start()
    up.wait_for("ready; Ctrl-C")
    children = up.children()
    sockets = Path((Path(up.plan.data) / "run" / "sockets").read_text().strip())
    up.process.kill()
    up.process.wait(DEADLINE_S)
    wait(lambda: all(map(gone, children)))
    again = start()
    again.wait_for("ready; Ctrl-C")
    assert "found again" in again.said()
    assert not sockets.exists()


def test_a_second_up_on_the_same_data_is_refused(start: Callable[..., Up]) -> None:
    """Exit code 2, the first one's pid in the sentence, the first one untouched."""
    first = start()
    first.wait_for("ready; Ctrl-C")
    second = start()
    assert second.process.wait(DEADLINE_S) == 2
    assert str(first.process.pid) in second.said()
    assert len(first.children()) == 2


def test_a_killed_child_comes_back(start: Callable[..., Up]) -> None:
    """Redis is killed under `up`; it is said, and Redis is ready again."""
    up = start()
    up.wait_for("ready; Ctrl-C")
    (redis,) = (child for child in up.children() if child.name() == "redis-server")
    redis.kill()
    up.wait_for("redis restarting")
    wait(lambda: up.said().count("redis (") == 4)  # starting and ready, twice
    assert redis.pid not in {child.pid for child in up.children()}


@AS_ROOT
def test_children_run_as_the_account_and_own_the_data(start: Callable[..., Up]) -> None:
    """No process of the house is root's, and no file of the data either."""
    account = children_account()
    up = start()
    up.wait_for("ready; Ctrl-C")
    for process in (psutil.Process(up.process.pid), *up.children()):
        assert set(process.uids()) == {account.uid}
        assert set(process.gids()) == {account.gid}
        groups = Path(f"/proc/{process.pid}/status").read_text().split("Groups:")[1].split("\n")[0]
        assert not groups.split()
    data = Path(up.plan.data)
    for path in (data, *data.rglob("*")):
        assert path.stat().st_uid == account.uid
        assert path.stat().st_mode & 0o077 == 0 or path.is_socket(), path


@AS_ROOT
def test_a_clone_that_the_account_cannot_enter_is_staged(
    start: Callable[..., Up], way: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The house runs from copies, with the system's own Python."""
    monkeypatch.setattr("deploy.local.placement.STATE_ROOT", way / "state")
    clone = way / "closed" / "my clone"
    clone.mkdir(parents=True)
    for package in PACKAGES:
        if (CLONE / package).exists():
            shutil.copytree(CLONE / package, clone / package)
    (clone / ".venv").symlink_to(CLONE / ".venv")
    clone.parent.chmod(0o700)
    up = start(clone)
    up.wait_for("ready; Ctrl-C")
    assert up.plan.python == "/usr/bin/python3"
    assert up.plan.code.startswith(str(way / "state"))
    told = Path(f"/proc/{up.process.pid}/environ").read_bytes().decode()
    assert str(clone) not in told
    assert Path(f"/proc/{up.process.pid}/exe").resolve() == Path("/usr/bin/python3").resolve()
    assert len(up.children()) == 2
    assert can_import(up.plan, PROCESSES) == ""


PROCESSES = (
    *(f"verifier.service.{role}.run" for role in ("worker", "issuing", "feeds", "archive")),
    *("fleet.service.run", "firmware_stubs.edge.door", "deploy.local.up"),
)
"""What the children of a whole house begin with; those of this file's house are none of ours."""


def can_import(plan: UpPlan, names: tuple[str, ...]) -> str:
    """Import modules as the account, from where a plan has placed them; return what was wrong."""
    return subprocess.run(
        [plan.python, "-c", f"import {', '.join(names)}"],
        env={"PYTHONPATH": plan.pythonpath, "PYTHONSAFEPATH": "1", "PYTHONNOUSERSITE": "1"},
        cwd="/",
        preexec_fn=lambda: become(children_account()),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    ).stderr


def test_endpoints_hold_no_secret(start: Callable[..., Up]) -> None:
    """The file that others read names key files; no key is in it, and keys/ is the account's."""
    up = start()
    up.wait_for("ready; Ctrl-C")
    data = Path(up.plan.data)
    text = (data / "run" / "endpoints.json").read_bytes()
    for key in (data / "keys").rglob("*.key"):
        assert key.read_bytes().strip() not in text
    told = json.loads(text)
    assert told["verifier_url"].startswith(f"http://{LOOPBACK}:")
    assert Path(told["api_keys"]["local-admin"]).exists()


def test_a_house_that_devices_reach_keeps_host_and_ports(
    start: Callable[..., Up], way: Path
) -> None:
    """By one file in the data folder: the broker's terminals' door on all of it, the rest not."""
    first = start()
    first.wait_for("ready; Ctrl-C")
    first.process.terminate()
    first.process.wait(DEADLINE_S)
    https, mqtt, fleet = free_ports(3)
    everywhere = "0.0.0.0"  # noqa: S104 - what is tested
    (way / "data" / "house.toml").write_text(
        f'terminals_host = "{everywhere}"\nverifier_tls_port = {https}\nmqtt_port = {mqtt}\n'
        f"fleet_port = {fleet}\n"
    )
    up = start()
    up.wait_for("ready; Ctrl-C")
    ports = up.plan.ports
    assert (ports.verifier_tls, ports.mqtt, ports.fleet) == (https, mqtt, fleet)
    (broker,) = [child for child in up.children() if child.name() == "mosquitto"]
    doors = {c.laddr.port: c.laddr.ip for c in broker.net_connections() if c.status == "LISTEN"}
    assert doors == {mqtt: everywhere, ports.mqtt_service: LOOPBACK}
    found = read_endpoints(Path(up.plan.data))
    assert found is not None
    assert (found.mqtt_host, found.mqtt_port) == (LOOPBACK, mqtt)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('terminals_host = "0.0.0.0"\n', "needs verifier_tls_port and mqtt_port"),
        ('terminals_host = "gate.example"\n', "not an IP address"),
        (
            'terminals_host = "192.0.2.1"\nverifier_tls_port = 91\nmqtt_port = 92\n',
            "no address",
        ),
        ("mqtt_port = 0\n", "mqtt_port"),
        ("ports = 1\n", "ports"),
        ("terminals_host\n", "house.toml"),
    ],
)
def test_a_wrong_house_file_is_refused(way: Path, text: str, said: str) -> None:
    """In a sentence that names the file or what is wrong, before anything is started."""
    data = way / "data"
    prepare_folder(data, children_account())
    (data / "house.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        plan_up(CLONE, data=data, ports=Ports(), workers=1)


def test_a_plan_needs_different_ports(way: Path) -> None:
    """One port cannot serve two doors; chosen ports are all different."""
    prepare_folder(way / "data", children_account())
    plan = plan_up(CLONE, data=way / "data", ports=Ports(), workers=None)
    ports = msgspec.structs.astuple(plan.ports)
    assert len(set(ports)) == len(ports)
    assert len(plan.own_ports) == len(os.sched_getaffinity(0))
    assert not set(plan.own_ports) & set(ports)


def test_the_command_line_refuses_a_taken_port(way: Path) -> None:
    """Exit code 2 and the holder's pid, before anything is made."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "up", "--data", way / "d", "--fleet-port", port],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CLONE), "PYTHONSAFEPATH": "1"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    assert done.returncode == 2
    assert str(os.getpid()) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (way / "d").exists()
