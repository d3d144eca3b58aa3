"""Migrations of a data folder: what makes schema n + 1 out of schema n, and what cannot be made.

A migration says which files it writes and removes; it changes none itself. Those files, and what
they replace, are first written into a folder beside them. That folder gets its name only when it
is whole. From then on the migration is decided: a start that was killed is finished by the next
one. SCHEMA is written last, and what was replaced stays in the folder.

A migration changes files that people and `kapok up` write. The store's keys are the services':
a change of those belongs to the process that writes them.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from deploy.local import schema_3
from deploy.local.data import FOLDER_MODE, SCHEMA, SCHEMA_FILE, write_file
from deploy.local.errors import UsageError
from deploy.local.folder_changes import Changes, Moved
from deploy.words.phrase import Phrase

_KEPT: Final = "migrated-from-"
_OLD, _NEW, _LIST = "old", "new", "changes.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """How the next schema is made: `changes` reads the folder and writes nothing."""

    done: str
    """What it did, for the operator: one sentence without its full stop."""
    changes: Callable[[Path], Changes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmigrated:
    """A schema that no other is made of."""

    why: str
    export: str
    """The command that takes out what the folder holds; {folder} is its path."""


MIGRATIONS: Final[Mapping[int, Migration | Unmigrated]] = {
    1: Unmigrated(
        why="it knows nobody by reference, and its store has other keys",
        export="kapok data export FILE --data {folder}",
    ),
    2: Migration(
        done="profiles, floors, audit logs, registry and users have the form of this version",
        changes=schema_3.changes,
    ),
}
"""Schema -> how the next one is made. A new schema is a line here, its files in
tests/support/old_folders.py, and a row in docs/runbook.md."""


class _Decided(msgspec.Struct, frozen=True, kw_only=True):
    written: list[str]
    removed: list[str]
    moved: dict[str, str] = {}
    """New path to old path."""


def migrate(
    folder: Path,
    found: int,
    tell: Callable[[str], None],
    *,
    table: Mapping[int, Migration | Unmigrated] = MIGRATIONS,
    schema: int = SCHEMA,
) -> None:
    """Bring a folder from the schema that was found in it to ours; the caller holds its lock.

    Args:
        folder: the data folder; we run as its owner.
        found: the number in its SCHEMA, at most `schema`.
        tell: is given one line for each migration.
        table: the migrations.
        schema: the schema to arrive at.

    Raises:
        UsageError: a schema on the way cannot be migrated; nothing was changed.
    """
    steps: list[tuple[int, Migration]] = []
    for version in range(found, schema):
        step = table[version]
        if isinstance(step, Unmigrated):
            raise UsageError(
                f"data folder {folder}: schema {version} cannot be migrated to {schema}:"
                f" {step.why}. Nothing in it was changed. Export what it holds with"
                f" `{step.export.format(folder=folder)}` and start a new house with another --data"
            )
        steps.append((version, step))
    for version, step in steps:
        kept = _carry_out(folder, version, step)
        tell(
            Phrase(
                "data folder migrated from schema {version} to {next}: {done};"
                " what it replaced is in {kept}",
                version=version,
                next=version + 1,
                done=Phrase(step.done),
                kept=kept,
            )
        )
    _forget_drafts(folder)


def kept_in(folder: Path, version: int) -> Path:
    """Return the folder in which a migration keeps what it replaced."""
    return folder / f"{_KEPT}{version}"


def _carry_out(folder: Path, version: int, step: Migration) -> Path:
    kept = kept_in(folder, version)
    if kept.exists() and not (kept / _NEW).exists():
        _move_aside(kept)  # somebody went back to the old schema since
    if not kept.exists():
        _decide(folder, kept, step.changes(folder))
    decided = msgspec.json.decode((kept / _LIST).read_bytes(), type=_Decided)
    for name in decided.written:
        _write(folder, name, (kept / _NEW / name).read_bytes())
    for name, old in decided.moved.items():
        _move(folder, old, name)
    for name in decided.removed:
        (folder / name).unlink(missing_ok=True)
        if (folder / name).parent.exists():
            _sync((folder / name).parent)
    _write(folder, SCHEMA_FILE, f"{version + 1}\n".encode())
    shutil.rmtree(kept / _NEW)
    return kept


def _decide(folder: Path, kept: Path, changes: Changes) -> None:
    """Write what will be, and what it replaces; whole or not at all."""
    draft = kept.with_name(f".{kept.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for part in (draft, draft / _OLD, draft / _NEW):
        part.mkdir(mode=FOLDER_MODE)
    for name, content in changes.items():
        if (folder / name).exists():
            _write(draft / _OLD, name, (folder / name).read_bytes())
        if isinstance(content, bytes):
            _write(draft / _NEW, name, content)
    decided = _Decided(
        written=[name for name, content in changes.items() if isinstance(content, bytes)],
        removed=[name for name, content in changes.items() if content is None],
        moved={name: it.old for name, it in changes.items() if isinstance(it, Moved)},
    )
    _write(draft, _LIST, msgspec.json.encode(decided))
    draft.rename(kept)
    _sync(folder)


def _write(folder: Path, name: str, content: bytes) -> None:
    path = folder / name
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    write_file(path, content)
    for parent in path.parents:
        _sync(parent)
        if parent == folder:
            break


def _move(folder: Path, old: str, name: str) -> None:
    """Move a file, if a start that was killed has not done so already."""
    path = folder / name
    if (folder / old).exists():
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        (folder / old).replace(path)
    for parent in {*path.parents, (folder / old).parent}:
        if parent.is_relative_to(folder) and parent.exists():
            _sync(parent)


def _move_aside(kept: Path) -> None:
    number = 1
    while (aside := kept.with_name(f"{kept.name}.{number}")).exists():
        number += 1
    kept.rename(aside)


def _forget_drafts(folder: Path) -> None:
    """Remove what a kill between the last write and its end has left: copies of files in force."""
    for left in folder.glob(f"{_KEPT}*/{_NEW}"):
        shutil.rmtree(left)


def _sync(folder: Path) -> None:
    """Let the names in a folder survive a power loss before anything that counts on them."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
