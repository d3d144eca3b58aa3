"""Who the children are: the system account on root machines, else the caller.

Only looking up and dropping rights lives here; the account is made by the script `kapok`.
"""

import builtins
import ctypes
import os
import pwd
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from deploy.local.errors import UsageError

ACCOUNT_NAME: Final = "kapok"
ROOT_UID: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account that owns the data folder and runs every child."""

    name: str
    uid: int
    gid: int


def children_account() -> Account:
    """Return the account of the children; never root.

    Raises:
        UsageError: we are root and the system account does not exist.
    """
    if os.geteuid() != ROOT_UID:
        return Account(name=_name_of(os.geteuid()), uid=os.geteuid(), gid=os.getegid())
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        raise UsageError(
            f"the system account {ACCOUNT_NAME} is missing; run ./kapok once as root"
        ) from None
    if entry.pw_uid == ROOT_UID:
        raise UsageError(f"the account {ACCOUNT_NAME} is root; it must be an ordinary one")
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def become(account: Account) -> None:
    """Give up root for good: no extra groups, then group, then user."""
    if os.geteuid() != ROOT_UID:
        return
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)


@contextmanager
def acting_as_owner(folder: Path) -> Iterator[None]:
    """Be a folder's owner for a while, when root calls; for others nothing changes.

    What is written then belongs to the owner, a link in the folder leads root nowhere that the
    owner may not go, and root signals nobody but the owner's processes. Of a folder that is not
    there, the owner is that of the nearest folder above it. Code is still read as root.
    """
    owner = _owner_of(folder)
    if os.geteuid() != ROOT_UID or owner.st_uid == ROOT_UID:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    with _code_read_as_caller():
        os.setgroups([])
        _be(owner.st_uid, owner.st_gid)
        _acting.append(owner)
        try:
            yield
        finally:
            _acting.pop()
            _be(ROOT_UID, group)
            os.setgroups(groups)


@contextmanager
def as_caller(path: Path | None = None) -> Iterator[None]:
    """Reach files as the caller again, for one that a person named; elsewhere nothing changes.

    Whose folder it is has a say where the file lies in it, or where it is reached by a folder or a
    link of that account: then the owner goes on acting. None: code, which is the caller's. Other
    threads are not concerned.
    """
    if not _acting:
        yield
        return
    owner = _acting[-1]
    owners = path is not None and _led_by_owner(path)
    with _reaching_as(*((owner.st_uid, owner.st_gid) if owners else (ROOT_UID, ROOT_UID))):
        yield


def open_named(path: Path, mode: str = "rb") -> BinaryIO:
    """Open a file of bytes that a person named, as `as_caller` says; a new one has mode 0600.

    Raises:
        OSError: it cannot be opened.
    """
    with as_caller(path):
        return cast("BinaryIO", open(path, mode, opener=_private))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_acting: list[os.stat_result] = []
"""The owner as whom root acts now; at most one."""
_MAX_LINKS: Final = 40
"""As the kernel follows."""
_ASK: Final = -1
"""No id: the call changes nothing and returns the present one."""
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _be(uid: int, gid: int) -> None:
    """Be an account with all but the saved id, which stays root's: the way back."""
    os.seteuid(ROOT_UID)
    os.setresgid(gid, gid, ROOT_UID)
    os.setresuid(uid, uid, ROOT_UID)


@contextmanager
def _reaching_as(uid: int, gid: int) -> Iterator[None]:
    """Reach files as an account, in this thread alone (setfsuid); the saved id allows it."""
    before = _LIBC.setfsuid(_ASK), _LIBC.setfsgid(_ASK)
    _LIBC.setfsgid(gid)
    _LIBC.setfsuid(uid)
    try:
        yield
    finally:
        _LIBC.setfsgid(before[1])
        _LIBC.setfsuid(before[0])


def _owner_of(folder: Path) -> os.stat_result:
    for path in (folder.absolute(), *folder.absolute().parents):
        try:
            return path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
    raise FileNotFoundError(folder)


def _led_by_owner(path: Path) -> bool:
    """Say whether anything on the way to a path, as the kernel goes it, is the owner's."""
    owner, at, links = _acting[-1].st_uid, Path("/"), 0
    left = list(reversed(path.absolute().parts[1:]))
    with _reaching_as(ROOT_UID, ROOT_UID):
        while left:
            part = left.pop()
            at = at.parent if part == ".." else at / part
            try:
                found = at.lstat()
            except OSError:
                return False  # not there yet: whoever makes it, the way to it is nobody's
            if found.st_uid == owner:
                return True
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if links > _MAX_LINKS:
                    return True
                target = at.readlink()
                at = Path("/") if target.is_absolute() else at.parent
                left += reversed([each for each in target.parts if each != "/"])
    return False


@contextmanager
def _code_read_as_caller() -> Iterator[None]:
    """Import modules as root: code may lie where the owner cannot go."""
    plain = builtins.__import__

    def imported(name: str, *given: Any, **named: Any) -> Any:
        if name in sys.modules and not given[2:3] and not named:
            return plain(name, *given, **named)  # nothing is read
        with as_caller():
            return plain(name, *given, **named)

    builtins.__import__ = imported
    try:
        yield
    finally:
        builtins.__import__ = plain


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)  # containers run under numbers that no account has
