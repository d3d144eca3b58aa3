"""What happens to a terminal: everything that `Terminal.handle` takes in. Values only."""

from dataclasses import dataclass

from firmware_stubs.commands import RingEntry, Unreadable
from firmware_stubs.scans import Scan
from fleet.contract.messages import Command
from verifier.contract.scan import TerminalAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class StateLoaded:
    """What was durable is read."""

    identity: bool
    suspended: bool = False
    ring: tuple[RingEntry, ...] = ()
    scans: tuple[Scan, ...] = ()
    """Of the last seconds before the restart, and those that never got a decision."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Key and certificate have come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipped:
    """Whether there are bundles to decide alone by."""

    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A code was read, by the lens or by a wedge; several texts are symbols of one card."""

    texts: tuple[str, ...]
    random: bytes
    """6 bytes, for a scan_id."""
    typed: bool = False
    """By a wedge: each typed line is a reading of its own, never the next frame of one."""

    def __repr__(self) -> str:
        return "Presented(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreAnswered:
    """The centre answered a scan."""

    answer: TerminalAnswer
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreFailed:
    """It did not, or not in a way that can be used."""

    scan_id: str
    seconds: float
    network: bool = True
    """False: it answered, but nothing of use; the network is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreRefused:
    """It does not let this terminal act (403 over mutual TLS)."""

    scan_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """Something else than a scan was asked of the centre."""

    ok: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedAlone:
    """`assess`, the store step and `conclude` have run here, and the record is durable."""

    answer: TerminalAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """Somebody cut the terminal's network, or joined it again."""

    cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandArrived:
    """A command arrived."""

    command: Command | Unreadable
    retained: bool
    clock_sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """A command was carried out, or could not be."""

    command: str
    done: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; about once a second."""


Event = (
    StateLoaded
    | Enrolled
    | Equipped
    | Presented
    | CentreAnswered
    | CentreFailed
    | CentreRefused
    | Probed
    | DecidedAlone
    | Switched
    | CommandArrived
    | Acted
    | Tick
)
