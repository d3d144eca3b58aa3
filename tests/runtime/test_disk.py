"""Files that are on disk when the call returns: whole, for their owner alone, names and all."""

import os
import stat
from pathlib import Path

import pytest

from runtime.disk import FILE_MODE, sync_folder, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """For its owner alone, and nothing is left beside it."""
    path = tmp_path / "head"
    for data in (b"first", b"2"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert stat.S_IMODE(path.stat().st_mode) == FILE_MODE
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_are_forced_before_the_name_and_the_name_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's bytes while the old name stands, then the folder."""
    forced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        forced.append((name, (tmp_path / "head").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_whole(tmp_path / "head", b"a")
    assert forced == [(".head.new", False), (tmp_path.name, True)]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder in the way, and a folder that is not there."""
    path = tmp_path / "head"
    write_whole(path, b"a")
    (tmp_path / ".head.new").mkdir()
    with pytest.raises(OSError, match=r".*"):
        write_whole(path, b"b")
    assert path.read_bytes() == b"a"
    with pytest.raises(OSError, match=r".*"):
        sync_folder(tmp_path / "none")
