"""Two runs of pytest side by side, on small suites of their own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.tests.rings import BESIDE

ROOT = Path(__file__).parents[3]
RUN = "import sys; from pathlib import Path; from deploy.tests.rings import run_rings;"
CALL = f"{RUN} sys.exit(run_rings(Path(sys.argv[1])))"
PASSES, FAILS = "def test_it():\n    pass\n", "def test_it():\n    assert False\n"
ENDLESS = """
import signal
from pathlib import Path

def test_it():
    Path(__file__).with_suffix(".up").touch()
    signal.pause()
"""


def suite(root: Path, front: str, beside: str) -> Path:
    """Write a suite of a test in front and one beside."""
    for folder in BESIDE:
        (root / folder).mkdir(parents=True)
    (root / "tests" / "test_front.py").write_text(front)
    (root / BESIDE[-1] / "test_beside.py").write_text(beside)
    return root


def rings(root: Path) -> "subprocess.Popen[str]":
    """Start the rings as a process of their own."""
    return subprocess.Popen(
        [sys.executable, "-c", CALL, str(root)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize(
    ("front", "beside", "code"),
    [(PASSES, PASSES, 0), (FAILS, PASSES, 1), (PASSES, FAILS, 1), (PASSES, "", 5)],
)
def test_either_run_can_fail(tmp_path: Path, front: str, beside: str, code: int) -> None:
    """The exit code is that of the run that failed; what ran beside is printed last, whole."""
    run = rings(suite(tmp_path, front, beside))
    said, _ = run.communicate(timeout=60)
    assert run.returncode == code
    assert said.count(" in 0.") == 2


def test_both_runs_end_with_their_caller(tmp_path: Path) -> None:
    """SIGTERM to the caller stops both as Ctrl-C does: each ends by itself and says so."""
    run = rings(suite(tmp_path, ENDLESS, ENDLESS))
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.up"))) < 2:
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=60)
    assert (run.returncode, said.count("! KeyboardInterrupt !")) == (2, 2)
