"""Configuration of a start: settings of our processes, and the files of Redis and the broker.

Written before the children start, since ports differ from start to start. Where root starts the
house, root's part writes it (`keeper`) and it is root's; else it lies in the data folder.
"""

import shutil
from pathlib import Path

from deploy.local import keeper
from deploy.local.data import FOLDER_MODE, write_file
from deploy.local.house import CREDENTIALS, House

_NOTE = "configuration"
"""Below `run`: where the configuration of this start lies."""


def begin(house: House) -> None:
    """Remove what an earlier start left, and note where this one's lies."""
    for path in house.run.iterdir():
        if path.is_symlink():
            path.unlink()
        elif path.is_dir():
            shutil.rmtree(path)
    (house.run / CREDENTIALS).mkdir(mode=FOLDER_MODE)
    folder = house.run if house.keeper is None else Path(house.keeper.folder)
    write_file(house.run / _NOTE, f"{folder}\n".encode())


def end(house: House) -> None:
    """Remove the copies of keys that children were handed."""
    shutil.rmtree(house.run / CREDENTIALS, ignore_errors=True)


def write(house: House, path: Path, content: bytes) -> None:
    """Write a file of a child's configuration.

    Raises:
        LocalError: root's part did not write it.
    """
    if house.keeper is not None:
        keeper.ask(house.keeper.line, path.relative_to(house.keeper.folder), content)
        return
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    write_file(path, content)


def folder_of(data: Path) -> Path:
    """Return where configuration lies, as the last start noted it.

    Raises:
        FileNotFoundError: no start did.
    """
    return Path((data / "run" / _NOTE).read_text(encoding="utf-8").rstrip("\n"))


def settings_file(data: Path, child: str) -> Path:
    """Return where a child's settings lie.

    Raises:
        FileNotFoundError: no start wrote them.
    """
    return folder_of(data) / child / "settings.json"
