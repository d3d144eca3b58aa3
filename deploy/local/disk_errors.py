"""What is said when a file of the data folder cannot be used: one line that destroys nothing."""

import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.account import ROOT_UID
from deploy.local.errors import UsageError
from fleet.errors import FleetError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED: Final = frozenset({errno.EACCES, errno.EPERM})


def unusable(data: Path, error: OSError) -> str:
    """Say what is wrong with a data folder, and what to do."""
    named = error.filename if isinstance(error.filename, str) else None
    path = Path(named) if named else data
    if error.errno in _FULL:
        return f"the disk of {path} is full: make room on it, then start again"
    if restored_by_root(data, error):
        return (
            f"{path} is closed to the account {_account()}: if root restored the folder, give it"
            f" back: `{chown(data)}`"
        )
    if error.errno == errno.ENOENT and _within(path, data):
        return f"{path} is missing: {RESTORE_WHOLE}"
    return f"{path}: {error.strerror or type(error).__name__}"


def restored_by_root(data: Path, error: OSError) -> bool:
    """Say whether a file of the data folder is closed to us."""
    named = Path(error.filename) if isinstance(error.filename, str) else data
    return error.errno in _CLOSED and _within(named, data)


RESTORE_WHOLE: Final = "the data folder is not whole; restore all of it from the copy"


@contextmanager
def understood(data: Path, what: str) -> Iterator[None]:
    """Turn a file that is damaged or missing into one sentence; `what` is being read or made.

    Raises:
        UsageError: a file of the data folder is damaged.
        OSError: one is missing, or cannot be read or written; `unusable` says what to do.
    """
    try:
        yield
    except (ValueError, msgspec.MsgspecError, FleetError) as error:
        why = str(error) or type(error).__name__
        raise UsageError(f"data folder {data}: {what}: {why}; {RESTORE_WHOLE}") from error


def closed(data: Path, path: Path | None = None) -> str:
    """Say what to do where a command may not read a file of a data folder.

    Root's commands act as the folder's owner: to whom they say "run this as root" it is said twice.
    """
    try:
        owner: int | None = data.stat().st_uid
    except OSError:  # it lies where we may not go
        owner = None
    if owner is not None and os.geteuid() in (ROOT_UID, owner):
        account = _named(owner)
        return (
            f"{path or data}: files are closed to the account {account}: if root restored the"
            f" folder, give it back: `{chown(data, account)}`"
        )
    return f"{path or data} belongs to another account; run this as root"


def chown(data: Path, account: str | None = None) -> str:
    """Return the command by which root gives a data folder to the account of the house."""
    return f"chown -R {account or _account()}: {data}"


def _account() -> str:
    return _named(os.geteuid())


def _named(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _within(path: Path, data: Path) -> bool:
    return path == data or data in path.parents
