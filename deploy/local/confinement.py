"""What a child may do with files and to others: the kernel keeps it to that.

All children of a house run under one account, so the modes of files alone would open everything to
every process. A confined child
- reads the system's folders, our code, and of the data folder what `deploy.local.readers` and
  `deploy.local.holders` give it;
- writes, makes, renames and removes nothing but in the folders that `deploy.local.writers` gives
  it: no settings of others, no trust, no log, nothing outside the data folder;
- signals no process but those that it started, and reaches no abstract unix socket of others, where
  the kernel has it (`reach`);
- changes no mode, owner or time of any file, and no limit or priority of another process
  (`refused_calls`).
The kernel also keeps it from looking into other processes. A child cannot take its confinement off,
nor can what it starts.

Rules are of folders, never of files: the kernel keeps whatever a rule names, so a file that is
removed would take its place on the disk until the house ends, and one that takes its place would be
closed to the child. Sources: the kernel's userspace-api/landlock document.
"""

import ctypes
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from itertools import pairwise
from pathlib import Path
from typing import Final

from deploy.local import refused_calls
from deploy.local.child import Writing
from deploy.words.phrase import Phrase

SYSTEM: Final = tuple(
    Path(name)
    for name in ("/usr", "/etc", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys")
)
"""Folders of programs, libraries, their configuration, and what the kernel tells of itself."""
_DEVICES: Final = tuple(Path("/dev") / name for name in ("null", "zero", "random", "urandom"))
"""Not the whole of /dev: shared memory of other processes lies there."""
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
"""Numbers of the system calls, the same on every architecture."""
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_REMOVE: Final = (1 << 4) | (1 << 5)
"""Folders and files."""
_MAKE: Final = (1 << 6) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12)
"""Devices, folders, files, sockets, pipes, symbolic links."""
_MAKE_PLAIN: Final = (1 << 7) | (1 << 8) | (1 << 9)
"""Folders, files, sockets: all that a process of ours makes."""
_REFER: Final = 1 << 13
"""To rename and link from folder to folder; denied where not asked for."""
_TRUNCATE: Final = 1 << 14
_SCOPES: Final = (1 << 0) | (1 << 1)
"""Abstract unix sockets, signals."""
_PR_SET_NO_NEW_PRIVS: Final = 38
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Reach(IntEnum):
    """How far this kernel confines, by the version of its Landlock."""

    NOTHING = 0
    """None, or version 1, which forbids every rename from folder to folder; Redis makes one."""
    FILES = 2
    """Reading and writing, but any file that can be opened for reading can be cut short."""
    WHOLE_FILES = 3
    SIGNALS = 6
    """Signals and abstract sockets too."""


REACHES: Final = {
    Reach.NOTHING: Phrase(
        "this kernel does not confine processes (Landlock): every process of the house"
        " can read every key of it and change every file"
    ),
    Reach.FILES: Phrase(
        "this kernel confines processes in part (Landlock before version 3): every process of the"
        " house can cut files short and end other processes"
    ),
    Reach.WHOLE_FILES: Phrase(
        "this kernel confines processes in part (Landlock before version 6): every process of the"
        " house can end other processes"
    ),
}
"""What is said of a kernel that does not keep processes apart whole."""
UNFILTERED: Final = Phrase(
    "this machine does not filter system calls (seccomp): every process of the house can change"
    " modes of its files, and limits and priorities of other processes"
)


def gaps() -> Iterator[Phrase]:
    """Yield what this machine does not keep processes from."""
    found = reach()
    if found in REACHES:
        yield REACHES[found]
    if not refused_calls.supported():
        yield UNFILTERED


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def reach() -> Reach:
    """Return how far this kernel confines (Linux 5.19 and later, where it is switched on)."""
    version = int(_LIBC.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION))
    return max((each for each in Reach if each <= version), default=Reach.NOTHING)


def supported() -> bool:
    """Say whether this kernel confines at all."""
    return reach() is not Reach.NOTHING


@contextmanager
def ruleset(
    data: Path, reads: Iterable[Path], writes: Mapping[Path, Writing] | None = None
) -> Iterator[int | None]:
    """Open the rules of a child; None: no kernel.

    Args:
        data: the data folder; it is closed, also where one of `reads` holds it.
        reads: folders, in the data folder or elsewhere, that may be read with all below. Where
            one could hold the data folder, no link leads to it.
        writes: folder -> what the child may do in it and in all below; what it keeps, it reads.
            Nothing can be written elsewhere, but to what it is handed open, and /dev/null.
    """
    found = reach()
    if found is Reach.NOTHING:
        yield None
        return
    handled = _READ_FILE | _WRITE_FILE | _REMOVE | _MAKE | _REFER
    cuts = _TRUNCATE if found >= Reach.WHOLE_FILES else 0
    asked = _Ruleset(handled | cuts, 0, _SCOPES if found >= Reach.SIGNALS else 0)
    opened = _call(_CREATE_RULESET, ctypes.byref(asked), ctypes.sizeof(asked), 0)
    try:
        for path in (*SYSTEM, *reads):
            for folder in _around(path, data.resolve()):
                _allow(opened, folder, _READ_FILE)
        for path in _DEVICES:
            _allow(opened, path, _READ_FILE | (_WRITE_FILE if path.name == "null" else 0))
        for path, writing in (writes or {}).items():
            everything = _READ_FILE | _WRITE_FILE | _REMOVE | _MAKE_PLAIN | _REFER | cuts
            _allow(opened, path, everything if writing is Writing.KEEP else _REMOVE)
        yield opened
    finally:
        os.close(opened)


def restrict(rules: int | None) -> None:
    """Confine this process for good; None: by the filter alone, where the kernel has no Landlock.

    Between fork and exec: nothing is allocated but the calls. It ends where they do not hold.
    """
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        os._exit(1)
    if rules is not None and _LIBC.syscall(_RESTRICT_SELF, rules, 0):
        os._exit(1)
    refused_calls.refuse()


def _around(folder: Path, data: Path) -> Iterator[Path]:
    """Yield the folder; where it holds the data folder, the folders beside the way to that."""
    if not data.is_relative_to(folder):
        yield folder
        return
    for at, following in pairwise((folder, *_between(folder, data))):
        try:
            found = list(os.scandir(at))
        except OSError:  # may be entered, not listed: nothing beside the way is needed
            continue
        yield from (
            Path(entry.path)
            for entry in found
            if entry.is_dir(follow_symlinks=False) and entry.name != following.name
        )


def _between(folder: Path, data: Path) -> list[Path]:
    """Return the folders below `folder` on the way to the data folder, with it."""
    way = [path for path in (data, *data.parents) if path != folder and path.is_relative_to(folder)]
    return way[::-1]


def _allow(rules: int, path: Path, access: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # not on this machine, or closed to the account as well
        return
    try:
        kind = os.fstat(opened).st_mode
        if stat.S_ISDIR(kind) or stat.S_ISCHR(kind):
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
