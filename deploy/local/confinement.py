"""Which files a child may not read: the kernel keeps them from it (Landlock), whoever its user is.

All children of a house run under one account, so the modes of files alone would open every key to
every process. A confined child can read everything its account can, but of the secret folders of
the data folder only what `deploy.local.holders` gives it. The kernel also keeps it from looking
into other processes. A child cannot take its confinement off, nor can what it starts.

Rules are of paths that are there when the child starts; a file that is put in place of another one
later is closed to it until its next start. Sources: the kernel's userspace-api/landlock document.
"""

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SECRET_FOLDERS: Final = ("keys", "terminals", "redis", "records")
"""Of the data folder: keys of processes and terminals, the store's own file, and day files."""
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
"""Numbers of the system calls, the same on every architecture."""
_ASK_VERSION: Final = 1
_LEAST_VERSION: Final = 2
"""Version 1 forbids every rename from folder to folder, and Redis makes one when it starts."""
_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_REFER: Final = 1 << 13
"""To rename and link from folder to folder: allowed everywhere, but denied where not asked for."""
_PR_SET_NO_NEW_PRIVS: Final = 38
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def supported() -> bool:
    """Say whether this kernel confines (Linux 5.19 and later, where it is switched on)."""
    return int(_LIBC.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)) >= _LEAST_VERSION


@contextmanager
def ruleset(data: Path, secrets: Iterable[Path], always: Iterable[Path]) -> Iterator[int | None]:
    """Open the rules of a child that may read `secrets` of the secret folders; None: no kernel.

    `always` are paths that are named beside what is found on the way to the data folder, since a
    folder on that way may be closed to listing.
    """
    if not supported():
        yield None
        return
    asked = _Ruleset(_READ_FILE | _REFER)
    opened = _call(_CREATE_RULESET, ctypes.byref(asked), ctypes.sizeof(asked), 0)
    try:
        _allow(opened, Path("/"), _REFER)
        for path in (*_all_but_secrets(data.resolve()), *always, *secrets):
            _allow(opened, path, _READ_FILE)
        yield opened
    finally:
        os.close(opened)


def restrict(rules: int) -> None:
    """Confine this process for good. Between fork and exec: nothing is allocated but two calls."""
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _LIBC.syscall(_RESTRICT_SELF, rules, 0):
        os._exit(1)


def _all_but_secrets(data: Path) -> Iterator[Path]:
    """Yield what lies beside the way to the data folder, and in it beside the secret folders."""
    way = (*reversed(data.parents), data)
    for folder, following in zip(way, (*(path.name for path in way[1:]), None), strict=True):
        closed = SECRET_FOLDERS if following is None else (following,)
        try:
            found = list(os.scandir(folder))
        except PermissionError:  # may be entered, not listed: what is needed of it is in `always`
            continue
        yield from (Path(entry.path) for entry in found if entry.name not in closed)


def _allow(rules: int, path: Path, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # gone since it was listed, or closed to the account as well
        return
    try:
        kind = os.fstat(opened).st_mode
        if stat.S_ISDIR(kind) or stat.S_ISREG(kind) or stat.S_ISCHR(kind):
            rule = _PathBeneath(access, opened)
            _call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: object) -> int:
    result = int(_LIBC.syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
