"""`up` under faults, with the real Redis and the real broker: nothing of them ends the house."""

import fcntl
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.account import children_account
from deploy.local.house import Ports
from deploy.local.launch import plan_up
from tests.support.small_disk import AS_ROOT, fill, make_room, small_disk
from tests.support.up_house import CLONE, DEADLINE_S, Up, wait

READY = "ready; Ctrl-C"
DISK_BYTES = 16 * 2**20
PIPE_BYTES = 4096


@pytest.fixture
def way() -> Iterator[Path]:
    """Make a folder that every account can enter and write to."""
    with tempfile.TemporaryDirectory(prefix="kapok-f-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture
def start(way: Path) -> Iterator[Callable[..., Up]]:
    """Start a house on <way>/data or elsewhere; it is ended afterwards."""
    running: list[Up] = []

    def begin(data: Path | None = None, **how: object) -> Up:
        plan = plan_up(CLONE, data=data or way / "data", ports=Ports(), workers=1)
        running.append(Up(plan, way / "output", children_account(), **how))  # type: ignore[arg-type]
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
            one.process.wait(DEADLINE_S)


def comes_back(up: Up, name: str, before: psutil.Process) -> bool:
    """Say whether a program of the house runs as another process than before."""
    assert up.process.poll() is None, up.said()
    found = up.child(name)
    return found is not None and found.pid != before.pid


def running(up: Up, name: str) -> psutil.Process:
    """Return the running child of a program's name."""
    found = up.child(name)
    assert found is not None
    return found


@AS_ROOT
def test_redis_is_started_again_when_a_full_disk_has_room(
    start: Callable[..., Up], way: Path
) -> None:
    """It ends on the full disk, where nothing can be written about that; with room it is back."""
    with small_disk(way / "disk", DISK_BYTES) as disk:
        up = start(disk / "data")
        up.wait_for(READY)
        before = running(up, "redis-server")
        fill(disk)
        before.kill()
        wait(lambda: comes_back(up, "redis-server", before) or "restarting" in up.said())
        make_room(disk)
        wait(lambda: up.said().count("redis (") >= 4 and up.said().rstrip().endswith("ready"))
        assert up.child("redis-server") is not None
        up.process.terminate()
        assert up.code() == 0


@AS_ROOT
def test_a_full_disk_at_the_start_is_one_line(start: Callable[..., Up], way: Path) -> None:
    """It says that there is no room; no traceback, and nothing is removed."""
    with small_disk(way / "disk", DISK_BYTES) as disk:
        up = start(disk / "data")
        up.wait_for(READY)
        up.process.terminate()
        assert up.code() == 0
        kept = {path for path in (disk / "data").rglob("*") if path.suffix in {".pem", ".key"}}
        fill(disk)
        again = start(disk / "data")
        assert again.code() == 1
        assert "Traceback" not in again.said()
        assert "make room" in again.said().splitlines()[-1]
        assert kept <= set((disk / "data").rglob("*"))


def test_what_hangs_is_ended_and_started_again(start: Callable[..., Up]) -> None:
    """Stopped programs still have their connections taken by the kernel; they are told apart."""
    up = start()
    up.wait_for(READY)
    hung = {name: running(up, name) for name in ("redis-server", "mosquitto")}
    for process in hung.values():
        process.suspend()
    wait(lambda: all(comes_back(up, name, before) for name, before in hung.items()))


def test_under_nohup_the_end_of_the_line_ends_nothing(start: Callable[..., Up]) -> None:
    """SIGHUP is ignored where whoever started `up` had it ignored."""
    up = start(ignored=(signal.SIGHUP,))
    up.wait_for(READY)
    before = running(up, "redis-server")
    up.process.send_signal(signal.SIGHUP)
    before.kill()
    wait(lambda: comes_back(up, "redis-server", before))


@pytest.mark.parametrize("paused", [False, True], ids=["gone", "paused"])
def test_a_reader_that_takes_nothing_ends_nothing(start: Callable[..., Up], paused: bool) -> None:  # noqa: FBT001
    """`kapok up | head`, or a pager that nobody scrolls: children are started again."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    up = start(stdout=writing)
    said = b""
    while READY.encode() not in said:
        piece = os.read(reading, PIPE_BYTES)
        assert piece
        said += piece
    if paused:
        fill_pipe(writing)
    else:
        os.close(reading)
    os.close(writing)
    for _ in range(2):
        before = running(up, "redis-server")
        before.kill()
        wait(lambda before=before: comes_back(up, "redis-server", before))
    up.process.terminate()
    assert up.code() == 0
    if paused:
        os.close(reading)


def fill_pipe(writing: int) -> None:
    """Fill a pipe whose writers go on to wait for room."""
    own = os.open(f"/proc/self/fd/{writing}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(own, b"\n")
    except BlockingIOError:
        os.close(own)


def test_an_unreadable_key_ends_nothing(start: Callable[..., Up]) -> None:
    """The key by which `up` looks at its house is gone: that is said, and the house goes on."""
    up = start()
    up.wait_for(READY)
    key = Path(up.plan.data) / "keys" / "api" / "local-admin.key"
    key.unlink()
    up.wait_for("cannot read")
    before = running(up, "redis-server")
    before.kill()
    wait(lambda: comes_back(up, "redis-server", before))


@AS_ROOT
def test_a_folder_that_root_restored_names_what_gives_it_back(
    start: Callable[..., Up], way: Path
) -> None:
    """A file that is root's is said with the `chown`, not with a traceback."""
    up = start()
    up.wait_for(READY)
    up.process.terminate()
    assert up.code() == 0
    for path in (way / "data").rglob("*"):
        os.chown(path, 0, 0, follow_symlinks=False)
    again = start()
    assert again.code() == 1
    assert "Traceback" not in again.said()
    assert f"chown -R {children_account().name}: {way / 'data'}" in again.said()


@pytest.mark.parametrize("missing", ["SCHEMA", "keys/service-ca.crt.pem", "keys/redis/loader.key"])
def test_a_folder_restored_in_part_is_one_line(
    start: Callable[..., Up], way: Path, missing: str
) -> None:
    """No traceback; where a first start would make new keys, the folder is refused instead."""
    up = start()
    up.wait_for(READY)
    up.process.terminate()
    assert up.code() == 0
    path = way / "data" / missing
    if missing == "SCHEMA":
        path.unlink()
    else:
        path.write_bytes(b"\xff-----BEGIN")  # a copy that was cut off
    again = start()
    assert again.code() == 2
    assert "Traceback" not in again.said()
    assert "restore" in again.said().splitlines()[-1]
