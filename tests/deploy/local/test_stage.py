import os
import stat
from pathlib import Path

import pytest

from deploy.local import stage
from deploy.local.stage import mirror


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Make a small tree."""
    folder = tmp_path / "source"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1")
    (folder / "inner" / "b.py").write_text("b = 1")
    for path in folder.rglob("*.py"):
        path.chmod(0o644)
    return folder


def test_files_are_hard_links(source: Path, tmp_path: Path) -> None:
    """What the account may read costs no second copy."""
    mirror(source, tmp_path / "target")
    assert (tmp_path / "target" / "inner" / "b.py").samefile(source / "inner" / "b.py")


def test_a_private_file_is_copied_readable(source: Path, tmp_path: Path) -> None:
    """The clone's file keeps its mode; the staged one can be read."""
    (source / "a.py").chmod(0o600)
    mirror(source, tmp_path / "target")
    staged = tmp_path / "target" / "a.py"
    assert not staged.samefile(source / "a.py")
    assert stat.S_IMODE(staged.stat().st_mode) == 0o644
    assert stat.S_IMODE((source / "a.py").stat().st_mode) == 0o600


@pytest.mark.parametrize("links", [True, False])
def test_what_changed_is_refreshed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    """Replaced, new and vanished files arrive, with hard links and without."""
    if not links:
        monkeypatch.setattr(stage, "_link", lambda *_: False)
    target = tmp_path / "target"
    mirror(source, target)
    before = (target / "inner" / "b.py").stat()
    (source / "new.py").write_text("a = 2")
    (source / "new.py").replace(source / "a.py")  # as editors and git write
    (source / "c.py").write_text("c = 1")
    mirror(source, target)
    assert (target / "a.py").read_text() == "a = 2"
    assert (target / "c.py").read_text() == "c = 1"
    after = (target / "inner" / "b.py").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    (source / "a.py").unlink()
    (source / "inner" / "b.py").unlink()
    (source / "inner").rmdir()
    mirror(source, target)
    assert [path.name for path in target.iterdir()] == ["c.py"]


def test_a_file_that_became_a_folder_is_replaced(source: Path, tmp_path: Path) -> None:
    """And the other way round."""
    target = tmp_path / "target"
    (target / "a.py").mkdir(parents=True)
    (target / "inner").write_text("")
    mirror(source, target)
    assert (target / "a.py").is_file()
    assert (target / "inner" / "b.py").is_file()


def test_no_symbolic_link_is_followed(source: Path, tmp_path: Path) -> None:
    """Neither one in the clone nor one at the target, for this runs as root."""
    secret = tmp_path / "secret"
    secret.write_text("root's")
    (source / "link.py").symlink_to(secret)
    target = tmp_path / "target"
    target.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (target / "inner").symlink_to(elsewhere)
    mirror(source, target)
    assert not (target / "link.py").exists()
    assert not any(elsewhere.iterdir())
    assert os.stat(target / "inner", follow_symlinks=False).st_mode & stat.S_IFDIR  # noqa: PTH116
