"""The floor of grants, kept apart from the store: one set back gives no rank twice.

One JSON file, {"incarnation": N, "version": V}: the highest rank that grants were ever given. It
is raised before grants are published, so that nothing published lies above it. All processes that
publish grants share it, and hold its lock while they publish. It never sinks by itself; whoever
removes it with all grants in force lets ranks begin anew, and followers take them only after the
grant key was rotated.
"""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec

from runtime.disk import write_whole
from runtime.settings import SettingsError
from verifier.contract.grant import MAX_INCARNATION, MAX_VERSION, VERSION_BITS

MAX_FILE_BYTES: Final = 4096
"""Bytes; it holds two numbers."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    incarnation: int
    version: int


class GrantFloor:
    """The file; None for a path keeps nothing (tests without a disk of their own)."""

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else Path(path)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep other processes from publishing meanwhile.

        Raises:
            OSError: the lock's file cannot be made.
        """
        if self._path is None:
            yield
            return
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
            yield

    def read(self) -> int:
        """Return the highest rank given; 0: none yet.

        Raises:
            SettingsError: the file cannot be read, or holds something else: without it, a store
                that was set back would not be noticed.
        """
        if self._path is None:
            return 0
        try:
            with self._path.open("rb") as file:
                kept = msgspec.json.decode(file.read(MAX_FILE_BYTES), type=_Kept)
        except FileNotFoundError:
            return 0
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(f"$.grant_floor: {self._path} holds no floor of grants") from error
        if not (0 <= kept.incarnation <= MAX_INCARNATION and 0 <= kept.version <= MAX_VERSION):
            raise SettingsError(f"$.grant_floor: {self._path} holds no possible floor")
        return (kept.incarnation << VERSION_BITS) + kept.version

    def keep(self, rank: int) -> None:
        """Keep a rank that is about to be given; on disk when it returns.

        Raises:
            OSError: the disk does not take it; then it must not be given.
        """
        if self._path is not None:
            kept = _Kept(incarnation=rank >> VERSION_BITS, version=rank & MAX_VERSION)
            write_whole(self._path, msgspec.json.encode(kept))
