"""A whole house as its user starts it: `kapok up` on a data folder of its own, killable by part."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.house import Endpoints, read_endpoints
from deploy.local.pidfile import StartedProcess

ROOT: Final = Path(__file__).resolve().parents[2]
START_DEADLINE_S: Final = 120.0
STOP_DEADLINE_S: Final = 60.0
_LOOK_S: Final = 0.05


def wait_until(holds: Callable[[], bool], what: str, seconds: float = START_DEADLINE_S) -> None:
    """Wait for something to hold; fail with its name after a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(_LOOK_S)


class RunningHouse:
    """`kapok up` as a process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.data = folder / "data"
        self.output = folder / "up.log"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        command = [sys.executable, "-m", "deploy.cli", "up", "--data", str(self.data)]
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, *self._options],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._ready, "`kapok up` to be ready")

    def _ready(self) -> bool:
        assert self._process is not None
        text = self.output.read_text(errors="replace")
        assert self._process.poll() is None, f"`kapok up` ended:\n{text[-3000:]}"
        return "\nready; Ctrl-C stops everything" in text

    @property
    def endpoints(self) -> Endpoints:
        """Return where it answers."""
        found = read_endpoints(self.data)
        assert found is not None
        return found

    def pid(self, name: str) -> int:
        """Return the process id of a child."""
        listed = (self.data / "run" / "children.json").read_bytes()
        processes = msgspec.json.decode(listed, type=tuple[StartedProcess, ...])
        return next(process.pid for process in processes if process.name == name)

    def pids(self) -> dict[str, int]:
        """Return the process ids of all children."""
        listed = (self.data / "run" / "children.json").read_bytes()
        processes = msgspec.json.decode(listed, type=tuple[StartedProcess, ...])
        return {process.name: process.pid for process in processes}

    def kill(self, name: str) -> int:
        """Kill a child with SIGKILL; return its process id."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_up(self) -> None:
        """Kill the supervisor with SIGKILL and wait for it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(STOP_DEADLINE_S)

    def stop(self) -> int:
        """Stop as Ctrl-C does; return the exit code."""
        if self._process is None or self._process.poll() is not None:
            return 0
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(STOP_DEADLINE_S)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a kapok command against this house."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        return subprocess.run(
            [sys.executable, "-m", "deploy.cli", *arguments, "--data", str(self.data)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@contextmanager
def running_house(*options: str) -> Iterator[RunningHouse]:
    """Start a house in a folder that any account may enter; stop it and remove everything."""
    folder = Path(tempfile.mkdtemp(prefix="kapok-house-", dir="/tmp"))
    folder.chmod(0o755)
    house = RunningHouse(folder, *options)
    try:
        house.start()
        yield house
    finally:
        house.stop()
        shutil.rmtree(folder, ignore_errors=True)
