"""The frame of the command line, as a process: exit codes and one clear line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[3]


def kapok(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line from another folder."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(CLONE), "PYTHONSAFEPATH": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_version_is_that_of_the_project() -> None:
    """One line, from pyproject.toml."""
    done = kapok("version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kapok 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nope",),
        ("up", "--nope"),
        ("up", "--workers", "0"),
        ("up", "--workers", "many"),
        ("up", "--fleet-port", "70000"),
        ("up", "--fleet-port", "-1"),
        ("up", "--fleet-port", "5000", "--mqtt-port", "5000"),
        ("up", "--data", "/proc/version"),
    ],
)
def test_a_wrong_call_is_exit_code_two(arguments: tuple[str, ...]) -> None:
    """Said on standard error, without a traceback."""
    done = kapok(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout


def test_the_tests_get_pytests_own_options(tmp_path: Path) -> None:
    """`kapok test` hands everything on, and its exit code back."""
    (tmp_path / "test_one.py").write_text("def test_one():\n    assert False\n")
    done = kapok("test", str(tmp_path), "-k", "one", "--no-header")
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert kapok("test", str(tmp_path), "-k", "other").returncode == 5


@pytest.mark.parametrize("arguments", [("nothing",), ("qick",), ("quick", "-x"), ("tests/no.py",)])
def test_a_word_that_names_no_tests_is_refused(arguments: tuple[str, ...]) -> None:
    """With what may stand there; pytest would speak of its own arguments."""
    done = kapok("test", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kapok: kapok test ")


def test_help_says_what_test_takes() -> None:
    """Ours, not pytest's."""
    done = kapok("test", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "kapok test quick" in done.stdout
