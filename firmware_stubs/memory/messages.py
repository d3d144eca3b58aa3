"""What is kept for the fleet, in memory: messages until they are acknowledged, the command ring."""

from typing import Any

from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.storage import MAX_RESULTS, KeptKind, kept_message, report_body, result_body
from fleet.contract.commands import ResultState
from fleet.contract.messages import Ack, Epoch, Reported, Result


class MemoryMessages:
    """Kept messages and the ring."""

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._kept: dict[KeptKind, dict[int, dict[str, Any]]] = {kind: {} for kind in KeptKind}
        """Kind to sequence to body, lowest sequence first."""
        self._last = dict.fromkeys(KeptKind, 0)
        self._ring: dict[str, RingEntry] = {}

    def ring(self) -> tuple[RingEntry, ...]:
        """Return the commands remembered."""
        return tuple(self._ring.values())

    def write(self, plan: CommandPlan, now: int) -> bool:
        """Write a command's entry and its word; False: the word is kept already."""
        if plan.entry is None and plan.word is not None and self._keeps(plan.word):
            return False
        if plan.entry is not None:
            self._ring[plan.entry.id] = plan.entry
            for entry in self.ring():
                if entry.forget_at < now and entry.state is not ResultState.RUNNING:
                    del self._ring[entry.id]
        if plan.word is not None:
            self._append(KeptKind.RESULT, result_body(plan.word, now))
        return True

    def report(self, bundles: dict[str, int], now: int, *, replaces: bool) -> None:
        """Keep what is applied; `replaces` those never sent, since only the newest counts."""
        if replaces:
            self._kept[KeptKind.REPORTED].clear()
        self._append(KeptKind.REPORTED, report_body(bundles, now))

    def kept(self, epoch: Epoch, boot: str) -> tuple[Reported | Result, ...]:
        """Return what waits for an acknowledgement, in order, as it is sent now."""
        return tuple(
            kept_message(kind, sequence, body, epoch=epoch, boot=boot)
            for kind in KeptKind
            for sequence, body in self._kept[kind].items()
        )

    def lowest(self, kind: KeptKind) -> int:
        """Return the lowest sequence still kept, or the next one to be used."""
        return next(iter(self._kept[kind]), self._last[kind] + 1)

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the fleet has stored; go on counting after it."""
        if ack.generation != self._generation:
            return
        for kind, stored in ((KeptKind.REPORTED, ack.reported), (KeptKind.RESULT, ack.result)):
            self._forget(kind, stored)
            # The fleet remembers a terminal that was wiped: its numbers are used up.
            self._last[kind] = max(self._last[kind], stored)

    def _keeps(self, word: Word) -> bool:
        said = (word.command, word.state)
        bodies = self._kept[KeptKind.RESULT].values()
        return any((body["command"], body["state"]) == said for body in bodies)

    def _append(self, kind: KeptKind, body: dict[str, Any]) -> None:
        self._last[kind] += 1
        self._kept[kind][self._last[kind]] = body
        self._forget(kind, self._last[kind] - MAX_RESULTS)

    def _forget(self, kind: KeptKind, upto: int) -> None:
        kept = self._kept[kind]
        while (lowest := next(iter(kept), None)) is not None and lowest <= upto:
            del kept[lowest]
