"""The data folder of one house: owner, modes, lock, schema, first start.

`prepare_folder` runs as the caller (perhaps root) and touches the folder itself only; everything
inside is made by the account, under the lock. SCHEMA is written last, so a first start that was
interrupted begins again; what a seed finds there it keeps.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.account import ROOT_UID, Account
from deploy.local.errors import UsageError
from deploy.local.placement import first_blocked, way_to

SCHEMA: Final = 2
"""Of the folder's layout; raised with every change that an older kapok would misread.

1: values of people stood under other keys of the store, and nobody was known by reference. What a
first start makes (keys, operators, sources) is not made later: a key that is gone is never silently
another one.
"""
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
FOLDERS: Final = (
    *("keys", "keys/api", "keys/operators", "keys/feeds", "keys/person-hash", "keys/redis"),
    *("trust", "profiles", "rules", "cards", "redis", "mosquitto", "terminals", "audit", "log"),
    *("run", "records", "destructions", "feeds", "feeds/spool", "feeds/sent"),
)
_SCHEMA_FILE: Final = "SCHEMA"
_LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One thing that the first start makes in the data folder; keeps what is already there."""

    name: str
    make: Callable[[Path], None]


def prepare_folder(path: Path, account: Account) -> None:
    """Make the folder, or check that the one there can be the account's.

    Raises:
        UsageError: it is not a folder, not ours, another's, or out of the account's reach.
    """
    blocked = first_blocked(way_to(path.parent), account)
    if blocked is not None:
        raise UsageError(
            f"data folder {path}: the account {account.name} cannot enter {blocked}"
            f" (mode {stat.S_IMODE(blocked.stat().st_mode):o}); choose another with --data"
        )
    try:
        _make(path, account)
    except OSError as error:
        raise UsageError(f"data folder {path}: {error.strerror}; choose another with --data") from (
            error
        )


def _make(path: Path, account: Account) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.mkdir(mode=FOLDER_MODE)
        _give(path, account)
    if not path.is_dir():
        raise UsageError(f"data folder {path}: it is a file; choose another with --data")
    names = {item.name for item in path.iterdir()}
    if names and not names & {_SCHEMA_FILE, _LOCK_FILE}:
        raise UsageError(
            f"data folder {path}: it holds other files and is none of kapok's;"
            " choose an empty or a new one with --data"
        )
    if not names:
        _give(path, account)
    owner = path.stat().st_uid
    if owner != account.uid:
        raise UsageError(
            f"data folder {path}: it belongs to user {owner}, and kapok would run as"
            f" {account.name} (user {account.uid}); choose another with --data"
        )
    path.chmod(FOLDER_MODE)


def _give(path: Path, account: Account) -> None:
    if os.geteuid() == ROOT_UID:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


@contextmanager
def opened(path: Path, first_start: Iterable[Seed], every_start: Iterable[Seed]) -> Iterator[bool]:
    """Hold the data folder alone: lock it, check its schema, seed it; yields "it is new".

    Raises:
        UsageError: another `up` holds it, or another schema's kapok wrote it.
    """
    with _locked(path):
        new = check_schema(path)
        for name in FOLDERS:
            (path / name).mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if new:
            for seed in first_start:
                seed.make(path)
        for seed in every_start:
            seed.make(path)
        if new:
            write_file(path / _SCHEMA_FILE, f"{SCHEMA}\n".encode())
        yield new


def check_schema(path: Path) -> bool:
    """Refuse a folder that this kapok cannot read; return whether it has yet to be seeded.

    Raises:
        UsageError: a newer or an older kapok wrote it, or its SCHEMA is no number.
    """
    try:
        text = (path / _SCHEMA_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return True
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"data folder {path}: its SCHEMA is not a number; restore it or move it")
    if int(text) > SCHEMA:
        raise UsageError(
            f"data folder {path}: schema {text} was written by a newer kapok;"
            f" this one knows {SCHEMA}; use that version or another --data"
        )
    if int(text) < SCHEMA:
        raise UsageError(
            f"data folder {path}: schema {text} was written by an older kapok, and {SCHEMA} is not"
            " made out of it; nothing in it was changed: use that version or another --data"
        )
    return False


def write_file(path: Path, content: bytes, *, mode: int = FILE_MODE) -> None:
    """Write a file whole or not at all: beside it, to disk, then renamed over."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # Never removed: a lock file that comes and goes can be held twice.
    descriptor = os.open(path / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)
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
