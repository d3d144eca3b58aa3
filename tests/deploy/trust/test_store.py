"""The files of trust: written as the folder's owner, whole, one editor at a time."""

import os
import signal
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from deploy.local.errors import UsageError
from deploy.trust.store import (
    MAX_KEY_BYTES,
    editing,
    key_path,
    read,
    read_key,
    read_source,
    source_path,
    tell,
    write_source,
)
from tests.support import data_folder

NOBODY = 65_534


def test_the_source_is_written_whole(tmp_path: Path) -> None:
    """What was read comes back; mode 0600; nothing beside it."""
    data = data_folder.made(tmp_path)
    with editing(data):
        write_source(data, read_source(data))
    assert len(read_source(data).keys) == 5
    assert stat.S_IMODE(source_path(data).stat().st_mode) == 0o600
    assert {path.name for path in (data / "trust").iterdir()} == {"trust.json", "root.cbor"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another account")
def test_root_acts_as_the_owner() -> None:
    """What root writes belongs to the owner, and root is root again afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        data = data_folder.made(Path(folder))
        for path in (data, *data.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        with editing(data):
            assert os.geteuid() == NOBODY
            write_source(data, read_source(data))
        assert (os.geteuid(), source_path(data).stat().st_uid) == (0, NOBODY)


def test_a_second_editor_waits(tmp_path: Path) -> None:
    """Its turn comes when the first is done."""
    data = data_folder.made(tmp_path)
    order: list[str] = []

    def second() -> None:
        started.set()
        with editing(data):
            order.append("second")

    started = threading.Event()
    thread = threading.Thread(target=second)
    with editing(data):
        thread.start()
        started.wait(10)
        thread.join(0.05)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": [], "more": 1}', b"\xff"])
def test_a_source_that_is_none(tmp_path: Path, content: bytes) -> None:
    """It is said, with its path."""
    data = data_folder.made(tmp_path)
    source_path(data).write_bytes(content)
    with pytest.raises(UsageError):
        read_source(data)


def test_what_is_missing_or_too_long(tmp_path: Path) -> None:
    """No data folder, no key, a file that is no key, one past its bound."""
    with pytest.raises(UsageError), editing(tmp_path):
        pass
    (tmp_path / "long").write_bytes(b" " * (MAX_KEY_BYTES + 1))
    for name in ("none", "long"):
        with pytest.raises(UsageError):
            read_key(tmp_path / name)
    with pytest.raises(UsageError):
        read(tmp_path, 1)


def test_nobody_is_told_where_no_house_runs(tmp_path: Path) -> None:
    """No list of children, or one of another boot."""
    data = data_folder.made(tmp_path)
    assert tell(data, "issuing", signal.SIGHUP) is None
    assert key_path(data, "root").name == "root.pem"
