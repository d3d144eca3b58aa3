"""What a child process is: its command line, environment, and how one knows that it is ready.

Values only; `deploy.local.children` runs them and `deploy.local.ready` asks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

READY_SECONDS: Final = 60.0
"""From start to ready; generous, since a first start on a loaded machine compiles its code. A store
that is loading its data has this long for each step of its progress."""
MISSED_PROBES: Final = 5
"""Questions in a row without any answer after which a child is hung, and is ended: 25 seconds."""
STOP_SECONDS: Final = 6.0
"""From SIGTERM to SIGKILL; services promise to end within 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReady:
    """Ready when GET `url` answers 200; over a unix socket when `socket` is given."""

    url: str
    socket: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpReady:
    """Ready when all these ports take connections."""

    ports: tuple[int, ...]
    """On loopback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttReady:
    """Ready when the broker answers CONNECT and PINGREQ on this loopback port, over TLS."""

    port: int
    ca: Path
    certificate: Path
    """Of one who may connect and nothing else."""
    key: Path
    doors: tuple[tuple[str, int], ...] = ()
    """Addresses and ports that must take connections too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisReady:
    """Ready when PING answers PONG, that is, when the data is loaded, and has these functions.

    Whoever asks loads the functions that are missing, as after a start with an empty store.
    """

    socket: Path
    user: str
    """One who may load functions."""
    password_file: Path
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Name to code, as `runtime.functions` has it."""


Ready = HttpReady | TcpReady | MqttReady | RedisReady


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAnswer:
    """What came of one question to a child."""

    problem: str | None
    """A sentence; None: it is ready."""
    answered: bool = True
    """Whether it said anything; one that never does is hung. What could not be asked is not."""
    loaded_percent: float | None = None
    """Of the data of a store that is loading."""


class Writing(StrEnum):
    """What a child may do in a folder and in all below."""

    KEEP = "keep"
    """Make, write, cut, rename and remove files, folders and sockets."""
    REMOVE = "remove"
    """Remove what is there; write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What a child may read, what it is handed, and where it writes (`confinement`)."""

    data: Path
    """The data folder."""
    secrets: tuple[str, ...]
    """Patterns below it, looked up at each start: folders are read, files are handed over."""
    credentials: Path
    """Folder of copies of the files: the kernel's rules are of folders alone."""
    reads: tuple[Path, ...] = ()
    """Folders: code, libraries, and those of the data folder that are no secret."""
    writes: Mapping[Path, Writing] = field(default_factory=dict)
    """Folders, made at each start where they are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process of the house."""

    name: str
    argv: tuple[str, ...]
    ready: Ready
    env: Mapping[str, str] = field(default_factory=dict)
    """Its whole environment: children inherit nothing from whoever called `up`."""
    confinement: Confinement | None = None
    stage: int = 0
    """Children of one stage start together; a stage starts when the one before is ready."""
    ready_seconds: float = READY_SECONDS
    stop_seconds: float = STOP_SECONDS


class ChildState(StrEnum):
    """Where a child stands."""

    STARTING = "starting"
    READY = "ready"
    TROUBLED = "troubled"
    """Runs, was ready, and now says it is not."""
    RESTARTING = "restarting"
    """Ended by itself; waits for its next start."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStatus:
    """What can be said of a child now."""

    name: str
    state: ChildState
    pid: int | None
    restarts: int
    problem: str | None
    """A sentence, whenever the child is not as it should be."""
    crashed: str | None = None
    """How it last ended by itself, for a while after it came back."""
