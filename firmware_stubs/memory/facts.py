"""What the terminal knows of itself, in memory: facts, and the slots and floors of its bundles."""

from collections.abc import Mapping

from firmware_stubs.clock import Offset
from firmware_stubs.slots import Accepted, AcceptedDeltas, SlotContent
from fleet.contract.messages import Epoch
from verifier.trust.bundle import Floor


class MemoryFacts:
    """Facts, floors and slots."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None
        self._suspended = False
        self._time = 0.0
        self._offset: Offset | None = None
        self._store: str | None = None
        self._floors: dict[str, Floor] = {}
        self._slots: dict[str, SlotContent] = {}
        self._deltas: dict[str, tuple[bytes, ...]] = {}
        self._listed: frozenset[str] = frozenset()

    def next_epoch(self, generation: int) -> Epoch:
        """Count one connection, before it is made."""
        before = self._epoch
        counter = before.counter + 1 if before and before.generation == generation else 1
        self._epoch = Epoch(generation=generation, counter=counter)
        return self._epoch

    def suspended(self) -> bool:
        """Return whether the centre had suspended the terminal."""
        return self._suspended

    def suspend(self, *, suspended: bool) -> None:
        """Write down that the centre suspended the terminal, or no longer."""
        self._suspended = suspended

    def time(self) -> float:
        """Return the last persisted time, Unix seconds."""
        return self._time

    def persist_time(self, time: float) -> None:
        """Raise the persisted time; it never goes back."""
        self._time = max(self._time, time)

    def offset(self) -> Offset | None:
        """Return the clock's offset."""
        return self._offset

    def persist_offset(self, offset: Offset) -> None:
        """Keep the clock's offset."""
        self._offset = offset

    def store_name(self) -> str | None:
        """Return the name that the centre's store gave itself last."""
        return self._store

    def persist_store_name(self, name: str) -> None:
        """Keep the name of the centre's store."""
        self._store = name

    def floors(self) -> Mapping[str, Floor]:
        """Return the floors."""
        return dict(self._floors)

    def slots(self) -> Mapping[str, SlotContent]:
        """Return which slots are in use, and what is in them."""
        return dict(self._slots)

    def deltas(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the deltas kept beside the slots, in order."""
        return {name: kept for name, kept in self._deltas.items() if kept}

    def extend(self, accepted: AcceptedDeltas) -> None:
        """Keep deltas beside a slot, and raise its floor."""
        self._raise(accepted.name, accepted.floor)
        self._deltas[accepted.name] = self._deltas.get(accepted.name, ()) + accepted.deltas

    def adopt(self, accepted: Accepted) -> None:
        """Switch to a slot that was written, and raise its floor."""
        self._raise(accepted.name, accepted.floor)
        self._slots[accepted.name] = accepted.content
        self._deltas[accepted.name] = accepted.deltas
        if accepted.ends is not None:
            self.forget_slot(accepted.ends)

    def forget_slot(self, name: str) -> None:
        """Forget a bundle's slot and what is kept beside it; its floor stays."""
        self._slots.pop(name, None)
        self._deltas.pop(name, None)

    def forget_slots(self) -> None:
        """Forget the slots and what the centre listed; keep the floors."""
        self._slots.clear()
        self._deltas.clear()
        self._listed = frozenset()

    def listed(self) -> frozenset[str]:
        """Return what the centre listed when all that was needed of it was judged last."""
        return self._listed

    def persist_listed(self, names: frozenset[str]) -> None:
        """Keep what the centre listed, now that all that is needed of it was judged."""
        self._listed = names

    def _raise(self, name: str, floor: Floor) -> None:
        """Raise a floor; it never sinks, whatever is asked for."""
        before = self._floors.get(name)
        if before is None or floor.version >= before.version:
            self._floors[name] = floor
