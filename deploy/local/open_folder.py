"""The data folder while one `kapok up` holds it: its lock, its schema, its first start.

We run as the account that owns it. Everything here happens under the lock. SCHEMA is written last,
so a first start that was interrupted begins again; what a seed finds there it keeps.
"""

import fcntl
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.data import (
    FILE_MODE,
    FOLDER_MODE,
    FOLDERS,
    LOCK_FILE,
    SCHEMA,
    SCHEMA_FILE,
    Seed,
    write_file,
)
from deploy.local.disk_errors import RESTORE_WHOLE, understood
from deploy.local.errors import UsageError
from deploy.local.migrations import migrate

USED: Final = ("redis", "records", "log")
"""Folders that are empty until the children of a first start run, after SCHEMA is written."""


def _nobody(_: str) -> None:
    """Tell nobody."""


@contextmanager
def opened(
    path: Path,
    first_start: Iterable[Seed],
    every_start: Iterable[Seed],
    *,
    tell: Callable[[str], None] = _nobody,
) -> Iterator[bool]:
    """Hold the data folder alone: lock, migrate and seed it; yields "it is new".

    Args:
        path: the data folder.
        first_start: what is made once.
        every_start: what is made or renewed at each start.
        tell: is given a line for each migration.

    Raises:
        UsageError: another `up` holds it, or its schema is not ours and cannot become ours.
    """
    with _locked(path):
        found = schema_of(path)
        if found is None:
            _require_unused(path)
        else:
            migrate(path, found, tell)
        for name in FOLDERS:
            (path / name).mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if found is None:
            for seed in first_start:
                _make(path, seed)
        for seed in every_start:
            _make(path, seed)
        if found is None:
            write_file(path / SCHEMA_FILE, f"{SCHEMA}\n".encode())
        yield found is None


def _make(path: Path, seed: Seed) -> None:
    with understood(path, seed.name):
        seed.make(path)


def _require_unused(path: Path) -> None:
    """Refuse a folder without SCHEMA in which a house ran: SCHEMA is written before that.

    To begin a first start again would make new keys beside the records of the old ones.

    Raises:
        UsageError: a part of it is missing.
    """
    used = next((name for name in USED if any((path / name).glob("*"))), None)
    if used is not None:
        raise UsageError(
            f"data folder {path}: a house ran here ({used}/ is not empty) and {SCHEMA_FILE} is"
            f" missing: {RESTORE_WHOLE}"
        )


def schema_of(path: Path) -> int | None:
    """Return the schema of a data folder; None: no start has finished making it.

    Raises:
        UsageError: a newer kapok wrote it, or its SCHEMA is no number.
    """
    try:
        text = (path / SCHEMA_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(
            f"data folder {path}: its SCHEMA is not a number; restore it from the copy"
        )
    if int(text) > SCHEMA:
        raise UsageError(
            f"data folder {path}: schema {text} was written by a newer kapok;"
            f" this one knows {SCHEMA}; use that version or another --data"
        )
    return int(text)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # Never removed: a lock file that comes and goes can be held twice.
    descriptor = os.open(path / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
    with os.fdopen(descriptor, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read(20).strip() or "unknown"
            raise UsageError(
                f"data folder {path}: another `kapok up` (process {holder}) is using it;"
                " stop that one or choose another with --data"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
