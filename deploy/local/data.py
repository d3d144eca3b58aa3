"""The data folder of one house: its schema, folders, owner and modes.

`prepare_folder` runs as the caller (perhaps root) and touches the folder itself only; everything
inside is made by the account, under the lock (`open_folder`).
"""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.account import ROOT_UID, Account
from deploy.local.disk_errors import chown, unusable
from deploy.local.errors import UsageError
from deploy.local.placement import first_blocked, way_to

SCHEMA: Final = 3
"""Of the folder's layout; raised with every change that an older kapok would misread.

It is raised with a line in `migrations`. What a first start makes (keys, operators, sources) is not
made later: a key that is gone is never silently another one. So a thing that a first start makes
from now on is a new schema too, and its migration makes it in the folders that are there.

1: values of people stood under other keys of the store, and nobody was known by reference.
2: what `schema_3` rewrites had another form.
"""
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
FOLDERS: Final = (
    *("keys", "keys/api", "keys/operators", "keys/feeds", "keys/person-hash", "keys/redis"),
    *("trust", "profiles", "rules", "cards", "redis", "mosquitto", "terminals", "audit", "log"),
    *("registry", "floors", "grants", "run", "records", "destructions", "signed"),
    *("feeds", "feeds/spool", "feeds/sent"),
)
SCHEMA_FILE: Final = "SCHEMA"
LOCK_FILE: Final = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One thing that the first start makes in the data folder; keeps what is already there."""

    name: str
    make: Callable[[Path], object]


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
        raise UsageError(f"data folder {path}: {unusable(path, error)}") from error


def _make(path: Path, account: Account) -> None:
    if not path.exists():
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.mkdir(mode=FOLDER_MODE)
        _give(path, account)
    if not path.is_dir():
        raise UsageError(f"data folder {path}: it is a file; choose another with --data")
    names = {item.name for item in path.iterdir()}
    if names and not names & {SCHEMA_FILE, LOCK_FILE}:
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
            f" {account.name} (user {account.uid}); if root restored it, give it back:"
            f" `{chown(path, account.name)}`; if it is another's, choose another with --data"
        )
    path.chmod(FOLDER_MODE)


def _give(path: Path, account: Account) -> None:
    if os.geteuid() == ROOT_UID:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def write_file(path: Path, content: bytes, *, mode: int = FILE_MODE, synced: bool = True) -> None:
    """Write a file whole or not at all: beside it, to disk, then renamed over.

    What is made anew at each start need not be `synced`.
    """
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if synced:
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)
