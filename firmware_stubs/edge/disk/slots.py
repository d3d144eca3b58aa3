"""The bundles' bytes on disk: two files for each bundle, `NAME.a` and `NAME.b`.

Which one counts is the database's to say; the file that counts is never written to.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from firmware_stubs.edge.disk.facts import write_durably
from firmware_stubs.slots import Slot, SlotContent


class SlotFiles:
    """The folder of slots."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)

    def write(self, name: str, slot: Slot, data: bytes) -> None:
        """Write a slot that is not in use; on disk when it returns."""
        write_durably(self._path(name, slot), data)

    def read(self, slots: Mapping[str, SlotContent]) -> dict[str, bytes]:
        """Read the slots in use; what cannot be read is left out."""
        found = {}
        for name, entry in slots.items():
            try:
                found[name] = self._path(name, entry.slot).read_bytes()
            except OSError:
                continue
        return found

    def remove(self, name: str) -> None:
        """Delete both slots of a bundle."""
        for slot in Slot:
            self._path(name, slot).unlink(missing_ok=True)

    def keep_only(self, used: Iterable[str]) -> None:
        """Delete what belongs to no bundle in use: the process died as it was dropped."""
        names = set(used)
        for path in self._folder.iterdir():
            if path.name.rpartition(".")[0] not in names:
                path.unlink()

    def clear(self) -> None:
        """Delete all slots."""
        for path in self._folder.iterdir():
            path.unlink()

    def _path(self, name: str, slot: Slot) -> Path:
        return self._folder / f"{name}.{slot}"
