"""Which processes an `up` has started, so that the next one ends its leftovers, never a stranger.

A process is named by pid, start time in clock ticks since boot and the boot's id: a pid alone is
given to somebody else sooner or later. Normally there is nothing to reap, because the kernel ends
children with their parent; this is the second net.
"""

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.data import write_file

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class StartedProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One process, unmistakably."""

    name: str
    pid: int
    ticks: int
    """Field 22 of /proc/PID/stat."""
    boot: str
    restarts: int = 0
    """How often its child was started again, before this process."""

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return _start_ticks(self.pid) == self.ticks and self.boot == _boot_id()


def identify(name: str, pid: int, restarts: int = 0) -> StartedProcess | None:
    """Return the identity of a running process, or None when it is gone."""
    ticks = _start_ticks(pid)
    if ticks is None:
        return None
    return StartedProcess(name=name, pid=pid, ticks=ticks, boot=_boot_id(), restarts=restarts)


def write(path: Path, processes: tuple[StartedProcess, ...]) -> None:
    """Replace the list of running processes."""
    write_file(path, msgspec.json.encode(processes))


def reap_leftovers(path: Path) -> tuple[StartedProcess, ...]:
    """End what an earlier `up` left running; return what was ended."""
    ended = tuple(process for process in _listed(path) if send(process, signal.SIGKILL))
    path.unlink(missing_ok=True)
    return ended


def find(path: Path, name: str) -> StartedProcess | None:
    """Return the listed process of a name, running or not."""
    return next((process for process in _listed(path) if process.name == name), None)


def send(process: StartedProcess, number: signal.Signals) -> bool:
    """Signal a process that is still the one listed; return whether it was."""
    try:
        # The descriptor pins the process: it cannot become another before the signal.
        descriptor = os.pidfd_open(process.pid)
    except OSError:
        return False
    try:
        if process.boot != _boot_id() or _start_ticks(process.pid) != process.ticks:
            return False
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(descriptor, number)
            return True
        return False
    finally:
        os.close(descriptor)


def _listed(path: Path) -> tuple[StartedProcess, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[StartedProcess, ...])
    except (FileNotFoundError, msgspec.DecodeError):
        return ()  # none, or torn by a full disk: then the kernel's net has to do


def _start_ticks(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The second field is the command in parentheses and may itself hold spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    if fields[0] == "Z":
        return None
    return int(fields[19])


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()
