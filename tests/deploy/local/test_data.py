import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.account import children_account
from deploy.local.data import SCHEMA, prepare_folder, write_file
from deploy.local.errors import UsageError


@pytest.fixture
def way() -> Iterator[Path]:
    """Make a folder that every account can enter."""
    with tempfile.TemporaryDirectory(prefix="kapok-d-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_new_folder_belongs_to_the_account_alone(way: Path) -> None:
    """Owner and mode are right, whatever the umask; parents are made."""
    account = children_account()
    folder = way / "a b" / "data"
    prepare_folder(folder, account)
    found = folder.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (account.uid, 0o700)


def test_a_folder_with_other_files_is_refused(way: Path) -> None:
    """Nobody's documents become a data folder, and they keep their owner."""
    (way / "thesis.txt").write_text("years of work")
    before = way.stat()
    with pytest.raises(UsageError):
        prepare_folder(way, children_account())
    assert (way.stat().st_uid, way.stat().st_mode) == (before.st_uid, before.st_mode)


def test_a_file_is_refused(way: Path) -> None:
    """--data names a file."""
    (way / "data").write_text("")
    with pytest.raises(UsageError):
        prepare_folder(way / "data", children_account())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's folder")
def test_a_folder_out_of_reach_names_what_is_in_the_way(way: Path) -> None:
    """The sentence names the folder that the account cannot enter."""
    closed = way / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(UsageError, match=f"{closed} .mode 700"):
        prepare_folder(closed / "data", children_account())
    assert not (closed / "data").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's folder")
def test_a_folder_of_another_user_is_refused(way: Path) -> None:
    """Data of another account is neither used nor given away."""
    (way / "SCHEMA").write_text(str(SCHEMA))
    os.chown(way, 12_345, 12_345)
    with pytest.raises(UsageError, match="12345"):
        prepare_folder(way, children_account())
    assert way.stat().st_uid == 12_345


def test_a_file_is_written_whole_with_its_mode(tmp_path: Path) -> None:
    """A secret is 0600 from its first moment, and an old one is replaced."""
    path = tmp_path / "key"
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["key"]
