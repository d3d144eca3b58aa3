"""Where the children run from and where their data lies: decided from file modes alone.

A clone may lie where the children's account cannot go (/root, a mode-700 folder). Then code and
packages are staged, and the default data folder lies, under STATE_ROOT. `decide` is pure; `look`
reads the modes it is given; `deploy.local.stage` does the copying.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.account import Account, children_account

STATE_ROOT: Final = Path("/var/lib/kapok")
"""Reachable by every account on any Debian; one folder for each clone below it."""
PACKAGES: Final = ("runtime", "verifier", "fleet", "firmware_stubs", "deploy")
"""What children import of ours."""
TRAVERSE: Final = 1
READ: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PathMode:
    """One file or folder as the file system shows it, and what the account needs of it."""

    path: Path
    uid: int
    gid: int
    mode: int
    needs: int
    """TRAVERSE | READ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The answer: run from the clone or from `stage`, and the default data folder."""

    clone: Path
    stage: Path | None
    """None: the account can run from the clone itself."""
    data: Path
    blocked_by: Path | None
    """What keeps the account out of the clone, for the person who wonders."""

    @property
    def code(self) -> Path:
        """Return the folder that holds our packages."""
        return self.clone if self.stage is None else self.stage / "code"


def first_blocked(entries: Iterable[PathMode], account: Account) -> Path | None:
    """Return the first path that gives the account less than it needs, or None."""
    for entry in entries:
        if entry.uid == account.uid:
            given = entry.mode >> 6
        elif entry.gid == account.gid:
            given = entry.mode >> 3
        else:
            given = entry.mode
        if entry.needs & ~given & 0o7:
            return entry.path
    return None


def decide(
    clone: Path, account: Account, *, way: Iterable[PathMode], code: Iterable[PathMode]
) -> Placement:
    """Place code and default data.

    Args:
        clone: the folder of the clone, absolute.
        account: who must be able to run from there.
        way: the clone and every folder above it, needing TRAVERSE.
        code: the files and folders that children read, needing READ.
    """
    state = STATE_ROOT / hashlib.sha256(os.fsencode(clone)).hexdigest()[:12]
    blocked = first_blocked(way, account)
    data = clone / "data" if blocked is None else state / "data"
    blocked = blocked or first_blocked(code, account)
    return Placement(
        clone=clone, stage=None if blocked is None else state, data=data, blocked_by=blocked
    )


def place(clone: Path, account: Account) -> Placement:
    """Look at the clone and decide."""
    return decide(clone, account, way=way_to(clone), code=code_of(clone))


def way_to(folder: Path) -> Iterator[PathMode]:
    """Yield the folder and all above it, outermost first; what does not exist is left out."""
    for path in (*reversed(folder.parents), folder):
        if path.exists():
            yield look(path, TRAVERSE)


def code_of(clone: Path) -> Iterator[PathMode]:
    """Yield what children read: our packages whole, of the environment its folders."""
    site = site_packages(clone)
    for folder in (clone / ".venv", *reversed(site.parents), site):
        if folder.is_relative_to(clone / ".venv") and folder.exists():
            yield look(folder, TRAVERSE | READ)
    yield from (look(path, READ) for path in (clone / ".venv" / "pyvenv.cfg",) if path.exists())
    for package in PACKAGES:
        for name, _, files in os.walk(clone / package):
            found = Path(name)
            yield look(found, TRAVERSE | READ)
            yield from (look(found / file, READ) for file in files if not file.endswith(".pyc"))


def look(path: Path, needs: int) -> PathMode:
    """Read one entry's owner and mode."""
    found = path.stat()
    return PathMode(
        path=path, uid=found.st_uid, gid=found.st_gid, mode=stat.S_IMODE(found.st_mode), needs=needs
    )


def site_packages(clone: Path) -> Path:
    """Return the folder of the third-party packages in the clone's environment."""
    found = sorted((clone / ".venv" / "lib").glob("python3.*/site-packages"))
    return found[-1] if found else clone / ".venv" / "lib" / "python3" / "site-packages"


def default_data(clone: Path) -> Path:
    """Return the data folder of `kapok up` without --data."""
    return place(clone, children_account()).data
