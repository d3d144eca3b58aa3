"""What a terminal does: everything that `Terminal.handle` asks of its shell. Values only.

The shell carries them out in the order given. What must be durable before the next one says so.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from firmware_stubs.chunks import CardProgress
from firmware_stubs.commands import CommandPlan
from firmware_stubs.scans import FinalDecision, Scan
from fleet.contract.commands import CommandType
from verifier.contract.reasons import Reason
from verifier.contract.scan import TerminalAnswer
from verifier.contract.vocabulary import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Write down that a scan is about to be asked, so that a restart keeps its scan_id."""

    scan: Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask the centre; come back with CentreAnswered, CentreFailed or CentreRefused."""

    scan: Scan
    limit_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """Decide alone: assess, one transaction of claims and record (fsync), conclude.

    Come back with DecidedAlone.
    """

    scan: Scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Write a scan's decision; `acknowledged` by the centre, or waiting for upload (fsync).

    What the centre passed is remembered as used, so that going offline does not forget it.
    """

    scan: Scan
    verdict: FinalDecision
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGate:
    """Note that the gate opens for this scan, then open it."""

    scan_id: str


class Screen(StrEnum):
    """The colour in which something is shown; no two meanings share one."""

    GREEN = "green"
    """A pass."""
    RED = "red"
    """A denial."""
    YELLOW = "yellow"
    """A person decides."""
    BLUE = "blue"
    """The code has passed already: this showing of it lets nobody in."""


_SCREENS: Final = {
    Outcome.PASS: Screen.GREEN,
    Outcome.DENY: Screen.RED,
    Outcome.REVIEW: Screen.YELLOW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Show the decision to whoever presented the code."""

    answer: TerminalAnswer
    online: bool

    @property
    def screen(self) -> Screen:
        """The colour of the screen."""
        if self.answer.reason is Reason.USE_SHOWN_AGAIN:
            return Screen.BLUE
        return _SCREENS[self.answer.decision]


@dataclass(frozen=True, slots=True)
class Count:
    """Count one more showing of a code that had passed; the first action of its reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowNext:
    """Ask for the next symbol of a card that is not whole yet; no decision."""

    progress: CardProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The decision is under way; what is shown for this id comes with it."""

    scan_id: str


@dataclass(frozen=True, slots=True)
class Probe:
    """See whether the centre is there, soon and then as the backoff says."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Upload what waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Write down that the terminal is suspended, or no longer (fsync)."""

    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Write a command's entry and word in one transaction (fsync); then say the word."""

    plan: CommandPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryOut:
    """Carry out a command, once; come back with Acted."""

    command: str
    type: CommandType


Action = (
    Note
    | Count
    | Ask
    | Decide
    | Keep
    | OpenGate
    | Show
    | ShowNext
    | Wait
    | Probe
    | Upload
    | Suspend
    | Write
    | CarryOut
)
