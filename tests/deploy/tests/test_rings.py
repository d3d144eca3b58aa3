"""Two runs of pytest side by side, on small suites of their own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.tests.rings import BESIDE, LEFT_OUT, QUICK_BESIDE, WAYS

ROOT = Path(__file__).parents[3]
CALL = """
import sys
from pathlib import Path
from deploy.tests import rings
sys.exit(getattr(rings, sys.argv[2])(Path(sys.argv[1])))
"""
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


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def rings() -> Iterator[Start]:
    """Start the rings as a process of their own, as in the background of a script."""
    started: list[subprocess.Popen[str]] = []

    def start(root: Path, which: str = "run_rings") -> "subprocess.Popen[str]":
        run = subprocess.Popen(
            [sys.executable, "-c", CALL, str(root), which],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # noqa: PLW1509 - no threads
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(run)
        return run

    yield start
    for run in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)  # what a failure has left
        run.communicate()


@pytest.mark.parametrize(
    ("front", "beside", "code"),
    [(PASSES, PASSES, 0), (FAILS, PASSES, 1), (PASSES, FAILS, 1), (PASSES, "", 5)],
)
def test_either_run_can_fail(
    rings: Start, tmp_path: Path, front: str, beside: str, code: int
) -> None:
    """The exit code is that of the run that failed; what ran beside is printed last, whole."""
    run = rings(suite(tmp_path, front, beside))
    said, _ = run.communicate(timeout=60)
    assert run.returncode == code
    assert said.count(" in 0.") == 2


def test_both_runs_end_with_their_caller(rings: Start, tmp_path: Path) -> None:
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


def test_a_new_folder_of_tests_runs_in_one_of_the_runs(rings: Start, tmp_path: Path) -> None:
    """Once, whatever it is called; nobody has to write it down."""
    root = suite(tmp_path, PASSES, PASSES)
    for folder in ("tests/new", "tests/integration/new", f"{BESIDE[0]}/new"):
        (root / folder).mkdir(parents=True)
        name = folder.replace("/", "_")
        text = f"from pathlib import Path\n\ndef test_it():\n    Path('{name}').mkdir()\n"
        (root / folder / f"test_{name}.py").write_text(text)
    run = rings(root)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert len(list(root.glob("tests_*"))) == 3


def test_the_quick_suite_runs_no_house_but_in_the_ways(rings: Start, tmp_path: Path) -> None:
    """A new folder of tests is in it, in either half; another test of a house is not."""
    fine = (*WAYS, "tests/new/test_new.py", "tests/test_page.py", f"{QUICK_BESIDE}/test_new.py")
    slow = (path if path.endswith(".py") else f"{path}/test_slow.py" for path in LEFT_OUT)
    for names, text in ((fine, PASSES), (slow, FAILS)):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
    run = rings(tmp_path, "run_quick")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert "2 passed" in said
    assert f"{len(WAYS) + 1} passed" in said


@pytest.mark.parametrize("name", [*WAYS, *BESIDE, *LEFT_OUT, QUICK_BESIDE])
def test_what_the_tables_name_is_there(name: str) -> None:
    """A test that was moved would be missed, or run twice."""
    assert (ROOT / name).exists()
