"""What the terminal knows of itself, in memory: facts, and the slots and floors of its bundles."""

from collections.abc import Mapping

from firmware_stubs.clock import Offset, TimeFloor, lowered
from firmware_stubs.slots import Accepted, AcceptedDeltas, SlotContent
from fleet.contract.messages import Epoch
from verifier.trust.floors import Floor, Floors, merged


class MemoryFacts:
    """Facts, floors and slots."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None
        self._suspended = False
        self._time_floor = TimeFloor()
        self._offset: Offset | None = None
        self._store: str | None = None
        self._floors: dict[str, tuple[Floor, ...]] = {}
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

    def time_floor(self) -> TimeFloor:
        """Return the clock's floor and its supports."""
        return self._time_floor

    def persist_time_floor(self, kept: TimeFloor) -> None:
        """Keep the clock's floor and its supports; a lower floor than before is not taken."""
        if kept.floor >= self._time_floor.floor:
            self._time_floor = kept

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

    def floors(self) -> Floors:
        """Return the floors, by name and key."""
        return dict(self._floors)

    def slots(self) -> Mapping[str, SlotContent]:
        """Return which slots are in use, and what is in them."""
        return dict(self._slots)

    def deltas(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the deltas kept beside the slots, in order."""
        return {name: kept for name, kept in self._deltas.items() if kept}

    def extend(self, accepted: AcceptedDeltas) -> None:
        """Keep deltas beside a slot, and raise its floor."""
        self._floors = merged(self._floors, accepted.floors)
        self._deltas[accepted.name] = self._deltas.get(accepted.name, ()) + accepted.deltas

    def adopt(self, accepted: Accepted) -> None:
        """Switch to a slot that was written, and raise its floor."""
        self._floors = merged(self._floors, accepted.floors)
        if accepted.time_floor is not None:
            self._time_floor = lowered(self._time_floor, accepted.time_floor)
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
