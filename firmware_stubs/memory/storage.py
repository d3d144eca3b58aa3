"""Storage in memory: no file, no thread; a restart forgets it all, and `lasting` says so.

Pure. For swarms of terminals, and for tests. A terminal on it starts anew each time: no epoch, no
floor but the pinned root, no record of what it decided.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from firmware_stubs import uses
from firmware_stubs.bundles import Bundles
from firmware_stubs.clock import TerminalClock
from firmware_stubs.memory.facts import MemoryFacts
from firmware_stubs.memory.messages import MemoryMessages
from firmware_stubs.memory.records import MemoryRecords
from firmware_stubs.memory.rows import ChangeJournal
from firmware_stubs.memory.uses import MemoryUses
from firmware_stubs.outbox import Bounds
from firmware_stubs.scans import FinalDecision, Scan
from firmware_stubs.slots import Refused, Slot
from verifier.contract.reasons import Language
from verifier.steps.use import PersonKeys, Use, UseAnswer

PERSON_KEY_BYTES: Final = 32
"""Bytes of the key under which persons are hashed on this terminal alone."""


class MemoryStorage:
    """All that one terminal keeps while its process lives; itself the one transaction."""

    lasting: ClassVar[bool] = False

    def __init__(
        self,
        root: bytes,
        *,
        clock: TerminalClock,
        bounds: Bounds,
        language: Language,
        generation: int = 1,
    ) -> None:
        """Start with nothing but the pinned root file.

        Raises:
            BundleRefused: the root is none.
        """
        self._journal = ChangeJournal()
        self._uses = MemoryUses(self._journal)
        self.records = MemoryRecords(self._journal, bounds, language)
        self.facts = MemoryFacts()
        self.messages = MemoryMessages(generation)
        self.keys = PersonKeys(today=secrets.token_bytes(PERSON_KEY_BYTES), yesterday=None)
        self.clock = clock
        self.bundles = Bundles(root, floors={}, slots={})
        self.refused: tuple[Refused, ...] = ()
        self._slots: dict[tuple[str, Slot], bytes] = {}

    @contextmanager
    def transaction(self, *, durable: bool = True) -> "Iterator[MemoryStorage]":
        """Keep one decision: all or nothing; `durable` means nothing here."""
        del durable
        with self._journal.transaction():
            yield self

    def take(self, claims: Iterable[Use], *, scan_id: str, now: float) -> UseAnswer:
        """Take all claims, or none and say why."""
        return uses.take(self._uses, claims, scan_id=scan_id, now=now)

    def remember(
        self,
        claims: Iterable[Use],
        *,
        scan_id: str,
        now: float,
        without: Collection[int] = (),
    ) -> None:
        """Take all claims unasked."""
        uses.remember(self._uses, claims, scan_id=scan_id, now=now, without=without)

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
        return self.records.decide(
            scan,
            verdict,
            acknowledged_at=acknowledged_at,
            clock_unsure=clock_unsure,
            milliseconds=milliseconds,
        )

    def write_slot(self, name: str, slot: Slot, data: bytes) -> None:
        """Write a slot that is not in use."""
        self._slots[name, slot] = data

    def end_plane(self, name: str) -> None:
        """Leave no byte of a plane that is forgotten."""
        for slot in Slot:
            self._slots.pop((name, slot), None)

    def sweep(self, *, wall: float, confirmed_at: float) -> int:
        """Delete what may go, keep the time; returns how many records went."""
        uses.clean(self._uses, self.clock, wall)
        self.facts.persist_time_floor(self.clock.rise(wall))
        if self.clock.offset is not None:
            self.facts.persist_offset(self.clock.offset)
        return self.records.sweep(confirmed_at)

    def close(self) -> None:
        """Do nothing: there is nothing to close, and who lets go of it forgets it."""
