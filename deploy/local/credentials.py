"""Files of keys that a child is handed: copies in a folder that it alone reads.

The kernel's rules name folders, so that no file is kept that is removed, and one that is replaced
can be read by a process that runs. A copy is written only where it differs: a child is started
again also when the disk is full.
"""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from deploy.local.data import FOLDER_MODE, write_file

KEYS: Final = "keys"
"""Below the data folder: what is handed over lies there."""
_LOCK: Final = threading.Lock()
"""Renewals hand over from a thread of their own."""


def folders(data: Path, patterns: Iterable[str]) -> Iterator[Path]:
    """Yield the folders among a child's secrets: they are read where they are."""
    yield from (path for pattern in patterns for path in data.glob(pattern) if path.is_dir())


def hand_over(data: Path, patterns: Iterable[str], folder: Path) -> bool:
    """Bring a child's copies up to date; says whether one has changed.

    Raises:
        OSError: a file cannot be read, or its copy not be written.
    """
    with _LOCK:
        return _handed(data, patterns, folder)


def _handed(data: Path, patterns: Iterable[str], folder: Path) -> bool:
    keys = data / KEYS
    found = (path for pattern in patterns for path in data.glob(pattern) if path.is_file())
    wanted = {path.relative_to(keys): path.read_bytes() for path in found}
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    there = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    changed = False
    for name, content in wanted.items():
        if name not in there or there[name].read_bytes() != content:
            _write(folder / name, content)
            changed = True
    for name in there.keys() - wanted.keys():
        there[name].unlink()
        changed = True
    return changed


def _write(path: Path, content: bytes) -> None:
    # Not to disk: a copy that is lost is made anew at the next start.
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    write_file(path, content, synced=False)
