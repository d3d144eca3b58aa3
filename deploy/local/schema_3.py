"""What schema 3 is made of in a folder of schema 2: one part for each matter.

A part reads the folder and says which files it writes and removes; it changes none itself. No two
parts write the same file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.local.folder_changes import Change, Changes, Moved
from deploy.local.profile_formats import profile_formats

Part = Callable[[Path], Changes]
"""Takes the data folder; returns what it changes."""


def audit_folders(folder: Path) -> Changes:
    """Give each process's audit log a folder of its own, where no other process writes."""
    found: dict[str, Change] = {}
    for path in sorted((folder / "audit").glob("*")):
        if path.is_file() and not path.is_symlink():
            process = path.name.partition(".")[0]
            found[f"audit/{process}/{path.name}"] = Moved(f"audit/{path.name}")
    return found


def floors(folder: Path) -> Changes:
    """Take the floors out of trust/, which no process of the house writes to."""
    old = folder / "trust" / "floors.json"
    if not old.is_file():
        return {}
    return {"trust/floors.json": None, "floors/floors.json": old.read_bytes()}


def users_by_role(_: Path) -> Changes:
    """Remove the passwords of users that Redis has no more; each role's is made at the start."""
    return {f"keys/redis/{name}.key": None for name in ("verifier", "admin")}


def registry(folder: Path) -> Changes:
    """Give what the fleet reads a folder: the kernel's rules name no files."""
    found: dict[str, Change] = {}
    for name in ("places.toml", "operators.toml"):
        if (folder / name).is_file():
            found |= {name: None, f"registry/{name}": (folder / name).read_bytes()}
    return found


PARTS: Final[tuple[Part, ...]] = (
    *(audit_folders, floors, users_by_role, profile_formats, registry),
)


def changes(folder: Path) -> Changes:
    """Return what all parts change."""
    found: dict[str, Change] = {}
    for part in PARTS:
        found.update(part(folder))
    return found
