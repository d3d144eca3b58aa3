"""What a terminal's disk knows of its bundles: slots, what they hold, and what may go into them.

Values alone; who makes them stands in `bundles.py`, who keeps them in `storage.py`.
"""

from dataclasses import dataclass
from enum import StrEnum

from verifier.status.plane import PlaneView
from verifier.trust.bundle import TrustedSet
from verifier.trust.bundle_kind import TakenBundle
from verifier.trust.floors import Floors


class Slot(StrEnum):
    """Where the bytes of a bundle lie."""

    A = "a"
    B = "b"

    @property
    def other(self) -> "Slot":
        """Return the slot that is not this one."""
        return Slot.B if self is Slot.A else Slot.A


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotContent:
    """What the slot in use holds."""

    slot: Slot
    version: int
    digest: bytes
    """SHA-256 of the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A bundle that may be used once its slot is durable."""

    name: str
    content: SlotContent
    floors: Floors
    """The floors that rose, by name: nothing older is accepted from now on. Made durable together
    with the slot."""
    issued_at: float
    """Unix seconds: one of two supports of the clock's floor; 0 where the bundle does not say."""
    taken: TakenBundle
    """What it says, to be known once it is in use."""
    trusted: TrustedSet
    """What is trusted once it is in use."""
    deltas: tuple[bytes, ...] = ()
    """Of a plane: what is kept beside the slot, in place of what was kept there."""
    ends: str | None = None
    """A plane that was destroyed: its slot, and what is kept beside it, go in the same step."""
    time_floor: float | None = None
    """Unix seconds to which a signed step lowers the clock's floor; durable in the same step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedDeltas:
    """Deltas that may be used once they are durable beside the slot."""

    name: str
    after: int
    """How many are kept already."""
    deltas: tuple[bytes, ...]
    floors: Floors
    issued_at: float
    view: PlaneView
    trusted: TrustedSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A slot that could not be loaded."""

    name: str
    cause: str
