import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.account import Account, children_account
from deploy.local.data import FOLDERS, SCHEMA, Seed, opened, prepare_folder, write_file
from deploy.local.errors import UsageError


@pytest.fixture
def way() -> Iterator[Path]:
    """Make a folder that every account can enter."""
    with tempfile.TemporaryDirectory(prefix="kapok-d-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def seed(name: str, calls: list[str]) -> Seed:
    """Note when a seed is asked to make something."""
    return Seed(name=name, make=lambda _: calls.append(name))


def test_a_new_folder_belongs_to_the_account_alone(way: Path) -> None:
    """Owner and mode are right, whatever the umask; parents are made."""
    account = children_account()
    folder = way / "a b" / "data"
    prepare_folder(folder, account)
    found = folder.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (account.uid, 0o700)


def test_a_first_start_seeds_once_and_later_ones_find_it(way: Path) -> None:
    """Seeds of the first start run once, those of every start each time."""
    calls: list[str] = []
    first, every = [seed("first", calls)], [seed("every", calls)]
    with opened(way, first, every) as new:
        assert new
        assert all((way / name).is_dir() for name in FOLDERS)
    with opened(way, first, every) as new:
        assert not new
    assert calls == ["first", "every", "every"]
    assert (way / "SCHEMA").read_text() == f"{SCHEMA}\n"


def test_an_interrupted_first_start_begins_again(way: Path) -> None:
    """Without SCHEMA, which is written last, the folder is still new."""

    def fail(_: Path) -> None:
        raise OSError("disk full")

    with (
        pytest.raises(OSError, match="disk full"),
        opened(way, [Seed(name="bad", make=fail)], []),
    ):
        pass
    prepare_folder(way, owner_of(way))
    calls: list[str] = []
    with opened(way, [seed("first", calls)], []) as new:
        assert new
    assert calls == ["first"]


def owner_of(folder: Path) -> Account:
    """Return the account that owns a folder, so that the check of the owner is not in the way."""
    found = folder.stat()
    return Account(name="owner", uid=found.st_uid, gid=found.st_gid)


@pytest.mark.parametrize("schema", ["1", str(SCHEMA + 1), "999999", "", "one", "-1", "0"])
def test_a_folder_of_another_schema_is_refused(way: Path, schema: str) -> None:
    """An older or a newer kapok's folder is left alone, and one that says nothing sensible."""
    (way / "SCHEMA").write_text(schema)
    with pytest.raises(UsageError), opened(way, [], [Seed(name="any", make=_spoil)]):
        pass
    assert {item.name for item in way.iterdir()} == {"SCHEMA", "lock"}
    assert (way / "SCHEMA").read_text() == schema


def _spoil(folder: Path) -> None:
    (folder / "spoiled").touch()


def test_a_second_up_is_refused_with_the_pid_of_the_first(way: Path) -> None:
    """The lock is another process's; the sentence names it."""
    script = (
        "import sys; from pathlib import Path; from deploy.local.data import opened\n"
        "with opened(Path(sys.argv[1]), [], []): print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(way)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=str(other.pid)), opened(way, [], []):
            pass
        other.kill()
        other.wait(10)
        with opened(way, [], []) as new:
            assert not new  # killed, not lost: the lock went with it, the data did not


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
