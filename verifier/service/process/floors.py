"""The floors of bundles, kept apart from the store: one set back to an old day sets nothing else.

One JSON file, {name: [version, digest]}, shared by the workers of a machine: whoever accepts a
newer bundle raises it, under a lock, whole or not at all. The issuing process gives versions above.
"""

import fcntl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from runtime.disk import write_whole
from verifier.contract.bundle import BundleVersion
from verifier.trust.bundle import Floor

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes; a city has some twenty bundles, and rosters of some thousand places."""
_DECODER: Final = msgspec.json.Decoder(dict[str, tuple[int, str]])


def next_version(name: str, laid: Mapping[str, BundleVersion], floors: Mapping[str, Floor]) -> int:
    """Return the version that a bundle is given next.

    Above the floor too: a store that was lost or set back must not give a version twice.
    """
    return max((each[name].version for each in (laid, floors) if name in each), default=0) + 1


class FloorFile:
    """The file; None for a path keeps nothing (tests, and workers without a disk of their own)."""

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)
        self._known: dict[str, Floor] = {}

    def load(self) -> dict[str, Floor]:
        """Read the floors; none where there is no file yet.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not such a file; starting without floors would trust an old store.
        """
        if self._path is None:
            return {}
        try:
            with self._path.open("rb") as file:
                rows = _DECODER.decode(file.read(MAX_FILE_BYTES))
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise ValueError(f"{self._path} holds no floors") from error
        return {
            name: Floor(version=version, digest=bytes.fromhex(digest))
            for name, (version, digest) in rows.items()
        }

    def raise_to(self, floors: Mapping[str, Floor]) -> None:
        """Raise the file's floors to these; on disk when it returns.

        Raises:
            OSError: the disk does not take it.
        """
        if self._path is None or floors == self._known:
            return
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self.load()
            for name, floor in floors.items():
                before = kept.get(name)
                if before is None or before.version < floor.version:
                    kept[name] = floor
            self._write(kept)
        self._known = dict(floors)

    def _write(self, floors: Mapping[str, Floor]) -> None:
        if self._path is None:
            return
        rows = {name: (floor.version, floor.digest.hex()) for name, floor in floors.items()}
        write_whole(self._path, msgspec.json.encode(rows))
