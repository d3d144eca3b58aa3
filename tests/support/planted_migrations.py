"""A table of migrations for tests, and a process that is killed in the middle of it.

`python planted_migrations.py FOLDER [FORKED]` makes FOLDER/<n>, the folder of the schema before,
for each n from 0, and migrates it in a process that kills itself before the call number n that
changes the disk. It ends with the first one that was not killed. FORKED: then once more, killed
after so many calls.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from deploy.local import migrations
from deploy.local.folder_changes import Changes, Moved
from deploy.local.migrations import Migration, Unmigrated, migrate

OLD: Final = {
    "a.toml": b"one",
    "keys/gone.pem": b"secret",
    "keys/stays.pem": b"kept",
    "log.ndjson": b"large",
}
DISK: Final = (
    (migrations, "write_file"),
    *((os, name) for name in ("fsync", "rename", "replace", "unlink", "mkdir", "rmdir")),
)
"""What changes the disk."""


def first(folder: Path) -> Changes:
    """Change a file, make one in a new folder, remove one, move one."""
    text = (folder / "a.toml").read_bytes()
    return {
        "a.toml": text.upper(),
        "deep/b.toml": b"made of " + text,
        "keys/gone.pem": None,
        "logs/all/log.ndjson": Moved("log.ndjson"),
    }


def second(folder: Path) -> Changes:
    """Change a file that the first has changed: twice would show."""
    return {"a.toml": (folder / "a.toml").read_bytes() + b" and two"}


PLANTED: Final[Mapping[int, Migration | Unmigrated]] = {
    1: Unmigrated(why="it is lost", export="kapok data export FILE --data {folder}"),
    2: Migration(done="the first was done", changes=first),
    3: Migration(done="the second was done", changes=second),
}


def made(folder: Path, schema: int = 2) -> Path:
    """Write the folder of the schema before."""
    for name, content in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "SCHEMA").write_text(f"{schema}\n")
    return folder


def run(folder: Path, found: int = 2, schema: int = 4) -> list[str]:
    """Migrate by the planted table; return what was told."""
    told: list[str] = []
    migrate(folder, found, told.append, table=PLANTED, schema=schema)
    return told


def killed(folder: Path, steps: int) -> bool:
    """Migrate in a process that kills itself at a step; return whether it came so far."""
    process = os.fork()
    if process == 0:
        try:
            _kill_at(steps)
            run(folder, int((folder / "SCHEMA").read_text()))
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    ended = os.waitstatus_to_exitcode(status)
    if ended not in (0, -signal.SIGKILL):
        raise RuntimeError(f"{folder}: the migration failed")
    return ended != 0


def _kill_at(steps: int) -> None:
    left = itertools.count(steps, -1)

    def counted(call: Callable[..., object]) -> Callable[..., object]:
        def instead(*arguments: object, **options: object) -> object:
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **options)

        return instead

    os.fsync = lambda _: None  # no power is lost here
    for module, name in DISK:
        setattr(module, name, counted(getattr(module, name)))


def main() -> None:
    """Make and kill, until one is not killed."""
    for steps in itertools.count():
        folder = made(Path(sys.argv[1]) / str(steps))
        if not killed(folder, steps):
            break
        if sys.argv[2:]:
            killed(folder, int(sys.argv[2]))


if __name__ == "__main__":
    main()
