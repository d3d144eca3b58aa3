"""Incidents: what a person should look at; one for each kind and terminal, counted, never repeated.

Thin: since when, last seen, how often. Pure; times are milliseconds since 1970-01-01 UTC.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from fleet.contract.topics import TerminalId

MAX_COUNT: Final = 2**31
"""Where counting stops; nobody reads further."""


class IncidentKind(StrEnum):
    """What happened."""

    TWO_MACHINES = "identity.two_machines"
    """Two machines act under one certificate: boots alternate, or one epoch has two boots."""
    EPOCH_ROLLBACK = "epoch.rollback"
    """A new boot came with an old epoch: its memory was set back, or it is a copy."""
    FLAPPING = "presence.flapping"
    SEQUENCE_GAP = "sequence.gap"
    """The terminal no longer keeps messages that the fleet never stored."""
    LATE_RESULT = "command.late_result"
    """A result came after its command was given up; it may contradict what was shown."""
    COMMAND_UNKNOWN = "command.unknown"
    """A terminal restarted while it acted; a person must look."""
    CLOCK_UNSURE = "clock.unsure"
    """A terminal is not sure of the time: not set, or below its floor."""
    CLOCK_CONTRADICTED = "clock.contradicted"
    """The centre told a terminal that is sure of the time another time; it did not follow."""
    CLOCK_MOVED = "clock.moved"
    """The centre told another time for minutes, and the terminal followed."""
    BUNDLE_REFUSED = "bundle.refused"
    """A terminal refused what the centre handed out."""
    OUTBOX_FULL = "outbox.full"
    """Its outbox was full: denials that waited were dropped, or records not kept."""
    OUTBOX_REFUSED = "outbox.refused"
    """The centre refused records of it for good: they are stored nowhere."""
    OUTBOX_MISSING = "outbox.missing"
    """Its disk lost records that were kept: their numbers are known, and they are not there."""


class Incident(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of trouble at one terminal."""

    kind: IncidentKind
    terminal: str
    since: int
    last: int
    count: int


def noted(
    existing: Incident | None, kind: IncidentKind, terminal: TerminalId, now: int
) -> Incident:
    """Return the incident with this occurrence counted; `now` in ms."""
    if existing is None:
        return Incident(kind=kind, terminal=terminal, since=now, last=now, count=1)
    count = min(existing.count + 1, MAX_COUNT)
    return structs.replace(existing, last=max(existing.last, now), count=count)
