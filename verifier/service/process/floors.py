"""The floors of bundles, kept apart from the store: one set back to an old day sets nothing else.

One JSON file, shared by the workers of a machine: whoever accepts a newer bundle raises it, under a
lock, whole or not at all. A floor is kept for each key that signed (`verifier/trust/floors.py`):

    {"format": 2, "floors": {name: [[version, digest, signer, use, root], ...]}}

A file of the format before, {name: [version, digest]}, is read as floors of no known key: they
count until a known key reaches them. The issuing process gives versions above those that count.
"""

import fcntl
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from runtime.disk import write_whole
from verifier.contract.bundle import BundleVersion
from verifier.contract.status import plane_of
from verifier.trust.floors import MAX_VERSION, Floor, Floors, highest, max_step, merged

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes; a city has some twenty bundles, and rosters of some thousand places."""
FORMAT: Final = 2
MAX_BELIEVED: Final = MAX_VERSION // 2
"""Highest version that is believed where no signature vouches for it: whoever may write to the
store can lead the honest publisher so far, and half of all versions are still to come."""

Naming = Callable[[], Collection[bytes] | None]
"""Returns thumbprints of the keys that root and trust source name now; None: they do not say."""


class _Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=1)]
    digest: str
    signer: str
    use: str
    root: int


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    floors: dict[str, tuple[_Row, ...]]


_DECODER: Final = msgspec.json.Decoder(_File)
_BEFORE: Final = msgspec.json.Decoder(dict[str, tuple[int, str]])


NEAR: Final = 4096
"""Versions above a floor that are believed in any case: floors are written down seconds late."""


def believed(name: str, version: int, floor: Floor | None) -> bool:
    """Say whether a version can be honest that stands in the store, signed by nobody known here.

    Of what is above the floor half a step is believed: what is signed next must still be taken.
    """
    if floor is None:
        return version <= MAX_BELIEVED
    half = max_step(plane=plane_of(name) is not None) // 2
    near = version <= floor.version + NEAR
    return near or (version <= MAX_BELIEVED and version <= floor.version + half)


def next_version(name: str, laid: Mapping[str, BundleVersion], floors: Mapping[str, Floor]) -> int:
    """Return the version that a bundle is given next; `floors` are those that count.

    Above the floor too: a store that was lost or set back must not give a version twice.
    """
    floor, there = floors.get(name), laid.get(name)
    past = 0 if floor is None else floor.version
    if there is not None and believed(name, there.version, floor):
        past = max(past, there.version)
    return past + 1


class FloorFile:
    """The file; None for a path keeps nothing (tests, and workers without a disk of their own)."""

    def __init__(self, path: str | None, named: Naming | None = None) -> None:
        """Name the file, and what says whose floors count; None: everybody's."""
        self._path = None if path is None else Path(path)
        self._named = named
        self._known: Floors = {}

    def counting(self, own: bytes = b"") -> dict[str, Floor]:
        """Return the floors that count: of each bundle the highest of a key that is named.

        `own`: thumbprint of the key that signs next. Of another key, such as the one that is being
        rotated away, what is above MAX_BELIEVED is a thief's: signing above it would carry its
        number over to the new key. Without it the new key's are taken as soon as the old one goes.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not such a file.
        """
        named = None if self._named is None else self._named()
        found = {}
        for name, rows in self.load().items():
            counted = (
                it
                for it in rows
                if named is None
                or it.signer in (b"", own)
                or (it.signer in named and it.version <= MAX_BELIEVED)
            )
            if (floor := highest(counted)) is not None:
                found[name] = floor
        return found

    def load(self) -> dict[str, tuple[Floor, ...]]:
        """Read the floors; none where there is no file yet.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not such a file; starting without floors would trust an old store.
        """
        if self._path is None:
            return {}
        try:
            with self._path.open("rb") as file:
                return _read(file.read(MAX_FILE_BYTES))
        except FileNotFoundError:
            return {}
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"{self._path} holds no floors") from error

    def raise_to(self, floors: Floors) -> None:
        """Raise the file's floors to these; on disk when it returns.

        Raises:
            OSError: the disk does not take it.
        """
        if self._path is None or floors == self._known:
            return
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._write(merged(self.load(), floors))
        self._known = dict(floors)

    def _write(self, floors: Floors) -> None:
        if self._path is None:
            return
        rows = {
            name: tuple(
                _Row(it.version, it.digest.hex(), it.signer.hex(), it.use, it.root) for it in kept
            )
            for name, kept in floors.items()
        }
        write_whole(self._path, msgspec.json.encode(_File(FORMAT, rows)))


def _read(content: bytes) -> dict[str, tuple[Floor, ...]]:
    try:
        before = _BEFORE.decode(content)
    except msgspec.DecodeError:
        file = _DECODER.decode(content)
        if file.format != FORMAT:
            raise ValueError("another format") from None
        return {name: tuple(map(_floor, rows)) for name, rows in file.floors.items()}
    return {
        name: (Floor(version=version, digest=bytes.fromhex(digest)),)
        for name, (version, digest) in before.items()
    }


def _floor(row: _Row) -> Floor:
    return Floor(
        version=row.version,
        digest=bytes.fromhex(row.digest),
        signer=bytes.fromhex(row.signer),
        use=row.use,
        root=row.root,
    )
