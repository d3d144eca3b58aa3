"""`up` as a process, with the real Redis and the real broker."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import psutil

from deploy.local.account import Account, become
from deploy.local.house import UpPlan

CLONE = Path(__file__).resolve().parents[2]
SCRIPT = CLONE / "tests" / "deploy" / "local" / "store_house.py"
DEADLINE_S = 60.0


class Up:
    """One running `up`, its output in a file."""

    def __init__(
        self,
        plan: UpPlan,
        output: Path,
        account: Account,
        *,
        stdout: int | None = None,
        ignored: tuple[signal.Signals, ...] = (),
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; its output goes to the file, or to a descriptor. `ignored`: as under nohup."""
        self.plan = plan
        self.output = output
        script = output.parent / "house.py"
        shutil.copyfile(SCRIPT, script)

        def prepare() -> None:
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)
            become(account)

        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [plan.python, str(script), msgspec.json.encode(plan).decode()],
                stdout=file if stdout is None else stdout,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={
                    "PATH": os.environ["PATH"] + ":/usr/sbin",
                    "PYTHONPATH": plan.pythonpath,
                    "PYTHONSAFEPATH": "1",
                    **(more or {}),
                },
                cwd="/",
                preexec_fn=prepare,  # noqa: PLW1509 - no threads here
            )

    def wait_for(self, text: str) -> None:
        """Wait until `up` has said this."""
        wait(lambda: text in self.said() or self.process.poll() is not None)
        assert text in self.said(), self.said()

    def code(self) -> int:
        """Wait until `up` has ended; return its code."""
        wait(lambda: self.process.poll() is not None)
        return self.process.returncode

    def said(self) -> str:
        """Return its output so far."""
        return self.output.read_text()

    def child(self, name: str) -> psutil.Process | None:
        """Return the running child of a program's name."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return next((each for each in found if is_called(each, name) and not gone(each)), None)

    def children(self) -> list[psutil.Process]:
        """Return its running children."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        assert {process.name() for process in found} == {"redis-server", "mosquitto"}
        return found


def wait(condition: Callable[[], bool]) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_called(process: psutil.Process, name: str) -> bool:
    """Tell whether a process has a program's name; one that has ended meanwhile has none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.name() == name)
    return False


def gone(process: psutil.Process) -> bool:
    """Tell whether a process has ended (one that nobody waited for counts)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True
