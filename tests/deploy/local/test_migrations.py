import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.data import SCHEMA
from deploy.local.errors import UsageError
from deploy.local.migrations import (
    MIGRATIONS,
    Unmigrated,
    kept_in,
)
from deploy.local.open_folder import opened
from deploy.local.schema_3 import PARTS
from tests.support import old_folders, planted_migrations
from tests.support.command_line import kapok
from tests.support.planted_migrations import made, run

NEW = {
    "a.toml": b"ONE",
    "deep/b.toml": b"made of one",
    "keys/stays.pem": b"kept",
    "logs/all/log.ndjson": b"large",
}
NEXT = NEW | {"a.toml": b"ONE and two"}


def content(folder: Path) -> dict[str, bytes]:
    """Return what is in force: all files but SCHEMA and what migrations have kept."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "migrated-from-" not in str(path) and path.name != "SCHEMA"
    }


def state(folder: Path) -> dict[str, bytes]:
    """Return every file."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_each_schema_on_the_way_is_made_and_told(tmp_path: Path) -> None:
    """The old state is kept, secrets stay the owner's, and one line says what was done."""
    folder = made(tmp_path)
    told = run(folder)
    assert content(folder) == NEXT
    assert (folder / "SCHEMA").read_text() == "4\n"
    assert [line.split(": ")[1].split(";")[0] for line in told] == [
        "the first was done",
        "the second was done",
    ]
    kept = kept_in(folder, 2)
    assert str(kept) in told[0]
    assert (kept / "old" / "a.toml").read_bytes() == b"one"
    assert (kept / "old" / "keys" / "gone.pem").read_bytes() == b"secret"
    assert not (kept / "old" / "keys" / "stays.pem").exists()
    assert not (kept / "new").exists()
    assert (kept / "old" / "keys" / "gone.pem").stat().st_mode & 0o777 == 0o600
    assert (kept.stat().st_mode & 0o777, (folder / "deep").stat().st_mode & 0o777) == (0o700,) * 2


def test_a_migrated_folder_is_left_alone(tmp_path: Path) -> None:
    """The second run finds nothing to do."""
    folder = made(tmp_path)
    run(folder)
    before = state(folder)
    assert run(folder, found=4) == []
    assert state(folder) == before


@pytest.mark.parametrize("again", [(), ("3",)])
def test_what_was_killed_is_finished_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: tuple[str, ...]
) -> None:
    """Killed before any call that changes the disk, or twice: it ends as if it had not been."""
    script = [sys.executable, planted_migrations.__file__, str(tmp_path), *again]
    root = Path(__file__).parents[3]
    subprocess.run(script, env={"PYTHONPATH": str(root)}, check=True)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # no power is lost here
    folders = list(tmp_path.iterdir())
    assert len(folders) > 40
    for folder in folders:
        run(folder, int((folder / "SCHEMA").read_text()))
        assert content(folder) == NEXT, folder
        assert (kept_in(folder, 2) / "old" / "a.toml").read_bytes() == b"one"
        assert (kept_in(folder, 3) / "old" / "a.toml").read_bytes() == b"ONE"
        assert not list(folder.rglob("new"))
        assert not list(folder.rglob("*.draft"))


def test_who_went_back_is_migrated_again(tmp_path: Path) -> None:
    """Somebody restored the old files: they are kept once more, and the first copy stays."""
    folder = made(tmp_path)
    run(folder, schema=3)
    made(folder)
    (folder / "a.toml").write_text("three")
    run(folder, schema=3)
    assert (folder / "a.toml").read_bytes() == b"THREE"
    assert (kept_in(folder, 2) / "old" / "a.toml").read_bytes() == b"three"
    assert (folder / "migrated-from-2.1" / "old" / "a.toml").read_bytes() == b"one"


def test_a_schema_that_cannot_be_migrated_names_the_command(tmp_path: Path) -> None:
    """Nothing is changed, also not by the migrations before or behind it."""
    folder = made(tmp_path, schema=1)
    before = state(folder)
    with pytest.raises(UsageError, match=f"it is lost.*`kapok data export FILE --data {folder}`"):
        run(folder, found=1)
    assert state(folder) == before


def test_a_migration_that_fails_has_changed_nothing(tmp_path: Path) -> None:
    """A file that it cannot read: the sentence is the migration's, and the folder is as it was."""
    folder = made(tmp_path)
    (folder / "a.toml").unlink()
    before = state(folder)
    with pytest.raises(FileNotFoundError):
        run(folder)
    assert state(folder) == before


def test_every_schema_leads_to_ours() -> None:
    """From the first one on; an older folder is migrated or refused, and never forgotten."""
    assert set(MIGRATIONS) == set(range(1, SCHEMA))
    assert set(old_folders.MADE_FIRST) >= {SCHEMA}
    for version in MIGRATIONS:
        assert hasattr(old_folders, f"schema_{version}")


def test_export_commands_exist() -> None:
    """What a refusal names can be called."""
    for step in MIGRATIONS.values():
        if isinstance(step, Unmigrated):
            words = step.export.split()
            assert kapok(*words[1:3], "--help").code == 0


def test_a_folder_of_schema_1_is_refused_and_can_be_exported(tmp_path: Path) -> None:
    """A start changes nothing in it, and the command that it names works on it."""
    folder = old_folders.schema_1(tmp_path / "data")
    before = state(folder) | {str(folder / "lock"): b""}
    with pytest.raises(UsageError) as refused, opened(folder, [], []):
        pass
    assert state(folder) | {str(folder / "lock"): b""} == before
    command = str(refused.value).split("`")[1]
    assert command == f"kapok data export FILE --data {folder}"
    output = tmp_path / "out.ndjson"
    words = command.replace("FILE", str(output)).split()
    ran = kapok(*words[1:])
    assert ran.code == 0, ran.err
    assert b'"v:plane:1:health"' in output.read_bytes()
    assert state(folder) | {str(folder / "lock"): b""} == before


def test_a_folder_of_schema_2_is_migrated(tmp_path: Path) -> None:
    """All of its files are there afterwards, and what was rewritten is kept."""
    folder = old_folders.schema_2(tmp_path / "data")
    before = content(folder)
    told: list[str] = []
    with opened(folder, [], [], tell=told.append):
        pass
    assert (folder / "SCHEMA").read_text() == f"{SCHEMA}\n"
    assert len(told) == 1
    after = content(folder)
    kept = kept_in(folder, 2) / "old"
    for name in before.keys() - {"lock"}:
        old = kept / name
        assert before[name] in (after.get(name), old.read_bytes() if old.exists() else None)


def test_no_two_parts_write_the_same_file(tmp_path: Path) -> None:
    """The order of the parts says nothing."""
    folder = old_folders.schema_2(tmp_path / "data")
    written = [name for part in PARTS for name in part(folder)]
    assert len(written) == len(set(written))


def test_a_folder_of_this_schema_is_opened_as_it_is(tmp_path: Path) -> None:
    """Nothing is told, and nothing that was there is written."""
    folder = made(tmp_path, schema=SCHEMA)
    before = state(folder)
    told: list[str] = []
    with opened(folder, [], [], tell=told.append) as new:
        assert not new
    assert told == []
    assert {path: state(folder)[path] for path in before} == before


def test_a_start_migrates_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`opened` hands the folder on, with whom to tell, before any seed sees it."""
    seen: list[int] = []

    def instead(folder: Path, found: int, _: object) -> None:
        assert (folder / "lock").exists()
        assert not (folder / "keys" / "api").exists()
        seen.append(found)

    monkeypatch.setattr("deploy.local.open_folder.migrate", instead)
    with opened(made(tmp_path), [], []):
        pass
    assert seen == [2]
