"""What a child may do with files and to others: the kernel keeps it to that (Landlock).

All children of a house run under one account, so the modes of files alone would open everything to
every process. A confined child
- reads everything that its account can, but of the secret folders of the data folder only what
  `deploy.local.holders` gives it;
- writes, makes, renames and removes nothing but in the folders that `deploy.local.writers` gives
  it: no settings of others, no trust, no log, nothing outside the data folder;
- signals no process but those that it started, and reaches no abstract unix socket of others, where
  the kernel has it (`reach`);
- sets no limit of another process: one second of processor time would end it as a signal does, and
  Landlock does not ask about that (a seccomp filter does).
The kernel also keeps it from looking into other processes. A child cannot take its confinement off,
nor can what it starts.

Rules are of paths that are there when the child starts; a file that is put in place of another one
later is closed to it until its next start. Sources: the kernel's userspace-api/landlock document.
"""

import ctypes
import os
import platform
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Final

from deploy.local.child import Writing
from deploy.words.phrase import Phrase

SECRET_FOLDERS: Final = ("keys", "terminals", "redis", "records")
"""Of the data folder: keys of processes and terminals, the store's own file, and day files."""
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
_PR_SET_SECCOMP: Final = 22
_SECCOMP_FILTER: Final = 2
_LIMITS: Final = {"x86_64": (0xC000003E, 302), "aarch64": (0xC00000B7, 261)}
"""Machine -> its number in the kernel's audit.h, and that of prlimit64, which sets limits."""
_X32: Final = 0x40000000
"""From here on are the numbers of x86_64's second way to call: nothing of ours goes it."""
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


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def _limits_of_others() -> _Program | None:
    """Return a filter that refuses prlimit64 of a process other than the caller; None: no numbers.

    Other calls are let through by the kernel without running it (since Linux 5.11).
    """
    numbers = _LIMITS.get(platform.machine())
    if numbers is None:
        return None
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    machine, call, first_argument, let, refuse = 4, 0, 16, 0x7FFF0000, 0x00050001
    steps = (
        *((load, 0, 0, machine), (equal, 0, 6, numbers[0])),
        *((load, 0, 0, call), (at_least, 4, 0, _X32), (equal, 0, 2, numbers[1])),
        *((load, 0, 0, first_argument), (equal, 0, 1, 0)),
        *((answer, 0, 0, let), (answer, 0, 0, refuse)),
    )
    return _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*it) for it in steps)))


_FILTER: Final = _limits_of_others()


def reach() -> Reach:
    """Return how far this kernel confines (Linux 5.19 and later, where it is switched on)."""
    version = int(_LIBC.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION))
    return max((each for each in Reach if each <= version), default=Reach.NOTHING)


def supported() -> bool:
    """Say whether this kernel confines at all."""
    return reach() is not Reach.NOTHING


@contextmanager
def ruleset(
    data: Path,
    secrets: Iterable[Path],
    always: Iterable[Path],
    writes: Mapping[Path, Writing] | None = None,
) -> Iterator[int | None]:
    """Open the rules of a child that may read `secrets` of the secret folders; None: no kernel.

    `always` are paths that are named beside what is found on the way to the data folder, since a
    folder on that way may be closed to listing. `writes`: folder -> what the child may do in it and
    in all below; nothing can be written elsewhere, but to what it is handed open, and /dev/null.
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
        for path in (*_all_but_secrets(data.resolve()), *always, *secrets):
            _allow(opened, path, _READ_FILE)
        _allow(opened, Path(os.devnull), _WRITE_FILE)
        for path, writing in (writes or {}).items():
            everything = _WRITE_FILE | _REMOVE | _MAKE_PLAIN | _REFER | cuts
            _allow(opened, path, everything if writing is Writing.KEEP else _REMOVE)
        yield opened
    finally:
        os.close(opened)


def restrict(rules: int) -> None:
    """Confine this process for good. Between fork and exec: nothing is allocated but the calls."""
    if _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or _LIBC.syscall(_RESTRICT_SELF, rules, 0):
        os._exit(1)
    if _FILTER is not None:  # a kernel without it confines as far as Landlock goes
        _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(_FILTER), 0, 0)


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
