"""Copies code and packages to where the children's account can read them.

Hard links where the file system allows and the account could read the file, else copies; refreshed
when they differ. Done as root, so nothing here follows a symbolic link and nothing here is writable
by the account.
"""

import compileall
import fcntl
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.local.placement import PACKAGES, Placement, site_packages

FOLDER_MODE: Final = 0o755
FILE_MODE: Final = 0o644
_READABLE_BY_ALL: Final = 0o444
_MARKER: Final = "kapok-lock"


def stage(placement: Placement) -> None:
    """Bring the staged code up to date; a no-op where the clone itself is used."""
    if placement.stage is None:
        return
    placement.stage.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    for folder in (placement.stage.parent, placement.stage):
        folder.chmod(FOLDER_MODE)  # whatever the umask said
    with (placement.stage / "stage.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two starts from one clone
        for package in PACKAGES:
            mirror(placement.clone / package, placement.code / package, keep=_not_bytecode)
        _stage_site_packages(placement.clone, placement.stage)


def mirror(source: Path, target: Path, *, keep: Callable[[str], bool] = lambda _: True) -> None:
    """Make `target` hold what `source` holds of the names to keep, touching only what differs."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        target.unlink()
    target.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    target.chmod(FOLDER_MODE)
    wanted: set[str] = set()
    if source.is_dir():
        for item in sorted(os.scandir(source), key=lambda found: found.name):
            if not keep(item.name):
                continue
            if item.is_dir(follow_symlinks=False):
                wanted.add(item.name)
                mirror(Path(item.path), target / item.name, keep=keep)
            elif item.is_file(follow_symlinks=False):
                wanted.add(item.name)
                _refresh(Path(item.path), target / item.name)
    for there in sorted(target.iterdir()):
        if there.name not in wanted and keep(there.name):
            _remove(there)


def compile_code(code: Path) -> None:
    """Compile our packages, where the caller may write: children write nothing beside the code."""
    for package in PACKAGES:
        compileall.compile_dir(code / package, quiet=2)


def _not_bytecode(name: str) -> bool:
    return name != "__pycache__"


def _stage_site_packages(clone: Path, stage_folder: Path) -> None:
    marker = clone / ".venv" / _MARKER
    staged_marker = stage_folder / _MARKER
    wanted = marker.read_bytes() if marker.exists() else b""
    if wanted and staged_marker.exists() and staged_marker.read_bytes() == wanted:
        return  # thousands of files that only ever change together with the marker
    staged_marker.unlink(missing_ok=True)
    mirror(site_packages(clone), stage_folder / "site-packages")
    staged_marker.write_bytes(wanted)


def _refresh(source: Path, target: Path) -> None:
    have = source.stat(follow_symlinks=False)
    try:
        there = target.stat(follow_symlinks=False)
    except FileNotFoundError:
        there = None
    if there is not None and _same(have, there):
        return
    beside = target.with_name(f".{target.name}.new")
    _remove(beside)
    if have.st_mode & _READABLE_BY_ALL == _READABLE_BY_ALL and _link(source, beside):
        pass
    else:
        shutil.copy2(source, beside, follow_symlinks=False)
        beside.chmod(FILE_MODE)
    if there is not None and stat.S_ISDIR(there.st_mode):
        _remove(target)
    beside.replace(target)


def _same(have: os.stat_result, there: os.stat_result) -> bool:
    if (have.st_dev, have.st_ino) == (there.st_dev, there.st_ino):
        return bool(there.st_mode & _READABLE_BY_ALL == _READABLE_BY_ALL)
    alike = (have.st_size, have.st_mtime_ns) == (there.st_size, there.st_mtime_ns)
    return alike and stat.S_ISREG(there.st_mode) and bool(there.st_mode & 0o004)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False  # another file system, or one without hard links
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
