"""Storages of a terminal without lines: settings for one on disk, and one in memory."""

from pathlib import Path
from typing import Any, Final

import msgspec

from firmware_stubs.clock import TerminalClock
from firmware_stubs.edge.settings import TerminalSettings
from firmware_stubs.memory.storage import MemoryStorage
from firmware_stubs.outbox import Bounds
from tests.support.publisher import EDITION
from verifier.contract.reasons import Language

KEEP_S: Final = 600.0
"""Seconds that an acknowledged record is kept."""


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
        clock=TerminalClock(build=0.0, persisted=0.0, offset=None),
        bounds=Bounds(entries=entries, keep_s=KEEP_S),
        language=Language.EN,
    )
