"""Leftovers of an earlier start are ended, strangers never."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from deploy.local import pidfile


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """Run a process that waits for its standard input to end."""
    command = [sys.executable, "-I", "-S", "-c", "input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_leftover_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """The process that was written down is killed, and the list is gone."""
    found = pidfile.identify("sleeper", sleeper.pid)
    assert found is not None
    pidfile.write(tmp_path / "pids", (found,))
    assert pidfile.reap_leftovers(tmp_path / "pids") == (found,)
    assert sleeper.wait(10) == -9
    assert pidfile.reap_leftovers(tmp_path / "pids") == ()


@pytest.mark.parametrize("change", [{"ticks": 1}, {"boot": "another"}])
def test_a_stranger_with_the_same_pid_is_spared(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    """Another start time, or another boot, is another process."""
    found = pidfile.identify("sleeper", sleeper.pid)
    assert found is not None
    pidfile.write(tmp_path / "pids", (msgspec.structs.replace(found, **change),))
    assert pidfile.reap_leftovers(tmp_path / "pids") == ()
    assert sleeper.poll() is None


@pytest.mark.parametrize("content", [b"", b"[{", b"null", b'[{"pid": "x"}]'])
def test_a_torn_list_is_none(tmp_path: Path, content: bytes) -> None:
    """What a full disk left of the list ends nobody."""
    (tmp_path / "pids").write_bytes(content)
    assert pidfile.reap_leftovers(tmp_path / "pids") == ()


def test_a_process_that_ended_has_no_identity(sleeper: subprocess.Popen[bytes]) -> None:
    """A zombie is nobody."""
    sleeper.kill()
    sleeper.wait(10)
    assert pidfile.identify("sleeper", sleeper.pid) is None
