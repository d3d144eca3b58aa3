"""System calls that a confined process is refused: what Landlock does not ask about (seccomp).

- Modes, owners, times and extended attributes of files: Landlock lets a process change those of
  every file of its account. What a process makes gets its mode from the umask.
- Limits, priorities, scheduling and processors of other processes: one second of processor time
  ends a process as a signal does.
- io_uring, whose requests no filter sees.
Nothing of ours calls any of them but for itself, and that is let through. Sources: the kernel's
userspace-api/seccomp_filter document and its tables of system calls.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from typing import Final, NamedTuple

_PR_SET_SECCOMP: Final = 22
_SECCOMP_FILTER: Final = 2
_GET_ACTION_AVAIL: Final = 2
_LET: Final = 0x7FFF0000
_REFUSE: Final = 0x00050001
"""Answer with EPERM."""
_X32: Final = 0x40000000
"""From here on are the numbers of x86_64's second way to call: nothing of ours goes it."""
_LOAD, _EQUAL, _AT_LEAST, _ANSWER = 0x20, 0x15, 0x35, 0x06
_MACHINE, _CALL, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 4, 0, 16, 24
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class _Machine(NamedTuple):
    audit: int
    """Its number in the kernel's audit.h."""
    seccomp: int
    """The number of the call `seccomp`."""
    always: tuple[int, ...]
    """Calls that are refused."""
    of_others: tuple[int, ...]
    """Calls that are refused unless their first argument, a process, is 0: the caller."""
    setpriority: int
    """Refused unless its first two arguments are 0: a process, the caller."""


_SHARED: Final = (425, 426, 427, 452, 463, 466, 469)
"""io_uring_setup, _enter, _register; fchmodat2, setxattrat, removexattrat, file_setattr."""
_MACHINES: Final = {
    "x86_64": _Machine(
        0xC000003E,
        317,
        (
            *(90, 91, 268),  # chmod, fchmod, fchmodat
            *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
            *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
            *(188, 189, 190, 197, 198, 199),  # setxattr, l-, f-; removexattr, l-, f-
            251,  # ioprio_set
            *_SHARED,
        ),
        # sched_setparam, _setscheduler, _setaffinity, _setattr; prlimit64; migrate_pages
        (142, 144, 203, 314, 302, 256),
        141,
    ),
    "aarch64": _Machine(
        0xC00000B7,
        277,
        (
            *(52, 53),  # fchmod, fchmodat
            *(54, 55),  # fchownat, fchown
            88,  # utimensat
            *(5, 6, 7, 14, 15, 16),  # setxattr, l-, f-; removexattr, l-, f-
            30,  # ioprio_set
            *_SHARED,
        ),
        # sched_setparam, _setscheduler, _setaffinity, _setattr; prlimit64; migrate_pages
        (118, 119, 122, 274, 261, 238),
        140,
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def _steps(machine: _Machine) -> Iterator[tuple[int, int, int, int]]:
    """Yield the filter's instructions: code, jump if true, jump if false, value."""
    yield from ((_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, machine.audit), (_ANSWER, 0, 0, _REFUSE))
    yield from ((_LOAD, 0, 0, _CALL), (_AT_LEAST, 0, 1, _X32), (_ANSWER, 0, 0, _REFUSE))
    for number in machine.always:
        yield from ((_EQUAL, 0, 1, number), (_ANSWER, 0, 0, _REFUSE))
    for number in machine.of_others:
        yield from ((_EQUAL, 0, 4, number), (_LOAD, 0, 0, _FIRST_ARGUMENT))
        yield from ((_EQUAL, 0, 1, 0), (_ANSWER, 0, 0, _LET), (_ANSWER, 0, 0, _REFUSE))
    yield from ((_EQUAL, 0, 6, machine.setpriority), (_LOAD, 0, 0, _FIRST_ARGUMENT))
    yield from ((_EQUAL, 0, 3, 0), (_LOAD, 0, 0, _SECOND_ARGUMENT))
    yield from ((_EQUAL, 0, 1, 0), (_ANSWER, 0, 0, _LET), (_ANSWER, 0, 0, _REFUSE))
    yield (_ANSWER, 0, 0, _LET)


def _program() -> _Program | None:
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return None
    steps = tuple(_steps(machine))
    return _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*it) for it in steps)))


_FILTER: Final = _program()


def supported() -> bool:
    """Say whether this kernel refuses the calls: it has filters, and their numbers are known."""
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    wanted = ctypes.c_uint32(_REFUSE & 0x7FFF0000)
    return not _LIBC.syscall(machine.seccomp, _GET_ACTION_AVAIL, 0, ctypes.byref(wanted))


_HOLDS: Final = supported()


def refuse() -> None:
    """Refuse them to this process and all that it starts, for good; between fork and exec.

    The process ends where a filter should hold and is not taken.
    """
    if _FILTER is None or not _HOLDS:
        return
    if _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(_FILTER), 0, 0):
        os._exit(1)
