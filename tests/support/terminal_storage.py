"""Storages of a terminal without lines: settings for one on disk, and one in memory."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from firmware_stubs.clock import TerminalClock
from firmware_stubs.commands import CommandPlan, RingEntry, Word
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.memory.storage import MemoryStorage
from firmware_stubs.outbox import Bounds
from firmware_stubs.storage import Storage
from fleet.contract.commands import ResultCode, ResultState
from fleet.contract.messages import Epoch
from tests.support.publisher import EDITION
from verifier.contract.reasons import Language

KEEP_S: Final = 600.0
"""Seconds that an acknowledged record is kept."""
EPOCH: Final = Epoch(generation=1, counter=7)
BOOT: Final = "b" * 32
MS: Final = 1_790_000_000_000
"""Unix milliseconds."""

Make = Callable[[int], Storage]
"""Opens an empty storage with room for some records."""


def storage_settings(folder: Path, *, entries: int) -> TerminalSettings:
    """Make the settings of a terminal that keeps its state in a folder."""
    (folder / "root").write_bytes(EDITION.root())
    given: dict[str, Any] = {
        "terminal": "hall-1-east",
        "place": "hall-1",
        "gate": "east",
        "direction": "in",
        "state": str(folder / "state"),
        "socket": "s",
        "key": "k",
        "certificate": "c",
        "root": str(folder / "root"),
        "verifier": {"url": "https://127.0.0.1:1", "ca": "ca"},
        "broker": {"host": "127.0.0.1", "port": 1, "ca": "ca"},
        "gate_open_s": 0.01,
        "keep_s": KEEP_S,
        "language": "en",
        "outbox_entries": entries,
    }
    return msgspec.convert(given, TerminalSettings)


def memory_storage(*, entries: int) -> MemoryStorage:
    """Make one of the same terminal in memory."""
    return MemoryStorage(
        EDITION.root(),
        clock=TerminalClock(build=0.0),
        bounds=Bounds(entries=entries, keep_s=KEEP_S),
        language=Language.EN,
    )


def entry(
    number: int, state: ResultState = ResultState.SUCCEEDED, forget_at: int = MS
) -> CommandPlan:
    """Make what is written of a command."""
    command = f"{number:032x}"
    row = RingEntry(id=command, forget_at=forget_at, state=state, code=ResultCode.OK)
    return CommandPlan(entry=row, word=Word(command=command, state=state, code=ResultCode.OK))


def kept(storage: Storage) -> list[tuple[str, int]]:
    """Return kind and sequence of what is kept, as it is sent."""
    return [(type(each).__name__, each.sequence) for each in storage.messages.kept(EPOCH, BOOT)]
