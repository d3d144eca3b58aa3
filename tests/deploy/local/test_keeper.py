"""Root's part of a house: what it writes, what it refuses, and that it leaves nothing."""

import fcntl
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import keeper
from deploy.local.account import become, children_account
from deploy.local.errors import LocalError
from deploy.local.house import KeptConfiguration
from tests.support.house import wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root leaves a part")
NAME = Path("issuing/settings.json")


@pytest.fixture
def kept() -> Iterator[KeptConfiguration]:
    """Start one; its line may have ended when the test ends."""
    started = keeper.start(children_account())
    assert started is not None
    yield started
    try:
        os.close(started.line)
    except OSError:
        return


def as_the_account(act: str, path: Path) -> bool:
    """Try something as the account of the children; says whether it worked."""
    acts: dict[str, Callable[[], object]] = {
        "read": path.read_bytes,
        "write": lambda: path.write_bytes(b"mine"),
        "mode": lambda: path.chmod(0o666),
        "remove": path.unlink,
        "beside": lambda: (path.parent / "x.json").write_bytes(b"mine"),
        "instead": lambda: path.parent.rename(path.parent.with_name("gone")),
    }
    child = os.fork()
    if child == 0:
        code = 1
        try:
            become(children_account())
            acts[act]()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def test_the_account_reads_it_and_nothing_else(kept: KeptConfiguration) -> None:
    """Mode 0640 in folders of root's; written anew in place of the one before."""
    path = Path(kept.folder) / NAME
    for content in (b"{}", b"{ }"):
        keeper.ask(kept.line, NAME, content)
        assert path.read_bytes() == content
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (0, children_account().gid)
    assert stat.S_IMODE(found.st_mode) == 0o640
    acts = ("read", "write", "mode", "remove", "beside", "instead")
    assert [act for act in acts if as_the_account(act, path)] == ["read"]


def unlocked(folder: Path) -> bool:
    """Say whether no keeper has a folder any more."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(opened)
    return True


@pytest.mark.parametrize(
    "name", ["../x.json", "/etc/x.json", "x.json", "a/b/c.json", "a/x.py", "a/.json", "a/../x.json"]
)
def test_it_writes_nothing_outside_and_no_other_kind(kept: KeptConfiguration, name: str) -> None:
    """A name that is none ends it: whoever sends one is not `up`."""
    with pytest.raises(LocalError):
        keeper.ask(kept.line, Path(name), b"{}")
    assert list(Path(kept.folder).rglob("*")) == []


def test_nothing_is_left_when_the_line_ends(kept: KeptConfiguration) -> None:
    """However `up` ended; the empty folder goes with the next start."""
    keeper.ask(kept.line, NAME, b"{}")
    folder = Path(kept.folder)
    os.close(kept.line)
    wait_until(lambda: not any(folder.iterdir()), "it to be emptied", 10)
    wait_until(lambda: unlocked(folder), "its keeper to end", 10)
    other = keeper.start(children_account())
    assert other is not None
    assert not folder.exists()
    with socket.socket(fileno=other.line):
        assert Path(other.folder).is_dir()
