"""Who the children are: the system account on root machines, else the caller.

Only looking up and dropping rights lives here; the account is made by the script `kapok`.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
    """Touch files as a folder's owner would, when root does it; for others nothing changes.

    What is written then belongs to the owner, and a link in the folder leads root nowhere that the
    owner may not go.
    """
    found = folder.stat()
    if os.geteuid() != ROOT_UID or found.st_uid == ROOT_UID:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    try:
        os.setegid(found.st_gid)
        os.seteuid(found.st_uid)
        yield
    finally:
        os.seteuid(ROOT_UID)
        os.setegid(group)
        os.setgroups(groups)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)  # containers run under numbers that no account has
