"""Children as real processes: order, restart, readiness, and that none survives its supervisor."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import children as children_module
from deploy.local import logfile, ready
from deploy.local.child import Child, ChildState, ChildStatus, HttpReady, TcpReady
from deploy.local.children import Children
from deploy.local.errors import ChildFailedError
from deploy.local.ports import free_ports
from runtime.open_files import OpenFiles

DEADLINE_S = 30.0
SERVER = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: (print("asked to stop", flush=True), sys.exit(0)))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("serving", flush=True)
while True:
    server.accept()[0].close()
"""
HTTP_SERVER = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    code = 200
    def do_GET(self):
        self.send_response(self.code)
        self.send_header("Content-Length", "0")
        self.end_headers()
signal.signal(signal.SIGUSR1, lambda *_: setattr(Handler, "code", 503))
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
FULL_SERVER = HTTP_SERVER.replace(
    'lambda *_: setattr(Handler, "code", 503)', "lambda *_: fill()"
).replace(
    "signal.signal(",
    """def fill():
    import resource, time
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
    kept = []
    try:
        while True:
            kept.append(open("/dev/null"))
    except OSError:
        time.sleep(600)
signal.signal(""",
    1,
)
HUNG_DEADLINE_S = 10.0
STUBBORN = SERVER.replace('(print("asked to stop", flush=True), sys.exit(0))', "None")


def child(name: str, port: int, *, code: str = SERVER, **changes: object) -> Child:
    """Describe a process that listens on a port."""
    return Child(
        name=name,
        argv=(sys.executable, "-I", "-S", "-c", code, str(port)),
        ready=TcpReady(ports=(port,)),
        env={"PATH": os.environ["PATH"]},
        **changes,  # type: ignore[arg-type]
    )


class Noted:
    """Collects the statuses that a supervisor reports, and waits for one."""

    def __init__(self) -> None:
        self.seen: list[ChildStatus] = []
        self._news = asyncio.Event()

    def __call__(self, status: ChildStatus) -> None:
        """Take note of a status."""
        self.seen.append(status)
        self._news.set()

    async def until(self, wanted: Callable[[ChildStatus], bool]) -> ChildStatus:
        """Wait for a status and return it."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for status in self.seen:
                    if wanted(status):
                        return status
                self._news.clear()
                await self._news.wait()


def test_children_start_in_stages_and_stop_in_reverse(tmp_path: Path) -> None:
    """The second stage starts when the first is ready; the last started stops first."""
    first, second = free_ports(2)

    async def scene() -> list[tuple[str, ChildState]]:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([child("store", first), child("service", second, stage=1)])
        await children.stop()
        return [(status.name, status.state) for status in noted.seen]

    seen = asyncio.run(scene())
    assert seen == [
        ("store", ChildState.STARTING),
        ("store", ChildState.READY),
        ("service", ChildState.STARTING),
        ("service", ChildState.READY),
        ("service", ChildState.STOPPED),
        ("store", ChildState.STOPPED),
    ]
    assert "asked to stop" in (tmp_path / "store.log").read_text()
    assert not (tmp_path / "pids").exists()


def test_a_crashed_child_is_started_again_and_said_to_be_wrong(tmp_path: Path) -> None:
    """After a kill the child is a problem, then ready again under another pid."""
    (port,) = free_ports(1)

    async def scene() -> tuple[ChildStatus, ChildStatus, int]:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([child("store", port)])
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        crashed = await noted.until(lambda status: status.state is ChildState.RESTARTING)
        again = await noted.until(
            lambda status: status.state is ChildState.READY and status.restarts == 1
        )
        await children.stop()
        return crashed, again, before.pid

    crashed, again, pid = asyncio.run(scene())
    assert crashed.problem
    assert crashed.pid is None
    assert again.problem is None
    assert again.pid not in {None, pid}


def test_a_child_that_hangs_is_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stopped worker has its connections taken by the kernel, and answers none."""
    monkeypatch.setattr(children_module, "WATCHING_PROBE_S", 0.05)
    monkeypatch.setattr(ready, "PROBE_SECONDS", 0.2)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    worker = replace(child("worker-0", port, code=HTTP_SERVER), ready=HttpReady(url=url))

    async def scene() -> tuple[int | None, int | None, str]:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        await children.start([worker])
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGSTOP)
        after = before
        deadline = asyncio.get_running_loop().time() + HUNG_DEADLINE_S
        while after.pid in {before.pid, None} or after.state is not ChildState.READY:
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.02)
            (after,) = children.status()
        await children.stop()
        return before.pid, after.pid, str(after.crashed)

    before, after, crashed = asyncio.run(scene())
    assert after not in {before, None}
    assert "no answer" in crashed


def test_a_child_that_answers_no_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What says that it is not ready is alive: to start it again would not repair it."""
    monkeypatch.setattr(children_module, "WATCHING_PROBE_S", 0.02)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    worker = replace(child("worker-0", port, code=HTTP_SERVER), ready=HttpReady(url=url))

    async def scene() -> tuple[ChildStatus, ChildStatus]:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([worker])
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGUSR1)
        await noted.until(lambda status: status.state is ChildState.TROUBLED)
        await asyncio.sleep(20 * 0.02)  # many more questions
        (after,) = children.status()
        await children.stop()
        return before, after

    before, after = asyncio.run(scene())
    assert (after.pid, after.state) == (before.pid, ChildState.TROUBLED)


def test_a_child_without_files_for_one_more_connection_is_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full broker answers nobody new: to end it would cut off everybody whom it has."""
    monkeypatch.setattr(children_module, "WATCHING_PROBE_S", 0.02)
    monkeypatch.setattr(ready, "PROBE_SECONDS", 0.05)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    broker = replace(child("mosquitto", port, code=FULL_SERVER), ready=HttpReady(url=url))

    async def scene() -> tuple[ChildStatus, ChildStatus]:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([broker])
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGUSR1)
        await noted.until(lambda status: status.state is ChildState.TROUBLED)
        await asyncio.sleep(20 * 0.07)  # many more questions
        (after,) = children.status()
        await children.stop()
        return before, after

    before, after = asyncio.run(scene())
    assert (after.pid, after.state) == (before.pid, ChildState.TROUBLED)


def test_a_hung_child_with_room_for_a_connection_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That its files are scarce does not say why it is silent: it could still take us."""
    monkeypatch.setattr(children_module, "WATCHING_PROBE_S", 0.02)
    monkeypatch.setattr(ready, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(children_module, "open_files", lambda _: OpenFiles(990, 1024))
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    worker = replace(child("worker-0", port, code=HTTP_SERVER), ready=HttpReady(url=url))

    async def scene() -> ChildStatus:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([worker])
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGSTOP)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HUNG_DEADLINE_S):
                await noted.until(lambda status: status.restarts > 0)
        (after,) = children.status()
        await children.stop()
        return after

    assert "no answer" in str(asyncio.run(scene()).crashed)


def test_a_child_whose_log_cannot_be_kept_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies in the way of a log, it must not end the one who looks after the child."""
    monkeypatch.setattr(children_module, "WATCHING_PROBE_S", 0.02)
    (tmp_path / "store.log.1" / "left here").mkdir(parents=True)
    (port,) = free_ports(1)

    async def scene() -> int:
        noted = Noted()
        children = Children(logs=tmp_path, pids=tmp_path / "pids", changed=noted)
        await children.start([child("store", port)])
        monkeypatch.setattr(logfile, "MAX_LOG_BYTES", 0)
        await asyncio.sleep(0.2)  # some looks
        (before,) = children.status()
        assert before.pid is not None
        os.kill(before.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HUNG_DEADLINE_S):
                await noted.until(lambda status: status.restarts > 0)
        (after,) = children.status()
        with contextlib.suppress(OSError):
            await children.stop()
        return after.restarts

    assert asyncio.run(scene()) == 1


def test_a_child_that_cannot_start_fails_the_start(tmp_path: Path) -> None:
    """A child that ends before it is ready is not tried again; its last words are kept."""
    (port,) = free_ports(1)

    async def scene() -> tuple[ChildStatus, ...]:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        with pytest.raises(ChildFailedError):
            await children.start([child("wrong", port, code="import sys; sys.exit('no settings')")])
        await children.stop()
        return children.status()

    (status,) = asyncio.run(scene())
    assert status.state is ChildState.STOPPED
    assert status.restarts == 0
    assert "no settings" in (tmp_path / "wrong.log").read_text()


def test_a_program_that_is_not_there_fails_the_start(tmp_path: Path) -> None:
    """A missing executable is an error with its name, not a traceback."""

    async def scene() -> None:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        missing = Child(name="none", argv=("/no/such/program",), ready=TcpReady(ports=(1,)))
        try:
            await children.start([missing])
        finally:
            await children.stop()

    with pytest.raises(ChildFailedError, match="/no/such/program"):
        asyncio.run(scene())


def test_a_child_that_is_never_ready_fails_the_start(tmp_path: Path) -> None:
    """The deadline ends the wait, and the child with it."""
    one, other = free_ports(2)

    async def scene() -> int | None:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        asked = child("deaf", one, ready_seconds=0.5)
        deaf = Child(
            name="deaf",
            argv=asked.argv,
            ready=TcpReady(ports=(other,)),
            env=asked.env,
            ready_seconds=0.5,
        )
        with pytest.raises(ChildFailedError):
            await children.start([deaf])
        (status,) = children.status()
        await children.stop()
        return status.pid

    pid = asyncio.run(scene())
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_that_ignores_the_stop_is_killed(tmp_path: Path) -> None:
    """SIGKILL comes after the child's own deadline."""
    (port,) = free_ports(1)

    async def scene() -> int | None:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        await children.start([child("stubborn", port, code=STUBBORN, stop_seconds=0.3)])
        (status,) = children.status()
        await children.stop()
        return status.pid

    pid = asyncio.run(scene())
    assert pid is not None
    assert not Path(f"/proc/{pid}").exists()


def test_a_child_sees_nothing_of_the_callers_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret in the environment of `up` stays there."""
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    (port,) = free_ports(1)
    telling = "import os; print(sorted(os.environ), flush=True)\n" + SERVER

    async def scene() -> tuple[str, ...]:
        children = Children(logs=tmp_path, pids=tmp_path / "pids")
        await children.start([child("telling", port, code=telling)])
        lines = children.tail("telling")
        await children.stop()
        return lines

    lines = asyncio.run(scene())
    assert "PATH" in lines[0]
    assert "SECRET_OF_THE_CALLER" not in lines[0]
