"""What logs say last, and whether a process runs."""

import os
import time
from pathlib import Path

import pytest

from deploy.local import pidfile
from deploy.status.supervisor import alive, last_error, last_errors


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"event": "store.refused", "level": "warning", "why": "full"}', True),
        ('{"event": "started", "level": "info", "error": "none"}', False),
        ("verifier.service issuing: $.issuer_key: no signing key in x", True),
        ("1:M 25 Nov 2026 01:49:05.955 # WARNING: the new maxmemory value", True),
        ("1:M 25 Nov 2026 01:49:05.955 * Ready to accept connections", False),
        ("OpenSSL Error[0]: SSL routines::unexpected eof while reading", False),
        (' - leaked type "zxingcpp.Error"', False),
    ],
)
def test_an_error_is_told_from_noise(tmp_path: Path, line: str, *, said: bool) -> None:
    """In JSON lines by their level, elsewhere by how programs speak."""
    path = tmp_path / "x.log"
    path.write_text(f"{line}\n")
    assert (last_error(path) is not None) == said


def test_an_old_warning_is_not_the_cause(tmp_path: Path) -> None:
    """Of a terminal that warned at its start and was cut off by hand minutes later."""
    path = tmp_path / "hall-1.log"
    warned = '{"timestamp": "2026-11-30T10:00:00Z", "level": "warning", "event": "slot.refused"}\n'
    later = '{"timestamp": "2026-11-30T10:12:%02dZ", "level": "%s", "event": "%s"}\n'
    path.write_text(warned + later % (0, "info", "network.switched"))
    assert last_error(path) is None
    path.write_text(warned + later % (0, "error", "disk.failed") + later % (20, "info", "stopped"))
    assert "disk.failed" in (last_error(path) or "")


def test_the_newest_log_comes_first(tmp_path: Path) -> None:
    """Logs without an error are left out; control characters do not reach the screen."""
    (tmp_path / "log").mkdir()
    for number, (name, text) in enumerate(
        {"old": "Error: a\x1b[2J", "fine": "all is well", "new": "Error: b"}.items()
    ):
        path = tmp_path / "log" / f"{name}.log"
        path.write_text(text)
        os.utime(path, (number, number))
    assert list(last_errors(tmp_path).items()) == [
        ("new.log", "Error: b"),
        ("old.log", "Error: a [2J"),
    ]


def test_a_process_runs_only_as_the_one_that_was_listed(tmp_path: Path) -> None:
    """Another process under the same number is a stranger."""
    (tmp_path / "run").mkdir()
    found = pidfile.identify("me", os.getpid())
    assert found is not None
    stranger = pidfile.StartedProcess(name="other", pid=found.pid, ticks=1, boot=found.boot)
    pidfile.write(tmp_path / "run" / "children.json", (found, stranger))
    here = alive(tmp_path, "me")
    assert here is not None
    assert (here.pid, here.restarted) == (os.getpid(), False)
    assert alive(tmp_path, "other") is None
    assert alive(tmp_path, "nobody") is None


def test_a_step_of_the_clock_restarts_nothing(tmp_path: Path) -> None:
    """The clock was set an hour ahead after the house was ready: no process was started again."""
    (tmp_path / "run").mkdir()
    found = pidfile.identify("me", os.getpid())
    assert found is not None
    pidfile.write(tmp_path / "run" / "children.json", (found,))
    ready = tmp_path / "run" / "endpoints.json"
    ready.write_text("{}")
    hour_ago = time.time() - 3600
    os.utime(ready, (hour_ago, hour_ago))
    here = alive(tmp_path, "me")
    assert here is not None
    assert not here.restarted
