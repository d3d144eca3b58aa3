"""What a person watching the house is shown: plain values, and how they are said.

Made by `watch` from the doors, drawn by `view`; neither knows the other.
"""

from dataclasses import dataclass
from enum import StrEnum

from deploy.local.child import ChildStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision at a gate."""

    scan_id: str
    at: float
    """Unix seconds."""
    place: str
    terminal: str
    code_format: str
    decision: str
    reason: str = ""
    """Of the closed vocabulary; nothing for a plain pass."""
    sentence: str
    milliseconds: float
    offline: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalRow:
    """One terminal, as the fleet sees it and as it sees itself; None where neither said."""

    name: str
    presence: str | None = None
    network: str | None = None
    outbox: int | None = None
    """Records that wait for the centre."""
    bundles: str | None = None
    """Versions, such as "trust 3, status 17"."""


class Severity(StrEnum):
    """How much of the house a problem touches."""

    DOWN = "down"
    TROUBLED = "troubled"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemRow:
    """One thing that is wrong, with the sentence that says what and what to do."""

    who: str
    sentence: str
    severity: Severity
    code: str = ""
    """Of what status finds; it stands in docs/runbook.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    """How a part of the house stands, in one line."""

    subject: str
    said: str
    troubled: bool = False
    """Worth a look, though nothing is wrong with the house."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The house at one moment; decisions newest last."""

    decisions: tuple[DecisionRow, ...] = ()
    terminals: tuple[TerminalRow, ...] = ()
    problems: tuple[ProblemRow, ...] = ()
    children: tuple[ChildStatus, ...] = ()
    facts: tuple[FactRow, ...] = ()
