"""Files that are on disk when the call returns: their bytes, and the names they are found by.

No format lives here, and nothing that is appended to: those who own a file say what is in it.
"""

import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
"""What our processes keep is for their own account."""


def write_synced(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 and force its bytes to disk; its name is the caller's to force.

    Raises:
        OSError: the disk does not take it.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_whole(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, its name too.

    Raises:
        OSError: the disk does not take it; what was there before stays.
    """
    beside = path.with_name(f".{path.name}.new")
    write_synced(beside, data)
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Force a folder's names to disk.

    Raises:
        OSError: it cannot be opened, or the disk does not take it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
