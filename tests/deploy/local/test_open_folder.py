import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.account import Account
from deploy.local.composition import HOUSE, REPLACEABLE
from deploy.local.data import FOLDERS, SCHEMA, Seed, prepare_folder
from deploy.local.errors import UsageError
from deploy.local.open_folder import opened
from tests.support.old_folders import MADE_FIRST


@pytest.fixture
def way(tmp_path: Path) -> Path:
    """Make a folder."""
    return tmp_path


def seed(name: str, calls: list[str]) -> Seed:
    """Note when a seed is asked to make something."""
    return Seed(name=name, make=lambda _: calls.append(name))


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
        "import sys; from pathlib import Path; from deploy.local.open_folder import opened\n"
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


def test_what_a_first_start_makes_belongs_to_its_schema(way: Path) -> None:
    """One file more needs a new schema and a migration that makes it where a house is already."""
    for name in FOLDERS:
        (way / name).mkdir(parents=True)
    for each in REPLACEABLE:
        each.make(way)
    replaced = files(way)
    for each in HOUSE.first_start:
        each.make(way)
    assert files(way) - replaced == MADE_FIRST[SCHEMA]


def files(folder: Path) -> set[str]:
    """Return the files of a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
