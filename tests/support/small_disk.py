"""A real disk that can be full: a small tmpfs, where root runs the tests."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BYTES = 8 * 2**20
"""Of the disk: enough for Redis, a broker and the keys of a house."""
FILLER = "filler"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@contextmanager
def small_disk(folder: Path, size: int = BYTES) -> Iterator[Path]:
    """Mount a disk of so many bytes, of mode 0777."""
    folder.mkdir()
    options = f"size={size},mode=777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> None:
    """Fill a disk to the last byte."""
    with (disk / FILLER).open("ab", buffering=0) as file:
        for piece in (2**16, 512, 1):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError:
                continue


def make_room(disk: Path) -> None:
    """Take back what `fill` took."""
    (disk / FILLER).unlink()
