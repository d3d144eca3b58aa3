"""What is received of a source's batch and not yet applied, on disk: at most one batch a source.

    <spool>/<source>/manifest    the signed manifest, as it came
    <spool>/<source>/lines       the right lines, prepared (`verifier.feeds.prepared`)
    <spool>/<source>/state       JSON: where reading stands; written whole, after `lines` is on disk

References are hashed before anything is written, so nobody's is here. What stands in `lines` after
what the state says is cut off: it is of a part that a crash ended.
"""

import contextlib
import os
import shutil
from pathlib import Path
from typing import Annotated, Final

import msgspec

from runtime.disk import write_synced, write_whole
from verifier.feeds.lines import Position
from verifier.feeds.prepared import RECORD_BYTES
from verifier.feeds.reports import Counts, WrongLine

MAX_STATE_BYTES: Final = 256 * 1024
"""Bytes of a state; a hundred wrong lines and 256 values take 20 KB."""
_Count = Annotated[int, msgspec.Meta(ge=0)]


class Received(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the reading of a batch stands."""

    octets: _Count = 0
    lines: _Count = 0
    digest: str
    column: str = ""
    prepared: _Count = 0
    """Right lines in the file."""
    skipped: _Count = 0
    wrong: _Count = 0
    wrong_lines: tuple[WrongLine, ...] = ()
    counts: Counts = {}
    observed: _Count = 0
    complete: bool = False
    """The whole text came, it is what the manifest says, and it may be applied."""

    @property
    def position(self) -> Position:
        """Return where the next part begins."""
        return Position(self.octets, self.lines, bytes.fromhex(self.digest), self.column)


NOTHING: Final = Received(digest=Position().digest.hex())


class Spool:
    """One batch on disk."""

    def __init__(self, folder: Path, manifest: bytes, received: Received) -> None:
        self.manifest = manifest
        """The envelope."""
        self.received = received
        """As it stands on disk."""
        self._folder = folder

    @classmethod
    def begin(cls, folder: Path, manifest: bytes) -> "Spool":
        """Begin a batch; what was there of another is dropped.

        Raises:
            OSError: the disk does not take it.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        write_synced(folder / "manifest", manifest)
        write_synced(folder / "lines", b"")
        spool = cls(folder, manifest, NOTHING)
        spool.keep(NOTHING, [])
        return spool

    @classmethod
    def found(cls, folder: Path) -> "Spool | None":
        """Return what a crash or a cut has left; None: nothing that can be continued."""
        try:
            manifest = (folder / "manifest").read_bytes()
            with (folder / "state").open("rb") as file:
                received = msgspec.json.decode(file.read(MAX_STATE_BYTES), type=Received)
            length = (folder / "lines").stat().st_size
        except (OSError, msgspec.DecodeError):
            return None
        if length < received.prepared * RECORD_BYTES:
            return None
        os.truncate(folder / "lines", received.prepared * RECORD_BYTES)
        return cls(folder, manifest, received)

    def keep(self, received: Received, prepared: list[bytes]) -> None:
        """Keep more right lines, and where reading stands after them; on disk when it returns.

        Raises:
            OSError: the disk does not take it; what was kept before stays.
        """
        if prepared:
            with (self._folder / "lines").open("r+b") as file:
                file.seek(self.received.prepared * RECORD_BYTES)
                file.write(b"".join(prepared))
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
        write_whole(self._folder / "state", msgspec.json.encode(received))
        self.received = received

    def read(self, first: int, count: int) -> bytes:
        """Read prepared lines, `count` of them at most, from number `first` on."""
        with (self._folder / "lines").open("rb") as file:
            file.seek(first * RECORD_BYTES)
            return file.read(min(count, self.received.prepared - first) * RECORD_BYTES)

    def drop(self) -> None:
        """Forget the batch: its state first, so that a crash leaves nothing that looks whole."""
        for name in ("state", "lines", "manifest"):
            with contextlib.suppress(FileNotFoundError):
                (self._folder / name).unlink()
