"""Storage: what a terminal keeps, as its shell and its loops ask for it.

Pure: these are the operations alone. Who keeps it: `firmware_stubs.edge.disk` in SQLite and files,
which survive the process; `firmware_stubs.memory` in memory, which forgets everything with it. One
test runs the same behaviour against both. Nothing here is called by two threads at once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Any, Final, Protocol

import msgspec

from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import Offset, TerminalClock, TimeFloor
from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.outbox import Fill, WaitingRecord
from firmware_stubs.scans import FinalDecision, Scan
from firmware_stubs.slots import Accepted, AcceptedDeltas, Refused, Slot, SlotContent
from fleet.contract.messages import Ack, Epoch, Reported, Result
from verifier.contract.scan import UploadRecord
from verifier.steps.use import PersonKeys, Use, UseAnswer
from verifier.trust.floors import Floors

MAX_RESULTS: Final = 2048
"""Results kept; each of 256 commands has two. Past it the oldest go, and the birth says so."""
MAX_MILLISECONDS: Final = 60_000.0
"""Milliseconds; the contract's bound on what an upload says a decision took."""


class StorageError(Exception):
    """What was to be kept could not be kept: nothing of it was."""


class KeptKind(StrEnum):
    """Messages that are kept until the fleet acknowledges them; each kind counts from 1."""

    REPORTED = "reported"
    RESULT = "result"


class Facts(Protocol):
    """What the terminal knows of itself: facts, and the slots and floors of its bundles.

    A floor never stands below what is in use, and that of a key never sinks.
    """

    def next_epoch(self, generation: int) -> Epoch:
        """Count one connection, before it is made."""

    def suspended(self) -> bool:
        """Return whether the centre had suspended the terminal."""

    def suspend(self, *, suspended: bool) -> None:
        """Write down that the centre suspended the terminal, or no longer."""

    def time_floor(self) -> TimeFloor:
        """Return the clock's floor and its supports."""

    def persist_time_floor(self, kept: TimeFloor) -> None:
        """Keep the clock's floor and its supports; a lower floor than before is not taken."""

    def offset(self) -> Offset | None:
        """Return the clock's offset if it was found since the machine itself started."""

    def persist_offset(self, offset: Offset) -> None:
        """Keep the clock's offset."""

    def store_name(self) -> str | None:
        """Return the name that the centre's store gave itself last."""

    def persist_store_name(self, name: str) -> None:
        """Keep the name of the centre's store."""

    def floors(self) -> Floors:
        """Return the floors, by name and key."""

    def slots(self) -> Mapping[str, SlotContent]:
        """Return which slots are in use, and what is in them."""

    def deltas(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the deltas kept beside the slots, in order."""

    def extend(self, accepted: AcceptedDeltas) -> None:
        """Keep deltas beside a slot, and raise its floor, in one step."""

    def adopt(self, accepted: Accepted) -> None:
        """Switch to a slot that was written, and raise its floor, in one step.

        The deltas kept beside the slot before give way to those that lead on from this one. A
        signed step lowers the clock's floor in the same step.
        """

    def forget_slot(self, name: str) -> None:
        """Forget a bundle's slot and what is kept beside it; its floor stays."""

    def forget_slots(self) -> None:
        """Forget the slots and what the centre listed; keep the floors."""

    def listed(self) -> frozenset[str]:
        """Return what the centre listed when all that was needed of it was judged last."""

    def persist_listed(self, names: frozenset[str]) -> None:
        """Keep what the centre listed, now that all that is needed of it was judged."""


class Records(Protocol):
    """The outbox. What may go when is `firmware_stubs.outbox`'s to say."""

    lost: int
    """Records not kept since the start: full of passes that wait, or not written."""
    dropped: int
    """Denials and reviews that waited, and made room for others since the start."""
    missing: int
    """Records that were kept and were not found at the start, as far as their numbers tell."""

    def fill(self) -> Fill:
        """Return how full the outbox is."""

    def full(self) -> bool:
        """Say whether the next record would be lost."""

    def note(self, scan: Scan) -> None:
        """Note a scan before it is asked; survives the process, not the machine."""

    def mark_opened(self, scan_id: str) -> None:
        """Note that the gate opens for a scan; survives the process, not the machine."""

    def next(self) -> tuple[WaitingRecord, ...]:
        """Return the oldest unacknowledged, at most one upload's worth."""

    def read(self, numbers: Sequence[int]) -> tuple[UploadRecord, ...]:
        """Return records as they are uploaded."""

    def acknowledge(self, scan_ids: Sequence[str], at: float) -> None:
        """Note the centre's acknowledgement; `at` in Unix seconds."""

    def reopen(self) -> int:
        """Let everything that was acknowledged wait again: the store failed over."""

    def recent(self, now: float) -> tuple[Scan, ...]:
        """Return the scans of the last seconds and those without a decision."""


class Messages(Protocol):
    """Messages kept for the fleet until it acknowledges them, and the ring of commands.

    Each kind counts from 1 without gaps. A command's entry and the word about it are written in one
    step, so a word is never said of what is not remembered.
    """

    def ring(self) -> tuple[RingEntry, ...]:
        """Return the commands remembered."""

    def write(self, plan: CommandPlan, now: int) -> bool:
        """Write a command's entry and its word; `now` in Unix milliseconds.

        False: the word is kept already, under a sequence that is not acknowledged; say it again.
        """

    def report(self, bundles: dict[str, int], now: int, *, replaces: bool) -> None:
        """Keep what is applied; `replaces` those never sent, since only the newest counts."""

    def kept(self, epoch: Epoch, boot: str) -> tuple[Reported | Result, ...]:
        """Return what waits for an acknowledgement, in order, as it is sent now."""

    def lowest(self, kind: KeptKind) -> int:
        """Return the lowest sequence still kept, or the next one to be used."""

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the fleet has stored; go on counting after it."""


class Transaction(Protocol):
    """One decision being kept: uses and record, all or nothing."""

    def take(self, claims: Iterable[Use], *, scan_id: str, now: float) -> UseAnswer:
        """Take all claims, or none and say why; `now` in Unix seconds."""

    def remember(
        self,
        claims: Iterable[Use],
        *,
        scan_id: str,
        now: float,
        without: Collection[int] = (),
    ) -> None:
        """Take all claims unasked: somebody who may has passed this scan."""

    def decide(
        self,
        scan: Scan,
        verdict: FinalDecision,
        *,
        acknowledged_at: float | None,
        clock_unsure: bool = False,
        milliseconds: float = 0.0,
    ) -> bool:
        """Write a decision; False: there is no room for it, or the scan was decided before."""


class Storage(Protocol):
    """All that one terminal keeps.

    Every operation raises `StorageError` when it cannot be done.
    """

    @property
    def lasting(self) -> bool:
        """Whether it survives the process; if not, the terminal says so at its start."""

    @property
    def facts(self) -> Facts:
        """Return what the terminal knows of itself."""

    @property
    def records(self) -> Records:
        """Return the outbox."""

    @property
    def messages(self) -> Messages:
        """Return what is kept for the fleet."""

    @property
    def keys(self) -> PersonKeys:
        """Return the keys under which persons are hashed on this terminal alone."""

    @property
    def clock(self) -> TerminalClock:
        """Return the clock, as it was found."""

    @property
    def bundles(self) -> Bundles:
        """Return the bundles, as they were found."""

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Return the slots that could not be loaded at start."""

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[Transaction]:
        """Keep one decision: all or nothing, on disk when it returns (if `durable`)."""

    def write_slot(self, name: str, slot: Slot, data: bytes) -> None:
        """Write a slot that is not in use; on disk when it returns."""

    def end_plane(self, name: str) -> None:
        """Leave no byte of a plane that is forgotten: its slots, and what a log still has."""

    def sweep(self, *, wall: float, confirmed_at: float) -> int:
        """Delete what may go, keep the time; returns how many records went."""

    def close(self) -> None:
        """Close everything."""


def result_body(word: Word, now: int) -> dict[str, Any]:
    """Return what is kept of a word about a command; `now` in Unix milliseconds."""
    return {"at": now, "command": word.command, "state": word.state, "code": word.code}


def report_body(bundles: Mapping[str, int], now: int) -> dict[str, Any]:
    """Return what is kept of a report; `now` in Unix milliseconds."""
    return {"at": now, "desired_version": 0, "desired_digest": None, "bundles": dict(bundles)}


def kept_message(
    kind: KeptKind, sequence: int, body: Mapping[str, Any], *, epoch: Epoch, boot: str
) -> Reported | Result:
    """Make the message that is sent of a kept body; epoch and boot are of the connection."""
    whole = {"epoch": epoch, "boot": boot, "sequence": sequence, **body}
    if kind is KeptKind.REPORTED:
        return msgspec.convert(whole, Reported)
    return msgspec.convert(whole, Result)
