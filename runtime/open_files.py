"""How many files a process has open, and how many it may: each connection is one."""

import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_OPEN_FILES: Final = 65_536
"""Files that a process asks for: a city's terminals at one broker, several times over."""
SCARCE: Final = 0.9
"""The part of them in use from which on it is said: then there is still time to act."""
SPARE: Final = 3
"""Files that a process may keep free and still take nobody: mosquitto keeps one to say no with."""
_LIMIT: Final = "Max open files"


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """The files of a process."""

    now: int
    most: int

    @property
    def scarce(self) -> bool:
        """Whether the next ones may find no room."""
        return self.now > SCARCE * self.most

    @property
    def none_left(self) -> bool:
        """Whether there is no room for one more connection, or for a file or two."""
        return self.now + SPARE > self.most


def raise_open_files() -> None:
    """Raise this process's soft limit of open files as far as the hard one, within a bound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def open_files(pid: int | None = None) -> OpenFiles | None:
    """Return the files of a process, of this one without `pid`; None: the kernel does not say."""
    folder = Path("/proc/self" if pid is None else f"/proc/{pid}")
    try:
        now = sum(1 for _ in (folder / "fd").iterdir())
        limits = (folder / "limits").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in limits:
        soft = line.removeprefix(_LIMIT).split()
        if line.startswith(_LIMIT) and soft[0].isdigit():
            return OpenFiles(now, int(soft[0]))
    return None
