"""Acting as a folder's owner: what root may do meanwhile, and the files that a person names."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from deploy.local import account

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
OWNER: Final = 65_534


@pytest.fixture
def way() -> Iterator[Path]:
    """Return a folder of root's with a secret file, and in it the owner's folder `data`."""
    with tempfile.TemporaryDirectory(prefix="kapok-a-") as name:
        way = Path(name)
        way.chmod(0o755)
        (way / "secret").write_bytes(b"4711")
        (way / "secret").chmod(0o600)
        (way / "data").mkdir()
        (way / "data" / "link").symlink_to(way / "secret")
        (way / "data" / "away").symlink_to(way)
        for path in (way / "data", way / "data" / "link", way / "data" / "away"):
            os.chown(path, OWNER, OWNER, follow_symlinks=False)
        yield way


def test_root_signals_none_but_the_owners_processes(way: Path) -> None:
    """A process id in the folder is the owner's word: it must not end another's process."""
    with subprocess.Popen(["sleep", "600"]) as other:
        with account.acting_as_owner(way / "data"), pytest.raises(PermissionError):
            os.kill(other.pid, signal.SIGTERM)
        assert other.poll() is None
        other.kill()


def test_a_file_that_a_person_names_is_opened_as_the_person(way: Path) -> None:
    """Read and made as root, and belonging to root; then the owner acts again."""
    with account.acting_as_owner(way / "data"):
        with account.open_named(way / "secret") as file:
            assert file.read() == b"4711"
        with account.open_named(way / "new", "xb"):
            assert (way / "new").stat().st_uid == 0
        assert (os.getuid(), os.geteuid()) == (OWNER, OWNER)
    assert (os.getuid(), os.geteuid(), os.getegid()) == (0, 0, 0)


@pytest.mark.parametrize(
    "name", ["data/link", "data/away/secret", "by", "data/../data/link", "in/../link"]
)
def test_a_name_that_the_owner_has_a_say_in_is_opened_as_the_owner(way: Path, name: str) -> None:
    """In the folder, through a link of the owner's, or by a link of root's that leads there."""
    (way / "by").symlink_to(way / "data" / "link")
    (way / "data" / "deep").mkdir()
    (way / "in").symlink_to(way / "data" / "deep")
    with account.acting_as_owner(way / "data"):
        with pytest.raises(PermissionError):
            account.open_named(way / name)
        with account.as_caller(way / "secret"), pytest.raises(PermissionError):
            account.open_named(way / name)


def test_another_thread_does_not_become_the_person(way: Path) -> None:
    """While one opens a file that a person named, the others reach files as the owner."""
    with account.acting_as_owner(way / "data"), ThreadPoolExecutor(1) as other:
        other.submit(int).result()
        with account.as_caller(way / "secret"), pytest.raises(PermissionError):
            other.submit((way / "secret").read_bytes).result()


def test_code_is_read_as_root(way: Path) -> None:
    """Modules lie where the owner cannot go: imports go on working."""
    package = way / "closed"
    package.mkdir(mode=0o700)
    (package / "kapok_closed_module.py").write_text("VALUE = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(package))
        with account.acting_as_owner(way / "data"):
            import kapok_closed_module  # noqa: PLC0415
        assert kapok_closed_module.VALUE == 1
